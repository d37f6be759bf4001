"""Who was looked at, and by what: the coverage of a fleet from what an assessment kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from farmwatch.records import Coverage
from farmwatch.records.morning import FleetCoverage, Gap

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["coverage"]

_MOST_GAPS = 8  #: groups of devices told apart; more would not be read
_MOST_EXAMPLES = 5


def coverage(run: Mapping[str, Any], verdicts: pa.Table, topics: Mapping[str, str]) -> FleetCoverage:
    """How far every detector could look, the worst gaps, and the devices that none could look at.

    Args:
        run: columns of :class:`~farmwatch.records.FleetRun`.
        verdicts: of its devices.
        topics: what a detector looks at, for those that the run does not name.
    """
    detectors = [
        Coverage(
            str(one["detector"]), str(one.get("topic", "")), int(one["looked_at"]), int(one["hits"]),
            {str(reason): int(count) for reason, count in sorted(one.get("no_data", {}).items())},
        )
        for one in json.loads(run["coverage"])
    ]  # fmt: skip
    names = {**topics, **{one.detector: one.topic for one in detectors if one.topic}}
    patterns: dict[str, list[str]] = {}
    columns = (verdicts.column(name).to_pylist() for name in ("device_id", "not_looked_at"))
    for device, missing in zip(*columns, strict=True):
        patterns.setdefault(missing, []).append(device)
    known = {one.detector for one in detectors}
    asked = known - {"captures"}  # what scans of captures found is no detector over telemetry
    unseen: list[str] = []
    gaps = []
    for pattern, devices in patterns.items():
        missing_ids = [part for part in pattern.split(",") if part]
        if asked and asked <= set(missing_ids):
            unseen += devices
        elif missing_ids:
            topics_missing = tuple(dict.fromkeys(names.get(one) or one for one in missing_ids))
            gaps.append((len(missing_ids), Gap(len(devices), topics_missing, tuple(sorted(devices)[:_MOST_EXAMPLES]))))
    gaps.sort(key=lambda gap: (-gap[0] * gap[1].devices, gap[1].examples))
    detectors.sort(key=lambda one: (one.looked_at, one.detector))
    return FleetCoverage(
        int(run["devices"]), tuple(detectors), tuple(gap for _, gap in gaps[:_MOST_GAPS]), tuple(sorted(unseen))
    )
