"""What a detector answers: a finding, with its proof, its weight and the innocent explanations that were considered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Claim", "Evidence", "Family", "Finding", "Outcome", "Telling", "WeightSource"]


class Family(StrEnum):
    """Where evidence comes from. ``strong`` needs two families, because one cause can fool one family."""

    NAMES = "names"
    TIMING = "timing"
    HARDWARE = "hardware"
    IDENTITY = "identity"
    PLACE = "place"


class Claim(StrEnum):
    """What evidence speaks for."""

    DRIVEN = "driven"
    ABROAD = "abroad"
    FARM = "farm"


class Outcome(StrEnum):
    """A detector's answer about one device; silence is not one of them."""

    HIT = "hit"
    CLEAR = "clear"
    NO_DATA = "no data"


class WeightSource(StrEnum):
    """Where the number of a weight comes from."""

    MEASURED = "measured"
    PUBLISHED = "published"
    JUDGED = "judged"
    DECLARED = "declared"  #: by the profile's owner: a limit of theirs is exceeded, which is for a person to look at


@dataclass(frozen=True, slots=True)
class Evidence:
    """Rows that prove a finding: which table, which input, which packets (at most 20, lowest first)."""

    table: str
    input: int
    packets: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Telling:
    """Telemetry that proves a finding: which table, when, how many rows, and the senders' numbers of some of them."""

    table: str
    first_ts: str | None = None
    last_ts: str | None = None
    count: int = 1
    record_ids: tuple[str, ...] = ()  #: at most 20
    device_id: str | None = None  #: whose rows, where they are another device's


@dataclass(frozen=True, slots=True)
class Finding:
    """One detector's answer about one device.

    ``decibans`` is the weight of evidence, 10·log10 of the likelihood ratio: above zero speaks for the claim, below
    against it, zero for *no data* (Good 1950; docs/evidence.md, M6). ``group`` names the cause: of all findings of one
    group on one device only the strongest counts.
    """

    detector: str
    family: Family
    claim: Claim
    outcome: Outcome
    decibans: float
    summary: str
    observed: str = ""
    expected: str = ""
    benign: tuple[str, ...] = ()
    rows: tuple[Evidence, ...] = ()
    group: str = ""
    weight_source: WeightSource = WeightSource.JUDGED
    weight_reason: str = ""
    cap_decibans: float | None = None  #: most it may count; None: its family's cap
    conclusive: bool = False  #: a record that states the fact outright; may carry ``strong`` alone
    for_review: bool = False  #: a person should look whatever the odds, as at a KVM: at least ``review``
    grade: str = ""  #: which of the detector's weights it carries; '' where it has only one
    telling: tuple[Telling, ...] = ()  #: telemetry that proves it, beside ``rows`` of captures
