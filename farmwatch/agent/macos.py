"""The macOS probe: identity and boot time; everything else is said to be missing.

macOS gives USB, display and HID facts through IOKit. ``system_profiler -json`` and ``ioreg -a`` print most of them, and
the snapshot feed takes those as files; reading input reports needs the user's consent (Input Monitoring).
"""

from __future__ import annotations

import hashlib
import platform
import re
import subprocess
import time
from typing import NoReturn

from farmwatch.agent.facts import DisplayFact, HidFact, Network, Power, SocketFact, System, UsbFact
from farmwatch.agent.probe import InputSource, UnavailableError

__all__ = ["MacProbe"]

_SNAPSHOT = "send the output of 'system_profiler -json' or 'ioreg -a' to the snapshot feed"


class MacProbe:
    """This macOS system."""

    def device_id(self) -> str:
        """SHA-256 of the platform UUID, first 32 hex digits."""
        found = re.search(
            r'"IOPlatformUUID" = "([0-9A-F-]{36})"', _run("/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice")
        )
        if not found:
            raise UnavailableError("no IOPlatformUUID: name the device with --device-id")
        return hashlib.sha256(b"farmwatch\0" + found[1].encode()).hexdigest()[:32]

    def system(self) -> System:
        """System version, boot time and offset of the clock."""
        boot = re.search(r"sec = (\d+)", _run("/usr/sbin/sysctl", "-n", "kern.boottime"))
        return System(
            platform="darwin",
            os=f"macOS {platform.mac_ver()[0]}",
            boot_ts=int(boot[1]) if boot else None,
            utc_offset_min=time.localtime().tm_gmtoff // 60,
        )

    def usb(self) -> list[UsbFact]:
        """Not read."""
        _missing("USB devices", _SNAPSHOT)

    def hid(self) -> list[HidFact]:
        """Not read."""
        _missing("HID report descriptors", _SNAPSHOT)

    def displays(self) -> list[DisplayFact]:
        """Not read."""
        _missing("displays", _SNAPSHOT)

    def power(self) -> Power:
        """Not read."""
        _missing("power", _SNAPSHOT)

    def network(self, _key: bytes) -> Network:
        """Not read."""
        _missing("gateways and neighbours", "osquery gives them")

    def bssids(self) -> tuple[str, ...]:
        """Not read."""
        _missing("access points", "CoreWLAN asks for the right to know the location")

    def sockets(self) -> list[SocketFact]:
        """Not read."""
        _missing("sockets", "osquery gives them")

    def inputs(self) -> list[InputSource]:
        """Not read."""
        _missing("input timing", "it needs the user's consent (Input Monitoring)")


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=10, check=False)  # noqa: S603 (fixed paths)
    except (OSError, subprocess.SubprocessError):
        raise UnavailableError(f"cannot run {command[0]}") from None
    return done.stdout.decode("utf-8", "replace")


def _missing(what: str, why: str) -> NoReturn:
    raise UnavailableError(f"the agent does not read {what} on macOS: {why}")
