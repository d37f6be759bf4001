"""Interactive SSH with human-paced keystrokes, with its round trip."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence, folded, param
from farmwatch.analysis.logs import NOT_IN_LOGS
from farmwatch.records import ABSENT, Claim, DeviceFlow, Family, Finding, Ssh, Tables

__all__ = ["KeystrokeSsh"]

_WORDS = {1: "typing into this device", 0: "typing from this device", ABSENT: "typing, direction open,"}


@dataclass(frozen=True, slots=True)
class KeystrokeSsh(Detector):
    """Somebody types through SSH: into this device (it answers as server), or from it to another machine.

    The test is Zhang and Paxson's share of small packets whose spacing is human, 10 ms to 2 s (docs/evidence.md, M5).
    That a session came in at all is another detector's finding; this one weighs the hand alone. OpenSSH 9.5 and later
    send on a 20 ms grid with decoys, so counts lie there and the weight is halved (e3). Typing *from* the device weighs
    nothing: it is what administrators do all day.
    """

    id: ClassVar = "ssh.keystroke_paced"
    title: ClassVar = "Does somebody type through SSH?"
    topic: ClassVar = "typing over SSH"
    signals: ClassVar = ()
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.DRIVEN,)
    needs: ClassVar = (DeviceFlow,)
    absent_from_logs: ClassVar = NOT_IN_LOGS
    group: ClassVar = "ssh typing"
    benign: ClassVar = (
        "the owner logs in from another computer",
        "an administrator's session",
        "a terminal program's keep-alives",
    )
    when_clear: ClassVar = "no SSH flow with human-paced small packets"
    weight_reason: ClassVar = "judged; the interactive test itself: Zhang and Paxson 2000"
    check: ClassVar = "ask for the SSH server's log of that time; match the far end with declared machines"
    inbound_decibans: float = param(
        11.0, "A session into a laptop from outside is typed by hand, not a backup or a script.", low=0, high=12
    )
    near_decibans: float = param(4.0, "The same from the local network or the company.", low=0, high=12)
    open_decibans: float = param(2.0, "Who types is open; a jump host looks the same as a way in.", low=0, high=12)
    least_gaps: float = param(30, "Fewer is a login and a command or two.", low=5, high=1000)
    least_share: float = param(0.3, "Share of small packets with human spacing (method M5).", low=0.1, high=1)

    def examine(self, tables: Tables) -> Findings:
        """One hit per device with typed SSH flows."""
        flows, greetings = tables[DeviceFlow], tables[Ssh]
        paced = {
            (int(number), int(flow)): bool(grid)
            for number, flow, grid in zip(greetings["input"], greetings["flow"], greetings["paced"], strict=True)
        }
        typed: dict[str, list[Finding]] = defaultdict(list)
        for device, rows in by_device(flows).items():
            for row in rows[flows["protocol"][rows] == "ssh"]:
                driven = int(flows["controlled"][row])
                side = "in" if driven == 1 else "out"
                gaps, small = int(flows[f"small_gaps_{side}"][row]), int(flows[f"small_{side}"][row])
                if gaps < self.least_gaps or gaps < self.least_share * small:
                    continue
                grid = paced.get((int(flows["input"][row]), int(flows["flow"][row])), False)
                outside = flows["remote_scope"][row] == "public"
                inbound = self.inbound_decibans if outside else self.near_decibans
                weight = {1: inbound, ABSENT: self.open_decibans if outside else 0.0}.get(driven, 0.0)
                rtt = flows["rtt_ms"][row]
                typed[device].append(
                    self.hit(
                        Claim.DRIVEN,
                        weight / 2 if grid else weight,
                        f"{_WORDS[driven]} over SSH, far end {flows['remote_h'][row]}"
                        + ("" if np.isnan(rtt) else f" at {rtt:.0f} ms"),
                        observed=f"{small} small packets, {gaps} of them 10 ms to 2 s apart"
                        + ("; sent on a 20 ms grid, so counts are uncertain" if grid else ""),
                        expected="no typed session into a laptop",
                        rows=[
                            evidence(
                                DeviceFlow, flows["input"][row], (flows["first_packet"][row], flows["last_packet"][row])
                            )
                        ],
                    )
                )
        return {device: [folded(findings)] for device, findings in typed.items()}
