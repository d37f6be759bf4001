from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.lab import net
from tests.lab.hand.tool import Tool
from tests.lab.hand.tools import TOOLS, desktop, prompt, rdp, ssh, tool, vnc

DRIVEN, RELAY, RELAY_FAR, VIEWER = "10.9.0.2", "10.9.0.1", "10.8.0.1", "10.8.0.2"
SECONDS = 6.0
DIALLED = 5500


def runs(*tools: Tool) -> list[object]:
    """One run for each tool, that asks for the tool's programs."""
    return [pytest.param(each, id=each.name, marks=pytest.mark.needs("tcpdump", *each.programs)) for each in tools]


def road(lab: net.Lab) -> None:
    """Lay 10 ms of round trip to a relay and 30 ms beyond it."""
    for short in "lro":
        lab.namespace(short, forward=short == "r")
    lab.delay(("l", "eth0", DRIVEN), ("r", "tun0", RELAY), 5)
    lab.delay(("r", "tun1", RELAY_FAR), ("o", "tun0", VIEWER), 15)
    lab.run("l", "ip", "route", "replace", "default", "via", RELAY)
    lab.run("o", "ip", "route", "replace", "default", "via", RELAY_FAR)


def payloads(path: Path, port: int) -> list[tuple[bool, int]]:
    """Return (whether it came in to the driven machine, bytes of payload) of each TCP packet of a port with payload."""
    text = subprocess.run(
        ["tcpdump", "-n", "-q", "-r", str(path), "tcp", "port", str(port)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    found = ((f"> {DRIVEN}." in line, int(line.rsplit("tcp ", 1)[1])) for line in text.splitlines())
    return [(inbound, size) for inbound, size in found if size]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("recipe", runs(*vnc.TOOLS, *rdp.TOOLS, *ssh.TOOLS))
def test_a_recipe_is_typed_into_and_shows_it(namespaces: None, tmp_path: Path, recipe: Tool) -> None:
    """Over 40 ms, keys go in as small packets, pictures or text come out, and the session lives until the lab ends."""
    path = tmp_path / "session.pcap"
    with net.Lab() as lab:
        road(lab)
        desk = recipe.serve(lab, "l")
        screen = recipe.view(lab, "o", DRIVEN, recipe.port, desk)
        capture = lab.capture("l", "eth0", path)
        done = recipe.drive(lab, screen, SECONDS, 5)
        time.sleep(1.5)  # The last key and its echo are on their way, and tcpdump holds packets for a second.
        net.stop(capture)
        ended = [job.args for job in lab.jobs if job is not capture and job.poll() is not None]
        folder = lab.folder
    assert not ended
    assert not folder.exists()
    sizes = payloads(path, recipe.port)
    inbound = [size for came_in, size in sizes if came_in]
    outbound = [size for came_in, size in sizes if not came_in]
    assert 10 < done.keys == len(done.key_times) <= sum(size <= 150 for size in inbound) < 12 * done.keys
    # Every key is echoed: at least one packet, and more bytes than it took to press it.
    assert len(outbound) >= 0.6 * done.keys
    assert sum(outbound) > 0.9 * sum(inbound)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("recipe", runs(*vnc.TOOLS, *rdp.TOOLS))
def test_a_viewer_nobody_touches_answers_pictures_only_where_the_tool_has_a_loop(
    namespaces: None, tmp_path: Path, recipe: Tool
) -> None:
    """With the clock alone moving, pictures are answered, the quickest after the 40 ms of the way, or never are."""
    path = tmp_path / "idle.pcap"
    with net.Lab() as lab:
        road(lab)
        recipe.view(lab, "o", DRIVEN, recipe.port, recipe.serve(lab, "l"))
        time.sleep(4.0)  # What comes first is over.
        capture = lab.capture("l", "eth0", path)
        time.sleep(SECONDS)
        net.stop(capture)
    text = subprocess.run(
        ["tcpdump", "-tt", "-n", "-q", "-r", str(path), "tcp", "port", str(recipe.port)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    times = [(float(line.split()[0]), f"> {DRIVEN}." in line) for line in text.splitlines() if " tcp 0" not in line]
    shown = [at for at, came_in in times if not came_in]
    answers = [at for at, came_in in times if came_in]
    assert len(shown) >= 3
    if not recipe.loops:
        assert not answers
        return
    assert len(answers) >= 3
    waits = sorted(answer - max((at for at in shown if at < answer - 0.039), default=0.0) for answer in answers)
    assert waits[0] < 0.08


@pytest.mark.needs("tcpdump", "socat")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("recipe", runs(*(each for each in vnc.TOOLS if each.reverse)))
def test_the_driven_side_dials_a_listening_viewer_through_a_relay(
    namespaces: None, tmp_path: Path, recipe: Tool
) -> None:
    """A viewer told no address listens; the driven machine dials it by way of a relay, and is typed into the same."""
    path = tmp_path / "session.pcap"
    with net.Lab() as lab:
        road(lab)
        desk = recipe.serve(lab, "l")
        lab.start("r", "socat", f"TCP4-LISTEN:{DIALLED},fork,reuseaddr,nodelay", f"TCP4:{VIEWER}:{DIALLED},nodelay")
        lab.listening("r", DIALLED)
        screen = recipe.view(lab, "o", "", DIALLED, desk)
        capture = lab.capture("l", "eth0", path)
        assert recipe.reverse is not None
        recipe.reverse(lab, "l", RELAY, DIALLED, desk)
        done = recipe.drive(lab, screen, SECONDS, 6)
        time.sleep(1.5)  # tcpdump holds packets for up to a second, and loses them when it ends.
        net.stop(capture)
    opening = subprocess.run(
        ["tcpdump", "-n", "-q", "-r", str(path), "tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert [f"{DRIVEN}." in line.split(">")[0] for line in opening.splitlines()] == [True]
    assert done.keys <= sum(came_in and size <= 150 for came_in, size in payloads(path, DIALLED))


@pytest.mark.needs(*desktop.PROGRAMS)
@pytest.mark.timeout(60)
def test_desktops_in_several_namespaces_have_displays_of_their_own(namespaces: None) -> None:
    """X servers in separate namespaces share the folder of sockets, and get separate numbers."""
    with net.Lab() as one, net.Lab() as two:
        numbers = []
        for lab, short in ((one, "a"), (two, "b"), (one, "c")):
            lab.namespace(short)
            numbers.append(desktop.server(lab, short))
        assert len(set(numbers)) == 3
        desktop.work(one, "a", numbers[0])
        names = one.run(
            "a", "xdotool", "search", "--name", ".", "getwindowname", "%@", env={"DISPLAY": f":{numbers[0]}"}
        )
        assert {"desk", "log"} <= set(names.split())


def test_the_prompt_answers_in_many_ways_and_never_with_what_was_typed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enter prints a new prompt each time, with little or a screenful before it; the typed line is not used."""
    monkeypatch.setattr(prompt.time, "sleep", lambda _: None)
    monkeypatch.setattr(prompt.sys, "stdin", iter(["touch /typed\n"] * 60))
    prompt.shell(3)
    answers = capsys.readouterr().out.split(prompt.PROMPT)[1:]
    lines = [answer.count("\n") for answer in answers]
    assert len(answers) == 61
    assert min(lines) == 0
    assert max(lines) > 30
    assert not any("typed" in answer for answer in answers)


def test_names_of_recipes_are_unique_and_found() -> None:
    """Every recipe is found by its name; an unknown name is an error."""
    assert len({each.name for each in TOOLS}) == len(TOOLS)
    assert all(tool(each.name) is each for each in TOOLS)
    with pytest.raises(KeyError):
        tool("no such tool")
