"""Health, metrics, the page of addresses, and what the server says when it is in trouble."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from dataclasses import replace

import pytest

from farmwatch.errors import StoreError
from farmwatch.server.ingest import Facts
from farmwatch.server.problems import Refusal
from tests.server.conftest import LIMITS, LOG
from tests.server.serving import until
from tests.server.test_hostile_requests import INGEST, ROW


def test_health_says_why_not(served):
    """200 while rows are taken and committed; 503 with a word while not; never more than a word."""
    assert json.loads(served.ask("GET", "/healthz").body) == {"status": "ok"}
    served.service.draining = True
    sick = served.ask("GET", "/healthz")
    assert (sick.status, json.loads(sick.body)) == (503, {"status": "unavailable", "reason": "stopping"})
    assert int(sick.headers["retry-after"]) > 0
    served.service.draining = False
    served.service.ingest._committer._failure = "/secret/path: no"
    sick = served.ask("GET", "/healthz")
    assert json.loads(sick.body)["reason"] == "commits_fail"
    assert b"secret" not in sick.body


def test_metrics_are_what_prometheus_reads(served):
    """Every line is a comment or a sample, every sample has its type, and what was sent is counted."""
    served.ask("POST", INGEST, ROW * 2 + b"no json\n", token=served.secret)
    assert served.service.ingest.settle()
    answer = served.ask("GET", "/metrics", token=served.secret)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    types, samples = {}, {}
    for line in answer.body.decode().splitlines():
        if line.startswith("#"):
            word, name, text = line[2:].split(" ", 2)
            assert word in ("HELP", "TYPE")
            types |= {name: text} if word == "TYPE" else {}
            continue
        found = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? (\S+)', line)
        assert found, line
        samples[found[1] + (found[2] or "")] = float(found[4])
        assert re.sub(r"_(bucket|sum|count)$", "", found[1]) in types or found[1] in types
    assert samples['farmwatch_records_total{feed="dns"}'] == 3
    assert samples['farmwatch_records_rejected_total{feed="dns"}'] == 1
    assert samples['farmwatch_committed_rows_total{table="dns"}'] == 1
    assert samples['farmwatch_duplicate_rows_total{table="dns"}'] == 1
    assert samples["farmwatch_ack_seconds_count"] == 1
    assert samples["farmwatch_log_pending_bytes"] == 0
    assert samples["farmwatch_log_free_bytes"] > 0


def test_the_page_lists_every_address_and_loads_nothing(served):
    """/docs is complete by itself: no script, nothing from elsewhere."""
    page = served.ask("GET", "/docs", token=served.secret)
    described = json.loads(served.ask("GET", "/openapi.json", token=served.secret).body)
    text = page.body.decode()
    assert all(path in text for path in described["paths"])
    assert "<script" not in text
    assert "//" not in text.replace("<!doctype html>", "")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    kinds = json.loads(served.ask("GET", "/v1/ingest", token=served.secret).body)
    assert {"dns", "processes"} <= {kind["kind"] for kind in kinds}


def test_several_bodies_of_one_request_share_their_wait(served):
    """A door may hand on several bodies together; all are durable when it is answered."""

    async def together() -> list:
        accept = served.service.ingest.accept
        return await asyncio.gather(
            *(accept("dns", ROW.replace(b"a.ex", b"%d.ex" % number), "door", Facts("r", "x")) for number in range(20))
        )

    receipts = asyncio.run(together())
    assert all(receipt.used == 1 and receipt.rows == {"dns": 1} and receipt.sequence for receipt in receipts)
    assert served.service.ingest.settle()
    assert served.service.store.query("select count(*) as n from dns").to_pylist() == [{"n": 20}]


def test_nothing_of_use_is_answered_without_the_log(served):
    """A body without rows has no place in the log."""
    receipt = asyncio.run(served.service.ingest.accept("dns", b"\n\n", "door", Facts("r", "x")))
    assert (receipt.records, receipt.sequence) == (0, None)


def test_a_feed_that_fails_is_our_fault(served, monkeypatch, caplog):
    """A feed that breaks its word costs its request a 500, is counted and logged, and keeps nothing of the body."""
    feed = served.service.ingest.feed("dns")

    def read(stream, context):
        yield from type(feed).read(feed, stream, context)
        raise KeyError("bug")

    class Broken:
        kind = "dns"

        @staticmethod
        def read(stream, context):
            """As a feed with a fault."""
            return read(stream, context)

    monkeypatch.setattr("farmwatch.server.ingest.feed_of", lambda kind: Broken())
    answer = served.ask("POST", INGEST, ROW, token=served.secret)
    assert (answer.status, json.loads(answer.body)["reason"]) == (500, "feed_failed")
    assert "KeyError" in caplog.text
    monkeypatch.undo()
    assert served.service.ingest.settle()
    assert "dns" not in served.service.store.tables()


def test_too_many_bodies_at_once_ask_to_wait(inside):
    """Bodies in memory are bounded over all requests; room comes back when they end."""
    served = inside(limits=replace(LIMITS, in_flight_bytes=len(ROW) * 5))
    busy = served.ask("POST", INGEST, ROW * 6, token=served.secret)
    assert (busy.status, json.loads(busy.body)["reason"]) == (503, "busy")
    assert int(busy.headers["retry-after"]) > 0
    for _ in range(3):
        assert served.ask("POST", INGEST, ROW * 5, token=served.secret).status == 200


def test_behind_commits_ask_to_wait_and_catch_up(inside, monkeypatch):
    """While the store takes nothing, rows are kept up to a limit, then senders wait until it is back."""
    served = inside(log=replace(LOG, pending_bytes=20_000))
    lake = served.service.store.table("dns")
    broken = threading.Event()
    broken.set()
    real = lake.append

    def append(*arguments, **more) -> int:
        if broken.is_set():
            raise StoreError("out of reach")
        return real(*arguments, **more)

    monkeypatch.setattr(lake, "append", append)
    taken = 0
    while (
        answer := served.ask("POST", INGEST, ROW.replace(b"a.ex", b"%d.ex" % taken), token=served.secret)
    ).status == 200:
        taken += 1
        assert taken < 1000
    assert (answer.status, json.loads(answer.body)["reason"]) == (503, "behind")
    assert int(answer.headers["retry-after"]) > 0
    assert served.ask("GET", "/healthz").status == 503
    broken.clear()
    until(lambda: served.ask("GET", "/healthz").status == 200)
    assert served.ask("POST", INGEST, ROW, token=served.secret).status == 200
    assert served.service.ingest.settle()
    assert served.service.store.query("select count(*) as n from dns").to_pylist() == [{"n": taken + 1}]


def test_an_unknown_kind_says_which_there_are(served):
    """404 with what comes near, before the body is read."""
    answer = served.ask("POST", "/v1/ingest/dnss", ROW, token=served.secret)
    assert answer.status == 404
    assert "dns" in json.loads(answer.body)["kinds"]
    with pytest.raises(Refusal):
        served.service.ingest.feed("nothing")
