"""The hand is not where the flow ends: its program answers later than the transport, by the length of another way."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence, folded, param, untimed
from farmwatch.analysis.logs import NOT_IN_LOGS
from farmwatch.records import Claim, DeviceFlow, Family, Finding, RemoteSession, Tables

__all__ = ["HandRelayed"]


@dataclass(frozen=True, slots=True)
class HandRelayed(Detector):
    """A session that drives this device runs through a relay, by loop against transport (docs/evidence.md, M10, M11).

    Commercial tools relay too, so a relay alone is a nudge; of a tool nobody recognised it is more.
    """

    id: ClassVar = "hand.relayed"
    title: ClassVar = "Is a relay between this device and the hand that drives it?"
    topic: ClassVar = "relays in front of a hand"
    signals: ClassVar = ()
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.DRIVEN,)
    needs: ClassVar = (DeviceFlow,)
    absent_from_logs: ClassVar = NOT_IN_LOGS
    group: ClassVar = "relay"
    benign: ClassVar = (
        "the vendor's relay of an ordinary remote-support tool",
        "the helper's own VPN",
        "a slow program at the far end",
    )
    when_clear: ClassVar = "no driving session whose far program answers later than its transport"
    weight_reason: ClassVar = "judged: relays hide the operator, and most remote-support tools use one"
    check: ClassVar = "find out who runs the relay, and ask its provider or the tool's vendor for the other side"
    known_decibans: float = param(2.0, "Recognised tools relay in ordinary use.", low=0, high=12)
    unknown_decibans: float = param(6.0, "An unrecognised tool behind a relay.", low=0, high=12)

    def examine(self, tables: Tables) -> Findings:
        """One hit per device with driven sessions behind a relay."""
        sessions = tables[RemoteSession]
        found: dict[str, list[Finding]] = defaultdict(list)
        for device, rows in by_device(sessions).items():
            shown = (sessions["relay_reason"][rows] != "") & (sessions["relayed"][rows] == 1)
            for row in rows[shown & (sessions["role"][rows] == "controlled")]:
                session = sessions.row(int(row))
                beyond = _beyond(session)
                weight = self.unknown_decibans if session.tool == "unknown" else self.known_decibans
                found[device].append(
                    self.hit(
                        Claim.DRIVEN,
                        0.0 if session.approved else weight,
                        f"Who drives sits beyond {session.remote}: {beyond}",
                        observed=session.relay_reason,
                        expected="an answer within some 10 ms of the transport's round trip",
                        rows=[evidence(DeviceFlow, session.input, (session.first_packet, session.last_packet))],
                    )
                )
        return {device: [folded(findings)] for device, findings in found.items()}

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices that are driven over sessions without a loop or without a transport round trip."""
        sessions = tables[RemoteSession]
        open_ends = (sessions["role"] == "controlled") & sessions["live"] & (sessions["relay_reason"] == "")
        return untimed(tables) | {
            device: _unknown(sessions.row(int(rows[open_ends[rows]][0])))
            for device, rows in by_device(sessions).items()
            if open_ends[rows].any()
        }


def _unknown(session: RemoteSession) -> str:
    """Why nothing tells whether a relay stands in a session."""
    if session.loop_rtt_ms is None:
        return session.loop_note or "the session's timing was not looked at"
    if session.rtt_ms is None:
        return "the transport of the session was timed too seldom"
    return "what answers may be the end of a tunnel"


def _beyond(session: RemoteSession) -> str:
    if session.loop_rtt_ms is None or session.rtt_ms is None or np.isnan(session.loop_rtt_ms):
        return "its program answers later than the transport"
    return f"its program answers after {session.loop_rtt_ms:.0f} ms, that end itself after {session.rtt_ms:.0f} ms"
