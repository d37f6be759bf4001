"""A connection came in to a remote-control program or port of the device (N1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.addresses import AddressBook
from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many, shown, tool_name
from farmwatch.knowledge import Knowledge
from farmwatch.knowledge.entries import Grade as Sure
from farmwatch.knowledge.entries import Kind, Layer, Side
from farmwatch.knowledge.loading import parse_port
from farmwatch.records import Claim, Family, Record, Socket

__all__ = ["RemoteAccepted"]

_JUDGED = "judged, as for captures: control from outside is a grade-A fact of the session, help desks its benign cause"
_KINDS = (Kind.REMOTE_ACCESS, Kind.RMM)
_FEW_PORTS = 16  #: a wider range is anybody's
_SHARED_PORTS = frozenset({4000, 4080, 4443})  #: NoMachine's, and those of many developers' web servers
_LOOPBACK = re.compile(r"(?:::ffff:)?127\.|::1$")
_ANYWHERE = ("0.0.0.0", "::", "*")  # noqa: S104  (compared with what is reported, nothing listens here)
_WORDS = {
    "outside_often": "from the internet on several days",
    "outside": "from the internet",
    "loopback": "through a tunnel that ends on the device itself",
    "near": "from the local network",
}


@dataclass(frozen=True, slots=True)
class RemoteAccepted(FleetDetector):
    """Finds connections to what serves remote control here, by program or by a port that one tool alone is known for.

    A connection is no session: the internet knocks at every open port, so one visit weighs less than several days. What
    listens for everybody and is not found on much of the fleet is told with next to no weight.
    """

    id: ClassVar[str] = "remote.accepted_connection"
    title: ClassVar[str] = "did a connection come in to a remote-control program?"
    topic: ClassVar[str] = "connections to remote-control programs"
    signals: ClassVar[tuple[str, ...]] = ("N1",)
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = (Socket,)
    benign: ClassVar[tuple[str, ...]] = (
        "a help desk whose addresses were not declared",
        "the person's own second computer",
        "scanners of the internet that found an open port",
    )
    group: ClassVar[str] = "remote session"
    grades: ClassVar[Mapping[str, Grade]] = {
        "outside_often": Grade(Claim.DRIVEN, 18.0, f"{_JUDGED}; one far end, on several days"),
        "outside": Grade(Claim.DRIVEN, 10.0, f"{_JUDGED}; once, which a scanner does too"),
        "loopback": Grade(Claim.DRIVEN, 8.0, f"{_JUDGED}; from the device itself, as by a reverse tunnel"),
        "near": Grade(Claim.DRIVEN, 5.0, f"{_JUDGED}; from the local network: often a colleague or the owner"),
        "open": Grade(Claim.DRIVEN, 1.0, "judged: a server waits for anybody, which it also does unused"),
    }
    when_clear: ClassVar[str] = "no connection in to a remote-control program, or from the company's own addresses only"
    check: ClassVar[str] = "ask who owns the far end; look whether the home router forwards the port"
    often_days: float = param(2.0, "Days on which one far end came that are more than a knock.", low=2, high=20)
    practice_share: float = param(
        0.02, "Share of the fleet, and ten devices, from which on local connections or open servers are a practice.",
        low=0.001, high=1,
    )  # fmt: skip

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """The strongest way in to each tool of a device."""
        self._connections(fleet)
        order = list(_WORDS)
        for row in fleet.rows(
            """
            WITH one AS (
                SELECT device_id, tool, scope, remote_h, count(DISTINCT day) AS days, sum(n)::BIGINT AS n,
                       min(first) AS first, max(last) AS last, list_sort(flatten(list(ids)))[:20] AS ids
                FROM accepted_by_tool WHERE state <> 'listening' GROUP BY device_id, tool, scope, remote_h
            ), ways AS (
                SELECT device_id, tool, CASE WHEN scope <> 'public' THEN scope
                           WHEN max(days) >= $often_days THEN 'outside_often' ELSE 'outside' END AS grade,
                       max(days) AS days, sum(n)::BIGINT AS n, list(remote_h ORDER BY days DESC, remote_h) AS ends,
                       min(first) AS first, max(last) AS last, list_sort(flatten(list(ids)))[:20] AS ids,
                       count(*) OVER (PARTITION BY tool, scope) AS devices
                FROM one WHERE scope IN ('public', 'loopback', 'near') GROUP BY device_id, tool, scope
            )
            SELECT * FROM ways WHERE NOT (grade IN ('near', 'loopback') AND devices >= 10
            AND devices >= $practice_share * (SELECT count(*) FROM fleet_devices))
            QUALIFY row_number() OVER (PARTITION BY device_id, tool
                ORDER BY list_position($words::VARCHAR[], grade)) = 1 ORDER BY device_id, tool
            """,
            often_days=self.often_days,
            practice_share=self.practice_share,
            words=order,
        ):
            yield Hit(
                row["device_id"],
                row["grade"],
                f"{many(row['n'], 'connection')} came in to {tool_name(fleet, row['tool'])} {_WORDS[row['grade']]}",
                observed=", ".join(row["ends"][:3]) + (f" and {len(row['ends']) - 3} more" if row["ends"][3:] else ""),
                expected="connections that lead out only, or the company's own",
                telling=(telling(Socket, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )
        yield from self._open(fleet)

    def _open(self, fleet: Fleet) -> Iterable[Hit]:
        """Servers that wait for anybody where no connection was seen."""
        for row in fleet.rows(
            """
            WITH open AS (
                SELECT device_id, tool, min(first) AS first, max(last) AS last, sum(n)::BIGINT AS n,
                       list(DISTINCT local_p ORDER BY local_p)[:3] AS ports, list_sort(flatten(list(ids)))[:20] AS ids,
                       min(process) AS process, count(*) OVER (PARTITION BY tool) AS devices
                FROM accepted_by_tool WHERE state = 'listening' GROUP BY device_id, tool
            )
            SELECT * FROM open
            ANTI JOIN (SELECT device_id, tool FROM accepted_by_tool WHERE state <> 'listening') USING (device_id, tool)
            WHERE devices < 10 OR devices < $practice_share * (SELECT count(*) FROM fleet_devices)
            ORDER BY device_id, tool
            """,
            practice_share=self.practice_share,
        ):
            ports = ", ".join(str(port) for port in row["ports"])
            yield Hit(
                row["device_id"],
                "open",
                f"{tool_name(fleet, row['tool'])} waits for connections from anywhere on port {ports}",
                observed=f"{shown(row['process'] or 'a program that is not named')} listens on {ports}",
                expected="no remote-control server, or one for the device itself only",
                telling=(telling(Socket, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )

    def _connections(self, fleet: Fleet) -> None:
        """Make ``accepted_by_tool``: what came in or listens, by device, tool and day; approved tools left out."""
        ports = _ports(fleet.knowledge)
        fleet.make(
            "accepted_rows",
            """
            SELECT device_id, CASE WHEN state = 'listening' THEN 'listening' ELSE 'accepted' END AS state, process,
                   CASE WHEN proto = 'tcp' AND list_contains($ports::BIGINT[], local_p) THEN local_p END AS port,
                   local_p, coalesce(remote_h, local_h) AS remote_h, CAST(ts AS DATE) AS day, min(ts) AS first,
                   max(ts) AS last, count(*) AS n, coalesce(min(record_id, 20), []) AS ids
            FROM sockets_30d
            WHERE state = 'accepted' AND remote_h IS NOT NULL
            OR state = 'connected' AND remote_h IS NOT NULL AND NOT coalesce(outbound, false) AND proto = 'tcp'
               AND list_contains($ports::BIGINT[], local_p)
            OR state = 'listening' AND local_h IN (SELECT unnest($anywhere::VARCHAR[])) AND proto = 'tcp'
            GROUP BY ALL
            """,
            ports=sorted(ports),
            anywhere=list(_ANYWHERE),
        )
        tools = fleet.label(
            "accepted_tools", "accepted_rows", ("process", "port"), lambda row: _tool(fleet.knowledge, ports, row)
        )
        book = AddressBook(fleet.profile)
        scopes = fleet.label(
            "accepted_scopes", "accepted_rows", ("remote_h",), lambda row: _scope(book, row["remote_h"])
        )
        fleet.make(
            "accepted_by_tool",
            f"""
            SELECT accepted_rows.*, accepted_tools.label AS tool, accepted_scopes.label AS scope
            FROM accepted_rows {tools} {scopes} LEFT JOIN owners AS o ON o.device_id = accepted_rows.device_id
            WHERE NOT list_contains($approved::VARCHAR[], accepted_tools.label)
                  AND NOT coalesce(list_contains(o.approved_tools, accepted_tools.label), false)
            """,
            approved=sorted(fleet.profile.approved_tools),
        )


def _ports(knowledge: Knowledge) -> dict[int, str]:
    """TCP ports that the driven end of one remote-access tool listens on, and which tool it is."""
    owners: dict[int, set[str]] = {}
    for entry in knowledge.entries.values():
        for fact in entry.facts:
            if fact.layer is Layer.PORT and fact.grade is Sure.HIGH and fact.side is Side.CONTROLLED:
                protocol, low, high = parse_port(fact.value) or ("", 1, 0)
                if entry.kind is Kind.REMOTE_ACCESS and protocol == "tcp" and high - low < _FEW_PORTS:
                    for port in range(low, high + 1):
                        owners.setdefault(port, set()).add(entry.id)
    return {port: next(iter(names)) for port, names in owners.items() if len(names) == 1 and port not in _SHARED_PORTS}


def _tool(knowledge: Knowledge, ports: Mapping[int, str], row: Mapping[str, Any]) -> str | None:
    for match in knowledge.match_process(row["process"] or ""):
        if match.alone and match.entry.kind in _KINDS and match.side is not Side.CONTROLLER:
            return match.id
    return ports.get(row["port"]) if row["port"] is not None else None


def _scope(book: AddressBook, address: str | None) -> str:
    if address is None or _LOOPBACK.match(address):
        return "loopback"
    return {"local": "near"}.get(scope := book.scope(address), scope)
