"""Measure the ingest server: ``python -m tests.bench.serve [--seconds S] [--batch N] [--connections C]``.

Starts ``farmwatch serve`` on loopback with its store on the disk under test, sends prepared NDJSON bodies of rows that
are all different over a few kept connections (the client shares the machine), and prints rows per second, the time
to the durable answer, and how far commits were behind. Beside it: the same bytes written by one process with an fsync
for each body, and syslog-ng writing the same lines to a file, where it is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from farmwatch.store import open_store  # noqa: E402
from tests.server.serving import START_S, start, token, until  # noqa: E402  (after the path is set)

START = datetime(2026, 3, 4, tzinfo=UTC)


def lines(first: int, count: int, kind: str) -> bytes:
    """Rows of a table as agents send them; no two are alike."""
    made = []
    for number in range(first, first + count):
        row = {
            "device_id": f"ACME-LT-{number % 500:04d}",
            "ts": (START + timedelta(milliseconds=number)).isoformat(timespec="milliseconds"),
            "record_id": f"{number:012d}",
        }
        if kind == "dns":
            row |= {"name": f"host-{number % 5000}.service-{number % 97}.example", "qtype": "A", "process": "browser"}
        else:
            program = number * 7 % 2000
            row |= {
                "event": "seen", "name": f"program-{program}.exe", "pid": 4 + number % 60_000,
                "path": f"C:\\Program Files\\Vendor {program % 97}\\Product {program}\\bin\\program-{program}.exe",
                "sha256": sha256(str(program).encode()).hexdigest(),
            }  # fmt: skip
        made.append(json.dumps(row, separators=(",", ":")))
    return ("\n".join(made) + "\n").encode()


def requests(bodies: list[bytes], kind: str, secret: str) -> list[bytes]:
    """Whole HTTP requests."""
    head = (
        f"POST /v1/ingest/{kind} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {secret}\r\n"
        "Content-Type: application/x-ndjson\r\nContent-Length: "
    ).encode()
    return [b"%s%d\r\n\r\n%s" % (head, len(body), body) for body in bodies]


def client(port: int, listed: list[bytes], connections: int, results: multiprocessing.Queue) -> None:
    """Send requests over so many connections, each waiting for its answer; times of all."""
    times: list[float] = []
    refused: list[bytes] = []
    following = iter(listed)
    guard = threading.Lock()

    def send_on() -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                with guard:
                    request = next(following, None)
                if request is None:
                    return
                began = time.perf_counter()
                connection.sendall(request)
                answer = connection.recv(1 << 16)
                while b"\r\n\r\n" not in answer or not answer.rstrip().endswith(b"}"):
                    answer += connection.recv(1 << 16)
                times.append(time.perf_counter() - began)
                if not answer.startswith(b"HTTP/1.1 200"):
                    refused.append(answer)

    threads = [threading.Thread(target=send_on) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((time.perf_counter() - began, times, [one.decode("latin-1")[:300] for one in refused]))


def measure_server(folder: Path, kind: str, bodies: list[bytes], rows: int, connections: int) -> None:
    """The server's line."""
    store = folder / "store"
    secret = token(store)
    served = start(store, "--rate", "0")
    try:
        warm = lines(10**9, 1000, kind)
        assert json.loads(served.ask("POST", f"/v1/ingest/{kind}", warm, token=secret).body)["used"] == 1000
        results: multiprocessing.Queue = multiprocessing.Queue()
        listed = requests(bodies, kind, secret)
        before = processor_s(served.process.pid)
        sender = multiprocessing.Process(target=client, args=(served.port, listed, connections, results))
        sender.start()
        took, times, refused = results.get(timeout=600)
        sender.join()
        behind = metric(served.ask("GET", "/metrics", token=secret).body, "farmwatch_commit_lag_seconds")
        ended = time.perf_counter()
        until(lambda: metric(served.ask("GET", "/metrics", token=secret).body, "farmwatch_log_pending_bytes") == 0, 300)
        settled = time.perf_counter() - ended
        spent, peak = processor_s(served.process.pid) - before, peak_mb(served.process.pid)
        assert served.stop() == 0
    finally:
        if served.process.poll() is None:
            served.kill()
    for text in refused[:3]:
        print("refused:", text)
    times.sort()
    shown = ", ".join(
        f"p{share} {1000 * times[min(len(times) - 1, len(times) * share // 100)]:.0f}" for share in (50, 90, 99)
    )
    print(
        f"farmwatch serve   {rows / took:>9,.0f} rows/s  {sum(map(len, bodies)) / took / 1e6:6.1f} MB/s  answered: "
        f"{shown}, longest {1000 * times[-1]:.0f} ms; {len(refused)} refused; commits {behind:.1f} s behind at the "
        f"end, all in the store {settled:.1f} s later; processor {spent:.1f} s of {took + settled:.1f} s; "
        f"peak memory {peak:.0f} MB"
    )
    stored = open_store(store).query(f"select count(*) as n, count(distinct record_id) as d from {kind}").to_pylist()[0]
    assert stored == {"n": rows + 1000, "d": rows + 1000}, stored


def processor_s(pid: int) -> float:
    """Processor seconds of a process so far."""
    parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> float:
    """Largest resident memory of a process so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def metric(text: bytes, name: str) -> float:
    """One number of /metrics."""
    return next(float(line.split()[-1]) for line in text.decode().splitlines() if line.startswith(name + " "))


def measure_plain(folder: Path, bodies: list[bytes], rows: int) -> None:
    """The same bytes, an fsync for each body, nothing else."""
    file = os.open(folder / "plain", os.O_CREAT | os.O_WRONLY, 0o600)
    times = []
    began = time.perf_counter()
    for body in bodies:
        at = time.perf_counter()
        os.write(file, body)
        os.fsync(file)
        times.append(time.perf_counter() - at)
    took = time.perf_counter() - began
    os.close(file)
    times.sort()
    print(
        f"write + fsync     {rows / took:>9,.0f} rows/s  {sum(map(len, bodies)) / took / 1e6:6.1f} MB/s  "
        f"p50 {1000 * times[len(times) // 2]:.1f}, p99 {1000 * times[len(times) * 99 // 100]:.1f} ms; one process, "
        "nothing read"
    )


def measure_syslog(folder: Path, bodies: list[bytes], rows: int, connections: int) -> None:
    """syslog-ng takes the same lines over TCP and writes them to a file, no fsync, no answers, its defaults."""
    program = shutil.which("syslog-ng")
    if program is None:
        print("syslog-ng         not installed")
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    number = version.split("Config version:")[1].split()[0]
    target = folder / "syslog.out"
    config = folder / "syslog-ng.conf"
    config.write_text(
        f"@version: {number}\n"
        f"source s {{ network(ip(127.0.0.1) port({port}) transport(tcp) flags(no-parse) log-iw-size(100000) "
        f'max-connections(50)); }};\ndestination d {{ file("{target}" template("$MSG\\n") log-fifo-size(200000)); }};\n'
        "log { source(s); destination(d); flags(flow-control); };\n"
    )
    command = [program, "-F", "-f", str(config), "-R", str(folder / "persist"), "-c", str(folder / "control"), "-p",
               str(folder / "pid"), "--no-caps"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:

        def listens() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
            return False

        until(listens, START_S)
        began = time.perf_counter()
        senders = [
            multiprocessing.Process(target=pour, args=(port, bodies[one::connections])) for one in range(connections)
        ]
        for sender in senders:
            sender.start()
        size = sum(map(len, bodies))
        until(lambda: target.exists() and target.stat().st_size >= size, 600, 0.01)
        took = time.perf_counter() - began
        for sender in senders:
            sender.join()
        print(f"syslog-ng         {rows / took:>9,.0f} rows/s  {size / took / 1e6:6.1f} MB/s  to a file, no fsync")
    finally:
        process.terminate()
        process.wait(30)


def pour(port: int, bodies: list[bytes]) -> None:
    """Send lines, wait for nothing."""
    with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
        for body in bodies:
            connection.sendall(body)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_200_000)
    parser.add_argument("--batch", type=int, default=1000, help="rows of a body")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--kind", choices=("dns", "processes"), default="processes")
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    given = parser.parse_args()
    count = max(1, given.rows // given.batch)
    bodies = [lines(number * given.batch, given.batch, given.kind) for number in range(count)]
    rows = count * given.batch
    print(f"{rows:,} rows of {given.kind}, {sum(map(len, bodies)) / rows:.0f} B a line, {given.batch} a body, "
          f"{given.connections} connections, {os.cpu_count()} processors")  # fmt: skip
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        measure_server(folder, given.kind, bodies, rows, given.connections)
        measure_plain(folder, bodies, rows)
        measure_syslog(folder, bodies, rows, 2)


if __name__ == "__main__":
    main()
