"""From inputs to stored rows."""

from __future__ import annotations

import gzip
import io
import json
import os

import pytest

from farmwatch.intake import Intake
from farmwatch.records import UsbDevice
from farmwatch.store import open_store

ROW = {"table": "usb_devices", "device_id": "lt-1", "ts": "2026-11-01T12:00:00Z", "event": "present"}


def rows(count, **more):
    return "\n".join(json.dumps({**ROW, "serial": f"S{number}", **more}) for number in range(count)).encode()


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "store")


def test_rows_are_stored_once(store):
    """The same input again stores nothing and says that it was there."""
    with Intake(store) as first:
        [account] = first.take([io.BytesIO(rows(100))])
    assert (account.kind, account.records, account.used) == ("usb_devices", 100, 100)
    assert first.stored == {"usb_devices": 100}
    with Intake(store) as second:
        list(second.take([io.BytesIO(rows(120))]))
    assert second.stored["usb_devices"] == 20
    assert second.duplicates["usb_devices"] == 100
    assert store.read(UsbDevice).num_rows == 120


def test_rejects_are_kept_with_their_reason(store):
    """Who, where and why; not the record itself."""
    data = rows(3) + b'\n{"table": "usb_devices", "device_id": "secret-person", "ts": "never", "event": "x"}\n'
    with Intake(store, sender="tester") as intake:
        [account] = intake.take([io.BytesIO(data)])
    assert (account.used, account.rejected) == (3, 1)
    [kept] = store.query('SELECT sender, "offset", reason, count FROM feed_rejects').to_pylist()
    assert kept == {
        "sender": "tester",
        "offset": 4,
        "reason": "ts: expected a time (ISO 8601 or seconds since 1970)",
        "count": 1,
    }


def test_without_a_store_nothing_is_written(tmp_path):
    """A dry run reads and counts."""
    with Intake(None) as intake:
        [account] = intake.take([io.BytesIO(rows(5))])
    assert account.used == 5
    assert intake.stored == {"usb_devices": 5}
    assert list(tmp_path.iterdir()) == []


def test_one_bad_input_stops_nothing(store, tmp_path):
    """Each has its account; the others are stored."""
    (tmp_path / "a.bin").write_bytes(b"\x00\x01\x02 something else")
    (tmp_path / "b.json").write_bytes(rows(2))
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(rows(5000, serial="T"), mtime=0)[:-20])
    (tmp_path / "d.json").write_bytes(b"")
    with Intake(store) as intake:
        accounts = {
            account.name.rsplit("/", 1)[-1]: account
            for account in intake.take([tmp_path / name for name in ("a.bin", "b.json", "c.json.gz", "d.json")])
        }
    assert "cannot be told" in accounts["a.bin"].error
    assert accounts["b.json"].error == ""
    assert "breaks off" in accounts["c.json.gz"].error
    assert accounts["d.json"].error == "empty"
    assert store.read(UsbDevice).num_rows >= 2


def test_progress_ends_at_the_size(store, tmp_path):
    """A bar that is fed with it reaches its end."""
    path = tmp_path / "x.json"
    path.write_bytes(rows(1000))
    seen = []
    with Intake(store) as intake:
        list(intake.take([path], progress=lambda name, done: seen.append(done)))
    assert seen[-1] == path.stat().st_size


def test_the_name_of_an_input_names_no_user(store, tmp_path):
    """Rejects are kept with the path they came from, without whose folder it is; any bytes may be in it."""
    folder = tmp_path / "Users" / "jane"
    folder.mkdir(parents=True)
    path = folder / os.fsdecode(b"usb\xff.ndjson")
    path.write_bytes(rows(1) + b"\njunk\n")
    with Intake(store) as intake:
        list(intake.take([path]))
    [kept] = store.query("SELECT input_name FROM feed_rejects").to_pylist()
    assert kept["input_name"].endswith(r"Users/*/usb\udcff.ndjson")


def test_a_damaged_archive_is_not_called_empty(tmp_path):
    """Nothing in it can be read, which is not the same as nothing being in it."""
    path = tmp_path / "a.gz"
    path.write_bytes(b"\x1f\x8b\x08garbage")
    [account] = Intake(None).take([path])
    assert "breaks off" in account.error


def test_names_that_a_sender_makes_up_are_counted_in_bounded_memory(tmp_path):
    """Beyond a thousand they are one."""
    data = b"\n".join(json.dumps({**ROW, f"k{number}": 1}).encode() for number in range(3000))
    [account] = Intake(None).take([io.BytesIO(data)])
    assert account.dropped.total() == account.used == 3000
    assert account.dropped["(others)"] == 2000


def test_many_small_files_take_their_time_once_each(store, tmp_path):
    """Two thousand files of two rows: what is held is not counted again with each."""
    for number in range(2000):
        row = {**ROW, "serial": f"S{number}"}
        (tmp_path / f"{number:04}.json").write_text(json.dumps(row) + "\n" + json.dumps({**row, "event": "removed"}))
    with Intake(store) as intake:
        accounts = list(intake.take([tmp_path / f"{number:04}.json" for number in range(2000)]))
    assert sum(account.used for account in accounts) == 4000
    assert store.read(UsbDevice).num_rows == 4000


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (b"hello\n", "okta", "no record in it can be read as okta"),
        (b"\xd4\xc3\xb2\xa1" + bytes(40), None, "packet capture"),
        (b"\xd4\xc3\xb2\xa1" + bytes(40), "zeek", "packet capture"),
        (b"[]", "okta", ""),
    ],
)
def test_what_gives_nothing_says_why(store, data, kind, said):
    """A text that is no log of its kind, a capture; an export that is empty is none of these."""
    with Intake(store) as intake:
        [account] = intake.take([io.BytesIO(data)], kind=kind)
    assert account.records == 0
    assert account.error == said or (said and said in account.error)
