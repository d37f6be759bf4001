"""Who is there: shares within what chance allows, farms as they are known, groups that live together."""

from __future__ import annotations

import math

import numpy as np
import pytest

from farmwatch.simulation.parameters import EVASIONS, SETUPS, Parameters
from farmwatch.simulation.towns import cities
from farmwatch.simulation.world import made
from tests.simulation.fleets import fleet, truths

COUNT = 40_000
DAY = 20_000


@pytest.fixture(scope="module")
def world():
    """A large fleet, laid out only."""
    return made(Parameters(base_rate=0.01), COUNT, 7, DAY, 7)


def _within(found, share, of):
    """Within five standard deviations of a binomial share."""
    assert abs(found - share * of) <= 5 * math.sqrt(of * share * (1 - share)) + 3


@pytest.mark.parametrize(
    ("trait", "name"),
    [
        ("cgnat", "cgnat"), ("traveller", "traveller"), ("jiggler-software", "jiggler_software"), ("desk-dock", "desk"),
        ("consumer-vpn", "consumer_vpn"), ("private-relay", "private_relay"), ("accommodation", "accommodation"),
        ("gaming-keyboard", "gaming_keyboard"), ("hotel", "conference"), ("new", "issued_week"),
        ("preset-monitor", "preset_serials"), ("always-on", "always_on"), ("desk-switch", "desk_switch"),
    ],
)  # fmt: skip
def test_shares_are_those_of_the_assumptions(world, trait, name):
    """Independent traits have their share among lawful devices."""
    lawful = int((~world.driven).sum())
    taken = {"traveller": 1 - world.parameters.conference}.get(trait, 1.0)
    _within(int(world.traits[trait].sum()), getattr(world.parameters, name) * taken, lawful)


@pytest.mark.parametrize(
    ("trait", "name"),
    [
        ("couple", "couple"),
        ("flatmates", "flatmates"),
        ("coworking", "coworking"),
        ("helpdesk", "helpdesk"),
        ("kvm-hobbyist", "kvm_hobbyist"),
    ],
)
def test_groups_have_their_number(world, trait, name):
    """Roles given out one by one come to their number exactly, to a group."""
    assert abs(int(world.traits[trait].sum()) - COUNT * getattr(world.parameters, name)) <= 3


def test_driven_are_as_many_as_the_base_rate_says(world):
    """Exactly."""
    assert int(world.driven.sum()) == round(COUNT * 0.01)


def test_no_farm_laptop_is_lawfully_unusual(world):
    """What confuses is on lawful devices only."""
    for name, flags in world.traits.items():
        assert not (flags & world.driven).any(), name


def test_farm_sizes_have_a_heavy_tail():
    """A share alone, most of the others below eleven, none beyond the largest, some beyond ten."""
    given = Parameters()
    sizes = np.concatenate(
        [
            np.bincount(one.farm[one.farm >= 0])
            for one in (made(given, 60_000, seed, DAY, 7, farms=400) for seed in range(3))
        ]
    )
    _within(int((sizes == 1).sum()), given.farm_alone, len(sizes))
    assert (sizes <= 10).mean() > 0.9
    assert 10 < sizes.max() <= given.farm_largest


def test_farms_share_a_place_and_are_declared_apart(world):
    """One home a farm; a declared share in its own town, the others elsewhere."""
    for farm in range(int(world.farm.max()) + 1):
        members = world.farm == farm
        assert len(set(world.home[members].tolist())) == 1
    at_site = (world.declared_city == world.city)[world.driven]
    chance = (cities().weight / cities().weight.sum()).max()
    assert (
        world.parameters.farm_declares_site - 0.12
        < at_site.mean()
        < world.parameters.farm_declares_site + 0.12 + chance
    )


def test_lawful_people_live_where_they_are_declared_but_for_stale_rosters(world):
    """Only those who moved, and few who share a home, are declared elsewhere."""
    apart = (world.declared_city != world.city) & ~world.driven
    explained = world.traits["relocated"] | world.traits["couple"] | world.traits["flatmates"]
    explained |= world.traits["second-device"]
    assert not (apart & ~explained).any()


def test_who_lives_together_shares_a_home(world):
    """Couples two by two, flatmates three by three; declared households are couples'."""
    for trait, size in (("couple", 2), ("flatmates", 3)):
        homes = np.bincount(world.home[world.traits[trait] & ~world.traits["second-device"]])
        assert set(homes[homes > 0].tolist()) <= {size}
    declared = world.household >= 0
    assert not (declared & ~world.traits["couple"] & ~world.traits["second-device"]).any()
    share = (declared & world.traits["couple"]).sum() / world.traits["couple"].sum()
    assert share == pytest.approx(world.parameters.couple_declared, abs=0.12)


def test_setups_follow_their_weights():
    """Over many farms each setup has its share."""
    one = made(Parameters(farm_alone=1.0), 4000, 3, DAY, 7, farms=2000)
    weights = np.array(one.parameters.setup_weights)
    for number, share in enumerate(weights / weights.sum()):
        _within(int((one.setup == number).sum()), float(share), 2000)


def test_evasions_asked_for_are_everybodys():
    """And none beside them where the shares are nought."""
    simulation = fleet(300, farms=10, evasions=("none", "random-bssid"))
    for name in EVASIONS:
        has = simulation.world.evasions[name] & simulation.world.driven
        assert int(has.sum()) == (int(simulation.world.driven.sum()) if name == "random-bssid" else 0)


def test_evasions_that_change_the_hand():
    """A masked identity makes a KVM a masked one, no tools a tool's laptop; other setups stay."""
    plain, masked, bare = (
        fleet(900, farms=60, evasions=("none", *names)).world for names in ((), ("masked-identity",), ("no-tools",))
    )
    before = np.array([SETUPS[code] if code >= 0 else "" for code in plain.hand])
    after = np.array([SETUPS[code] if code >= 0 else "" for code in masked.hand])
    assert set(after[before == "kvm"]) == {"kvm-masked"}
    assert (after[before != "kvm"] == before[before != "kvm"]).all()
    after = np.array([SETUPS[code] if code >= 0 else "" for code in bare.hand])
    tools = np.isin(before, ["anydesk", "chrome-remote-desktop", "teamviewer", "rustdesk", "two-tools"])
    assert set(after[tools]) == {"kvm-masked"}
    assert (after[~tools] == before[~tools]).all()


def test_cities_are_what_their_columns_say():
    """Places on earth, in known time zones, each once."""
    town = cities()
    assert len(set(town.names)) == len(town.names)
    assert (np.abs(town.latitude) < 72).all()
    assert (town.longitude[town.american] < -60).all()
    assert (town.longitude[~town.american] > -12).all()


def test_truth_names_confusers():
    """Words of truth.csv are those of the traits."""
    told = {word for row in truths(fleet(800, farms=2)).values() for word in row["confusers"].split(";") if word}
    assert {"office", "desk-dock"} <= told
