"""How input comes in, as the agent's windows of five minutes tell it, and which programs make input."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.simulation.chunk import Chunk, Days
from farmwatch.simulation.dice import Dice
from farmwatch.simulation.hardware import ids_of
from farmwatch.simulation.lines import Events, concatenated, events, json_lines, once, windows
from farmwatch.simulation.meetings import farm_joins
from farmwatch.simulation.texts import iso, named
from farmwatch.simulation.world import KVM

__all__ = ["hooks", "input_timing"]

#: Jigglers by firmware: pointer, period in s, spread, reports, shape (docs/evidence.md, E7)
_JIGGLES = {
    "pikvm": ("absolute", 60.0, 0.14, 11, "alternating"), "jetkvm": ("absolute", 20.0, 0.01, 2, "corner"),
    "nanokvm": ("relative", 15.0, 0.01, 2, "there-and-back"), "comet": ("absolute", 20.0, 0.01, 5, "alternating"),
    "blikvm": ("absolute", 60.0, 0.01, 2, "centre"),
}  # fmt: skip
#: Jigglers that are sold: people and farms have the same ones
_SOLD_JIGGLES = (
    ("relative", 60.0, 0.01, 1, "there-and-back"), ("relative", 45.0, 0.25, 2, "other"),
    ("relative", 180.0, 0.02, 3, "other"), ("relative", 10.0, 0.01, 2, "there-and-back"),
    ("relative", 75.0, 0.35, 4, "other"),
)  # fmt: skip
_HISTOGRAMS = 64
_AT_KEYS, _AT_MOUSE = 0.35, 0.45  #: of windows in hours of work: with presses, with motion


@lru_cache(maxsize=4)
def _typed(seed: int) -> tuple[str, ...]:
    """Intervals of key presses: log-logistic around 0.2 s, counted in bins of 8 to the doubling from 1 ms.

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
    """Rows of ``input_timing``."""
    return concatenated([*_people(chunk), *_boxes(chunk), *_injected(chunk), *_jigglers(chunk), _presser(chunk)])


def _window(at: Events) -> dict[str, object]:
    return {"device_id": at.names(), "ts": iso(at.ts, seconds=True), "window_s": 300.0}


def _keys(at: Events, presses: NDArray[np.int64], clumped: NDArray[np.float64], law: int) -> dict[str, object]:
    """Presses of a window, of which some share came in clumps."""
    clumps = np.floor(presses * clumped / 2 + at.share("clumps")).astype(np.int64)
    return {
        "presses": presses, "clicks": 0, "moves": 0, "lost_reports": 0,
        "intervals": named(_typed(law), at.whole("histogram", _HISTOGRAMS)), "clumps": clumps,
        "clumped_presses": 2 * clumps, "stalls": (clumps * 0.6 + at.share("stalls") * (clumps > 0)).astype(np.int64),
    }  # fmt: skip


def _motion(at: Events, pointer: str, moves: NDArray[np.int64], gap_ms: NDArray[np.float64]) -> dict[str, object]:
    return {
        "pointer": pointer, "presses": 0, "clicks": at.whole("clicks", 60), "moves": moves, "lost_reports": 0,
        "clumps": 0, "clumped_presses": 0, "stalls": 0, "move_gap_ms": np.round(gap_ms, 1),
    }  # fmt: skip


def _people(chunk: Chunk) -> list[pa.Array]:
    """Hands: on an own keyboard and mouse, or on the laptop's own."""
    days = chunk.worked & chunk.agent[:, None] & ~chunk.driven[:, None]
    detail = min(1.0, chunk.world.parameters.detail)
    board = pc.fill_null(ids_of(chunk, "keyboard", "gaming"), "0001:0001")
    mouse = pc.fill_null(ids_of(chunk, "mouse", "tablet"), "0002:0007")
    keys = windows(chunk, "typing", _AT_KEYS * detail, days)
    grid = keys.of(np.where(chunk.whether("slow scan", 0.6), 8.0, 1.0))
    fast = json_lines(
        {
            **_window(keys),
            "input_device": keys.take(board),
            **_keys(keys, 15 + keys.whole("keys", 420), np.full(len(keys), 0.003), 1),
            "lattice_ms": grid,
            "lattice_share": np.round(0.6 + 0.35 * keys.share("grid"), 2),
        }
    )
    moves = windows(chunk, "pointing", _AT_MOUSE * detail, days)
    return [
        fast,
        json_lines(
            {
                **_window(moves),
                "input_device": moves.take(mouse),
                **_motion(moves, "relative", 50 + moves.whole("moves", 5000), 7.6 + 1.2 * moves.share("gap")),
            }
        ),
    ]


def _boxes(chunk: Chunk) -> list[pa.Array]:
    """Hands that work through a KVM: presses clump where the network held them up, positions jump."""
    model, world = chunk.of(chunk.world.model), chunk.world
    hobby = chunk.has("kvm-hobbyist")[:, None] & world.dice.whether("plays", 0.3, chunk.at[:, None], chunk.day)
    hand = chunk.hand("kvm", "kvm-masked")
    days = chunk.worked & chunk.agent[:, None] & (hand[:, None] | hobby)
    box = ids_of(chunk, "box", "masked")
    farm = chunk.of(world.farm)
    loss = np.where(hand, world.parameters.clumped * (0.4 + 1.2 * world.dice.share("loss", farm)), 0.005)
    keys = windows(chunk, "box typing", _AT_KEYS, days)
    typed = json_lines(
        {
            **_window(keys),
            "input_device": keys.take(box),
            **_keys(keys, 15 + keys.whole("keys", 420), keys.of(loss), 2),
            "lattice_ms": 1.0,
            "lattice_share": np.round(0.9 + 0.09 * keys.share("grid"), 2),
        }
    )
    moves = windows(chunk, "box pointing", _AT_MOUSE, days)
    tiny = moves.of(model) == KVM.index("tinypilot")
    way = np.where(moves.of(hand), 80 + 60 * moves.of(world.dice.share("distance", farm)), 6.0)
    gap = np.where(tiny, way, 10 + 8 * moves.share("gap"))
    return [
        typed,
        json_lines(
            {
                **_window(moves),
                "input_device": moves.take(box),
                **_motion(moves, "absolute", 60 + moves.whole("moves", 2500), gap),
            }
        ),
    ]


def _injected(chunk: Chunk) -> list[pa.Array]:
    """Hands that come through a program or a meeting, some at the pace of a screen far away."""
    world = chunk.world
    tools = chunk.hand(
        "anydesk", "chrome-remote-desktop", "teamviewer", "rustdesk", "two-tools", "zoom-control", "arp-bus"
    )
    helped = chunk.has("supported")[:, None] & (
        chunk.day == world.first_day + world.dice.whole("support day", world.days, chunk.at)[:, None]
    )
    days = chunk.worked & chunk.agent[:, None]
    farm = chunk.of(world.farm)
    loss = np.where(tools, world.parameters.clumped * (0.4 + 1.2 * world.dice.share("loss", farm)), 0.004)
    paced = world.dice.pick("pace", (45, 20, 20, 15), farm)
    found = []
    for name, has, share in (
        ("injected", tools[:, None], 1.0),
        ("assistive", chunk.has("accommodation")[:, None], 0.6),
        ("support", helped, 0.05),
    ):
        keys = windows(chunk, f"{name} typing", _AT_KEYS * share, days & has)
        grid = keys.of(np.where(tools, np.array([0.0, 17.0, 20.0, 100.0])[paced], 0.0))
        step = pa.array(grid, mask=grid == 0)
        found.append(
            json_lines(
                {
                    **_window(keys),
                    "input_device": "injected",
                    **_keys(keys, 15 + keys.whole("keys", 420), keys.of(loss), 3),
                    "lattice_ms": step,
                    "lattice_share": pa.array(np.round(0.6 + 0.35 * keys.share("share"), 2), mask=grid == 0),
                }
            )
        )
        moves = windows(chunk, f"{name} pointing", _AT_MOUSE * share, days & has)
        found.append(
            json_lines(
                {
                    **_window(moves),
                    "input_device": "injected",
                    **_motion(moves, "absolute", 60 + moves.whole("moves", 3000), 12 + 12 * moves.share("gap")),
                }
            )
        )
    return found


def _presser(chunk: Chunk) -> pa.Array:
    """The stick that presses Enter when the meeting asks for control: once or twice, a moment after it opens."""
    days, ts = farm_joins(chunk)
    at = once(chunk, "presser", days & chunk.agent[:, None], ts // 300_000_000 * 300_000_000)
    return json_lines(
        {
            **_window(at),
            "input_device": "1d6b:0104",
            "presses": 1 + at.whole("twice", 2),
            "clicks": 0,
            "moves": 0,
            "lost_reports": 0,
            "clumps": 0,
            "clumped_presses": 0,
            "stalls": 0,
        }
    )


def _jigglers(chunk: Chunk) -> list[pa.Array]:
    """Motion that repeats: by boxes of farms round the clock or to a timetable, by people's own while they are away."""
    found = []
    model, dice = chunk.of(chunk.world.model), chunk.world.dice
    clock = chunk.evades("scheduled-jiggler")
    told = chunk.agent[:, None]
    boxed = chunk.hand("kvm", "kvm-masked")
    box, own = (
        ids_of(chunk, "box", "masked"),
        pc.fill_null(ids_of(chunk, "jiggler", "farm jiggler"), pc.fill_null(ids_of(chunk, "mouse"), "0002:0007")),
    )
    for number, name in enumerate(KVM):
        if name in _JIGGLES:
            has = (chunk.jiggled & boxed & (model == number))[:, None] & chunk.there & told
            found += _bursts(chunk, f"jiggle {name}", has, clock, box, _JIGGLES[name])
    always = np.ones(chunk.size, np.bool_)
    sold = np.where(chunk.driven, dice.whole("farm's jiggler", len(_SOLD_JIGGLES), chunk.of(chunk.world.farm)),
                    dice.whole("jiggler kind", len(_SOLD_JIGGLES), chunk.at))  # fmt: skip
    for kind, motion in enumerate(_SOLD_JIGGLES):
        theirs = (chunk.jiggled & ~boxed & (sold == kind))[:, None] & chunk.there & told
        found += _bursts(chunk, f"farm jiggler {kind}", theirs, clock, own, motion)
        mine = (chunk.has("jiggler-hardware") & (sold == kind))[:, None] & chunk.worked & told
        found += _bursts(chunk, f"own jiggler {kind}", mine, always, own, motion, share=0.3)
    soft = chunk.has("jiggler-software")[:, None] & chunk.worked & told
    injected = pa.array(["injected"] * chunk.size)
    return found + _bursts(
        chunk, "software jiggler", soft, always, injected, ("relative", 60.0, 0.002, 2, "there-and-back"), share=0.3
    )


def _bursts(
    chunk: Chunk, name: str, days: Days, at_work: NDArray[np.bool_], ids: pa.Array,
    motion: tuple[str, float, float, int, str], *, share: float = 0.97,
) -> list[pa.Array]:  # fmt: skip
    pointer, period, spread, reports, shape = motion
    found = []
    for all_day, some in ((True, ~at_work), (False, at_work)):
        at = windows(chunk, f"{name} {all_day}", share, days & some[:, None], all_day=all_day)
        wobble = period * (1 + 0.3 * spread * (at.share("period") - 0.5))
        found.append(
            json_lines(
                {
                    **_window(at), "input_device": at.take(ids), "pointer": pointer, "presses": 0, "clicks": 0,
                    "moves": np.full(len(at), max(1, round(300 / period)) * reports), "lost_reports": 0, "clumps": 0,
                    "clumped_presses": 0, "stalls": 0, "jiggle_period_s": np.round(wobble, 2),
                    "jiggle_spread": np.round(spread * (0.8 + 0.4 * at.share("spread")), 4),
                    "jiggle_reports": reports, "jiggle_shape": shape,
                    "move_gap_ms": 100.0 if reports > 1 else None,
                }
            )
        )  # fmt: skip
    return found


def _spelled(at: Events, process: str) -> pa.Array:
    """A program's name, without ending where it is not Windows."""
    windows_there = pa.array(at.of(at.chunk.of(at.chunk.world.platform)) == 0)
    return pc.if_else(windows_there, pa.scalar(process), pa.scalar(process.removesuffix(".exe")))


def hooks(chunk: Chunk) -> pa.Array:
    """Rows of ``input_hooks``: programs that make input; a meeting's client does where a colleague takes over too."""
    covered = chunk.feed("process", chunk.world.parameters.process_feed)[:, None]
    over = chunk.has("pair-programming") & ~chunk.driven & chunk.world.dice.whether("takes over", 0.4, chunk.at)
    parts = []
    for process, has, rate in (
        ("mousejiggler.exe", chunk.has("jiggler-software"), 1.0),
        ("anydesk.exe", chunk.hand("anydesk", "two-tools"), 1.0),
        ("remoting_desktop.exe", chunk.hand("chrome-remote-desktop"), 1.0),
        ("teamviewer_desktop.exe", chunk.hand("teamviewer"), 1.0),
        ("rustdesk.exe", chunk.hand("rustdesk"), 1.0),
        ("zoom.exe", chunk.hand("zoom-control", "arp-bus"), 1.0),
        ("zoom.exe", over, 0.3),
        ("autohotkey.exe", chunk.has("accommodation"), 1.0),
    ):
        at = events(
            chunk,
            f"hook {process} {rate}" if rate < 1 else f"hook {process}",
            rate,
            has[:, None] & chunk.worked & covered,
            routine=False,
        )
        parts.append(
            json_lines(
                {
                    "device_id": at.names(),
                    "ts": at.iso(),
                    "process": _spelled(at, process),
                    "kind": "injects",
                    "enabled": True,
                    "events": 50 + at.whole("made", 5000),
                }
            )
        )
    return concatenated(parts)
