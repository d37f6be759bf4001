"""Each evasion changes what it says it changes, on the farms' laptops, and nothing else."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from farmwatch.simulation.chunk import DAY_US, Chunk
from farmwatch.simulation.parameters import EVASIONS
from farmwatch.simulation.towns import offsets
from tests.simulation.fleets import COVERED, fleet, lines_of, tables_of, truths

_WAY_OUT = {"okta", "entra", "zoom", "globalprotect", "sightings", "meetings", "anydesk"}
_HARDWARE = {"usb_devices", "displays", "agent", "osquery", "input_timing"}
TOUCHES = {
    "masked-identity": _HARDWARE,
    "residential-proxy": _WAY_OUT,
    "router-vpn": _WAY_OUT,
    "lte-sticks": _WAY_OUT | {"agent", "usb_devices", "osquery"},
    "scheduled-jiggler": {"input_timing"},
    "random-bssid": {"sightings", "agent"},
    "no-tools": _HARDWARE
    | {"processes", "dns", "sockets", "services", "software", "remote_tool_log", "anydesk", "input_hooks", "sightings"},
}
NUMBERS = COVERED | {"agent": 0.6, "osquery": 1.0, "farm_wired": 0.0}


def _fleet(*evasions):
    return fleet(300, seed=8, farms=30, farm_largest=12, evasions=("none", *evasions), **NUMBERS)


@pytest.fixture(scope="module")
def plain():
    """The fleet without any evasion."""
    simulation = _fleet()
    return truths(simulation), lines_of(simulation)


def _changed(plain, evasion):
    truth, before = plain
    after = lines_of(_fleet(evasion))
    found = {}
    for feed in before.keys() | after.keys():
        old, new = before.get(feed, []), after.get(feed, [])
        if old != new:
            found[feed] = set(old) ^ set(new)
    return truth, found


@pytest.mark.parametrize("evasion", [name for name in EVASIONS if name != "target-hours"])
def test_only_what_it_says(plain, evasion):
    """Other feeds keep every byte; changed lines speak of driven laptops."""
    truth, changed = _changed(plain, evasion)
    assert changed, "an evasion must change something"
    assert changed.keys() <= TOUCHES[evasion]
    driven = {name[-6:] for name, row in truth.items() if row["driven"] == "1"}
    for feed, lines in changed.items():
        if feed != "anydesk":  # lines of a trace do not say whose they are
            for line in lines:
                assert set(re.findall(r"(?:acme-lt-|user)(\d{6})", line.decode())) <= driven, feed


def test_target_hours_move_times_of_driven_laptops_only(plain):
    """Nobody else's lines change."""
    truth, changed = _changed(plain, "target-hours")
    driven = {name[-6:] for name, row in truth.items() if row["driven"] == "1"}
    for feed in changed.keys() - {"anydesk"}:
        for line in changed[feed]:
            assert set(re.findall(r"(?:acme-lt-|user)(\d{6})", line.decode())) <= driven, feed


def _farms(*evasions, feeds):
    """Driven devices by farm, and the tables of some feeds."""
    simulation = fleet(
        200, seed=8, farms=8, evasions=("none", *evasions), farm_alone=0.0, farm_largest=6, feeds=feeds, **NUMBERS
    )
    farms = {}
    for name, row in truths(simulation).items():
        if row["driven"] == "1":
            farms.setdefault(row["farm_id"], set()).add(name)
    return farms, tables_of(simulation)


def _seen(tables, kind, devices):
    """What devices saw of a kind, by what the sensor's own feed says."""
    table = tables["sightings"]
    wanted = pc.and_(
        pc.equal(table.column("kind"), kind), pc.is_in(table.column("device_id"), pa.array(sorted(devices)))
    )
    return set(table.filter(wanted).column("value").to_pylist())


def test_plain_farms_share_their_line():
    """Without evasion one gateway."""
    farms, tables = _farms(feeds=("sightings",))
    for devices in farms.values():
        assert len(devices) > 1
        assert len(_seen(tables, "gateway_mac", devices)) == 1


def test_sticks_share_nothing():
    """One gateway each, no access point, a stick on USB."""
    farms, tables = _farms("lte-sticks", feeds=("sightings", "usb_devices", "osquery"))
    usb = tables["usb_devices"].to_pylist()
    for devices in farms.values():
        assert len(_seen(tables, "gateway_mac", devices)) == len(devices)
        assert not _seen(tables, "bssid", devices)
        assert {row["device_id"] for row in usb if row["vendor_id"] == 0x12D1} >= devices


def test_router_vpn_keeps_the_gateway_and_hides_the_line():
    """Inside nothing changes; outside there is one address for all, of a hosting network, and no IPv6."""
    farms, tables = _farms("router-vpn", feeds=("sightings",))
    for devices in farms.values():
        assert len(_seen(tables, "gateway_mac", devices)) == 1
        outside = _seen(tables, "public_ip", devices)
        assert len(outside) == 1
        assert outside.pop().startswith("33.2")


def test_residential_proxies_change_daily():
    """Each laptop another address each day, none shared."""
    farms, tables = _farms("residential-proxy", feeds=("sightings",))
    for devices in farms.values():
        seen = [_seen(tables, "public_ip", {device}) for device in devices]
        assert sum(map(len, seen)) == len(set().union(*seen)) > len(devices)


def test_random_stations_never_repeat_between_laptops():
    """Access points are made up, and locally administered."""
    farms, tables = _farms("random-bssid", feeds=("sightings",))
    for devices in farms.values():
        seen = [_seen(tables, "bssid", {device}) for device in devices]
        assert sum(map(len, seen)) == len(set().union(*seen)) > 0
        assert all(int(mac[1], 16) & 2 for one in seen for mac in one)


def _jiggling_hours(*evasions):
    farms, tables = _farms(*evasions, feeds=("input_timing",))
    table = tables["input_timing"]
    driven = pa.array(sorted(set().union(*farms.values())))
    moves = table.filter(
        pc.and_(pc.is_valid(table.column("jiggle_period_s")), pc.is_in(table.column("device_id"), driven))
    )
    found = {}
    for device, moment in zip(moves.column("device_id").to_pylist(), moves.column("ts").to_pylist(), strict=True):
        found.setdefault(device, set()).add((moment.day, moment.hour))
    return [len(hours) for hours in found.values()]


def test_scheduled_jigglers_rest_at_night():
    """Repeating motion in hours of work only; without the schedule round the clock."""
    assert max(_jiggling_hours()) == 7 * 24
    assert max(_jiggling_hours("scheduled-jiggler")) < 7 * 14


def test_target_hours_are_most_regular():
    """All start within minutes of nine by the declared town's clock."""
    world = fleet(200, seed=8, farms=8, evasions=("none", "target-hours"), **NUMBERS).world
    chunk = Chunk(world, 0, 200)
    minutes = offsets(world.first_day, world.days)[world.declared_city]
    local = (chunk.start - chunk.day * DAY_US) / 60e6 + minutes
    assert abs(local[world.driven] - 540).max() < 15
