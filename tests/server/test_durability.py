"""Every acknowledged row is in the store once, whatever crashes, fills up or comes again: counted from the store.

The full bar is 200 kills: ``FARMWATCH_KILLS=200 pytest tests/server/test_durability.py -k kill``.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from farmwatch.store import open_store
from tests.server.serving import free_port, serving, start, token, until

KILLS = int(os.environ.get("FARMWATCH_KILLS", "6"))
START = datetime(2026, 3, 4, 22, tzinfo=UTC)
ROWS = 40
QUICK = ("--commit-after", "0.1")
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def batch(device: str, number: int) -> bytes:
    """Rows nobody else has, over several tables' worth of days, and one bad line."""
    made = [
        json.dumps(
            {
                "device_id": device,
                "ts": (START + timedelta(minutes=(number * ROWS + row) % 4000)).isoformat(),
                "record_id": f"{device}-{number}-{row}",
                "name": f"host{row}.example",
            }
        )
        for row in range(ROWS)
    ]
    return ("\n".join([*made, "no json"]) + "\n").encode()


class Sender(threading.Thread):
    """A sender like a log shipper: sends again what was not acknowledged, sometimes what was, and not in order."""

    def __init__(self, name: str, port: int, secret: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.device, self.port, self.secret = name, port, secret
        self.random = random.Random(seed)
        self.acknowledged: list[int] = []
        self.answers: Counter[int] = Counter()
        self.waiting: list[int] = []
        self.number = 0
        self.ending = threading.Event()
        self.pause = 0.0

    def run(self) -> None:
        """Send until told to end."""
        while not self.ending.is_set():
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
                while not self.ending.is_set() and self.sent(connection):
                    time.sleep(self.pause)

    def sent(self, connection: http.client.HTTPConnection) -> bool:
        """Send a batch; whether the connection is still good."""
        number = self.choose()
        try:
            connection.request(
                "POST", "/v1/ingest/dns", batch(self.device, number), {"Authorization": f"Bearer {self.secret}"}
            )
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self.waiting.append(number)
            time.sleep(0.02)
            return False
        self.answers[answer.status] += 1
        if answer.status == 200:
            account = json.loads(body)
            assert (account["records"], account["used"], account["rejected"]) == (ROWS + 1, ROWS, 1)
            self.acknowledged.append(number)
        else:
            assert answer.status == 503, body
            assert int(answer.headers["Retry-After"]) > 0
            self.waiting.append(number)
            time.sleep(0.05)
        return not answer.will_close

    def choose(self) -> int:
        """The next batch: a new one, one not acknowledged, or one that was."""
        if self.waiting and self.random.random() < 0.5:
            return self.waiting.pop(self.random.randrange(len(self.waiting)))
        if self.acknowledged and self.random.random() < 0.1:
            return self.random.choice(self.acknowledged)
        self.number += self.random.choice((1, 1, 1, 7)) if self.number % 5 else 1
        return self.number


def senders(port: int, secret: str, count: int = 3, pause: float = 0.0) -> list[Sender]:
    """Some, sending."""
    made = [Sender(f"laptop-{number}", port, secret, number) for number in range(count)]
    for one in made:
        one.pause = pause
        one.start()
    return made


def end(listed: list[Sender]) -> None:
    """They stop."""
    for one in listed:
        one.ending.set()
    for one in listed:
        one.join(60)
        assert not one.is_alive()


def check(store: Path, listed: list[Sender]) -> int:
    """Every acknowledged row is in the store once, no row is twice; how many were acknowledged."""
    found = open_store(store).query("select record_id, count(*) as n from dns group by record_id")
    times = dict(zip(found["record_id"].to_pylist(), found["n"].to_pylist(), strict=True))
    assert set(times.values()) == {1}
    wanted = {
        f"{one.device}-{number}-{row}" for one in listed for number in set(one.acknowledged) for row in range(ROWS)
    }
    missing = wanted - times.keys()
    assert not missing, f"{len(missing)} acknowledged rows are missing, such as {sorted(missing)[:5]}"
    return len(wanted)


def settled(served, secret: str) -> bool:
    """Whether everything acknowledged is committed."""
    text = served.ask("GET", "/metrics", token=secret).body.decode()
    return "farmwatch_log_pending_bytes 0\n" in text and "farmwatch_log_corrupt_total 0\n" in text


@pytest.mark.timeout(120 + 12 * KILLS)
def test_kill_at_any_moment_loses_and_doubles_nothing(tmp_path):
    """With kill -9 under load, at random moments between the start of the process and commits, again and again."""
    store, chance = tmp_path / "store", random.Random(KILLS)
    secret, port = token(store), free_port()
    listed = senders(port, secret)
    try:
        for _ in range(KILLS):
            early = chance.random() < 0.2  # while it starts and commits what the last one left
            served = start(store, *QUICK, port=port, wait=not early)
            time.sleep(chance.uniform(0.2, 2.5) if early else chance.uniform(0.0, 1.0))
            served.kill()
        with serving(store, *QUICK, port=port) as served:
            time.sleep(0.5)
            end(listed)
            until(lambda: settled(served, secret), 120)
            assert served.stop() == 0
    finally:
        for one in listed:
            one.ending.set()
    rows = check(store, listed)
    assert rows > 100 * ROWS
    assert not list((store / "ingest-log" / "quarantine").iterdir())


def test_what_came_is_committed_by_the_next_start(tmp_path):
    """Rows that were acknowledged right before a kill, long before their commit, are there after the next start."""
    store = tmp_path / "store"
    secret = token(store)
    with serving(store, "--commit-after", "3600") as served:
        assert served.ask("POST", "/v1/ingest/dns", batch("a", 1), token=secret).status == 200
        assert served.ask("POST", "/v1/ingest/dns", batch("b", 1), token=secret).status == 200
        served.kill()
    assert "dns" not in open_store(store).tables()
    with serving(store, "--commit-after", "3600") as served:
        until(lambda: "dns" in open_store(store).tables())
        assert served.stop() == 0
    assert any("left by an earlier run" in line for line in served.said)
    assert open_store(store).query("select count(distinct record_id) as n from dns").to_pylist() == [{"n": 2 * ROWS}]


def test_stopping_finishes_what_was_begun(tmp_path):
    """SIGTERM under load: requests in hand are answered, everything acknowledged is committed, the exit code is 0."""
    store = tmp_path / "store"
    secret, port = token(store), free_port()
    with serving(store, port=port) as served:
        listed = senders(port, secret)
        time.sleep(1.5)
        assert served.stop() == 0
        end(listed)
    assert check(store, listed) > 10 * ROWS
    assert not any(line.startswith("listening") is False and "ERROR" in line for line in served.said), served.said


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 MiB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root and mount, for a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    made = subprocess.run(command, capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"no small file system can be mounted here: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Use up all room."""
    path = folder / "filler"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 16)):
            pass
    return path


@pytest.mark.parametrize("free", ["0", "16"], ids=["no-reserve", "reserve"])
def test_a_full_log_disk_asks_senders_to_wait(tmp_path, small_disk, free):
    """No room for the log: 503 with Retry-After and unhealthy; with room again it goes on by itself, nothing lost."""
    store = tmp_path / "store"
    secret, port = token(store), free_port()
    options = (*QUICK, "--log-dir", str(small_disk / "log"), "--min-free", free)
    with serving(store, *options, port=port) as served:
        listed = senders(port, secret, pause=0.005)
        time.sleep(0.5)
        filler = fill(small_disk)
        until(lambda: all(one.answers[503] > 2 for one in listed))
        sick = served.ask("GET", "/healthz")
        assert (sick.status, json.loads(sick.body)["reason"]) in {(503, "disk_full"), (503, "log_unwritable")}
        before = [len(one.acknowledged) for one in listed]
        filler.unlink()
        until(lambda: all(len(one.acknowledged) > count for one, count in zip(listed, before, strict=True)))
        assert until(lambda: served.ask("GET", "/healthz").status == 200)
        end(listed)
        until(lambda: settled(served, secret))
        assert served.stop() == 0
    assert check(store, listed) > ROWS


def test_a_full_store_disk_stops_commits_only(tmp_path, small_disk):
    """No room in the store: rows are still acknowledged and kept in the log; with room again they are committed."""
    store = small_disk / "store"
    secret, port = token(store), free_port()
    options = (*QUICK, "--log-dir", str(tmp_path / "log"))
    with serving(store, *options, port=port) as served:
        served.ask("POST", "/v1/ingest/dns", batch("first", 1), token=secret)
        filler = fill(small_disk)
        listed = senders(port, secret, pause=0.01)
        sick = until(lambda: (found := served.ask("GET", "/healthz")).status == 503 and found)
        assert json.loads(sick.body)["reason"] == "commits_fail"
        before = [len(one.acknowledged) for one in listed]
        until(lambda: all(len(one.acknowledged) > count for one, count in zip(listed, before, strict=True)))
        filler.unlink()
        end(listed)
        until(lambda: settled(served, secret), 60)
        assert until(lambda: served.ask("GET", "/healthz").status == 200)
        assert served.stop() == 0
    assert check(store, listed) > ROWS


def accepted(served, secret: str) -> str:
    """When the server says that it took a row."""
    answer = served.ask("POST", "/v1/ingest/dns", batch("clock", 1), token=secret)
    return json.loads(answer.body)["accepted_at"]


@pytest.mark.skipif(FAKETIME is None, reason="needs libfaketime, to set a process's clock")
def test_steps_of_the_clock_order_nothing(tmp_path, monkeypatch):
    """The clock jumps days ahead and back while rows of these days come, come again and are committed, and a kill."""
    monkeypatch.setattr(sys.modules[__name__], "START", datetime.now(UTC) - timedelta(days=2))
    store, clock = tmp_path / "store", tmp_path / "clock"
    clock.write_text("+0d\n")
    environment = {
        "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    secret, port = token(store), free_port()
    listed = []
    try:
        for steps in (("+3d", "-2d", "+0d"), ("-40d", "+1d")):
            with serving(store, *QUICK, port=port, environment=environment) as served:
                listed = listed or senders(port, secret, pause=0.005)
                for step in steps:
                    clock.write_text(f"{step}\n")
                    day = (datetime.now(UTC) + timedelta(days=int(step[:-1]))).isoformat()[:10]
                    until(lambda served=served, day=day: accepted(served, secret).startswith(day))
                served.kill()
        with serving(store, *QUICK, port=port) as served:
            end(listed)
            until(lambda: settled(served, secret), 60)
            assert served.stop() == 0
    finally:
        for one in listed:
            one.ending.set()
    assert check(store, listed) > 10 * ROWS
