"""Laptops that were at a found farm's line for a day or so: new there, on their way, or seldom reported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from farmwatch.analysis.fleet.farm_candidates import Candidate, shown
from farmwatch.analysis.fleet.farm_signs import days_telling
from farmwatch.analysis.fleet.farm_weights import evidence
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.geo import distance_sql
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.traits import PLACE, TRAITS, window_mask
from farmwatch.records import Claim, Finding

__all__ = ["Host", "visitors_of"]

_LEAST_HOSTS = 3  #: laptops at a line from which on a stay there speaks
_SAME_HOME_KM = 1.0  #: declared places that are one
_LINE_TRAITS = ("gateway MAC", "BSSID", "IPv6 network", "egress address")
_LINES = ", ".join(str(number) for number, trait in enumerate(TRAITS) if trait.name in _LINE_TRAITS)


@dataclass(frozen=True, slots=True)
class Host:
    """A farm whose line others may have been at."""

    farm_id: str
    candidate: Candidate


def visitors_of(fleet: Fleet, hosts: Sequence[Host], members: frozenset[str]) -> dict[str, list[tuple[str, Finding]]]:
    """Who else was at the lines of some farms within the window.

    A line is known by its router, access point, IPv6 network, or an address that is one line's. What counts is a day on
    which both told it and the visitor told no other line: addresses move on to other homes, and makers give one router
    address to many. Whoever lives with a member, by the roster, is left out. Where more come than belong there, it is a
    place that people pass through, and nobody is told.

    Args:
        fleet: with the tables of links.
        hosts: farms that are beyond doubt.
        members: devices of any farm.

    Returns:
        By farm id: devices, and what is to be said of them.

    Raises:
        AssessmentError: the telemetry cannot be read.
    """
    lines = [
        (number, tie.kind, tie.value, len(tie.devices), f"{TRAITS[tie.kind].name} {shown(tie)}")
        for number, host in enumerate(hosts)
        for tie in host.candidate.ties
        if TRAITS[tie.kind].aspect == PLACE and len(tie.devices) >= _LEAST_HOSTS
        and (tie.line or TRAITS[tie.kind].name in _LINE_TRAITS[:3])
    ]  # fmt: skip
    if not lines:
        return {}
    columns = zip(*lines, strict=True)
    types = (("number", pa.int32()), ("kind", pa.int8()), ("value", pa.string()), ("hosts", pa.int32()),
             ("said", pa.string()))  # fmt: skip
    given = {name: pa.array(column, kind) for (name, kind), column in zip(types, columns, strict=True)}
    fleet.load("farm_lines", pa.table(given))
    fleet.load("farm_everyone", pa.table({"device_id": pa.array(sorted(members), pa.string())}))
    own = [(number, device, device in host.candidate.at_site) for number, host in enumerate(hosts)
           for device in host.candidate.devices]  # fmt: skip
    numbers, devices, at_site = zip(*own, strict=True)
    fleet.load(
        "farm_residents",
        pa.table(
            {
                "number": pa.array(numbers, pa.int32()),
                "device_id": pa.array(devices, pa.string()),
                "at_site": pa.array(at_site),
            }
        ),
    )
    found: dict[str, list[tuple[str, Finding]]] = defaultdict(list)
    for row in fleet.rows(
        f"""
        WITH theirs AS (
            SELECT r.number, t.kind, t.value, bit_or(t.mask) AS mask
            FROM farm_residents AS r JOIN farm_devices USING (device_id) JOIN farm_traits AS t USING (code)
            WHERE r.at_site AND t.kind IN ({_LINES}) GROUP BY ALL
        ), met AS (
            SELECT l.number, t.code, d.device_id, bit_or(t.mask & h.mask) AS days,
                   max_by(l.said, (l.hosts, l.said)) AS said, max_by(l.kind, (l.hosts, l.said)) AS kind,
                   max(l.hosts) AS hosts
            FROM farm_lines AS l JOIN theirs AS h USING (number, kind, value)
            JOIN farm_told AS t ON t.kind = l.kind AND t.value = l.value
            JOIN farm_devices AS d USING (code) ANTI JOIN farm_everyone USING (device_id)
            GROUP BY l.number, t.code, d.device_id
        ), elsewhere AS (
            SELECT m.number, m.code, bit_or(t.mask) AS days
            FROM met AS m JOIN farm_told AS t USING (code)
            ANTI JOIN theirs AS h ON h.number = m.number AND h.kind = t.kind AND h.value = t.value
            WHERE t.kind IN ({_LINES}) GROUP BY ALL
        ), there AS (
            SELECT m.* EXCLUDE (days), m.days & ~coalesce(e.days, 0::UBIGINT) & ~coalesce(t.mask, 0::UBIGINT)
                   & {window_mask(fleet)}::UBIGINT AS days
            FROM met AS m LEFT JOIN elsewhere AS e USING (number, code) LEFT JOIN farm_trips AS t USING (code)
            WHERE m.days & ~coalesce(e.days, 0::UBIGINT) & ~coalesce(t.mask, 0::UBIGINT)
                  & {window_mask(fleet)}::UBIGINT <> 0
        ), kin AS (
            SELECT DISTINCT t.number, t.code
            FROM there AS t JOIN farm_people AS p ON p.code = t.code
            JOIN farm_residents AS r ON r.number = t.number JOIN farm_devices AS d ON d.device_id = r.device_id
            JOIN farm_people AS q ON q.code = d.code
            WHERE p.person = q.person OR p.household = q.household
                  OR coalesce({distance_sql("p", "q")} <= {_SAME_HOME_KM} AND NOT (p.coarse OR q.coarse), false)
        )
        SELECT number, device_id, said, kind, hosts, days, count(*) OVER (PARTITION BY number) AS visitors
        FROM there ANTI JOIN kin USING (number, code) ORDER BY number, device_id
        """
    ):
        host = hosts[row["number"]]
        if row["visitors"] > len(host.candidate.at_site):
            continue
        days = int(row["days"]).bit_count()
        finding = evidence(
            "farm.visitor",
            "days" if days > 1 else "day",
            f"on {many(days, 'day')} it was at the line of {row['hosts']} laptops that belong together "
            f"(farm {host.farm_id})",
            claim=Claim.DRIVEN,
            observed=row["said"],
            expected="a line of its own, or an office",
        )
        proof = (days_telling(fleet, row["kind"], row["days"], count=days),)
        found[host.farm_id].append((row["device_id"], replace(finding, for_review=True, telling=proof)))
    return dict(found)
