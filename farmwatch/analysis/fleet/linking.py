"""Which devices belong together: pairs weighed by all they share, then components, then communities.

Pairs are made of values that at most a few score devices share, so their number grows with the rows and not with the
square of the fleet; they are weighed and filtered in DuckDB, and only those that reach :data:`EDGE_BITS` become edges.

* Two devices share a *place* where they saw the same value on the same days, on two of them at least, and on three
  quarters of the days on which each was seen anywhere since both were in use: addresses move on from line to line, and
  who visits does not live there.
* A pair that the roster explains is no pair: one person, one household, one office, one declared place.
* A gateway address without a common line, where both lines are known, may be one that a maker gives to every box. A
  common address of the internet without a common gateway, where both gateways are known, is a carrier's.
* A monitor or keyboard on laptops that are at different places on the same days is a copied serial number, as KVMs
  show them, and no tie.
* An address of the internet weighs more than a carrier's only between homes declared too far apart for one carrier,
  and makes a pair by itself only where all who tell their router behind it tell the same one.

Components of more than :data:`LARGE` devices are divided into communities (Louvain, weighted by bits, fixed seed), each
connected in itself, so that one weak bridge does not join two groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.fleet.geo import distance_sql
from farmwatch.analysis.fleet.traits import TRAITS, window_mask
from farmwatch.analysis.grouping import labels_of

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["EDGE_BITS", "LARGE", "LARGEST", "LINE_BITS", "Group", "link", "make_pairs"]

EDGE_BITS = 8.0  #: from which a pair belongs together: one unique address, or several weaker signs; judged
LARGE = 30  #: devices from which a component is looked at for weak bridges (docs/evidence.md, M7)
LARGEST = 500  #: devices of the largest group looked at: no known farm held a third of that, offices do
MOST_PAIRS = 20_000_000  #: rows of a join; values that the most devices share are left out beyond
_LEAST_SHARE = 0.75  #: of the days on which a device was seen somewhere, spent together: judged
_ALONE_BITS = 7.0  #: of a gateway address that different lines have: less than an edge
_CARRIER_KM = 300.0  #: beyond which two homes have no address of one carrier's translation: judged
LINE_BITS = 6.0  #: of an address of homes too far apart for one carrier of a region; some carriers serve a country
_COPIED_BITS = 5.0  #: of a thing on two laptops that are elsewhere on the same days: its serial number was copied
_FAR_LINE_DEVICES = 12  #: most devices behind an address that so shows one line
_SAME_PLACE_KM = 1.0  #: declared places that are one
_SEED = 1
_NAMES = [trait.name for trait in TRAITS]


@dataclass(frozen=True, slots=True)
class Group:
    """Devices that belong together, by number, and what each pair of them shares."""

    members: NDArray[np.int64]  #: sorted
    one: NDArray[np.int64]
    two: NDArray[np.int64]
    bits: dict[str, NDArray[np.float64]]  #: by aspect
    days: NDArray[np.int64]  #: on which a pair was in one place


def _kinds(*names: str) -> str:
    return ", ".join(str(_NAMES.index(name)) for name in names)


def make_pairs(fleet: Fleet) -> None:
    """Make ``farm_pairs``: two devices, bits by aspect, days in one place; without what the roster explains."""
    window = window_mask(fleet)
    least = 1 if fleet.window.days < 2 else 2
    cap = _device_cap(fleet)
    place = ", ".join(str(number) for number, trait in enumerate(TRAITS) if trait.aspect == "place")
    met = f"""
        SELECT a.code AS one, b.code AS two,
               {_sum("gateway MAC")} AS gateway, {_sum("BSSID")} AS bssid, {_sum("IPv6 network")} AS prefix,
               {_sum("egress address")} AS address, {_sum("LAN neighbour")} AS neighbours,
               coalesce(min(a.df) FILTER (a.kind IN ({_kinds("egress address")})), 0) AS behind,
               coalesce(bool_or(a.line), false) AS line,
               {_sum("USB serial")} + {_sum("monitor serial")} AS hardware,
               greatest({_sum("remote-tool id of the far end")}, {_sum("address of the far end")})
               + {_sum("second factor")} + {_sum("device token")} AS identity,
               {_sum("long meeting joined in the same minute")} AS meeting,
               bit_or(CASE WHEN a.kind IN ({place}) THEN a.mask & b.mask ELSE 0::UBIGINT END) AS together
        FROM farm_links AS a JOIN farm_links AS b ON a.thing = b.thing AND a.code < b.code
        WHERE a.df <= {cap}
          AND (a.kind NOT IN ({place}) OR bit_count(a.mask & b.mask & {window}::UBIGINT) >= {least})
        GROUP BY ALL
    """
    km = distance_sql("p", "q")
    fleet.make(
        "farm_pairs",
        f"""
        WITH met AS ({met}),
        known AS (
            SELECT met.*, {km} AS km, p.coarse OR q.coarse AS coarse,
                   p.person = q.person OR p.household = q.household OR p.site = q.site AS kin,
                   coalesce(bit_count(a.heard & b.heard & together) > 0, false) AND gateway = 0 AND bssid = 0
                   AS other_gateway,
                   coalesce(bit_count(a.lined & b.lined & together) >= {least}, false) AND address = 0 AND prefix = 0
                   AS other_line,
                   coalesce(bit_count(together) >= {_LEAST_SHARE} * greatest(
                       bit_count(a.seen & b.life), bit_count(b.seen & a.life)), false) AS living,
                   coalesce(bit_count(a.seen & b.seen) > 0, false) AS apart
            FROM met JOIN farm_people AS p ON p.code = one JOIN farm_people AS q ON q.code = two
            LEFT JOIN farm_days AS a ON a.code = one LEFT JOIN farm_days AS b ON b.code = two
        ),
        placed AS (
            SELECT one, two, together, hardware, identity, meeting, apart,
                   CASE WHEN living THEN least(20,
                       CASE WHEN other_line THEN least(gateway, {_ALONE_BITS}) ELSE gateway END
                       + bssid + prefix + neighbours
                       + CASE WHEN other_gateway THEN 0
                              WHEN line AND km > {_CARRIER_KM} THEN greatest(address, {EDGE_BITS})
                              WHEN address > 0 AND km > {_CARRIER_KM} AND behind <= {_FAR_LINE_DEVICES}
                              THEN greatest(address, {LINE_BITS}) ELSE address END)
                   ELSE 0 END AS place
            FROM known WHERE kin IS NOT TRUE AND NOT coalesce(km <= {_SAME_PLACE_KM} AND NOT coarse, false)
        ),
        weighed AS (
            SELECT one, two, together, place, meeting, least(15, identity) AS identity,
                   CASE WHEN apart AND place = 0 THEN least({_COPIED_BITS}, hardware) ELSE least(15, hardware) END
                   AS hardware
            FROM placed
        )
        SELECT one, two, place::DOUBLE AS place, hardware::DOUBLE AS hardware, identity::DOUBLE AS identity,
               meeting::DOUBLE AS meeting, CASE WHEN place > 0 THEN bit_count(together) ELSE 0 END::BIGINT AS days
        FROM weighed WHERE place + hardware + identity + meeting > 0
        """,
    )


def _sum(name: str) -> str:
    """What shared values of one kind weigh together."""
    trait = TRAITS[_NAMES.index(name)]
    return f"least({trait.sum_bits}, coalesce(sum(least(a.bits, b.bits)) FILTER (a.kind = {_NAMES.index(name)}), 0))"


def _device_cap(fleet: Fleet) -> int:
    """Most devices that a value may have so that the pairs stay within :data:`MOST_PAIRS`."""
    sizes = fleet.arrow("SELECT df, count(*) * (df - 1) / 2 AS pairs FROM farm_links GROUP BY df ORDER BY df")
    total = np.cumsum(np.asarray(sizes.column("pairs").to_numpy(), np.float64))
    within = np.flatnonzero(total <= MOST_PAIRS)
    return int(sizes.column("df")[int(within[-1])].as_py()) if len(within) else 2


def link(fleet: Fleet) -> list[Group]:
    """Groups of at least two devices, in order of their first members; made from ``farm_pairs``."""
    pairs = fleet.arrow(
        """
        SELECT one, two, place, hardware, identity, meeting, coalesce(timing, 0) AS timing, days
        FROM (SELECT * FROM farm_pairs) AS p FULL JOIN farm_timed AS t USING (one, two) ORDER BY one, two
        """
    )
    columns = {name: _filled(pairs.column(name)) for name in pairs.column_names}
    total = sum(columns[name] for name in ("place", "hardware", "identity", "meeting", "timing"))
    kept = np.flatnonzero(np.asarray(total) >= EDGE_BITS)
    columns = {name: column[kept] for name, column in columns.items()}
    return _groups(columns, np.asarray(total)[kept])


def _filled(column: Any) -> NDArray[Any]:
    found: NDArray[Any] = column.fill_null(0).to_numpy()
    return found


def _groups(columns: dict[str, NDArray[Any]], weights: NDArray[Any]) -> list[Group]:
    if not len(weights):
        return []
    codes, ends = np.unique(np.concatenate([columns["one"], columns["two"]]), return_inverse=True)
    left, right = ends[: len(weights)], ends[len(weights) :]
    labels = labels_of(left, right, len(codes))
    sizes = np.bincount(labels)
    labels = _divided(labels, sizes, left, right, weights)
    inside = labels[left] == labels[right]
    order = np.lexsort((right, left, labels[left]))
    order = order[inside[order]]
    members = np.argsort(labels, kind="stable")
    edge_starts = np.searchsorted(labels[left][order], np.arange(labels.max() + 2))
    member_starts = np.searchsorted(labels[members], np.arange(labels.max() + 2))
    found = []
    for label in np.flatnonzero((np.bincount(labels) > 1) & (np.bincount(labels) <= LARGEST)).tolist():
        rows = order[edge_starts[label] : edge_starts[label + 1]]
        if len(rows):
            found.append(
                Group(
                    members=codes[members[member_starts[label] : member_starts[label + 1]]].astype(np.int64),
                    one=columns["one"][rows].astype(np.int64),
                    two=columns["two"][rows].astype(np.int64),
                    bits={name: columns[name][rows] for name in ("place", "hardware", "identity", "meeting", "timing")},
                    days=columns["days"][rows].astype(np.int64),
                )
            )
    return sorted(found, key=lambda group: int(group.members[0]))


def _divided(
    labels: NDArray[np.int64], sizes: NDArray[Any], left: NDArray[Any], right: NDArray[Any], weights: NDArray[Any]
) -> NDArray[np.int64]:
    """Labels in which large components are divided where bridges are weak."""
    divided = labels.copy()
    following = len(sizes)
    by_node, by_edge = np.argsort(labels, kind="stable"), np.argsort(labels[left], kind="stable")
    nodes_at = np.searchsorted(labels[by_node], np.arange(len(sizes) + 1))
    edges_at = np.searchsorted(labels[left][by_edge], np.arange(len(sizes) + 1))
    for label in np.flatnonzero((sizes > LARGE) & (sizes <= 4 * LARGEST)).tolist():
        nodes = by_node[nodes_at[label] : nodes_at[label + 1]]
        edges = by_edge[edges_at[label] : edges_at[label + 1]]
        for part in _communities(nodes, left[edges], right[edges], weights[edges])[1:]:
            divided[part] = following
            following += 1
    return divided


def _communities(
    nodes: NDArray[Any], left: NDArray[Any], right: NDArray[Any], weights: NDArray[Any]
) -> list[NDArray[np.int64]]:
    """Communities of one component, each connected, in order of their first nodes."""
    import networkx as nx

    graph: Any = nx.Graph()
    graph.add_nodes_from(nodes.tolist())
    graph.add_weighted_edges_from(zip(left.tolist(), right.tolist(), weights.tolist(), strict=True))
    found = nx.community.louvain_communities(graph, weight="weight", seed=_SEED)
    parts = [sorted(part) for one in found for part in nx.connected_components(graph.subgraph(one))]
    return [np.array(part, np.int64) for part in sorted(parts)]
