"""What is known of a device beside what was found: its names and addresses, when it was seen, where it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["DeviceFacts", "device_facts"]


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """Identity and place of one device."""

    names: tuple[str, ...]
    macs: tuple[str, ...]
    addresses: tuple[str, ...]
    vendor: str | None
    first: datetime | None  #: telemetry of it in the window
    last: datetime | None
    place: str | None  #: declared
    coordinates: tuple[float, float] | None  #: of the declared place, in degrees


def device_facts(fleet: Fleet, devices: Sequence[str]) -> dict[str, DeviceFacts]:
    """Facts of some devices; the newest report of each kind holds."""
    fleet.load("fact_devices", pa.table({"device_id": pa.array(list(devices), pa.string())}))
    rows = fleet.rows(
        """
        WITH told AS (
            SELECT device_id, list(DISTINCT host_name ORDER BY host_name) AS names,
                   max_by(macs, (ts, macs)) AS macs, max_by(addresses, (ts, addresses)) AS addresses,
                   max_by(vendor, (ts, vendor)) AS vendor
            FROM devices_ever SEMI JOIN fact_devices USING (device_id) GROUP BY device_id
        ), seen AS (
            SELECT device_id, min(first) AS first, max(last) AS last FROM presence GROUP BY device_id
        )
        SELECT f.device_id, t.names, t.macs, t.addresses, t.vendor, s.first, s.last, o.place, o.latitude, o.longitude
        FROM fact_devices AS f LEFT JOIN told AS t USING (device_id) LEFT JOIN seen AS s USING (device_id)
        LEFT JOIN owners AS o USING (device_id) ORDER BY f.device_id
        """
    )
    return {
        row["device_id"]: DeviceFacts(
            names=tuple(name for name in row["names"] or () if name),
            macs=_parts(row["macs"]),
            addresses=_parts(row["addresses"]),
            vendor=row["vendor"],
            first=row["first"],
            last=row["last"],
            place=row["place"],
            coordinates=None
            if row["latitude"] is None or row["longitude"] is None
            else (row["latitude"], row["longitude"]),
        )
        for row in rows
    }


def _parts(text: str | None) -> tuple[str, ...]:
    return tuple(part for part in (text or "").split(",") if part)
