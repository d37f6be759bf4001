"""A farm drawn as a graph: its devices on the left, what they share on the right, a line for every share.

Laid out by networkx in two layers. Things that the same devices share are one square, heaviest first; devices stand
beside those that share as much as they do. So the picture is the same every time, and no name covers another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from farmwatch.records.morning import MorningFarm, MorningTie
from farmwatch.reports import wording
from farmwatch.reports.escape import html_text
from farmwatch.reports.shapes import line, picture, px, text

__all__ = ["farm_graph"]

_MOST_HUBS = 14  #: groups of shared things that are drawn
_MOST_DEVICES = 120  #: more dots would be a blot
_NAMED = 45  #: farms up to this size have every device named
_DEVICE_X, _HUB_X = 250.0, 560.0
_TOP = 18.0
_PITCH, _CLOSE_PITCH, _HUB_PITCH = 19.0, 7.0, 34.0
_HEAVY_DECIBANS = 10.0


@dataclass(frozen=True, slots=True)
class _Hub:
    """Things that the same devices share."""

    ties: tuple[MorningTie, ...]
    devices: frozenset[str]

    @property
    def decibans(self) -> float:
        """Weight of the heaviest of them: they may have one cause."""
        return self.ties[0].decibans


def farm_graph(farm: MorningFarm) -> str:
    """The picture of a farm; '' where nothing is known to be shared."""
    hubs = _hubs(farm)[:_MOST_HUBS]
    order = {device: tuple(device not in hub.devices for hub in hubs) for device in farm.devices}
    tied = sorted((device for device, out in order.items() if not all(out)), key=lambda device: (order[device], device))
    devices = tied[:_MOST_DEVICES]
    if not devices:
        return ""
    place_of = {device: place for place, device in enumerate(devices)}
    hubs = sorted((hub for hub in hubs if hub.devices & place_of.keys()), key=lambda hub: _middle(hub, place_of))
    named = len(devices) <= _NAMED
    tall = max((len(devices) - 1) * (_PITCH if named else _CLOSE_PITCH), (len(hubs) - 1) * _HUB_PITCH)
    at = _layout(len(devices), len(hubs), tall)
    parts = [
        line(*at[f"d{place}"], *at[f"h{number}"], "tie heavy" if hub.decibans >= _HEAVY_DECIBANS else "tie")
        for number, hub in enumerate(hubs)
        for place, device in enumerate(devices)
        if device in hub.devices
    ]
    for place, device in enumerate(devices):
        x, y = at[f"d{place}"]
        said = html_text(device)
        size = 6 if named else 3
        parts.append(f'<circle cx="{px(x)}" cy="{px(y)}" r="{size}" class="host device"><title>{said}</title></circle>')
        if named:
            parts.append(text(x - 12, y + 4, wording.shortened(device, 34), "label", "end"))
    for number, hub in enumerate(hubs):
        parts += _hub(hub, *at[f"h{number}"])
    more = []
    if len(farm.devices) > len(devices):
        more.append(wording.plural(len(farm.devices) - len(devices), "more device"))
    left_out = len(farm.ties) - sum(len(hub.ties) for hub in hubs)
    if left_out:
        more.append(wording.plural(left_out, "more shared thing"))
    height = tall + 2 * _TOP + 8
    if more:
        height += 16
        parts.append(text(0, height - 6, f"and {' and '.join(more)}, not drawn", "tick"))
    return picture(height, f"Farm {farm.farm_id}: what its devices share", parts)


def _hubs(farm: MorningFarm) -> list[_Hub]:
    """What is shared, by the devices that share it, heaviest first."""
    members = frozenset(farm.devices)
    found: dict[frozenset[str], list[MorningTie]] = {}
    for tie in farm.ties:
        found.setdefault(members & frozenset(tie.devices), []).append(tie)
    return [_Hub(tuple(ties), devices) for devices, ties in found.items() if devices]


def _middle(hub: _Hub, place_of: Mapping[str, int]) -> float:
    """Where its devices stand on average: beside them its lines cross fewer others."""
    places = [place_of[device] for device in hub.devices if device in place_of]
    return sum(places) / len(places)


def _hub(hub: _Hub, x: float, y: float) -> list[str]:
    """A square with what it stands for: the heaviest thing and its value, then the others by their kind."""
    first = hub.ties[0]
    others = wording.joined(list(dict.fromkeys(tie.attribute for tie in hub.ties[1:])), 3)
    said = "; ".join(f"{tie.attribute} {tie.value} {wording.decibans(tie.decibans)}" for tie in hub.ties[:12])
    share = wording.plural(len(hub.devices), "device")
    named = f"{first.attribute} {first.value}: {wording.decibans(first.decibans)}, {share}"
    square = f'<rect x="{px(x - 7)}" y="{px(y - 7)}" width="14" height="14" class="host shared">'
    drawn = [f"{square}<title>{html_text(said)}</title></rect>"]
    drawn.append(text(x + 14, y + (-1 if others else 4), wording.shortened(named, 58), "label"))
    if others:
        drawn.append(text(x + 14, y + 12, wording.shortened(f"and {others}", 62), "tick"))
    return drawn


def _layout(devices: int, hubs: int, tall: float) -> dict[str, tuple[float, float]]:
    """Where every node stands in the picture."""
    import networkx as nx

    layers = {0: [f"d{place}" for place in range(devices)], 1: [f"h{number}" for number in range(hubs)]}
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(layers[0] + layers[1])
    placed = nx.multipartite_layout(graph, subset_key=layers)  # given as lists: as attributes they would lose order
    rows = {node: float(point[1]) for node, point in placed.items()}
    return {
        **_column(layers[0], rows, _DEVICE_X, tall),
        **_column(layers[1], rows, _HUB_X, tall),
    }


def _column(nodes: list[str], rows: dict[str, float], x: float, tall: float) -> dict[str, tuple[float, float]]:
    """One layer, from top to bottom; a single node in the middle."""
    low, high = min(rows[node] for node in nodes), max(rows[node] for node in nodes)
    if high - low < 1e-9:
        return dict.fromkeys(nodes, (x, _TOP + tall / 2))
    return {node: (x, round(_TOP + tall * (rows[node] - low) / (high - low), 1)) for node in nodes}
