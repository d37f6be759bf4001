"""The Windows probe: identity, boot time and power state; everything else is said to be missing.

Windows gives USB, display and HID facts through SetupAPI and Raw Input, which this agent does not call. The feeds for
Windows events, Defender and osquery carry most of them.
"""

from __future__ import annotations

import ctypes
import hashlib
import platform
import time
from typing import Any, NoReturn

from farmwatch.agent.facts import Battery, DisplayFact, HidFact, Network, Power, SocketFact, System, UsbFact
from farmwatch.agent.probe import InputSource, UnavailableError

__all__ = ["WindowsProbe"]

_CRYPTOGRAPHY = r"SOFTWARE\Microsoft\Cryptography"
_UNKNOWN = 255


class _PowerStatus(ctypes.Structure):
    """SYSTEM_POWER_STATUS of winbase.h."""

    _fields_ = (
        ("ac_line_status", ctypes.c_ubyte),
        ("battery_flag", ctypes.c_ubyte),
        ("battery_life_percent", ctypes.c_ubyte),
        ("system_status_flag", ctypes.c_ubyte),
        ("battery_life_time", ctypes.c_ulong),
        ("battery_full_life_time", ctypes.c_ulong),
    )


class WindowsProbe:
    """This Windows system."""

    def device_id(self) -> str:
        """SHA-256 of the MachineGuid, first 32 hex digits."""
        try:
            import winreg
        except ImportError:
            raise UnavailableError("no Windows registry on this system") from None
        registry: Any = winreg
        try:
            with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, _CRYPTOGRAPHY) as key:
                machine = str(registry.QueryValueEx(key, "MachineGuid")[0])
        except OSError:
            raise UnavailableError("no MachineGuid in the registry: name the device with --device-id") from None
        return hashlib.sha256(b"farmwatch\0" + machine.encode()).hexdigest()[:32]

    def system(self) -> System:
        """System version, boot time and offset of the clock."""
        up_ms = int(_kernel32().GetTickCount64())
        return System(
            platform="windows",
            os=f"Windows {platform.version()}",
            boot_ts=int(time.time() - up_ms / 1000),
            utc_offset_min=time.localtime().tm_gmtoff // 60,
        )

    def usb(self) -> list[UsbFact]:
        """Not read."""
        _missing("USB devices", "the feed of Windows events (6416, Kernel-PnP) names them")

    def hid(self) -> list[HidFact]:
        """Not read."""
        _missing("HID report descriptors", "Windows gives parsed capabilities only, never the bytes")

    def displays(self) -> list[DisplayFact]:
        """Not read."""
        _missing("displays", "their EDIDs are in the registry under Enum\\DISPLAY")

    def power(self) -> Power:
        """Mains and battery by GetSystemPowerStatus; the lid is not read."""
        status = _PowerStatus()
        if not _kernel32().GetSystemPowerStatus(ctypes.byref(status)):
            raise UnavailableError("GetSystemPowerStatus failed")
        percent = status.battery_life_percent
        batteries = () if percent == _UNKNOWN else (Battery(float(percent)),)
        mains = None if status.ac_line_status == _UNKNOWN else bool(status.ac_line_status)
        return Power(on_mains=mains, batteries=batteries)

    def network(self, _key: bytes) -> Network:
        """Not read."""
        _missing("gateways and neighbours", "osquery gives them")

    def bssids(self) -> tuple[str, ...]:
        """Not read."""
        _missing("access points", "the WLAN API names them")

    def sockets(self) -> list[SocketFact]:
        """Not read."""
        _missing("sockets", "Sysmon 3 and osquery give them")

    def inputs(self) -> list[InputSource]:
        """Not read."""
        _missing("input timing", "Raw Input needs a window in the user's session")


def _kernel32() -> Any:
    try:
        return ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]  # Windows only
    except AttributeError:
        raise UnavailableError("no kernel32 on this system") from None


def _missing(what: str, why: str) -> NoReturn:
    raise UnavailableError(f"the agent does not read {what} on Windows: {why}")
