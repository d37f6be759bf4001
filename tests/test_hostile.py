"""Hostile and odd input through the command line: plain words, the right exit code, bounded time and memory."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from farmwatch.cli.main import run
from farmwatch.reports import document
from tests.fuzz.hostile import START_S, pcap, pcap_header, pcapng_block
from tests.fuzz.whole import check_report

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "pcaps" / "ssh-into-laptop.pcap"
SECTION = pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
INTERFACE = pcapng_block(1, struct.pack("<HHI", 1, 0, 0))
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files, signals and permissions")


@dataclass
class Ran:
    """What one run gave."""

    code: int
    out: str
    err: str


@pytest.fixture
def scan(capfdbinary, monkeypatch):
    """A function that runs ``farmwatch scan`` in this process."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object) -> Ran:
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as ended:
            run(["scan", *map(str, arguments)])
        out, err = capfdbinary.readouterr()
        assert b"Traceback" not in err
        assert b"This is a bug" not in err
        return Ran(int(ended.value.code or 0), out.decode(), " ".join(err.decode().split()))

    return call


# Files that are hardly there


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (b"", 5, "the file is empty"),
        (pcap_header(), 0, "a capture without packets"),
        (SECTION + INTERFACE, 0, "a capture without packets"),
        (SECTION, 0, "a capture without packets"),
        (pcap_header()[:23], 5, "UNREADABLE"),
        (pcap([b""] * 20), 0, "20 of 20 packets: link header cut short"),
        (pcap_header() + struct.pack("<IIII", START_S, 0, 0xFFFFFFFF, 0xFFFFFFFF) + b"x" * 99, 3, "4,294,967,295"),
        (SECTION + INTERFACE + struct.pack("<II", 6, 0xFFFFFFFC) + b"x" * 99, 3, "impossible length of 4,294,967,292"),
        (b"MZ" + bytes(100), 5, "farmwatch reads pcap, pcapng"),
        (b"PK\x03\x04" + bytes(100), 5, "a zip archive; unpack it first"),
    ],
    ids=["empty", "header", "pcapng-header", "section", "cut-header", "zero-length", "4GiB-record", "4GiB-block", "exe",
         "zip"],
)  # fmt: skip
def test_almost_nothing_is_called_what_it_is(scan, tmp_path, data, code, said):
    """Empty, header only, packets without bytes, impossible lengths, no capture at all: each in its own words."""
    path = tmp_path / "odd.pcap"
    path.write_bytes(data)
    ran = scan(path)
    assert ran.code == code
    assert said in " ".join(ran.out.split())


def test_damage_between_packets_loses_only_itself(scan, tmp_path):
    """A record header of 4 GiB in the middle: what stands before and behind is read, the rest is said, exit 3."""
    data = SAMPLE.read_bytes()
    at = 24
    while at < 20_000:
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
    path = tmp_path / "hole.pcap"
    path.write_bytes(data[:at] + struct.pack("<IIII", START_S, 0, 0xFFFFFFFF, 0xFFFFFFFF) + data[at:])
    ran = scan(path, "--json")
    assert ran.code == 3
    [entry] = json.loads(ran.out)["inputs"]
    assert entry["packets"] == json.loads(scan(SAMPLE, "--json").out)["inputs"][0]["packets"]
    assert f"at byte {at}" in ran.err


def retimed(times):
    """The sample with other time stamps: ``times`` takes (seconds, microseconds, packet number)."""
    data = bytearray(SAMPLE.read_bytes())
    at, number = 24, 0
    while at + 16 <= len(data):
        seconds, microseconds, size = struct.unpack_from("<III", data, at)
        struct.pack_into("<II", data, at, *times(seconds, microseconds, number))
        at, number = at + 16 + size, number + 1
    return bytes(data)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (lambda s, u, n: (s - n, u), "packets: older than the packet before"),
        (lambda _s, u, n: (n // 100, u), "holds packets of the year 1970"),
        (lambda _s, _u, _n: (0, 0), "holds packets of the year 1970"),
        (lambda _s, u, _n: (0xFFFFFFFF, u), "holds packets of the year 2106"),
        (lambda _s, u, n: (0xFFFFFFFF * (n % 2), u), "holds packets of the year 1970"),
        (lambda s, _u, _n: (s, 0xFFFFFFFF), ""),
    ],
    ids=["backwards", "1970", "all-zero", "2106", "alternating", "too-many-microseconds"],
)
def test_clock_that_cannot_be_is_said(scan, tmp_path, times, said):
    """Times backwards, in 1970 or far ahead do not stop a scan, and the report says not to trust them."""
    path = tmp_path / "times.pcap"
    path.write_bytes(retimed(times))
    ran = scan(path)
    assert ran.code == 0
    assert said in " ".join(ran.out.split())


# Places that are hardly files


def test_folder_without_captures_and_paths_of_other_systems_are_not_found_plainly(scan, tmp_path):
    """Usage errors name what was asked for and what to do; nothing is guessed."""
    (tmp_path / "notes.txt").write_text("none")
    for path, said in ((tmp_path, "no captures in folder"), (r"C:\caps\x.pcap", "no such file or folder"),
                       (tmp_path / "nix" / "x.pcap", "there is no folder"), ("x\0y.pcap", "")):  # fmt: skip
        ran = scan(path)
        assert ran.code == 2, path
        assert said in ran.err.replace("│", "").replace("  ", " ")
        assert ran.out == ""


def test_names_with_spaces_lines_and_foreign_letters_are_read_and_shown_on_one_line(scan, tmp_path):
    """A file name is the adversary's too."""
    for name in ("two words.pcap", "new\nline.pcap", "日本.pcap", "\x1b[2Jx.pcap", "=cmd.pcap", "\u202egnp.pcap", "-v"):
        folder = tmp_path / "odd"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_bytes(SAMPLE.read_bytes())
        ran = scan(path)
        assert ran.code == 0
        assert "\x1b" not in ran.out + ran.err
        assert "\u202e" not in ran.out + ran.err
        check_report(document.loads(scan(folder, "--json").out))
        path.unlink()


@posix
def test_file_that_may_not_be_read_is_one_unreadable_input(scan, tmp_path, monkeypatch):
    """No permission, or gone since it was listed: said, the others are read, exit 3; alone exit 5."""
    refused = tmp_path / "a.pcap"
    refused.write_bytes(SAMPLE.read_bytes())
    opened = Path.open

    def refuse(path, *arguments, **options):
        if path == refused:
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    ran = scan(refused, SAMPLE)
    assert ran.code == 3
    assert "cannot be opened: Permission denied" in " ".join(ran.out.split())
    assert scan(refused).code == 5


@posix
def test_file_that_vanishes_or_is_a_folder_by_the_time_it_is_read(scan, tmp_path, monkeypatch):
    """What was there when the arguments were read need not be there later."""
    import farmwatch.cli.scan as module

    monkeypatch.setattr(module, "expand", lambda _files: [str(tmp_path / "gone.pcap"), str(tmp_path), str(SAMPLE)])
    ran = scan("anything")
    assert ran.code == 3
    text = " ".join(ran.out.split())
    assert "No such file or directory" in text
    assert "Is a directory" in text
    assert "2 UNREADABLE" in text


@posix
def test_fifo_is_read_like_a_stream_and_folders_never_wait_for_one(scan, tmp_path):
    """A named pipe given by name is read to its end; a folder that holds one is not stuck on it."""
    fifo = tmp_path / "pipe.pcap"
    os.mkfifo(fifo)
    (tmp_path / "x.pcap").write_bytes(SAMPLE.read_bytes())
    assert scan(tmp_path).code == 0
    with subprocess.Popen(["sh", "-c", 'cat "$0" > "$1"', str(SAMPLE), str(fifo)]):
        assert scan(fifo).code == 0


@posix
def test_links_that_lead_in_circles_end(scan, tmp_path):
    """A folder that contains itself by a link is read once; a link to itself is not there."""
    (tmp_path / "x.pcap").write_bytes(SAMPLE.read_bytes())
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.pcap").symlink_to(tmp_path / "self.pcap")
    ran = scan(tmp_path, "--json")
    assert ran.code == 0
    assert len(json.loads(ran.out)["inputs"]) == 1
    assert scan(tmp_path / "self.pcap").code == 2
