"""The same store behind an object-store URL, on a stand-in for S3 that runs here."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from farmwatch.records.endpoint import DnsLookup, RosterEntry
from farmwatch.store import Store, open_store
from farmwatch.store.check import check
from farmwatch.store.forget import forget
from farmwatch.store.stats import stats
from farmwatch.store.traces import traces
from farmwatch.store.upkeep import compact, vacuum
from tests.store.samples import NOON, dns, roster

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("moto") is None, reason="needs moto, a stand-in for S3: pip install 'moto[server]'"
)


@pytest.fixture(scope="module")
def endpoint():
    """Address of a stand-in for S3, with one bucket."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(urllib.request.Request(f"{address}/lake", method="PUT"), timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        else:
            pytest.skip("the stand-in for S3 does not start here")
        yield address
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def options(endpoint) -> dict[str, str]:
    """What reaching it needs."""
    return {
        "aws_endpoint_url": endpoint,
        "aws_allow_http": "true",
        "aws_access_key_id": "testing",
        "aws_secret_access_key": "testing",
        "aws_region": "us-east-1",
    }


@pytest.fixture
def remote(options, tmp_path, monkeypatch, request) -> Store:
    """An empty store in the bucket, case state in a folder of this test."""
    monkeypatch.setattr("platformdirs.user_data_path", lambda _: tmp_path)
    return open_store(f"s3://lake/{request.node.name}", options=options)


def send(store, rows, **options):
    return store.append({DnsLookup: rows}, feed="x", sender="y", received=NOON, **options)


def test_everything_a_folder_does(remote, options):
    """Append, drop duplicates, transactions, read, SQL, compact, clear, check, stats, forget."""
    assert remote.tables() == []
    for number in range(4):
        send(remote, dns(10, first=5 * number, device="lt1" if number < 3 else "lt2"))
    remote.append({RosterEntry: roster("lt1")}, feed="x", sender="y", received=NOON)
    again = open_store(remote.place.url, options=options)
    assert send(again, dns(20, device="lt1"), transaction=("a", 1)).rows == {"dns": 0}
    assert send(again, dns(21, device="lt1"), transaction=("a", 2)).rows == {"dns": 1}
    assert send(again, dns(99, device="lt1"), transaction=("a", 2)).rows == {"dns": 0}
    assert remote.tables() == ["dns", "roster"]
    assert remote.read(DnsLookup, device_ids=["lt1"]).num_rows == 21
    assert remote.query("SELECT count(*) AS n FROM dns")["n"].to_pylist() == [31]
    assert [one.files_after for one in compact(remote)] == [1, 1]
    assert vacuum(remote, hours=0)["dns"] == 5
    assert list(check(remote)) == []
    assert [(one.table, one.rows, one.devices) for one in stats(remote)] == [("dns", 31, 2), ("roster", 1, 1)]
    assert traces(remote, "lt1")
    assert forget(remote, "lt1").left == ()
    assert traces(remote, "lt1") == []
    assert remote.read(DnsLookup).num_rows == 10


def test_writers_at_once(remote, options):
    """Three writers without a lock: no batch is lost or there twice, and what two wrote at one moment is compacted."""
    send(remote, dns(1))
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            store = open_store(remote.place.url, options=options)
            for batch in range(6):
                first = 100 * number + 10 * batch
                send(store, dns(10, first=first), transaction=(f"writer-{number}", batch))
                send(store, dns(10, first=first), transaction=(f"writer-{number}", batch))
                send(store, dns(5, first=1000 + 5 * batch))
        except BaseException as error:  # noqa: BLE001 (shown by the assertion below)
            failed.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failed == []
    wanted = {number * 100 + row for number in range(3) for row in range(60)} | set(range(1000, 1030)) | {0}
    assert {int(text) for text in remote.read(DnsLookup)["record_id"].to_pylist()} == wanted
    list(compact(remote))
    assert sorted(int(text) for text in remote.read(DnsLookup)["record_id"].to_pylist()) == sorted(wanted)
    assert list(check(remote)) == []


def test_a_bucket_that_is_not_there(options):
    """An error that names the place."""
    from farmwatch.errors import StoreError

    with pytest.raises(StoreError, match="s3://nowhere/x"):
        open_store("s3://nowhere/x", options=options)
