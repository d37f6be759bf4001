"""What the agent asks an operating system for; one class per system answers.

A fact that a system does not give raises :class:`UnavailableError` with the reason. The agent writes the reason into
its message: silence must not pass for *nothing there*.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from farmwatch.agent.facts import DisplayFact, HidFact, Network, Power, SocketFact, System, UsbFact
from farmwatch.errors import FarmwatchError

__all__ = ["InputSource", "Probe", "UnavailableError", "probe_for"]


class UnavailableError(FarmwatchError):
    """This system, or this machine, does not give the fact; the message says why."""


class InputSource(Protocol):
    """A keyboard or pointer whose reports can be timed."""

    @property
    def path(self) -> Path:
        """Where its reports are read."""
        ...

    @property
    def label(self) -> str:
        """Vendor and product in hexadecimal (``046d:c31c``), or ``injected`` where no hardware is behind it."""
        ...

    @property
    def pointer(self) -> str:
        """``relative``, ``absolute``, or empty where it has no pointer."""
        ...


class Probe(Protocol):
    """One operating system. Every method may raise UnavailableError."""

    def device_id(self) -> str:
        """A stable name of this installation that tells nothing about anybody."""
        ...

    def system(self) -> System:
        """What the device is."""
        ...

    def usb(self) -> list[UsbFact]:
        """All USB devices, root hubs left out, with the HID interfaces they carry."""
        ...

    def hid(self) -> list[HidFact]:
        """HID devices on other buses, and virtual ones."""
        ...

    def displays(self) -> list[DisplayFact]:
        """Connected displays."""
        ...

    def power(self) -> Power:
        """Mains, lid, batteries."""
        ...

    def network(self, key: bytes, /) -> Network:
        """Gateways, neighbours hashed with ``key``, own addresses."""
        ...

    def bssids(self) -> tuple[str, ...]:
        """Access points in use."""
        ...

    def sockets(self) -> list[SocketFact]:
        """Internet sockets of all processes."""
        ...

    def inputs(self) -> list[InputSource]:
        """Keyboards and pointers."""
        ...


def probe_for(platform: str, root: Path = Path("/")) -> Probe:
    """The probe of a platform as ``sys.platform`` names it.

    Raises:
        UnavailableError: there is none.
    """
    if platform == "linux":
        from farmwatch.agent.linux import LinuxProbe

        return LinuxProbe(root)
    if platform == "win32":
        from farmwatch.agent.windows import WindowsProbe

        return WindowsProbe()
    if platform == "darwin":
        from farmwatch.agent.macos import MacProbe

        return MacProbe()
    raise UnavailableError(f"the agent does not run on {platform}; it runs on Linux, and in part on Windows and macOS")
