"""Power, sleep and clock of a device, from the System log.

Why a device went into modern standby or came out of it (506, 507) is a number of POWER_MONITOR_REQUEST_REASON
(winnt.h): it tells the lid, the power button, and which kind of input woke it.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.columns import each, times
from farmwatch.collectors.feeds.windows.events import Group, Meaning, mask_of
from farmwatch.records import DeviceFact, PowerEvent

__all__ = ["POWER_MEANINGS"]

_LID = 15
_REASONS = {
    1: "power button", 2: "remote connection", 4: "user input", 7: "system state", 8: "a program kept it awake",
    9: "full wake", 10: "session unlock", 11: "screen off request", 12: "idle timeout", 13: "policy change",
    14: "sleep button", 15: "lid", 16: "battery count", 17: "grace period", 18: "device came or went",
    20: "sleep transition", 21: "system idle", 23: "thermal standby", 25: "resume from hibernation", 26: "terminal",
    30: "a program", 31: "keyboard", 32: "mouse", 33: "touchpad", 34: "pen", 35: "accelerometer", 36: "HID device",
    37: "user present", 38: "session switch", 44: "fingerprint reader", 50: "resume from modern standby",
}  # fmt: skip  # POWER_MONITOR_REQUEST_REASON, winnt.h
_MOST_MINUTES = 14 * 60
_MINUTES = re.compile(r"(-?\d{1,4})(?:\s|$)")


def _reason(number: str) -> str | None:
    return _REASONS.get(int(number), f"reason {number}")


def _reasons(group: Group, *names: str) -> pa.Array:
    return each(_reason, group.number(*names).cast(pa.string()))


def _plain(event: str, reason: str | None = None) -> Meaning:
    def meaning(group: Group) -> None:
        group.add(PowerEvent, event=event, reason=reason)

    return meaning


def _sleep(group: Group) -> None:
    """Reasons of 42 are numbered otherwise than those of 506, in words that no header gives."""
    reason = pc.binary_join_element_wise("reason", group.number("Reason").cast(pa.string()), " ")
    group.add(PowerEvent, event="sleep", reason=reason)


def _standby(event: str, closed: bool) -> Meaning:
    def meaning(group: Group) -> None:
        lid = pc.equal(group.number("Reason"), _LID)
        known = pc.if_else(lid, pa.scalar(closed), pa.scalar(None, pa.bool_()))
        group.add(PowerEvent, event=event, reason=_reasons(group, "Reason"), lid_closed=known)

    return meaning


def _source_of(text: str) -> str | None:
    """What woke it, without which task of whom a timer was set for."""
    return text.split(" - ", 1)[0].strip() or None


def _woken(group: Group) -> None:
    kind = pc.binary_join_element_wise("wake source type", group.number("WakeSourceType").cast(pa.string()), " ")
    group.add(PowerEvent, event="wake", reason=pc.coalesce(each(_source_of, group.text("WakeSourceText")), kind))


def _source(group: Group) -> None:
    """105: mains or battery, and how full that is."""
    mains = group.truth("AcOnline")
    left, full = group.number("RemainingCapacity"), group.number("FullChargeCapacity")
    sound = pc.and_(pc.greater(full, 0), pc.and_(pc.greater_equal(left, 0), pc.less_equal(left, full)))
    share = pc.multiply(pc.divide(left.cast(pa.float64()), full.cast(pa.float64())), 100.0)
    missing = mask_of(pc.is_null(mains))
    if missing.any():
        group.where(missing).reject("AcOnline is not true or false")
    known = ~missing
    if known.any():
        keep = pa.array(known)
        group.where(known).add(
            PowerEvent,
            event=pc.if_else(mains.filter(keep), "on mains", "on battery"),
            on_mains=mains.filter(keep),
            battery_pct=pc.if_else(sound, share, pa.scalar(None, pa.float64())).filter(keep),
        )


def _session_switch(group: Group) -> None:
    """566: the system changed between screen on, screen off and standby."""
    group.add(
        PowerEvent,
        event="state",
        reason=_reasons(group, "MonitorReason", "Reason"),
        on_mains=group.truth("PowerStateAc"),
    )


def _boot(group: Group) -> None:
    started = times(group.text("StartTime"))
    group.add(PowerEvent, event="boot")
    parts = [group.number(name).cast(pa.string()) for name in ("MajorVersion", "MinorVersion", "BuildVersion")]
    version = pc.binary_join_element_wise(*parts, ".")
    group.add(
        DeviceFact,
        host_name=group.devices,
        platform="windows",
        os=pc.binary_join_element_wise("Windows", version, " "),
        boot_ts=started,
    )


def _bias(text: str) -> int | None:
    """Minutes at the beginning of a text such as ``-60 W. Europe Standard Time``; the zone's name is left behind."""
    found = _MINUTES.match(text)
    return int(found[1]) if found and abs(int(found[1])) <= _MOST_MINUTES else None


def _clock(name: str) -> Meaning:
    """The device's own time zone as Bias: UTC = local time + bias, in minutes."""

    def meaning(group: Group) -> None:
        bias = each(_bias, group.text(name), pa.int64())
        known = ~mask_of(pc.is_null(bias))
        if not known.all():
            group.where(~known).unneeded("without time zone")
        told = group.where(known)
        if len(told):
            offset = pc.negate(bias.drop_null())
            told.add(DeviceFact, host_name=told.devices, platform="windows", utc_offset_min=offset)

    return meaning


POWER_MEANINGS: dict[tuple[str, int], Meaning] = {
    ("kernel-power", 41): _plain("dead"),
    ("kernel-power", 42): _sleep,
    ("kernel-power", 105): _source,
    ("kernel-power", 107): _plain("wake"),
    ("kernel-power", 506): _standby("modern standby in", closed=True),
    ("kernel-power", 507): _standby("modern standby out", closed=False),
    ("kernel-power", 566): _session_switch,
    ("kernel-general", 1): _clock("TimeZoneBias"),
    ("kernel-general", 12): _boot,
    ("kernel-general", 13): _plain("shutdown"),
    ("power-troubleshooter", 1): _woken,
    ("eventlog", 6005): _plain("boot", "event log started"),
    ("eventlog", 6006): _plain("shutdown", "event log stopped"),
    ("eventlog", 6008): _plain("dead", "last shutdown was unexpected"),
    ("eventlog", 6013): _clock("param7"),
}  #: by provider and event number
