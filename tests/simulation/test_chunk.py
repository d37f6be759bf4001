"""Days of devices: places, ways out, hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from farmwatch.simulation.chunk import CELLULAR, HOME, OFFICE, Chunk
from farmwatch.simulation.parameters import Parameters
from farmwatch.simulation.towns import cities
from farmwatch.simulation.world import made

DAY = 20_514  # a Monday: 2026-03-02
COUNT = 6000


@pytest.fixture(scope="module")
def chunk():
    """All devices of a fleet."""
    return Chunk(made(Parameters(base_rate=0.01), COUNT, 7, DAY, 30), 0, COUNT)


def test_chunks_are_parts_of_the_whole(chunk):
    """Days of some devices are the same in a chunk of their own."""
    part = Chunk(chunk.world, 100, 150)
    for name in ("address", "site", "start", "worked", "link", "told_town", "wired"):
        assert (getattr(part, name) == getattr(chunk, name)[100:150]).all(), name


def test_homes_keep_their_address_but_for_churn(chunk):
    """After thirty days the declared share of plain homes has another address."""
    plain = (chunk.kind == HOME).all(axis=1) & (chunk.operator < CELLULAR).all(axis=1) & ~chunk.driven
    changed = chunk.address[plain][:, -1] != chunk.address[plain][:, 0]
    assert plain.sum() > 1000
    assert changed.mean() == pytest.approx(chunk.world.parameters.ip_churn_month, abs=0.05)


def test_two_plain_homes_never_share_an_address(chunk):
    """An address of a home is one home's."""
    plain = (chunk.kind == HOME) & (chunk.operator < CELLULAR) & ~chunk.evades("residential-proxy")[:, None]
    pairs = set(zip(chunk.address[plain].tolist(), chunk.site[plain].tolist(), strict=True))
    assert len(pairs) == len({address for address, _ in pairs})


def test_who_lives_together_shares_line_and_gateway(chunk):
    """On days at home, over the home's line."""
    couples = chunk.has("couple")
    home = (chunk.kind == HOME) & (chunk.operator < CELLULAR)
    by_home = {}
    for device in np.flatnonzero(couples):
        by_home.setdefault(int(chunk.of(chunk.world.home)[device]), []).append(device)
    shared = 0
    for one, two, *_ in by_home.values():
        both = home[one] & home[two]
        assert (chunk.address[one][both] == chunk.address[two][both]).all()
        assert (chunk.link[one][both] == chunk.link[two][both]).all()
        shared += int(both.sum())
    assert shared > 100


def test_translated_addresses_stand_for_many(chunk):
    """About as many of ours as declared, from places of one exchange."""
    carried = (chunk.operator[:, 0] == 5) & ~chunk.driven
    counts = np.unique(chunk.address[:, 0][carried], return_counts=True)[1]
    assert counts.max() > 3
    for address in np.unique(chunk.address[:, 0][carried]):
        assert len(set(chunk.told_town[:, 0][carried & (chunk.address[:, 0] == address)].tolist())) == 1


def test_offices_are_worked_in_on_weekdays(chunk):
    """People of offices are there for the declared share of their days, never at weekends."""
    at = chunk.kind == OFFICE
    assert not at[:, [5, 6, 12, 13]].any()
    belongs = chunk.has("office")
    days = chunk.worked[belongs][:, :5].sum()
    assert at[belongs][:, :5].sum() / days == pytest.approx(chunk.world.parameters.office_days, abs=0.05)


def test_work_begins_in_the_morning_of_where_people_are(chunk):
    """By the clock of the town they are in, whatever its zone."""
    lawful = np.flatnonzero(~chunk.driven)[:300]
    hours = []
    for device in lawful:
        zone = ZoneInfo(cities().zones[chunk.town[device, 1]])
        start = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(microseconds=int(chunk.start[device, 1]))
        local = start.astimezone(zone)
        hours.append(local.hour + local.minute / 60)
    assert 8.5 < np.mean(hours) < 9.3
    assert np.std(hours) == pytest.approx(np.hypot(0.75, 0.35), abs=0.2)


def test_farms_are_at_their_place_all_the_time(chunk):
    """No office, no trip; one link for all on it."""
    driven = chunk.driven
    assert (chunk.kind[driven] == HOME).all()
    assert (chunk.site[driven] == chunk.of(chunk.world.home)[driven][:, None]).all()


def test_devices_come_and_go(chunk):
    """No day before a device is handed out, none after it is taken back."""
    assert not chunk.there[chunk.has("returned")][:, -1].any()
    assert not chunk.worked[~chunk.there].any()
