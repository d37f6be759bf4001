"""What else is on a device's local network: boxes of KVM makers, many small boards, many office computers (N9).

Neighbours are known by a keyed hash and the first three bytes of their link-layer address, never by name, so makers
whose block is smaller than three bytes do not show. Neighbours count that were there on two days: a café is one day.
Offices are full of office computers, so nothing is asked of devices that the roster gives a site; nor of KVMs where
one is approved for this device, or for another behind the same router.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.knowledge.entries import Kind
from farmwatch.records import Claim, Family, Record, Sighting

__all__ = ["LanNeighbours"]

_BOARD = "raspberry-pi"  #: entry of the boards that most self-made KVMs are built from
_MAKERS = ("dell", "lenovo", "lcfc", "hewlett packard", "hp inc", "fujitsu", "dynabook", "intel corporate", "wistron",
           "compal", "quanta comp", "pegatron")  # fmt: skip
"""Who makes office computers, or their network chips, by the start of the name in the IEEE's list. Apple's blocks are
telephones as well."""


@dataclass(frozen=True, slots=True)
class LanNeighbours(FleetDetector):
    """Finds networks at home that look like a farm's."""

    id: ClassVar[str] = "lan.neighbours"
    title: ClassVar[str] = "is there a KVM, a row of boards or a roomful of office computers on its network?"
    topic: ClassVar[str] = "neighbours on the local network"
    signals: ClassVar[tuple[str, ...]] = ("N9",)
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = (Sighting,)
    benign: ClassVar[tuple[str, ...]] = (
        "a homelab or a maker's workshop of the person or of a flatmate",
        "a co-working space, a shared office or a student residence that the roster does not know",
        "a family business in the same house",
    )
    group: ClassVar[str] = "kvm"
    grades: ClassVar[Mapping[str, Grade]] = {
        "kvm maker": Grade(
            Claim.DRIVEN, 10.0, "judged: a KVM on the network, not known to be this device's (docs/evidence.md, N9)"
        ),
        "shared maker": Grade(Claim.DRIVEN, 3.0, "judged: the maker sells routers and boards as well (N9)"),
        "boards": Grade(Claim.FARM, 6.0, "judged: a hobby, or a farm's helpers (N9, N12)", group="boards"),
        "computers": Grade(
            Claim.FARM, 10.0, "judged: grade B for a big roster alone (N9)", group="who is on the network"
        ),
    }
    when_clear: ClassVar[str] = (
        "no neighbour of a KVM maker, few boards and few office computers; what hides its address does not show"
    )
    check: ClassVar[str] = "ask what the other devices on the network are; compare with the USB tree of the laptop"

    least_days: int = param(2, "Days on which a neighbour was there: a café is one.", low=1, high=10)
    least_boards: int = param(4, "Small boards on one network; hobbyists have one to three.", low=2, high=20)
    least_computers: int = param(7, "Office computers on one network that are not the fleet's.", low=4, high=50)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices that live on such a network."""
        join = fleet.label("lan_neighbour_makers", "sightings", ("kind", "oui"), lambda row: _label(fleet, row))
        days = self.least_days if fleet.window.days >= self.least_days else 1
        for row in fleet.rows(
            f"""
            WITH near AS (
                SELECT device_id, value, any_value(label) AS label, min(ts) AS first, max(ts) AS last, count(*) AS n
                FROM sightings {join}
                GROUP BY device_id, value HAVING count(DISTINCT CAST(ts AS DATE)) >= {days}
            ),
            routers AS (
                SELECT device_id, value, count(*) AS n FROM sightings WHERE kind = 'gateway_mac'
                GROUP BY device_id, value
                QUALIFY row_number() OVER (PARTITION BY device_id ORDER BY count(*) DESC, value) = 1
            ),
            own AS (
                SELECT device_id, count(*) OVER w - 1 AS colleagues, bool_or(k.device_id IS NOT NULL) OVER w AS approved
                FROM routers LEFT JOIN kvm_approved AS k USING (device_id) WINDOW w AS (PARTITION BY value)
            )
            SELECT n.device_id, coalesce(any_value(o.colleagues), 0) AS colleagues, any_value(r.site) AS site,
                   coalesce(any_value(o.approved), false) OR n.device_id IN (FROM kvm_approved) AS approved,
                   list(DISTINCT label ORDER BY label) FILTER (label LIKE 'kvm %') AS kvms,
                   list(DISTINCT label ORDER BY label) FILTER (label LIKE 'part %') AS parts,
                   count(*) FILTER (label = 'board') AS boards, count(*) FILTER (label = 'office') AS computers,
                   min(first) AS first, max(last) AS last, sum(n.n)::BIGINT AS n
            FROM near AS n LEFT JOIN own AS o USING (device_id) LEFT JOIN owners AS r USING (device_id)
            GROUP BY n.device_id ORDER BY n.device_id
            """
        ):
            yield from self._hits(row)

    def _hits(self, row: Mapping[str, Any]) -> Iterable[Hit]:
        """Hits of one device: at most one about KVMs, one about boards, one about computers."""
        proof = (telling(Sighting, row["first"], row["last"], count=row["n"]),)
        kvms, parts = ([label.split(" ", 1)[1] for label in row[key] or ()] for key in ("kvms", "parts"))
        if row["site"]:
            return
        if (kvms or parts) and not row["approved"]:
            grade, makers = ("kvm maker", kvms) if kvms else ("shared maker", parts)
            names = " or ".join(makers)
            yield Hit(row["device_id"], grade, f"a neighbour on its network has an address of the maker of {names}",
                      observed=names, expected="routers, telephones, printers, televisions", telling=proof)  # fmt: skip
        if row["boards"] >= self.least_boards:
            yield Hit(
                row["device_id"],
                "boards",
                f"{many(row['boards'], 'Raspberry Pi board')} on its network",
                observed=many(row["boards"], "board"),
                expected=f"fewer than {self.least_boards}",
                telling=proof,
            )
        others = row["computers"] - row["colleagues"]
        if others >= self.least_computers:
            yield Hit(
                row["device_id"],
                "computers",
                f"{others} office computers that are not of this fleet are on its network, where no site is declared",
                observed=f"{many(row['computers'], 'neighbour')} of makers of office computers, "
                f"{many(row['colleagues'], 'laptop')} of the fleet behind the same router",
                expected=f"fewer than {self.least_computers} in a home",
                telling=proof,
            )  # fmt: skip


def _label(fleet: Fleet, row: Mapping[str, Any]) -> str | None:
    """What a neighbour is, by its maker: ``kvm NAME``, ``part NAME``, board, office, or nothing worth telling.

    A KVM that the profile approves for everybody is not worth it.
    """
    if row["kind"] != "neighbour" or not row["oui"]:
        return None
    address = f"{row['oui']}:00:00:01"
    for match in fleet.knowledge.match_oui(address):
        if match.id in fleet.profile.approved_tools:
            return None
        if match.entry.kind is Kind.KVM:
            return f"{'kvm' if match.alone else 'part'} {match.entry.name}"
        if match.id == _BOARD:
            return "board"
    return "office" if fleet.knowledge.maker(address).lower().startswith(_MAKERS) else None
