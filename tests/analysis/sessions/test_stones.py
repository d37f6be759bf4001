"""Which pairs of flows are judged as stepping stones, and what the table says of them."""

from __future__ import annotations

import numpy as np
import pytest

from farmwatch.analysis.sessions import stones as module
from farmwatch.analysis.sessions.hands import measured_flows
from farmwatch.analysis.sessions.stones import hand_roles, stepping_stones
from farmwatch.records import DeviceFlow, FlowSeries, Table, Tables
from tests.lab.hand.simulated import chaffed, ns, relayed, typist
from tests.rows import tables_of

LAPTOP = "10.0.0.5"


def stones_of(tables):
    """The stones of some tables."""
    return stepping_stones(tables, measured_flows(tables, tables[DeviceFlow]))


class Day:
    """Flows of a laptop with their packets."""

    def __init__(self):
        self.flows, self.hands, self.packets, self.kept = [], [], [], []

    def flow(self, remote, incoming, outgoing, *, role="unclear", **columns):
        """A flow whose small packets came in and went out at these seconds."""
        number = len(self.flows)
        self.flows.append(
            {
                "device_id": "LAPTOP", "flow": number, "last_ts": 900, "first_packet": 10 * number + 1,
                "last_packet": 10 * number + 9, "proto": "tcp", "local_h": LAPTOP, "local_p": 50000, "remote_h": remote,
                "remote_p": 22, "remote_scope": "own", "established": True, "local_side": 0,
                "small_gaps_in": len(incoming), "small_gaps_out": len(outgoing),
            }
            | columns
        )  # fmt: skip
        self.hands.append({"device_id": "LAPTOP", "flow": number, "members": str(number), "role": role})
        self.kept.append({"flow": number, "rows": len(incoming) + len(outgoing)})
        side = self.flows[-1]["local_side"]
        rows = [(at, 1 - side, 44) for at in ns(incoming)] + [(at, side, 44) for at in ns(outgoing)]
        self.packets.append(sorted(rows))
        return number

    def tables(self):
        """The tables a run would have."""
        every = [(flow, n, *row) for flow, rows in enumerate(self.packets) for n, row in enumerate(rows)]
        flow, n, times, side, size = (np.array(column, np.int64) for column in zip(*every, strict=True))
        nothing = np.zeros(len(flow), np.int64)
        columns = {"input": nothing, "flow": flow, "n": n, "ts": times.view("datetime64[ns]"), "side": side,
                   "size": size, "unit": nothing, "content_type": nothing}  # fmt: skip
        series = Table(FlowSeries, {name: columns[name].astype(FlowSeries.columns[name].dtype) for name in columns})
        return Tables([series]).joined(
            tables_of(device_flows=self.flows, hands=self.hands, series_flows=self.kept)
        )  # fmt: skip


def screens(rng, times):
    """What a driven desktop sends back: larger packets after each key."""
    return times + rng.uniform(0.01, 0.03, len(times))


@pytest.fixture
def day():
    return Day()


@pytest.fixture
def rng():
    return np.random.default_rng(21)


def test_a_relayed_hand_is_a_row_with_numbers(day, rng):
    """Who, where to, how many, how much later; the local user's own session beside it is no stone."""
    hand, local = typist(rng, 600), typist(rng, 600)
    day.flow("198.51.100.7", hand, screens(rng, hand), role="controlled", remote_scope="public", protocol="rfb")
    onward = relayed(rng, hand)
    day.flow("10.80.0.5", onward + 0.02, onward, protocol="ssh")
    day.flow("10.80.0.6", local + 0.02, local, protocol="ssh")
    rows = list(stones_of(day.tables()).rows())
    (stone,) = [row for row in rows if row.stone]
    assert (stone.device_id, stone.lead_flow, stone.follow_flow) == ("LAPTOP", 0, 1)
    assert (stone.lead_remote, stone.remote, stone.protocol) == ("198.51.100.7:22", "10.80.0.5:22", "ssh")
    assert stone.close
    assert stone.on_off
    assert stone.followed > 0.95 * stone.packets
    assert 10 <= stone.delay_ms <= 16
    assert stone.correlation_z > 5
    assert any(row.follow_flow == 2 and not row.stone for row in rows)


def test_typing_at_the_laptop_is_no_stone(day, rng):
    """The user types into SSH while a viewer of the shared screen acknowledges what it sees."""
    local = typist(rng, 600)
    acks = local + 0.09 + rng.exponential(0.02, len(local))
    day.flow("198.51.100.7", acks, screens(rng, local), remote_scope="public")
    day.flow("10.80.0.5", local + 0.02, local, protocol="ssh")
    assert not stones_of(day.tables())["stone"].any()


def test_activity_alone_needs_a_known_hand(day, rng):
    """A relay that holds packets for two seconds is a stone only where the lead is known to drive."""
    hand = typist(rng, 1800)
    for role in ("controlled", "unclear"):
        day = Day()
        day.flow("198.51.100.7", hand, hand[::3] + 0.015, role=role)
        day.flow("10.80.0.5", hand[::2] + 3, relayed(rng, hand, jitter=2.0), protocol="ssh")
        found = stones_of(day.tables())
        assert found["stone"].tolist() == [role == "controlled"]
        assert found["why"][0].startswith("activity")


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "https"},
        {"protocol": "ssh", "remote_h": "198.51.100.7"},
        {"protocol": "ssh", "local_side": 1},
        {"protocol": "ssh", "small_gaps_out": 10},
        {"protocol": "ssh", "input": 1},
        {"protocol": "ssh", "device_id": "OTHER"},
    ],
    ids=["not typed into", "same far end", "not opened by the device", "a login only", "other capture", "other device"],
)
def test_pairs_that_cannot_be_stones_are_not_judged(day, rng, change):
    hand = typist(rng, 300)
    day.flow("198.51.100.7", hand, hand + 0.02, role="controlled")
    day.flow("10.80.0.5", hand + 0.04, hand + 0.01, **change)
    assert len(stones_of(day.tables())) == 0


def test_flows_that_drive_lead_nowhere(day, rng):
    """What the device drives brings in echoes, not a hand."""
    local = typist(rng, 300)
    for number in (1, 2):
        day.flow(f"10.80.0.{number}", local + 0.01, local, role="controlling", protocol="ssh")
    assert len(stones_of(day.tables())) == 0


def test_other_flows_of_the_device_stand_for_chance(day, rng):
    """Where everything moves at the same moments, nothing follows anything."""
    blips = np.sort(rng.uniform(0, 600, 200))
    for number in range(5):
        own = blips + rng.uniform(0, 0.04, 200)
        day.flow(f"10.80.0.{number}", own, own + rng.uniform(0, 0.01, 200), protocol="ssh")
    found = stones_of(day.tables())
    assert len(found)
    assert not found["stone"].any()


def test_decoys_do_not_hide_it(day, rng):
    hand = typist(rng, 600)
    day.flow("198.51.100.7", hand, screens(rng, hand), role="controlled")
    day.flow("10.80.0.5", hand + 1, chaffed(rng, relayed(rng, hand), 3.0, 600), protocol="ssh")
    assert stones_of(day.tables())["stone"].all()


def test_stamps_that_step_back_or_lie_centuries_ahead_are_survived(day, rng):
    """The packets of a flow in the wrong order are the same packets; absurd stamps pair with nothing."""
    hand = typist(rng, 300)
    day.flow("198.51.100.7", hand, screens(rng, hand), role="controlled")
    day.flow("10.80.0.5", hand + 1, relayed(rng, hand), protocol="ssh")
    day.packets[1].reverse()
    assert stones_of(day.tables())["stone"].tolist() == [True]
    day.packets[1] = [(2**63 - 10**9 + n, side, size) for n, (_, side, size) in enumerate(day.packets[1])]
    assert len(stones_of(day.tables())) == 0


def test_no_more_pairs_than_the_bound(day, rng, monkeypatch):
    """The busiest come first."""
    monkeypatch.setattr(module, "MOST_PAIRS", 3)
    for number in range(4):
        times = typist(rng, 200 + 50 * number)
        day.flow(f"10.80.0.{number}", times, times + 0.01, protocol="ssh")
    found = stones_of(day.tables())
    assert len(found) == 3
    assert 0 not in found["follow_flow"]


def test_no_series_no_rows():
    assert len(stones_of(Tables())) == 0


def test_what_the_protocol_proves_outranks_timing():
    """Roles of all flows of a session; a proven one is believed."""
    tables = tables_of(
        device_flows=[{"device_id": "L", "flow": 1, "controlled": 1}, {"device_id": "L", "flow": 2, "controlled": 0}],
        hands=[{"device_id": "L", "flow": 1, "members": "1,3", "role": "unclear"}],
    )
    assert hand_roles(tables) == {("L", 0, 1): "controlled", ("L", 0, 2): "controlling", ("L", 0, 3): "unclear"}
