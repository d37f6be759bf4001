"""Signs that somebody is at the machine: this speaks against a remote hand (E15, the other way round).

What each sign is worth depends on who could make it without sitting there:

* Keys on a built-in keyboard or touchpad: nobody from afar. A box on USB can copy their ids, but is then seen on
  USB, and so this is asked only of devices whose USB devices are reported. A helper in the house could, not for hours.
* A lid that opens and closes at times that vary, on several days: a helper who looks after a shelf does it seldom.
* Hours on battery: a switched plug can do that, and hardly anybody would think of it.
* Other networks, or roaming between access points: a router can be changed from afar, a laptop cannot be carried.

Somebody may be there on Monday and another from afar on Tuesday, and an owner who lends the laptop out types on it
too. So all of it together moves a verdict by little more than one decade, and never clears a tool's own log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Family, InputTiming, PowerEvent, Record

__all__ = ["HandPresent"]

_TOUCHED = ("touchpad", "fingerprint reader", "pen", "power button", "sleep button", "accelerometer")
_BY = "judged by who could do it without being there (docs/evidence.md, E15)"
_SIGNS = """
    WITH told AS (
        SELECT device_id, CAST(ts AS DATE) AS day,
               coalesce(event IN ('lid closed', 'lid open') OR reason = 'lid', false) AS lid_event, lid_closed,
               coalesce(event = 'on battery' OR on_mains = false, false) AS unplugged,
               CASE WHEN cycles BETWEEN 0 AND 100000 THEN cycles END AS cycles,
               coalesce(list_contains($touched, reason), false) AS touched, epoch(ts) % 86400 / 60 AS minute
        FROM power
    ), power_days AS (
        SELECT device_id, day, bool_or(lid_event) OR count(DISTINCT lid_closed) > 1 AS lid,
               min(minute) FILTER (lid_event) AS lid_minute, bool_or(unplugged) AS unplugged,
               bool_or(touched) AS touched, min(cycles) AS low_cycles, max(cycles) AS high_cycles, count(*) AS n
        FROM told GROUP BY ALL
    ), powered AS (
        SELECT device_id, count(*) FILTER (lid) AS lid_days, coalesce(stddev_pop(lid_minute), 60) AS lid_spread,
               count(*) FILTER (unplugged) AS battery_days,
               coalesce(max(high_cycles) - min(low_cycles), 0) > 0 AS cycled, count(*) FILTER (touched) AS touch_days,
               sum(n) AS n, min(day)::TIMESTAMPTZ AS first,
               max(day)::TIMESTAMPTZ + INTERVAL 1 DAY - INTERVAL 1 SECOND AS last
        FROM power_days GROUP BY device_id
    ), net_days AS (
        SELECT device_id, CAST(ts AS DATE) AS day, count(DISTINCT value) FILTER (kind = 'bssid') AS points
        FROM sightings WHERE kind = 'bssid' GROUP BY ALL
    ), gateways AS (
        SELECT device_id, count(DISTINCT value) AS gateways FROM sightings
        WHERE kind = 'gateway_mac' AND medium IS DISTINCT FROM 'tunnel' GROUP BY device_id
    ), roamed AS (
        SELECT device_id, count(*) FILTER (points > 1) AS roam_days FROM net_days GROUP BY device_id
    ), typed AS (
        SELECT device_id, coalesce(sum(presses + clicks) FILTER (role = 'built in'), 0) AS built_in,
               sum(presses + clicks) AS all_events,
               count(DISTINCT day) FILTER (role = 'built in' AND presses + clicks >= 20) AS built_in_days
        FROM input_days
        WHERE device_id IN (SELECT device_id FROM presence WHERE name = 'usb_devices') GROUP BY device_id
    )
"""


@dataclass(frozen=True, slots=True)
class HandPresent(FleetDetector):
    """Finds laptops that are opened, carried, unplugged and typed on."""

    id: ClassVar[str] = "hand.present"
    title: ClassVar[str] = "is somebody at the machine, opening, carrying or typing on it?"
    topic: ClassVar[str] = "signs of a person at the machine"
    signals: ClassVar[tuple[str, ...]] = ("E14", "E15")
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = (PowerEvent,)
    benign: ClassVar[tuple[str, ...]] = (
        "somebody is there on some days and another hand on others",
        "a helper in the house opens lids and moves laptops",
    )
    group: ClassVar[str] = "local hand"
    grades: ClassVar[Mapping[str, Grade]] = {
        "typed_and_carried": Grade(
            Claim.DRIVEN, -12.0, f"{_BY}: built-in keys can be pressed by nobody from afar, and it is handled as well"
        ),
        "typed_on": Grade(Claim.DRIVEN, -9.0, f"{_BY}: built-in keys can be pressed by nobody from afar"),
        "carried": Grade(
            Claim.DRIVEN, -6.0, f"{_BY}: two or more of lid, battery, networks and touch, which takes somebody there"
        ),
        "handled": Grade(Claim.DRIVEN, -3.0, f"{_BY}: one of lid, battery, networks and touch, which a helper may do"),
    }
    when_clear: ClassVar[str] = "no sign of somebody at the machine, as with a docked laptop; that alone means nothing"
    check: ClassVar[str] = "nothing: this speaks against a remote hand"

    lid_days: float = param(3, "More often than somebody who looks after a shelf.", low=1, high=28)
    lid_spread_min: float = param(5.0, "People open a lid at times that vary; a timer does not.", low=0, high=120)
    battery_days: float = param(2, "One day may be a power cut.", low=1, high=28)
    built_in_days: float = param(3, "Most of a week.", low=1, high=28)
    built_in_events: float = param(300, "Keys and clicks: more than signing in every day.", low=20, high=10_000)
    built_in_share: float = param(0.5, "Of all keys and clicks: the main way in.", low=0.1, high=1.0)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit for each device with a sign."""
        for row in fleet.rows(
            _SIGNS
            + """
            , counted AS (
                SELECT p.*, coalesce(g.gateways, 0) AS gateways, coalesce(r.roam_days, 0) AS roam_days,
                       coalesce(t.built_in, 0) AS built_in, coalesce(t.all_events, 0) AS all_events,
                       coalesce(t.built_in_days, 0) AS built_in_days,
                       p.lid_days >= $lid_days AND p.lid_spread >= $lid_spread AS lid,
                       p.battery_days >= $battery_days OR p.cycled AS battery,
                       coalesce(g.gateways, 0) > 1 OR coalesce(r.roam_days, 0) >= 3 AS moved,
                       p.touch_days >= 3 AS touched
                FROM powered AS p LEFT JOIN gateways AS g USING (device_id) LEFT JOIN roamed AS r USING (device_id)
                     LEFT JOIN typed AS t USING (device_id)
            ), graded AS (
                SELECT *, lid::INT + battery::INT + moved::INT + touched::INT AS signs,
                       built_in_days >= $typed_days AND built_in >= $typed AND built_in >= $typed_share * all_events
                           AS typed FROM counted
            )
            SELECT * FROM graded WHERE typed OR signs > 0 ORDER BY device_id
            """,
            touched=list(_TOUCHED),
            lid_days=int(self.lid_days),
            lid_spread=self.lid_spread_min,
            battery_days=int(self.battery_days),
            typed_days=int(self.built_in_days),
            typed=int(self.built_in_events),
            typed_share=self.built_in_share,
        ):
            yield _hit(row)


def _hit(row: Mapping[str, Any]) -> Hit:
    if row["typed"]:
        grade = "typed_and_carried" if row["signs"] else "typed_on"
    else:
        grade = "carried" if row["signs"] > 1 else "handled"
    told = [
        words
        for words, there in (
            (f"{row['built_in']:,} keys and clicks on its built-in keyboard and touchpad", row["typed"]),
            (f"lid moved on {many(row['lid_days'], 'day')}", row["lid"]),
            (
                f"on battery on {many(row['battery_days'], 'day')}" if row["battery_days"] else "battery cycles",
                row["battery"],
            ),
            (f"{many(row['gateways'], 'network')}, roaming on {many(row['roam_days'], 'day')}", row["moved"]),
            (f"woken by touch on {many(row['touch_days'], 'day')}", row["touched"]),
        )
        if there
    ]
    proof = [telling(PowerEvent, row["first"], row["last"], count=row["n"])]
    if row["typed"]:
        proof.append(telling(InputTiming, row["first"], row["last"], count=row["built_in_days"]))
    return Hit(
        row["device_id"],
        grade,
        f"somebody seems to be at the machine: {'; '.join(told)}",
        observed="; ".join(told),
        expected="of a laptop driven from afar: none of these, or few",
        telling=tuple(proof),
    )
