"""One real server for the tests of all look-alike doors."""

from __future__ import annotations

import pytest

from farmwatch.store import open_store
from tests.server.serving import serving, token, until


class Taking:
    """A running server, its token, and what its store holds."""

    def __init__(self, served, store, shown):
        self.served, self.store, self.token = served, store, shown

    def ask(self, method, path, body=None, headers=None, *, token=None):
        """A request without a bearer token of its own."""
        return self.served.ask(method, path, body, token=token, headers=headers)

    def query(self, sql):
        """Rows of the store."""
        return open_store(self.store).query(sql).to_pylist()

    def devices(self, table, expected):
        """Devices that have rows in a table, once those expected are there."""

        def found():
            names = {row["device_id"] for row in self.query(f'SELECT DISTINCT device_id FROM "{table}"')}
            return names if expected <= names else None

        return until(found)


@pytest.fixture(scope="session")
def taking(tmp_path_factory):
    store = tmp_path_factory.mktemp("doors") / "store"
    shown = token(store)
    with serving(store, "--commit-after", "0.1") as served:
        yield Taking(served, store, shown)
    served.process.stderr.close()
