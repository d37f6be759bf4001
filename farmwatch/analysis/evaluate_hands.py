"""How well timing alone decides who drives whom, and how far the hand is, on labelled flows.

Each capture is judged by the coefficients that were made without its tool or activity, so that every number is for
tools never seen. Bars are those the project set itself; a row that misses its bar says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.assess import conclude, derive
from farmwatch.analysis.flow_truth import FlowTruth
from farmwatch.analysis.sessions.hands import LEAST_EVENTS
from farmwatch.analysis.sessions.role_model import load_role_model
from farmwatch.collectors.captures import collect_capture
from farmwatch.engine import executor, ordered
from farmwatch.errors import SourceError
from farmwatch.knowledge import load_knowledge
from farmwatch.records import HandFlow, Level, SteppingStone

__all__ = ["Bar", "FlowResult", "bars", "evaluate_hands", "upper_bound"]

_PADS = frozenset({"mosh"})  #: pad every datagram by a random number of bytes, which sizes cannot see through
_RFB = ("tigervnc", "tigervnc-tls", "x11vnc", "novnc")
_TUNNELS = ("wireguard", "wireguard-operator", "openvpn-udp", "openvpn-tcp", "openvpn", "ssh-R")
_ABOVE_CLEAR = (Level.REVIEW, Level.STRONG)


@dataclass(frozen=True, slots=True)
class FlowResult:
    """What became of one labelled flow, or of all unlabelled flows of a capture (``truth.role`` none)."""

    truth: FlowTruth
    found: HandFlow | None  #: the row of the labelled flow
    flows: int  #: flows, or groups of them, that were measured
    accused: int  #: flows of the capture called controlled that are not
    abroad: bool  #: some device's ``abroad`` is above clear
    stones: int  #: stepping stones found in the capture


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the table."""

    what: str
    bar: str
    measured: str
    count: int  #: of flows behind it
    holds: bool | None  #: ``None`` where there was nothing to measure


def evaluate_hands(
    labels: Sequence[FlowTruth], *, jobs: int = 1, progress: Callable[[int, int], None] | None = None
) -> list[FlowResult]:
    """Judge every labelled capture, in order of the files.

    Raises:
        SourceError: a capture cannot be read: flows that nobody looked at must not count as judged well.
    """
    captures: dict[Path, list[FlowTruth]] = {}
    for label in labels:
        captures.setdefault(label.path, []).append(label)
    parts = [list(captures.values())[start : start + 4] for start in range(0, len(captures), 4)]
    found: list[FlowResult] = []
    done = 0
    with executor(jobs, len(parts)) as runner:
        for part, results in zip(parts, ordered(runner, _judge, [(part,) for part in parts]), strict=True):
            found.extend(results)
            done += len(part)
            if progress is not None:
                progress(done, len(captures))
    return found


def _judge(captures: Iterable[Sequence[FlowTruth]]) -> list[FlowResult]:
    return [result for truths in captures for result in _judge_one(truths)]


def _judge_one(truths: Sequence[FlowTruth]) -> list[FlowResult]:
    knowledge, profile = load_knowledge(), truths[0].profile()
    tables = collect_capture(truths[0].path, 0, name=truths[0].file).tables
    every, hosts = derive(tables, knowledge, profile, load_role_model(truths[0].tool or truths[0].scenario))
    report = conclude(every, hosts, knowledge, profile, version="")
    if report.inputs[0].error:
        raise SourceError(str(truths[0].path), 0, f"labelled, and not a readable capture: {report.inputs[0].error}")
    rows = list(every[HandFlow].rows())
    own = [(truth, [row for row in rows if truth.fits(row.local, row.remote)]) for truth in truths]
    driven = {id(row) for truth, found in own if truth.role == "controlled" for row in found}
    accused = sum(row.role == "controlled" and id(row) not in driven for row in rows)
    abroad = any(device.assessment.abroad.level in _ABOVE_CLEAR for device in report.devices)
    flows, stones = len(rows), int(every[SteppingStone]["stone"].sum())
    return [
        FlowResult(truth, max(found, key=_telling, default=None), flows, accused, abroad, stones)
        for truth, found in own
    ]


def _telling(row: HandFlow) -> tuple[bool, float, int]:
    """The flow of a session that says most: control and media share a far end."""
    return row.role != "unclear", max(row.controlled_p, row.controlling_p), row.events


def upper_bound(errors: int, trials: int) -> float:
    """Upper 95 % bound of an error rate (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    return 1.0 if errors >= trials else float(beta.ppf(0.95, errors + 1, trials - errors))


def bars(results: Sequence[FlowResult]) -> list[Bar]:
    """What must hold, and what was measured, a line each."""
    plain = [one for one in results if one.truth.vantage == "laptop" and not one.truth.evasion]
    return [
        *_roles(plain),
        *_loops(plain),
        *_relays(plain),
        *_tunnels(plain),
        *_evasions([one for one in results if one.truth.vantage == "laptop" and one.truth.evasion]),
        *_stones([one for one in results if one.truth.vantage == "laptop"]),
        *_keys(plain),
    ]


def _enough(one: FlowResult) -> bool:
    """Whether at least thirty input events reached the laptop, or left it, by the person's own log."""
    inputs = sum(one.truth.number(name) or 0 for name in ("keys", "clicks"))
    return inputs >= LEAST_EVENTS


def _share(what: str, bar: str, hits: int, count: int, least: float) -> Bar:
    return Bar(what, bar, f"{hits / count:.3f} ({hits} of {count})" if count else "-", count,
               hits >= least * count if count else None)  # fmt: skip


def _none_of(what: str, errors: int, count: int) -> Bar:
    measured = f"{errors} (95 % bound {100 * upper_bound(errors, count):.2g} %)" if count else "-"
    return Bar(what, "0", measured, count, errors == 0 if count else None)


def _limit(what: str, bar: str, measured: float, count: int, holds: bool) -> Bar:
    return Bar(what, bar, f"{measured:.1f}", count, bool(holds))


def _roles(plain: Sequence[FlowResult]) -> list[Bar]:
    driven = [one for one in plain if one.truth.role == "controlled" and _enough(one)]
    mirror = [one for one in plain if one.truth.role == "controlling"]
    lawful = [one for one in plain if one.truth.group == "lawful"]
    captures = {one.truth.path: one for one in plain}
    found = [one.found is not None and one.found.role == "controlled" for one in driven]
    padded = [one.truth.tool in _PADS for one in driven]
    bare = [named for named, pads in zip(found, padded, strict=True) if not pads]
    turned = sum(one.found is not None and one.found.role == "controlled" for one in mirror)
    named = sum(one.found is not None and one.found.role == "controlling" for one in mirror)
    return [
        _share("role controlled, tool never seen", ">= 0.95", sum(bare), len(bare), 0.95),
        Bar(
            "the same of tools that pad at random", "-", f"{sum(found) - sum(bare)} of {sum(padded)}", sum(padded), None
        ),
        Bar("all of these together", "-", f"{sum(found) / max(1, len(found)):.3f}", len(found), None),
        _none_of("controlling called controlled", turned, len(mirror)),
        Bar("controlling named as such", "-", f"{named} of {len(mirror)}", len(mirror), None),
        _none_of("help desk called abroad", sum(one.abroad for one in lawful), len(lawful)),
        _none_of(
            "any other flow called controlled",
            sum(one.accused for one in captures.values()),
            sum(one.flows for one in captures.values()),
        ),
    ]


def _errors(chosen: Sequence[FlowResult]) -> NDArray[np.float64]:
    """Measured loop minus the true one in milliseconds, where both exist."""
    pairs = [(one.found.loop_rtt_ms, one.truth.number("loop_rtt_ms")) for one in chosen if one.found is not None]
    return np.array([loop - truth for loop, truth in pairs if loop is not None and truth is not None])


def _quiet(one: FlowResult, most: float = 10.0) -> bool:
    return (one.truth.number("jitter_ms") or 0.0) <= most


def _loops(plain: Sequence[FlowResult]) -> list[Bar]:
    sharp = [one for one in plain if one.truth.tool in _RFB and _is_driven(one) and _quiet(one) and _bare(one)]
    rough = [one for one in plain if one.truth.tool not in _RFB and _is_driven(one) and _bare(one)]
    errors, others = _errors(sharp), _errors(rough)
    truth = np.array(
        [one.truth.number("loop_rtt_ms") or np.nan for one in rough if one.found and one.found.loop_rtt_ms is not None
         and one.truth.number("loop_rtt_ms") is not None]
    )  # fmt: skip
    found = sum(one.found is not None and one.found.loop_rtt_ms is not None for one in sharp)
    lines = [_share("loop found, VNC tools", "-", found, len(sharp), 0.0)]
    if len(errors):
        middle, most = np.median(np.abs(errors)), np.percentile(np.abs(errors), 95)
        lines += [
            _limit("loop RTT, VNC tools: median error, ms", "<= 3", middle, len(errors), middle <= 3),
            _limit("loop RTT, VNC tools: 95th percentile, ms", "<= 8", most, len(errors), most <= 8),
        ]
    if len(others):
        relative, lowest = 100 * np.median(np.abs(others) / truth), others.min()
        lines += [
            _limit("loop RTT, other tools: furthest below truth, ms", ">= -5", lowest, len(others), lowest >= -5),
            _limit("loop RTT, other tools: median error, %", "<= 15", relative, len(others), relative <= 15),
        ]
    return lines


def _is_driven(one: FlowResult) -> bool:
    return one.truth.role == "controlled"


def _bare(one: FlowResult) -> bool:
    return one.truth.way not in _TUNNELS


def _relays(plain: Sequence[FlowResult]) -> list[Bar]:
    driven = [
        one for one in plain if _is_driven(one) and one.found is not None and one.found.loop_rtt_ms is not None
        and one.found.transport_rtt_ms is not None and _bare(one) and not one.found.upper_bound
    ]  # fmt: skip
    direct = [one for one in driven if one.truth.way == "direct"]
    relayed = [one for one in driven if one.truth.way != "direct" and (one.truth.number("far_ms") or 0) >= 20]
    near = sum(
        abs((one.found.loop_rtt_ms or 0) - (one.found.transport_rtt_ms or 0)) <= 5 for one in direct if one.found
    )
    called = sum(one.found is not None and one.found.relayed == 0 for one in direct)
    through = sum(one.found is not None and one.found.relayed == 1 for one in relayed)
    return [
        _share("direct: loop within 5 ms of transport", "all", near, len(direct), 1.0),
        _share("direct called direct", ">= 0.98", called, len(direct), 0.98),
        _share("relayed (far leg from 20 ms) called relayed", "-", through, len(relayed), 0.0),
    ]


def _tunnels(plain: Sequence[FlowResult]) -> list[Bar]:
    inside = [one for one in plain if _is_driven(one) and not _bare(one) and _enough(one)]
    named = sum(one.found is not None and one.found.role == "controlled" for one in inside)
    errors = np.abs(_errors([one for one in inside if _quiet(one)]))
    return [
        _share("role inside WireGuard, OpenVPN, ssh -R", ">= 0.9", named, len(inside), 0.9),
        _share("loop inside them within 10 ms", "all", int((errors <= 10).sum()), len(errors), 1.0),
    ]


def _evasions(evasive: Sequence[FlowResult]) -> list[Bar]:
    """A line per evasion: how often a role is still named, and confident wrong loops."""
    lines = []
    for evasion in sorted({one.truth.evasion for one in evasive}):
        own = [one for one in evasive if one.truth.evasion == evasion]
        named = sum(one.found is not None and one.found.role == "controlled" for one in own)
        wrong = sum(_is_sure_and_wrong(one) for one in own)
        measured = f"{wrong}; role named {named} of {len(own)}"
        lines.append(Bar(f"evasion {evasion}: confident wrong loops", "0", measured, len(own), wrong == 0))
    return lines


def _is_sure_and_wrong(one: FlowResult) -> bool:
    """Whether the true loop lies more than 10 ms outside the interval of a number without reservations."""
    truth, found = one.truth.number("loop_rtt_ms"), one.found
    if found is None or truth is None or found.loop_low_ms is None or found.loop_high_ms is None:
        return False
    sure = not found.mixed and not found.upper_bound
    return sure and not found.loop_low_ms - 10 <= truth <= found.loop_high_ms + 10


def _stones(results: Sequence[FlowResult]) -> list[Bar]:
    captures = {one.truth.path: one for one in results}.values()
    stones = [one for one in captures if one.truth.group == "stepping"]
    others = [one for one in captures if one.truth.group != "stepping"]
    return [
        _share("stepping stone found, clean", ">= 0.95", sum(one.stones > 0 for one in stones), len(stones), 0.95),
        _none_of("captures without one that show one", sum(one.stones > 0 for one in others), len(others)),
    ]


def _keys(plain: Sequence[FlowResult]) -> list[Bar]:
    typed = [
        one for one in plain if one.truth.role in {"controlled", "controlling"} and one.found is not None
        and one.truth.tool in (*_RFB, "ssh", "ssh-typing") and _bare(one)
        and (one.truth.number("keys") or 0) >= LEAST_EVENTS
    ]  # fmt: skip
    chosen = [one for one in typed if one.found is not None and one.found.presses]
    off = np.array([abs((one.found.presses or 0) / (one.truth.number("keys") or 1) - 1) for one in chosen if one.found])
    return [
        _share("key count within 15 %, VNC and SSH", "all", int((off <= 0.15).sum()), len(off), 1.0),
        Bar("where keys can be told apart at all", "-", f"{len(chosen)} of {len(typed)}", len(typed), None),
    ]
