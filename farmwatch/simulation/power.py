"""Power, lid, lock and sleep."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farmwatch.simulation.chunk import DAY_US, HOUR_US, Chunk, Days
from farmwatch.simulation.lines import Events, concatenated, hourly, json_lines, once
from farmwatch.simulation.meetings import farm_joins

__all__ = ["outages", "power", "windows_fed", "windows_power"]

_MINUTE_US = 60_000_000


def outages(chunk: Chunk) -> tuple[Days, Days]:
    """On which days power fails at the place a device is, and when; one moment for all who are there."""
    given, dice, world = chunk.world.parameters, chunk.world.dice, chunk.world
    farm = np.where(chunk.driven, chunk.of(world.farm), 0)[:, None]
    site = chunk.site
    homes = dice.whether("outage", given.site_outage_day, site, chunk.day)
    farms = dice.whether("farm outage", given.farm_outage_week / 7, farm, chunk.day)
    days = np.where(chunk.driven[:, None], farms, homes) & chunk.there
    moment = np.where(
        chunk.driven[:, None], dice.share("farm moment", farm, chunk.day), dice.share("moment", site, chunk.day)
    )
    return days, chunk.day * DAY_US + (moment * DAY_US).astype(np.int64)


def _fed(chunk: Chunk) -> NDArray[np.bool_]:
    return chunk.feed("power", chunk.world.parameters.power_feed)


def _steps(chunk: Chunk) -> list[tuple[str, Events, bool | None, bool | None, str | None]]:
    """What happens to lid, mains and sleep: event, when, lid closed, on mains, why."""
    dice = chunk.world.dice
    worked, carried, awake = chunk.worked, chunk.carried[:, None], chunk.awake[:, None]
    desk = ~carried & ~awake
    start, end = chunk.start, chunk.end
    lunch = start + ((3.4 + 1.2 * dice.share("lunch", chunk.at[:, None], chunk.day)) * HOUR_US).astype(np.int64)
    back = lunch + ((0.4 + 0.6 * dice.share("break", chunk.at[:, None], chunk.day)) * HOUR_US).astype(np.int64)
    person = worked & ~chunk.driven[:, None]
    lived = worked & chunk.driven[:, None] & carried
    moves = (person | lived) & carried
    joins, joined_at = farm_joins(chunk)
    at_shelf = worked & chunk.driven[:, None] & ~carried & ~chunk.jiggled[:, None] & ~joins
    found: list[tuple[str, Events, bool | None, bool | None, str | None]] = [
        ("lid open", once(chunk, "lid open", moves, start - 20 * 1_000_000), False, None, "lid"),
        ("wake", once(chunk, "wake", (person | lived) & ~awake, start - 15 * 1_000_000), None, None, "user input"),
        ("unlocked", once(chunk, "unlock", person | lived | at_shelf, start), None, None, None),
        ("locked", once(chunk, "lunch", person, lunch), None, None, None),
        ("unlocked", once(chunk, "back", person, back), None, None, None),
        ("locked", once(chunk, "lock", person | lived | at_shelf, end), None, None, None),
        ("lid closed", once(chunk, "lid closed", moves, end + _MINUTE_US), True, None, "lid"),
        ("sleep", once(chunk, "sleep", (person | lived) & ~awake, end + 2 * _MINUTE_US), None, None, None),
    ]
    unplugs = moves & dice.whether("unplugs", 0.6, chunk.at[:, None], chunk.day)
    out = start + (2 * HOUR_US * dice.share("unplug", chunk.at[:, None], chunk.day)).astype(np.int64)
    found += [
        ("on battery", once(chunk, "unplugged", unplugs, out), None, False, None),
        ("on mains", once(chunk, "plugged", unplugs, out + HOUR_US + HOUR_US // 2), None, True, None),
    ]
    desk_days = person & desk & dice.whether("desk move", 0.05, chunk.at[:, None], chunk.day)
    found.append(("lid open", once(chunk, "desk lid", desk_days, lunch), False, None, "lid"))
    days, moment = outages(chunk)
    held = days & ~(moves & unplugs)
    lag = (dice.share("notice", chunk.at[:, None], chunk.day) * 3e6).astype(np.int64)
    found += [
        ("on battery", once(chunk, "outage", held, moment + lag), None, False, None),
        ("on mains", once(chunk, "outage over", held, moment + lag + 7 * _MINUTE_US), None, True, None),
    ]
    found.append(("unlocked", once(chunk, "unlock to join", joins, joined_at - 3_000_000), None, None, None))
    reboot = chunk.there & dice.whether("restart", 0.07, chunk.at[:, None], chunk.day)
    night = chunk.day * DAY_US + (dice.share("restart at", chunk.day) * 3 * HOUR_US).astype(np.int64) + 6 * HOUR_US
    spread = (dice.share("restart lag", chunk.at[:, None], chunk.day) * 90 * _MINUTE_US).astype(np.int64)
    found.append(("boot", once(chunk, "restart", reboot, night + spread), None, None, None))
    return found


def power(chunk: Chunk) -> pa.Array:
    """Rows of ``power``."""
    fed = _fed(chunk) & ~windows_fed(chunk)
    parts = [_state(chunk, _fed(chunk))]
    for event, at, lid, mains, why in _steps(chunk):
        one = at.where(fed[at.device])
        parts.append(
            json_lines(
                {
                    "device_id": one.names(),
                    "ts": one.iso(),
                    "event": event,
                    "lid_closed": lid,
                    "on_mains": mains,
                    "reason": why,
                }
            )
        )
    return concatenated(parts)


def _state(chunk: Chunk, fed: NDArray[np.bool_]) -> pa.Array:
    """What an agent polls every hour while the device is awake: lid, mains, charge and cycles."""
    at = hourly(chunk, "state", chunk.there & (chunk.worked | chunk.awake[:, None]) & fed[:, None], chunk.awake)
    shut = chunk.whether("kept shut", np.where(chunk.driven, 0.6, 0.75))
    carried = at.of(chunk.carried)
    dice = chunk.world.dice
    used = dice.whole("cycles", 320, chunk.at)
    worn = np.where(chunk.carried, 30 + used, 3 + used // 20)
    unplugged = at.of(chunk.carried[:, None] & dice.whether("unplugs", 0.6, chunk.at[:, None], chunk.day))
    on_battery = unplugged & (at.share("mains") < 0.25)
    battery = np.where(on_battery, 35 + 60 * at.share("charge"), np.where(at.share("full") < 0.8, 100.0, 97.0))
    limited = at.of(chunk.whether("charge limit", 0.2))
    return json_lines(
        {
            "device_id": at.names(), "ts": at.iso(), "event": "state",
            "lid_closed": np.where(carried, at.share("lid") < 0.05, at.of(shut)), "on_mains": ~on_battery,
            "battery_pct": np.round(np.where(limited & ~on_battery, battery - 20, battery)),
            "cycles": at.of(worn) + np.where(carried, at.column // 2, 0),
        }
    )  # fmt: skip


_KERNEL = "Microsoft-Windows-Kernel-Power"


def windows_fed(chunk: Chunk) -> NDArray[np.bool_]:
    """Windows devices whose event logs come in."""
    covered = chunk.feed("windows", chunk.world.parameters.windows_feed)
    return np.asarray((chunk.of(chunk.world.platform) == 0) & covered)


def windows_power(chunk: Chunk) -> list[tuple[str, int, str, Events, str]]:
    """The same steps as Windows logs them: provider, number, channel, when, and event data as JSON."""
    fed = windows_fed(chunk) & _fed(chunk)
    found = []
    for event, at, _, _, _ in _steps(chunk):
        told = {
            "lid open": (507, '{"Reason":"15"}'), "lid closed": (506, '{"Reason":"15"}'),
            "wake": (507, '{"Reason":"31"}'), "sleep": (506, '{"Reason":"12"}'),
            "on battery": (105, '{"AcOnline":"false","RemainingCapacity":"48000","FullChargeCapacity":"50000"}'),
            "on mains": (105, '{"AcOnline":"true","RemainingCapacity":"47000","FullChargeCapacity":"50000"}'),
        }.get(event)  # fmt: skip
        if told is not None:
            found.append((_KERNEL, told[0], "System", at.where(fed[at.device]), told[1]))
    return found
