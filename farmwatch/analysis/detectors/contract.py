"""What a detector is, and how all of them are run.

A detector is a frozen dataclass with class-level facts about itself and one method, ``examine``: tables in, *hits* out,
for any number of devices at once. It does no I/O, reads no clock, keeps no state. The runner adds what detectors must
not have to think about: *no data* for devices whose tables are empty or that the detector says it is blind for, and
*clear* for those it looked at and found nothing on.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from farmwatch.records import (
    Arp,
    Claim,
    DeviceFlow,
    DeviceSeen,
    Evidence,
    Family,
    Finding,
    LanMember,
    Outcome,
    Record,
    Table,
    Tables,
    WeightSource,
)  # fmt: skip

__all__ = ["Detector", "Findings", "by_device", "devices_on_lan", "evidence", "param", "run_detectors"]

Findings: TypeAlias = dict[str, list[Finding]]  #: device id -> findings

_NOTHING_OF: dict[type[Record], str] = {
    Arp: "no ARP frames captured",
    DeviceFlow: "no TCP or UDP traffic of this device captured",
    LanMember: "nothing of its local network captured",
}  #: why a detector has nothing to look at, by the table it needs
_MOST_PACKETS = 20  #: packet numbers kept as proof of one finding


def param(default: float, why: str, *, low: float, high: float) -> Any:
    """A tunable number of a detector, with the reason for its value and the range it may have."""
    return dataclasses.field(default=default, metadata={"why": why, "low": low, "high": high})


class Detector:
    """Base of all detectors: the facts each one states about itself."""

    __slots__ = ()

    id: ClassVar[str]  #: named after what is observed, never after guilt
    title: ClassVar[str]  #: the question it answers, in a few words
    topic: ClassVar[str]  #: what it looks at, as a noun: for "not looked at: …"
    family: ClassVar[Family]
    claims: ClassVar[tuple[Claim, ...]]
    needs: ClassVar[tuple[type[Record], ...]]  #: tables without which it has no data
    benign: ClassVar[tuple[str, ...]]  #: innocent explanations, never empty
    group: ClassVar[str]  #: cause it shares with other detectors
    when_clear: ClassVar[str]  #: what a clear answer means
    weight_source: ClassVar[WeightSource] = WeightSource.JUDGED
    weight_reason: ClassVar[str]
    check: ClassVar[str]  #: what a person should do next about a hit

    def examine(self, tables: Tables) -> Findings:
        """Hits, and clears worth a sentence of their own, by device."""
        raise NotImplementedError

    def blind(self, tables: Tables) -> Mapping[str, str]:  # noqa: ARG002  (the contract's shape; few override it)
        """Devices this detector cannot judge although its tables have rows, and why."""
        return {}

    def hit(
        self,
        claim: Claim,
        decibans: float,
        summary: str,
        *,
        observed: str,
        expected: str,
        rows: Iterable[Evidence],
        group: str | None = None,
        weight_reason: str | None = None,
        conclusive: bool = False,
    ) -> Finding:
        """A finding of this detector."""
        return Finding(
            detector=self.id,
            family=self.family,
            claim=claim,
            outcome=Outcome.HIT,
            decibans=decibans,
            summary=summary,
            observed=observed,
            expected=expected,
            benign=self.benign,
            rows=tuple(rows),
            group=self.group if group is None else group,
            weight_source=self.weight_source,
            weight_reason=weight_reason or self.weight_reason,
            conclusive=conclusive,
        )

    def clear(self, claim: Claim, summary: str, *, observed: str = "", rows: Iterable[Evidence] = ()) -> Finding:
        """A clear that says why; weighs nothing, since most hands leave no trace in one capture."""
        return Finding(
            detector=self.id,
            family=self.family,
            claim=claim,
            outcome=Outcome.CLEAR,
            decibans=0.0,
            summary=summary,
            observed=observed,
            benign=self.benign,
            rows=tuple(rows),
            group=self.group,
            weight_source=self.weight_source,
            weight_reason=self.weight_reason,
        )


def evidence(table: type[Record], number: int, packets: Iterable[int]) -> Evidence:
    """Proof rows of one table and input: the lowest packet numbers, without repeats; 0 stands for none."""
    return Evidence(table.table, int(number), tuple(sorted({int(packet) for packet in packets} - {0})[:_MOST_PACKETS]))


def run_detectors(detectors: Sequence[Detector], tables: Tables) -> Findings:
    """Every detector's answer about every device, three-valued, in the detectors' order."""
    seen = tables[DeviceSeen]
    found: Findings = {str(device): [] for device in sorted(set(seen["device_id"]))}
    needed = {record for detector in detectors for record in detector.needs}
    covered = {record: _covered(tables[record], seen) for record in needed}
    for detector in detectors:
        hits = detector.examine(tables)
        blind = detector.blind(tables)
        for device, answers in found.items():
            own = hits.get(device, [])
            missing = [_NOTHING_OF[record] for record in detector.needs if device not in covered[record]]
            reason = "; ".join(missing) or blind.get(device)
            for claim in detector.claims:
                spoken = [finding for finding in own if finding.claim is claim]
                answers.extend(spoken or [_silent(detector, claim, reason)])
    return found


def _silent(detector: Detector, claim: Claim, reason: str | None) -> Finding:
    """No data where there is a reason for it, else clear."""
    answer = detector.clear(claim, detector.when_clear)
    return answer if reason is None else dataclasses.replace(answer, outcome=Outcome.NO_DATA, summary=reason)


def _covered(table: Table[Any], seen: Table[DeviceSeen]) -> set[str]:
    """Devices a table holds anything about: by local network, by their id, or by the inputs that show them."""
    for key in ("lan", "device_id", "input"):
        if key in table.record.columns:
            values = set(table[key].tolist()) - {"", None}
            return {device for device, value in zip(seen["device_id"], seen[key], strict=True) if value in values}
    raise TypeError(f"table {table.record.table} names neither device, network nor input")


def by_device(table: Table[Any]) -> dict[str, NDArray[np.int64]]:
    """Row numbers of a table by its ``device_id``."""
    return table.groups("device_id")


def devices_on_lan(tables: Tables) -> dict[str, list[str]]:
    """Devices by the local network they are on."""
    seen = tables[DeviceSeen]
    found: dict[str, set[str]] = defaultdict(set)
    for lan, device in zip(seen["lan"], seen["device_id"], strict=True):
        if lan:
            found[lan].add(device)
    return {lan: sorted(members) for lan, members in sorted(found.items())}
