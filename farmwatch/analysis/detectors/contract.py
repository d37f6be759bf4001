"""What a detector is, and how all of them are run.

A detector is a frozen dataclass with class-level facts about itself and one method, ``examine``: tables in, *hits* out,
for any number of devices at once. It does no I/O, reads no clock, keeps no state. The runner adds what detectors must
not have to think about: *no data* for devices whose tables are empty or that the detector says it is blind for, and
*clear* for those it looked at and found nothing on.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.logs import only_in_logs
from farmwatch.records import (
    SERIES_LEFT_UNREAD,
    Announcement,
    Arp,
    Claim,
    DeviceFlow,
    DeviceSeen,
    DhcpRequest,
    Evidence,
    Family,
    Finding,
    HandFlow,
    LanMember,
    NameQuery,
    Outcome,
    Record,
    Reject,
    SeriesFlow,
    Table,
    Tables,
    WeightSource,
)  # fmt: skip

__all__ = [
    "Detector",
    "Findings",
    "by_device",
    "computers_on_lan",
    "devices_on_lan",
    "evidence",
    "evidence_by_input",
    "folded",
    "heard_beside",
    "listed",
    "longest_stretch",
    "param",
    "run_detectors",
    "untimed",
]

Findings: TypeAlias = dict[str, list[Finding]]  #: device id -> findings

_NOTHING_OF: dict[type[Record], str] = {
    Arp: "no ARP frames captured",
    DeviceFlow: "no TCP or UDP traffic of this device captured",
    LanMember: "nothing of its local network captured",
    SeriesFlow: "no flow long enough to be timed",
}  #: why a detector has nothing to look at, by the table it needs
_SENDERS: dict[type[Record], str] = {Arp: "eth_src", NameQuery: "client"}  #: column of who speaks, else ``mac``
_MOST_PACKETS = 20  #: packet numbers kept as proof of one finding
_MOST_NAMED = 3  #: equal findings of one device that are named; the others are counted


def param(default: float, why: str, *, low: float, high: float) -> Any:
    """A tunable number of a detector, with the reason for its value and the range it may have."""
    return dataclasses.field(default=default, metadata={"why": why, "low": low, "high": high})


class Detector:
    """Base of all detectors: the facts each one states about itself."""

    __slots__ = ()

    id: ClassVar[str]  #: named after what is observed, never after guilt
    title: ClassVar[str]  #: the question it answers, in a few words
    topic: ClassVar[str]  #: what it looks at, as a noun: for "not looked at: …"
    signals: ClassVar[tuple[str, ...]]  #: rows of docs/evidence.md it looks for; empty where only methods (M…) speak
    family: ClassVar[Family]
    claims: ClassVar[tuple[Claim, ...]]
    needs: ClassVar[tuple[type[Record], ...]]  #: tables without which it has no data
    benign: ClassVar[tuple[str, ...]]  #: innocent explanations, never empty
    group: ClassVar[str]  #: cause it shares with other detectors
    when_clear: ClassVar[str]  #: what a clear answer means
    weight_source: ClassVar[WeightSource] = WeightSource.JUDGED
    weight_reason: ClassVar[str]
    absent_from_logs: ClassVar[str] = ""  #: what it goes by that sensor logs do not hold; '' for nothing
    cap_decibans: ClassVar[float | None] = None  #: most its findings may count, where that is not their family's cap
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
        weight_source: WeightSource | None = None,
        cap_decibans: float | None = None,
        conclusive: bool = False,
    ) -> Finding:
        """A finding of this detector; what is left out is the detector's own."""
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
            weight_source=weight_source or self.weight_source,
            weight_reason=weight_reason or self.weight_reason,
            cap_decibans=self.cap_decibans if cap_decibans is None else cap_decibans,
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


def evidence_by_input(table: type[Record], inputs: NDArray[Any], packets: NDArray[Any]) -> list[Evidence]:
    """Proof rows of one table, each input's packets under its own number."""
    return [evidence(table, number, packets[inputs == number].tolist()) for number in sorted(set(inputs.tolist()))]


def listed(values: Iterable[str], most: int = 6) -> str:
    """Values in order, comma separated; beyond ``most`` only how many more there are."""
    ordered = sorted(values)
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more


def folded(findings: Iterable[Finding]) -> Finding:
    """Findings of one detector, claim and device as one: the strongest speaks, the next ones are named and counted.

    A network with hundreds of senders would otherwise repeat the same answer hundreds of times for every device.
    """
    first, *rest = sorted(findings, key=lambda finding: (-finding.decibans, finding.summary))
    if not rest:
        return first
    others = [summary for summary in dict.fromkeys(finding.summary for finding in rest) if summary != first.summary]
    parts = [first.summary if others else f"{first.summary} ({len(rest) + 1} times)"]
    parts += [f"also {summary}" for summary in others[: _MOST_NAMED - 1]]
    parts += [f"and {len(others) - _MOST_NAMED + 1} more"] if len(others) >= _MOST_NAMED else []
    each = max(1, _MOST_PACKETS // (len(rest) + 1))  # proof of the weaker ones must not fall behind the first one's
    packets: dict[tuple[str, int], list[int]] = defaultdict(list)
    for finding in (first, *rest):
        for row in finding.rows:
            packets[row.table, row.input].extend(row.packets[:each])
    return dataclasses.replace(
        first,
        summary="; ".join(parts),
        rows=tuple(
            Evidence(table, number, tuple(sorted(set(numbers))[:_MOST_PACKETS]))
            for (table, number), numbers in sorted(packets.items())
        ),
    )


def run_detectors(detectors: Sequence[Detector], tables: Tables) -> Findings:
    """Every detector's answer about every device, three-valued, in the detectors' order."""
    seen = tables[DeviceSeen]
    found: Findings = {str(device): [] for device in sorted(set(seen["device_id"]))}
    needed = {record for detector in detectors for record in detector.needs}
    covered = {record: _covered(tables[record], seen) for record in needed}
    logged = only_in_logs(tables)
    for detector in detectors:
        hits = detector.examine(tables)
        blind = detector.blind(tables)
        silent: dict[tuple[Claim, str | None], Finding] = {}  # most devices get the same answer: it is made once
        for device, answers in found.items():
            own = hits.get(device, [])
            missing = [_NOTHING_OF[record] for record in detector.needs if device not in covered[record]]
            reason = "; ".join(missing) or blind.get(device)
            if detector.absent_from_logs and device in logged:
                reason = detector.absent_from_logs
            for claim in detector.claims:
                spoken = [finding for finding in own if finding.claim is claim]
                if not spoken and (claim, reason) not in silent:
                    silent[claim, reason] = _silent(detector, claim, reason)
                answers.extend(spoken or [silent[claim, reason]])
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


def computers_on_lan(tables: Tables) -> dict[str, set[str]]:
    """Office computers by network, judged or only heard, each once: what a KVM there may be plugged into."""
    members = tables[LanMember]
    found: dict[str, set[str]] = {lan: set(devices) for lan, devices in devices_on_lan(tables).items()}
    for row in np.flatnonzero(members["laptop_like"] & (members["role"] == "neighbour")).tolist():
        found.setdefault(str(members["lan"][row]), set()).add(f"host {members['host'][row]}")
    return found


def heard_beside(tables: Tables, *records: type[Announcement | Arp | DhcpRequest | NameQuery]) -> set[str]:
    """Devices on whose local network some other host, not a gateway, was heard to say something of itself.

    Args:
        tables: of the run.
        records: what counts as saying something.

    A capture that holds only what a device and its router send each other shows nothing of who else is there.
    """
    members, seen = tables[LanMember], tables[DeviceSeen]
    known: dict[str, dict[str, str]] = defaultdict(dict)  # host -> network -> who it is
    for row in np.flatnonzero(members["role"] != "gateway").tolist():
        host = str(members["host"][row])
        for key in (host, *members["addresses"][row].split(",")):
            known[key][str(members["lan"][row])] = members["device_id"][row] or f"host {host}"
    networks: dict[int, set[str]] = defaultdict(set)
    for number, lan in zip(seen["input"].tolist(), seen["lan"].tolist(), strict=True):
        networks[number].add(lan)
    speakers: dict[str, set[str]] = defaultdict(set)
    for record in records:
        table = tables[record]
        senders = table[_SENDERS.get(record, "mac")].tolist()
        for number, sender in set(zip(table["input"].tolist(), senders, strict=True)):
            for lan in networks[number] & known.get(sender, {}).keys():
                speakers[lan].add(known[sender][lan])
    return {
        device
        for lan, devices in devices_on_lan(tables).items()
        for device in devices
        if speakers.get(lan, set()) - {device}
    }


def untimed(tables: Tables) -> dict[str, str]:
    """Devices of which flows that may carry a hand could not be timed, or only their beginning, and why."""
    rejects, seen = tables[Reject], tables[DeviceSeen]
    reasons = {
        number: reason
        for number, reason in zip(rejects["input"].tolist(), rejects["reason"].tolist(), strict=True)
        if reason.startswith(SERIES_LEFT_UNREAD)
    }
    inputs = zip(seen["device_id"].tolist(), seen["input"].tolist(), strict=True)
    hands = tables[HandFlow]
    partly = Counter(hands["device_id"][hands["cut"] & (hands["role"] == "unclear")].tolist())
    cut = {device: f"only the beginning of {count} long flows was timed" for device, count in partly.items()}
    return cut | {device: reasons[number] for device, number in inputs if number in reasons}


def longest_stretch(tables: Tables) -> dict[str, float]:
    """Seconds of each device's traffic that the best single input spans; inputs of different days do not add up."""
    flows = tables[DeviceFlow]
    owned = by_device(flows)
    if not owned:
        return {}
    rows = np.concatenate(list(owned.values()))
    device = np.repeat(np.arange(len(owned)), [len(own) for own in owned.values()])
    order = np.lexsort((flows["input"][rows], device))
    rows, device = rows[order], device[order]
    number = flows["input"][rows]
    starts = np.flatnonzero(np.r_[True, (device[1:] != device[:-1]) | (number[1:] != number[:-1])])
    first, last = (flows[name][rows].astype(np.int64) for name in ("ts", "last_ts"))
    longest = np.zeros(len(owned), np.int64)
    np.maximum.at(longest, device[starts], np.maximum.reduceat(last, starts) - np.minimum.reduceat(first, starts))
    return dict(zip(owned, (longest / 1e9).tolist(), strict=True))
