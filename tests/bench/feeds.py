"""Measure the feeds of large files: ``python -m tests.bench.feeds [--rows N] [--folder DIR]``.

Writes a Zeek connection log in both forms, a Suricata log and own rows as NDJSON, each of so many records, and
reads each through its feed, parsed, mapped to tables, checked and accounted for, and then into a store. Beside each
stands DuckDB's own reader on the same file, which parses all columns into a table in memory, and the ratio of the
two rates. The files are read from the page cache. Each measurement is a process of its own, so that peak memory is
its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

START = 1_793_600_000
CONN = (
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes",
    "resp_bytes", "conn_state", "local_orig", "local_resp", "missed_bytes", "history", "orig_pkts", "orig_ip_bytes",
    "resp_pkts", "resp_ip_bytes",
)  # fmt: skip
LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"))
PART = 50_000
READ_TABS = "read_csv('{path}', delim='\\t', comment='#', quote='', header=false, nullstr='-')"
READ_JSON = "read_json('{path}', format='newline_delimited')"
#: what is measured: file, kind of the feed, DuckDB's reader of the same file
CASES = {
    "zeek TSV": ("conn.log", "zeek", READ_TABS),
    "zeek JSON": ("conn.json", "zeek", READ_JSON),
    "suricata EVE": ("eve.json", "suricata-eve", READ_JSON),
    "own NDJSON": ("sockets.ndjson", "sockets", READ_JSON),
}


def parts(rows: int, rng: np.random.Generator) -> Iterator[dict[str, list]]:
    """Connections as columns, so many at a time: few clients, many servers, the usual services."""
    for first in range(0, rows, PART):
        count = min(PART, rows - first)
        udp = rng.random(count) < 0.3
        sent, got = rng.integers(50, 5_000, count), rng.integers(50, 200_000, count)
        ids = LETTERS[rng.integers(0, len(LETTERS), (count, 17))]
        server = rng.integers(1, 255, (3, count))
        yield {
            "ts": [START + (first + at) * 0.05 for at in range(count)],
            "uid": ["C" + "".join(letters) for letters in ids],
            "id.orig_h": addresses("10.20.{}.{}", rng.integers(0, 40, count), rng.integers(1, 255, count)),
            "id.orig_p": rng.integers(32_768, 61_000, count).tolist(),
            "id.resp_h": addresses("203.{}.{}.{}", *server),
            "id.resp_p": np.where(udp, 53, 443).tolist(),
            "proto": np.where(udp, "udp", "tcp").tolist(),
            "service": np.where(udp, "dns", rng.choice(["ssl", "http", "-"], count)).tolist(),
            "duration": rng.random(count).round(6).tolist(),
            "orig_bytes": sent.tolist(), "resp_bytes": got.tolist(),
            "conn_state": rng.choice(["SF", "S1", "RSTO"], count).tolist(),
            "local_orig": [True] * count, "local_resp": [False] * count, "missed_bytes": [0] * count,
            "history": ["ShADadFf"] * count, "orig_pkts": (sent // 500 + 3).tolist(),
            "orig_ip_bytes": (sent + 400).tolist(), "resp_pkts": (got // 1400 + 3).tolist(),
            "resp_ip_bytes": (got + 1600).tolist(),
        }  # fmt: skip


def moment(seconds: float) -> str:
    """A time in ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def addresses(pattern: str, *numbers: np.ndarray) -> list[str]:
    """Addresses by their numbers."""
    return [pattern.format(*each) for each in zip(*numbers, strict=True)]


def conn_tsv(part: dict[str, list]) -> str:
    """Tab-separated lines."""
    truth = {True: "T", False: "F"}
    columns = [[truth.get(value, value) if isinstance(value, bool) else value for value in part[name]] for name in CONN]
    return "".join("\t".join(map(str, row)) + "\n" for row in zip(*columns, strict=True))


def conn_json(part: dict[str, list]) -> str:
    """JSON lines, unset fields left out."""
    rows = (dict(zip(CONN, row, strict=True)) for row in zip(*(part[name] for name in CONN), strict=True))
    return "".join(json.dumps({k: v for k, v in row.items() if v != "-"}, separators=(",", ":")) + "\n" for row in rows)


def eve(part: dict[str, list]) -> str:
    """Events: two flows, a lookup, an answer and a handshake in five."""
    lines = []
    names = ("ts", "id.orig_h", "id.orig_p", "id.resp_h", "orig_bytes", "resp_bytes")
    rows = zip(*(part[name] for name in names), strict=True)
    for at, (ts, orig, orig_p, resp, sent, got) in enumerate(rows):
        when = moment(ts).replace("Z", "+0000")
        event = {
            "timestamp": when, "flow_id": int(ts * 20) * 7919, "in_iface": "eth1", "event_type": "flow", "src_ip": orig,
            "src_port": orig_p, "dest_ip": resp, "dest_port": 443, "proto": "TCP",
        }  # fmt: skip
        lines.append(json.dumps(event | event_body(at, when, resp, sent, got), separators=(",", ":")) + "\n")
    return "".join(lines)


def event_body(at: int, when: str, resp: str, sent: int, got: int) -> dict:
    """What an event of one of five sorts has beside its ends."""
    name = f"host{at % 9_973}.example.com"
    if at % 5 < 2:
        return {
            "app_proto": "tls",
            "flow": {"pkts_toserver": 10, "pkts_toclient": 40, "bytes_toserver": sent + 600,
                     "bytes_toclient": got + 2400,
                     "start": when, "end": when, "age": 0, "state": "closed", "reason": "timeout", "alerted": False},
            "tcp": {"tcp_flags": "1b", "syn": True, "fin": True, "psh": True, "ack": True, "state": "closed"},
        }  # fmt: skip
    if at % 5 == 2:
        dns = {"type": "query", "id": at % 65_536, "rrname": name, "rrtype": "A", "tx_id": 0, "opcode": 0}
        return {"event_type": "dns", "dest_port": 53, "proto": "UDP", "dns": dns}
    if at % 5 == 3:
        answers = [{"rrname": name, "rrtype": "A", "ttl": 60, "rdata": resp}]
        dns = {"version": 2, "type": "answer", "id": at % 65_536, "flags": "8180", "qr": True, "rd": True, "ra": True,
               "rrname": name, "rrtype": "A", "rcode": "NOERROR", "answers": answers,
               "grouped": {"A": [resp]}}  # fmt: skip
        return {"event_type": "dns", "dest_port": 53, "proto": "UDP", "dns": dns}
    tls = {"subject": f"C=US, O=Example, CN={name}", "issuerdn": "C=US, O=Example Trust, CN=Example CA", "sni": name,
           "version": "TLS 1.2", "notbefore": "2026-01-01T00:00:00", "notafter": "2027-01-01T00:00:00",
           "fingerprint": "aa:bb:cc", "ja4": "t13d1516h2_8daaf6152771_e5627efa2ab1"}  # fmt: skip
    return {"event_type": "tls", "tls": tls}


def sockets(part: dict[str, list]) -> str:
    """Own rows of connections with the program behind them."""
    ends = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto")
    lines = []
    for ts, uid, orig, orig_p, resp, resp_p, proto in zip(*(part[name] for name in ends), strict=True):
        row = {
            "device_id": f"acme-lt-{orig_p % 500:04d}", "ts": moment(ts), "record_id": uid, "state": "connected",
            "proto": proto, "process": "browser.exe", "pid": orig_p, "local_h": orig, "local_p": orig_p,
            "remote_h": resp, "remote_p": resp_p, "outbound": True,
        }  # fmt: skip
        lines.append(json.dumps(row, separators=(",", ":")) + "\n")
    return "".join(lines)


def write(folder: Path, rows: int) -> None:
    """All files, unless they are there."""
    written: dict[str, Callable[[dict[str, list]], str]] = {
        "conn.log": conn_tsv, "conn.json": conn_json, "eve.json": eve, "sockets.ndjson": sockets,
    }  # fmt: skip
    for name, lines in written.items():
        if not (folder / name).exists():
            rng = np.random.default_rng(7)
            with (folder / name).open("w", encoding="utf-8") as file:
                if name == "conn.log":
                    file.write(
                        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
                    )
                    file.write("#fields\t" + "\t".join(CONN) + "\n")
                for part in parts(rows, rng):
                    file.write(lines(part))


def feed_rate(path: Path, kind: str) -> None:
    """Read a file through its feed and print records, seconds of the clock and of the processors, and peak memory."""
    from farmwatch.collectors.feeds.contract import Context
    from farmwatch.collectors.feeds.opening import Input, opened
    from farmwatch.collectors.feeds.registry import feed_of

    context = Context(str(path), datetime(2026, 11, 1, tzinfo=UTC), b"p" * 32, threads=True)
    records = used = 0
    with opened(Input(str(path), path)) as stream:
        began, worked = time.perf_counter(), time.process_time()
        for parsed in feed_of(kind).read(stream, context):
            assert parsed.balanced()
            records, used = records + parsed.records, used + parsed.used
        taken, worked = time.perf_counter() - began, time.process_time() - worked
    if used != records:
        raise SystemExit(f"{records - used} of {records} records of {path} were not used")
    report(records, taken, worked)


def stored_rate(path: Path, kind: str) -> None:
    """Take a file into a store of its own, as ``farmwatch ingest`` does without its start, and print the same."""
    from farmwatch.intake import Intake
    from farmwatch.store import open_store

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        store = open_store(folder)
        began, worked = time.perf_counter(), time.process_time()
        with Intake(store) as intake:
            [account] = intake.take([path], kind=kind)
        report(account.records, time.perf_counter() - began, time.process_time() - worked)


def duckdb_rate(path: Path, reader: str) -> None:
    """Read a file with DuckDB's own reader and print the same."""
    import duckdb

    with duckdb.connect() as connection:
        began, worked = time.perf_counter(), time.process_time()
        found = connection.execute(f"CREATE TABLE t AS SELECT * FROM {reader.format(path=path)}").fetchone()
        taken, worked = time.perf_counter() - began, time.process_time() - worked
        assert found is not None
        report(int(found[0]), taken, worked)


def report(records: int, taken: float, worked: float) -> None:
    """One line for the process that asked."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"records": records, "seconds": taken, "work": worked, "peak_mb": peak}))


def measured(*arguments: str) -> dict:
    """The better of two runs of this module in processes of their own."""
    runs = []
    for _ in range(2):
        ran = subprocess.run(
            [sys.executable, "-m", "tests.bench.feeds", *arguments], capture_output=True, text=True, check=True
        )
        runs.append(json.loads(ran.stdout))
    return min(runs, key=lambda run: run["seconds"])


def compare(folder: Path, rows: int) -> list[dict]:
    """Every file through its feed and through DuckDB."""
    write(folder, rows)
    found = []
    for name, (file, _, _) in CASES.items():
        ours, theirs = (
            measured("--one", name, "--folder", str(folder)),
            measured("--duckdb", name, "--folder", str(folder)),
        )
        assert ours["records"] == theirs["records"] == rows, (name, ours, theirs)
        kept = measured("--stored", name, "--folder", str(folder))
        size = (folder / file).stat().st_size
        found.append({"name": name, "bytes": size, "ours": ours, "theirs": theirs, "kept": kept})
        rate, other = rows / ours["seconds"], rows / theirs["seconds"]
        print(
            f"{name:<13} {rows:>9,} records {size / 1e6:6,.0f} MB  "
            f"stored {rows / kept['seconds']:>9,.0f}/s, peak {kept['peak_mb']:4.0f} MB;  "
            f"feed {rate:>9,.0f}/s, {rows / ours['work']:>9,.0f} a processor second, peak {ours['peak_mb']:4.0f} MB;  "
            f"DuckDB {other:>9,.0f}/s, {rows / theirs['work']:>9,.0f} a processor second, "
            f"peak {theirs['peak_mb']:4.0f} MB;  ratio {rate / other:.2f}",
            flush=True,
        )
    return found


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--one", choices=CASES)
    parser.add_argument("--stored", choices=CASES)
    parser.add_argument("--duckdb", choices=CASES)
    given = parser.parse_args()
    if given.one:
        file, kind, _ = CASES[given.one]
        feed_rate(given.folder / file, kind)
    elif given.stored:
        file, kind, _ = CASES[given.stored]
        stored_rate(given.folder / file, kind)
    elif given.duckdb:
        file, _, reader = CASES[given.duckdb]
        duckdb_rate(given.folder / file, reader)
    elif given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
        compare(given.folder, given.rows)
    else:
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), given.rows)


if __name__ == "__main__":
    main()
