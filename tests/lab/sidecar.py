"""What is known about a capture, written beside it as ``NAME.toml`` and read back by tests.

A sidecar says where a capture comes from and what a scan of it must and must not find: in words for people, and per
device and session for ``tests``. An expected level that is empty has not been decided: tests leave it alone.
"""

from __future__ import annotations

import hashlib
import json
import struct
import tomllib
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = ("", "clear", "review", "strong", "not enough data")
"""Expected levels; one may also be a choice such as ``"clear|review"``."""


@dataclass(frozen=True, slots=True)
class Device:
    """One machine in a capture: address, role, and the level expected for each claim."""

    address: str
    mac: str
    name: str
    role: str
    driven: str = ""
    abroad: str = ""
    farm: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """One session a scan should report: the device's address, the far end, tool, the device's role, and true delays."""

    device: str
    remote: str
    tool: str
    role: str
    transport_rtt_ms: float | None = None
    loop_rtt_ms: float | None = None


@dataclass(slots=True)
class Sidecar:
    """Everything a sidecar file holds.

    ``stage`` names what no other capture shares: the router's hardware address (``gateway``) and, where the capture was
    recorded, the rest of :class:`tests.lab.cast.Actors`.
    """

    summary: str
    vantage: str
    devices: list[Device]
    sessions: list[Session] = field(default_factory=list)
    must_find: list[str] = field(default_factory=list)
    must_not_find: list[str] = field(default_factory=list)
    profile: dict[str, list[str]] = field(default_factory=dict)
    truth: dict[str, float] = field(default_factory=dict)
    stage: dict[str, str] = field(default_factory=dict)
    origin: str = ""
    made_by: str = ""
    tools: dict[str, str] = field(default_factory=dict)


def _value(value: object) -> str:
    # A JSON string, number or list of strings is also TOML.
    return json.dumps(value, ensure_ascii=False)


def _table(heading: str, values: dict[str, Any]) -> str:
    lines = [f"{key} = {_value(value)}" for key, value in values.items() if value is not None]
    return "\n".join(["", heading, *lines, ""])


def count_packets(path: Path) -> int:
    """Return the number of records in a classic little-endian pcap file."""
    data, at, count = path.read_bytes(), 24, 0
    while at < len(data):
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
        count += 1
    return count


def _keep(device: Device, earlier: dict[str, str]) -> Device:
    claims = ("driven", "abroad", "farm")
    return replace(device, **{claim: getattr(device, claim) or earlier.get(claim, "") for claim in claims})


def write(side: Sidecar, capture: Path) -> Path:
    """Write the sidecar of a capture and return its path.

    A level that is empty here and decided in the file being replaced is kept.
    """
    path = capture.with_suffix(".toml")
    if path.is_file():
        decided = {one["address"]: one for one in read(path)["devices"]}
        side.devices = [_keep(device, decided.get(device.address, {})) for device in side.devices]
    head = {
        "summary": side.summary,
        "origin": side.origin,
        "made_by": side.made_by,
        "vantage": side.vantage,
        "sha256": hashlib.sha256(capture.read_bytes()).hexdigest(),
        "packets": count_packets(capture),
        "bytes": capture.stat().st_size,
    }
    parts = [f"{key} = {_value(value)}\n" for key, value in head.items()]
    for key in ("must_find", "must_not_find"):
        items = "".join(f"    {_value(item)},\n" for item in getattr(side, key))
        parts.append(f"{key} = [\n{items}]\n")
    parts += [
        _table(f"[{heading}]", values)
        for heading in ("tools", "truth", "stage", "profile")
        if (values := getattr(side, heading))
    ]
    parts += [_table("[[devices]]", asdict(device)) for device in side.devices]
    parts += [_table("[[sessions]]", asdict(session)) for session in side.sessions]
    path.write_text("".join(parts), encoding="utf-8")
    return path


def load(path: Path) -> Sidecar:
    """Return a sidecar as it can be written again; checksum and sizes are taken from the capture then."""
    facts = {key: value for key, value in read(path).items() if key not in ("sha256", "packets", "bytes")}
    facts["devices"] = [Device(**one) for one in facts["devices"]]
    facts["sessions"] = [Session(**one) for one in facts.get("sessions", [])]
    return Sidecar(**facts)


def read(path: Path) -> dict[str, Any]:
    """Return a sidecar as tomllib reads it."""
    return tomllib.loads(path.read_text(encoding="utf-8"))
