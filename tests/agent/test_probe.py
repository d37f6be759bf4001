"""One interface for every system; what a system does not give is said per fact."""

from __future__ import annotations

import subprocess

import pytest

from farmwatch.agent import macos
from farmwatch.agent.linux import LinuxProbe
from farmwatch.agent.macos import MacProbe
from farmwatch.agent.probe import UnavailableError, probe_for
from farmwatch.agent.windows import WindowsProbe


@pytest.mark.parametrize(("platform", "kind"), [("linux", LinuxProbe), ("win32", WindowsProbe), ("darwin", MacProbe)])
def test_probe_of_a_platform(platform, kind):
    """By the interpreter's own word for it."""
    assert type(probe_for(platform)) is kind


def test_other_platforms_are_told():
    """The message says where the agent runs."""
    with pytest.raises(UnavailableError, match="freebsd14; it runs on Linux"):
        probe_for("freebsd14")


@pytest.mark.parametrize("probe", [WindowsProbe(), MacProbe()], ids=["windows", "macos"])
@pytest.mark.parametrize("fact", ["usb", "hid", "displays", "bssids", "sockets", "inputs", "network"])
def test_what_is_not_read_is_said(probe, fact):
    """Each fact by name, with the system and a reason; nothing is made up."""
    with pytest.raises(UnavailableError, match=r"does not read .* on (Windows|macOS): .+"):
        getattr(probe, fact)(*([b"key"] if fact == "network" else []))


def test_windows_calls_elsewhere():
    """Without Windows there is no registry and no kernel32, and that is the message."""
    with pytest.raises(UnavailableError, match="registry"):
        WindowsProbe().device_id()
    for fact in ("system", "power"):
        with pytest.raises(UnavailableError, match="kernel32"):
            getattr(WindowsProbe(), fact)()


def test_macos_tools(monkeypatch):
    """Identity and boot time out of what ioreg and sysctl print; without them, the reason."""
    printed = {
        "ioreg": b'  "IOPlatformUUID" = "6B29FC40-CA47-1067-B31D-00DD010662DA"\n',
        "sysctl": b"{ sec = 1790924400, usec = 0 } Fri Oct  2 07:00:00 2026\n",
    }

    def run(command, **_):
        return subprocess.CompletedProcess(command, 0, printed[command[0].rpartition("/")[2]])

    monkeypatch.setattr(macos.subprocess, "run", run)
    assert len(MacProbe().device_id()) == 32
    assert MacProbe().system().boot_ts == 1790924400
    monkeypatch.undo()
    with pytest.raises(UnavailableError, match="cannot run /usr/sbin/ioreg"):
        MacProbe().device_id()
