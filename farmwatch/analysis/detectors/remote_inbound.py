"""A remote-control session reaches the device, and the protocol itself shows that the device is the driven end."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar

import numpy as np

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence, folded, param
from farmwatch.analysis.logs import log_inputs
from farmwatch.records import Claim, DeviceFlow, Family, Finding, RemoteSession, Tables

__all__ = ["RemoteInbound"]

_SOME_BYTES = 4_000  #: payload beyond greetings and certificates
_SERVICES = frozenset({"ssh", "citrix"})  #: protocols that servers offer all day


@dataclass(frozen=True, slots=True)
class RemoteInbound(Detector):
    """Somebody else's hand is on this device by a protocol that names its driven end (VNC, RDP, reverse SSH, …).

    A session from the public internet is rare on company laptops; from the same network or the company's own ranges it
    is mostly a colleague, a help desk or the owner's other computer. Interactive traffic must have flowed: a scan or a
    refused connection is no session. Whether somebody types in it is weighed by how its keys are paced, not here.
    """

    id: ClassVar = "remote.inbound_session"
    title: ClassVar = "Is a remote-control session coming in?"
    topic: ClassVar = "incoming remote-control sessions"
    signals: ClassVar = ("N1",)
    family: ClassVar = Family.NAMES
    claims: ClassVar = (Claim.DRIVEN,)
    needs: ClassVar = (DeviceFlow,)
    group: ClassVar = "remote session"
    benign: ClassVar = (
        "help desk session (match it to a ticket)",
        "the owner's own second computer",
        "a server or lab machine that is administered remotely",
    )
    when_clear: ClassVar = "no session in which a protocol shows this device as the driven end"
    weight_reason: ClassVar = (
        "judged: inbound control from outside is a grade-A fact of the session, with help desks as benign cause"
    )
    check: ClassVar = "ask who owns the other end of the session, and whether the device's user knows of it"
    public_decibans: float = param(
        22.0, "From the internet straight into a laptop: rare outside support.", low=0, high=24
    )
    dialled_decibans: float = param(
        23.0, "The driven device dialled out itself: what reverse connections are for.", low=0, high=24
    )
    near_decibans: float = param(10.0, "From the same network: often a colleague or the owner.", low=0, high=24)
    own_decibans: float = param(3.0, "From the company's own ranges: the help desk's place.", low=0, high=24)
    service_decibans: float = param(
        3.0, "SSH or Citrix listening as servers do: mostly a server, not a laptop.", low=0, high=24
    )
    inside_service_decibans: float = param(
        10.0, "The same from the internet into a client's or private address: somebody opened a way.", low=0, high=24
    )

    def examine(self, tables: Tables) -> Findings:
        """One hit per device with driven sessions."""
        sessions, clients = tables[RemoteSession], _clients(tables)
        driven: dict[str, list[Finding]] = defaultdict(list)
        for device, rows in by_device(sessions).items():
            for row in rows:
                session = sessions.row(int(row))
                if session.role != "controlled" or not session.proven or not session.live:
                    continue
                weight = self._weight(session, client=device in clients)
                driven[device].append(
                    self.hit(
                        Claim.DRIVEN,
                        weight,
                        f"{session.tool_name} session drives this device from {session.remote}"
                        + (" (tool approved by the profile)" if session.approved else ""),
                        observed=f"{session.role_reason}; {session.bytes_out:,} bytes out, {session.bytes_in:,} in"
                        + (f", {session.small_in:,} small packets in" if session.small_in else ""),
                        expected="no session in, or one from a declared help desk",
                        rows=[evidence(DeviceFlow, session.input, (session.first_packet, session.last_packet))],
                    )
                )
        return {device: [folded(findings)] for device, findings in driven.items()}

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices with such a session in logs whose totals do not show whether anybody worked in it."""
        sessions, logs = tables[RemoteSession], log_inputs(tables)
        open_ends = (sessions["role"] == "controlled") & sessions["proven"] & ~sessions["live"]
        open_ends &= sessions["bytes_out"] + sessions["bytes_in"] >= _SOME_BYTES
        open_ends &= np.isin(sessions["input"], sorted(logs))
        named = zip(sessions["device_id"][open_ends], sessions["tool_name"][open_ends], strict=True)
        return {device: f"the log does not show whether anybody worked in the {tool} session" for device, tool in named}

    def _weight(self, session: RemoteSession, *, client: bool) -> float:
        if session.approved:
            return 0.0
        if session.tool in _SERVICES and not session.dialled:
            inside = session.remote_scope == "public" and (client or _is_private(session.local))
            return self.inside_service_decibans if inside else self.service_decibans
        if session.dialled and session.remote_scope == "public":
            return self.dialled_decibans
        near = {"public": self.public_decibans, "own": self.own_decibans}
        return near.get(session.remote_scope, self.near_decibans)


def _is_private(endpoint: str) -> bool:
    """Whether ``address:port`` is one that a home or office router gives out: servers on the internet have none."""
    return ip_address(endpoint.rpartition(":")[0].strip("[]")).is_private


def _clients(tables: Tables) -> set[str]:
    """Devices that open connections to the internet at least as often as it opens connections to them.

    Over IPv6 laptops have public addresses like servers, so only what they do tells them apart.
    """
    flows = tables[DeviceFlow]
    outside = flows["established"] & (flows["remote_scope"] == "public")
    opened = Counter(flows["device_id"][outside & (flows["local_side"] == 0)].tolist())
    asked = Counter(flows["device_id"][outside & (flows["local_side"] == 1)].tolist())
    return {device for device, count in opened.items() if count >= asked[device]}
