"""Small files of the kernel, read with bounds; what cannot be read is empty."""

from __future__ import annotations

from farmwatch.agent.sysfs import listed, number, raw, text


def test_values(tmp_path):
    """Text without its line end, numbers in any base, bytes up to a limit."""
    (tmp_path / "a").write_bytes(b" 1d6b\n")
    assert (text(tmp_path / "a"), number(tmp_path / "a", 16), number(tmp_path / "a")) == ("1d6b", 0x1D6B, None)
    assert raw(tmp_path / "a", 3) == b" 1d"
    (tmp_path / "b").write_bytes(b"\xff\x00x")
    assert text(tmp_path / "b") == "\ufffd\x00x"


def test_what_is_not_there(tmp_path):
    """A missing file, a folder in a file's place, a file in a folder's place."""
    assert (raw(tmp_path / "x"), text(tmp_path / "x"), number(tmp_path / "x"), listed(tmp_path / "x")) == (
        b"",
        "",
        None,
        [],
    )
    (tmp_path / "f").write_bytes(b"")
    assert (raw(tmp_path), listed(tmp_path / "f")) == (b"", [])


def test_entries_come_in_order(tmp_path):
    """By name, whatever the file system says."""
    for name in ("event10", "event2", "event1"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in listed(tmp_path)] == ["event1", "event10", "event2"]
