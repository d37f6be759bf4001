"""A remote-control session reaches the device, and the protocol itself shows that the device is the driven end."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence, param
from farmwatch.records import Claim, DeviceFlow, Family, RemoteSession, Tables

__all__ = ["RemoteInbound"]

_SERVICES = frozenset({"ssh", "citrix"})  #: protocols that servers offer all day


@dataclass(frozen=True, slots=True)
class RemoteInbound(Detector):
    """Somebody else's hand is on this device by a protocol that names its driven end (VNC, RDP, reverse SSH, …).

    A session from the public internet is rare on company laptops; from the same network or the company's own ranges it
    is mostly a colleague, a help desk or the owner's other computer. Interactive traffic must have flowed: a scan or a
    refused connection is no session.
    """

    id: ClassVar = "remote.inbound_session"
    title: ClassVar = "Is a remote-control session coming in?"
    topic: ClassVar = "incoming remote-control sessions"
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
    typed_service_decibans: float = param(
        10.0, "The same, typed by hand, from the internet into a private address.", low=0, high=24
    )
    typed_gaps: float = param(30, "Fewer human-paced gaps are a login and a command.", low=5, high=1000)

    def examine(self, tables: Tables) -> Findings:
        """One hit per driven session."""
        sessions = tables[RemoteSession]
        found: Findings = {}
        for device, rows in by_device(sessions).items():
            for row in rows:
                session = sessions.row(int(row))
                if session.role != "controlled" or not session.proven or not session.live:
                    continue
                weight = self._weight(session)
                found.setdefault(device, []).append(
                    self.hit(
                        Claim.DRIVEN,
                        weight,
                        f"{session.tool_name} session drives this device from {session.remote}"
                        + (" (tool approved by the profile)" if session.approved else ""),
                        observed=f"{session.role_reason}; {session.bytes_out:,} bytes out, {session.bytes_in:,} in, "
                        f"{session.small_in:,} small packets in",
                        expected="no session in, or one from a declared help desk",
                        rows=[evidence(DeviceFlow, session.input, (session.first_packet, session.last_packet))],
                    )
                )
        return found

    def _weight(self, session: RemoteSession) -> float:
        if session.approved:
            return 0.0
        if session.tool in _SERVICES and not session.dialled:
            typed = session.remote_scope == "public" and session.small_gaps_in >= self.typed_gaps
            return self.typed_service_decibans if typed and _is_private(session.local) else self.service_decibans
        if session.dialled and session.remote_scope == "public":
            return self.dialled_decibans
        near = {"public": self.public_decibans, "own": self.own_decibans}
        return near.get(session.remote_scope, self.near_decibans)


def _is_private(endpoint: str) -> bool:
    """Whether ``address:port`` is one that a home or office router gives out: servers on the internet have none."""
    return ip_address(endpoint.rpartition(":")[0].strip("[]")).is_private
