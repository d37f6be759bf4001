"""Which flows are a meeting's media."""

from __future__ import annotations

import pytest

from farmwatch.analysis.meetings import meeting_flows
from tests.rows import tables_of

LONG = {"device_id": "D", "ts": 0, "last_ts": 7200, "proto": "udp", "protocol": "rtp", "longest_silence_s": 2.0}


@pytest.mark.parametrize(
    ("shown", "kind", "found"),
    [
        ({}, "", True),
        ({"last_ts": 7100}, "", False),
        ({"longest_silence_s": 61.0}, "", False),
        ({"protocol": "dtls"}, "", False),
        ({"proto": "tcp", "protocol": "tls"}, "", False),
        ({"proto": "tcp", "protocol": "tls"}, "meeting", True),
        ({"proto": "tcp", "protocol": "tls"}, "remote_access", False),
    ],
    ids=["media", "short", "paused", "a tunnel", "a download", "named service", "another service"],
)
def test_long_media(shown, kind, found):
    """Two hours of a media protocol, or to a service that is known to hold meetings."""
    sightings = [{"device_id": "D", "flow": 0, "kind": kind, "tool": "x"}] if kind else []
    tables = tables_of(device_flows=[LONG | shown], tool_sightings=sightings)
    assert meeting_flows(tables, least_hours=2, most_silence_s=60) == ([0] if found else [])


def test_a_name_belongs_to_its_own_input():
    """The same flow number in another input is another flow."""
    row = LONG | {"proto": "tcp", "protocol": "tls", "input": 1}
    tables = tables_of(device_flows=[row], tool_sightings=[{"device_id": "D", "flow": 0, "kind": "meeting"}])
    assert meeting_flows(tables, least_hours=2, most_silence_s=60) == []
