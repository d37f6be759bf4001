"""The report document, schema version 1: the only thing renderers, the console and other programs read.

Frozen dataclasses; :mod:`farmwatch.reports.document` turns them into JSON and back, and ``farmwatch schema`` prints the
JSON schema generated from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from farmwatch.records.finding import Finding, WeightSource

__all__ = [
    "SCHEMA_VERSION",
    "Assessment",
    "ClaimAssessment",
    "Coverage",
    "Device",
    "Distance",
    "Farm",
    "FarmLink",
    "InputFile",
    "Lan",
    "LanHost",
    "Level",
    "Report",
    "Role",
    "Session",
    "Telemetry",
    "Tool",
    "Weight",
]

SCHEMA_VERSION = 1


class Level(StrEnum):
    """How far the evidence carries a claim."""

    STRONG = "strong"
    REVIEW = "review"
    CLEAR = "clear"
    NOT_ENOUGH_DATA = "not enough data"


class Role(StrEnum):
    """What this device does in a remote-control session."""

    CONTROLLED = "controlled"
    CONTROLLING = "controlling"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Tool:
    """The program that made the report; ``knowledge`` is the version of its knowledge files."""

    name: str
    version: str
    knowledge: str


@dataclass(frozen=True, slots=True)
class InputFile:
    """One input: what it was, how much of it was read, and what could not be."""

    path: str
    sha256: str
    kind: str
    vantage: Literal["host", "lan", "gateway", "unknown"]
    packets: int
    bytes: int
    first_ts: str | None
    last_ts: str | None
    complete: bool
    flows: int = 0
    rejects: dict[str, int] = field(default_factory=dict)
    error: str | None = None  #: why the input could not be read at all


@dataclass(frozen=True, slots=True)
class Weight:
    """One link of the chain from prior to verdict. ``counted`` is false where a stronger one of its group counts."""

    detector: str
    decibans: float
    counted: bool
    source: WeightSource
    reason: str
    group: str


@dataclass(frozen=True, slots=True)
class ClaimAssessment:
    """One claim weighed: prior plus counted weights gives ``decibans`` and ``probability``."""

    level: Level
    probability: float
    decibans: float
    prior_decibans: float
    weights: tuple[Weight, ...] = ()
    families: tuple[str, ...] = ()
    reason: str = ""  #: why this level and not another, in words
    overturn: str = ""  #: what would overturn it


@dataclass(frozen=True, slots=True)
class Assessment:
    """The three claims, weighed separately."""

    driven: ClaimAssessment
    abroad: ClaimAssessment
    farm: ClaimAssessment


@dataclass(frozen=True, slots=True)
class Distance:
    """How far the other end can be: a hard upper bound, and a likely range where a model gives one."""

    at_most: float
    likely: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One remote-control session, or flows that may be one."""

    session_id: str
    start: str
    end: str
    protocol: str
    local: str
    remote: str
    tool: str
    tool_name: str
    role: Role
    role_probability: float
    role_reason: str
    relayed: bool | None
    remote_name: str | None
    transport_rtt_ms: float | None
    loop_rtt_ms: float | None
    loop_rtt_interval_ms: tuple[float, float] | None
    loop_samples: int
    input_events: int | None
    distance_km: Distance | None
    bytes_in: int
    bytes_out: int
    flows: int
    input: int
    packets: tuple[int, ...]
    presses: int | None = None  #: key presses among the input events, estimated
    loop_note: str = ""  #: why there is no loop, or what limits the one there is
    relay_reason: str = ""  #: what tells a relay or its absence
    distance_note: str = ""  #: what the distance rests on, or why there is none
    regions: tuple[str, ...] = ()  #: as far from North America as its round trips say, likeliest first
    same_continent: bool | None = None  #: they are consistent with this one; None where nothing was measured
    approved: bool = False  #: the profile approves its tool


@dataclass(frozen=True, slots=True)
class Device:
    """One laptop or other device under judgement."""

    device_id: str
    ips: tuple[str, ...]
    macs: tuple[str, ...]
    names: tuple[str, ...]
    assessment: Assessment
    sessions: tuple[Session, ...]
    findings: tuple[Finding, ...]
    vendor: str | None = None
    not_looked_at: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    benign_considered: tuple[str, ...] = ()
    first_ts: str | None = None
    last_ts: str | None = None
    place: str | None = None  #: where the profile says it should be
    coordinates: tuple[float, float] | None = None  #: latitude and longitude of that place, in degrees


@dataclass(frozen=True, slots=True)
class LanHost:
    """A host seen on the local network."""

    macs: tuple[str, ...]
    ips: tuple[str, ...]
    names: tuple[str, ...]
    vendor: str | None
    role: str  #: device, gateway, server, kvm or neighbour
    note: str = ""


@dataclass(frozen=True, slots=True)
class Lan:
    """A local network as one input shows it."""

    lan_id: str
    input: int
    gateway: str | None
    hosts: tuple[LanHost, ...]


@dataclass(frozen=True, slots=True)
class FarmLink:
    """An attribute that several devices share, and how much that weighs."""

    attribute: str
    value: str
    devices: tuple[str, ...]
    decibans: float


@dataclass(frozen=True, slots=True)
class Farm:
    """A group of devices tied by shared attributes."""

    farm_id: str
    devices: tuple[str, ...]
    assessment: ClaimAssessment
    links: tuple[FarmLink, ...]
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far one detector could look at a fleet."""

    detector: str
    topic: str  #: what it looks at, as a noun
    looked_at: int  #: devices
    hits: int  #: devices
    no_data: dict[str, int]  #: reason -> devices


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What an assessment of a fleet looked at; the report lists only devices about which there is something to say."""

    since: str
    until: str
    devices: int  #: judged
    rows: int
    levels: dict[str, int]  #: level -> devices, each at its highest claim
    coverage: tuple[Coverage, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one run concluded."""

    tool: Tool
    inputs: tuple[InputFile, ...]
    devices: tuple[Device, ...]
    farms: tuple[Farm, ...]
    lans: tuple[Lan, ...] = ()
    notes: tuple[str, ...] = ()  #: limits of this run that a reader must know
    telemetry: Telemetry | None = None  #: of an assessment of a fleet
    schema_version: int = SCHEMA_VERSION
