"""The captures of ``pcaps/`` that are scenarios of the timing laboratory, with actors of their own.

A scenario (:mod:`tests.lab.hand.scenarios`) is recorded on the laboratory's one ground, or taken from its cache where
it lasts as long there, cut to its beginning and rewritten for the actors of the capture. Its truth becomes the sidecar:
round trips by ping, keys and clicks by the human model's own log.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lab import net, readdress
from tests.lab.cast import Actors
from tests.lab.hand.ground import LAPTOP_MAC, ROUTER_MAC, Ground
from tests.lab.hand.run import folder
from tests.lab.net import ROOT
from tests.lab.sidecar import Device, Session, Sidecar

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Excerpt:
    """One scenario as a capture: how much of it, and what a scan should make of it.

    ``seconds`` are recorded and the first ``kept_s`` of the capture kept. ``tools`` are the tools a scan names, by the
    scenario's own names; ``timed`` says whether the transport's round trip can be measured on the session's own
    packets. ``levels`` are *driven* and *abroad*.
    """

    scenario: str
    kept_s: float
    summary: str
    role: str
    levels: tuple[str, str]
    must_find: tuple[str, ...]
    must_not_find: tuple[str, ...]
    tools: dict[str, str]
    programs: tuple[tuple[str, str], ...]
    timed: bool = True
    seconds: float = 45.0


def recorder(excerpt: Excerpt) -> Callable[[Path, Actors], Sidecar]:
    """Return what records an excerpt into a path for its actors."""
    return lambda path, who: _record(excerpt, path, who)


def _record(excerpt: Excerpt, path: Path, who: Actors) -> Sidecar:
    with tempfile.TemporaryDirectory() as scratch:
        where = _made(excerpt, Path(scratch))
        truth = json.loads((where / f"{excerpt.scenario}.json").read_text(encoding="utf-8"))
        capture, ended = _beginning((where / f"{excerpt.scenario}.pcap").read_bytes(), excerpt.kept_s)
    standing = Ground.__dataclass_fields__
    stood = Actors(
        LAPTOP_MAC, standing["laptop"].default, ROUTER_MAC, standing["relay"].default, standing["operator"].default,
        who.name,
    )  # fmt: skip
    path.write_bytes(readdress.rewrite(capture, stood, who))
    return _sidecar(excerpt, truth, ended, {stood.relay: who.relay, stood.operator: who.operator}, who)


def _beginning(capture: bytes, seconds: float) -> tuple[bytes, float]:
    """Return the first seconds of a classic little-endian capture with microseconds, and when they end (Unix time).

    Errors that a router reports quote packets with their addresses, so what is no TCP, UDP or ARP is left out.
    """
    parts, at, first = [capture[:24]], 24, None
    while at < len(capture):
        whole, fraction, size = struct.unpack_from("<III", capture, at)
        moment = whole + fraction / 1e6
        first = moment if first is None else first
        record = capture[at : at + 16 + size]
        if moment > first + seconds:
            break
        if record[28:30] != b"\x08\x00" or record[39] in (readdress.TCP, readdress.UDP):
            parts.append(record)
        at += len(record)
    return b"".join(parts), (first or 0.0) + seconds


def _made(excerpt: Excerpt, scratch: Path) -> Path:
    """Return the folder that holds the scenario, recording it if the laboratory's cache has it not so long."""
    cached = folder() / f"{excerpt.scenario}.json"
    if cached.is_file() and json.loads(cached.read_text(encoding="utf-8"))["seconds"] == excerpt.seconds:
        return cached.parent
    command = (sys.executable, "-m", "tests.lab.hand.record", excerpt.scenario, str(excerpt.seconds), str(scratch))
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    return scratch


def _sidecar(excerpt: Excerpt, truth: dict[str, Any], ended: float, moved: dict[str, str], who: Actors) -> Sidecar:
    labels = [one for one in truth["labels"] if one["vantage"] == "laptop" and one["role"] != "none"]
    legs, sessions = truth["scenario"]["legs"], []
    for label in labels:
        host, _, port = label["remote"].rpartition(":")
        transport = label["transport_rtt_ms"] if excerpt.timed else None
        tool = excerpt.tools[label["tool"]]
        remote = f"{moved.get(host, host)}:{port}"
        sessions.append(Session(who.address, remote, tool, label["role"], transport, label["loop_rtt_ms"]))
    facts = {f"ping_{name}_ms": value for name, value in truth["pings"].items()}
    facts |= {name: legs[name] for name in ("near_ms", "far_ms", "office_ms", "jitter_ms")}
    if labels:
        facts |= {kind: sum(moment < ended for moment in truth[f"{kind[:-1]}_times"]) for kind in ("keys", "clicks")}
    driven, abroad = excerpt.levels
    return Sidecar(
        summary=excerpt.summary, vantage="host", truth=facts,
        tools=net.versions(("tcpdump", "--version"), *excerpt.programs),
        devices=[Device(who.address, who.laptop, "", excerpt.role, driven, abroad, "clear|not enough data")],
        sessions=sessions, must_find=list(excerpt.must_find), must_not_find=list(excerpt.must_not_find),
    )  # fmt: skip


_FAR = "clear|review|not enough data"
_X11VNC, _SOCAT = ("x11vnc", "-version"), ("socat", "-V")
_PYTHON = ("python3", "--version")
EXCERPTS = {
    "unknown-relayed": Excerpt(
        "x11vnc-tls-dialled-f60", 36,
        "An agent on the laptop dials a broker over TLS and is driven through it by a person 60 ms beyond: only timing "
        "shows it.",
        "company laptop, driven by an unknown tool over a TLS connection it opened itself",
        ("review|strong", _FAR),
        ("a hand that comes in over TLS from the broker, by timing alone", "the loop through the broker: a relay"),
        ("a name for the tool: there is none to see", "a farm"),
        {"x11vnc": "unknown"}, (_X11VNC,),
    ),
    "unknown-mirror": Excerpt(
        "freerdp-gfx-mirror-tls-w30", 60,
        "The laptop's own user drives a desktop in the office, over TLS that hides the tool: the mirror image.",
        "company laptop at work on an office desktop", ("clear", "clear"),
        ("a session of an unknown tool, role controlling",),
        ("driven above clear: the hand is the laptop's own user's",),
        {"freerdp-gfx": "unknown"}, (("freerdp-shadow-cli", "/version"), ("stunnel4", "-version")),
    ),
    "broker-relayed": Excerpt(
        "rustdesk-like-tls-dialled-f150", 60,
        "Screen, delay tests and input in one TLS connection that the laptop dials, as brokered tools do; the person "
        "is 150 ms beyond the broker.",
        "company laptop, driven through a tool's broker", ("review|strong", _FAR),
        ("a hand that comes in, by timing alone", "the loop through the broker"),
        ("a name for the tool", "a farm"),
        {"rustdesk-like": "unknown"}, (_PYTHON,),
    ),
    "wireguard-hand": Excerpt(
        "x11vnc-wireguard-f150", 20,
        "VNC inside a WireGuard tunnel from the laptop to an exit; the person is 150 ms beyond the exit.",
        "company laptop, driven inside a tunnel", ("review|strong", _FAR),
        ("a hand inside the tunnel, by timing alone", "WireGuard named"),
        ("VNC by name: the tunnel hides it", "a farm"),
        {"x11vnc": "unknown"}, (_X11VNC, ("wg", "--version")), timed=False,
        seconds=26,
    ),
    "stepping-stone": Excerpt(
        "x11vnc-stepping-reverse-f60", 60,
        "Somebody drives the laptop over VNC that it dialled through a relay, and types on from it into an office "
        "server over SSH.",
        "company laptop, driven and used as a stepping stone", ("review|strong", _FAR),
        ("an incoming VNC session", "the same hand going on over SSH: a stepping stone"),
        ("the SSH as the work of the laptop's own user alone", "a farm"),
        {"x11vnc": "vnc", "ssh": "ssh"}, (_X11VNC, _SOCAT, ("ssh", "-V")),
    ),
    "shared-document": Excerpt(
        "web-document-reading-1", 60,
        "A shared document on the web that others write in: their keys come in, small and at a human pace, and nobody "
        "drives anything.",
        "company laptop whose user reads a document as others write it", ("clear", "clear"),
        (), ("a hand: input of others comes in, and nothing on the laptop answers it", "anything above clear"),
        {}, (_PYTHON,),
    ),
    "voice-call": Excerpt(
        "voip-1", 16,
        "A call with voices only, SIP and media over UDP played from a plan: small packets both ways, no hand.",
        "company laptop whose user is on the telephone", ("clear", "clear"),
        (), ("a hand: packets come by a clock", "anything above clear"),
        {}, (_PYTHON,),
    ),
}  # fmt: skip
"""Excerpts by the name of their file; actors: :data:`tests.lab.cast.STAGES`."""
