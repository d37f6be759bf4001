"""The account is busy while its laptop sleeps or is not touched: the work is done on another machine (E19).

Only what a person does counts: interactive sign-ins from computers, not from telephones, and meetings of half an hour.
The laptop sleeps between two of its own power events; that nobody touched it is told by its input, whoever made it, so
a laptop driven by remote control is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Family, InputTiming, MeetingUse, PowerEvent, Record, SignIn

__all__ = ["AccountWhileIdle"]

_ASLEEP = "'sleep', 'modern standby in', 'shutdown', 'dead'"
_FEW = 10  #: devices, up to which no share of the fleet says what is usual
_BUSY = """
SELECT about AS device_id, ts, ts AS till, 'sign_ins' AS via, record_id FROM sign_ins
WHERE about IS NOT NULL AND outcome = 'success' AND event IN ('sign-in', 'session')
AND interactive IS DISTINCT FROM false AND client_os IN ('windows', 'macos', 'linux', 'chromeos')
UNION ALL
SELECT about, ts, ended, 'meetings', record_id FROM meetings WHERE about IS NOT NULL
AND ended BETWEEN ts + to_seconds(60 * $meeting_min) AND ts + INTERVAL 1 DAY
"""
_WHILE = f"""
WITH slept AS (
    SELECT device_id, ts AS since, lead(ts) OVER (PARTITION BY device_id ORDER BY ts, event) AS until, event
    FROM power SEMI JOIN account_busy USING (device_id)
    QUALIFY event IN ({_ASLEEP}) AND until - ts >= to_seconds(60 * $sleep_min)
), touched AS (
    SELECT device_id, ts AS since, ts + to_milliseconds(CAST(1000 * max(window_s) AS BIGINT)) AS until
    FROM input_timing SEMI JOIN account_busy USING (device_id)
    WHERE greatest(presses, clicks, moves) > 0 AND window_s BETWEEN 0 AND 86400 GROUP BY device_id, ts
), reported AS (
    SELECT DISTINCT device_id, CAST(since AS DATE) AS day FROM touched
), beside AS (
    SELECT b.*, CAST(b.ts AS DATE) AS day, s.since AS slept_since, s.until AS slept_until
    FROM account_busy AS b ASOF LEFT JOIN slept AS s ON s.device_id = b.device_id AND s.since <= b.ts
), compared AS (
    SELECT b.*, t.until AS touched_until FROM beside AS b
    ASOF LEFT JOIN touched AS t ON t.device_id = b.device_id AND t.since <= b.till + to_seconds(60 * $margin_min)
)
SELECT device_id, ts, via, record_id, day,
       CASE WHEN ts >= slept_since + to_seconds(60 * $margin_min)
                 AND till <= slept_until - to_seconds(60 * $margin_min) THEN 'asleep'
            WHEN via = 'sign_ins' AND reported.day IS NOT NULL
                 AND coalesce(touched_until < ts - to_seconds(60 * $idle_min), true) THEN 'idle' END AS state
FROM compared LEFT JOIN reported USING (device_id, day)
"""
"""What the laptop did meanwhile. Clocks of services and of endpoints differ by minutes, so both ends of a sleep are
left out, and so are days without any input reported. Nobody need touch a laptop in a meeting, so meetings count for
sleep alone."""


@dataclass(frozen=True, slots=True)
class AccountWhileIdle(FleetDetector):
    """Finds accounts whose work does not happen on the laptop that was handed out for it."""

    id: ClassVar[str] = "account.busy_while_idle"
    title: ClassVar[str] = "is its account busy while it sleeps or nobody touches it?"
    topic: ClassVar[str] = "accounts busy while the laptop idles"
    signals: ClassVar[tuple[str, ...]] = ("E19",)
    family: ClassVar[Family] = Family.TIMING
    needs: ClassVar[tuple[type[Record], ...]] = ()
    benign: ClassVar[tuple[str, ...]] = (
        "the person's own computer or a second one of the company",
        "a virtual desktop",
        "a colleague's computer in a meeting room",
    )
    group: ClassVar[str] = "session elsewhere"
    grades: ClassVar[Mapping[str, Grade]] = {
        "asleep_days": Grade(Claim.DRIVEN, 11.0, "judged: on several days (docs/evidence.md, E19)"),
        "idle_days": Grade(Claim.DRIVEN, 7.0, "judged: several days without a touch; windows of input may be missing"),
        "asleep": Grade(Claim.DRIVEN, 4.0, "judged: a day or two may be a borrowed computer (docs/evidence.md, E19)"),
    }
    when_clear: ClassVar[str] = "its account was busy only while the laptop was awake and in use"
    check: ClassVar[str] = "look from which addresses and devices the account was used at those times"
    least_days: float = param(3.0, "A person's other computer is used now and then.", low=2, high=20)
    sleep_min: float = param(30.0, "Shorter sleeps end before a session does.", low=5, high=240)
    meeting_min: float = param(30.0, "Shorter calls are taken by telephone.", low=5, high=240)
    margin_min: float = param(10.0, "Between the clocks of services and endpoints.", low=1, high=60)
    idle_min: float = param(20.0, "Who signs in touches the computer before or after.", low=5, high=120)
    usual_share: float = param(0.1, "Of the devices with such data: more is how the company works.", low=0.01, high=0.5)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit a device: asleep before idle."""
        fleet.make("account_busy", _BUSY, meeting_min=self.meeting_min)
        fleet.make(
            "account_busy_while", _WHILE, sleep_min=self.sleep_min, margin_min=self.margin_min, idle_min=self.idle_min
        )
        for row in fleet.rows(
            """
            WITH counted AS (
                SELECT device_id, state, count(*) AS n, count(DISTINCT day) AS days, min(ts) AS first, max(ts) AS last,
                       count(*) FILTER (via = 'meetings') AS meetings,
                       coalesce(min(record_id, 20) FILTER (via = 'sign_ins'), []) AS sign_in_ids,
                       coalesce(min(record_id, 20) FILTER (via = 'meetings'), []) AS meeting_ids
                FROM account_busy_while WHERE state IS NOT NULL GROUP BY device_id, state
            ), told AS (
                SELECT * FROM counted WHERE state = 'asleep' OR days >= $least_days
                QUALIFY row_number() OVER (PARTITION BY device_id ORDER BY days < $least_days, state) = 1
            )
            SELECT * FROM told
            WHERE (SELECT count(*) FROM told) <= $few OR (SELECT count(*) FROM told)
                  <= $usual_share * (SELECT count(DISTINCT device_id) FROM account_busy_while)
            ORDER BY device_id
            """,
            least_days=self.least_days,
            few=_FEW,
            usual_share=self.usual_share,
        ):
            asleep, often = row["state"] == "asleep", row["days"] >= self.least_days
            signed = row["n"] - row["meetings"]
            what = [many(signed, "sign-in")] * (signed > 0) + [many(row["meetings"], "meeting")] * (row["meetings"] > 0)
            yield Hit(
                row["device_id"],
                ("asleep_days" if often else "asleep") if asleep else "idle_days",
                f"{' and '.join(what)} of its account on {many(row['days'], 'day')} while the laptop "
                + ("was asleep or off" if asleep else "was not touched"),
                observed=f"first {row['first']:%Y-%m-%d %H:%M}, last {row['last']:%Y-%m-%d %H:%M} UTC",
                expected="an account that is busy while its laptop is in use, or on a telephone",
                telling=tuple(
                    telling(record, row["first"], row["last"], count=count, record_ids=row[ids])
                    for record, count, ids in (
                        (SignIn, signed, "sign_in_ids"),
                        (MeetingUse, row["meetings"], "meeting_ids"),
                    )
                    if count
                ),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices without sign-ins or meetings, or without word of when they sleep or are touched."""
        names = [[record.table for record in pair] for pair in ((SignIn, MeetingUse), (PowerEvent, InputTiming))]
        rows = fleet.arrow(
            """
            SELECT f.device_id, coalesce(bool_or(list_contains($busy::VARCHAR[], p.name)), false) AS busy,
                   coalesce(bool_or(list_contains($idle::VARCHAR[], p.name)), false) AS idle
            FROM fleet_devices AS f LEFT JOIN presence AS p USING (device_id) GROUP BY f.device_id
            HAVING NOT (busy AND idle) ORDER BY f.device_id
            """,
            busy=names[0],
            idle=names[1],
        ).to_pydict()
        return {
            device: "nothing reported of when it sleeps or is touched"
            if busy
            else "no sign-ins or meetings of its account"
            for device, busy in zip(rows["device_id"], rows["busy"], strict=True)
        }
