"""Devices of a report as rows for the store: one row a device, so that a device can be forgotten."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from ipaddress import ip_address

from farmwatch.records import Device, Report, ScannedDevice, Table
from farmwatch.records.schema import Rows
from farmwatch.reports.document import plain
from farmwatch.reports.reading import evidence_inputs

__all__ = ["device_rows"]


def device_rows(report: Report) -> Table[ScannedDevice]:
    """One row for each device that the captures of a report show in time; the same report gives the same rows."""
    rows: Rows[ScannedDevice] = Rows(ScannedDevice)
    for device in report.devices:
        if device.first_ts is None or device.last_ts is None:
            continue
        seen = _inputs_of(report, device)
        rows.add(
            device_id=_kept_id(device.device_id), ts=_time(device.last_ts), first_ts=_time(device.first_ts),
            inputs=",".join(report.inputs[number].sha256 for number in seen),
            vantages=",".join(report.inputs[number].vantage for number in seen),
            macs=",".join(device.macs), addresses=",".join(device.ips), names=",".join(device.names),
            driven=str(device.assessment.driven.level), abroad=str(device.assessment.abroad.level),
            farm=str(device.assessment.farm.level), version=report.tool.version,
            document=json.dumps(plain(device), separators=(",", ":")),
        )  # fmt: skip
    return rows.table()


def _inputs_of(report: Report, device: Device) -> list[int]:
    """Numbers of the inputs that its sessions and hits rest on; all that could be read where there are none."""
    return list(evidence_inputs(device)) or [number for number, one in enumerate(report.inputs) if one.error is None]


def _kept_id(name: str) -> str:
    """A device's name as feeds write it: lower case, without its domain; addresses as they are."""
    plain = name.strip().lower()
    try:
        ip_address(plain)
    except ValueError:
        return plain.split(".")[0] or plain
    return plain


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
