"""What an entry and its matches say of themselves."""

from __future__ import annotations

from farmwatch.knowledge import load_knowledge
from farmwatch.knowledge.entries import CONDITION_KEYS, ENDPOINT_LAYERS, Layer, Sign


def test_a_match_speaks_with_its_fact_and_its_entry():
    """Everything a detector asks of a match comes from the fact met, not from the entry's best one."""
    [match] = load_knowledge().match_domain("relay-0a1b2c3d.net.anydesk.com")
    fact = match.fact
    assert (match.id, match.seen) == ("anydesk", "relay-0a1b2c3d.net.anydesk.com")
    assert (match.sign, match.grade, match.side, match.source, match.alone) == (
        fact.sign, fact.grade, fact.side, fact.source, fact.alone
    )  # fmt: skip


def test_layers_are_of_captures_or_of_endpoints():
    """What is loaded late is what no capture can show: no matcher of the scan waits for it."""
    shown = {fact.layer for entry in load_knowledge().entries.values() for fact in entry.facts}
    assert not shown & ENDPOINT_LAYERS
    assert set(CONDITION_KEYS) <= set(Layer)


def test_the_shop_window_matches_nothing():
    """A vendor's web site is known, so that it is told from a relay, and is no sign of a session."""
    known = load_knowledge()
    web = [fact for entry in known.entries.values() for fact in entry.facts if fact.sign is Sign.WEB]
    assert web
    for fact in web:
        if fact.layer is Layer.DOMAIN and "*" not in fact.value:
            assert all(match.sign is not Sign.WEB for match in known.match_domain(fact.value))
