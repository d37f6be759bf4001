"""Opening captures: every container, every way in, what goes wrong, and tshark's count on foreign captures."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import zlib
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import zstandard

from farmwatch.errors import SourceError
from farmwatch.wire import source_bytes
from farmwatch.wire.pcap import read_pcap_header
from farmwatch.wire.source import MAX_DAMAGE, CaptureReader, Mode, open_capture

Rows = list[tuple[int, bytes, int, int]]


def read(source: Any, mode: Mode = "interpreted", **options: Any) -> tuple[Rows, CaptureReader]:
    """(time, bytes, original length, link type) of every packet, and the exhausted reader."""
    rows: Rows = []
    with open_capture(source, mode=mode, **options) as reader:
        for chunk in reader.chunks():
            for row in range(chunk.count):
                at, caplen = int(chunk.offset[row]), int(chunk.caplen[row])
                data = chunk.buffer[at : at + caplen].tobytes()
                rows.append((int(chunk.ts_ns[row]), data, int(chunk.wirelen[row]), int(chunk.link[row])))
    return rows, reader


def pcap(count: int = 50, size: int = 200) -> bytes:
    """A plain capture of so many packets, each with its own content."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)]
    for number in range(count):
        data = hashlib.sha256(str(number).encode()).digest() * (size // 32 + 1)
        out.append(struct.pack("<IIII", 1_700_000_000 + number, number, size, size) + data[:size])
    return b"".join(out)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A capture file of 50 packets."""
    path = tmp_path / "plain.pcap"
    path.write_bytes(pcap())
    return path


def test_containers_give_the_same_packets(plain: Path, tmp_path: Path) -> None:
    """Gzip (one member or several), zstd (one frame or several, skippable ones between) change nothing."""
    content = plain.read_bytes()
    half = len(content) // 2
    zst = zstandard.ZstdCompressor()
    skippable = struct.pack("<II", 0x184D2A51, 5) + b"noise"
    variants = {
        "a.gz": gzip.compress(content),
        "b.gz": gzip.compress(content[:half]) + gzip.compress(content[half:]) + b"\0" * 512,
        "named.txt": gzip.compress(content),
        "a.zst": zst.compress(content),
        "b.zst": skippable + zst.compress(content[:half]) + skippable + zst.compress(content[half:]),
    }
    want, plain_reader = read(plain)
    assert len(want) == 50
    assert plain_reader.sha256 == hashlib.sha256(content).hexdigest()
    for name, stored in variants.items():
        path = tmp_path / name
        path.write_bytes(stored)
        for block_bytes in (100, 1 << 20):
            rows, reader = read(path, block_bytes=block_bytes)
            assert rows == want, name
            assert reader.complete
            assert reader.sha256 == hashlib.sha256(stored).hexdigest(), name
            assert reader.size_bytes == reader.bytes_read == reader.total_bytes == len(stored)
            assert reader.compression == ("zstd" if "zst" in name else "gzip")


def test_ways_in(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path as text or Path, a file object, an object with read() only, standard input and a pipe give the same."""

    class OnlyRead:
        """A stream that hands out seven bytes at a time."""

        def __init__(self, content: bytes) -> None:
            self.rest = io.BytesIO(content)

        def read(self, size: int) -> bytes:
            return self.rest.read(min(size, 7))

    want, first = read(plain)
    content = plain.read_bytes()
    sources: list[Any] = [str(plain), io.BytesIO(content), OnlyRead(content)]
    for source in sources:
        rows, reader = read(source)
        assert rows == want
        assert reader.sha256 == first.sha256
    with plain.open("rb") as stream:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
        rows, reader = read("-")
    assert rows == want
    assert reader.path == "-"
    read_end, write_end = os.pipe()

    def trickle() -> None:
        with os.fdopen(write_end, "wb", buffering=0) as pipe:
            for at in range(0, len(content), 997):
                pipe.write(content[at : at + 997])

    writer = threading.Thread(target=trickle)
    writer.start()
    with os.fdopen(read_end, "rb") as pipe:
        rows, reader = read(pipe)
    writer.join()
    assert rows == want
    assert reader.total_bytes is None
    assert reader.size_bytes == len(content)


def test_chunks_are_bounded_and_numbered(plain: Path) -> None:
    """No chunk holds more packets than asked for, and numbering runs through."""
    seen = 0
    with open_capture(plain, mode="interpreted", chunk_packets=7, block_bytes=2000) as reader:
        for chunk in reader.chunks():
            assert chunk.first_packet == seen + 1
            assert 1 <= chunk.count <= 7
            seen += chunk.count
    assert seen == 50


def test_small_captures_are_known_to_be_small(plain: Path) -> None:
    """The decompressed size is known at once where everything fits the first block, so that a caller can choose."""
    size = plain.stat().st_size
    with open_capture(plain, mode="interpreted") as reader:
        assert reader.content_bytes == size
    with open_capture(io.BytesIO(gzip.compress(plain.read_bytes())), mode="interpreted") as reader:
        assert reader.content_bytes == size
    big = pcap(2000)
    with open_capture(io.BytesIO(big), mode="interpreted", block_bytes=100_000) as reader:
        assert reader.content_bytes is None


def test_progress_counts_stored_bytes(plain: Path) -> None:
    """Progress never runs backwards and ends at the size of the file as stored."""
    steps: list[int] = []
    _, reader = read(plain, block_bytes=1000, progress=steps.append)
    assert steps == sorted(steps)
    assert steps[-1] == reader.size_bytes == plain.stat().st_size


def test_hashing_can_be_left_out(plain: Path) -> None:
    """A second pass needs no hash."""
    _, reader = read(plain, hashing=False)
    assert reader.sha256 == ""
    assert reader.complete


def test_large_files_are_hashed_apart(tmp_path: Path) -> None:
    """A large file's hash is the hash of its bytes all the same, and a reader given up early does not wait for it."""
    path = tmp_path / "large.pcap"
    content = pcap(90_000)
    path.write_bytes(content)
    assert len(content) > 16 << 20
    _, reader = read(path, "compiled")
    assert reader.sha256 == reader.sha256 == hashlib.sha256(content).hexdigest()
    with open_capture(path) as reader:
        next(reader.chunks())
    assert reader.sha256 == ""


def test_stopping_early_is_clean(plain: Path) -> None:
    """Leaving in the middle closes the file and claims nothing about the whole."""
    with open_capture(plain, mode="interpreted", chunk_packets=3, block_bytes=500) as reader:
        next(reader.chunks())
    assert not reader.exhausted
    assert not reader.complete
    assert reader.sha256 == ""
    reader.close()


def test_interrupted_while_waiting_for_standard_input() -> None:
    """Ctrl-C while a pipe has nothing to say ends the program at once and cleanly."""
    script = (
        "import sys; from farmwatch.wire.source import open_capture\n"
        "try:\n"
        "    reader = open_capture('-', mode='interpreted', block_bytes=70_000)\n"
        "    print('open', flush=True)\n"
        "    print(sum(chunk.count for chunk in reader.chunks()))\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(pcap(1000))
        process.stdin.flush()
        assert process.stdout.readline() == b"open\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read() == b""


def test_header_only_is_a_capture_without_packets() -> None:
    """A file header and nothing else is a complete capture of zero packets, in either format."""
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    for content in (pcap(0), section):
        rows, reader = read(io.BytesIO(content))
        assert rows == []
        assert reader.complete
        assert (reader.packets, reader.first_ts_ns, reader.last_ts_ns, reader.link_types) == (0, None, None, ())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (gzip.compress(b""), "holds nothing that can be read: the content is empty"),
        (gzip.compress(b"x" * 500)[:8], "gzip data damaged near stored byte 8"),
        (b"\x1f\x8b\x08\xff\xff", "holds nothing that can be read"),
        (b"\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff", "zstd data damaged near stored byte 9"),
        (b"date,name\n1,2\n", "starts with 'date,name"),
        (b"\x7fELF\x02\x01\x01\x00", "starts with 7f 45 4c 46"),
        (b"snoop\0\0\0\0\0\0\2\0\0\0\4", "Solaris snoop"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"BZh91AY", "bzip2"),
        (gzip.compress(gzip.compress(b"x" * 50)), "compressed a second time"),
        (pcap(0)[:10], "the pcap file header is cut short: 10 of 24 bytes"),
        (b"\xab\x01\x00\x1c" + b"\0" * 22, "cut short: 26 of 28 bytes"),
        (b"\x0a\x0d\x0d\x0a\x1c\0\0\0", "the section header is cut short: 8 of 28 bytes"),
        (b"\x0a\x0d\x0d\x0a" + b"\0" * 40, "byte-order magic is damaged"),
        (b"\xd4", "starts with"),
    ],
)
def test_what_is_no_capture_is_named(content: bytes, reason: str, tmp_path: Path) -> None:
    """Something that holds no capture raises SourceError that says what it looks like and what is read."""
    path = tmp_path / "given"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=re.escape(str(path))) as caught:
        open_capture(path, mode="interpreted")
    assert reason in caught.value.reason
    assert caught.value.path == str(path)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    """A missing file, a folder and an impossible name are SourceErrors with the system's own words."""
    for source, words in ((tmp_path / "absent", "No such file"), (tmp_path, "Is a directory"), ("a\0b", "null")):
        with pytest.raises(SourceError) as caught:
            open_capture(source)
        assert words in caught.value.reason


def test_reading_errors_keep_what_was_read(plain: Path) -> None:
    """A disk error in the middle is damage where it happened; everything before it is kept."""

    class Failing(io.BytesIO):
        """A stream whose medium fails after 3,000 bytes."""

        def readinto(self, view: Any) -> int:
            if self.tell() >= 3000:
                raise OSError(5, "Input/output error")
            return super().readinto(view[: 3000 - self.tell()])

    rows, reader = read(Failing(plain.read_bytes()))
    assert len(rows) == (3000 - 24) // 216
    assert not reader.complete
    assert any("Input/output error" in one.reason and one.offset == 3000 for one in reader.damage)


@pytest.mark.parametrize("fault", [ValueError("read of closed file"), EOFError("it ended"), RuntimeError()], ids=repr)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_any_error_of_a_file_object_keeps_what_was_read(fault: Exception, packed: bool) -> None:
    """A file object that raises something else than a disk error costs the rest of the file, not what came before."""
    content = gzip.compress(pcap(4000), 0) if packed else pcap(4000)

    class Failing(io.BytesIO):
        """A stream that fails after 300,000 bytes."""

        def readinto(self, view: Any) -> int:
            if self.tell() >= 300_000:
                raise fault
            return super().readinto(view[: 300_000 - self.tell()])

    rows, reader = read(Failing(content))
    assert 300_000 // 216 - 2 <= len(rows) <= 300_000 // 216
    assert any((str(fault) or "RuntimeError") in one.reason for one in reader.damage)


def test_error_in_the_reading_thread_is_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a fault of the program itself in the thread that reads leaves the packets before it."""
    real = source_bytes.StoredBytes.fill
    calls = []

    def failing(self: Any, view: memoryview) -> int:
        calls.append(len(view))
        if len(calls) > 3:
            raise MemoryError("no room")
        return real(self, view)

    monkeypatch.setattr(source_bytes.StoredBytes, "fill", failing)
    rows, reader = read(io.BytesIO(pcap(4000)), block_bytes=100_000)
    assert len(rows) == 200_000 // 216
    assert [one.reason for one in reader.damage if "no room" in one.reason] == ["reading stopped: no room"]


def test_gzip_damage_in_waiting_output_is_damage() -> None:
    """Zlib may find the damage only when asked for output it still held back."""

    class Decoder:
        """Gives a full piece, keeps the rest, and fails over it."""

        unconsumed_tail = b""
        eof = False

        def copy(self) -> Decoder:
            return self

        def decompress(self, piece: bytes, most: int = 0) -> bytes:
            if piece:
                return pcap(2000)[:most]
            raise zlib.error("invalid distance")

    empty = gzip.compress(b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zlib, "decompressobj", lambda _: Decoder())
        rows, reader = read(io.BytesIO(empty))
    assert len(rows) == (256 << 10) // 216
    assert any("invalid distance" in one.reason for one in reader.damage)


def test_hash_that_cannot_be_computed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk error while hashing apart costs the hash, with a reason, and nothing else."""

    class Failing:
        """A second reading that fails."""

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def readinto(self, view: Any) -> int:
            raise OSError(5, "Input/output error")

    path = tmp_path / "large.pcap"
    path.write_bytes(pcap(1000, 30_000))
    monkeypatch.setattr("farmwatch.wire.source.open_again", lambda file, name: Failing())
    with open_capture(path) as reader:
        assert sum(chunk.count for chunk in reader.chunks()) == 1000
    assert (reader.sha256, reader.hash_fault) == ("", "Input/output error")


def test_huge_lengths_are_not_copied_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snap length of 256 MiB and a long record in every block cost time in proportion to the file."""
    monkeypatch.setattr("farmwatch.wire.pcap._BELIEVED_SNAPLEN", 1 << 22)
    copied = []
    real = CaptureReader._gather

    def counting(self: CaptureReader, carry: Any, new: Any, need: int) -> Any:
        block = real(self, carry, new, need)
        copied.append(block.end)
        return block

    monkeypatch.setattr(CaptureReader, "_gather", counting)
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 256 << 20, 1)
    claim = struct.pack("<IIII", 1_700_000_000, 0, 1 << 22, 1 << 22)  # chains to nothing, but only the end shows it
    small = struct.pack("<IIII", 1_700_000_000, 0, 60, 60) + bytes(range(60))
    content = head + (claim + small * 900) * 150
    read(io.BytesIO(content), block_bytes=1 << 16)
    assert sum(copied) < 4 * len(content)
    header = read_pcap_header(head + claim)
    assert header is not None
    assert header.ceiling == 1 << 22


def test_a_file_that_shrinks_while_read(tmp_path: Path) -> None:
    """A file cut short by its writer during reading ends in damage, not in a crash."""
    path = tmp_path / "shrinking.pcap"
    path.write_bytes(pcap(3000))
    seen = 0
    with open_capture(path, mode="interpreted", block_bytes=70_000) as reader:
        for number, chunk in enumerate(reader.chunks()):
            seen += chunk.count
            if number == 0:
                os.truncate(path, 300_000)
    assert 300_000 // 216 - 1 <= seen <= 3000
    assert reader.exhausted


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
@pytest.mark.parametrize("harm", ["cut", "flip", "trail"])
def test_damaged_compression_keeps_what_was_undone(kind: str, harm: str, tmp_path: Path) -> None:
    """Cut, corrupted or followed by garbage: what could be undone is read, the loss told, the whole file hashed."""
    content = pcap(4000)
    want, _ = read(io.BytesIO(content))
    if kind == "gzip":
        stored = bytearray(gzip.compress(content))
    else:
        stored = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(content))
    if harm == "cut":
        del stored[len(stored) // 2 :]
    elif harm == "flip":
        middle = len(stored) // 2
        stored[middle : middle + 16] = b"\xff" * 16
    else:
        stored += b"garbage!"
    path = tmp_path / "stored"
    path.write_bytes(stored)
    rows, reader = read(path)
    assert reader.sha256 == hashlib.sha256(stored).hexdigest()
    assert reader.size_bytes == len(stored)
    assert not reader.complete
    assert any(f"{kind} data damaged near stored byte" in one.reason for one in reader.damage)
    if harm == "trail":
        assert rows == want
    else:
        sound = min(len(rows), 1000)
        assert rows[:sound] == want[:sound]
        assert len(rows) > 1000


def test_wrong_gzip_checksum_loses_nothing(plain: Path) -> None:
    """A member whose checksum does not match is reported, and its packets are all there."""
    stored = bytearray(gzip.compress(plain.read_bytes()))
    stored[-6] ^= 0xFF
    rows, reader = read(io.BytesIO(bytes(stored)))
    assert len(rows) == 50
    assert [one.packet for one in reader.damage] == [50]


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_bombs_do_not_fill_memory(kind: str, tmp_path: Path) -> None:
    """Some kilobytes that expand to 200 MB of zeros are read in bounded memory and called damage."""
    head, size = pcap(1), 200 << 20
    path = tmp_path / "bomb"
    with path.open("wb") as out:
        squeeze = zlib.compressobj(1, wbits=31) if kind == "gzip" else zstandard.ZstdCompressor(1).compressobj()
        out.write(squeeze.compress(head))
        for _ in range(size >> 20):
            out.write(squeeze.compress(bytes(1 << 20)))
        out.write(squeeze.flush())
    status = Path("/proc/self/status")  # its high-water mark starts anew with each program; getrusage inherits pytest's
    if not status.exists():
        pytest.skip("no /proc/self/status to read a program's own peak memory from")
    script = (
        "import re, sys; from farmwatch.wire.source import open_capture\n"
        "reader = open_capture(sys.argv[1], mode='compiled')\n"
        "packets = sum(chunk.count for chunk in reader.chunks())\n"
        "print(packets, len(reader.damage), reader.damage[0].length)\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)"
    )
    for _ in range(2):  # the first run may compile, which takes memory of its own
        done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    found, peak = done.stdout.splitlines()
    assert found == f"1 1 {size}"
    assert int(peak) < 350


def test_damage_is_listed_up_to_a_limit() -> None:
    """Thousands of damaged stretches end in one entry that sums up the rest."""
    good = pcap(0)
    records = []
    for number in range(MAX_DAMAGE + 500):
        body = b"\xa5" * 40
        records.append(struct.pack("<IIII", 1_700_000_000 + number, 0, 0x7FFFFFFF, 40) + body)
        records += [struct.pack("<IIII", 1_700_000_000 + number, 5, 40, 40) + body] * 4
    content = good + b"".join(records)
    rows, reader = read(io.BytesIO(content), "compiled")
    assert len(rows) == 4 * (MAX_DAMAGE + 500)
    assert len(reader.damage) == MAX_DAMAGE + 1
    assert reader.damage[-1].reason == "500 more damaged stretches"
    assert reader.damage[-1].length == 500 * 56


@pytest.mark.parametrize("filler", [b"\xff", b"\0", b"\x01\0\0\0", b"\x06\0\0\0\x20\0\0\0", b"\0\0\0\x06\0\x10\0\0"])
def test_hostile_filler_takes_linear_time(filler: bytes) -> None:
    """Ten megabytes after a good packet that are all nearly headers are searched once, not over and over."""
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    for head in (pcap(1), section):
        content = head + filler * (10_000_000 // len(filler))
        _, reader = read(io.BytesIO(content), "compiled", block_bytes=1 << 20)
        assert reader.exhausted
        assert len(reader.damage) <= MAX_DAMAGE + 1


def test_unknown_pcap_version_is_said() -> None:
    """A version nobody wrote is read as the usual one and mentioned."""
    content = bytearray(pcap())
    struct.pack_into("<HH", content, 4, 7, 9)
    rows, reader = read(io.BytesIO(bytes(content)))
    assert len(rows) == 50
    assert [(one.offset, one.length) for one in reader.damage] == [(4, 0)]
    assert "version 7.9" in reader.damage[0].reason


# --- foreign captures ------------------------------------------------------------------------------------------------

_ATM = "tshark takes the four bytes of the ATM pseudo-header off both lengths"
_FRACTION = "tshark overflows 32 bits where the fraction is more than two seconds"
#: Captures on which farmwatch and tshark rightly differ, and why.
DIFFERENCES = {
    "tls_DER-incomplete-content.pcap": "tshark stops at the corrupt record header, farmwatch goes on behind it",
    "bgp_vpn_rt-oobr.pcap": "tshark takes a hole of zeros for 37 empty packets",
    "test901.pcapng": "tshark stops at a section of an unknown version, farmwatch steps over it",
    "fuzz-2021-06-07-c6c72a0a56.pcap": "tshark clamps an original length above 2 GiB; " + _FRACTION,
    "PcapExamples/pcapng-example.pcapng": "times in the year 584,554 are beyond 64 bits of nanoseconds",
    "atm-heapoverflow.pcap": _ATM,
    "atm-oam-heapoverflow.pcap": _ATM,
    "atm-oam-loopback-print-overrun.pcap": _ATM,
    "rx_serviceid_oobr.pcap": _FRACTION,
    "timestamp_invalid_micro.pcap": _FRACTION,
    "timestamp_invalid_nano.pcap": _FRACTION,
}


def explained(path: Path) -> bool:
    """Whether this capture is one of the listed differences."""
    return path.as_posix().endswith(tuple("/" + name for name in DIFFERENCES))


def tshark_rows(path: Path) -> list[tuple[int | None, int, int]]:
    """(time in ns or None, captured, original length) of each frame by tshark."""
    fields = [f"-e{name}" for name in ("frame.time_epoch", "frame.cap_len", "frame.len", "frame.encap_type")]
    command = ["tshark", "-n", "-Tfields", *fields, "-r"]
    done = subprocess.run([*command, path], capture_output=True, text=True, check=False)
    if "unknown or unsupported" in done.stderr:  # tshark refuses some link types: ask again under a private one
        content = bytearray(path.read_bytes())
        struct.pack_into("<I" if content[0] in {0xD4, 0x4D} else ">I", content, 20, 147)
        with tempfile.NamedTemporaryFile() as private:
            private.write(content)
            private.flush()
            done = subprocess.run([*command, private.name], capture_output=True, text=True, check=False)
    rows: list[tuple[int | None, int, int]] = []
    for line in done.stdout.splitlines():
        ts, captured, original, encapsulation = line.split("\t")
        if not encapsulation:  # a custom block, which tshark lists among the frames
            continue
        # The part behind the point is a count of nanoseconds, ten digits long where the file says so.
        seconds, _, nanoseconds = ts.partition(".")
        rows.append((int(seconds) * 10**9 + int(nanoseconds) if ts else None, int(captured), int(original)))
    return rows


def agree(mine: list[tuple[int, int, int]], theirs: list[tuple[int | None, int, int]]) -> bool:
    """Whether both lists say the same; a frame without a time (pcapng's simple packets) may have any."""
    return len(mine) == len(theirs) and all(
        one[1:] == other[1:] and other[0] in {one[0], None} for one, other in zip(mine, theirs, strict=True)
    )


def listed(corpus: Path) -> list[Path]:
    """All captures of the corpus, in the order of its list."""
    with (corpus / "labels.csv").open(newline="", encoding="utf-8") as rows:
        return [corpus / row["file"] for row in csv.DictReader(rows)]


def sample(corpus: Path) -> list[Path]:
    """About a hundred captures: each first few of every magic number and role, and a spread over the rest."""
    files = listed(corpus)
    kinds: dict[tuple[bytes, str], int] = {}
    chosen = []
    for number, path in enumerate(files):
        with path.open("rb") as stream:
            kind = (stream.read(4), path.relative_to(corpus).parts[0])
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] <= 4 or number % 80 == 0 or explained(path):
            chosen.append(path)
    return chosen


def compare_with_tshark(paths: list[Path]) -> list[str]:
    """The captures on which frame count, any time or any length differs, without the explained ones."""
    differing = []
    for path in paths:
        try:
            with open_capture(path, mode="interpreted") as reader:
                mine: list[tuple[int, int, int]] = []
                for chunk in reader.chunks():
                    columns = (chunk.ts_ns, chunk.caplen, chunk.wirelen)
                    mine.extend(zip(*(column.tolist() for column in columns), strict=True))
        except SourceError as error:
            mine = []
            if "snoop" not in error.reason:
                differing.append(str(error))
            continue
        if agree(mine, tshark_rows(path)) == explained(path):
            differing.append(str(path))
    return differing


@pytest.mark.needs("tshark")
def test_frames_equal_tshark_on_a_sample(corpus: Path) -> None:
    """Frame count, times and lengths equal tshark's on captures of every format, save for the differences listed."""
    paths = sample(corpus)
    assert len(paths) > 80
    assert compare_with_tshark(paths) == []


@pytest.mark.whole_corpus
@pytest.mark.needs("tshark")
@pytest.mark.timeout(5400)
def test_frames_equal_tshark_on_everything(corpus: Path) -> None:
    """The same on every capture of the corpus."""
    assert compare_with_tshark(listed(corpus)) == []


def test_dpkt_agrees(corpus: Path) -> None:
    """Every packet's bytes and time equal dpkt's, a second independent reader, where dpkt can read the file."""
    import dpkt

    compared = 0
    for path in sample(corpus):
        if path.suffix == ".gz" or explained(path):
            continue
        with path.open("rb") as stream:
            try:
                theirs = [(ts, data) for ts, data in dpkt.pcap.UniversalReader(stream)]
            except (ValueError, struct.error, dpkt.dpkt.Error, KeyError, IndexError):
                continue
        rows, reader = read(path)
        if reader.damage or len(theirs) != len(rows):
            assert len(rows) >= len(theirs) - 1, path
            continue
        assert [row[1] for row in rows] == [data for _, data in theirs], path
        if reader.kind == "pcap":  # dpkt reads every pcapng time by the first interface's clock
            times = [float(ts) for ts, _ in theirs]
            assert np.allclose([row[0] / 1e9 for row in rows], times, rtol=0, atol=1e-6), path
        compared += 1
    assert compared > 40
