"""Files, folders, patterns and - as captures to read."""

from __future__ import annotations

import gzip
import io
import os
import tracemalloc

import pytest
import zstandard

from farmwatch.collectors.paths import SensorLogs, captures_of, expand
from farmwatch.errors import SourceError

MAGIC = b"\xd4\xc3\xb2\xa1" + bytes(20)


@pytest.fixture
def folder(tmp_path):
    """A folder with captures by name, by content, packed, deeper, and files that are none."""
    root = tmp_path / "case"
    (root / "deeper").mkdir(parents=True)
    (root / "b.pcap").write_bytes(MAGIC)
    (root / "a.pcapng.zst").write_bytes(b"packed")
    (root / "deeper" / "noname").write_bytes(MAGIC)
    (root / "deeper" / "c.CAP.gz").write_bytes(b"packed")
    (root / "notes.txt").write_text("no capture")
    return root


def names(paths, root):
    """Paths relative to the folder."""
    return [str(path).removeprefix(str(root)).lstrip("/\\").replace("\\", "/") for path in paths]


def test_folder_gives_its_captures_at_any_depth_by_name(folder):
    """By suffix or by first bytes, sorted, nothing else."""
    assert names(expand([str(folder)]), folder) == ["a.pcapng.zst", "b.pcap", "deeper/c.CAP.gz", "deeper/noname"]


def test_pattern_the_shell_left_alone_is_expanded(folder):
    """Quoted patterns work, ** included; a matched folder is read too."""
    assert names(expand([f"{folder}/*.pcap"]), folder) == ["b.pcap"]
    assert names(expand([f"{folder}/**/*.gz"]), folder) == ["deeper/c.CAP.gz"]
    assert names(expand([f"{folder}/deep*"]), folder) == ["deeper/c.CAP.gz", "deeper/noname"]


def test_order_given_is_kept_and_nothing_is_read_twice(folder):
    """A file named twice, or in a named folder, is one input; - stays what it is."""
    first = str(folder / "b.pcap")
    assert expand([first, "-", first, str(folder)])[:2] == [first, "-"]
    assert len(expand([first, str(folder)])) == 4


def test_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path):
    """Brackets in a file name do not make it a pattern."""
    odd = tmp_path / "case[1].pcap"
    odd.write_bytes(b"")
    assert captures_of(str(odd)) == [str(odd)]


def test_paths_and_streams_are_sources_too(folder):
    """Paths need not be texts, and a stream stands for itself, however often it is given."""
    stream = io.BytesIO()
    assert expand([folder / "b.pcap", stream, stream]) == [str(folder / "b.pcap"), stream, stream]


@pytest.mark.parametrize("argument", ["missing.pcap", "*.nothing", "empty"])
def test_what_stands_for_nothing_is_left_for_the_reader_to_refuse(folder, argument):
    """One wrong name must not stop the rest; asked for alone, it says what is wrong."""
    (folder / "empty").mkdir()
    wrong = str(folder / argument)
    assert expand([wrong, folder / "b.pcap"]) == [wrong, str(folder / "b.pcap")]
    with pytest.raises(SourceError):
        captures_of(wrong)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_a_folder_is_not_waited_for(folder):
    """Only regular files are looked into; a pipe named outright is read as it is."""
    os.mkfifo(folder / "pipe.pcap")
    assert "pipe.pcap" not in names(captures_of(str(folder)), folder)
    assert captures_of(str(folder / "pipe.pcap")) == [str(folder / "pipe.pcap")]


ZEEK = b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\n"
LINE = b'{"ts":1.5,"uid":"CAbc","id.orig_h":"10.0.0.5"}\n'
EVE = b'{"timestamp":"2026-11-02T09:00:00+0000","flow_id":1,"event_type":"flow"}\n'


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (ZEEK, "zeek"),
        (LINE, "zeek"),
        (EVE, "suricata"),
        (gzip.compress(EVE), "suricata"),
        (zstandard.compress(ZEEK), "zeek"),
        (b'{"ts":1,"message":"another program\'s log"}\n', None),
        (b"2026-11-02 a log of something else\n", None),
        (b"", None),
    ],
)
def test_logs_of_sensors_are_told_by_their_beginning(tmp_path, data, kind):
    """In a folder, named, or as a stream that can be wound back, whatever they are called; other logs are not taken."""
    log = tmp_path / "x.log"
    log.write_bytes(data)
    found = expand([str(log)])[0]
    assert (found.kind if isinstance(found, SensorLogs) else None) == kind
    stream = expand([io.BytesIO(data)])[0]
    assert (stream.kind if isinstance(stream, SensorLogs) else None) == kind
    if kind:
        assert captures_of(str(tmp_path)) == [str(log)]
    else:
        with pytest.raises(SourceError, match="no captures"):
            captures_of(str(tmp_path))


def test_logs_of_a_folder_stand_together_where_the_first_stood(tmp_path):
    """One input for each sensor and folder, days of a sensor in one; the order of the others is kept."""
    for path in ("2026-11-01/conn.log", "2026-11-01/ssl.log", "current/conn.log", "b.pcap", "other/conn.log"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(MAGIC if path.endswith("pcap") else ZEEK)
    first, capture, other = expand([str(tmp_path)])
    assert (first.name, len(first.files)) == (str(tmp_path), 3)
    assert capture.endswith("b.pcap")
    assert (other.name, other.files) == (str(tmp_path / "other" / "conn.log"), (str(tmp_path / "other" / "conn.log"),))
    assert str(first) == str(tmp_path)


def test_a_small_file_that_unpacks_to_much_is_only_looked_into(tmp_path):
    """The beginning of a compressed file is enough, however long the whole is."""
    (tmp_path / "bomb.log.zst").write_bytes(zstandard.compress(b" " * (64 << 20)))
    (tmp_path / "bomb.log.gz").write_bytes(gzip.compress(b" " * (64 << 20)))
    tracemalloc.start()
    try:
        found = expand([str(tmp_path / "bomb.log.zst"), str(tmp_path / "bomb.log.gz")])
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert all(isinstance(path, str) for path in found)
