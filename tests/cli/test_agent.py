"""``farmwatch agent``: what it prints instead of sending, and what it refuses before it starts."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import typer

from farmwatch.agent.sender import ServerError
from farmwatch.cli.agent import HELP, agent
from tests.agent.test_sender import receiving


def test_dry_run_prints_what_would_be_sent(capsys):
    """One line of JSON, the same that a server would get; nothing is sent or kept."""
    agent(dry_run=True, once=True, device_id="LT-1")
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    document = json.loads(line)
    assert (document["kind"], document["device_id"]) == ("farmwatch-agent", "LT-1")


def test_pretty_is_the_same_document(capsys):
    """Indented for reading."""
    agent(dry_run=True, once=True, pretty=True, device_id="LT-1")
    text = capsys.readouterr().out
    assert text.count("\n") > 10
    assert json.loads(text)["device_id"] == "LT-1"


def test_sends_to_a_server(tmp_path, capsys):
    """The whole way: token, spool, server."""
    (tmp_path / "token").write_text("t")
    with receiving() as server:
        url = f"http://127.0.0.1:{server.server_port}"
        agent(server=url, token_file=tmp_path / "token", once=True, device_id="d", spool=tmp_path / "spool")
    assert json.loads(server.seen[0][2])["device_id"] == "d"
    assert capsys.readouterr().out == ""


def test_says_where_messages_wait(tmp_path, capsys):
    """When nobody took them; a script learns it from the exit code."""
    (tmp_path / "token").write_text("t")
    options = {"server": "http://127.0.0.1:1", "token_file": tmp_path / "token", "device_id": "d"}
    with pytest.raises(typer.Exit) as ended:
        agent(once=True, spool=tmp_path / "s", **options)
    assert ended.value.exit_code == 5
    assert f"messages wait in {tmp_path / 's'}; the server last said: ConnectionRefused" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, typer.BadParameter),
        ({"server": "https://x"}, typer.BadParameter),
        ({"dry_run": True, "interval": 0.5}, typer.BadParameter),
    ],
)
def test_wrong_usage(options, error):
    """Said before anything is collected."""
    with pytest.raises(error):
        agent(**options)


def test_mistakes_in_server_and_key(tmp_path):
    """An address in the clear, a key file that is not there."""
    (tmp_path / "token").write_text("t")
    with pytest.raises(ServerError, match="in the clear"):
        agent(server="http://example.org", token_file=tmp_path / "token", device_id="d")
    with pytest.raises(typer.BadParameter, match="cannot read"):
        agent(dry_run=True, device_id="d", neighbour_key=tmp_path / "missing")


def test_one_key_hides_neighbours_alike(tmp_path, monkeypatch, capsys):
    """Agents with the same key file give the same neighbour the same hash; without one no two runs do."""
    from farmwatch.agent import probe
    from farmwatch.agent.linux import LinuxProbe
    from tests.agent.tree import laptop

    found = LinuxProbe(laptop(tmp_path / "root"))
    monkeypatch.setattr(probe, "probe_for", lambda _: found)
    (tmp_path / "key").write_text("shared")

    def hashed(**options):
        agent(dry_run=True, once=True, device_id="d", **options)
        return json.loads(capsys.readouterr().out)["network"]["neighbours"][0]["hash"]

    assert hashed(neighbour_key=tmp_path / "key") == hashed(neighbour_key=tmp_path / "key")
    assert hashed() != hashed()


def test_stops_on_a_signal():
    """SIGTERM ends a dry run after its last message, with code 0."""
    program = "from farmwatch.cli.agent import agent; agent(dry_run=True, device_id='d', interval=60.0)"
    job = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    first = job.stdout.readline()
    job.terminate()
    rest = job.stdout.read()
    job.stdout.close()
    assert job.wait(20) == 0
    assert [json.loads(line)["sequence"] for line in (first, *rest.splitlines())] == [1, 2]


def test_help_shows_how_to_try_it():
    """The first example sends nothing."""
    assert "farmwatch agent --dry-run --once --pretty" in HELP
