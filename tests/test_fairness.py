"""Fairness is in the schema: what must never be an input does not come in, whatever the feeds carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from farmwatch.collectors.feeds.registry import FEEDS
from farmwatch.intake import Intake
from farmwatch.store import open_store
from farmwatch.store.traces import traces

SAMPLES = Path(__file__).parent / "samples" / "feeds"
#: Stands in the samples wherever a sender puts a name, an address of mail, a language, a layout, a locale.
MARKER = "BANNED-MARKER"


def samples():
    """Sample files that hold what must not come in."""
    return sorted(path for path in SAMPLES.rglob("*") if path.is_file() and MARKER.encode() in path.read_bytes())


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A store that took in every sample, and what became of each."""
    store = open_store(tmp_path_factory.mktemp("fairness") / "store")
    accounts = {}
    with Intake(store) as intake:
        for path in sorted(path for path in SAMPLES.rglob("*") if path.is_file()):
            [account] = intake.take([path], kind=path.relative_to(SAMPLES).parts[0], device_id="lt-1")
            accounts[path] = account
    return store, accounts


def test_the_samples_hold_what_must_not_come_in():
    """Otherwise the search below proves nothing: most kinds of feeds carry some of it."""
    kinds = {path.relative_to(SAMPLES).parts[0] for path in samples()}
    assert len(kinds) >= 12
    assert kinds <= {feed.kind for feed in FEEDS}


def test_none_of_it_is_in_any_byte_of_the_store(kept):
    """Every file of the lake and the state, raw and decoded."""
    store, accounts = kept
    assert sum(account.used for account in accounts.values()) > 500
    assert traces(store, MARKER) == []
    assert traces(store, MARKER.lower()) == []


@pytest.mark.parametrize("kind", sorted({path.relative_to(SAMPLES).parts[0] for path in samples()}))
def test_what_was_left_behind_is_counted(kept, kind):
    """Every kind that carries fields which are never kept says so, by field."""
    dropped = [account.dropped for path, account in kept[1].items() if path.relative_to(SAMPLES).parts[0] == kind]
    assert any(fields.total() for fields in dropped)


def test_the_search_finds_what_is_there(kept):
    """A device that is stored is found, so that finding nothing means something."""
    store, _ = kept
    assert traces(store, "lt-1")
