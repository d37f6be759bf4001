"""One monitor or keyboard, by its serial number, on laptops declared to be in different places at the time (E4).

A thing is in one place. Where two people's laptops, declared far apart, both have it plugged in on the same days, the
laptops stand together, or a KVM gave both the identity it once copied. Left out: numbers that makers or KVMs print on
everything, things of a site (hot desks), of a household, of travellers, and those that very many have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.geo import distance_sql, placed
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.visits import travelling_sql
from farmwatch.records import Claim, Display, Family, Record, UsbDevice

__all__ = ["HardwareSerialShared"]

_PRINTED_NUMBERS = (0, 1, 0x01010101, 0x88888800, 0xFFFFFFFF)  #: left in by makers and samples (docs/evidence.md, E4)
_PRINTED_TEXTS = (
    "cafebabe", "6b65796d696d6570690", "t8nee0038522", "m1lmqs052157", "3s5gq23", "8xhhm93", "demoset",
    "none", "n/a", "unknown", "default", "serial", "0000000000001",
)  # fmt: skip
"""Serial numbers of samples and presets: that a KVM has one is another detector's finding, sharing it says nothing."""

_COUNTING = r"^0?1234567"  #: somebody typed a serial number
_SHORTEST = 4  #: letters of a serial number that can tell things apart


@dataclass(frozen=True, slots=True)
class HardwareSerialShared(FleetDetector):
    """Finds laptops that share a thing across declared places."""

    id: ClassVar[str] = "hardware.serial_shared"
    title: ClassVar[str] = "is its monitor or keyboard also on a laptop that should be elsewhere?"
    topic: ClassVar[str] = "serial numbers of monitors and keyboards across devices"
    signals: ClassVar[tuple[str, ...]] = ("E4", "N8")
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = ()
    benign: ClassVar[tuple[str, ...]] = (
        "colleagues who meet at somebody's home or in a rented office that the roster does not know",
        "people who live together without the roster saying so",
        "a maker that prints one serial number on many units",
        "a roster that is out of date",
    )
    group: ClassVar[str] = "shared hardware"
    grades: ClassVar[Mapping[str, Grade]] = {
        "several places": Grade(
            Claim.DRIVEN,
            15.0,
            "judged: one thing on laptops of three or more declared places at a time (E4: grade A to B)",
        ),
        "one day": Grade(Claim.DRIVEN, 5.0, "judged: the same on one day only, which a visit explains (E4)"),
        "two places": Grade(Claim.DRIVEN, 10.0, "judged: one thing on laptops of two declared places at a time (E4)"),
    }
    when_clear: ClassVar[str] = (
        "no monitor or keyboard of it was on a laptop of another declared place at the same time"
    )
    check: ClassVar[str] = (
        "ask the people for the serial number on the back of their monitor or keyboard, with a photograph"
    )

    least_days: int = param(2, "Days on which both have it: fewer are a visit.", low=2, high=20)
    least_km: float = param(30.0, "Distance of declared places from which on a visit is a journey.", low=5, high=500)
    most_holders: int = param(20, "Devices that may have one serial number before it is a value everybody has.",
                              low=3, high=100)  # fmt: skip
    printed_share: float = param(0.5, "Share of a model's holders with one serial number from which on it is printed.",
                                 low=0.2, high=0.9)  # fmt: skip
    model_holders: int = param(6, "Devices that must have a model for that share to mean anything.", low=3, high=50)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on every laptop of such a pair."""
        for row in self._rows(fleet):
            together = row["together"]
            grade = (
                "several places" if row["places"] > 2 else "two places" if together >= self.least_days else "one day"
            )
            name = f"{row['thing']} {row['name'][:60]}, serial {row['serial'][:40]}"
            others = many(row["others"], "other laptop")
            yield Hit(
                row["device_id"],
                grade,
                f"its {name}, was on {others} on the same {f'{together} days' if together > 1 else 'day'}; the roster "
                f"declares {row['places']} different places for them",
                observed=f"{name}; also on {', '.join(one[:40] for one in row['with'])}",
                expected="a thing is plugged into laptops of one place at a time",
                telling=(
                    telling(Display if row["thing"] == "monitor" else UsbDevice, row["first"], row["last"],
                            count=row["n"], record_ids=[row["record_id"]]),
                ),
            )  # fmt: skip

    def _rows(self, fleet: Fleet) -> list[dict[str, Any]]:
        fleet.make(
            "serial_things",
            f"""
            WITH told AS (
                SELECT device_id, 'monitor' AS thing, concat_ws(' ', vendor, printf('%04x', product_code)) AS model,
                       concat_ws(' ', vendor, name) AS name, days, first, last, n, record_id,
                       coalesce(nullif(lower(trim(serial_text)), ''), CASE WHEN serial_number NOT IN {_PRINTED_NUMBERS}
                           THEN printf('%08x', serial_number) END) AS serial
                FROM screens WHERE NOT coalesce(internal, false) AND vendor IS NOT NULL
                UNION ALL
                SELECT s.device_id, 'input device', printf('%04x:%04x', s.vendor_id, s.product_id),
                       concat_ws(' ', s.manufacturer, s.product), s.days, s.first, s.last, s.n, s.record_id,
                       lower(trim(s.serial))
                FROM usb_seen AS s JOIN usb_things AS t USING (device_id, vendor_id, product_id)
                WHERE (t.keyboard OR t.mouse OR t.pointer) AND NOT t.virtual AND s.serial IS NOT NULL
            )
            SELECT device_id, thing, model, serial, max(name) AS name, bit_or(days) AS days, min(first) AS first,
                   max(last) AS last, sum(n)::BIGINT AS n, min(record_id) AS record_id
            FROM told
            WHERE length(serial) >= {_SHORTEST} AND serial NOT IN {_PRINTED_TEXTS}
                AND length(replace(serial, left(serial, 1), '')) > 0 AND NOT regexp_matches(serial, '{_COUNTING}')
            GROUP BY device_id, thing, model, serial
            """,
        )
        return fleet.rows(
            f"""
            WITH models AS (
                SELECT thing, model, count(DISTINCT device_id) AS n_model FROM serial_things GROUP BY thing, model
            ), shared AS (
                SELECT thing, model, serial FROM serial_things JOIN models USING (thing, model)
                GROUP BY thing, model, serial, n_model
                HAVING count(*) BETWEEN 2 AND $most
                    AND NOT (n_model >= $model_holders AND count(*) > $printed * n_model)
            ), held AS (
                SELECT s.*, o.person, o.household, lower(trim(o.place)) AS place,
                       CASE WHEN {placed("o")} THEN o.latitude END AS latitude,
                       CASE WHEN {placed("o")} THEN o.longitude END AS longitude
                FROM serial_things AS s JOIN shared USING (thing, model, serial) JOIN owners AS o USING (device_id)
                WHERE o.site IS NULL AND NOT {travelling_sql("s.device_id", "s.first", "s.last")}
            ), paired AS (
                SELECT a.*, b.device_id AS other, bit_count(a.days & b.days) AS together,
                       coalesce(b.place, printf('%.2f %.2f', b.latitude, b.longitude)) AS other_place
                FROM held AS a JOIN held AS b USING (thing, model, serial)
                WHERE a.device_id <> b.device_id AND a.days & b.days > 0
                    AND (a.person IS NULL OR b.person IS NULL OR a.person <> b.person)
                    AND (a.household IS NULL OR b.household IS NULL OR a.household <> b.household)
                    AND CASE WHEN a.latitude IS NOT NULL AND b.latitude IS NOT NULL
                    THEN {distance_sql("a", "b")} >= $km ELSE a.place <> b.place END
            )
            SELECT device_id, thing, model, serial, any_value(name) AS name, any_value(first) AS first,
                   any_value(last) AS last, any_value(n) AS n, any_value(record_id) AS record_id,
                   count(DISTINCT other) AS others, max(together) AS together,
                   1 + count(DISTINCT other_place) AS places, list_sort(list(DISTINCT other))[:5] AS with
            FROM paired GROUP BY device_id, thing, model, serial
            QUALIFY row_number() OVER (
                PARTITION BY device_id ORDER BY places DESC, others DESC, thing DESC, model, serial) = 1
            ORDER BY device_id
            """,
            most=self.most_holders,
            model_holders=self.model_holders,
            printed=self.printed_share,
            km=self.least_km,
        )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices that tell no such thing, and those of which nobody said where they should be."""
        rows = fleet.rows(
            """
            SELECT f.device_id, o.place IS NULL AND o.latitude IS NULL AND o.site IS NULL AS nowhere,
                   count(p.name) = 0 AS untold
            FROM fleet_devices AS f LEFT JOIN owners AS o ON o.device_id = f.device_id
            LEFT JOIN presence AS p ON p.device_id = f.device_id AND p.name IN ('displays', 'usb_devices')
            GROUP BY ALL HAVING nowhere OR untold ORDER BY f.device_id
            """
        )
        return {
            row["device_id"]: "no rows in displays or usb_devices"
            if row["untold"]
            else "the roster declares no place for it"
            for row in rows
        }
