from __future__ import annotations

import itertools
import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lab.link import QUEUE_S, Lane, Link
from tests.lab.net import Lab

ENDS = ("a", "tun0", "192.0.2.1"), ("b", "tun0", "192.0.2.2")


def leave(link: Link, count: int = 4000, gap: float = 0.01, size: int = 500) -> list[tuple[float, float | None]]:
    """Return (arrival, departure) of packets that come to one direction of a link, evenly spaced."""
    lane = Lane(link, 7)
    return [(number * gap, lane.due(number * gap, size)) for number in range(count)]


@pytest.mark.parametrize("law", ["exponential", "lognormal"])
def test_jitter_has_the_mean_it_was_given_and_keeps_the_order(law: str) -> None:
    """The added delay averages to ``jitter_ms``, is never negative, and no packet overtakes another."""
    passed = leave(Link(*ENDS, 20.0, 2.0, law=law), gap=0.1)
    extra = [(due - at) * 1000 - 20.0 for at, due in passed if due is not None]
    assert min(extra) > -1e-6
    assert statistics.mean(extra) == pytest.approx(2.0, rel=0.1)
    out = [due for _, due in passed]
    assert out == sorted(out)


def test_loss_drops_the_share_it_was_given() -> None:
    """Two per cent lost means that about one packet in fifty never leaves."""
    lost = [due for _, due in leave(Link(*ENDS, 5.0, loss=0.02), count=20000) if due is None]
    assert 320 < len(lost) < 480


def test_reordered_packets_are_overtaken_and_hold_nobody_back() -> None:
    """A reordered packet leaves late; all others leave exactly after the delay."""
    passed = leave(Link(*ENDS, 5.0, reorder=0.1), gap=0.0004)
    late = [due for at, due in passed if due is not None and due - at > 0.0051]
    assert 320 < len(late) < 480
    out = [due for _, due in passed]
    assert out != sorted(out)
    assert all(due == pytest.approx(at + 0.005) for at, due in passed if due is not None and due not in late)


def test_a_rate_limit_spaces_packets_and_drops_what_waits_too_long() -> None:
    """At 1 Mbit/s a packet of 500 bytes takes 4 ms; twice that rate fills the queue and the rest is dropped."""
    passed = [due for _, due in leave(Link(*ENDS, 5.0, rate_mbit=1.0), gap=0.002) if due is not None]
    gaps = [later - before for before, later in itertools.pairwise(passed)]
    assert min(gaps) == pytest.approx(0.004)
    assert len(passed) == pytest.approx(2000, abs=150)
    waits = [due - at for at, due in leave(Link(*ENDS, 5.0, rate_mbit=1.0), gap=0.002) if due is not None]
    assert max(waits) < QUEUE_S + 0.02


def test_the_same_seed_gives_the_same_link() -> None:
    """Delays and losses follow from the seed."""
    link = Link(*ENDS, 5.0, 3.0, loss=0.05)
    assert leave(link, 200) == leave(link, 200)


@pytest.mark.needs("ip", "ping")
@pytest.mark.timeout(90)
def test_a_delay_is_kept_to_well_under_a_millisecond_on_several_links(namespaces: None) -> None:
    """Four links at once: median round trip within 0.7 ms of the setting, and little waiting for the processor."""
    with Lab() as lab:
        for number in range(4):
            lab.namespace(f"a{number}")
            lab.namespace(f"b{number}")
            near, far = f"10.9.{number}.1", f"10.9.{number}.2"
            lab.delay((f"a{number}", "tun0", near), (f"b{number}", "tun0", far), 5.0 * (number + 1))

        def ping(number: int) -> list[float]:
            target = f"10.9.{number}.2"
            out = lab.run(f"a{number}", "ping", "-n", "-c", "100", "-i", "0.02", target)
            return [float(value) for value in re.findall(r"time=([\d.]+)", out)]

        begun = time.process_time()
        with ThreadPoolExecutor(4) as pool:
            for number, trips in enumerate(pool.map(ping, range(4))):
                assert len(trips) == 100
                assert 10.0 * (number + 1) <= statistics.median(trips) < 10.0 * (number + 1) + 0.7
        assert time.process_time() - begun < 1.0
