"""Traffic made to hurt: names that steer, floods that exhaust, files that swell; through the whole product."""

from __future__ import annotations

import csv
import io
import json
import struct
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

import farmwatch
from farmwatch.reports import document, findings, html, text
from tests.fuzz.hostile import START_S, dns_name, pcap, pcap_header, record, tcp4, udp4
from tests.fuzz.mutation import HOSTILE
from tests.fuzz.whole import check_report

resource = pytest.importorskip("resource", reason="processor time of a process needs POSIX")

LAPTOP, FAR, ROUTER = "192.168.7.10", "93.184.216.34", "192.168.7.1"
LAPTOP_MAC, ROUTER_MAC = b"\x54\xe1\xad\x00\x00\x01", b"\x94\x83\xc4\x00\x00\x02"


# Names


def dhcp_request(name: bytes, vendor: bytes) -> bytes:
    """A DHCP request with host name, full name and vendor class (RFC 2131, options 12, 81, 60)."""
    head = struct.pack(">BBBBIHH", 1, 1, 6, 0, 7, 0, 0) + bytes(16) + LAPTOP_MAC + bytes(10 + 192) + b"\x63\x82\x53\x63"
    options = ((53, b"\x03"), (50, bytes([192, 168, 7, 10])), (12, name), (60, vendor), (81, b"\0\0\0" + name))
    body = b"".join(bytes([code, len(value[:255])]) + value[:255] for code, value in options)
    return udp4(LAPTOP, "255.255.255.255", 68, 67, head + body + b"\xff", mac=LAPTOP_MAC)


def mdns_answer(name: bytes) -> bytes:
    """An mDNS address and a service record that carry the name (RFC 6762, RFC 6763)."""
    label = name[:60]
    host = dns_name(label, b"local") + struct.pack(">HHIH", 1, 0x8001, 120, 4) + bytes([192, 168, 7, 10])
    text = bytes([min(len(name) + 6, 255)]) + (b"model=" + name)[:255]
    service = dns_name(label, b"_rfb", b"_tcp", b"local") + struct.pack(">HHIH", 16, 0x8001, 120, len(text)) + text
    payload = struct.pack(">HHHHHH", 0, 0x8400, 0, 2, 0, 0) + host + service
    return udp4(LAPTOP, "224.0.0.251", 5353, 5353, payload, mac=LAPTOP_MAC)


def lookup(name: bytes, number: int) -> list[bytes]:
    """A DNS question and its answer."""
    question = dns_name(name[:60], b"relay", b"example") + b"\0\1\0\1"
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([93, 184, 216, 34])
    port = 40_000 + number
    asked, said = (struct.pack(">HHHHHH", number, *head, 0, 0) for head in ((0x100, 1, 0), (0x8180, 1, 1)))
    return [
        udp4(LAPTOP, ROUTER, port, 53, asked + question),
        udp4(ROUTER, LAPTOP, 53, port, said + question + answer, mac=ROUTER_MAC),
    ]


def client_hello(name: bytes) -> bytes:
    """A TLS ClientHello with this server name (RFC 8446 section 4.1.2, RFC 6066 section 3)."""
    server = struct.pack(">HBH", len(name) + 3, 0, len(name)) + name
    extensions = struct.pack(">HH", 0, len(server)) + server
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\2\x13\x01" + b"\1\0" + struct.pack(">H", len(extensions)) + extensions
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack(">H", len(hello)) + hello


def conversation(port: int, sent: bytes, answered: bytes, *, server_first: bool = False) -> list[bytes]:
    """A TCP connection from the laptop with one payload each way."""
    own = 50_000 + port % 10_000
    up = {"source": LAPTOP, "destination": FAR, "source_port": own, "port": port}
    down = {"source": FAR, "destination": LAPTOP, "source_port": port, "port": own, "mac": ROUTER_MAC}
    opening = [tcp4(**up, seq=0, flags=2), tcp4(**down, seq=0, ack=1, flags=0x12), tcp4(**up, seq=1, ack=1, flags=0x10)]
    first = tcp4(**up, payload=sent, seq=1, ack=1)
    second = tcp4(**down, payload=answered, seq=1, ack=1 + len(sent))
    return [*opening, *((second, first) if server_first else (first, second))]


def named_capture(word: bytes) -> bytes:
    """A capture in which every name a stranger can choose is this one."""
    page = b"HTTP/1.1 200 OK\r\nServer: " + word + b"\r\nContent-Type: text/html\r\n\r\n<title>" + word + b"</title>"
    asked = b"GET /" + word + b" HTTP/1.1\r\nHost: " + word + b"\r\nUser-Agent: " + word + b"\r\n\r\n"
    notify = b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNT: " + word + b"\r\nSERVER: " + word + b"\r\nNTS: "
    cookie = b"Cookie: mstshash=" + word + b"\r\n\x01\x00\x08\x00\x03\x00\x00\x00"
    shown = cookie[-240:]
    rdp = b"\x03\x00" + struct.pack(">H", 11 + len(shown)) + bytes([6 + len(shown)]) + b"\xe0" + bytes(5) + shown
    banner = b"SSH-2.0-" + word + b"\r\n"
    frames = [dhcp_request(word, word), mdns_answer(word), *lookup(word, 7)]
    frames.append(udp4(LAPTOP, "239.255.255.250", 1900, 1900, notify + b"ssdp:alive\r\n\r\n", mac=LAPTOP_MAC))
    frames += conversation(80, asked, page) + conversation(443, client_hello(word), b"")
    frames += conversation(3389, rdp, b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x124\x00\x02\x00\x08\x00\x02\x00\x00\x00")
    frames += conversation(22, banner, banner) + conversation(
        5900, b"RFB 003.008\n", b"RFB 003.008\n", server_first=True
    )
    return pcap(frames)


@pytest.mark.parametrize(
    "word", [*HOSTILE, b"N" * 5000, b"\xe6\x97\xa5\xe6\x9c\xac", b"a,b|c;d\t"], ids=lambda word: repr(word[:16])
)
def test_names_chosen_by_strangers_steer_nothing(tmp_path, word):
    """Text, JSON, JSONL, CSV and HTML of a capture full of one hostile name hold it only written out."""
    path = tmp_path / "names.pcap"
    path.write_bytes(named_capture(word))
    report = document.canonical(farmwatch.scan([path]))
    check_report(report)
    [device] = report.devices
    assert any(session.tool == "vnc" for session in device.sessions)


def test_hostile_device_name_is_shown_written_out(tmp_path):
    """The name is not dropped: a reader sees that somebody tried, in every format, in that format's own way."""
    path = tmp_path / "names.pcap"
    path.write_bytes(named_capture(b"\x1b[2J<b>\xe2\x80\xae=x"))
    report = document.canonical(farmwatch.scan([path]))
    shown = "\\X1B[2J<B>\\XE2\\X80\\XAE=X"
    assert shown in text.render(report, width=200, verbose=2)
    assert shown.replace("<", "&lt;").replace(">", "&gt;") in html.render(report)
    assert json.loads(document.dumps(report))["devices"][0]["device_id"] == shown
    assert all(row["device_id"] == shown for row in csv.DictReader(io.StringIO(findings.csv_text(report))))


# Floods


@dataclass
class Process:
    """What a scan in a process of its own gave, and what it took."""

    code: int
    report: dict
    err: str
    processor_s: float
    peak_bytes: int


#: Runs the command line and says what it took; not from outside, where a process counts the memory of its parent too.
MEASURED = """
import atexit, re, sys
from pathlib import Path
from farmwatch.cli.main import run
def tell():
    status = Path("/proc/self/status").read_text()
    sys.stderr.write("PEAK " + re.search(r"VmHWM:\\s+(\\d+) kB", status)[1] + "\\n")
atexit.register(tell)
run(sys.argv[1:])
"""


def scan_process(path: Path) -> Process:
    """Run ``farmwatch scan --json`` in a process of its own, and measure it."""
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read from /proc")
    words = [sys.executable, "-c", MEASURED, "scan", str(path), "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said, _, peak = done.stderr.rpartition("PEAK ")
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Process(done.returncode, json.loads(done.stdout), said, took, int(peak) << 10)


def port_scan() -> bytes:
    """One host that knocks at 100,000 doors of 200 hosts; a third refuse."""
    parts = [pcap_header()]
    for number in range(100_000):
        target, port, own = f"192.168.7.{20 + number % 200}", 1 + number // 200, 40_000 + number % 20_000
        second, microsecond = START_S + number // 1000, number % 1000 * 1000
        parts.append(record(tcp4(LAPTOP, target, own, port, seq=number, flags=2), second, microsecond))
        if number % 3 == 0:
            mac = b"\x00\x11\x22\x33\x44" + bytes([number % 200])
            refusal = tcp4(target, LAPTOP, port, own, ack=number + 1, flags=0x14, mac=mac)
            parts.append(record(refusal, second, microsecond + 200))
    return b"".join(parts)


def long_flow() -> bytes:
    """One connection of 200,000 packets."""
    parts, seq = [pcap_header()], [1, 1]
    for number in range(200_000):
        side = number & 1
        ends = (LAPTOP, FAR, 50_000, 443) if side else (FAR, LAPTOP, 443, 50_000)
        payload = bytes([number & 255]) * (40 if side else 400)
        frame = tcp4(*ends, payload, seq=seq[side], ack=seq[1 - side])
        parts.append(record(frame, START_S + number // 100, number % 100 * 10_000))
        seq[side] += len(payload)
    return b"".join(parts)


def many_names() -> bytes:
    """50,000 distinct names looked up and answered: DNS as a data tunnel."""
    frames = []
    for number in range(50_000):
        frames += lookup(b"n%d-%d" % (number, number * 7919), number % 20_000)
    return pcap(frames)


def device_flood() -> bytes:
    """Packets from 12,000 made-up senders."""
    senders = ((struct.pack(">I", number), f"10.0.{number >> 8}.{number & 255}") for number in range(1, 12_001))
    return pcap(udp4(address, FAR, 5000, 443, b"x", mac=b"\x00\x1c" + tail) for tail, address in senders)


@pytest.mark.parametrize(
    ("make", "devices"),
    [(port_scan, range(1, 300)), (long_flow, range(1, 2)), (many_names, range(1, 2)), (device_flood, [10_000])],
    ids=["port scan", "long flow", "many names", "device flood"],
)
def test_floods_take_bounded_time_and_memory(tmp_path, make, devices):
    """A capture made to exhaust is judged within a minute and a gigabyte, however long the compiler takes."""
    path = tmp_path / "flood.pcap"
    path.write_bytes(make())
    ran = scan_process(path)
    assert ran.code == (3 if make is device_flood else 0), ran.err
    assert len(ran.report["devices"]) in devices
    assert ran.processor_s < 90
    assert ran.peak_bytes < 1 << 30


# Files that swell


def gzip_of(head: bytes, block: bytes, times: int) -> bytes:
    """Gzip of the head and so many equal blocks, made without compressing more than one of them (RFC 1951, 1952)."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = deflate.compress(head) + deflate.flush(zlib.Z_FULL_FLUSH)
    middle = deflate.compress(block) + deflate.flush(zlib.Z_FULL_FLUSH)
    checksum, size = zlib.crc32(head), len(head) + len(block) * times
    for _ in range(times):
        checksum = zlib.crc32(block, checksum)
    end = deflate.flush(zlib.Z_FINISH)
    return (
        b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"
        + start
        + middle * times
        + end
        + struct.pack("<II", checksum, size & 0xFFFFFFFF)
    )


@pytest.mark.parametrize("kind", ["packets", "empty packets", "zeros"])
def test_small_file_that_expands_to_more_than_a_gigabyte(tmp_path, kind):
    """A compressed bomb of a few megabytes is read through in a stream: seconds, and no more memory than any file."""
    packet = record(udp4(LAPTOP, FAR, 5000, 5001, bytes(1400)))
    block = {"packets": packet * 700, "empty packets": record(b"") * 65_536, "zeros": bytes(1 << 20)}[kind]
    path = tmp_path / "bomb.pcap.gz"
    path.write_bytes(gzip_of(pcap_header(), block, 1100))
    assert path.stat().st_size < 8 << 20
    ran = scan_process(path)
    [entry] = ran.report["inputs"]
    assert ran.code == (3 if kind == "zeros" else 0)
    assert entry["packets"] == {"packets": 770_000, "empty packets": 72_089_600, "zeros": 0}[kind]
    assert ran.processor_s < 120
    assert ran.peak_bytes < 512 << 20
