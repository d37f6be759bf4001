"""Upkeep of the store beside a running server."""

from __future__ import annotations

import json

from farmwatch.server.upkeep import Upkeep
from farmwatch.store import open_store
from farmwatch.store.stats import stats
from tests.server.serving import serving, token, until


def files(store):
    """Files of the table the test writes to."""
    return next((table.files for table in stats(open_store(store)) if table.table == "dns"), 0)


def test_small_files_are_merged_while_rows_come_in(tmp_path):
    """The server's commits end up in few files without anybody's doing."""
    store = tmp_path / "store"
    shown = token(store)
    with serving(store, "--commit-after", "0.05", "--upkeep", "0.05") as served:
        most = 0
        for number in range(30):
            row = {"device_id": "lt-1", "ts": "2026-11-01T12:00:00Z", "name": f"n{number}.example"}
            assert served.ask("POST", "/v1/ingest/dns", json.dumps(row), token=shown).status == 200
            until(
                lambda number=number: (
                    open_store(store).query("SELECT count(*) AS n FROM dns").to_pylist()[0]["n"] > number
                )
            )
            most = max(most, files(store))
        until(lambda: 0 < files(store) <= 3, 60)
        assert most > 3
        assert served.stop() == 0
    served.process.stderr.close()


def test_a_run_that_fails_is_said_and_not_the_end(tmp_path, caplog):
    """The next one is tried."""
    (tmp_path / "other").write_text("no store")
    upkeep = Upkeep(str(tmp_path / "other"), 0.05)
    upkeep.start()
    try:
        until(lambda: upkeep.failures >= 2, 60)
    finally:
        upkeep.finish()
    assert "ended with" in caplog.text
    assert upkeep.runs == 0


def test_never_is_never(tmp_path):
    """Without an interval nothing is started, and ending is quick."""
    upkeep = Upkeep(str(tmp_path), 0)
    upkeep.start()
    upkeep.finish()
    assert upkeep.runs == upkeep.failures == 0
