"""Power, lid and sleep; how input comes in; what listens to it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farmwatch.simulation.chunk import DAY_US, HOUR_US, Chunk, Days
from farmwatch.simulation.dice import Dice
from farmwatch.simulation.lines import Events, concatenated, events, json_lines, once
from farmwatch.simulation.texts import iso, named
from farmwatch.simulation.world import KVM

__all__ = ["hooks", "input_timing", "outages", "power", "windows_power"]

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
    found: list[tuple[str, Events, bool | None, bool | None, str | None]] = [
        ("lid open", once(chunk, "lid open", moves, start - 20 * 1_000_000), False, None, "lid"),
        ("wake", once(chunk, "wake", (person | lived) & ~awake, start - 15 * 1_000_000), None, None, "user input"),
        ("unlocked", once(chunk, "unlock", person | lived, start), None, None, None),
        ("locked", once(chunk, "lunch", person, lunch), None, None, None),
        ("unlocked", once(chunk, "back", person, back), None, None, None),
        ("locked", once(chunk, "lock", person | lived, end), None, None, None),
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
    """What is polled some times a day: lid, mains, charge and cycles."""
    days = chunk.there & (chunk.worked | chunk.awake[:, None]) & fed[:, None]
    at = events(chunk, "state", 2.0, days)
    shut = chunk.whether("kept shut", np.where(chunk.driven, 0.6, 0.75))
    carried = at.of(chunk.carried)
    dice = chunk.world.dice
    used = dice.whole("cycles", 320, chunk.at)
    worn = np.where(chunk.carried, 30 + used, 3 + used // 20)
    battery = np.where(carried, 30 + 70 * at.share("charge"), np.where(at.share("full") < 0.9, 100.0, 98.0))
    return json_lines(
        {
            "device_id": at.names(), "ts": at.iso(), "event": "state",
            "lid_closed": np.where(carried, at.share("lid") < 0.1, at.of(shut)),
            "on_mains": np.where(carried, at.share("mains") < 0.7, at.share("mains") < 0.997),
            "battery_pct": np.round(battery, 0),
            "cycles": at.of(worn) + np.where(carried, at.column // 2, 0),
        }
    )  # fmt: skip


_KERNEL = "Microsoft-Windows-Kernel-Power"


def windows_fed(chunk: Chunk) -> NDArray[np.bool_]:
    """Windows devices whose event logs come in."""
    return (chunk.of(chunk.world.platform) == 0) & chunk.feed("windows", chunk.world.parameters.windows_feed)


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


# --- input ------------------------------------------------------------------------------------------------------------

_KEYBOARDS = ("046d:c31c", "413c:2113", "17ef:6099", "046d:c52b", "0001:0001", "03f0:034a")
_BOX_IDS = {
    "pikvm": "1d6b:0104",
    "jetkvm": "1d6b:0104",
    "nanokvm": "3346:1009",
    "comet": "1d6b:0104",
    "tinypilot": "1d6b:0104",
    "blikvm": "1d6b:0106",
}
_MASKED_IDS = ("046d:c31c", "046d:c52b", "413c:2113", "045e:0750")
#: Jigglers by firmware: period, spread, reports, shape (docs/evidence.md, E7)
_JIGGLES = {
    "pikvm": (60.0, 0.14, 11, "alternating"), "jetkvm": (20.0, 0.004, 2, "corner"),
    "nanokvm": (15.0, 0.004, 2, "there-and-back"), "comet": (20.0, 0.004, 5, "alternating"),
    "tinypilot": (0.0, 0.0, 0, ""), "blikvm": (60.0, 0.004, 2, "centre"),
}  # fmt: skip
_HISTOGRAMS = 64


@lru_cache(maxsize=4)
def _typed(seed: int) -> tuple[str, ...]:
    """Intervals of key presses of people: log-logistic around 0.2 s, counted in bins of 8 to the doubling from 1 ms.

    Shape 2.5 to 4 after docs/evidence.md, M16.
    """
    dice, found = Dice(seed), []
    for number in range(_HISTOGRAMS):
        share = dice.share("interval", number, np.arange(400))
        middle, shape = 160 + 120 * float(dice.share("median", number)), 2.5 + 1.5 * float(dice.share("shape", number))
        gap_ms = middle * (share / (1 - share).clip(1e-9)) ** (1 / shape)
        bins = np.bincount((8 * np.log2(gap_ms.clip(1, 4000))).astype(np.int64), minlength=1)
        found.append(",".join(map(str, bins.tolist())))
    return tuple(found)


def input_timing(chunk: Chunk) -> pa.Array:
    """Rows of ``input_timing``: windows of five minutes, about one an hour of work; round the clock where it jiggles."""
    return concatenated([_people(chunk), _boxes(chunk), _injected(chunk), _jigglers(chunk)])


def _window(at: Events) -> dict[str, object]:
    return {"device_id": at.names(), "ts": iso(at.ts // (300 * 1_000_000) * (300 * 1_000_000)), "window_s": 300.0}


def _people(chunk: Chunk) -> pa.Array:
    days = chunk.worked & chunk.agent[:, None] & ~chunk.driven[:, None]
    at = events(chunk, "typing", 6.0, days)
    board = chunk.world.dice.whole("typed on", len(_KEYBOARDS), chunk.at)
    return concatenated(
        [
            json_lines(
                {
                    **_window(at), "input_device": named(_KEYBOARDS, at.of(board)), "presses": 60 + at.whole("keys", 900),
                    "clicks": at.whole("clicks", 60), "moves": at.whole("moves", 4000), "lost_reports": 0,
                    "intervals": named(_typed(1), at.whole("histogram", _HISTOGRAMS)),
                    "lattice_ms": 8.0, "lattice_share": np.round(0.55 + 0.4 * at.share("grid"), 2),
                    "clumps": at.whole("clumps", 4), "clumped_presses": 2 * at.whole("clumps", 4), "stalls": 0,
                    "move_gap_ms": np.round(7.5 + 1.5 * at.share("gap"), 1), "pointer": "relative",
                }
            )
        ]
    )  # fmt: skip


def _boxes(chunk: Chunk) -> pa.Array:
    """Hands that work through a KVM: presses clump where the network held them up, positions jump."""
    model = chunk.of(chunk.world.model)
    hobby = chunk.has("kvm-hobbyist")[:, None] & chunk.world.dice.whether("plays", 0.3, chunk.at[:, None], chunk.day)
    days = chunk.worked & chunk.agent[:, None] & ((chunk.driven[:, None] & (model >= 0)[:, None]) | hobby)
    at = events(chunk, "box typing", 6.0, days)
    box = named(tuple(_BOX_IDS[name] for name in KVM), at.of(model))
    disguise = named(_MASKED_IDS, at.of(chunk.world.dice.whole("disguise", 4, chunk.of(chunk.world.farm))))
    masked = at.of(chunk.hand("kvm-masked"))
    far = np.where(at.of(chunk.driven), 1.0, 0.15)
    presses = 60 + at.whole("keys", 800)
    clumps = (presses * far * (0.02 + 0.05 * at.share("clumps"))).astype(np.int64)
    tiny = at.of(model) == KVM.index("tinypilot")
    gap = np.where(
        tiny,
        np.where(far < 1, 6.0, 90 + 50 * at.of(chunk.world.dice.share("distance", chunk.of(chunk.world.farm)))),
        10 + 8 * at.share("gap"),
    )
    ids = pa.array(
        [
            one if hidden else two
            for one, two, hidden in zip(disguise.to_pylist(), box.to_pylist(), masked.tolist(), strict=True)
        ],
        pa.string(),
    )
    keys = {
        "presses": presses, "clicks": 0, "moves": 0, "lost_reports": 0,
        "intervals": named(_typed(2), at.whole("histogram", _HISTOGRAMS)),
        "lattice_ms": 1.0, "lattice_share": np.round(0.9 + 0.09 * at.share("grid"), 2),
        "clumps": clumps, "clumped_presses": 2 * clumps + at.whole("more", 3),
        "stalls": (clumps * 0.6).astype(np.int64),
    }  # fmt: skip
    pointer = {
        "pointer": "absolute", "presses": 0, "clicks": at.whole("clicks", 60), "moves": 200 + at.whole("moves", 2500),
        "lost_reports": 0, "clumps": 0, "clumped_presses": 0, "stalls": 0, "move_gap_ms": np.round(gap, 1),
    }  # fmt: skip
    head = {**_window(at), "input_device": ids}
    return concatenated([json_lines(head | keys), json_lines(head | pointer)])


def _injected(chunk: Chunk) -> pa.Array:
    """Hands that come through a program or a meeting, at the pace that program keeps."""
    tools = chunk.hand(
        "anydesk", "chrome-remote-desktop", "teamviewer", "rustdesk", "two-tools", "zoom-control", "arp-bus", "rdp"
    )
    helped = chunk.has("supported")[:, None] & (
        chunk.day == chunk.world.first_day + chunk.world.dice.whole("support day", chunk.world.days, chunk.at)[:, None]
    )
    special = chunk.has("accommodation")
    days = chunk.worked & chunk.agent[:, None] & ((tools | special)[:, None] | helped)
    at = events(chunk, "injected", 5.0, days)
    grid = at.of(np.where(chunk.whether("grid", 0.5), 17.0, 20.0))
    presses = 20 + at.whole("keys", 600)
    clumps = (presses * (0.02 + 0.05 * at.share("clumps"))).astype(np.int64)
    return json_lines(
        {
            **_window(at), "input_device": "injected", "pointer": "absolute", "presses": presses,
            "clicks": at.whole("clicks", 50), "moves": at.whole("moves", 3000), "lost_reports": 0,
            "intervals": named(_typed(3), at.whole("histogram", _HISTOGRAMS)), "lattice_ms": grid,
            "lattice_share": np.round(0.6 + 0.35 * at.share("share"), 2), "clumps": clumps,
            "clumped_presses": 2 * clumps, "stalls": clumps // 2, "move_gap_ms": np.round(grid * (1 + 0.1 * at.share("gap")), 1),
        }
    )  # fmt: skip


def _jigglers(chunk: Chunk) -> pa.Array:
    dice, model = chunk.world.dice, chunk.of(chunk.world.model)
    parts = []
    clock = chunk.evades("scheduled-jiggler")[:, None]
    for number, name in enumerate(KVM):
        period, spread, reports, shape = _JIGGLES[name]
        if reports:
            masked = chunk.hand("kvm-masked")
            for hidden in (False, True):
                has = (
                    (chunk.jiggled & (model == number) & (masked == hidden))[:, None]
                    & chunk.there
                    & chunk.agent[:, None]
                )
                ids = named(_MASKED_IDS, dice.whole("disguise", 4, chunk.of(chunk.world.farm))) if hidden else None
                parts.append(
                    _bursts(
                        chunk,
                        f"jiggle {name} {hidden}",
                        has,
                        clock,
                        _BOX_IDS[name],
                        ids,
                        period,
                        spread,
                        reports,
                        shape,
                    )
                )
    tooled = (chunk.jiggled & (model < 0))[:, None] & chunk.there & chunk.agent[:, None]
    parts.append(_bursts(chunk, "farm jiggler", tooled, clock, "046d:c077", None, 30.0, 0.02, 2, "there-and-back"))
    own = chunk.has("jiggler-hardware")[:, None] & chunk.worked & chunk.agent[:, None]
    always = np.ones_like(clock)
    for kind, (period, spread, shape) in enumerate(
        ((60.0, 0.01, "there-and-back"), (45.0, 0.25, "other"), (180.0, 0.02, "other"))
    ):
        has = own & (dice.whole("jiggler kind", 3, chunk.at) == kind)[:, None]
        parts.append(
            _bursts(chunk, f"own jiggler {kind}", has, always, "046d:c077", None, period, spread, 1 + kind, shape)
        )
    soft = chunk.has("jiggler-software")[:, None] & chunk.worked & chunk.agent[:, None]
    parts.append(_bursts(chunk, "software jiggler", soft, always, "injected", None, 60.0, 0.002, 2, "there-and-back"))
    return concatenated(parts)


def _bursts(
    chunk: Chunk, name: str, days: Days, at_work: NDArray[np.bool_], device: str, ids: pa.Array | None, period: float,
    spread: float, reports: int, shape: str,
) -> pa.Array:  # fmt: skip
    """Windows in which motion repeats: round the clock, or in hours of work only."""
    if not days.any():
        return pa.array([], pa.string())
    at = events(chunk, name, 12.0, days)
    whole_day = at.day * DAY_US + (at.share("any time") * DAY_US).astype(np.int64)
    inside = at.of(np.broadcast_to(at_work, days.shape))
    at = at.at(np.where(inside, at.ts, whole_day))
    wobble = period * (1 + 0.3 * spread * (at.share("period") - 0.5))
    return json_lines(
        {
            **_window(at), "input_device": device if ids is None else at.take(ids), "pointer": "relative",
            "presses": 0, "clicks": 0, "moves": np.full(len(at), max(1, round(300 / period)) * reports),
            "lost_reports": 0, "clumps": 0, "clumped_presses": 0, "stalls": 0,
            "jiggle_period_s": np.round(wobble, 2), "jiggle_spread": np.round(spread * (0.8 + 0.4 * at.share("spread")), 4),
            "jiggle_reports": reports, "jiggle_shape": shape,
        }
    )  # fmt: skip


def hooks(chunk: Chunk) -> pa.Array:
    """Rows of ``input_hooks``: programs that make or tap input."""
    covered = chunk.feed("process", chunk.world.parameters.process_feed)[:, None]
    parts = []
    for process, has in (
        ("mousejiggler.exe", chunk.has("jiggler-software")), ("anydesk.exe", chunk.hand("anydesk", "two-tools")),
        ("remoting_desktop.exe", chunk.hand("chrome-remote-desktop")), ("teamviewer_desktop.exe", chunk.hand("teamviewer")),
        ("rustdesk.exe", chunk.hand("rustdesk")), ("zoom.exe", chunk.hand("zoom-control", "arp-bus")),
        ("autohotkey.exe", chunk.has("accommodation")),
    ):  # fmt: skip
        at = events(chunk, f"hook {process}", 1.0, has[:, None] & chunk.worked & covered, routine=False)
        parts.append(
            json_lines(
                {
                    "device_id": at.names(),
                    "ts": at.iso(),
                    "process": process,
                    "kind": "injects",
                    "enabled": True,
                    "events": 50 + at.whole("made", 5000),
                }
            )
        )
    return concatenated(parts)
