"""For how long a participant of a meeting showed its own screen, as Zoom and Teams tell it.

Zoom tells it in three ways, the best of which counts:

* ``GET /metrics/meetings/{meetingId}/participants/sharing``: ``details`` with ``content`` (``desktop``,
  ``application``, ``whiteboard``, recordings), ``start_time`` and ``end_time`` of each share. It names no device, so
  its details have to be put beside the participant's other fields. A share without an end lasts until the participant
  leaves;
* ``share_desktop`` and ``share_application`` of a participant: whether it shared at all;
* ``user_qos[].as_input``: measures of application sharing as it comes *in from the participant*; ``as_output`` is what
  Zoom's servers send on to it (a Zoom engineer's answer on devforum.zoom.us, topic 44764). Samples that have it are
  counted and multiplied by the interval between samples, which on the dashboard is one a minute.

Teams tells it by the streams of media labelled ``applicationsharing-video``, or ``applicationsharing`` in older
clients: ``streamDirection`` says which end sends, ``startDateTime`` and ``endDateTime`` when. Microsoft fills in these
times for streams over SIP only; without them it is not known for how long.

Neither service says whether remote control was given in a meeting, or for how long it was used.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any

from farmwatch.collectors.feeds.documents import Misfit, parse_time
from farmwatch.collectors.feeds.rows import dicts_of

__all__ = ["teams_shared_s", "zoom_shared_s"]

_SCREENS = frozenset({"desktop", "application"})  # of Zoom's sharing details; a whiteboard shows no screen
_FLAGS = ("share_desktop", "share_application")
_MEASURES = ("bitrate", "latency", "frame_rate", "resolution")
_USUAL_INTERVAL_S = 60.0  # of samples on Zoom's dashboard
_LONGEST_INTERVAL_S = 120.0  # between samples; beyond, none were taken for a while
_LABELS = ("applicationsharing", "vbss", "screensharing")
_SENDING = {"caller": "callertocallee", "callee": "calleetocaller"}
_LONGEST_S = 86_400.0 * 7


def zoom_shared_s(participant: dict[str, Any]) -> float | None:
    """Seconds for which a participant of a Zoom meeting shared its screen or a window; None where nothing tells."""
    joined, left = _time(participant.get("join_time")), _time(participant.get("leave_time"))
    flags = [participant.get(name) for name in _FLAGS]
    details = participant.get("details")
    if isinstance(details, list):
        shares = [one for one in dicts_of(details) if str(one.get("content")).strip().lower() in _SCREENS]
        if shares or True not in flags:  # else the details lack what the flags tell of
            until = participant.get("leave_time")
            return _together(((one.get("start_time"), one.get("end_time") or until) for one in shares), joined, left)
    if flags == [False, False]:
        return 0.0
    samples = dicts_of(participant.get("user_qos"))
    if not samples:
        return None
    sharing = {one.get("date_time") for one in samples if _measured(one.get("as_input")) and _plain(one)}
    if not sharing:
        return None if True in flags else 0.0
    seconds = len(sharing) * _interval(samples)
    return seconds if joined is None or left is None else min(seconds, max((left - joined).total_seconds(), 0.0))


def _plain(sample: dict[str, Any]) -> bool:
    return isinstance(sample.get("date_time"), str)


def _measured(quality: Any) -> bool:
    """Whether anything was measured: fields of what was not shared are blank or 0."""
    if not isinstance(quality, dict):
        return False
    return any(any(digit in "123456789" for digit in str(quality.get(name) or "")[:40]) for name in _MEASURES)


def _interval(samples: list[dict[str, Any]]) -> float:
    """Seconds between samples: the middle of what lies between those there are."""
    times = sorted({at for one in samples if (at := _time(one.get("date_time"))) is not None})
    gaps = [(after - before).total_seconds() for before, after in pairwise(times)]
    gaps = [gap for gap in gaps if 1 <= gap <= _LONGEST_INTERVAL_S]
    return median(gaps) if gaps else _USUAL_INTERVAL_S


def teams_shared_s(session: dict[str, Any], side: str) -> float | None:
    """Seconds for which one end of a Teams session shared its screen; None where nothing tells.

    Args:
        session: of a call record, with its segments.
        side: ``caller`` or ``callee``.
    """
    media = [one for segment in dicts_of(session.get("segments")) for one in dicts_of(segment.get("media"))]
    shared = [one for one in media if str(one.get("label")).lower().startswith(_LABELS)]
    modalities = session.get("modalities")
    if not shared:
        words = [str(one).lower() for one in modalities] if isinstance(modalities, list) else []
        said = bool(words) and not any("screensharing" in word for word in words)
        return 0.0 if media and said else None
    streams = [
        (str(one.get("streamDirection")).lower(), one) for medium in shared for one in dicts_of(medium.get("streams"))
    ]
    own = [one for direction, one in streams if direction == _SENDING[side] and one.get("packetUtilization") != 0]
    if not own:
        return 0.0 if streams and all(direction in _SENDING.values() for direction, _ in streams) else None
    began, ended = _time(session.get("startDateTime")), _time(session.get("endDateTime"))
    return _together(((one.get("startDateTime"), one.get("endDateTime")) for one in own), began, ended)


def _together(spans: Iterable[tuple[Any, Any]], first: datetime | None, last: datetime | None) -> float | None:
    """Seconds covered by spans of time within a stay; None where one of them lacks an end."""
    read: list[tuple[datetime, datetime]] = []
    for start, end in spans:
        begun, ended = _time(start), _time(end)
        if begun is None or ended is None:
            return None
        within = (max(begun, first) if first else begun, min(ended, last) if last else ended)
        if within[0] < within[1]:
            read.append(within)
    seconds, until = 0.0, min(read, default=(None,))[0]
    for begun, ended in sorted(read):
        if until is not None and ended > until:
            seconds += (ended - max(begun, until)).total_seconds()
            until = ended
    return min(seconds, _LONGEST_S)


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return parse_time(value, "time")
    except Misfit:
        return None
