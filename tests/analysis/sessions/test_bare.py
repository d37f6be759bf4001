"""What confirms an echo is told from input, and what a person waits for is not taken for a confirmation."""

from __future__ import annotations

import numpy as np
import pytest

from farmwatch.analysis.sessions.bare import bare_answers
from farmwatch.analysis.sessions.loop import answer_classes
from farmwatch.analysis.sessions.runs import runs_of
from tests.analysis.sessions.screens import Seen, shell, typing

ACK, KEY, ECHO = 76, 99, 99  #: bytes of a tunnel's datagrams: nothing inside, a key, its echo


def bare(seen, grain=1):
    """Which incoming and which outgoing messages only confirm."""
    times, sizes = ((part[~seen.out], part[seen.out]) for part in (seen.times_s, seen.sizes))
    runs = [runs_of(*way) for way in zip(times, sizes, strict=True)]
    classes = [answer_classes(times[way], sizes[way], runs[1 - way], grain=grain) for way in (0, 1)]
    return tuple(bare_answers(classes[way], runs[way], classes[1 - way], runs[1 - way]) for way in (0, 1))


def tunnelled(seed, rtt_s=0.09, acknowledged=True):
    """A shell inside a tunnel, seen where the shell is: key in, echo out, and the confirmation of the echo in."""
    rng = np.random.default_rng([seed, 16])
    keys, _ = typing(seed, False)
    echoes = keys + rng.uniform(0.0002, 0.002, len(keys))
    confirmed = np.maximum.accumulate(echoes + rtt_s + rng.exponential(0.0005, len(keys)))
    came = np.concatenate([keys, confirmed]) if acknowledged else keys
    sizes = (
        np.concatenate([np.full(len(keys), KEY), np.full(len(keys), ACK)]) if acknowledged else np.full(len(keys), KEY)
    )
    return Seen.of((came, sizes), (echoes, np.full(len(keys), ECHO)))


@pytest.mark.parametrize("rtt_s", [0.02, 0.09, 0.3])
def test_an_echos_confirmation_is_no_input(rtt_s):
    seen = tunnelled(1, rtt_s)
    into, out = bare(seen)
    np.testing.assert_array_equal(into, seen.sizes[~seen.out] == ACK)
    assert not out.any(), "the echo is what the person waits for"


def test_the_same_at_the_other_end():
    """Where the person is, the confirmations leave."""
    seen = tunnelled(2)
    into, out = bare(seen.mirrored())
    np.testing.assert_array_equal(out, seen.sizes[~seen.out] == ACK)
    assert not into.any()


def test_an_echo_that_nothing_confirms_stays():
    """Without a tunnel keys and echoes have one size, and the echo answers what answers nothing."""
    for seen in (tunnelled(3, acknowledged=False), shell(3), tunnelled(3, acknowledged=False).mirrored()):
        into, out = bare(seen)
        assert not into.any()
        assert not out.any()


def test_a_tunnelled_shell_has_the_features_of_a_shell():
    """Events, effects and content are the same inside a tunnel and outside."""
    inside, plain = tunnelled(4).behaviour(datagrams=True), tunnelled(4, acknowledged=False).behaviour(datagrams=True)
    np.testing.assert_array_equal(inside.into.hand.events_s, plain.into.hand.events_s)
    assert (inside.response, inside.far_response) == (plain.response, plain.far_response)
    assert [loop.rtt_ms for loop in inside.loops] == pytest.approx([90], abs=2), "the loop is still seen"
    assert plain.loops == []


def test_no_messages_confirm_nothing():
    into, out = bare(Seen(np.zeros(0), np.zeros(0, bool), np.zeros(0, np.int64)))
    assert (len(into), len(out)) == (0, 0)
