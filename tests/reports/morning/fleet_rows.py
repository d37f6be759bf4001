"""A fleet's kept assessments made up of rows: any number of devices, two runs, farms, decisions, hostile names."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa

from farmwatch.analysis.scoring import assess_device
from farmwatch.records import (
    Claim,
    DeviceHit,
    DeviceVerdict,
    Family,
    FarmMember,
    Finding,
    FleetRun,
    FoundFarm,
    Outcome,
    Telling,
    WeightSource,
)
from farmwatch.records.arrow import arrow_schema
from farmwatch.records.morning import MorningPlace, TrendPoint
from farmwatch.records.standing import Decision, Standing
from farmwatch.reports.morning.building import Background, build

UNTIL = datetime(2026, 3, 9, 6, 0, tzinfo=UTC)
PRIOR = 1e-4
HOSTILE = "<script>alert(1)</script>\u202egnp.exe\x1b]0;owned\x07=cmd|{{7*7}}"
DETECTORS = {
    "usb.kvm_identity": (Family.HARDWARE, Claim.DRIVEN, "kvm", "USB devices"),
    "edid.kvm": (Family.HARDWARE, Claim.DRIVEN, "kvm", "displays"),
    "remote.two_tools": (Family.NAMES, Claim.DRIVEN, "remote tool", "remote tools"),
    "input.clumps": (Family.TIMING, Claim.DRIVEN, "input", "input timing"),
    "place.sign_in": (Family.PLACE, Claim.ABROAD, "travel", "sign-in places"),
    "rdp.offset": (Family.IDENTITY, Claim.ABROAD, "rdp", "remote desktop logons"),
    "farm.shared": (Family.IDENTITY, Claim.FARM, "site", "things devices share"),
}
SENTENCES = {
    "usb.kvm_identity": "a USB device names itself PiKVM (vendor 1d6b, product 0104), on 6 of 7 days",
    "edid.kvm": "the monitor's identity is the one that TinyPilot ships (EDID 'TinyPilot'), on 6 of 7 days",
    "remote.two_tools": "AnyDesk and RustDesk both ran unattended on 5 of 7 days; the roster approves neither",
    "input.clumps": "keys arrive in clumps 48 ms apart in 61 % of 12,400 pauses; a keyboard on the desk gives 2 %",
    "place.sign_in": "38 of 41 sign-ins came from 9,412 km away from the declared place, none with declared travel",
    "rdp.offset": "3 remote logons came from a machine whose clock is UTC+09:00; the declared place is UTC-06:00",
    "farm.shared": "shares its gateway with 6 other laptops declared in 6 other places",
}
BENIGN = ("a help desk's session", "a second computer of the same person", "assistive technology", "declared travel")
CHECKS = {
    "usb.kvm_identity": "ask for a photograph of what is plugged into the laptop's USB and video ports",
    "edid.kvm": "compare the display's serial number with the ones the company bought",
    "remote.two_tools": "ask the device's user which remote tools run and who installed them",
    "input.clumps": "compare with typing on the same line at other times",
    "place.sign_in": "compare sign-in addresses with declared travel and the company VPN",
    "rdp.offset": "ask for the remote logon's client address in the security log",
    "farm.shared": "ask where the laptop was sent and who signed for it",
}


@dataclass(frozen=True)
class Rows:
    """One assessment as the store would keep it."""

    run: dict[str, Any]
    verdicts: pa.Table
    hits: pa.Table
    farms: pa.Table
    members: pa.Table


def finding(detector: str, decibans: float, summary: str = "", **changes: Any) -> Finding:
    """A hit of a detector of this module."""
    family, claim, group, _ = DETECTORS[detector]
    return replace(
        Finding(
            detector=detector,
            family=family,
            claim=claim,
            outcome=Outcome.HIT,
            decibans=decibans,
            summary=summary or SENTENCES[detector],
            observed="PiKVM Composite KVM Device",
            expected="a keyboard and a mouse of known makers",
            benign=BENIGN,
            group=group,
            weight_source=WeightSource.JUDGED,
            weight_reason="docs/evidence.md, E1",
            grade="named",
            telling=(Telling("usb_devices", "2026-03-02T08:00:00Z", "2026-03-08T17:00:00Z", 12, ("r-17",)),),
        ),
        **changes,
    )


def silent() -> list[Finding]:
    """Clear answers of all detectors, so that no claim lacks data."""
    return [finding(detector, 0.0, "nothing", outcome=Outcome.CLEAR) for detector in DETECTORS]


def standing(device: str, *findings: Finding, **changes: Any) -> Standing:
    """How a device with some findings stands."""
    return replace(Standing(device, assess_device([*findings, *silent()], PRIOR), tuple(findings)), **changes)


def decision(device: str, claim: Claim = Claim.DRIVEN, state: str = "dismissed", **changes: Any) -> Decision:
    """Somebody's decision."""
    return replace(
        Decision(device, claim, state, "ticket 4711: the help desk installed it", "ann", "2026-03-08T09:30:00Z"),
        **changes,
    )


def rows(
    devices: list[str],
    standings: dict[str, Standing],
    *,
    until: datetime = UNTIL,
    farms: dict[str, tuple[str, list[str], list[tuple[str, str, float]]]] | None = None,
    unseen: frozenset[str] = frozenset(),
    partial: frozenset[str] = frozenset(),
) -> Rows:
    """An assessment of some devices.

    Args:
        devices: all of them.
        standings: of those with hits.
        until: end of the time it looked at.
        farms: id -> summary, members, and what all of them share with its weight.
        unseen: devices without any telemetry.
        partial: devices that some detectors could not look at.
    """
    clear = assess_device(silent(), PRIOR)
    blind = assess_device([], PRIOR)
    farm_of = {device: farm for farm, (_, members, _) in (farms or {}).items() for device in members}
    run_id = f"{until:%Y%m%dT%H%M%SZ}-{len(devices):08x}"
    verdicts = []
    for device in devices:
        own = standings[device].assessment if device in standings else blind if device in unseen else clear
        missing = ",".join(DETECTORS) if device in unseen else "input.clumps,rdp.offset" if device in partial else ""
        verdicts.append(
            {
                "run_id": run_id,
                "ts": until,
                "device_id": device,
                **{str(claim): str(getattr(own, str(claim)).level) for claim in Claim},
                **{f"{claim}_decibans": round(getattr(own, str(claim)).decibans, 3) for claim in Claim},
                "farm_id": farm_of.get(device),
                "hits": len(standings[device].findings) if device in standings else 0,
                "not_looked_at": missing,
            }
        )
    hits = [
        {
            "run_id": run_id, "ts": until, "device_id": device, "detector": one.detector, "grade": one.grade,
            "claim": str(one.claim), "family": str(one.family), "cause": one.group, "decibans": one.decibans,
            "summary": one.summary, "document": json.dumps(asdict(one)),
        }
        for device in sorted(standings)
        for one in standings[device].findings
    ]  # fmt: skip
    found, members = [], []
    for farm, (summary, inside, shared) in sorted((farms or {}).items()):
        claim = assess_device(
            [finding("farm.shared", 24.0, f"{what} {value}", group=what) for what, value, _ in shared], 1e-2
        ).farm
        found.append(
            {
                "run_id": run_id, "ts": until, "farm_id": farm, "level": str(claim.level), "decibans": claim.decibans,
                "devices": len(inside), "summary": summary, "document": json.dumps(asdict(claim)),
            }
        )  # fmt: skip
        for number, (what, value, weight) in enumerate(shared):
            members += [
                {
                    "run_id": run_id, "ts": until, "farm_id": farm, "device_id": device, "attribute": what,
                    "value": value, "decibans": weight,
                }
                for place, device in enumerate(inside)
                if not number or place % (number + 1) == 0 or len(inside) < 4
            ]  # fmt: skip
    coverage = []
    for detector, (_, _, _, topic) in DETECTORS.items():
        missed = len(unseen) + (len(partial - unseen) if detector in ("input.clumps", "rdp.offset") else 0)
        hit = sum(any(one.detector == detector for one in each.findings) for each in standings.values())
        reasons = {"no rows in usb_devices": missed} if missed else {}
        coverage.append(
            {"detector": detector, "topic": topic, "looked_at": len(devices) - missed, "hits": hit, "no_data": reasons}
        )
    coverage.append(
        {"detector": "captures", "topic": "captures and sensor logs", "looked_at": 3, "hits": 1,
         "no_data": {"no capture of it": len(devices) - 3}}
    )  # fmt: skip
    run = {
        "run_id": run_id, "ts": until, "since": until - timedelta(days=7), "devices": len(devices),
        "rows": 700 * len(devices), "version": "0.1.0", "knowledge": "2026.3", "weights": "0123456789abcdef",
        "prior": PRIOR, "coverage": json.dumps(coverage),
        "notes": json.dumps(["no geo database: rules about the country of an address had no data"]),
    }  # fmt: skip
    return Rows(
        run,
        _arrow(DeviceVerdict, verdicts),
        _arrow(DeviceHit, hits),
        _arrow(FoundFarm, found),
        _arrow(FarmMember, members),
    )


def run_table(*kept: Rows) -> pa.Table:
    """The runs of some assessments as the store keeps them."""
    return _arrow(FleetRun, [one.run for one in kept])


def _arrow(record: Any, listed: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(listed, schema=arrow_schema(record))


KVM = finding("usb.kvm_identity", 24.0)
TOOLS = finding("remote.two_tools", 18.0)
CLUMPS = finding("input.clumps", 10.0)
TRAVEL = finding("place.sign_in", 24.0)
OFFSET = finding("rdp.offset", 20.0)
SHARED = finding("farm.shared", 24.0)
FARM = [f"lap-{number:05d}" for number in range(100, 107)]
FARM_SUMMARY = "7 laptops of 7 people with 7 declared places share a gateway (MAC a4:2b:b0:…:1f) and two Wi-Fi networks"
PLACES = [
    ("Austin, Texas", 30.27, -97.74), ("Denver, Colorado", 39.74, -104.99), ("Portland, Oregon", 45.52, -122.68),
    ("Columbus, Ohio", 39.96, -83.0), ("Tampa, Florida", 27.95, -82.46), ("Boise, Idaho", 43.62, -116.2),
    ("Raleigh, North Carolina", 35.78, -78.64),
]  # fmt: skip


def fleet(count: int = 10_000, *, farm: bool = True, seed: int = 1) -> tuple[Rows, dict, Rows, dict, Background]:
    """Two assessments of a fleet: what changed is known by device.

    lap-00000 is new and strong, lap-00001 worse, lap-00002 and lap-00003 still open (the latter confirmed), lap-00004
    cleared, lap-00005 explained, lap-00006 gone, lap-00007 hostile by name and new; the farm's seven are new.
    """
    rng = Random(seed)
    devices = [f"lap-{number:05d}" for number in range(count)]
    devices[7] = HOSTILE
    now = {
        devices[0]: standing(devices[0], KVM, TOOLS, TRAVEL, CLUMPS),
        devices[1]: standing(devices[1], KVM, TOOLS, CLUMPS),
        devices[2]: standing(devices[2], TRAVEL, OFFSET),
        devices[3]: standing(devices[3], KVM, TOOLS, decisions=(decision(devices[3], state="confirmed"),)),
        devices[5]: standing(
            devices[5],
            suppressed=((KVM, decision(devices[5])), (TOOLS, decision(devices[5]))),
            decisions=(decision(devices[5]),),
        ),
        devices[7]: standing(
            devices[7], finding("usb.kvm_identity", 24.0, f"a USB device names itself {HOSTILE}"), TOOLS
        ),
    }
    then = {
        devices[1]: standing(devices[1], KVM, finding("remote.two_tools", 8.0)),
        devices[2]: standing(devices[2], TRAVEL, OFFSET),
        devices[3]: standing(devices[3], KVM, TOOLS),
        devices[4]: standing(devices[4], KVM, TOOLS),
        devices[5]: standing(devices[5], KVM, TOOLS),
        devices[6]: standing(devices[6], KVM, TOOLS, TRAVEL),
    }
    if farm:
        for number, device in enumerate(FARM):
            found = (
                (SHARED, TOOLS, KVM) if number < 3 else (SHARED, finding("farm.shared", 15.0, group="outage"), TOOLS)
            )
            now[device] = standing(device, *found, farm_id="farm-3f2a91")
    for device in rng.sample(devices[200:], max((count - 200) // 20, 0)) if count > 200 else ():
        now[device] = standing(device, finding("input.clumps", 5.0))
    farms = {
        "farm-3f2a91": (
            FARM_SUMMARY,
            FARM,
            [
                ("gateway MAC", "a4:2b:b0:11:22:1f", 18.2),
                ("Wi-Fi network", "Netz-5F", 9.7),
                ("outage", "3 in common", 6.1),
            ],
        )
    }
    unseen = frozenset(devices[-max(count // 100, 1) :])
    partial = frozenset(rng.sample(devices[200:], (count - 200) // 3)) if count > 200 else frozenset()
    left = [device for device in devices if device != devices[6]]
    here = rows(left, now, farms=farms if farm else None, unseen=unseen, partial=partial)
    there = rows(devices, then, until=UNTIL - timedelta(days=1), unseen=unseen, partial=partial)
    background = Background(
        steps=lambda findings: tuple(dict.fromkeys(CHECKS[one.detector] for one in findings if one.decibans > 0)),
        topics={detector: topic for detector, (_, _, _, topic) in DETECTORS.items()},
        trend=trend(count),
        asked_since={devices[2]: "2026-02-27T06:00:00Z", devices[1]: "2026-03-08T06:00:00Z"},
        places=dict(zip(FARM, PLACES, strict=True)),
        sites={"farm-3f2a91": MorningPlace("as 6 of 7 devices report", 36.17, -86.78, tuple(FARM[:6]))},
    )
    return here, now, there, then, background


def trend(count: int, points: int = 14) -> tuple[TrendPoint, ...]:
    """Levels of some days."""
    rng = Random(5)
    found = []
    for number in range(points):
        strong, review = 1 + rng.randrange(3) + number // 6, 3 + rng.randrange(6)
        until = UNTIL - timedelta(days=points - 1 - number)
        found.append(
            TrendPoint(f"r{number}", f"{until:%Y-%m-%dT%H:%M:%SZ}", strong, review, count - strong - review - 9, 9, 1)
        )
    return tuple(found)


def morning(count: int = 300, **options: Any):
    """The report of :func:`fleet`."""
    return build(*fleet(count, **options))
