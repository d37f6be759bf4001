"""One capture in, the network tables out."""

from __future__ import annotations

import gzip
import hashlib
import io
from pathlib import Path

import pytest

from farmwatch.collectors.captures import collect_capture
from farmwatch.records import (
    NETWORK_TABLES,
    CaptureInput,
    Flow,
    Host,
    NameQuery,
    Reject,
    RemoteControl,
    Ssh,
    Stun,
)
from tests.lab.frames import group
from tests.lab.names import A, answer, query, stun_request

from .conftest import FAR, FAR6, LAPTOP, LAPTOP6

PCAPS = Path(__file__).parents[2] / "pcaps"


def only(tables, record):
    [row] = tables[record].rows()
    return row


def test_the_input_is_described(capture):
    """Path as shown, checksum, sizes, times, and that all of it was read."""
    capture.talk(443, b"x" * 100, b"y" * 300)
    tables = capture.tables(name="shown.pcap")
    row = only(tables, CaptureInput)
    data = capture.path.read_bytes()
    assert (row.input, row.path, row.kind, row.complete) == (3, "shown.pcap", "pcap", True)
    assert (row.sha256, row.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (row.packets, row.flows) == (len(capture.tape.frames), 1)
    assert row.first_ts < row.last_ts
    assert {table.record for table in tables} == set(NETWORK_TABLES)


@pytest.mark.parametrize(("ends", "version"), [((LAPTOP, FAR), 4), ((LAPTOP6, FAR6), 6)])
def test_a_conversation_is_one_flow(capture, ends, version):
    """Both sides' bytes, addresses, link-layer addresses, segment size and round trips; IPv4 and IPv6 alike."""
    capture.talk(8443, b"x" * 100, b"y" * 300, ends=ends)
    row = only(capture.tables(), Flow)
    assert (row.orig_h, row.resp_h, row.resp_p) == (ends[0].ip, ends[1].ip, 8443)
    assert (row.orig_bytes, row.resp_bytes, row.established, row.first_data_side) == (100, 300, True, 0)
    assert (row.orig_mac, row.resp_mac, row.orig_ttl, row.resp_ttl) == (ends[0].mac, ends[1].mac, 64, 52)
    assert row.orig_mss == 1460
    assert row.resp_rtt_ms == pytest.approx(20, abs=0.5)
    assert row.handshake_rtt_ms == pytest.approx(20, abs=0.5)
    assert (row.first_packet, row.input, row.flow) == (1, 3, 0)


def test_senders_are_listed_with_their_link(capture):
    capture.talk(443, b"x", b"y")
    assert {(row.mac, row.address) for row in capture.tables()[Host].rows()} == {
        (LAPTOP.mac, LAPTOP.ip),
        (FAR.mac, FAR.ip),
    }


def test_dns_over_tcp_counts_as_a_lookup(capture):
    """Questions and answers of a stream, as those of datagrams."""
    asked, told = query("boot.net.anydesk.com", A, 9), answer("boot.net.anydesk.com", ["198.51.100.9"], 9)
    capture.talk(53, len(asked).to_bytes(2, "big") + asked, len(told).to_bytes(2, "big") + told)
    tables = capture.tables()
    row = only(tables, NameQuery)
    assert (row.name, row.client, row.protocol, row.qtype) == ("boot.net.anydesk.com", LAPTOP.ip, "dns", "A")


@pytest.mark.parametrize("server_first", [True, False])
def test_remote_control_is_written_down_with_its_proof(capture, server_first):
    """The RFB server greets first: it is the driven end even where it opened the connection itself."""
    capture.talk(5500, b"RFB 003.008\n", b"RFB 003.008\n", server_first=server_first)
    tables = capture.tables()
    row = only(tables, RemoteControl)
    assert (row.protocol, row.controlled_side, row.packet) == ("rfb", int(server_first), 1)
    assert "greets first" in row.proof
    assert only(tables, Flow).protocol == "rfb"


def test_ssh_greetings_name_their_software(capture):
    capture.talk(22, b"SSH-2.0-OpenSSH_9.6\r\n", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    row = only(capture.tables(), Ssh)
    assert row.client.startswith("OpenSSH_9.6") or row.server.startswith("OpenSSH")


def test_stun_headers_are_kept(capture):
    """Each request with its flow, ends and whether it carries CHANGE-REQUEST."""
    change = b"\x00\x03\x00\x04\x00\x00\x00\x06"
    for number in range(3):
        capture.datagram(LAPTOP, 40000, FAR, 19302, stun_request(capture.rng, change if number else b""), at=number)
    rows = list(capture.tables()[Stun].rows())
    assert [(row.method, row.kind, row.change_request, row.packet) for row in rows] == [
        ("binding", "request", False, 1),
        ("binding", "request", True, 2),
        ("binding", "request", True, 3),
    ]
    assert {(row.source, row.destination, row.destination_port, row.flow) for row in rows} == {
        (LAPTOP.ip, FAR.ip, 19302, 0)
    }


def test_compressed_and_streamed_input_gives_the_same_tables(capture):
    """Plain, gzip and a file object differ in the description of the input only."""
    capture.talk(443, b"x" * 100, b"y" * 300)
    plain = capture.tables()
    packed = capture.path.with_suffix(".pcap.gz")
    packed.write_bytes(gzip.compress(capture.path.read_bytes(), mtime=0))
    others = [collect_capture(packed, 3), collect_capture(io.BytesIO(capture.path.read_bytes()), 3, name="-")]
    for other in others:
        assert other.error is None
        assert list(other.tables[Flow].rows()) == list(plain[Flow].rows())
    assert only(others[1].tables, CaptureInput).path == "-"


def test_interpreted_and_compiled_kernels_agree():
    """The same rows whichever way the kernels run."""
    path = PCAPS / "farm-lan.pcap"
    one, two = (collect_capture(path, 0, mode=mode).tables for mode in ("interpreted", "compiled"))
    for table in one:
        assert repr(list(table.rows())) == repr(list(two[table.record].rows())), table.record.table


def test_a_file_that_is_no_capture(tmp_path):
    """One input row without packets, one reject, and the error in words."""
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes")
    found = collect_capture(path, 0)
    assert found.error
    row = only(found.tables, CaptureInput)
    assert (row.kind, row.packets, row.complete, row.bytes) == ("unreadable", 0, False, 18)
    assert only(found.tables, Reject).reason == found.error


def test_a_missing_file(tmp_path):
    found = collect_capture(tmp_path / "none.pcap", 0)
    assert found.error
    assert only(found.tables, CaptureInput).bytes == 0


def test_damage_keeps_what_came_before(capture):
    """A capture cut in a record: the flows before the cut, a reject with its place, not complete."""
    capture.talk(443, b"x" * 100, b"y" * 300)
    capture.tables()
    data = capture.path.read_bytes()
    capture.path.write_bytes(data[:-20])
    tables = collect_capture(capture.path, 0).tables
    assert not only(tables, CaptureInput).complete
    assert only(tables, Reject).offset is not None
    assert len(tables[Flow]) == 1


def test_an_unknown_link_type_is_not_complete(capture):
    """Packets nobody could open are said, and the input is not called complete."""
    capture.talk(443, b"x", b"y")
    capture.tables()
    data = bytearray(capture.path.read_bytes())
    data[20:24] = (147).to_bytes(4, "little")  # LINKTYPE_USER0
    capture.path.write_bytes(data)
    tables = collect_capture(capture.path, 0).tables
    assert only(tables, Reject).reason == "unknown link type"
    assert not only(tables, CaptureInput).complete


def test_messages_that_do_not_decode_are_counted(capture):
    """A broken lookup is a reject with its protocol, and reading goes on."""
    capture.datagram(LAPTOP, 5353, group("224.0.0.251"), 5353, b"\x00\x00\x84\x00\xff\xff\xff\xff\xff\xff\xff\xff")
    capture.datagram(LAPTOP, 40001, FAR, 53, query("example.org"), at=1)
    tables = capture.tables()
    assert [(row.reason, row.count) for row in tables[Reject].rows()] == [("mdns message not readable", 1)]
    assert only(tables, CaptureInput).complete, "a host's broken message is no damage of the file"
    assert len(tables[NameQuery]) == 1


def test_progress_is_told(capture):
    """The last word is the whole size."""
    capture.talk(443, b"x", b"y")
    told = []
    capture.tables(progress=told.append)
    assert told
    assert told[-1] == capture.path.stat().st_size


@pytest.mark.parametrize("cut", range(0, 400, 37))
def test_any_cut_gives_tables_or_an_error(capture, cut):
    """Wherever a capture ends, the collector gives all tables and never raises."""
    capture.talk(443, b"x" * 100, b"y" * 300)
    capture.tables()
    capture.path.write_bytes(capture.path.read_bytes()[:cut])
    found = collect_capture(capture.path, 0)
    assert len(found.tables[CaptureInput]) == 1


def test_missing_hash_is_a_reject_and_nothing_else(monkeypatch):
    """Where the file could not be read a second time for its checksum, the input says so and keeps its flows."""

    class Failing:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def readinto(self, view):
            raise OSError(5, "Input/output error")

    path = min(PCAPS.glob("*.pcap*"))
    whole = collect_capture(path, 0).tables
    monkeypatch.setattr("farmwatch.wire.source._FOLLOW_BYTES", 1)
    monkeypatch.setattr("farmwatch.wire.source.open_again", lambda file, name: Failing())
    tables = collect_capture(path, 0).tables
    assert only(tables, CaptureInput).sha256 == ""
    assert "hash not computed: Input/output error" in [row.reason for row in tables[Reject].rows()]
    assert len(tables[Flow]) == len(whole[Flow])


def test_flows_that_gave_way_make_a_capture_incomplete(capture, monkeypatch):
    """A scan that dropped attempts for lack of room says how many, and is not complete."""
    from farmwatch.collectors import captures
    from farmwatch.wire.scan import ScanLimits

    capture.talk(443, b"x" * 100, b"y" * 300)
    real = captures.scan_chunks
    monkeypatch.setattr(
        captures, "scan_chunks", lambda *args, **named: real(*args, limits=ScanLimits(flows=1), **named)
    )
    for port in (5001, 5002):
        capture.talk(port, b"x" * 100, b"y" * 300)
    tables = capture.tables()
    assert not only(tables, CaptureInput).complete
    assert "flow table full" in [row.reason for row in tables[Reject].rows()]
