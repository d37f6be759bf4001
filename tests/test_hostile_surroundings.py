"""Surroundings that work against a scan: no home, no cache, full disk, closed pipe, Ctrl-C; and no network use ever."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import platformdirs
import pytest

import farmwatch
from farmwatch.collectors.captures import collect_capture
from farmwatch.records import Flow
from farmwatch.reports import document, findings, html, text

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "pcaps" / "ssh-into-laptop.pcap"
LARGE = ROOT / "pcaps" / "ssh-bulk.pcap"  #: beyond what is read interpreted where machine code is at hand

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX devices, signals and permissions")


def run(*arguments: object, env: dict[str, str | None] | None = None) -> subprocess.CompletedProcess[str]:
    """``farmwatch`` as a user runs it; an environment value of None removes the variable."""
    environ = {**os.environ, **(env or {})}
    done = subprocess.run(
        [sys.executable, "-m", "farmwatch", *map(str, arguments)], capture_output=True, text=True, check=False,
        env={name: value for name, value in environ.items() if value is not None}, timeout=250,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "This is a bug" not in done.stderr
    return done


def test_scan_and_every_rendering_open_no_socket(monkeypatch):
    """A scan of hostile names never looks one up: no socket is made, no name resolved."""

    def refuse(*_arguments, **_options):
        raise AssertionError("the network was used")

    for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname", "gethostbyaddr", "getfqdn"):
        monkeypatch.setattr(socket, name, refuse)
    report = document.canonical(farmwatch.scan(sorted((ROOT / "pcaps").glob("*.pcap"))[:4]))
    assert report.devices
    for render in (text.render, html.render, document.dumps, findings.csv_text, findings.jsonl_text):
        assert render(report)


@pytest.mark.needs("strace")
def test_whole_process_makes_no_network_call(tmp_path):
    """The same seen from the kernel: no internet socket in the whole life of the command."""
    log = tmp_path / "calls"
    words = ["strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", str(log)]
    done = subprocess.run(
        [*words, sys.executable, "-m", "farmwatch", "scan", str(SAMPLE), "--html", str(tmp_path / "r.html")],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "AF_INET" not in log.read_text()


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_reader_that_stops_early_is_no_error(form):
    """``farmwatch scan … | head -1`` gives a line and nothing on standard error."""
    shell = f"{sys.executable} -m farmwatch scan {SAMPLE} -vv --format {form}; echo code $? >&2"
    done = subprocess.run(["bash", "-c", f"({shell}) | head -1"], capture_output=True, text=True, check=False)
    assert done.stdout.count("\n") == 1
    assert done.stderr == "code 0\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (f"scan {SAMPLE} >&-", 0),
        (f"scan {SAMPLE} 2>&- >/dev/null", 0),
        ("scan - <&-", 5),
        ("scan nothing.pcap 2>&-", 2),
    ],
    ids=["no output", "no talk", "no input", "no talk of an error"],
)
def test_streams_that_were_never_open(words, code):
    """Started with a standard stream closed, as daemons start things: the same exit code, no surprise."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m farmwatch {words}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [f"scan {SAMPLE} --html {{}} >/dev/null", f"scan {SAMPLE} --format csv >/dev/null"])
def test_nobody_listening_to_talk_is_no_error(tmp_path, words):
    """Standard error on a full disk loses messages, not the result or its exit code."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    shell = f"{sys.executable} -m farmwatch {words.format(tmp_path / 'r.html')} 2>/dev/full"
    assert subprocess.run(["bash", "-c", shell], check=False).returncode == 0


def test_full_disk_is_said_plainly():
    """No room for the result: a message with the reason and a code that is not success, to a file or to a pipe."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    done = run("scan", SAMPLE, "-o", "/dev/full")
    assert done.returncode == 2
    assert "No space left on device" in " ".join(done.stderr.split())
    shell = f"{sys.executable} -m farmwatch scan {SAMPLE} --json > /dev/full"
    piped = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert piped.returncode == 2
    assert piped.stderr == "farmwatch: the result cannot be written: No space left on device\n"


def test_interrupted_scan_is_130_and_quiet(tmp_path):
    """Ctrl-C in the middle of reading ends with 130, one line, and no half-written report."""
    fifo, out = tmp_path / "slow.pcap", tmp_path / "r.json"
    os.mkfifo(fifo)
    with subprocess.Popen(
        [sys.executable, "-m", "farmwatch", "scan", str(fifo), "--json", "-o", str(out)], stderr=subprocess.PIPE
    ) as running, fifo.open("wb") as slow:  # fmt: skip
        slow.write(SAMPLE.read_bytes()[:50_000])
        slow.flush()
        time.sleep(1.5)
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 130
        assert running.stderr is not None
        said = running.stderr.read().decode()
    assert "Traceback" not in said
    assert not out.exists()


def test_interrupted_parallel_scan_is_130_and_leaves_no_process(tmp_path):
    """Ctrl-C with several processes at work, as a terminal sends it: to all of them."""
    fifos = [tmp_path / f"{number}.pcap" for number in range(2)]
    for fifo in fifos:
        os.mkfifo(fifo)
    with subprocess.Popen(
        [sys.executable, "-m", "farmwatch", "scan", *map(str, fifos), "--jobs", "2"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    ) as running:  # fmt: skip
        time.sleep(2.5)
        os.killpg(running.pid, signal.SIGINT)
        try:
            out, err = running.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            raise
    assert running.returncode == 130
    assert out == b""
    assert b"Traceback" not in err


@pytest.mark.parametrize(
    ("environment", "colored"), [({"NO_COLOR": "1"}, False), ({"FORCE_COLOR": "1"}, True), ({}, False)]
)
def test_colour_obeys_the_environment(environment, colored):
    """NO_COLOR and FORCE_COLOR; a pipe is not coloured."""
    done = run("scan", SAMPLE, env={"NO_COLOR": None, "FORCE_COLOR": None, **environment})
    assert ("\x1b[" in done.stdout) is colored


@pytest.fixture
def locked(tmp_path) -> Path:
    """A folder nobody can write to, not even root: a path below a file."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "home"


@pytest.mark.parametrize("capture", [SAMPLE, LARGE], ids=["small", "large"])
def test_home_that_cannot_be_written_does_not_matter(locked, capture):
    """No writable home, cache, configuration or Numba folder: the same report, no complaint."""
    usual = run("scan", capture, "--json")
    names = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "NUMBA_CACHE_DIR", "MPLCONFIGDIR")
    barred = run("scan", capture, "--json", env=dict.fromkeys(names, str(locked)))
    assert (barred.returncode, barred.stdout, barred.stderr) == (0, usual.stdout, "")


def test_no_home_at_all_does_not_matter():
    """HOME unset, as in a systemd service."""
    done = run("scan", SAMPLE, "--json", env={"HOME": None, "XDG_CACHE_HOME": None, "USER": None, "LOGNAME": None})
    assert (done.returncode, done.stderr) == (0, "")


def test_cache_with_rubbish_in_it_is_made_anew(tmp_path):
    """Kept machine code that was cut short costs time, not the result."""
    usual = collect_capture(LARGE, 0, mode="compiled")  # keeps machine code where none is kept yet
    shutil.copytree(platformdirs.user_cache_path("farmwatch"), tmp_path / "farmwatch")
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    done = run("scan", LARGE, "--json", env={"XDG_CACHE_HOME": str(tmp_path)})
    assert done.returncode == 0
    assert json.loads(done.stdout)["inputs"][0]["flows"] == len(usual.tables[Flow])


def test_terminal_without_unicode_gets_ascii():
    """An ASCII-only locale changes the marks, not the outcome."""
    done = run("scan", SAMPLE, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 0
    assert done.stdout.isascii()


def test_folder_removed_from_under_the_process(tmp_path):
    """A working folder that is gone does not matter to absolute paths."""
    gone = tmp_path / "gone"
    gone.mkdir()
    words = f"cd {gone} && rmdir {gone} && {shutil.which(sys.executable)} -m farmwatch scan {SAMPLE} --json"
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
