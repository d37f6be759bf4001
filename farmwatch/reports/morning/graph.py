"""A farm drawn as a graph: devices as dots, what they share as squares, a line for every share.

Laid out by networkx: by stress (Kamada and Kawai 1989), which starts from a circle and so gives the same picture every
time; large farms by springs with a fixed seed.
"""

from __future__ import annotations

from typing import Any

from farmwatch.records.morning import MorningFarm, MorningTie
from farmwatch.reports import wording
from farmwatch.reports.escape import html_text
from farmwatch.reports.shapes import WIDTH, line, picture, px, text

__all__ = ["farm_graph"]

_MOST_TIES = 12  #: things shared that are drawn, heaviest first
_MOST_DEVICES = 120  #: more dots would be a blot
_NAMED = 36  #: farms up to this size have every device named
_STRESS = 60  #: nodes up to which layout by stress is quick
_MARGIN_X, _MARGIN_Y = 190.0, 30.0
_SEED = 7


def farm_graph(farm: MorningFarm) -> str:
    """The picture of a farm; '' where nothing is known to be shared."""
    ties = farm.ties[:_MOST_TIES]
    devices = [device for device in farm.devices if any(device in tie.devices for tie in ties)][:_MOST_DEVICES]
    if not ties or not devices:
        return ""
    height = 260.0 + 7.0 * min(len(devices), 40)
    at = _layout(devices, ties, height)
    parts = [
        line(*at[f"t{number}"], *at[f"d{place}"], "tie heavy" if tie.decibans >= 10 else "tie")
        for number, tie in enumerate(ties)
        for place, device in enumerate(devices)
        if device in tie.devices
    ]
    for place, device in enumerate(devices):
        x, y = at[f"d{place}"]
        parts.append(
            f'<circle cx="{px(x)}" cy="{px(y)}" r="6" class="host device"><title>{html_text(device)}</title></circle>'
        )
        if len(devices) <= _NAMED:
            left = x < WIDTH / 2
            parts.append(text(x + (-11 if left else 11), y + 4, wording.shortened(device, 26), "label",
                              "end" if left else "start"))  # fmt: skip
    for number, tie in enumerate(ties):
        x, y = at[f"t{number}"]
        said = f"{tie.attribute} {tie.value}, {wording.decibans(tie.decibans)} decibans"
        parts.append(
            f'<rect x="{px(x - 7)}" y="{px(y - 7)}" width="14" height="14" class="host shared">'
            f"<title>{html_text(said)}</title></rect>"
        )
        parts.append(text(x, y - 12, wording.shortened(f"{tie.attribute} {wording.decibans(tie.decibans)}", 34),
                          "label hub", "middle"))  # fmt: skip
    left_out = len(farm.devices) - len(devices)
    if left_out > 0 or len(farm.ties) > len(ties):
        more = []
        if left_out > 0:
            more.append(wording.plural(left_out, "more device"))
        if len(farm.ties) > len(ties):
            more.append(wording.plural(len(farm.ties) - len(ties), "more shared thing"))
        parts.append(text(WIDTH, height - 4, f"and {' and '.join(more)}, listed below", "tick", "end"))
    return picture(height, f"Farm {farm.farm_id}: what its devices share", parts)


def _layout(devices: list[str], ties: tuple[MorningTie, ...], height: float) -> dict[str, tuple[float, float]]:
    """Where every node stands in the picture."""
    import networkx as nx

    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(f"t{number}" for number in range(len(ties)))
    graph.add_nodes_from(f"d{place}" for place in range(len(devices)))
    for number, tie in enumerate(ties):
        members = set(tie.devices)
        graph.add_edges_from((f"t{number}", f"d{place}") for place, one in enumerate(devices) if one in members)
    raw: dict[str, Any]
    if len(graph) <= _STRESS and nx.is_connected(graph):
        raw = nx.kamada_kawai_layout(graph)
    else:
        raw = nx.spring_layout(graph, seed=_SEED, iterations=80)
    points = {node: (float(place[0]), float(place[1])) for node, place in raw.items()}
    low_x, high_x = min(x for x, _ in points.values()), max(x for x, _ in points.values())
    low_y, high_y = min(y for _, y in points.values()), max(y for _, y in points.values())
    wide, tall = max(high_x - low_x, 1e-6), max(high_y - low_y, 1e-6)
    return {
        node: (
            round(_MARGIN_X + (x - low_x) / wide * (WIDTH - 2 * _MARGIN_X), 1),
            round(_MARGIN_Y + (y - low_y) / tall * (height - 2 * _MARGIN_Y), 1),
        )
        for node, (x, y) in points.items()
    }
