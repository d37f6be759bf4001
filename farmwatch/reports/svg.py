"""Pictures of a report as inline SVG: sessions over time, round trips over distance, hosts of a local network.

Why drawn here and not by a plot library: three pictures of boxes, dots and lines are a page of arithmetic, must not
pull in a hundred megabytes, must be the same bytes every time, and must follow the page's light, dark and print
colours, which they do because every shape carries a class and no colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from farmwatch.records.distance import FARTHEST_KM, KM_PER_MS
from farmwatch.records.report import Device, Lan, LanHost, Role, Session
from farmwatch.reports import reading, wording
from farmwatch.reports.escape import html_text
from farmwatch.reports.shapes import (
    LABELS,
    LANE,
    RIGHT,
    WIDTH,
    Lane,
    diamond,
    label,
    lane_of,
    line,
    picture,
    px,
    text,
)

__all__ = ["lan_map", "round_trips", "timeline"]

Timed: TypeAlias = tuple[Session, datetime, datetime]  # session, start, end

_MAX_PANELS = 10  # periods of a timeline
_ONE_AXIS = timedelta(days=2)  # sessions within it share an axis
_BREAK = timedelta(hours=12)  # a silence this long starts a new axis where they do not
_DATE_ROOM = 76  # what a date takes of the axis
_MAX_HOSTS = 36  # hosts in a network map
_STEPS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)


def timeline(device: Device) -> str:
    """A device's sessions on UTC time axes, one lane per tool and far end; '' where it has none with a time.

    Days apart are drawn one below the other, each with its own axis, because a bar of minutes would not be seen on an
    axis of months. Bars have a least width, so that a session of no length is still seen. With many far ends the quiet
    ones share a lane.
    """
    timed = [
        (session, start, max(start, end))
        for session in reading.ordered_sessions(device)
        if (start := wording.moment(session.start)) is not None and (end := wording.moment(session.end)) is not None
    ]
    if not timed:
        return ""
    panels = _panels(timed)
    parts: list[str] = []
    top = 0.0
    for panel in panels[:_MAX_PANELS]:
        drawn, height = _panel(panel, top)
        parts.extend(drawn)
        top += height
    if len(panels) > _MAX_PANELS:
        left_out = sum(len(panel) for panel in panels[_MAX_PANELS:])
        more = (
            f"and {wording.plural(left_out, 'later session')} in {len(panels) - _MAX_PANELS} more periods, listed below"
        )
        parts.append(text(0, top + 12, more, "tick"))
        top += 24
    return picture(top, f"Sessions of {reading.title(device)} over time", parts)


def _panels(timed: list[Timed]) -> list[list[Timed]]:
    """Sessions cut into periods wherever nothing ran for half a day; one period where all fits in two days."""
    entries = sorted(timed, key=lambda entry: (entry[1], entry[2], entry[0].session_id))
    end = max(entry[2] for entry in entries)
    panels: list[list[Timed]] = [[entries[0]]]
    reached = entries[0][2]
    for entry in entries[1:]:
        if end - entries[0][1] > _ONE_AXIS and entry[1] - reached > _BREAK:
            panels.append([])
        panels[-1].append(entry)
        reached = max(reached, entry[2])
    return panels


def _panel(timed: list[Timed], top: float) -> tuple[list[str], float]:
    """One period of the timeline, drawn from ``top`` down, and its height."""
    lanes: dict[Lane, list[Timed]] = {}
    for entry in timed:
        lanes.setdefault(lane_of(entry[0], lanes), []).append(entry)
    first, last = min(start for _, start, _ in timed), max(end for _, _, end in timed)
    if last - first < timedelta(seconds=10):
        first, last = first - timedelta(seconds=30), last + timedelta(seconds=30)
    seconds = (last - first).total_seconds()
    room = WIDTH - LABELS - RIGHT

    def across(at: datetime) -> float:
        return LABELS + room * (at - first).total_seconds() / seconds

    bottom = top + 16 + len(lanes) * LANE
    parts = _time_axis(first, last, top, bottom, across(first), room)
    for row, (name, entries) in enumerate(lanes.items()):
        y = top + 16 + row * LANE
        parts.extend(label(name, y))
        parts.append(line(LABELS, y + LANE - 1, WIDTH - RIGHT, y + LANE - 1, "grid"))
        for session, start, end in entries:
            wide = max(across(end) - across(start), 3.0)
            left = min(across(start), WIDTH - RIGHT - wide)
            kind = Role.UNCLEAR if reading.idle_line(session) else session.role
            parts.append(
                f'<rect x="{px(left)}" y="{px(y + 6)}" width="{px(wide)}" height="{LANE - 12}" rx="2" '
                f'class="bar {kind}"><title>{html_text(wording.session_sentence(session))}</title></rect>'
            )
    return parts, bottom + 38 - top


def _time_axis(first: datetime, last: datetime, top: float, bottom: float, left: float, room: float) -> list[str]:
    """Ticks at round times, with the date under the first tick of each day that has room for it."""
    seconds = (last - first).total_seconds()
    step = next((step for step in _STEPS_S if seconds / step <= 8), None)
    if step is None:
        step = math.ceil(seconds / 8 / 604800) * 604800
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    tick = math.ceil((first - epoch).total_seconds() / step) * step
    parts: list[str] = []
    day, free = None, -math.inf
    while tick <= (last - epoch).total_seconds():
        at = epoch + timedelta(seconds=tick)
        x = left + room * (at - first).total_seconds() / seconds
        parts.append(line(x, top + 12, x, bottom, "grid"))
        parts.append(text(x, bottom + 14, f"{at:%H:%M:%S}" if step < 60 else f"{at:%H:%M}", "tick", "middle"))
        if at.date() != day and x >= free:
            parts.append(text(x, bottom + 28, f"{at:%Y-%m-%d}", "tick", "middle"))
            day, free = at.date(), x + _DATE_ROOM
        tick += step
    return parts


def round_trips(device: Device) -> str:
    """Transport and loop round trips of a device's sessions and the distance they allow; '' where none is known."""
    rows = [
        session
        for session in reading.ordered_sessions(device)
        if session.transport_rtt_ms is not None or session.loop_rtt_ms is not None
    ]
    if not rows:
        return ""
    lanes: dict[Lane, list[Session]] = {}
    for session in rows:
        lanes.setdefault(lane_of(session, lanes), []).append(session)
    highest: float = max(
        value
        for session in rows
        for value in (session.transport_rtt_ms, session.loop_rtt_ms, *(session.loop_rtt_interval_ms or ()))
        if value is not None
    )
    step = _round_step(max(highest, 1.0) / 6)
    top_ms = step * math.ceil(max(highest, 1.0) * 1.04 / step)
    room, top = WIDTH - LABELS - RIGHT - 20, 34
    bottom = top + len(lanes) * LANE

    def across(ms: float) -> float:
        return LABELS + room * ms / top_ms

    parts = [text(0, 14, "farthest the other end can be", "tick"), text(0, bottom + 16, "round trip", "tick")]
    for number in range(round(top_ms / step) + 1):
        ms = number * step
        parts.append(line(across(ms), top - 6, across(ms), bottom, "grid"))
        parts.append(text(across(ms), bottom + 16, f"{ms:g} ms", "tick", "middle"))
        far = ms * KM_PER_MS
        shown = "anywhere" if far >= FARTHEST_KM else wording.kilometres(far) if number else "0 km"
        parts.append(text(across(ms), 14, shown, "tick", "middle"))
    for row, (name, sessions) in enumerate(lanes.items()):
        y = top + row * LANE
        parts.extend(label(name, y - 2))
        for session in sessions:
            parts.extend(_round_trip(session, y + LANE / 2, across))
    return picture(bottom + 28, f"Round trips of {reading.title(device)}", parts)


def _round_trip(session: Session, y: float, across: Callable[[float], float]) -> list[str]:
    """One session: a dot for the transport, a bar with a diamond for the loop."""
    parts: list[str] = []
    if session.transport_rtt_ms is not None and session.loop_rtt_ms is not None:
        parts.append(line(across(session.transport_rtt_ms), y, across(session.loop_rtt_ms), y, "link"))
    if session.loop_rtt_ms is not None:
        low, high = session.loop_rtt_interval_ms or (session.loop_rtt_ms, session.loop_rtt_ms)
        parts.append(line(across(low), y, across(high), y, "interval"))
        x = across(session.loop_rtt_ms)
        title = html_text(f"loop RTT {wording.milliseconds(session.loop_rtt_ms)}")
        parts.append(f'<polygon points="{diamond(x, y, 6)}" class="loop"><title>{title}</title></polygon>')
    if session.transport_rtt_ms is not None:
        title = html_text(f"transport RTT {wording.milliseconds(session.transport_rtt_ms)}")
        parts.append(
            f'<circle cx="{px(across(session.transport_rtt_ms))}" cy="{px(y)}" r="5" class="transport">'
            f"<title>{title}</title></circle>"
        )
    return parts


def _round_step(least: float) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that is not below ``least``."""
    power = math.pow(10.0, math.floor(math.log10(least)))
    return next((power * factor for factor in (1.0, 2.0, 5.0) if power * factor >= least * 0.999), power * 10)


_HOST_ORDER = {"gateway": 0, "device": 1, "kvm": 2, "infrastructure": 3, "neighbour": 4}


def lan_map(lan: Lan) -> str:
    """A local network: the gateway in the middle, devices and KVMs left, the rest right, where that balances."""
    hosts = sorted(lan.hosts, key=lambda host: (_HOST_ORDER.get(host.role, 5), host.ips, host.macs))
    gateways = [host for host in hosts if host.role == "gateway"]
    others = [host for host in hosts if host.role != "gateway"]
    shown = others[:_MAX_HOSTS]
    left = [host for host in shown if host.role in {"device", "kvm"}]
    right = [host for host in shown if host.role not in {"device", "kvm"}]
    if len(left) > 2 * len(right) + 2 or len(right) > 2 * len(left) + 8:
        left, right = shown[: -(-len(shown) // 2)], shown[-(-len(shown) // 2) :]
    rows = max(len(left), len(right), 2)
    pitch, top = 46, 12
    height = top + rows * pitch + (18 if len(others) > len(shown) else 0)
    middle_x, middle_y = WIDTH / 2, top + rows * pitch / 2
    parts: list[str] = []
    nodes: list[str] = []
    for column, x, anchor, offset in ((left, 330.0, "end", -16), (right, WIDTH - 330.0, "start", 16)):
        start = top + (rows - len(column)) * pitch / 2 + pitch / 2
        for number, host in enumerate(column):
            y = start + number * pitch
            parts.append(line(middle_x, middle_y, x, y, "cable"))
            nodes.append(_host_mark(host, x, y))
            nodes.append(text(x + offset, y - 2, wording.shortened(_host_name(host), 38), "label", anchor))
            nodes.append(text(x + offset, y + 13, wording.shortened(_host_facts(host), 52), "tick", anchor))
    gateway = gateways[0] if gateways else None
    nodes.append(f'<rect x="{px(middle_x - 9)}" y="{px(middle_y - 9)}" width="18" height="18" class="host gateway"/>')
    nodes.append(
        text(
            middle_x,
            middle_y + 26,
            wording.shortened(_host_name(gateway) if gateway else lan.gateway or "gateway not seen", 26),
            "label",
            "middle",
        )
    )
    if gateway and gateway.vendor:
        nodes.append(text(middle_x, middle_y + 40, wording.shortened(gateway.vendor, 26), "tick", "middle"))
    if len(others) > len(shown):
        nodes.append(text(WIDTH, height - 4, f"and {len(others) - len(shown)} more hosts", "tick", "end"))
    return picture(max(height, middle_y + 48), f"Hosts of local network {lan.lan_id}", parts + nodes)


def _host_mark(host: LanHost, x: float, y: float) -> str:
    """A diamond for a KVM, a square for a device, a dot for the others."""
    kind = host.role if host.role in _HOST_ORDER else "neighbour"
    macs = ", ".join(wording.short_mac(mac) for mac in host.macs)
    title = f"<title>{html_text(f'{_host_facts(host)} {macs}')}</title>"
    if kind == "kvm":
        return f'<polygon points="{diamond(x, y, 10)}" class="host kvm">{title}</polygon>'
    if kind == "device":
        return f'<rect x="{px(x - 8)}" y="{px(y - 8)}" width="16" height="16" class="host device">{title}</rect>'
    return f'<circle cx="{px(x)}" cy="{px(y)}" r="7" class="host {kind}">{title}</circle>'


def _host_name(host: LanHost) -> str:
    """What to call a host in a picture."""
    return next(iter((*host.names, *host.ips, *(wording.short_mac(mac) for mac in host.macs))), "unknown")


def _host_facts(host: LanHost) -> str:
    """Role, address, vendor and note in one line."""
    facts = (host.role, *host.ips[:1], host.vendor or "", host.note)
    return " · ".join(fact for fact in facts if fact)
