from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import asdict

import pytest

from tests.lab.hand import evade
from tests.lab.hand.evade import CELL, DATA, Plan, Tunnel
from tests.lab.net import ROOT


def ports(count: int) -> list[int]:
    """Return TCP ports of loopback that are free now."""
    doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [door.getsockname()[1] for door in doors]
    for door in doors:
        door.close()
    return found


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")  # a server that speaks first, as RFB's does
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def _talk(port: int, data: bytes, pieces: int) -> tuple[bytes, list[float]]:
    """Send data in pieces to a port and read as much back; returns it and the round trip of each piece."""
    for _ in range(100):
        with contextlib.suppress(ConnectionError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            break
        await asyncio.sleep(0.05)
    back, trips, step = await asyncio.wait_for(reader.readexactly(5), 10), [], len(data) // pieces
    for at in range(0, len(data), step):
        begun = time.monotonic()
        piece = data[at : at + step]
        writer.write(piece)
        back += await asyncio.wait_for(reader.readexactly(len(piece)), 20)
        trips.append(time.monotonic() - begun)
    writer.close()
    return back, trips


async def _through(parts: list[Plan], data: bytes, pieces: int) -> tuple[bytes, list[float]]:
    """Run relay parts, each a program, around an echo server and talk through them."""
    async with await asyncio.start_server(_echo, "127.0.0.1", parts[0].target[1]):
        jobs = []
        for plan in parts:
            command = [sys.executable, "-m", "tests.lab.hand.evade", json.dumps(asdict(plan))]
            jobs.append(await asyncio.create_subprocess_exec(*command, cwd=ROOT))
            await asyncio.sleep(1.5)
        try:
            return await _talk(parts[0].listen, data, pieces)
        finally:
            for job in jobs:
                job.terminate()
                await job.wait()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate and its key."""
    folder = tmp_path_factory.mktemp("relay")
    paths = str(folder / "crt"), str(folder / "key")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-out", paths[0], "-keyout", paths[1], "-subj", "/CN=relay.example"]
    subprocess.run(command, check=True, capture_output=True)
    return paths


@pytest.mark.needs("openssl")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("evasion", ["", "pad", "constant", "chaff", "split"])
def test_what_goes_through_an_evading_tunnel_arrives_whole_and_in_order(
    evasion: str, certificate: tuple[str, str]
) -> None:
    """Bytes both ways are the same whatever is added, padded, split or delayed between."""
    listen, target, broker = ports(3)
    data = random.Random(4).randbytes(30_000)
    shared = (evasion, listen, ("127.0.0.1", target), ("127.0.0.1", broker), False, certificate)
    back, _ = asyncio.run(_through([Plan("broker", *shared), Plan("agent", *shared)], data, 5))
    assert back == b"hello" + data


@pytest.mark.timeout(60)
def test_held_replies_come_late_by_a_random_time() -> None:
    """Replies wait between nothing and the limit, and order is kept."""
    listen, target = ports(2)
    plan = Plan("splice", "hold", listen, ("127.0.0.1", target), hold_ms=80.0)
    back, trips = asyncio.run(_through([plan], bytes(range(240)), 24))
    assert back == b"hello" + bytes(range(240))
    assert 0.015 < statistics.median(trips) < 0.075
    assert max(trips) < 0.11
    assert max(trips) - min(trips) > 0.03


@pytest.mark.timeout(60)
def test_a_schedule_lets_data_go_on_at_ticks_only() -> None:
    """Round trips through a scheduling relay are whole numbers of ticks, whatever the network's were."""
    listen, target = ports(2)
    plan = Plan("splice", "schedule", listen, ("127.0.0.1", target))
    back, trips = asyncio.run(_through([plan], bytes(range(200)), 20))
    assert back == b"hello" + bytes(range(200))
    assert all(abs(trip / evade.SCHEDULE_S - round(trip / evade.SCHEDULE_S)) < 0.25 for trip in trips[1:])


def test_padded_frames_are_all_of_one_size() -> None:
    """Under padding and constant rate a frame's size says nothing of what is in it."""
    for evasion in ("pad", "constant"):
        tunnel = Tunnel(Plan("agent", evasion, 1, ("", 0)), [], agent=True)
        assert {len(tunnel.frame(DATA, bytes(size))) for size in (0, 1, 300, CELL - evade.HEAD.size)} == {CELL}
