"""Kept results of an assessment made of findings, for tests of what comes after it."""

from __future__ import annotations

from datetime import UTC, datetime

from farmwatch.analysis.fleet.findings import finding_json
from farmwatch.records import Claim, DeviceHit, DeviceVerdict, Family, Finding, Outcome, Table, WeightSource
from farmwatch.records.arrow import to_arrow

TS = datetime(2026, 3, 9, tzinfo=UTC)


def hit(detector="usb.kvm_identity", decibans=24.0, *, grade="identity", claim=Claim.DRIVEN, **values) -> Finding:
    """One finding."""
    return Finding(
        detector, values.pop("family", Family.HARDWARE), claim, Outcome.HIT, decibans,
        values.pop("summary", f"{detector} {grade} fired"), group=values.pop("group", detector), grade=grade,
        weight_reason="judged: a test", **values,
    )  # fmt: skip


def declared(decibans=0.0, **values) -> Finding:
    """A declared limit that is exceeded."""
    return hit("meeting.all_day", decibans, grade="limit", weight_source=WeightSource.DECLARED, **values)


def verdicts(devices, *, farms=(), unseen="", run="r1", ts=TS):
    """Verdict rows; levels are not what is under test."""
    farms = dict(farms)
    unseen = unseen if isinstance(unseen, dict) else dict.fromkeys(devices, unseen)
    rows = [
        DeviceVerdict(
            run_id=run, ts=ts, device_id=device, driven="review", driven_decibans=0.0, abroad="clear",
            abroad_decibans=-40.0, farm="clear", farm_decibans=-40.0, farm_id=farms.get(device), hits=0,
            not_looked_at=unseen.get(device, ""),
        )
        for device in devices
    ]  # fmt: skip
    return to_arrow(Table.from_rows(DeviceVerdict, rows))


def hits(found, *, run="r1", ts=TS):
    """Hit rows of findings by device."""
    rows = [
        DeviceHit(
            run_id=run, ts=ts, device_id=device, detector=one.detector, grade=one.grade, claim=str(one.claim),
            family=str(one.family), cause=one.group, decibans=one.decibans, summary=one.summary,
            document=finding_json(one),
        )
        for device, findings in found.items()
        for one in findings
    ]  # fmt: skip
    return to_arrow(Table.from_rows(DeviceHit, rows))
