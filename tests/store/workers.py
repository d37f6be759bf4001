"""What the processes of the tests do: ``python -m tests.store.workers WORK STORE ARGUMENT...``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from farmwatch.records.endpoint import DnsLookup
from farmwatch.store import open_store
from farmwatch.store.upkeep import compact, vacuum
from tests.store.samples import NOON, dns


def write(url: str, first: str, batches: str) -> dict[str, int]:
    """Append overlapping batches: half of each is in the one before it, and other writers write the same."""
    store = open_store(url)
    new = 0
    for number in range(int(first), int(first) + int(batches)):
        stored = store.append({DnsLookup: dns(20, first=10 * number)}, feed="x", sender="y", received=NOON)
        new += stored.rows["dns"]
    return {"new": new}


def transact(url: str, batches: str) -> dict[str, int]:
    """Append numbered batches, each with its own rows."""
    store = open_store(url)
    new = 0
    for number in range(int(batches)):
        rows = dns(10, first=10 * number)
        stored = store.append({DnsLookup: rows}, feed="x", sender="y", received=NOON, transaction=("door", number))
        new += stored.rows["dns"]
    return {"new": new}


def tidy(url: str, until: str) -> dict[str, int]:
    """Compact and clear at once, over and over, until a file appears."""
    store = open_store(url)
    turns = joined = cleared = 0
    while not Path(until).exists():
        for done in compact(store):
            joined += done.files_before - done.files_after
        cleared += sum(vacuum(store, hours=0).values())
        turns += 1
    return {"turns": turns, "joined": joined, "cleared": cleared}


def read(url: str, until: str) -> dict[str, int]:
    """Read all rows over and over; no row may be there twice, and none that was read may be missing later."""
    store = open_store(url)
    reads = most = 0
    while not Path(until).exists():
        numbers = store.read(DnsLookup, columns=["record_id"])["record_id"].to_pylist()
        assert len(set(numbers)) == len(numbers)
        assert len(numbers) >= most
        most = len(numbers)
        assert store.query("SELECT count(*) AS n FROM dns")["n"].to_pylist()[0] >= most
        reads += 1
    return {"reads": reads, "most": most}


def tokens(url: str, name: str, count: str) -> dict[str, int]:
    """Make, check and revoke tokens, enrol hosts and decide cases."""
    state = open_store(url).state
    for number in range(int(count)):
        token = state.add_token(f"{name}-{number}")
        assert state.check_token(token) is not None
        assert state.enrolled(state.enrol(f"{name}-{number}")) is not None
        state.cases.decide("lt", "driven", "confirmed", reason="seen", who=name)
        if number % 2:
            state.revoke_token(f"{name}-{number}")
    return {"pepper": int.from_bytes(state.pepper()[:4], "big")}


def endless(url: str) -> dict[str, int]:
    """Append until killed; each batch is said on standard output once it is stored."""
    store = open_store(url)
    number = 0
    while True:
        rows = dns(50, first=50 * number)
        store.append({DnsLookup: rows}, feed="x", sender="y", received=NOON, transaction=("door", number))
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    work = {"write": write, "transact": transact, "tidy": tidy, "read": read, "tokens": tokens, "endless": endless}
    print(json.dumps(work[sys.argv[1]](*sys.argv[2:])))
