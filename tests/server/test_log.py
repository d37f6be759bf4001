"""The log: durable when acknowledged, one fsync for many, cut back after failures, taken up after crashes."""

from __future__ import annotations

import errno
import os
import threading
import time
from dataclasses import replace

import pytest

from farmwatch.errors import StoreError
from farmwatch.server import log as log_module
from farmwatch.server.frames import Damage, Delivery
from farmwatch.server.log import Log
from farmwatch.server.metrics import Metrics
from farmwatch.server.problems import Refusal
from farmwatch.server.segments import read
from farmwatch.server.settings import LogLimits
from tests.server.test_frames import record

LIMITS = LogLimits(segment_s=3600, free_bytes=0)


class Opened:
    """A log and the segments it sealed."""

    def __init__(self, folder, **limits) -> None:
        self.sealed = []
        self.metrics = Metrics()
        self.log = Log(folder, replace(LIMITS, **limits), self.metrics, self.sealed.append)
        self.left = self.log.start()

    def add(self, sender: str = "tester", rows: int = 2) -> int:
        """Append a record and wait."""
        return self.log.append([record(rows, sender)], rows).result(10)

    def senders(self) -> list[str]:
        """Who is in the sealed segments, in order."""
        return [found.sender for segment in self.sealed for *_, found in read(segment) if isinstance(found, Delivery)]

    def end(self) -> None:
        """Close."""
        self.log.close()
        self.log.unlock()


@pytest.fixture
def opened(tmp_path):
    """Opens logs in one folder; closes them at the end."""
    made = []

    def make(**limits) -> Opened:
        made.append(Opened(tmp_path / "log", **limits))
        return made[-1]

    yield make
    for one in made:
        one.end()


def crash(one: Opened) -> None:
    """Leave a log as a kill would: nothing sealed, nothing closed, the lock free."""
    one.log._on_sealed = lambda segment: None
    one.log.unlock()


def test_sealed_segments_hold_what_was_appended_in_order(opened):
    """Closing seals; order and numbers are those of appending."""
    one = opened()
    numbers = [one.add(f"s{number}") for number in range(5)]
    assert len(set(numbers)) == 1
    one.log.close()
    assert one.senders() == [f"s{number}" for number in range(5)]
    (segment,) = one.sealed
    assert (segment.rows, segment.recovered, segment.number) == (10, False, numbers[0])


def test_a_segment_is_sealed_by_rows_bytes_and_age(opened):
    """The newest segment grows no further than a limit, and not older."""
    one = opened(segment_rows=4)
    for _ in range(5):
        one.add()
    one.log.close()
    assert [segment.rows for segment in one.sealed] == [4, 4, 2]
    assert [segment.number for segment in one.sealed] == [1, 2, 3]
    one.log.unlock()
    for segment in one.sealed:
        one.log.release(segment)
    two = opened(segment_s=0.05)
    two.add()
    end = time.monotonic() + 5
    while not two.sealed and time.monotonic() < end:
        time.sleep(0.01)
    assert [segment.rows for segment in two.sealed] == [2]
    assert two.sealed[0].run != one.sealed[0].run


def test_many_appends_share_an_fsync(opened, monkeypatch):
    """What arrives while an fsync runs is written together with the next one."""
    calls = []
    real = log_module._sync

    def slow(file) -> None:
        calls.append(file)
        time.sleep(0.05)
        real(file)

    monkeypatch.setattr(log_module, "_sync", slow)
    one = opened()
    waiting = [one.log.append([record(1)], 1) for _ in range(200)]
    for future in waiting:
        future.result(10)
    assert len(calls) < 10
    assert one.metrics.fsync_s.lines()[-1].endswith(f" {len(calls)}")


def test_a_torn_end_is_cut_off_and_the_rest_taken_up(opened, tmp_path):
    """After a crash the next start gives whole records and cuts what was being written."""
    one = opened()
    number = one.add("kept")
    path = tmp_path / "log" / "segments" / f"{number:016x}.log"
    crash(one)
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(record(5, "torn")[:-9])
    two = opened()
    (segment,) = two.left
    assert two.sealed == two.left
    assert (segment.number, segment.length, segment.recovered) == (number, size, True)
    assert path.stat().st_size == size
    assert two.senders() == ["kept"]
    assert two.metrics.corrupt.value() == 0
    assert two.add() > number


def test_damage_in_the_middle_is_put_aside_and_said(opened, tmp_path, caplog):
    """A rotten record is kept in quarantine, logged as an error, counted; the records around it are given."""
    one = opened()
    for sender in ("a", "rotten", "c"):
        number = one.add(sender)
    path = tmp_path / "log" / "segments" / f"{number:016x}.log"
    crash(one)
    data = bytearray(path.read_bytes())
    data[data.index(b"rotten") + 300] ^= 0x40
    path.write_bytes(data)
    two = opened()
    assert two.senders() == ["a", "c"]
    (segment,) = two.left
    ((start, raw, damage),) = [one for one in read(segment) if isinstance(one[2], Damage)]
    two.log.segments.put_aside(segment, start, raw, damage.reason)
    (kept,) = (tmp_path / "log" / "quarantine").iterdir()
    assert kept.read_bytes() == bytes(raw) != record(2, "rotten")
    assert "damaged" in caplog.text
    assert two.metrics.corrupt.value() == 1


def test_a_segment_without_a_head_is_put_aside_or_was_just_begun(opened, tmp_path):
    """A crash while a segment is begun leaves nothing; a head that rotted puts the whole segment aside, loudly."""
    one = opened()
    number = one.add("a")
    crash(one)
    folder = tmp_path / "log" / "segments"
    (folder / f"{number + 1:016x}.log").write_bytes(b"FWL")
    two = opened()
    assert [segment.number for segment in two.left] == [number]
    crash(two)
    path = folder / f"{number:016x}.log"
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)
    three = opened()
    assert three.left == []
    assert three.metrics.corrupt.value() == 1
    assert [one.name for one in (tmp_path / "log" / "quarantine").iterdir()] == [f"{number:016x}-whole.bin"]


def test_one_server_at_a_time(opened, tmp_path):
    """A second log in the same folder is refused while the first has it."""
    one = opened()
    with pytest.raises(StoreError, match="another server uses this log"):
        Log(tmp_path / "log", LIMITS, Metrics(), [].append)
    one.end()
    Opened(tmp_path / "log").end()


def failing(monkeypatch, error: int, times: int):
    """Make the next writes end halfway with an error."""
    left = [times]
    real = log_module._write_all

    def write(file, data) -> None:
        if left[0] > 0:
            left[0] -= 1
            os.write(file, data[: len(data) // 2])
            raise OSError(error, os.strerror(error))
        real(file, data)

    monkeypatch.setattr(log_module, "_write_all", write)
    return left


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_failed_write_is_refused_and_leaves_nothing(opened, monkeypatch, error):
    """Who waits hears 503 with Retry-After; the log is as before, and goes on by itself."""
    one = opened()
    one.add("before")
    failing(monkeypatch, error, 1)
    with pytest.raises(Refusal) as refused:
        one.add("lost")
    assert refused.value.status == 503
    assert refused.value.retry_s > 0
    assert one.log.failure
    one.add("after")
    assert not one.log.failure
    one.log.close()
    assert one.senders() == ["before", "after"]
    assert one.metrics.log_failures.value() == 1


def test_after_a_failed_fsync_the_segment_is_written_no_more(opened, monkeypatch):
    """What an fsync that failed left of a file is not known, so a new one is begun."""
    one = opened()
    first = one.add("before")
    real = log_module._sync
    left = [1]

    def sync(file) -> None:
        if left[0]:
            left[0] -= 1
            raise OSError(errno.EIO, "broken")
        real(file)

    monkeypatch.setattr(log_module, "_sync", sync)
    with pytest.raises(Refusal):
        one.add("lost")
    assert one.add("after") > first
    one.log.close()
    assert one.senders() == ["before", "after"]
    assert len(one.sealed) == 2


def test_without_room_for_a_new_segment_the_present_one_goes_on(opened, monkeypatch):
    """Sealing waits for room; nothing is lost and nobody spins."""
    one = opened(segment_rows=2)
    tries = []

    def no_room(run, number) -> None:
        tries.append(number)
        raise OSError(errno.ENOSPC, "full")

    real = one.log.segments.begin
    monkeypatch.setattr(one.log.segments, "begin", no_room)
    for sender in ("a", "b", "c"):
        one.add(sender)
    time.sleep(0.2)
    assert one.sealed == []
    assert len(tries) <= 3
    monkeypatch.setattr(one.log.segments, "begin", real)
    end = time.monotonic() + 5
    while not one.sealed and time.monotonic() < end:
        time.sleep(0.02)
    assert one.senders() == ["a", "b", "c"]


def test_too_much_uncommitted_asks_to_wait(opened):
    """Above the limit of what waits for commits, appends are refused until segments are released."""
    one = opened(pending_bytes=3 * len(record(2)) - 1, segment_rows=1)
    for _ in range(3):
        one.add()
    with pytest.raises(Refusal) as refused:
        one.add()
    assert (refused.value.status, refused.value.reason) == (503, "behind")
    for segment in one.sealed:
        one.log.release(segment)
    one.add()


def test_pending_bytes_come_back_to_nothing(opened):
    """What is released is no longer counted, also across a restart."""
    one = opened(segment_rows=1)
    for _ in range(3):
        one.add()
    crash(one)
    two = opened()
    assert two.log.pending_bytes == 3 * len(record(2))
    for segment in two.left:
        two.log.release(segment)
    assert two.log.pending_bytes == 0


def test_little_free_space_asks_to_wait(opened):
    """New rows leave room on the disk that commits may need."""
    one = opened(free_bytes=1 << 60)
    with pytest.raises(Refusal) as refused:
        one.add()
    assert (refused.value.status, refused.value.reason) == (503, "disk_full")


def test_a_closing_log_takes_no_more(opened):
    """Appends during the end are refused or written, none hangs."""
    one = opened()
    results = []

    def add() -> None:
        for _ in range(200):
            try:
                one.add()
                results.append("kept")
            except Refusal as refusal:
                results.append(refusal.reason)

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    one.log.close()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert set(results) <= {"kept", "stopping"}
    assert results.count("kept") == len(one.senders())


def test_who_is_cancelled_does_not_stop_the_others(opened):
    """A request that is cancelled while its record is written costs nobody else anything."""
    one = opened()
    futures = [one.log.append([record(1, f"s{number}")], 1) for number in range(20)]
    assert not any(future.cancel() for future in futures[::2])
    for future in futures[1::2]:
        future.result(10)
    one.add("after")
    one.log.close()
    assert one.senders() == [*(f"s{number}" for number in range(20)), "after"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_fails_leaves_nobody_waiting(opened, monkeypatch):
    """Should the writing thread end by a fault, who waits and who comes later hears 503."""
    one = opened()

    def broken(group) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(one.log, "_write", broken)
    with pytest.raises(Refusal, match="stopping"):
        one.add("first")
    one.log._thread.join(10)
    with pytest.raises(Refusal, match="stopping"):
        one.add()


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    """A file where the folder should be, says so."""
    (tmp_path / "log").write_text("")
    with pytest.raises(StoreError, match="cannot hold the log"):
        Log(tmp_path / "log", LIMITS, Metrics(), [].append)
