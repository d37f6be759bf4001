"""The osquery TLS API, asked as the agent asks it."""

from __future__ import annotations

import json
import ssl
import time

import pytest

from farmwatch.store import open_store
from tests.server.serving import serving, token, until

PREFIX = "/api/v1/osquery"


class Agent:
    """Replays what osqueryd sends: enroll, config, logger, distributed, its key in the body or the header too."""

    def __init__(self, taking, host, *, header=True):
        self.taking, self.host, self.header, self.key = taking, host, header, None

    def post(self, name, **fields):
        """One request to an address of the API."""
        body = {**({"node_key": self.key} if self.key else {}), **fields}
        headers = {"Content-Type": "application/json", "User-Agent": "osquery/5.12.1"}
        if self.key and self.header:
            headers["Authorization"] = f"NodeKey {self.key}"
        return self.taking.ask("POST", f"{PREFIX}/{name}", json.dumps(body), headers)

    def enroll(self, secret):
        """Enrol, and keep the node key."""
        answer = json.loads(
            self.post(
                "enroll", enroll_secret=secret, host_identifier=self.host, platform_type="16",
                host_details={
                    "os_version": {"name": "Ubuntu", "platform": "ubuntu", "version": "24.04", "major": "24"},
                    "system_info": {
                        "hostname": self.host, "uuid": "4C4C4544-0000-2010-8020-80C04F202020",
                        "hardware_vendor": "Maker", "hardware_model": "T14", "hardware_serial": "S-1",
                    },
                    "osquery_info": {"version": "5.12.1"},
                },
            ).body
        )  # fmt: skip
        self.key = answer.get("node_key")
        return answer


def result(host, number):
    return {
        "name": "pack_farmwatch_fw_usb", "hostIdentifier": host, "calendarTime": "Sun Nov  1 12:00:00 2026 UTC",
        "unixTime": 1793534400 + number, "epoch": 0, "counter": number, "numerics": False,
        "columns": {"vendor_id": "1d6b", "model_id": "0104", "vendor": "PiKVM", "serial": f"S{number}"},
        "action": "added",
    }  # fmt: skip


@pytest.mark.parametrize("header", [True, False], ids=["header", "body only"])
def test_an_agent_enrols_is_configured_and_delivers(taking, header):
    """The whole exchange; what it delivers is stored under its name."""
    agent = Agent(taking, f"lt-osq-{header}".lower(), header=header)
    assert agent.enroll(taking.token)["node_invalid"] is False
    config = json.loads(agent.post("config").body)
    assert config["packs"]["farmwatch"]["queries"]
    assert config["node_invalid"] is False
    data = [result(agent.host, number) for number in range(5)]
    assert json.loads(agent.post("log", log_type="result", data=data).body) == {"node_invalid": False}
    assert json.loads(agent.post("log", log_type="status", data=[{"severity": "0", "message": "x"}]).body) == {
        "node_invalid": False
    }
    assert agent.host in taking.devices("usb_devices", {agent.host})
    assert agent.host in taking.devices("devices", {agent.host})
    agent.post("log", log_type="result", data=data)
    time.sleep(0.5)
    [count] = taking.query(f"SELECT count(*) AS n FROM usb_devices WHERE device_id = '{agent.host}'")
    assert count["n"] == 5


@pytest.mark.parametrize("as_text", [False, True])
def test_a_host_cannot_speak_for_another(taking, as_text):
    """Whatever name a line gives, it is filed under the name of the enrolment."""
    agent = Agent(taking, f"lt-own-{as_text}".lower())
    agent.enroll(taking.token)
    line = result("lt-victim", 77) | {"hostname": "lt-victim", "decorations": {"hostname": "lt-victim"}}
    agent.post("log", log_type="result", data=[json.dumps(line) if as_text else line])
    assert agent.host in taking.devices("usb_devices", {agent.host})
    assert not taking.query("SELECT 1 FROM usb_devices WHERE device_id = 'lt-victim'")


def test_answers_to_questions_are_taken(taking):
    """A distributed answer counts as a snapshot."""
    agent = Agent(taking, "lt-dist")
    agent.enroll(taking.token)
    assert json.loads(agent.post("distributed/read").body)["queries"] == {}
    rows = [{"vendor_id": "046d", "model_id": "c52b", "serial": "X"}]
    agent.post("distributed/write", queries={"fw_usb": rows}, statuses={"fw_usb": 0})
    assert taking.devices("usb_devices", {"lt-dist"})


@pytest.mark.parametrize("name", ["config", "log", "distributed/read", "distributed/write"])
@pytest.mark.parametrize("key", [None, "", "wrong", 7, "x" * 10_000, "\ud800"])
def test_without_a_key_that_holds_nothing_is_told_or_taken(taking, name, key):
    """The agent is told to enrol again."""
    body = json.dumps({"node_key": key, "log_type": "result", "data": [result("evil", 1)], "queries": {"fw_usb": [{}]}})
    assert json.loads(taking.ask("POST", f"{PREFIX}/{name}", body).body) == {"node_invalid": True}
    assert not taking.query("SELECT 1 FROM usb_devices WHERE device_id = 'evil'")


@pytest.mark.parametrize("secret", [None, "", "wrong", 7, ["x"], "\ud800"])
def test_without_the_secret_nobody_enrols(taking, secret):
    """No node key is given."""
    assert Agent(taking, "lt-x").enroll(secret) == {"node_invalid": True}


def test_a_token_for_other_kinds_is_no_secret(taking):
    """What a token may send, it may enrol for."""
    other = open_store(taking.store).state.add_token("only-zeek", ["zeek"])
    assert Agent(taking, "lt-y").enroll(other) == {"node_invalid": True}


def test_a_large_body_of_somebody_unknown_is_not_parsed(taking):
    """What would be no JSON is not looked at; a body of a known host is, wherever its key stands."""
    large = b" " * (2 << 20)
    answer = taking.ask("POST", f"{PREFIX}/log", b'{"node_key": "wrong"' + large)
    assert (answer.status, json.loads(answer.body)) == (200, {"node_invalid": True})
    agent = Agent(taking, "lt-large")
    agent.enroll(taking.token)
    body = json.dumps({"log_type": "result", "data": [result("lt-large", 1)], "node_key": agent.key}).encode()
    assert taking.ask("POST", f"{PREFIX}/log", large + body).status == 200
    assert taking.devices("usb_devices", {"lt-large"})


@pytest.mark.parametrize("broken", ["[1", '{"a": 1} x', "junk,", 7, None])
def test_a_broken_result_costs_its_neighbours_nothing(taking, broken):
    """Whatever stands first in the data."""
    host = f"lt-broken-{len(str(broken))}"
    agent = Agent(taking, host)
    agent.enroll(taking.token)
    agent.post("log", log_type="result", data=[broken, result(host, 1)])
    assert taking.devices("usb_devices", {host})


@pytest.mark.parametrize("body", [b"", b"[]", b"no", b"[" * 100_000, b'{"node_key": "'])
def test_what_is_no_request_is_refused(taking, body):
    """A reason, and no harm."""
    answer = taking.ask("POST", f"{PREFIX}/log", body)
    assert answer.status == 400
    assert json.loads(answer.body)["error"]


@pytest.mark.needs("openssl")
def test_clients_of_tls_1_2_are_served(tmp_path):
    """Osquery's client speaks nothing newer."""
    import subprocess

    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key", "-out",
            tmp_path / "cert", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    store = tmp_path / "store"
    shown = token(store)
    with serving(store, "--cert", str(tmp_path / "cert"), "--key", str(tmp_path / "key")) as served:
        import http.client

        context = ssl.create_default_context(cafile=tmp_path / "cert")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        connection = http.client.HTTPSConnection("127.0.0.1", served.port, context=context, timeout=30)
        connection.request("POST", f"{PREFIX}/enroll", json.dumps({"enroll_secret": shown, "host_identifier": "tls12"}))
        assert json.loads(connection.getresponse().read())["node_key"]
        connection.close()
        until(lambda: open_store(store).state.tokens()[0].last_used)
    served.process.stderr.close()
