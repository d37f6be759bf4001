"""The hand is far: what answers the screen by itself does so later than a near person's line and program explain."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence, folded, param, untimed
from farmwatch.analysis.logs import NOT_IN_LOGS
from farmwatch.analysis.sessions.reaches import SessionReach, session_reaches
from farmwatch.analysis.sessions.regions import (
    DIFFERENCE_CAP_DECIBANS,
    Basis,
    Reach,
    combined,
    consistent_with,
    farthest_km,
    speaking,
)
from farmwatch.records import Claim, DeviceFlow, Family, Finding, RemoteSession, Tables, WeightSource
from farmwatch.records.distance import FARTHEST_KM, at_most

__all__ = ["HandFar"]

_TO = "\N{EN DASH}"
_GATEWAY = "the person is no farther, unless behind a gateway that speaks the protocol itself, such as a web gateway"
_NOTABLE = 0.9  #: share of the bound from the device below which the one from the relay is worth saying
_DECLARED = "declared: beyond a limit of the profile; the weight is judged, as lines and programs add delay"


@dataclass(frozen=True, slots=True)
class HandFar(Detector):
    """How far the person behind a session is, by the loop that crosses every relay (docs/evidence.md, M17).

    The loop minus the flow's own round trip is the way from the relay to the person: a long one next to a short one on
    the same flow is not the device's line, nor its network, nor its clock. A long loop alone is weak. A short one
    bounds the program that answers, and with it the person, unless they sit behind a gateway that speaks the protocol
    itself. Several sessions with one far end count as one hand, of which the one with the least weight speaks.
    """

    id: ClassVar = "hand.far"
    title: ClassVar = "Is the hand far away, whatever relay it comes through?"
    topic: ClassVar = "distance of the hand"
    signals: ClassVar = ("N15",)
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.ABROAD,)
    needs: ClassVar = (DeviceFlow,)
    absent_from_logs: ClassVar = NOT_IN_LOGS
    group: ClassVar = "control round trip"
    benign: ClassVar = (
        "satellite or a bad line at the helper's end",
        "a VPN that the helper uses",
        "a helper or owner who travels",
        "a colleague abroad",
        "a slow program at the far end",
    )
    when_clear: ClassVar = "no session whose far end answers from far away"
    weight_reason: ClassVar = "judged: likelihood over regions, lines and programs (docs/evidence.md, M17)"
    check: ClassVar = "ask where the person at the other end is, and what line and VPN they use"
    unclear_share: float = param(0.5, "The role is open: the answers may be to something else.", low=0, high=1)
    least_decibans: float = param(1.0, "Less is nothing to speak of.", low=0, high=6)
    declared_decibans: float = param(9.0, "Beyond the limit that the profile declares for this device.", low=0, high=12)

    def examine(self, tables: Tables) -> Findings:
        """One hit per device with far hands; a clear that says why where all its hands are near."""
        sessions = tables[RemoteSession]
        reaches = session_reaches(tables)
        found: Findings = {}
        for device, rows in by_device(sessions).items():
            own = sorted((sessions.row(int(row)) for row in rows), key=lambda one: (one.start, one.session_id))
            judged = [(one, reaches[one.session_id]) for one in own if one.session_id in reaches]
            ends: dict[tuple[str, str], list[tuple[RemoteSession, SessionReach]]] = defaultdict(list)
            for session, known in judged:
                if known.loop_low_ms is not None and not session.meeting:
                    ends[session.tool, session.remote.rpartition(":")[0]].append((session, known))
            hits = [hit for end in ends.values() if (hit := self._hit(end)) is not None]
            if hits:
                found[device] = [folded(hits)]
            elif ends and all(known.near for _, known in judged):
                found[device] = [self._near([pair for end in ends.values() for pair in end])]
        return found

    def _hit(self, end: list[tuple[RemoteSession, SessionReach]]) -> Finding | None:
        """One far end: its sessions together."""
        known_reaches = [one.reach for _, one in end if one.reach is not None]
        together = combined(known_reaches)
        if together is None or all(one.near for _, one in end):
            return None
        # The session whose weight counts is the one that is told, so that sentence, limit and weight agree.
        session, known = end[known_reaches.index(speaking(known_reaches))]
        share = 1.0 if any(one.role == "controlled" for one, _ in end) else self.unclear_share
        weight, declared = together.decibans * share, all(_is_beyond_limit(one) for _, one in end)
        if declared:
            weight = max(weight, self.declared_decibans * share)
        if weight < self.least_decibans:
            return None
        return self.hit(
            Claim.ABROAD,
            weight,
            _summary(session, known, together),
            observed=_observed(end, together),
            expected=f"at most {known.limit_ms:.0f} ms, declared for this device"
            if declared and known.limit_ms is not None
            else "a few tens of milliseconds for a hand nearby",
            rows=[evidence(DeviceFlow, one.input, (one.first_packet, one.last_packet)) for one, _ in end],
            cap_decibans=DIFFERENCE_CAP_DECIBANS if together.basis is Basis.DIFFERENCE else None,
            weight_reason=_DECLARED if declared else None,
            weight_source=WeightSource.DECLARED if declared else None,
        )

    def _near(self, pairs: list[tuple[RemoteSession, SessionReach]]) -> Finding:
        """Why the hand cannot be far."""
        session, known = max(pairs, key=lambda pair: pair[1].loop_low_ms or 0.0)
        loop = known.loop_low_ms or 0.0
        if known.limit_ms is None:
            bound = at_most(farthest_km(loop))
            summary = f"What answers the screen is {bound} away, by a loop of {loop:.0f} ms; {_GATEWAY}"
        else:
            summary = f"A loop of {loop:.0f} ms is within the {known.limit_ms:.0f} ms that the profile declares"
        return self.clear(
            Claim.ABROAD,
            summary,
            observed=_observed(pairs, None),
            rows=[evidence(DeviceFlow, session.input, (session.first_packet, session.last_packet))],
        )

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices with sessions in which nothing answers by itself, or whose flows could not be timed."""
        sessions, reaches = tables[RemoteSession], session_reaches(tables)
        unmeasured = {
            str(device): reaches[name].why
            for name, device in zip(sessions["session_id"].tolist(), sessions["device_id"].tolist(), strict=True)
            if name in reaches and not reaches[name].near
        }
        return untimed(tables) | unmeasured


def _is_beyond_limit(known: SessionReach) -> bool:
    return known.limit_ms is not None and known.loop_low_ms is not None and known.loop_low_ms > known.limit_ms


def _summary(session: RemoteSession, known: SessionReach, together: Reach) -> str:
    said = f"The far program reacts {session.loop_rtt_ms or known.loop_low_ms:.0f} ms"
    if session.loop_low_ms is not None and session.loop_high_ms is not None:
        said += f" ({session.loop_low_ms:.0f}{_TO}{session.loop_high_ms:.0f})"
    said += " or less" if known.upper_bound else ""
    said += " after the screen changes"
    if together.basis is Basis.DIFFERENCE:
        what, end = ("relay itself", "the relay") if session.relayed else ("flow's own end", "that end")
        said += f"; the {what} answers in {known.transport_ms:.0f} ms: the person is "
        return said + ("some way from " if together.nearby else "not near ") + end
    if known.transport_ms is not None:
        return said + f"; the flow's own end answers in {known.transport_ms:.0f} ms"
    return said


def _observed(end: list[tuple[RemoteSession, SessionReach]], together: Reach | None) -> str:
    answers = sum(session.loop_samples for session, _ in end)
    parts = [f"{answers:,} answers in {len(end)} session{'s' if len(end) > 1 else ''}"]
    notes = dict.fromkeys(session.loop_note for session, _ in end if session.loop_note)
    if together is None:
        return "; ".join([*parts, *notes])
    if together.bound_km < FARTHEST_KM:
        parts.append(f"the person is {at_most(together.bound_km)} from this device")
    if together.past_relay_km is not None and together.past_relay_km < _NOTABLE * together.bound_km:
        parts.append(f"{at_most(together.past_relay_km)} from what answers the flow")
    return "; ".join([*parts, consistent_with(together), *notes])
