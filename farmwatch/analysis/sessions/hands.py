"""What timing alone says of a device's flows: the ``hands`` table.

For each flow with a series: features, the role they speak for, the loop to the far program and back, whether that is
beyond the transport (a relay), and how many input events there were. Flows of one far end at the same time are looked
at together where none of them alone shows a role: control and media apart, or traffic split on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.sessions.cross_layer import BEYOND_MS, cross_layer
from farmwatch.analysis.sessions.features import FEATURES, Behaviour, behaviour, feature_values
from farmwatch.analysis.sessions.flow_series import DeviceSeries, device_series, merged, sharing
from farmwatch.analysis.sessions.hand import Hand
from farmwatch.analysis.sessions.key_count import count_keys
from farmwatch.analysis.sessions.loop import Loop
from farmwatch.analysis.sessions.named import endpoint
from farmwatch.analysis.sessions.role_model import RoleModel, load_role_model
from farmwatch.records import ABSENT, DeviceFlow, HandFlow, Rows, Table, Tables

__all__ = [
    "CLOCK",
    "EFFECT",
    "FEW_SIZES",
    "LEAST_EVENTS",
    "TUNNELS",
    "TYPED",
    "Measured",
    "hands",
    "is_long_enough",
    "measured_flows",
    "person_loop",
    "relay_of",
]

LEAST_EVENTS = 30  #: input events below which no role is named: fewer have no pace
CLOCK = 0.5  #: share of gaps that are one interval; nobody's hand comes near it
EFFECT = 0.1  #: of the input that chance leaves open, what must be followed by something leaving: a hand has effects
TYPED = 0.4  #: share of gaps that keys have; requests of programs and of readers stay below
FEW_SIZES = 0.5  #: share of the three commonest sizes of input; tools stay above 0.6, media calls below 0.45
_LEAST_MESSAGES = 40  #: each way together; below it nothing is measured
_LEAST_SECONDS = 5.0
_HERE_MS = 0.5
_LEAST_ROUND_TRIPS = 3  #: a single one may have waited for a program to start
_LEAST_WORK = 10  #: input events before a loop is a person's: keep-alives are answered as well
_LEVEL_MS = 10.0  #: a loop within this of the transport has no relay in it
_ROUGH = 0.25  #: share of the transport by which a loop through decoding may exceed it without a relay
_PAIRS = {"rfb": True, "rdp": True, "ssh": False}  #: whether a protocol sends presses and releases apart
TUNNELS = frozenset({"ssh", "wireguard", "openvpn"})  #: protocols that carry other connections inside
_PERSON_SHARE = 0.3  #: of the best loop's answers that the longest one must have to be the person's


@dataclass(frozen=True, slots=True)
class _Judged:
    series: DeviceSeries
    found: Behaviour
    values: NDArray[np.float64]  #: its features
    controlled: float
    controlling: float


Measured: TypeAlias = Mapping[int, tuple[DeviceSeries, Behaviour]]  #: by row of the device's flows


def measured_flows(tables: Tables, flows: Table[DeviceFlow]) -> dict[int, tuple[DeviceSeries, Behaviour]]:
    """Measure every flow whose series is long enough: the costly part, done once for all that look at timing.

    Args:
        tables: with ``series`` and ``series_flows``.
        flows: of all devices.
    """
    every = [one for one in device_series(flows, tables) if is_long_enough(one)]
    return {one.rows[0]: (one, _behaviour(one, flows)) for one in every}


def hands(flows: Table[DeviceFlow], measured: Measured, model: RoleModel | None = None) -> Table[HandFlow]:
    """What the timing of each measured flow says.

    Args:
        flows: of all devices.
        measured: what :func:`measured_flows` made of them.
        model: of roles; the shipped one where left out.
    """
    model = model or load_role_model()
    every = [one for one, _ in measured.values()]
    of_row = {one.series.rows[0]: one for one in _judge(list(measured.values()), model)}
    groups = [
        group for group in sharing(flows, every) if not any(_is_decided(of_row[one.rows[0]], model) for one in group)
    ]
    wholes = [merged(group) for group in groups]
    for group, whole in zip(groups, _judge([(one, _behaviour(one, flows)) for one in wholes], model), strict=True):
        # One channel may show the hand and another its effect, so the surer of both views counts.
        members = [of_row[one.rows[0]] for one in group]
        sure = replace(
            whole,
            controlled=max(one.controlled for one in (whole, *members)),
            controlling=max(one.controlling for one in (whole, *members)),
        )
        if _is_decided(sure, model):
            for one in members:
                del of_row[one.series.rows[0]]
            of_row[sure.series.rows[0]] = sure
    rows: Rows[HandFlow] = Rows(HandFlow)
    for _, one in sorted(of_row.items()):
        rows.add(**_row(one, flows, model))
    return rows.table()


def is_long_enough(one: DeviceSeries) -> bool:
    """Whether a series has enough messages and time to be measured."""
    return len(one) >= _LEAST_MESSAGES and float(one.times_s[-1] - one.times_s[0]) >= _LEAST_SECONDS


def _behaviour(one: DeviceSeries, flows: Table[DeviceFlow]) -> Behaviour:
    transport_s = (_transport(one, flows) or 0.0) / 1e3
    return behaviour(one.times_s, one.out, one.sizes, datagrams=one.datagrams, transport_s=transport_s)


def _judge(every: Sequence[tuple[DeviceSeries, Behaviour]], model: RoleModel) -> list[_Judged]:
    if not every:
        return []
    values = np.array([feature_values(found) for _, found in every])
    standard = model.standard(values)
    chances = zip(model.controlled.probability(standard), model.controlling.probability(standard), strict=True)
    return [
        _Judged(one, found, own, float(driven), float(driving))
        for (one, found), own, (driven, driving) in zip(every, values, chances, strict=True)
    ]


def _is_decided(one: _Judged, model: RoleModel) -> bool:
    return _role(one, model) != "unclear"


def _role(one: _Judged, model: RoleModel) -> str:
    into, out = one.found.into.hand, one.found.out.hand
    driven = one.controlled >= model.threshold and one.controlling < model.threshold
    if driven and _is_human(into) and one.found.response >= EFFECT:
        return "controlled"
    driving = one.controlling >= model.threshold and one.controlled < model.threshold
    if driving and _is_human(out) and one.found.far_response >= EFFECT:
        return "controlling"
    return "unclear"


def _is_human(hand: Hand) -> bool:
    """Whether there is enough input, of few sizes as a tool's messages are, in bursts, and no clock."""
    enough = len(hand.events_s) + hand.sweeps >= LEAST_EVENTS
    return enough and hand.regular <= CLOCK and hand.few_sizes >= FEW_SIZES and hand.typed >= TYPED


def _row(one: _Judged, flows: Table[DeviceFlow], model: RoleModel) -> dict[str, Any]:
    rows = np.array(one.series.rows)
    main = int(rows[np.argmax(flows["bytes_out"][rows] + flows["bytes_in"][rows])])
    role = _role(one, model)
    side = one.found.out if role == "controlling" else one.found.into
    transport = _transport(one.series, flows)
    protocol = str(flows["protocol"][main])
    ssh, pairs = protocol == "ssh", _PAIRS.get(protocol)
    # A device that drives something has loops too, but of its own requests: they tell nothing of a person.
    loops = [loop for loop in one.found.loops if not (ssh and _is_own_end(loop, transport))]
    worked = role == "controlled" or len(side.hand.events_s) + side.hand.sweeps >= _LEAST_WORK
    loop = person_loop(loops) if role != "controlling" and worked else None
    relayed, reason = relay_of(loop, transport, one, role)
    if relayed == 0 and protocol in TUNNELS:
        relayed, reason = None, ""  # what answers may be the tunnel's own end
    times = (one.series.times_s[[0, -1]] * 1e9).astype(np.int64)
    return {
        "device_id": flows["device_id"][main],
        "input": int(flows["input"][main]),
        "flow": int(flows["flow"][rows].min()),
        "members": ",".join(map(str, sorted(flows["flow"][rows].tolist()))),
        "start": int(times[0]),
        "end": int(times[1]),
        "proto": flows["proto"][main],
        "local": endpoint(flows["local_h"][main], flows["local_p"][main]),
        "remote": endpoint(flows["remote_h"][main], flows["remote_p"][main]),
        "remote_h": flows["remote_h"][main],
        "remote_scope": flows["remote_scope"][main],
        "first_packet": int(flows["first_packet"][rows].min()),
        "last_packet": int(flows["last_packet"][rows].max()),
        "bytes_out": int(flows["bytes_out"][rows].sum()),
        "bytes_in": int(flows["bytes_in"][rows].sum()),
        "role": role,
        "controlled_p": one.controlled,
        "controlling_p": one.controlling,
        "why": _why(one, model, role) if role != "unclear" else "",
        "events": len(side.hand.events_s),
        "sweeps": side.hand.sweeps,
        "presses": None
        if pairs is None or role == "unclear"
        else count_keys(side.times_s, side.sizes, side.hand, pairs=pairs),
        "response": one.found.response,
        "response_ms": None if np.isnan(one.found.response_s) else one.found.response_s * 1e3,
        "loop_rtt_ms": loop.rtt_ms if loop else None,
        "loop_low_ms": loop.low_ms if loop else None,
        "loop_high_ms": loop.high_ms if loop else None,
        "loop_least_ms": loop.least_ms if loop else None,
        "loop_samples": loop.samples if loop else 0,
        "loops": len(loops),
        "upper_bound": loop.upper_bound if loop else False,
        "mixed": loop.mixed if loop else False,
        "no_loop": "" if loop else _no_loop(one, role),
        "transport_rtt_ms": transport,
        "relayed": relayed if relayed is not None else ABSENT,
        "relay_reason": reason,
        "cut": one.series.cut,
    }


def _transport(one: DeviceSeries, flows: Table[DeviceFlow]) -> float | None:
    """Least round trip of the transport of a session's flows, in milliseconds."""
    rows = np.array(one.rows)
    timed = flows["rtt_samples"][rows] >= _LEAST_ROUND_TRIPS
    # Nothing on the internet answers in half a millisecond: that is the host of a virtual machine, or a proxy on it.
    timed &= (flows["remote_scope"][rows] != "public") | (flows["rtt_ms"][rows] >= _HERE_MS)
    found = flows["rtt_ms"][rows][timed]
    return float(np.nanmin(found)) if not np.isnan(found).all() else None


def _is_own_end(loop: Loop, transport_ms: float | None) -> bool:
    """Whether a loop is SSH's own: its ends grant each other window by messages that pass no further."""
    return transport_ms is not None and loop.rtt_ms - transport_ms <= max(_LEVEL_MS, 0.2 * transport_ms)


def person_loop(loops: Sequence[Loop]) -> Loop | None:
    """The loop that reaches farthest among those with a fair share of the answers.

    Inside a tunnel the kernel at the tunnel's other end answers too, and sooner; whatever answers by itself is at
    least as far as its loop says, so the longest one ends nearest to the person.
    """
    if not loops:
        return None
    if all(loop.mixed for loop in loops):  # weak ones: the likeliest, since the longest may be a chance
        return max(loops, key=lambda loop: loop.samples)
    least = _PERSON_SHARE * max(loop.samples for loop in loops)
    return max((loop for loop in loops if loop.samples >= least), key=lambda loop: loop.rtt_ms)


def relay_of(loop: Loop | None, transport_ms: float | None, one: _Judged, role: str) -> tuple[int | None, str]:
    """Whether a relay stands between, and what says so; ``None`` where nothing does."""
    if transport_ms is None or role == "controlling":
        return None, ""
    if loop is None:
        return _relay_without_loop(one, transport_ms) if role == "controlled" else (None, "")
    shown = f"loop {loop.rtt_ms:.0f} ms ({loop.low_ms:.0f}-{loop.high_ms:.0f}), transport {transport_ms:.0f} ms"
    least = 2 * max(2 * BEYOND_MS, _ROUGH * transport_ms) if loop.upper_bound or loop.mixed else BEYOND_MS
    # The quickest answers count: on a line with queues the usual one is late without any relay.
    if min(loop.low_ms, loop.least_ms) - transport_ms >= least:
        return 1, shown
    return (0 if loop.rtt_ms - transport_ms <= _LEVEL_MS else None), shown


def _relay_without_loop(one: _Judged, transport_ms: float) -> tuple[int | None, str]:
    test = cross_layer(one.found.into.times_s, one.found.out.runs, transport_ms)
    if test is None or test.decision == "undecided":
        return None, ""
    way = f"{test.windows} windows put the answer at about {test.lag_ms:.0f} ms (transport {transport_ms:.0f} ms)"
    return int(test.decision == "relayed"), f"{way}; sequential test, {test.factor:.2g} to 1"


def _no_loop(one: _Judged, role: str) -> str:
    """Why no loop was measured, in words."""
    if role == "controlling":
        return "the device drives the far end: what comes back answers the person here"
    if role != "controlled" and len(one.found.into.hand.events_s) + one.found.into.hand.sweeps < _LEAST_WORK:
        return "hardly any input comes in"
    if len(one.found.out.runs) < 10:
        return "too little leaves the device for the far end to answer"
    best = max(one.found.into.classes, key=lambda found: found.z, default=None)
    if best is None:
        return "nothing of one size comes in often enough to be an automatic answer"
    if one.found.datagrams:
        return (
            "no datagrams of one size come in at a fixed time after what left; media sessions answer by their own clock"
        )
    return (
        "nothing comes in at a fixed time after what left: the far program does not answer by itself, or a relay holds"
        " answers back"
    )


def _why(one: _Judged, model: RoleModel, role: str) -> str:
    shown = dict(zip(model.features, one.values.tolist(), strict=True))
    return "; ".join(f"{FEATURES[name][0]} {shown[name]:.2f}" for name, _ in model.terms(one.values, role))
