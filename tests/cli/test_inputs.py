"""Files, folders, patterns and - as a list of captures."""

from __future__ import annotations

import pytest
import typer

from farmwatch.cli.inputs import expand


@pytest.fixture
def folder(tmp_path, capture_file):
    """A folder with captures by name, by content, packed, deeper, and files that are none."""
    root = tmp_path / "case"
    (root / "deeper").mkdir(parents=True)
    data = capture_file.read_bytes()
    (root / "b.pcap").write_bytes(data)
    (root / "a.pcapng.zst").write_bytes(b"packed")
    (root / "deeper" / "noname").write_bytes(data)
    (root / "deeper" / "c.CAP.gz").write_bytes(b"packed")
    (root / "notes.txt").write_text("no capture")
    return root


def names(paths, root):
    """Paths relative to the folder."""
    return [path.removeprefix(str(root)).lstrip("/\\").replace("\\", "/") for path in paths]


def test_files_folders_and_patterns_mix_and_each_file_is_read_once(folder):
    """As in the API, whose expansion this is."""
    first = str(folder / "b.pcap")
    assert names(expand([first, str(folder), "-", f"{folder}/*.pcap"]), folder) == [
        "b.pcap", "a.pcapng.zst", "deeper/c.CAP.gz", "deeper/noname", "-",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("b.pcpa", "did you mean .*b.pcap"),
        ("missing/x.pcap", "there is no folder"),
        ("*.nothing", "nothing matches"),
        ("empty", "no captures in folder"),
    ],
)
def test_what_is_not_there_is_a_usage_error_that_helps(folder, argument, said):
    """Missing, mistyped, unmatched and empty each have their own words."""
    (folder / "empty").mkdir()
    with pytest.raises(typer.BadParameter, match=said):
        expand([str(folder / argument)])


def test_suggested_name_cannot_steer_the_terminal(tmp_path):
    """A file name in somebody else's folder is written out before it is shown."""
    (tmp_path / "case\x1b[2J.pcap").write_bytes(b"")
    with pytest.raises(typer.BadParameter) as caught:
        expand([str(tmp_path / "case[2J.pcap")])
    assert "\x1b" not in str(caught.value)
