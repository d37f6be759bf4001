"""The spool: order, acknowledgement, crashes at any byte, bounded room with counted losses, a full disk."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from farmwatch.agent.spool import Losses, Spool, SpoolError

ROOT = Path(__file__).resolve().parents[2]


def drained(spool, max_bytes=1):
    """All messages, batch by batch, each acknowledged."""
    found = []
    while (batch := spool.batch(max_bytes)) is not None:
        found += batch.messages
        spool.acknowledge(batch)
    return found


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


def test_first_in_first_out(folder):
    """Messages come back in order, and are gone when acknowledged."""
    spool = Spool(folder, 1 << 20)
    sent = [b"message %d" % number for number in range(50)]
    assert all(spool.append(message) for message in sent)
    assert drained(spool, 100) == sent
    assert spool.batch(1) is None
    assert spool.losses == Losses()


def test_unacknowledged_messages_come_again(folder):
    """A batch that was read and not acknowledged is the next batch, also after a restart."""
    spool = Spool(folder, 1 << 20)
    for number in range(4):
        spool.append(b"%d" % number)
    first = spool.batch(2)
    assert spool.batch(2) == first
    spool.acknowledge(first)
    spool.close()
    again = Spool(folder, 1 << 20)
    assert drained(again) == [b"2", b"3"]


def test_messages_over_many_files(folder):
    """Files that are done with are deleted."""
    spool = Spool(folder, 1 << 20)
    sent = [bytes([number]) * 9000 for number in range(100)]
    for message in sent[:90]:
        spool.append(message)
    assert len(list(folder.glob("*.spool"))) > 5
    found = drained(spool, 20_000)
    for message in sent[90:]:
        spool.append(message)
    assert found + drained(spool) == sent
    assert len(list(folder.glob("*.spool"))) <= 2


def test_room_is_bounded_and_losses_are_counted(folder):
    """The oldest messages go when room runs out; sent plus lost is all there was."""
    spool = Spool(folder, 256 << 10)
    sent = [b"%04d" % number + bytes(4000) for number in range(200)]
    for message in sent:
        assert spool.append(message)
        assert spool.pending_bytes <= 256 << 10
    left = drained(spool)
    assert left == sent[-len(left) :]
    assert spool.losses == Losses(200 - len(left), sum(map(len, sent[: 200 - len(left)])))
    spool.close()
    assert Spool(folder, 256 << 10).losses.messages == 200 - len(left)


def test_a_message_larger_than_half_the_room(folder):
    """It is refused and counted, and throws nothing else away."""
    spool = Spool(folder, 1 << 17)
    spool.append(b"small")
    assert not spool.append(bytes(1 << 17))
    assert spool.losses.messages == 1
    assert drained(spool) == [b"small"]


def test_acknowledging_what_was_thrown_away(folder):
    """A batch under way whose file made room is lost once and acknowledged without harm."""
    spool = Spool(folder, 1 << 17)
    for number in range(20):
        spool.append(b"%02d" % number + bytes(5000))
    batch = spool.batch(1)
    for number in range(20, 40):
        spool.append(b"%02d" % number + bytes(5000))
    spool.acknowledge(batch)
    left = drained(spool)
    assert left[-1][:2] == b"39"
    assert len(left) + spool.losses.messages == 40


def test_rejected_messages_are_losses(folder):
    """What the server will never take is given up, and told."""
    spool = Spool(folder, 1 << 20)
    spool.append(b"poison")
    spool.append(b"sound")
    spool.reject(spool.batch(1))
    assert (drained(spool), spool.losses) == ([b"sound"], Losses(1, 6))


@pytest.mark.parametrize("cut", [1, 4, 7, 8, 9, 12])
def test_a_message_cut_short(folder, cut):
    """What a crash left unfinished at the end is cut off; what stands before it stays, what follows is whole."""
    spool = Spool(folder, 1 << 20)
    spool.append(b"first")
    spool.append(b"second")
    spool.close()
    (file,) = folder.glob("*.spool")
    with file.open("r+b") as opened:
        opened.truncate(13 + cut)
    again = Spool(folder, 1 << 20)
    again.append(b"third")
    assert drained(again) == [b"first", b"third"]


def test_damaged_bytes_and_state(folder):
    """A flipped bit ends its file there; a state that cannot be read starts at the oldest message."""
    spool = Spool(folder, 1 << 20)
    for number in range(3):
        spool.append(b"message%d" % number)
    spool.acknowledge(spool.batch(1))
    spool.close()
    (folder / "state.json").write_text("{")
    (file,) = folder.glob("*.spool")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    again = Spool(folder, 1 << 20)
    assert drained(again) == [b"message0", b"message1"]


def test_two_agents_cannot_share_a_spool(folder):
    """The second one is told."""
    spool = Spool(folder, 1 << 20)
    with pytest.raises(SpoolError, match="another agent"):
        Spool(folder, 1 << 20)
    spool.close()
    Spool(folder, 1 << 20).close()


def test_a_folder_that_is_a_file(tmp_path):
    """It is said what cannot be used."""
    (tmp_path / "x").write_text("")
    with pytest.raises(SpoolError, match="cannot be used"):
        Spool(tmp_path / "x", 1 << 20)


def test_a_full_disk(folder, monkeypatch):
    """A write that fails half way leaves no half message; the message counts as lost, later ones are kept."""
    spool = Spool(folder, 1 << 20)
    spool.append(b"before")
    real, calls = os.write, []

    def full(fd, data):
        calls.append(len(data))
        if len(calls) == 1:
            return real(fd, bytes(data[:5]))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert not spool.append(b"lost")
    monkeypatch.undo()
    assert spool.append(b"after")
    assert drained(spool) == [b"before", b"after"]
    assert spool.losses == Losses(1, 4)


WRITER = """
import sys
from pathlib import Path
from farmwatch.agent.spool import Spool
spool = Spool(Path(sys.argv[1]), 64 << 20)
number = int(sys.argv[2])
while True:
    if spool.append(b"%d " % number + bytes(number % 3000)):
        print(number, flush=True)
    if number % 7 == 0 and (batch := spool.batch(4000)):
        print("sent", b",".join(message.split()[0] for message in batch.messages).decode(), flush=True)
        spool.acknowledge(batch)
    number += 1
"""


def test_killed_at_any_moment(folder):
    """Thirty times kill -9 while it writes and acknowledges: every message it said was kept comes out, in order."""
    rng = random.Random(31)
    kept, sent, number = set(), set(), 0
    for _ in range(30):
        job = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), str(number)], stdout=subprocess.PIPE, cwd=ROOT, text=True
        )
        first = job.stdout.readline()
        time.sleep(rng.uniform(0, 0.1))
        job.send_signal(signal.SIGKILL)
        lines = [first, *job.stdout.read().split("\n")]
        job.wait()
        job.stdout.close()
        for line in lines[:-1]:
            if line.startswith("sent"):
                sent |= {int(part) for part in line.split()[1].split(",")}
            elif line.strip().isdecimal():
                kept.add(int(line))
        number = max(kept) + 10
    spool = Spool(folder, 64 << 20)
    left = [int(message.split()[0]) for message in drained(spool, 1 << 20)]
    assert left == sorted(left)
    assert kept <= sent | set(left)
    assert len(kept) >= 30
    assert spool.losses == Losses()
