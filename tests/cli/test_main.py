"""The entry point: version, help, and every way to fail as a message and a code."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

import farmwatch
from farmwatch.cli.exits import Exit
from farmwatch.errors import DependencyError, KnowledgeError, ProfileError, ReportError, SourceError

HEAVY = ("numpy", "numba", "pandas", "scapy", "pyshark", "pydantic", "jinja2", "rich", "scipy", "networkx")


def python(*arguments, **options):
    """A fresh interpreter with the package."""
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False, **options
    )


def test_version_is_the_package_s(cli):
    """``--version`` prints name and version and ends well."""
    ran = cli("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"farmwatch {farmwatch.__version__}\n", "")


def test_version_and_help_load_nothing_heavy():
    """What starts in a blink imports no numpy, no numba, no data frames and no template engine.

    Help may load pydantic: Typer itself does from 0.2x on, to parse what follows a sub-command.
    """
    for words, allowed in ((["--version"], []), (["scan", "--help"], ["pydantic"])):
        code = (
            "import sys\n"
            "from farmwatch.cli.main import run\n"
            "try:\n"
            f"    run({words!r})\n"
            "except SystemExit as end:\n"
            "    assert not end.code, end.code\n"
            f"print('LOADED', sorted(set({HEAVY!r}) & set(sys.modules) - set({allowed!r})))\n"
        )
        ran = python("-c", code)
        assert ran.returncode == 0, ran.stderr
        assert "LOADED []" in ran.stdout


def test_module_can_be_run():
    """``python -m farmwatch`` is the command."""
    ran = python("-m", "farmwatch", "--version")
    assert ran.stdout == f"farmwatch {farmwatch.__version__}\n"


def test_help_documents_every_exit_code(cli):
    """A script author finds all codes in ``--help``, of the program and of scan."""
    for words in (("--help",), ("scan", "--help"), ("report", "-h")):
        shown = cli(*words).out
        for code in Exit:
            assert f"\n    {int(code)} " in shown, (words, code)


@pytest.mark.parametrize("command", ["scan", "report", "explain", "inspect", "capture", "schema", "doctor"])
def test_help_of_every_command_has_an_example_and_fits_80_columns(cli, command):
    """Help answers with something to copy, on any terminal."""
    shown = cli(command, "--help").out
    assert f"\n    farmwatch {command}" in shown or f"\n    sudo farmwatch {command}" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_wrong_usage_is_code_2_and_says_so_on_stderr(cli):
    """An unknown option or command explains itself without touching standard output."""
    for words in (("scan", "--nonsense", "x"), ("nonsense",), ("scan", "x.pcap", "--format", "pdf")):
        ran = cli(*words)
        assert ran.code == Exit.USAGE
        assert ran.out == ""
        assert "Usage: farmwatch" in ran.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProfileError("acme.toml", ["first fault", "second fault"]), Exit.CONFIG),
        (KnowledgeError("own.toml", ["a fault"]), Exit.CONFIG),
        (DependencyError("install it: pip install x"), Exit.CONFIG),
        (SourceError("x.pcap", 7, "no capture"), Exit.NOTHING),
        (ReportError("x.json: no report"), Exit.NOTHING),
    ],
)
def test_errors_on_purpose_become_a_message_and_a_code(cli, monkeypatch, capture_file, error, code):
    """All faults are named on standard error, without a traceback."""

    def fail(*_arguments, **_options):
        raise error

    monkeypatch.setitem(farmwatch.__dict__, "scan", fail)
    ran = cli("scan", capture_file)
    assert ran.code == code
    assert ran.out == ""
    for line in str(error).splitlines():
        assert line in ran.err
    assert "Traceback" not in ran.err


def test_unexpected_error_is_short_and_debug_shows_its_traceback(cli, monkeypatch, capture_file):
    """A bug is called one, with what to send; ``--debug`` gives the traceback. Nothing hostile in it steers."""

    def fail(*_arguments, **_options):
        raise RuntimeError("\x1b[2Jboom")

    monkeypatch.setitem(farmwatch.__dict__, "scan", fail)
    ran = cli("scan", capture_file)
    assert ran.code == Exit.BUG
    assert "unexpected RuntimeError: \\x1b[2Jboom" in ran.err
    assert "Traceback" not in ran.err
    assert "Traceback" in cli("--debug", "scan", capture_file).err


def test_interruption_is_code_130(cli, monkeypatch, capture_file):
    """Ctrl-C ends with the code shells expect and no traceback."""

    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setitem(farmwatch.__dict__, "scan", interrupt)
    ran = cli("scan", capture_file)
    assert ran.code == Exit.INTERRUPTED
    assert "Traceback" not in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_real_sigint_while_waiting_for_standard_input_is_code_130():
    """A scan that waits for a pipe ends on Ctrl-C."""
    with subprocess.Popen(
        [sys.executable, "-m", "farmwatch", "scan", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        time.sleep(2.5)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=20)
    assert running.returncode == Exit.INTERRUPTED, err
    assert out == b""
    assert err == b"interrupted\n"


def test_closed_pipe_ends_quietly(saved):
    """``farmwatch report … | head -1`` prints its line and nothing else, and keeps its exit code."""
    shell = f"{sys.executable} -m farmwatch report {saved} -vv --fail-on strong; echo code $? >&2"
    ran = subprocess.run(
        ["bash", "-c", f"({shell}) | head -1"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stdout.count("\n") == 1
    assert ran.stderr == "code 1\n"
