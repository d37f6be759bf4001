"""Who comes in: tokens in every way clients show them, revoked within seconds, kinds and rates kept."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import replace

import pytest

from farmwatch.errors import StoreError
from farmwatch.server.gate import Gate, presented
from farmwatch.server.metrics import Metrics
from farmwatch.server.problems import Refusal
from farmwatch.server.settings import Limits
from farmwatch.store import open_store
from tests.server.conftest import LIMITS
from tests.server.test_hostile_requests import INGEST, ROW


def coded(text: str) -> str:
    """As Basic has it."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer fw_x", "fw_x"),
        ("bearer  fw_x ", "fw_x"),
        ("Splunk fw_x", "fw_x"),
        (f"Basic {coded('name:fw_x')}", "fw_x"),
        (f"Basic {coded(':fw:x')}", "fw:x"),
        (f"ApiKey {coded('id:fw_x')}", "fw_x"),
        ("ApiKey fw_x", "fw_x"),
        ("Bearer", None),
        ("Bearer ", None),
        (f"Basic {coded('name')}", None),
        ("Basic fw_x", None),
        ("Basic ///", None),
        ("Digest fw_x", None),
        ("fw_x", None),
        ("", None),
    ],
)
def test_tokens_are_found_where_clients_put_them(header, token):
    """Bearer, Splunk, Basic passwords and API keys."""
    assert presented({"authorization": header}) == token
    assert presented({}) is None


@pytest.mark.parametrize("scheme", ["Bearer {}", "Splunk {}", "ApiKey {}"])
def test_a_token_lets_in_and_names_the_sender(served, scheme):
    """Rows carry the name of the token they came with."""
    answer = served.ask("POST", INGEST, ROW, headers={"Authorization": scheme.format(served.secret)})
    assert json.loads(answer.body)["used"] == 1
    assert served.service.ingest.settle()
    assert served.service.store.query("select sender from dns").to_pylist() == [{"sender": "tester-0"}]


def test_a_revoked_token_ends_within_the_time_it_is_remembered(served):
    """Revoked means 401, as soon as the server looks again."""
    assert served.ask("GET", "/docs", token=served.secret).status == 200
    served.service.state.revoke_token("tester-0")
    time.sleep(LIMITS.token_s + 0.05)
    assert served.ask("GET", "/docs", token=served.secret).status == 401
    again = served.service.state.add_token("tester-0")
    assert served.ask("GET", "/docs", token=again).status == 200


def test_a_token_for_kinds_is_for_nothing_else(served):
    """403 for other kinds, for metrics and for captures unless named."""
    only = served.service.state.add_token("only", ["dns", "metrics"])
    assert served.ask("POST", INGEST, ROW, token=only).status == 200
    assert served.ask("GET", "/metrics", token=only).status == 200
    refused = served.ask("POST", "/v1/ingest/processes", ROW, token=only)
    assert (refused.status, json.loads(refused.body)["reason"]) == (403, "kind")
    assert served.ask("POST", "/v1/captures", b"{}", token=only).status == 403


def test_a_rate_is_kept_for_each_token(inside):
    """Who spent the rate waits as long as Retry-After says; others do not."""
    served = inside(limits=replace(LIMITS, rate_bytes_s=len(ROW) * 20))
    other = served.service.state.add_token("other")
    body = ROW * 100
    assert served.ask("POST", INGEST, body, token=served.secret).status == 200
    refused = served.ask("POST", INGEST, ROW, token=served.secret)
    assert (refused.status, json.loads(refused.body)["reason"]) == (429, "rate")
    wait = int(refused.headers["retry-after"])
    assert 1 <= wait <= 2
    assert served.ask("POST", INGEST, ROW, token=other).status == 200
    time.sleep(wait)
    assert served.ask("POST", INGEST, ROW, token=served.secret).status == 200


class Broken:
    """A state that can be read at first."""

    def __init__(self, state) -> None:
        self.state, self.broken, self.asked = state, False, 0

    def check_token(self, token):
        """As the state does."""
        self.asked += 1
        if self.broken:
            raise StoreError("disk full")
        return self.state.check_token(token)


def test_known_senders_stay_while_the_state_is_out_of_reach(tmp_path):
    """On a full disk who was let in goes on to be; who was not hears 503, not 401."""
    state = Broken(open_store(tmp_path / "store").state)
    known, unknown = state.state.add_token("known"), state.state.add_token("unknown")
    gate = Gate(state, Limits(token_s=0.0), Metrics())

    async def ask() -> None:
        assert (await gate.holder(known)).name == "known"
        state.broken = True
        assert (await gate.holder(known)).name == "known"
        with pytest.raises(Refusal) as refused:
            await gate.holder(unknown)
        assert refused.value.status == 503

    asyncio.run(ask())


def test_guesses_are_looked_up_once_and_do_not_pile_up(tmp_path, monkeypatch):
    """Unknown tokens are remembered like known ones, within bounds; endless ones are not even hashed."""
    state = Broken(open_store(tmp_path / "store").state)
    gate = Gate(state, Limits(token_s=60), Metrics())

    async def ask() -> None:
        for _ in range(5):
            assert await gate.holder("fw_guess") is None
        assert state.asked == 1
        assert await gate.holder("x" * 10_000) is None
        assert state.asked == 1
        monkeypatch.setattr("farmwatch.server.gate._KNOWN", 3)
        for number in range(10):
            await gate.holder(f"fw_{number}")

    asyncio.run(ask())
    assert len(gate._seen) == 3
