"""Windows event logs in binary: whole, cut off, damaged at every place, and real ones where there are any."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from evtx import PyEvtxParser

from farmwatch.collectors.feeds.opening import Input, opened, sample_of
from farmwatch.collectors.feeds.registry import feed_of, kind_of
from farmwatch.errors import SourceError
from tests import windows_log
from tests.collectors.feeds.golden import TESTS, account, check_golden, context, parsed, rows
from tests.evtx_files import CHUNK, evtx_bytes

KIND = "windows-evtx"
SAMPLES = TESTS / "samples" / "feeds" / KIND


def long_log(count=700):
    """A log of several chunks."""
    day = windows_log.events()
    return evtx_bytes([{**day[number % len(day)], "record": number + 1} for number in range(count)])


def read_all(data):
    """All stretches, and the error it ended with."""
    found, fault = [], None
    try:
        with opened(Input("log.evtx", stream=io.BytesIO(data))) as stream:
            found.extend(feed_of(KIND).read(stream, context()))
    except SourceError as error:
        fault = error
    assert all(one.balanced() for one in found)
    return found, fault


def count(stretches):
    """Records, and those among them that could not be read; an event may be wrong for what it says as well."""
    faults = [fault for one in stretches for fault in one.rejects if "TimezoneBiasHour" not in fault.reason]
    return sum(one.records for one in stretches), sum(fault.count for fault in faults)


def test_the_writer_writes_what_the_format_asks_for():
    """With checksums checked, the library reads each record of a log of several chunks, in order."""
    data = long_log()
    assert len(data) > 4096 + 2 * CHUNK
    read = list(PyEvtxParser(io.BytesIO(data), validate_checksums=True).records())
    assert [record["event_record_id"] for record in read] == list(range(1, 701))


@pytest.mark.needs("evtxexport")
def test_another_reader_reads_the_same(tmp_path):
    """libevtx, which knows nothing of ours, exports the written log as XML; that gives the same rows."""
    path = tmp_path / "day.evtx"
    path.write_bytes(evtx_bytes(windows_log.events(), first_record=1001))
    exported = subprocess.run(["evtxexport", "-f", "xml", str(path)], capture_output=True, check=True).stdout
    exported = exported[exported.index(b"<Event") :]
    assert exported.count(b"</Event>") == len(windows_log.events())

    def told(stretches):
        return sorted(json.dumps(row, default=str, sort_keys=True) for row in rows(stretches))

    assert told(parsed("windows-events", exported)) == told(parsed(KIND, path.read_bytes()))


def test_sample_is_what_this_makes():
    """The file in the tree is the day written out, remade by ``FARMWATCH_GOLDEN=write``."""
    path, data = SAMPLES / "day.evtx", evtx_bytes(windows_log.events(), first_record=1001)
    if os.environ.get("FARMWATCH_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assert path.read_bytes() == data


def test_golden():
    """The sample gives what it gave."""
    check_golden(KIND)


def test_values_of_every_type():
    """Numbers, truths, times and GUIDs are values as well as texts are."""
    from datetime import timedelta
    from uuid import UUID

    base = {"computer": "LT-1", "time": windows_log.START, "channel": "System"}
    power = {**base, "provider": "Microsoft-Windows-Kernel-Power", "id": 105,
             "data": {"AcOnline": True, "RemainingCapacity": 30, "FullChargeCapacity": 40}}  # fmt: skip
    boot = {**base, "provider": "Microsoft-Windows-Kernel-General", "id": 12,
            "data": {"MajorVersion": 10, "MinorVersion": 0, "BuildVersion": 22631,
                     "StartTime": windows_log.START - timedelta(seconds=9)}}  # fmt: skip
    device = {**base, "provider": "Microsoft-Windows-Kernel-PnP", "id": 410,
              "data": {"DeviceInstanceId": "HID\\VID_1D6B&PID_0104\\7&1",
                       "ClassGuid": UUID("4d36e96b-e325-11ce-bfc1-08002be10318")}}  # fmt: skip
    found = {row["table"]: row for row in rows(parsed(KIND, evtx_bytes([power, boot, device])))}
    assert (found["usb_devices"]["class_name"], found["usb_devices"]["product_id"]) == ("Keyboard", 0x104)
    assert (found["devices"]["os"], found["devices"]["boot_ts"]) == (
        "Windows 10.0.22631", windows_log.START - timedelta(seconds=9),
    )  # fmt: skip
    events = {row["event"]: row for row in rows(parsed(KIND, evtx_bytes([power, boot]))) if row["table"] == "power"}
    assert (events["on mains"]["on_mains"], events["on mains"]["battery_pct"]) == (True, 75.0)


def test_a_log_of_many_chunks_gives_every_record_once():
    """Chunk by chunk nothing is lost or doubled, compressed or not."""
    data = long_log()
    found, fault = read_all(data)
    assert (count(found)[0], fault) == (700, None)
    assert rows(read_all(gzip.compress(data))[0]) == rows(found)


@pytest.mark.parametrize("kept", [4096 + CHUNK // 2, 4096 + CHUNK + 700, 4096 + 2 * CHUNK - 1])
def test_a_log_that_is_cut_off_gives_what_is_there_and_counts_what_is_not(kept):
    """Records before the cut come; the chunk says how many it had."""
    data = long_log()
    whole = {record["event_record_id"] for record in PyEvtxParser(io.BytesIO(data)).records()}
    full = [len(list(PyEvtxParser(io.BytesIO(data[:4096] + data[at : at + CHUNK])).records()))
            for at in range(4096, len(data), CHUNK)]  # fmt: skip
    found, fault = read_all(data[:kept])
    complete = (kept - 4096) // CHUNK
    records, rejected = count(found)
    assert fault is None
    assert whole
    assert records == sum(full[: complete + 1])
    assert sum(full[:complete]) <= records - rejected <= records
    if kept != 4096 + 2 * CHUNK - 1:
        assert any("cut off" in reason for reason, _ in account(found)[0])


def test_a_compressed_log_that_breaks_off_says_so():
    """What came before the break is given."""
    found, fault = read_all(gzip.compress(random.Random(1).randbytes(10) + long_log())[:40_000])
    assert "breaks off" in str(fault)
    found, fault = read_all(gzip.compress(long_log())[:-2000])
    assert "breaks off" in str(fault)
    assert count(found)[0]


def test_a_damaged_record_costs_itself():
    """Bytes of one record's binary XML are overwritten: that record is rejected, its neighbours come."""
    data = bytearray(long_log())
    at = data.find(b"**\0\0", 4096 + 512 + 20_000)
    data[at + 30 : at + 60] = b"\xff" * 30
    found, fault = read_all(bytes(data))
    records, rejected = count(found)
    assert (records, fault) == (700, None)
    assert 1 <= rejected < 5


@pytest.mark.parametrize("size", [0, 7, 28, 65_000, 2**32 - 1])
def test_a_wrong_length_does_not_hide_what_follows(size):
    """The length of one record is overwritten: it is found again by the frames around it."""
    data = bytearray(long_log())
    at = data.find(b"**\0\0", 4096 + 512 + 20_000)
    data[at + 4 : at + 8] = size.to_bytes(4, "little")
    found, fault = read_all(bytes(data))
    assert (count(found), fault) == ((700, 0), None)


def test_damaged_tables_of_a_chunk_cost_nothing():
    """Names and templates are found without the tables that point to them."""
    data = bytearray(long_log())
    data[4096 + 128 : 4096 + 512] = b"\x7f" * 384
    found, fault = read_all(bytes(data))
    assert (count(found), fault) == ((700, 0), None)


def test_a_hole_in_a_chunk_costs_the_records_in_it():
    """What lies before and behind a hole comes; those in it are counted."""
    data = bytearray(long_log())
    records = len(list(PyEvtxParser(io.BytesIO(bytes(data[: 4096 + CHUNK]))).records()))
    start = data.find(b"**\0\0", 4096 + 512 + 50_000)
    data[start : start + 4000] = bytes(4000)
    found, fault = read_all(bytes(data))
    total, lost = count(found)
    assert (total, fault) == (700, None)
    assert 1 < lost < records // 4


def test_a_damaged_chunk_costs_itself():
    """A chunk without its signature is passed over; the next one is found."""
    data = bytearray(long_log())
    first = len(list(PyEvtxParser(io.BytesIO(bytes(data[: 4096 + CHUNK]))).records()))
    data[4096:4104] = b"\xee" * 8
    found, fault = read_all(bytes(data))
    assert fault is None
    records, lost = count(found)
    assert records - lost == 700 - first
    assert any("no chunk" in reason for reason, _ in account(found)[0])


def test_bytes_that_were_lost_or_put_in_do_not_hide_the_rest():
    """Chunks are found by their signature where they are not where they should be."""
    data = long_log()
    whole = count(read_all(data)[0])[0]
    bent_logs = [(data[:4096] + b"\x07" * 333 + data[4096:], 1), (data[:2000] + data[3000:], 0), (data[4096:], 0)]
    for bent, told in bent_logs:
        found, fault = read_all(bent)
        records, rejected = count(found)
        assert fault is None
        assert records - rejected == whole
        assert rejected == told  # what is missing from the header is no loss


def test_a_chunk_that_lies_about_its_records_is_not_believed():
    """Numbers of records that cannot be in a chunk are left alone."""
    data = bytearray(evtx_bytes(windows_log.events()))
    data[4096 + 16 : 4096 + 24] = (2**63).to_bytes(8, "little")
    assert count(read_all(bytes(data))[0])[0] == len(windows_log.events())
    data[4096 + 16 : 4096 + 24] = (len(windows_log.events()) + 9).to_bytes(8, "little")
    assert [fault for fault in account(read_all(bytes(data))[0])[0] if "missing" in fault[0]]


def test_what_is_no_log_at_all_is_refused():
    """A file of another kind is an error, an empty one is nothing."""
    found, fault = read_all(b"MZ" + bytes(200_000) + b"x" * 1000)
    assert "not a Windows event log" in str(fault)
    assert not rows(found)
    assert read_all(b"") == ([], None)


def test_an_empty_log_is_nothing():
    """Unused chunks are no damage."""
    found, fault = read_all(evtx_bytes([])[:4096] + bytes(3 * CHUNK))
    assert not rows(found)
    assert not account(found)[0]
    assert fault is not None  # a header without a single chunk is told


@pytest.mark.parametrize("seed", range(40))
def test_any_damage_gives_rows_or_rejects(seed):
    """Bytes set at random, pieces moved: no crash, and every record is accounted for."""
    source, data = random.Random(seed), bytearray(evtx_bytes(windows_log.events()))
    for _ in range(source.randrange(1, 60)):
        at = source.randrange(len(data))
        match source.randrange(3):
            case 0:
                data[at] = source.randrange(256)
            case 1:
                data[at : at + 4] = source.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80", b"\x10\0\0\0"])
            case _:
                to = source.randrange(len(data) - 64)
                data[to : to + 64] = data[at : at + 64].ljust(64, b"\0")
    found, _ = read_all(bytes(data))
    assert count(found)[0] <= 2 * len(windows_log.events())


def test_recognised_by_its_signature():
    """Whatever the file is called."""
    with opened(Input("x", stream=io.BytesIO(long_log()))) as stream:
        assert kind_of(sample_of(stream, "x")).kind == KIND


def real_logs():
    """Folders of real logs: FARMWATCH_EVTX, separated by the system's path separator."""
    named = os.environ.get("FARMWATCH_EVTX", "")
    return sorted(path for folder in named.split(os.pathsep) if folder for path in Path(folder).rglob("*.evtx"))


def test_real_logs_are_read_whole():
    """As many records come as the library finds, of logs that Windows wrote."""
    paths = real_logs()
    if not paths:
        pytest.skip("no real logs: set FARMWATCH_EVTX to a folder of .evtx files")
    for path in paths:
        expected, broken = 0, 0
        records = PyEvtxParser(str(path)).records()
        while True:
            try:
                next(records)
            except StopIteration:
                break
            except RuntimeError:
                broken += 1
            else:
                expected += 1
        found, _ = read_all(path.read_bytes())
        assert count(found)[0] >= expected, path
        assert broken or not any("cannot be read" in reason for reason, _ in account(found)[0]), path
