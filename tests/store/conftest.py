"""A store in a folder of its own."""

from __future__ import annotations

import pytest

from farmwatch.store import Store, open_store
from tests.store.samples import NOON


@pytest.fixture
def store(tmp_path) -> Store:
    """An empty store."""
    return open_store(tmp_path / "store")


@pytest.fixture
def put(store):
    """Append tables by record class, as a feed does."""

    def call(tables, **options):
        return store.append(tables, **{"feed": "test", "sender": "agent-1", "received": NOON, **options})

    return call
