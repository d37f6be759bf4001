"""What scans of captures and sensor logs found on a device, as they were kept: one verdict for both kinds of evidence.

A scan's findings keep the weights the scan gave them. Of several scans of one device each finding counts once, the
strongest of its kind.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from farmwatch.analysis.fleet.findings import finding_of
from farmwatch.records import Claim, Finding, Outcome, ScannedDevice

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["captured_hits"]


def captured_hits(fleet: Fleet) -> dict[str, list[Finding]]:
    """By scanned device: the hits of its scans in the window; an empty list where they found nothing."""
    found: dict[str, dict[tuple[str, Claim, str], Finding]] = {}
    for row in fleet.rows(f"SELECT device_id, document FROM {ScannedDevice.table} ORDER BY device_id, ts, document"):
        own = found.setdefault(row["device_id"], {})
        for raw in json.loads(row["document"])["findings"]:
            finding = finding_of(raw)
            if finding.outcome is Outcome.HIT:
                key = (finding.detector, finding.claim, finding.grade)
                if key not in own or abs(finding.decibans) > abs(own[key].decibans):
                    own[key] = finding
    return {device: list(kept.values()) for device, kept in found.items()}
