"""What devices share: their surroundings, what is plugged in, who drives them, and the factors they sign in with.

``farm_links`` has one row for each device and value: ``code`` (the device's number in ``farm_devices``), ``kind`` (a
position in :data:`TRAITS`), ``value`` (as text), ``mask`` (days on which it was seen, a bit a day of the thirty up to
``until``), ``bits`` (weight of sharing it), ``df`` (devices that have it) and ``line`` (an address behind which two
devices or more tell one and the same router, and nobody another: no carrier's). Only values that some but not too many
devices share are in it. ``farm_people`` says what the roster declares, ``farm_days`` on which days a device was seen.

A value weighs as much as it is rare, log2(m / u) with the chance agreement u from the number of devices that have it
(Fellegi-Sunter with term frequency, docs/evidence.md, M7), between a floor and a ceiling for its kind. A link-layer
address is unique by standard, so its rarity does not shrink with a small fleet; an IPv4 address may be a carrier's and
weighs little however rare it is. Values of offices, of VPNs, hosting and carriers, of virtual and redundant gateways
and those that makers leave in weigh nothing. So do far ends of help desks, and of approved tools unless they work
through a device day by day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from farmwatch.analysis.fleet.fleet import LONG_DAYS

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["HARDWARE", "IDENTITY", "MEETING", "PLACE", "TRAITS", "Trait", "day_slots", "make_links", "window_mask"]

PLACE, HARDWARE, IDENTITY, MEETING = "place", "hardware", "identity", "meeting"
_MATCH = 0.9  #: share of true groups that agree on what they share (m): judged
_UNIVERSE = 65_536  #: devices among which an address that is unique by standard is at least looked for: judged
_MOST_VALUES = 6  #: of one kind that one device is compared by, the same ones for equal surroundings


@dataclass(frozen=True, slots=True)
class Trait:
    """One kind of thing that devices may share."""

    name: str  #: as people are told
    aspect: str  #: place, hardware, identity or meeting
    floor_bits: float  #: least that sharing a rare value weighs
    most_bits: float  #: most that sharing one value weighs
    sum_bits: float  #: most that several values weigh together
    most_devices: int  #: that may have a value; more are an office or a carrier (docs/evidence.md, M7)
    table: str  #: of the telemetry that shows it


#: Weights: link-layer addresses 8 to 15 bits, an IPv4 address at most 3 where a carrier may share it out (M7). A farm
#: of ninety has one router, so what is unique by standard may be shared by more than fifty.
TRAITS = (
    Trait("gateway MAC", PLACE, 8, 15, 15, 128, "sightings"),
    Trait("BSSID", PLACE, 8, 15, 15, 128, "sightings"),
    Trait("IPv6 network", PLACE, 8, 12, 12, 128, "sightings"),
    Trait("egress address", PLACE, 3, 3, 6, 50, "sightings"),
    Trait("LAN neighbour", PLACE, 3, 3, 12, 50, "sightings"),
    Trait("USB serial", HARDWARE, 8, 15, 15, 50, "usb_devices"),
    Trait("monitor serial", HARDWARE, 8, 12, 12, 50, "displays"),
    Trait("remote-tool id of the far end", IDENTITY, 8, 12, 12, 50, "remote_tool_log"),
    Trait("address of the far end", IDENTITY, 8, 12, 12, 50, "remote_tool_log"),
    Trait("second factor", IDENTITY, 8, 15, 15, 50, "sign_ins"),
    Trait("device token", IDENTITY, 8, 15, 15, 50, "sign_ins"),
    Trait("long meeting joined in the same minute", MEETING, 3, 3, 9, 20, "meetings"),
)
_KIND = {trait.name: number for number, trait in enumerate(TRAITS)}
_PLACES = ", ".join(str(number) for number, trait in enumerate(TRAITS) if trait.aspect == PLACE)
_HELD_DAYS = 7  #: for which a router, access point, neighbour or monitor is taken to stay where it was told
_HELD = ("gateway MAC", "BSSID", "LAN neighbour", "USB serial", "monitor serial")
_UNSURE_BITS = 5.0  #: of a value that may be a model's, or a far end that came once while somebody was there

_SHARED_MACS = (
    "^(00:00:5e:00:0[12]|00:00:0c:07:ac|00:00:0c:9f:f|00:05:73:a0:0|00:07:b4:00|02:00:00:00:00:00|00:00:00:00:00:00"
    "|02:50:41:00|00:05:9a:3c|00:15:5d|00:50:56|52:54:00:12:35|02:42:|0a:00:27|08:00:27|0c:5b:8f:27:9a:64|.[13579bdf]:)"
)
"""Gateways that are no router of one home: VRRP, HSRP and GLBP (RFC 5798 section 7.3, Cisco), placeholders of systems
that hide addresses, adapters of VPN clients, virtual switches, an LTE stick that has one address everywhere, and
anything with the group bit (IEEE 802-2014 section 8.2)."""
_BLANK_SERIAL = (
    r"(?i)^(0+|f+|x+|1+|[-. ]*|none|null|n/?a|unknown|default.*|serial.*|to be filled.*|0?123456789.*|cafebabe"
    r"|6b65796d696d6570690|t8nee0038522|m1lmqs052157|3s5gq23|8xhhm93|0x0+|16843009|4294967295|demo.*|test.*|\d+&.*)$"
)
"""Serial numbers that makers, code samples and systems leave in; Windows writes ``5&2a3b…`` where there is none."""
_OFFICE_DEVICES = 10  #: of one declared site behind one value: the value is that site's
_OFFICE_SHARE = 0.2  #: of a small site's devices that are there
_OFFICE_PART = 0.3  #: of the devices there that belong to the site
_CENTRE_DEVICES = 8  #: with exactly the same declared coordinates: a town's centre, not a home
_LINE_DEVICES = 128  #: behind one line, as behind one router
_LINE_SHARE = 0.8  #: of the routers told behind an address that are one and the same: then it is one line's
_LONG_MEETING_S = 4 * 3600  #: half a shift: longer than meetings of teams (docs/evidence.md, N13)


def day_slots(fleet: Fleet) -> tuple[int, int]:
    """First day of the thirty, as days since 1970, and how many days there are."""
    first = (fleet.window.until - timedelta(days=LONG_DAYS)).timestamp() // 86400
    last = (fleet.window.until - timedelta(microseconds=1)).timestamp() // 86400
    return int(first), int(last - first) + 1


def window_mask(fleet: Fleet) -> int:
    """The days of the window among the thirty."""
    first, count = day_slots(fleet)
    since = max(0, int(fleet.window.since.timestamp() // 86400) - first)
    return ((1 << count) - 1) >> since << since


def make_links(fleet: Fleet) -> None:
    """Make ``farm_devices``, ``farm_people``, ``farm_days``, ``farm_traits`` and ``farm_links``."""
    fleet.make(
        "farm_devices",
        "SELECT device_id, CAST(row_number() OVER (ORDER BY device_id) - 1 AS INTEGER) AS code FROM fleet_devices",
    )
    _make_people(fleet)
    _make_traits(fleet)
    make_shared(fleet)


def _make_people(fleet: Fleet) -> None:
    """What the roster declares of each device, as numbers where only equality matters."""
    fleet.make(
        "farm_people",
        f"""
        WITH declared AS (
            SELECT d.code, hash(nullif(o.person, '')) AS person, nullif(o.household, '') AS household,
                   nullif(o.site, '') AS site, lower(trim(o.place)) AS place, o.place_country AS country, o.issued,
                   o.person IS NOT NULL AND o.person <> '' AS owned,
                   abs(o.latitude) <= 90 AND abs(o.longitude) <= 180 AS placed, o.latitude, o.longitude
            FROM farm_devices AS d LEFT JOIN owners AS o USING (device_id)
        )
        SELECT code, CASE WHEN owned THEN person END AS person, household, site, nullif(place, '') AS place, country,
               issued, CASE WHEN placed THEN latitude END AS latitude, CASE WHEN placed THEN longitude END AS longitude,
               coalesce(placed, false) AND site IS NULL
               AND count(*) OVER (PARTITION BY latitude, longitude) > {_CENTRE_DEVICES} AS coarse
        FROM declared
        """,
    )
    first, count = day_slots(fleet)
    fleet.make(
        "farm_trips",
        f"""
        WITH days AS (
            SELECT traveller AS device_id, unnest(generate_series(
                greatest(0, CAST(epoch(leaves) AS BIGINT) // 86400 - {first}),
                least({count - 1}, CAST(epoch(returns) AS BIGINT) // 86400 - {first}))) AS slot
            FROM travels WHERE leaves IS NOT NULL AND returns IS NOT NULL
        )
        SELECT d.code, bit_or(1::UBIGINT << slot::UBIGINT) AS mask FROM days JOIN farm_devices AS d USING (device_id)
        GROUP BY d.code
        """,
    )


_ADDRESSES = """
    SELECT device_id, ts, value AS address FROM sightings_30d WHERE kind = 'public_ip'
    UNION ALL SELECT about, ts, address FROM sign_ins_30d
    WHERE about IS NOT NULL AND address IS NOT NULL AND outcome = 'success' AND is_proxy IS NOT TRUE
    UNION ALL SELECT about, ts, address FROM meetings_30d WHERE about IS NOT NULL AND address IS NOT NULL
"""
_PREFIX = (
    "array_to_string(list_transform(list_slice(list_concat(string_split(split_part(address, '::', 1), ':'), "
    "['0', '0', '0', '0']), 1, 4), lambda x: ltrim(x, '0')), ':')"
)  #: first 64 bits of an IPv6 address; those of the internet (2000::/3) have them before any '::' but zeros
_INPUT = (
    "(starts_with(coalesce(u.device_class, ''), '09') OR starts_with(coalesce(u.interfaces, ''), '03') "
    "OR contains(coalesce(u.interfaces, ''), ',03') OR u.hid_kinds IS NOT NULL "
    "OR regexp_matches(lower(coalesce(u.class_name, '')), '(hid|keyboard|mouse|hub|kvm)'))"
)
_DRIVEN = "r.direction = 'incoming' AND r.event IN ('accepted', 'session', 'ended')"


def _kinds_of(*names: str) -> str:
    return ", ".join(str(_KIND[name]) for name in names)


def _of_accounts(column: str) -> str:
    """What confirms sign-ins of more than one account: one person's two laptops have one account."""
    used = f"FROM sign_ins_30d WHERE about IS NOT NULL AND {column} IS NOT NULL AND outcome = 'success'"
    return (
        f"SELECT about AS device_id, ts, {column} AS value, true AS firm {used} AND {column} IN "
        f"(SELECT {column} {used} GROUP BY {column} HAVING count(DISTINCT account) > 1)"
    )


def _sources(fleet: Fleet) -> dict[str, str]:
    """By trait: a query for ``device_id, ts, value, firm``."""
    approved = ", ".join("'" + tool.replace("'", "''") + "'" for tool in sorted(fleet.profile.approved_tools)) or "''"
    counted = f"""(
                r.tool NOT IN ({approved}) AND NOT coalesce(list_contains(o.approved_tools, r.tool), false)
                OR EXISTS (FROM tool_workers AS w WHERE w.device_id = r.device_id AND w.tool = r.tool AND w.unasked
                           AND w.far = coalesce(r.far_id, r.far_h)))"""
    line = "JOIN places USING (address) WHERE places.scope = 'public' AND places.network IS NULL"
    sighted = "SELECT device_id, ts, lower(value) AS value, true AS firm FROM sightings_30d "
    sighted += "WHERE medium IS DISTINCT FROM 'tunnel'"
    monitor = "coalesce(nullif(lower(trim(u.serial_text)), ''), u.serial_number::VARCHAR)"
    issued = "(o.issued IS NULL OR u.ts >= o.issued + INTERVAL 1 DAY)"
    return {
        "gateway MAC": f"{sighted} AND kind = 'gateway_mac' AND NOT regexp_matches(lower(value), '{_SHARED_MACS}')",
        "BSSID": f"{sighted} AND kind = 'bssid' AND NOT regexp_matches(lower(value), '{_SHARED_MACS}')",
        "LAN neighbour": f"{sighted} AND kind = 'neighbour' AND coalesce(oui, '') NOT SIMILAR TO '.[13579bdf].*'",
        "egress address": f"SELECT device_id, ts, address AS value, true AS firm FROM ({_ADDRESSES}) AS a {line} "
        "AND NOT contains(address, ':')",
        "IPv6 network": f"SELECT device_id, ts, {_PREFIX} AS value, true AS firm FROM ({_ADDRESSES}) AS a {line} "
        "AND contains(address, ':')",
        "USB serial": f"""
            SELECT u.device_id, u.ts, true AS firm,
                   concat(printf('%04x:%04x', u.vendor_id, u.product_id), ' ', lower(u.serial)) AS value
            FROM usb_devices_30d AS u LEFT JOIN owners AS o USING (device_id)
            WHERE length(u.serial) >= 4 AND NOT regexp_matches(u.serial, '{_BLANK_SERIAL}') AND {_INPUT} AND {issued}
              AND u.vendor_id BETWEEN 0 AND 65535 AND u.product_id BETWEEN 0 AND 65535 AND u.event <> 'removed'""",
        "monitor serial": f"""
            SELECT u.device_id, u.ts, true AS firm,
                   concat(upper(u.vendor), ':', u.product_code, ' ', {monitor}) AS value
            FROM displays_30d AS u LEFT JOIN owners AS o USING (device_id)
            WHERE u.internal IS NOT TRUE AND u.vendor IS NOT NULL AND {issued}
              AND length({monitor}) >= 4
              AND NOT regexp_matches({monitor}, '{_BLANK_SERIAL}')""",
        "remote-tool id of the far end": f"""
            SELECT r.device_id, r.ts, r.unattended IS TRUE AS firm, concat(r.tool, ' ', r.far_id) AS value
            FROM remote_tool_log_30d AS r LEFT JOIN owners AS o USING (device_id)
            WHERE {_DRIVEN} AND r.far_id IS NOT NULL AND {counted}
              AND NOT EXISTS (FROM tool_desks AS d WHERE d.tool = r.tool AND d.far = r.far_id)""",
        "address of the far end": f"""
            SELECT device_id, ts, firm, address AS value FROM (
                SELECT r.device_id, r.ts, r.unattended IS TRUE AS firm, r.far_h AS address
                FROM remote_tool_log_30d AS r LEFT JOIN owners AS o USING (device_id)
                WHERE {_DRIVEN} AND r.far_h IS NOT NULL AND r.via_relay IS NOT TRUE AND {counted}
                  AND NOT EXISTS (FROM tool_desks AS d WHERE d.tool = r.tool AND d.far = coalesce(r.far_id, r.far_h))
                UNION ALL
                SELECT l.device_id, l.ts, true, l.remote_h FROM logons_30d AS l LEFT JOIN owners AS o USING (device_id)
                WHERE l.logon_type = 10 AND l.event IN ('logon', 'reconnect') AND l.remote_h IS NOT NULL
                  AND 'rdp' NOT IN ({approved}) AND NOT coalesce(list_contains(o.approved_tools, 'rdp'), false)
                  AND l.remote_h NOT IN (FROM logon_desks)
            ) AS f {line}""",
        "second factor": _of_accounts("factor"),
        "device token": _of_accounts("device_token"),
        "long meeting joined in the same minute": f"""
            SELECT about AS device_id, ts, true AS firm,
                   concat(meeting_id, ' ', strftime(ts, '%Y-%m-%dT%H:%MZ')) AS value
            FROM meetings_30d WHERE about IS NOT NULL AND meeting_id IS NOT NULL
              AND ended >= ts + INTERVAL {_LONG_MEETING_S} SECOND AND coalesce(participants, 0) <= 20""",
    }


def _make_traits(fleet: Fleet) -> None:
    """``farm_traits``: every device's values with their days.

    Inventories and queries that report changes tell a router or a monitor once, and then nothing while it stays. So
    what is told is held for :data:`_HELD_DAYS` days, on days on which the device was in use, and until it tells
    another value of that kind (of neighbours: a router or access point). Days of declared travel say nothing about
    where a device lives, so they are left out of what tells a place.
    """
    first, _ = day_slots(fleet)
    union = " UNION ALL ".join(
        f"SELECT device_id, {_KIND[name]}::TINYINT AS kind, value, firm, ts FROM ({query}) AS q{_KIND[name]}"
        for name, query in _sources(fleet).items()
    )
    day = f"1::UBIGINT << (CAST(floor(epoch(ts) / 86400) AS BIGINT) - {first})::UBIGINT"
    fleet.make(
        "farm_told",
        f"""
        SELECT d.code, kind, value, bool_or(firm) AS firm, bit_or({day}) AS mask
        FROM ({union}) AS t JOIN farm_devices AS d USING (device_id)
        WHERE value IS NOT NULL AND value <> '' GROUP BY ALL
        """,
    )
    fleet.make(
        "farm_awake",
        f"""
        SELECT d.code, bit_or({day}) AS mask
        FROM ({_ADDRESSES} UNION ALL SELECT device_id, ts, NULL FROM sightings_30d
              UNION ALL SELECT device_id, unnest(generate_series(min(first), max(last), INTERVAL 1 DAY)), NULL
              FROM presence GROUP BY device_id) AS t
        JOIN farm_devices AS d USING (device_id) GROUP BY d.code
        """,
    )
    held = ", ".join(f"mask | ((h{step} << 1::UBIGINT) & free) AS h{step + 1}" for step in range(1, _HELD_DAYS - 1))
    fleet.make(
        "farm_traits",
        f"""
        WITH kinds AS (
            SELECT code, kind, bit_or(mask) AS mask FROM farm_told GROUP BY code, kind
            UNION ALL
            SELECT code, -1, bit_or(mask) FROM farm_told WHERE kind IN ({_kinds_of("gateway MAC", "BSSID")})
            GROUP BY code
        ),
        free AS (
            SELECT t.*, CASE WHEN t.kind IN ({_kinds_of(*_HELD)}) THEN coalesce(a.mask & ~k.mask, a.mask, 0::UBIGINT)
                             ELSE 0::UBIGINT END AS free
            FROM farm_told AS t LEFT JOIN farm_awake AS a USING (code)
            LEFT JOIN kinds AS k ON k.code = t.code
            AND k.kind = CASE t.kind WHEN {_KIND["LAN neighbour"]} THEN -1 ELSE t.kind END
        ),
        kept AS (SELECT *, mask | ((mask << 1::UBIGINT) & free) AS h1, {held} FROM free)
        SELECT s.code, s.kind, s.value, hash(s.kind, s.value) AS thing, s.firm,
               CASE WHEN s.kind IN ({_PLACES}) THEN h{_HELD_DAYS - 1} & ~coalesce(t.mask, 0::UBIGINT)
                    ELSE h{_HELD_DAYS - 1} END AS mask
        FROM kept AS s LEFT JOIN farm_trips AS t USING (code)
        """,
    )


def make_shared(fleet: Fleet) -> None:
    """Make ``farm_days`` and ``farm_links`` from ``farm_traits``, ``farm_devices`` and ``farm_people``."""
    gateway, bssid, address = _KIND["gateway MAC"], _KIND["BSSID"], _KIND["egress address"]
    fleet.make(
        "farm_days",
        f"""
        WITH days AS (
            SELECT code, bit_or(mask)::BIGINT AS seen,
                   bit_or(CASE WHEN kind IN ({gateway}, {bssid}) THEN mask ELSE 0::UBIGINT END) AS heard,
                   bit_or(CASE WHEN kind = {address} THEN mask ELSE 0::UBIGINT END) AS lined
            FROM farm_traits WHERE kind IN ({_PLACES}) GROUP BY code
        )
        SELECT code, seen::UBIGINT AS seen, heard, lined,
               ((2::BIGINT << CAST(floor(log2(seen)) AS BIGINT)) - (seen & -seen))::UBIGINT AS life
        FROM days WHERE seen > 0
        """,
    )
    _make_values(fleet)
    firm_kinds = ", ".join(str(number) for number, one in enumerate(TRAITS) if "far end" in one.name)
    hardware = ", ".join(str(number) for number, one in enumerate(TRAITS) if one.aspect == HARDWARE)
    fleet.make(
        "farm_links",
        f"""
        SELECT t.code, t.kind, t.thing, t.mask, v.df, v.line,
               CASE WHEN v.model OR (t.kind IN ({firm_kinds}) AND NOT t.firm AND bit_count(t.mask) < 2)
                      OR (t.kind IN ({hardware}) AND bit_count(t.mask) < 2)
                    THEN least(v.bits, {_UNSURE_BITS}) ELSE v.bits END AS bits
        FROM farm_traits AS t JOIN farm_values AS v USING (kind, thing)
        WHERE t.mask <> 0
        QUALIFY row_number() OVER (PARTITION BY t.code, t.kind ORDER BY t.thing) <= {_MOST_VALUES}
        """,
    )


def _make_values(fleet: Fleet) -> None:
    """``farm_values``: shared values with their weight; offices, carriers and what everybody has are left out."""
    fleet.load(
        "farm_kinds",
        pa.table(
            {
                "kind": pa.array(range(len(TRAITS)), pa.int8()),
                "floor": [trait.floor_bits for trait in TRAITS],
                "most": [trait.most_bits for trait in TRAITS],
                "cap": [trait.most_devices for trait in TRAITS],
            }
        ),
    )
    hardware = ", ".join(str(number) for number, one in enumerate(TRAITS) if one.aspect == HARDWARE)
    fleet.make(
        "farm_values",
        f"""
        WITH total AS (SELECT count(*) AS n FROM farm_devices),
        shared AS (
            SELECT kind, thing, count(*) AS df FROM farm_traits CROSS JOIN total WHERE mask <> 0 GROUP BY kind, thing
            HAVING count(*) BETWEEN 2 AND greatest(6, any_value(n) // 2)
        ),
        sites AS (SELECT site, count(*) AS n FROM farm_people WHERE site IS NOT NULL GROUP BY site),
        offices AS (
            SELECT DISTINCT kind, thing FROM (
                SELECT t.kind, t.thing, s.df, p.site, count(*) AS here
                FROM shared AS s JOIN farm_traits AS t USING (kind, thing) JOIN farm_people AS p USING (code)
                WHERE p.site IS NOT NULL AND t.kind IN ({_PLACES}, {hardware}) GROUP BY ALL
            ) AS c JOIN sites USING (site)
            WHERE here >= {_OFFICE_DEVICES}
               OR (here >= 2 AND here >= {_OFFICE_SHARE} * n AND here >= {_OFFICE_PART} * df)
        ),
        models AS (
            SELECT kind, split_part(value, ' ', 1) AS model FROM farm_traits WHERE kind IN ({hardware})
            GROUP BY ALL HAVING count(DISTINCT thing) = 1 OR count(DISTINCT code) > 4 * count(DISTINCT thing)
        ),
        routers AS (
            SELECT a.thing, g.thing AS router, count(DISTINCT a.code) AS n
            FROM farm_traits AS a JOIN shared AS s ON s.kind = a.kind AND s.thing = a.thing
            JOIN farm_traits AS g ON g.code = a.code AND g.kind = {_KIND["gateway MAC"]} AND a.mask & g.mask <> 0
            WHERE a.kind = {_KIND["egress address"]} AND s.df <= {_LINE_DEVICES} GROUP BY ALL
        ),
        lines AS (
            SELECT thing FROM routers GROUP BY thing HAVING max(n) >= 2 AND max(n) >= {_LINE_SHARE} * sum(n)
        ),
        constant AS (
            SELECT DISTINCT t.kind, t.thing FROM farm_traits AS t
            JOIN models AS m ON m.kind = t.kind AND m.model = split_part(t.value, ' ', 1)
            WHERE t.kind IN ({hardware})
        )
        SELECT s.kind, s.thing, s.df, c.thing IS NOT NULL AS model,
               s.kind = {_KIND["egress address"]} AND s.thing IN (SELECT thing FROM lines) AS line,
               greatest(k.floor, least(k.most, log2({_MATCH} * greatest(n, {_UNIVERSE}) / df))) AS bits
        FROM shared AS s CROSS JOIN total JOIN farm_kinds AS k USING (kind) LEFT JOIN constant AS c USING (kind, thing)
        WHERE df <= k.cap AND NOT EXISTS (FROM offices AS o WHERE o.kind = s.kind AND o.thing = s.thing)
        """,
    )
