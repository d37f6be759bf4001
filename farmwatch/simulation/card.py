"""The card of a synthetic fleet: every assumption, its value and its source, and what such a fleet cannot show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from farmwatch.simulation.parameters import SETUPS
from farmwatch.simulation.world import World

__all__ = ["card", "card_text"]

_CANNOT = (
    "Shares marked judged are guesses: no share of a real fleet has been measured for them.",
    "A detector that finds these farms finds what was written into them; farms that work otherwise are not here.",
    "Chance is independent where life is not: no departments, no seasons, no waves of updates beyond one restart time.",
    "Report descriptors of ordinary devices are digests made up for them.",
    "Addresses lie in blocks behind which no household is: a real database of places says nothing of them.",
    "Where an address is, the sign-in logs tell, wrong for a declared share.",
)


def card(
    world: World, seed: int, since: datetime, until: datetime, evasions: Sequence[str], feeds: Sequence[str]
) -> dict[str, Any]:
    """What a fleet was made of, as a JSON document."""
    sizes = np.bincount(world.farm[world.driven]) if world.driven.any() else np.zeros(0, np.int64)
    hands = Counter(SETUPS[code] for code in world.hand[world.driven].tolist())
    return {
        "kind": "farmwatch-simulation", "version": 1, "seed": seed, "devices": world.count,
        "since": since.isoformat().replace("+00:00", "Z"), "until": until.isoformat().replace("+00:00", "Z"),
        "driven": int(world.driven.sum()), "farms": len(sizes), "farm_sizes": sorted(sizes.tolist(), reverse=True),
        "setups": dict(sorted(hands.items())), "evasions_of_all": list(evasions), "feeds": list(feeds),
        "unusual": {name: int(flags.sum()) for name, flags in world.traits.items()},
        "assumptions": [
            {
                "name": one.name, "value": one.value, "meaning": one.sentence, "source": one.source,
                "tuned_between": list(one.inner), "drawn_between": list(one.outer),
            }
            for one in world.parameters.assumptions()
        ],
        "cannot_show": list(_CANNOT),
    }  # fmt: skip


def card_text(document: dict[str, Any]) -> str:
    """The card for people."""
    lines = [
        f"Synthetic fleet of {document['devices']:,} devices, seed {document['seed']}",
        f"{document['since']} to {document['until']}",
        f"{document['driven']:,} driven in {document['farms']:,} farms; sizes {document['farm_sizes']}",
        "", "Assumptions (value, meaning, source)",
    ]  # fmt: skip
    for one in document["assumptions"]:
        lines += [f"  {one['name']} = {one['value']:g}: {one['meaning']}", f"      source: {one['source']}"]
    lines += ["", "What it cannot show", *(f"  - {text}" for text in document["cannot_show"]), ""]
    return "\n".join(lines)
