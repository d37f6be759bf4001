"""A small network of namespaces for recording real programs, and everything started in it, ended with it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Self

from tests.lab.link import Link

ROOT = Path(__file__).resolve().parents[2]
SIOCETHTOOL = 0x8946
_OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)  # ETHTOOL_STXCSUM, _STSO, _SGSO, _SGRO


class Lab:
    """Namespaces, links and processes that live as long as the ``with`` block.

    Names carry the process id, so several labs can stand side by side. Only processes started here are ended.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="farmwatch-lab-"))
        self.names: dict[str, str] = {}
        self.jobs: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for job in reversed(self.jobs):
            stop(job)
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], check=False)
            shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def namespace(self, short: str, *, forward: bool = False) -> None:
        """Create a namespace with its loopback up; ``forward`` makes it a router."""
        name = self.names[short] = f"fw{os.getpid()}{short}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.run(short, "ip", "link", "set", "lo", "up")
        # Without IPv6 there are no router solicitations and duplicate-address probes between the packets under test.
        self.run(short, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6")
        if forward:
            self.run(short, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")

    def wire(self, left: tuple[str, str, str, str], right: tuple[str, str, str, str]) -> None:
        """Join two namespaces by a cable; each end is (namespace, interface, address/prefix, MAC)."""
        one, two = (f"fw{os.getpid() % 10000}{side}{len(self.jobs)}" for side in "ab")
        subprocess.run(["ip", "link", "add", one, "type", "veth", "peer", "name", two], check=True)
        for temporary, (short, name, address, mac) in ((one, left), (two, right)):
            subprocess.run(["ip", "link", "set", temporary, "netns", self.names[short], "name", name], check=True)
            self.run(short, "ip", "link", "set", name, "address", mac, "up")
            self.run(short, "ip", "addr", "add", address, "dev", name)
            self._plain_packets(short, name)

    def _plain_packets(self, short: str, name: str) -> None:
        """Switch offloads off, so that a capture shows real segments with real checksums."""
        script = (
            "import fcntl, socket, struct, ctypes\n"
            f"for command in {_OFFLOADS}:\n"
            "    value = ctypes.create_string_buffer(struct.pack('II', command, 0))\n"
            f"    request = struct.pack('16sP16x', {name.encode()!r}, ctypes.addressof(value))\n"
            f"    fcntl.ioctl(socket.socket(), {SIOCETHTOOL}, request)\n"
        )
        self.run(short, "python3", "-c", script)

    def delay(
        self, near: tuple[str, str, str], far: tuple[str, str, str], delay_ms: float, jitter_ms: float = 0.0,
        *, law: str = "exponential", loss: float = 0.0, reorder: float = 0.0, rate_mbit: float = 0.0, seed: int = 0,
    ) -> None:  # fmt: skip
        """Join two namespaces by a :class:`Link`; each end is (namespace, interface, address)."""
        ends = [(self.names[short], name, address) for short, name, address in (near, far)]
        link = Link(ends[0], ends[1], delay_ms, jitter_ms, seed + len(self.jobs), law, loss, reorder, rate_mbit)
        job = subprocess.Popen(link.arguments(), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.jobs.append(job)
        stdout = job.stdout
        assert stdout is not None
        if stdout.readline() != b"ready\n":
            raise OSError(f"the link {near} - {far} did not come up")

    def command(self, short: str, *arguments: str) -> list[str]:
        """Return a command line that runs inside a namespace."""
        return ["ip", "netns", "exec", self.names[short], *arguments]

    def run(self, short: str, *arguments: str, env: dict[str, str] | None = None, timeout: float = 60) -> str:
        """Run a program to its end inside a namespace and return its output.

        Raises:
            subprocess.CalledProcessError: when it fails.
        """
        done = subprocess.run(
            self.command(short, *arguments), check=True, capture_output=True, text=True, timeout=timeout,
            env={**os.environ, **(env or {})}, cwd=ROOT,
        )  # fmt: skip
        return done.stdout

    def start(
        self, short: str, *arguments: str, env: dict[str, str] | None = None,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Start a program inside a namespace; its output goes to a log in the lab's folder."""
        log = (self.folder / f"{len(self.jobs):02}-{Path(arguments[0]).name}.log").open("wb")
        with log:
            job = subprocess.Popen(
                self.command(short, *arguments), stdin=stdin, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "HOME": str(self.folder), **(env or {})}, cwd=ROOT,
            )  # fmt: skip
        self.jobs.append(job)
        return job

    def logs(self) -> str:
        """Return the ends of all logs, for error messages."""
        return "\n".join(
            f"== {log.name}\n{log.read_text(errors='replace')[-800:]}" for log in sorted(self.folder.glob("*.log"))
        )

    def capture(self, short: str, interface: str, path: Path) -> subprocess.Popen[bytes]:
        """Start tcpdump on an interface and return when it is listening."""
        job = self.start(short, "tcpdump", "-i", interface, "-w", str(path), "-U", "-s", "0", "-Z", "root")
        wait_for(lambda: path.is_file() and path.stat().st_size >= 24, "tcpdump to listen")
        return job

    def resolver(self, short: str, address: str) -> None:
        """Name the DNS server of a namespace."""
        folder = Path("/etc/netns") / self.names[short]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text(f"nameserver {address}\n")

    def listening(self, short: str, port: int) -> None:
        """Wait until something in the namespace listens on a TCP or UDP port."""
        wait_for(lambda: f":{port} " in self.run(short, "ss", "-Hltun"), f"a listener on port {port}\n{self.logs()}")

    def ping_ms(self, short: str, address: str, count: int = 10) -> float:
        """Return the smallest round trip ping measures, in milliseconds."""
        out = self.run(short, "ping", "-n", "-c", str(count), "-i", "0.2", address)
        found = re.search(r"= ([\d.]+)/", out)
        assert found, out
        return float(found.group(1))


def stop(job: subprocess.Popen[bytes]) -> None:
    """End a process started here, and its children when it leads a process group."""
    for pipe in (job.stdin, job.stdout):
        if pipe is not None:
            pipe.close()
    if job.poll() is not None:
        return
    try:
        if os.getpgid(job.pid) == job.pid:
            os.killpg(job.pid, signal.SIGTERM)
        else:
            job.terminate()
        job.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL) if os.getpgid(job.pid) == job.pid else job.kill()
        job.wait(5)


def wait_for(ready: object, what: str, seconds: float = 20.0) -> None:
    """Call ``ready`` until it is true.

    Raises:
        TimeoutError: after so many seconds.
    """
    assert callable(ready)
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def free_display(first: int = 61) -> int:
    """Return an X display number nobody uses."""
    for number in range(first, first + 200):
        if not Path(f"/tmp/.X{number}-lock").exists() and not Path(f"/tmp/.X11-unix/X{number}").exists():
            return number
    raise OSError("no free X display")


def versions(*commands: tuple[str, str]) -> dict[str, str]:
    """Return the first version-like word each program prints for a flag, by program."""
    out = {}
    for program, flag in commands:
        done = subprocess.run([program, flag], check=False, capture_output=True, text=True, timeout=20)
        found = re.search(r"\d+\.\d+[\w.~+-]*", done.stdout + done.stderr)
        out[program] = found.group(0) if found else "unknown"
    return out
