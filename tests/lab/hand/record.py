"""Record one scenario: ``python -m tests.lab.hand.record NAME SECONDS FOLDER``; the runner starts one for each."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

from tests.lab.hand import scenarios, sshd
from tests.lab.hand.activities import ACTIVITIES
from tests.lab.hand.ground import Ground, Label, Tape, ground
from tests.lab.hand.scenarios import Scenario
from tests.lab.hand.tool import Desk, Human, Tool
from tests.lab.hand.tools import tool as tool_named
from tests.lab.hand.ways import WAYS, Route, Session, evade, label

SETTLE_S = 3.0
"""After the viewer is up: first pictures and handshakes are over."""


def record(scenario: Scenario, where: Path) -> None:
    """Record a scenario into a folder, and write its truth when the capture has proved true.

    Raises:
        ValueError: when a round trip is wrong, or the viewer did not really show and type.
        OSError: when a program ended early.
    """
    base = where / scenario.name
    truth = base.with_name(f"{scenario.name}.json")
    truth.unlink(missing_ok=True)
    with ground(scenario.legs, scenario.seed) as place:
        if scenario.kind == "activity":
            labels, human = _activity(place, scenario, base), None
        else:
            labels, human = _control(place, scenario, base)
        values = {
            "scenario": asdict(scenario),
            "seed": scenario.seed,
            "seconds": scenario.seconds,
            "pings": place.pings,
            "least_pings": place.least,
            "labels": [{"group": ""} | asdict(one) for one in labels],
            "key_times": human.key_times if human else (),
            "click_times": human.click_times if human else (),
        }
    beside = truth.with_suffix(".writing")
    beside.write_text(json.dumps(values, indent=1))
    beside.replace(truth)


def _activity(place: Ground, scenario: Scenario, base: Path) -> list[Label]:
    """Run an activity under a capture; a row of its own says which capture has nothing else."""
    kind = ACTIVITIES[scenario.name.rsplit("-", 1)[0]]
    tape = Tape.on(place, base)
    labels = kind.run(place, scenario.seconds, scenario.seed)
    path = tape.stop()["laptop"]
    if packets(path, f"host {place.laptop}") < 10:
        raise ValueError(f"{scenario.name}: hardly a packet was recorded")
    return labels or [Label(f"{place.laptop}:*", "*", "none", kind.name, "*")]


def _control(place: Ground, scenario: Scenario, base: Path) -> tuple[list[Label], Human]:
    """Serve, reach, view and drive a desktop under a capture."""
    tool = tool_named(scenario.tool)
    desk = tool.serve(place.lab, scenario.driven)
    viewer = "o" if scenario.driven == "l" else "l"
    session = Session(place, tool, desk, viewer, scenario.seed)
    tape = Tape.on(place, base, scenario.vantages)
    route = evade(session, scenario.evasion) if scenario.evasion else WAYS[scenario.way](session)
    screen = tool.view(place.lab, viewer, route.address, route.port, desk)
    if route.dial is not None:
        route.dial()
    time.sleep(SETTLE_S)
    if scenario.kind == "stepping":
        _step_on(place, desk)
    human = tool.drive(place.lab, screen, scenario.seconds, scenario.seed)
    time.sleep(1.0)
    paths = tape.stop()
    _check(place, scenario, route, human, paths["laptop"])
    return _labels(place, scenario, tool, route, human), human


def _step_on(place: Ground, desk: Desk) -> None:
    """Open a terminal on the driven desktop that is logged in at the office, and give it the keyboard."""
    lab, env = place.lab, {"DISPLAY": f":{desk.display}"}
    options = sshd.serve(lab, "w", command="cat")
    terminal = ("xterm", "-geometry", "80x24+20+20", "-T", "office", "-e")
    lab.start("l", *terminal, "ssh", "-tt", *options, place.office, env=env)
    find = ("xdotool", "search", "--sync", "--onlyvisible", "--name", "^office$", "windowfocus", "--sync")
    lab.run("l", *find, env=env, timeout=30)
    time.sleep(2.0)


def packets(path: Path, what: str) -> int:
    """Return how many packets of a capture match a pcap filter."""
    done = subprocess.run(
        ["tcpdump", "-nn", "-q", "-r", str(path), what], check=True, capture_output=True, text=True, timeout=120
    )
    return done.stdout.count("\n")


def _check(place: Ground, scenario: Scenario, route: Route, human: Human, path: Path) -> None:
    """Make sure that the person's hand went over the wire and pictures came back.

    Raises:
        ValueError: when it did not.
    """
    events = human.keys + human.clicks + human.moves
    least = min(30.0, 0.6 * scenario.seconds)
    if events < least:
        raise ValueError(f"only {events} input events\n{place.lab.logs()}")
    hand, picture = ("dst", "src") if scenario.driven == "l" else ("src", "dst")
    counts = []
    for side in (hand, picture):
        terms = []
        for proto, remote in route.flows:
            address, port = remote.rsplit(":", 1)
            data = " and greater 67" if proto == "tcp" else ""
            far_side = "src" if side == "dst" else "dst"
            there = f"{far_side} host {address}" + ("" if port == "*" else f" and {far_side} port {port}")
            terms.append(f"({proto} and {side} host {place.laptop} and {there}{data})")
        counts.append(packets(path, " or ".join(terms)))
    least = max(min(20.0, 0.4 * scenario.seconds), 0.2 * human.keys)
    if min(counts) < least:
        raise ValueError(f"{counts[0]} packets with input and {counts[1]} with pictures\n{place.lab.logs()}")
    if scenario.kind == "stepping":
        onward = packets(path, f"dst host {place.office} and tcp dst port 22 and greater 67")
        if onward < 0.5 * human.keys:
            raise ValueError(f"{human.keys} keys, but {onward} packets to the office\n{place.lab.logs()}")


def _labels(place: Ground, scenario: Scenario, tool: Tool, route: Route, human: Human) -> list[Label]:
    """Return a row for each flow that carries the session, and, for a stepping stone, for the one that goes on."""
    driven = scenario.driven == "l"
    shared = Label(
        route.local, "", "controlled" if driven else "controlling", tool.name,
        way=label(scenario.way), evasion=scenario.evasion, transport_rtt_ms=place.pings[route.end],
        loop_rtt_ms=place.pings["operator"] if driven and tool.loops else None,
        keys=human.keys, clicks=human.clicks, moves=human.moves, operator=scenario.operator,
        relay=place.relay if route.end == "relay" else "",
    )  # fmt: skip
    out = [replace(shared, proto=proto, remote=remote) for proto, remote in route.flows]
    out += [replace(one, vantage="gateway") for one in out if "gateway" in scenario.vantages]
    if scenario.kind == "stepping":
        onward = Label(
            f"{place.laptop}:*", f"{place.office}:22", "controlling", "ssh", transport_rtt_ms=place.pings["office"],
            keys=human.keys, operator=scenario.operator,
        )  # fmt: skip
        out += [onward, replace(onward, vantage="corporate")]
    return out


def _ended(*_: object) -> None:
    raise SystemExit("told to end")


def main() -> int:
    """Run the command line."""
    name, seconds, where = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    signal.signal(signal.SIGTERM, _ended)
    record(replace(scenarios.every()[name], seconds=seconds), where)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
