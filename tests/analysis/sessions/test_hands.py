"""The table of hands: roles from timing alone, and never the wrong one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from farmwatch.analysis.sessions.features import FEATURES
from farmwatch.analysis.sessions.hands import LEAST_EVENTS, hands, measured_flows, person_loop
from farmwatch.analysis.sessions.loop import Loop
from farmwatch.analysis.sessions.role_model import Classifier, RoleModel
from farmwatch.records import ABSENT, DeviceFlow, Tables
from tests.analysis.sessions.screens import Seen, screen, shell, tables, video
from tests.lab.hand.simulated import typist

NEAR = {"rtt_ms": 12.0, "rtt_samples": 40}


def judged(*flows):
    """The rows of these flows."""
    run = tables(*flows)
    return list(hands(run[DeviceFlow], measured_flows(run, run[DeviceFlow])).rows())


@pytest.mark.parametrize("dialled", [0, 1])
@pytest.mark.parametrize("rtt_ms", [15, 70, 210])
def test_a_driven_screen_and_its_mirror_image(rtt_ms, dialled):
    """Controlled at the screen with the loop; at the viewer controlling or unclear, whoever opened the connection."""
    for seed in range(4):
        at_screen, at_viewer = screen(seed, rtt_ms, jitter_ms=4)
        at = {"local_side": dialled}
        driven, driving = judged((at_screen, NEAR | at), (at_viewer, {"rtt_ms": rtt_ms - 3.0, "rtt_samples": 9} | at))
        assert driven.role == "controlled"
        assert driven.loop_rtt_ms == pytest.approx(rtt_ms, abs=3)
        assert driven.loop_low_ms <= driven.loop_rtt_ms <= driven.loop_high_ms
        assert driven.loop_least_ms == pytest.approx(rtt_ms, abs=5)
        assert driven.no_loop == ""
        assert driven.events + driven.sweeps >= LEAST_EVENTS
        assert driving.role in {"controlling", "unclear"}
        assert driving.controlled_p < 0.5
        assert (driving.relayed, driving.relay_reason) == (None, "")


def test_any_screen_whose_directions_are_swapped_is_not_driven():
    """The same messages the other way round: no role is kept."""
    for seed in range(6):
        (row,) = judged((screen(seed, 90, jitter_ms=4)[0].mirrored(), NEAR))
        assert row.role != "controlled"


@pytest.mark.parametrize(
    ("rtt_ms", "transport", "relayed"), [(12, 12.0, 0), (90, 12.0, 1), (200, 150.0, 1), (18, 12.0, 0), (25, 12.0, None)]
)
def test_a_loop_beyond_the_transport_is_a_relay(rtt_ms, transport, relayed):
    """Level with the transport direct, 15 ms beyond relayed, between them nothing is said."""
    (row,) = judged((screen(41, rtt_ms, jitter_ms=1)[0], {"rtt_ms": transport, "rtt_samples": 9}))
    assert row.relayed == relayed
    assert f"transport {transport:.0f} ms" in row.relay_reason
    assert row.transport_rtt_ms == transport


def test_without_a_transport_nothing_is_said_of_relays():
    """No sample, or so few that a program's start may be in them."""
    at_screen, _ = screen(42, 90)
    for columns in ({}, {"rtt_ms": 12.0, "rtt_samples": 2}):
        (row,) = judged((at_screen, columns))
        assert (row.relayed, row.transport_rtt_ms) == (None, None)
        assert row.loop_rtt_ms == pytest.approx(90, abs=3)


@pytest.mark.parametrize("protocol", ["ssh", "wireguard", "openvpn"])
def test_a_tunnel_whose_own_end_answers_is_not_called_direct(protocol):
    """What answers at the transport's distance may be the tunnel's end and not the person's program."""
    (row,) = judged((screen(43, 14, jitter_ms=1)[0], NEAR | {"protocol": protocol}))
    assert row.relayed is None
    (far,) = judged((screen(43, 140, jitter_ms=1)[0], NEAR | {"protocol": protocol}))
    assert far.relayed == 1


def test_a_shell_into_the_device_is_driven_without_a_loop():
    """Plain SSH echoes and answers nothing: the role is named, the lack of a loop explained, keys counted."""
    for seed in range(3):
        seen = shell(seed)
        (row,) = judged((seen, NEAR | {"protocol": "ssh"}))
        (away,) = judged((seen.mirrored(), NEAR | {"protocol": "ssh"}))
        assert row.role == "controlled"
        assert row.loop_rtt_ms is None
        assert row.no_loop
        assert row.presses == pytest.approx((~seen.out).sum(), rel=0.05)
        assert away.role in {"controlling", "unclear"}


def beats(every, count, size, phase=0.0, jitter=0.001, seed=0):
    times = phase + np.arange(count) * every + np.random.default_rng([seed, 44]).normal(0, jitter, count)
    return np.sort(times), np.full(count, size)


def download(rng):
    asked = np.sort(rng.uniform(0, 120, 60))
    came = np.sort(np.repeat(asked, 30) + rng.uniform(0.03, 0.2, 1800))
    return Seen.of((came, np.full(1800, 1448)), (asked, rng.integers(90, 600, 60)))


def call(rng):
    ways = [np.sort(np.arange(3000) * 0.02 + rng.normal(0, 0.003, 3000)) for _ in range(2)]
    return Seen.of(*((way, np.where(rng.random(3000) < 0.5, rng.integers(60, 160, 3000), rng.integers(700, 1200, 3000)))
                     for way in ways))  # fmt: skip


OTHERS = {
    "heartbeat": lambda _: Seen.of(beats(5.0, 200, 40, 0.03), beats(5.0, 200, 40)),
    "two clocks": lambda _: Seen.of(beats(1.0, 300, 30, 0.4, seed=1), beats(1.0, 300, 35, seed=2)),
    "ticker coming in": lambda _: Seen.of(beats(0.25, 900, 80), beats(15.0, 15, 6)),
    "ticker going out": lambda _: Seen.of(beats(15.0, 15, 6), beats(0.25, 900, 80)),
    "polling": lambda _: Seen.of(beats(0.5, 400, 300, 0.08), beats(0.5, 400, 120)),
    "constant rate": lambda _: Seen.of(beats(0.02, 3000, 200, 0.01, 0.0002), beats(0.02, 3000, 200, 0, 0.0002)),
    "film coming in": lambda _: video(46, 40).mirrored(),
    "download": download,
    "call": call,
    "call as datagrams": call,
    "random chatter": lambda rng: Seen.of(*((np.sort(rng.uniform(0, 300, 400)), rng.integers(30, 250, 400))
                                            for _ in range(2))),
    "typing that nothing follows": lambda rng: Seen.of(
        (typist(rng, 120), np.full(len(typist(np.random.default_rng(47), 120)), 36)), beats(1.0, 120, 60)),
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_hand_is_never_called_controlled(kind):
    """Timers, streams, downloads, calls: no device is driven over any of them, nor over their mirror image."""
    rng = np.random.default_rng(47)
    seen = OTHERS[kind](rng)
    proto = {"proto": "udp" if "datagrams" in kind else "tcp"} | NEAR
    for row in judged((seen, proto), (seen.mirrored(), proto)):
        assert row.role != "controlled", f"{row.why} ({row.controlled_p:.2f})"


def test_few_events_have_no_role():
    """Whatever the model says, nobody is named for fewer than thirty inputs."""
    at_screen, _ = screen(48, 60)
    came = np.flatnonzero(~at_screen.out & (at_screen.sizes != 10))
    for kept in (12, 24):
        chosen = at_screen.out | (at_screen.sizes == 10)
        chosen[came[:: max(1, len(came) // kept)][:kept]] = True
        (row,) = judged((Seen(at_screen.times_s[chosen], at_screen.out[chosen], at_screen.sizes[chosen]), NEAR))
        assert row.events + row.sweeps < LEAST_EVENTS
        assert row.role == "unclear"


def sure_of(controlled, controlling):
    """A model that says the same of every flow."""
    nothing = np.zeros(len(FEATURES))
    chances = [Classifier(nothing, bias, (1.0, 0.0), 10.0) for bias in (controlled, controlling)]
    return RoleModel("0", tuple(FEATURES), nothing, nothing + 1, *chances, 0.9)


def driven_by_keys(times, sizes=36, echo=0.01):
    """Input at these seconds, each echoed so much later, or by nothing of the kind."""
    rng = np.random.default_rng(53)
    out = np.sort(times + echo + rng.uniform(0, 0.02, len(times))) if echo else np.sort(rng.uniform(0, 9000, 300))
    return Seen.of((times, np.broadcast_to(sizes, len(times))), (out, np.full(len(out), 300)))


TYPED = typist(np.random.default_rng(54), 60)


@pytest.mark.parametrize(
    ("seen", "role"),
    [
        (driven_by_keys(TYPED), "controlled"),
        (driven_by_keys(TYPED[:26]), "unclear"),
        (driven_by_keys(np.arange(200) * 0.3 + np.random.default_rng(55).normal(0, 0.005, 200)), "unclear"),
        (driven_by_keys(np.cumsum(np.random.default_rng(56).uniform(0.6, 4.0, 200))), "unclear"),
        (driven_by_keys(TYPED, echo=None), "unclear"),
        (driven_by_keys(TYPED, 20 + np.arange(len(TYPED)) % 90), "unclear"),
    ],
    ids=["a hand", "too few", "a clock", "no bursts", "nothing follows", "many sizes"],
)
def test_the_surest_model_names_no_role_without_a_hand(seen, role):
    """Whatever its coefficients: enough events, not of a clock, in bursts, with an effect, of a tool's few sizes."""
    run = tables((seen, NEAR))
    (row,) = hands(run[DeviceFlow], measured_flows(run, run[DeviceFlow]), sure_of(9, -9)).rows()
    assert row.controlled_p > 0.99
    assert row.role == role


def test_a_model_that_says_both_says_nothing():
    run = tables((driven_by_keys(TYPED), NEAR))
    (row,) = hands(run[DeviceFlow], measured_flows(run, run[DeviceFlow]), sure_of(9, 9)).rows()
    assert row.role == "unclear"


def test_short_flows_have_no_row():
    """Fewer than forty messages or five seconds are not measured."""
    at_screen, _ = screen(49, 60)
    few = Seen(at_screen.times_s[:39], at_screen.out[:39], at_screen.sizes[:39])
    quick = Seen(at_screen.times_s * 0.01, at_screen.out, at_screen.sizes)
    assert judged(few, quick) == []


def test_no_series_is_an_empty_table():
    assert len(hands(Tables()[DeviceFlow], {})) == 0


def split(seen):
    """One session over two flows: the control channel, and what leaves the screen."""
    control = ~seen.out
    keepalive = np.zeros(len(seen.times_s), bool)
    keepalive[np.flatnonzero(seen.out)[::15]] = True
    parts = (control | keepalive, seen.out & ~keepalive)
    return [Seen(seen.times_s[part], seen.out[part], seen.sizes[part]) for part in parts]


def test_control_and_media_apart_are_one_session():
    """Where no flow alone shows a role the flows of one far end are looked at together, and make one row."""
    at_screen, _ = screen(50, 80, jitter_ms=2)
    control, media = split(at_screen)
    same = NEAR | {"remote_h": "198.51.100.77"}
    alone = judged((control, NEAR), (media, NEAR))
    assert [row.role for row in alone] == ["unclear", "unclear"], "the parts show nothing by themselves"
    (row,) = judged((control, same), (media, same))
    assert (row.role, row.members, row.flow) == ("controlled", "0,1", 0)
    assert row.bytes_out == at_screen.sizes[at_screen.out].sum()
    assert row.bytes_in == at_screen.sizes[~at_screen.out].sum()
    assert row.loop_rtt_ms == pytest.approx(80, abs=3)
    assert (row.first_packet, row.last_packet) == (1, 19)


def test_a_decided_flow_is_not_mixed_with_others_of_its_far_end():
    at_screen, _ = screen(51, 80)
    same = NEAR | {"remote_h": "198.51.100.77"}
    first, second = judged((at_screen, same), (Seen.of(beats(1.0, 60, 40, 0.5), beats(1.0, 60, 40)), same))
    assert (first.role, first.members, second.role, second.members) == ("controlled", "0", "unclear", "1")


def test_rows_are_in_the_order_of_flows_and_speak_in_words():
    rows = judged(*[(screen(seed, 60)[0], NEAR) for seed in (1, 2, 3)])
    assert [row.flow for row in rows] == [0, 1, 2]
    for row in rows:
        assert row.remote.endswith(":443")
        assert row.local.startswith("10.0.0.5:")
        assert row.why.count(";") >= 2
        assert row.relay_reason.startswith("loop 60 ms")


LOOP = Loop(20.0, 19.0, 21.0, 18.5, 300, (10,), False, False, 0.9)


@pytest.mark.parametrize(("far_samples", "chosen"), [(89, 20.0), (90, 180.0), (300, 180.0)])
def test_the_persons_loop_reaches_farthest_with_a_fair_share(far_samples, chosen):
    """A tunnel's end answers sooner and more often; three answers in a thousand may be chance."""
    far = dataclasses.replace(LOOP, rtt_ms=180.0, low_ms=178.0, high_ms=182.0, samples=far_samples)
    assert person_loop([LOOP, far]).rtt_ms == chosen
    assert person_loop([]) is None


def test_absent_numbers_are_absent():
    (row,) = judged((shell(52), {}))
    assert row.relayed is None
    assert row.loop_low_ms is None
    assert row.presses is None or row.presses > 0
    run = tables((shell(52), {}))
    assert hands(run[DeviceFlow], measured_flows(run, run[DeviceFlow]))["relayed"][0] == ABSENT
