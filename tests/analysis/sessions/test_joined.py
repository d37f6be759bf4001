"""Sessions of known tools and of timing in one table: each once, and what a protocol proves stands."""

from __future__ import annotations

import pytest

from farmwatch.analysis.sessions.joined import UNKNOWN_TOOL, joined_sessions
from farmwatch.knowledge import Kind, Match, load_knowledge
from farmwatch.knowledge.entries import Fact, Grade, Layer, Side, Sign
from tests.rows import table_of

SESSION = {
    "session_id": "S1", "device_id": "L", "tool": "vnc", "tool_name": "VNC", "start": 10, "end": 70, "role": "unclear",
    "role_probability": 0.5, "members": "1", "flows": 1, "proto": "tcp", "live": True, "remote": "198.51.100.7:5900",
}  # fmt: skip
HAND = {
    "device_id": "L", "flow": 1, "members": "1", "start": 10, "end": 70, "proto": "tcp", "local": "10.0.0.5:5900",
    "remote": "198.51.100.7:5900", "remote_h": "198.51.100.7", "remote_scope": "public", "role": "controlled",
    "controlled_p": 0.99, "controlling_p": 0.01, "why": "much comes in", "events": 100, "sweeps": 7, "presses": 44,
    "loop_rtt_ms": 190.0, "loop_low_ms": 188.0, "loop_high_ms": 193.0, "loop_samples": 300, "relayed": 1,
    "relay_reason": "loop 190 ms", "first_packet": 5, "last_packet": 90,
}  # fmt: skip
FLOW = {
    "device_id": "L", "flow": 1, "ts": 9, "last_ts": 71, "proto": "tcp", "local_h": "10.0.0.5",
    "remote_h": "198.51.100.7", "remote_name": "relay.example", "local_side": 0, "bytes_out": 5000, "bytes_in": 400,
    "rtt_ms": 12.0, "rtt_samples": 30,
}  # fmt: skip


def joined(sessions=(), hands=(), flows=None, by_flow=None):
    """Rows of the joined table; flows as the hands need them."""
    numbers = {int(flow) for hand in hands for flow in hand["members"].split(",")}
    flows = flows if flows is not None else [FLOW | {"flow": number} for number in sorted(numbers)]
    return list(
        joined_sessions(
            table_of("sessions", sessions), table_of("hands", hands), table_of("device_flows", flows), by_flow or {}
        ).rows()
    )


def test_timing_fills_in_what_the_protocol_leaves_open():
    """Role, events, keys, loop and relay; the tool keeps its name."""
    (row,) = joined([SESSION], [HAND])
    assert (row.tool, row.role, row.role_probability, row.role_reason) == ("vnc", "controlled", 0.99,
                                                                           "timing: much comes in")  # fmt: skip
    assert (row.timed, row.input_events, row.presses) == (True, 107, 44)
    assert (row.loop_rtt_ms, row.loop_low_ms, row.loop_high_ms, row.loop_samples) == (190.0, 188.0, 193.0, 300)
    assert (row.relayed, row.relay_reason, row.loop_note) == (1, "loop 190 ms", "")
    assert row.proven is False


@pytest.mark.parametrize("proven", ["controlled", "controlling"])
@pytest.mark.parametrize("timed", ["controlled", "controlling", "unclear"])
def test_a_proven_role_is_never_turned(proven, timed):
    """Whatever timing says; it counts as seen by timing only where both say the same."""
    session = SESSION | {"role": proven, "proven": True, "role_probability": 1.0, "role_reason": "the protocol"}
    (row,) = joined([session], [HAND | {"role": timed, "controlling_p": 0.97}])
    assert (row.role, row.role_probability, row.role_reason, row.proven) == (proven, 1.0, "the protocol", True)
    assert row.timed is (proven == timed)
    assert (row.input_events is None) == (proven != timed)


def test_a_proven_relay_stands():
    """What is known of the relay is not overwritten by timing; only what is not known is filled in."""
    (row,) = joined([SESSION | {"relayed": 0}], [HAND])
    assert row.relayed == 0
    (row,) = joined([SESSION], [HAND | {"relayed": None}])
    assert row.relayed is None


def test_a_device_that_drives_has_no_loop():
    """The loop of its own requests tells nothing of a person."""
    (row,) = joined([SESSION | {"role": "controlling", "proven": True}], [HAND | {"role": "controlling"}])
    assert (row.loop_rtt_ms, row.loop_samples, row.relayed) == (None, 0, None)
    assert row.timed is True


@pytest.mark.parametrize("role", ["controlled", "controlling"])
def test_a_session_nobody_recognised_is_added_once(role):
    """Of an unknown tool, with its far end, flows and numbers; never proven."""
    hand = HAND | {"role": role, "members": "1,3", "controlling_p": 0.95}
    rows = joined([], [hand], [FLOW, FLOW | {"flow": 3, "bytes_out": 9000, "ts": 4, "remote_name": "media.example"}])
    (row,) = rows
    assert (row.session_id, row.tool, row.tool_name, row.role, row.proven) == (
        "S1", UNKNOWN_TOOL, "an unknown tool", role, False,
    )  # fmt: skip
    assert (row.flows, row.members, row.bytes_out, row.bytes_in) == (2, "1,3", 14_000, 800)
    assert row.remote_name == "media.example", "of the flow that carried most"
    assert row.start.timestamp() == 4
    assert (row.meeting, row.dialled, row.live, row.timed) == (False, True, True, True)
    assert (row.rtt_ms, row.rtt_samples) == (12.0, 30)
    assert (row.first_packet, row.last_packet) == (5, 90)


def test_a_flow_whose_role_is_unclear_adds_no_session():
    assert joined([], [HAND | {"role": "unclear"}]) == []
    (row,) = joined([SESSION], [HAND | {"role": "unclear"}])
    assert (row.role, row.timed, row.loop_rtt_ms) == ("unclear", False, 190.0)


def test_channels_of_one_session_are_one_row():
    """Control and media of a known tool: its busiest channel with a role speaks, and neither is added again."""
    idle = HAND | {"flow": 2, "members": "2", "role": "unclear", "events": 500, "loop_rtt_ms": 30.0}
    less = HAND | {"flow": 3, "members": "3", "events": 50, "loop_rtt_ms": 40.0}
    (row,) = joined([SESSION | {"members": "1,2,3", "flows": 3}], [HAND, idle, less])
    assert (row.role, row.input_events, row.loop_rtt_ms, row.members) == ("controlled", 107, 190.0, "1,2,3")


def test_a_hand_over_several_flows_belongs_to_the_session_of_any_of_them():
    (row,) = joined([SESSION | {"members": "4"}], [HAND | {"members": "1,4"}])
    assert (row.tool, row.role) == ("vnc", "controlled")


@pytest.mark.parametrize("columns", [{"device_id": "OTHER"}, {"input": 1}, {"flow": 2, "members": "2"}])
def test_another_device_input_or_flow_is_another_session(columns):
    hand = HAND | columns
    flow = FLOW | {name: value for name, value in columns.items() if name != "members"}
    rows = joined([SESSION], [hand], [flow])
    assert sorted(row.tool for row in rows) == [UNKNOWN_TOOL, "vnc"]
    assert next(row for row in rows if row.tool == "vnc").timed is False


def test_sessions_are_numbered_in_order_of_device_input_and_start():
    """Whatever number they had."""
    sessions = [SESSION | {"session_id": "S9", "start": 50}, SESSION | {"device_id": "A", "members": "8", "start": 99}]
    hands = [HAND | {"flow": 5, "members": "5"}]
    rows = joined(sessions, hands, [FLOW | {"flow": 5, "ts": 20}])
    assert [(row.session_id, row.device_id, row.start.timestamp()) for row in rows] == [
        ("S1", "A", 99.0), ("S2", "L", 20.0), ("S3", "L", 50.0),
    ]  # fmt: skip


def test_an_unknown_session_over_a_meeting_service_bears_its_name():
    """A person's hand through a call: the service is named, not a tool nobody knows."""
    meeting = next(entry for entry in load_knowledge().entries.values() if entry.kind == Kind.MEETING)
    match = Match(meeting, Fact(Layer.DOMAIN, "x", Sign.SESSION, Grade.HIGH, Side.ANY, "", alone=False), "x")
    (row,) = joined([], [HAND], by_flow={(0, 1): (match,)})
    assert (row.tool, row.tool_name, row.vendor, row.meeting) == (meeting.id, meeting.name, meeting.vendor, True)


@pytest.mark.parametrize(
    ("columns", "note"),
    [
        ({"upper_bound": True}, "upper bound: large frames"),
        ({"mixed": True}, "share one size"),
        ({"no_loop": "nothing answers", "loop_rtt_ms": None}, "nothing answers"),
    ],
)
def test_reservations_about_a_loop_are_kept(columns, note):
    """A number without reservations has no note; bounds, mixtures and the lack of one are said."""
    (row,) = joined([SESSION], [HAND | columns])
    assert note in row.loop_note


def test_without_timing_sessions_stay_as_they_are():
    assert joined([], []) == []
    (row,) = joined([SESSION | {"session_id": "S4"}], [])
    assert (row.session_id, row.role, row.timed, row.loop_rtt_ms) == ("S1", "unclear", False, None)
