"""Media flows of meetings: long, hardly pausing, to a meeting service or in a media protocol."""

from __future__ import annotations

import numpy as np

from farmwatch.records import DeviceFlow, Tables, ToolSighting

__all__ = ["meeting_flows"]

_MEDIA = ("rtp", "zoom", "stun")  #: DTLS and QUIC alone also carry VPNs and backups


def meeting_flows(tables: Tables, *, least_hours: float, most_silence_s: float) -> list[int]:
    """Rows of ``device_flows`` that are a meeting's media.

    Args:
        tables: of the run.
        least_hours: shortest duration.
        most_silence_s: longest gap between packets; media never pauses for long.
    """
    flows, seen = tables[DeviceFlow], tables[ToolSighting]
    named = {
        (int(number), int(flow))
        for number, flow, kind in zip(seen["input"], seen["flow"], seen["kind"], strict=True)
        if kind == "meeting"
    }
    hours = (flows["last_ts"] - flows["ts"]) / np.timedelta64(1, "h")
    long = np.flatnonzero((hours >= least_hours) & (flows["longest_silence_s"] <= most_silence_s))
    return [
        row
        for row in long.tolist()
        if (int(flows["input"][row]), int(flows["flow"][row])) in named
        or (flows["proto"][row] == "udp" and flows["protocol"][row] in _MEDIA)
    ]
