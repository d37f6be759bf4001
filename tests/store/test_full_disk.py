"""A full disk: an append fails whole, says what to do, and works again once there is room."""

from __future__ import annotations

import os
import subprocess

import numpy as np
import pyarrow as pa
import pytest

from farmwatch.errors import StoreError
from farmwatch.records.endpoint import DnsLookup
from farmwatch.store import open_store
from farmwatch.store.check import check
from tests.store.samples import NOON, dns


@pytest.fixture
def small_disk(tmp_path):
    """A file system of four megabytes."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root mounts a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no mounts here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def big(count: int, first: int) -> pa.Table:
    """Rows that do not compress."""
    rows = dns(count, first=first)
    names = pa.array([os.urandom(500).hex() for _ in range(count)])
    return rows.set_column(rows.schema.get_field_index("name"), rows.schema.field("name"), names)


def test_an_append_without_room_leaves_the_table_as_it_was(small_disk):
    """Until the disk is full rows are stored; then the error says so, and nothing of the batch is left."""
    store, stored = open_store(small_disk / "store"), 0

    def fill() -> None:
        nonlocal stored
        for number in range(40):
            stored += store.append({DnsLookup: big(500, 500 * number)}, feed="x", sender="y", received=NOON).rows["dns"]

    with pytest.raises(StoreError, match=r"disk is full.*Make room"):
        fill()
    assert 500 <= stored < 20_000
    assert store.read(DnsLookup).num_rows == stored
    named = {file.path for file in store.table("dns").snapshot().files}
    there = {str(path.relative_to(store.table("dns").uri)) for path in small_disk.glob("store/tables/dns/day=*/*")}
    assert there == named
    assert list(check(store)) == []


@pytest.mark.parametrize("room", [0, 300, 2000, 9000, 20_000])
def test_room_for_a_part_only(small_disk, room):
    """However little is left, between any two writes of an append: all of it or nothing, and later it goes on."""
    store = open_store(small_disk / "store")
    for number in range(49):  # the next commit makes a checkpoint
        store.append({DnsLookup: dns(1, first=number)}, feed="x", sender="y", received=NOON)
    filler = small_disk / "filler"
    free = os.statvfs(small_disk)
    with filler.open("wb") as file:
        file.write(np.zeros(max(free.f_bavail * free.f_frsize - room // 4096 * 4096, 0), np.uint8).tobytes())
    rows = dns(30, first=100)
    before = store.read(DnsLookup).num_rows
    try:
        added = store.append({DnsLookup: rows}, feed="x", sender="y", received=NOON, transaction=("a", 1)).rows["dns"]
    except StoreError:
        added = 0
    assert open_store(small_disk / "store").read(DnsLookup).num_rows == before + added
    filler.unlink()
    again = store.append({DnsLookup: rows}, feed="x", sender="y", received=NOON, transaction=("a", 2)).rows["dns"]
    assert added + again == 30
    assert store.read(DnsLookup).num_rows == 79
    assert list(check(store)) == []
