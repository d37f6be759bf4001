"""The queries for osquery, compiled against the columns that osquery publishes for each platform."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import pytest

from farmwatch.collectors.feeds.osquery_pack import FORMATS, QUERIES, pack
from farmwatch.collectors.feeds.osquery_tables import COLUMNS
from tests.collectors.feeds.golden import parsed

#: columns of osquery's tables by platform, as its specs (``specs/**/*.table``) state them; ``more`` are columns that
#: only one platform has
SCHEMA = json.loads(Path(__file__).with_name("osquery_schema.json").read_text())
ON_PLATFORM = [(query, platform) for query in QUERIES for platform in query.platforms]


def columns_of(query, platform):
    """Names of a query's columns on a platform; an error where a table or column is missing there."""
    database = sqlite3.connect(":memory:")
    for table, spec in SCHEMA.items():
        if platform in spec["platforms"]:
            names = [*spec["columns"], *spec.get("more", {}).get(platform, [])]
            listed = ", ".join(f'"{name}"' for name in names)
            database.execute(f"CREATE TABLE {table} ({listed})")
    return [column[0] for column in database.execute(query.sql).description]


@pytest.mark.parametrize(("query", "platform"), ON_PLATFORM, ids=lambda one: one if isinstance(one, str) else one.name)
def test_queries_compile_where_they_run(query, platform):
    """Every table and column of a query is there on each platform it is for, and farmwatch knows what comes back."""
    named = columns_of(query, platform)
    assert len(set(named)) == len(named)
    assert set(named) <= set(COLUMNS)
    row = dict.fromkeys(named, "") | {"data": "{}"} if "eventid" in named else dict.fromkeys(named, "")
    result = {"name": "x", "hostIdentifier": "h", "unixTime": 1793534400, "action": "snapshot", "snapshot": [row]}
    (one,) = parsed("osquery", json.dumps(result).encode())
    assert "query x" not in one.unneeded


def test_a_query_for_another_platform_does_not_compile():
    """The check above can fail: macOS has no registry, Windows no usb_devices."""
    by_name = {query.name: query for query in QUERIES}
    for name, platform in (("fw_usb", "windows"), ("fw_tz_windows", "darwin"), ("fw_net_windows", "linux")):
        with pytest.raises(sqlite3.OperationalError, match="no such"):
            columns_of(by_name[name], platform)


def test_each_platform_is_asked_for_what_matters():
    """Hardware, displays, sockets, neighbours and software are asked of every platform that can tell."""
    asked = {
        platform: {query.name for query in QUERIES if platform in query.platforms}
        for platform in ("darwin", "linux", "windows")
    }
    assert {"fw_usb", "fw_displays", "fw_taps_mac", "fw_software_mac"} <= asked["darwin"]
    assert {"fw_usb", "fw_software_deb", "fw_software_rpm"} <= asked["linux"]
    assert {"fw_devices_windows", "fw_edid_windows", "fw_software_windows", "fw_rdp_core_windows"} <= asked["windows"]
    assert all(
        {"fw_host", "fw_clock", "fw_sockets", "fw_listen", "fw_gateway", "fw_arp"} <= names for names in asked.values()
    )


def test_queries_say_why_and_are_not_too_often():
    """Each query has its reason, a name of ours, and a pace an endpoint does not feel."""
    assert len({query.name for query in QUERIES}) == len(QUERIES)
    for query in QUERIES:
        assert re.fullmatch(r"fw_[a-z_]+", query.name)
        assert query.why.endswith(".")
        assert 60 <= query.interval <= 86_400
        assert query.removed or not query.snapshot


def test_the_clock_query_counts_minutes():
    """Local time minus UTC, which SQLite works out from the system's zone."""
    import os
    import time

    query = next(query for query in QUERIES if query.name == "fw_clock")
    database = sqlite3.connect(":memory:")
    for table, column, value in (("time", "unix_time", 1), ("uptime", "total_seconds", 2)):
        database.execute(f"CREATE TABLE {table} ({column})")
        database.execute(f"INSERT INTO {table} VALUES ({value})")
    before = os.environ.get("TZ")
    try:
        for zone, minutes in (("UTC0", 0), ("XXX-5:45", 345), ("YYY+3:30", -210)):
            os.environ["TZ"] = zone
            time.tzset()
            assert database.execute(query.sql).fetchone() == (1, 2, minutes)
    finally:
        os.environ.pop("TZ", None) if before is None else os.environ.__setitem__("TZ", before)
        time.tzset()


def test_pack_and_configuration():
    """JSON in osquery's own shapes, with snapshots for inventory."""
    queries = json.loads(pack("pack"))["queries"]
    assert queries["fw_software_windows"]["snapshot"] is True
    assert queries["fw_software_windows"]["platform"] == "windows"
    assert queries["fw_usb"] | {"query": ""} == {
        "query": "", "interval": 60, "removed": True, "platform": "darwin,linux",
        "description": next(query.why for query in QUERIES if query.name == "fw_usb"),
    }  # fmt: skip
    assert "platform" not in queries["fw_host"]
    whole = json.loads(pack("conf"))
    assert whole["packs"]["farmwatch"]["queries"] == queries
    assert all(query["query"].endswith(";") for query in queries.values())


def test_fleet():
    """One YAML document for each query, whose scalars are JSON."""
    documents = pack("fleet").split("---\n")[1:]
    assert len(documents) == len(QUERIES)
    for query, document in zip(QUERIES, documents, strict=True):
        told = dict(line.strip().split(": ", 1) for line in document.splitlines() if ": " in line)
        assert (told["apiVersion"], told["kind"], told["name"]) == ("v1", "query", query.name)
        assert json.loads(told["query"]) == query.sql + ";"
        assert told["logging"] in ("snapshot", "differential", "differential_ignore_removals")
        assert int(told["interval"]) == query.interval


def test_another_form_is_said():
    """A form that there is not names those there are."""
    with pytest.raises(ValueError, match="pack, conf, fleet"):
        pack("toml")
    assert set(FORMATS) == {"pack", "conf", "fleet"}
