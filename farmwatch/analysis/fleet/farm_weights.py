"""What each kind of sign of a farm weighs, and why: decibans by grade.

All of these numbers are judged, from the grades of docs/evidence.md (N8, N9, N14, E13, I1, E10) and these thoughts.
Two people at one line are mostly a couple that did not tell, so they weigh little; three whom the roster knows in three
homes are rare (N8: A for three or more), yet flat shares whose people never told where they moved look just so, and are
more than farms: three need one thing more. Homes within a commute of each other may share an office or a co-working
space that was not declared, so the place alone never makes such a group worth a person's time; homes far apart do. One
line is one cause, however many addresses show it; where the homes are declared to be is another fact. A power cut at
one line tells again that it is one line, and so counts with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from farmwatch.records import Claim, Family, Finding, Outcome

__all__ = ["BENIGN", "REASONS", "SIGNALS", "TITLES", "WEIGHTS", "at_least", "evidence"]

BENIGN = (
    "couples, flatmates or relatives who were not declared as such",
    "an office, a co-working space or a training that was not declared",
    "a repair or staging bench of the company",
)

TITLES: Mapping[str, str] = {
    "farm.site": "do laptops of several households share a line, by router, access point or a sure address?",
    "farm.address": "do laptops of several households come from one address of the internet?",
    "farm.places": "are laptops at one line declared beyond a commute from each other?",
    "farm.places_near": "are laptops at one line declared at different places near each other?",
    "farm.places_named": "are laptops at one line declared at places of different names?",
    "farm.starts": "do they start in the same minutes, more often than chance and the fleet explain?",
    "farm.cuts": "were they cut off in the same few minutes?",
    "farm.meeting": "do they join long meetings in the same minute?",
    "farm.hardware": "was one input device, hub or monitor plugged into several of them?",
    "farm.control": "does one far end drive several of them?",
    "farm.factor": "does one second factor sign in their owners?",
    "farm.token": "do their owners sign in with the token of one device?",
    "farm.signs": "what was found on members themselves, as evidence about the group: no more than chance leaves",
    "farm.visitor": "was it at the line of a found farm, without belonging to it by what is known?",
    "farm.member": "what the group says about one member, without that member's own findings",
}  #: what each sign asks, for explanations

SIGNALS: Mapping[str, tuple[str, ...]] = {
    "farm.site": ("N8", "E13"),
    "farm.address": ("N8",),
    "farm.places": ("N8",),
    "farm.places_near": ("N8",),
    "farm.places_named": ("N8",),
    "farm.starts": ("N14",),
    "farm.cuts": ("N8",),
    "farm.meeting": ("N13", "N14"),
    "farm.hardware": (),
    "farm.control": ("E10",),
    "farm.factor": ("I1",),
    "farm.token": ("I2",),
    "farm.signs": (),
    "farm.visitor": ("N8", "E13"),
    "farm.member": (),
}  #: rows of docs/evidence.md that each sign looks for; empty where it rests on a thought of ours or on other signs

#: Detector -> grade -> decibans. Grades of numbers read "so many or more".
WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "farm.site": {"2": 5.0, "3": 16.0, "4": 21.0, "5": 24.0},
    "farm.address": {"2": 2.0, "3": 8.0, "4": 10.0, "5": 12.0},
    "farm.places": {"2": 6.0, "3": 12.0, "4": 18.0, "5": 21.0},
    "farm.places_near": {"2": 2.0, "3": 4.0},
    "farm.places_named": {"2": 3.0, "3": 9.0, "4": 11.0, "5": 13.0},
    "farm.starts": {"often": 12.0, "sometimes": 6.0},
    "farm.cuts": {"2": 4.0, "3": 8.0, "5": 12.0},
    "farm.meeting": {"2": 6.0, "3": 10.0},
    "farm.hardware": {"2": 12.0, "3": 18.0},
    "farm.control": {"2": 18.0, "3": 22.0, "5": 24.0},
    "farm.factor": {"2": 18.0, "3": 22.0},
    "farm.token": {"2": 12.0, "3": 15.0},
    "farm.visitor": {"days": 18.0, "day": 15.0},
    "farm.member": {"in a strong farm": 24.0, "in a farm for review": 15.0},
}

REASONS: Mapping[str, str] = {
    "farm.site": "judged: households at one line (docs/evidence.md, N8 and E13); two are mostly a couple",
    "farm.address": "judged: half of a line's, since an address alone may be a carrier's (docs/evidence.md, M7)",
    "farm.places": "judged: homes declared beyond a commute from each other do not share a line (docs/evidence.md, N8)",
    "farm.places_near": "judged: within a commute, an office or a friend's home explains much",
    "farm.places_named": "judged: places known by name only may be near each other",
    "farm.starts": "judged: signal N14 in at least three hours, against what the fleet does in those minutes",
    "farm.cuts": "judged: a cut at one line shows one line",
    "farm.meeting": "judged: signals N13 and N14; teams keep a room open as well",
    "farm.hardware": "judged: an input device or monitor that moves between strangers' laptops (docs/evidence.md, E1)",
    "farm.control": "judged: one far end, no help desk's, in laptops of several households (docs/evidence.md, E10)",
    "farm.factor": "judged: one second factor for several people (docs/evidence.md, I1)",
    "farm.token": "judged: the token of one device in several people's sign-ins (docs/evidence.md, I2)",
    "farm.visitor": "judged: strangers' laptops are seldom at a farm's line; new ones, and passing guests, are",
    "farm.member": "judged: what such farms were, where they were found (docs/evidence.md, N8)",
}

#: Family, and cause: of one cause only the strongest counts.
_KINDS: Mapping[str, tuple[Family, str]] = {
    "farm.site": (Family.PLACE, "site"),
    "farm.address": (Family.PLACE, "site"),
    "farm.places": (Family.PLACE, "declared place"),
    "farm.places_near": (Family.PLACE, "declared place"),
    "farm.places_named": (Family.PLACE, "declared place"),
    "farm.starts": (Family.TIMING, "co-timing"),
    "farm.cuts": (Family.TIMING, "site"),
    "farm.meeting": (Family.TIMING, "co-timing"),
    "farm.hardware": (Family.HARDWARE, "shared hardware"),
    "farm.control": (Family.IDENTITY, "controller"),
    "farm.factor": (Family.IDENTITY, "factor"),
    "farm.token": (Family.IDENTITY, "device token"),
    "farm.visitor": (Family.PLACE, "site"),
    "farm.member": (Family.PLACE, "site"),
}


def at_least(detector: str, count: int) -> str | None:
    """The grade of so many or more; None where there are too few."""
    fitting = [grade for grade in WEIGHTS[detector] if int(grade) <= count]
    return max(fitting, key=int) if fitting else None


def evidence(
    detector: str, grade: str, summary: str, *, claim: Claim = Claim.FARM, observed: str = "", expected: str = "",
    less: float = 0.0,
) -> Finding:  # fmt: skip
    """One sign of a farm as a finding; ``less`` decibans where it was seen on few days."""
    family, group = _KINDS[detector]
    return Finding(
        detector=detector,
        family=family,
        claim=claim,
        outcome=Outcome.HIT,
        decibans=max(0.0, WEIGHTS[detector][grade] - less),
        summary=summary,
        observed=observed,
        expected=expected,
        benign=BENIGN,
        group=group,
        weight_reason=REASONS[detector],
        grade=grade,
    )
