"""Farms of a fleet: what is one, what looks like one, and what an evader leaves."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from farmwatch.analysis.fleet.farms import find_farms
from farmwatch.analysis.fleet.judging import FARM_DEVICES
from farmwatch.analysis.fleet.weights import NO_WEIGHTS
from farmwatch.records import (
    Claim,
    Family,
    Finding,
    Level,
    MeetingUse,
    Outcome,
    RemoteToolLog,
    Sighting,
    SignIn,
    UsbDevice,
)
from tests.analysis.fleet.farm_rows import CITIES, at_home, crowd, declared, farm, line, mac, members, power, seen
from tests.analysis.fleet.fleets import at, fleet_of

PRIOR = 1e-4


def found(rows, *, hits=None, known=None, **options):
    with fleet_of(rows, **options) as fleet:
        return find_farms(fleet, hits or {}, prior=PRIOR, weights=NO_WEIGHTS, known=known or {})


def kvm(decibans=24.0):
    return Finding(
        detector="usb.kvm_identity",
        family=Family.HARDWARE,
        claim=Claim.DRIVEN,
        outcome=Outcome.HIT,
        decibans=decibans,
        summary="a USB device names itself PiKVM",
        group="kvm",
        grade="identity",
    )


def driven_by(device, far, days=(1, 2, 3), **values):
    given = {"tool": "anydesk", "event": "accepted", "direction": "incoming", "far_id": far, "unattended": True}
    return [RemoteToolLog(device_id=device, ts=at(day, 13), **(given | values)) for day in days]


ORDINARY = crowd(60)


@pytest.mark.parametrize("size", [4, 10, 90])
def test_laptops_of_strangers_at_one_line_are_one_farm(size):
    """All of them and nobody else, as one group, with one sentence that names no device."""
    [one] = found(crowd(200) + farm("farm", size))
    assert one.devices == tuple(f"farm-{number:02d}" for number in range(size))
    assert one.assessment.level is Level.REVIEW, "one family alone is not strong"
    assert one.summary.startswith(f"{size} laptops of {size} people with ")
    assert " declared places share gateway MAC f4:d4:88:…" in one.summary
    assert "farm-" not in one.summary


@pytest.mark.parametrize(("homes", "told"), [(3, False), (4, True)])
def test_four_far_homes_at_one_line_are_enough_at_the_usual_odds(homes, told):
    """Three may share a flat without having told where they moved."""
    rows = crowd(200)
    for number in range(homes):
        rows += [declared(f"farm-{number}", near=number), *seen(f"farm-{number}", "farm", range(-9, 6))]
    with fleet_of(rows) as fleet:
        farms = find_farms(fleet, {}, prior=PRIOR / FARM_DEVICES, weights=NO_WEIGHTS)
    assert [farm.assessment.level for farm in farms] == ([Level.REVIEW] if told else [])


def test_two_at_one_line_with_a_kvm_on_each_are_one():
    """Two are too few for the place alone; what is found on them makes the case."""
    rows = ORDINARY + farm("farm", 2)
    assert found(rows) == ()
    [one] = found(rows, hits={"farm-00": [kvm()], "farm-01": [kvm()]})
    assert one.assessment.level in (Level.REVIEW, Level.STRONG)
    assert one.devices == ("farm-00", "farm-01")


def test_two_families_make_it_strong():
    """A line shared by strangers, and KVMs on two of five."""
    [one] = found(ORDINARY + farm("farm", 5), hits={"farm-01": [kvm()], "farm-03": [kvm()]})
    assert one.assessment.level is Level.STRONG
    assert set(one.assessment.families) == {"place", "hardware"}


def test_two_farms_are_two():
    assert len(found(ORDINARY + farm("one", 4) + farm("two", 4))) == 2


# --- what looks like a farm and is none


def couple(name, **values):
    dice = random.Random(name)
    where = {"latitude": 40 + dice.random(), "longitude": -100 + dice.random()}
    return [
        row
        for device in (f"{name}-a", f"{name}-b")
        for row in (declared(device, **(where | values)), *seen(device, name))
    ]


@pytest.mark.parametrize("values", [{}, {"latitude": None, "longitude": None, "household": "h-1"}])
def test_couples_are_no_farm(values):
    """One declared place or one household, even where something was found on one of them."""
    rows = ORDINARY + [row for number in range(5) for row in couple(f"pair{number}", **values)]
    assert found(rows, hits={"pair1-a": [kvm()]}) == ()


def test_undeclared_flatmates_are_never_strong():
    """Two people of one town, one of whom says nothing or another street; a jiggler on both."""
    rows = [*ORDINARY, declared("a", near=0), declared("b", near=0), *seen("a", "flat"), *seen("b", "flat")]
    jiggler = replace(kvm(12.0), detector="jiggler", group="jiggler")
    assert found(rows, hits={"a": [jiggler], "b": [jiggler]}) == ()


def test_a_declared_office_is_no_farm():
    """Forty people of one site, and three who visit it on some days."""
    rows = list(ORDINARY)
    for number in range(40):
        rows += [declared(f"o-{number:02d}", near=number % 10, site="Austin"), *seen(f"o-{number:02d}", "office")]
    for number in range(3):
        rows += at_home(f"v-{number}") + seen(f"v-{number}", "office", (2, 3))
    assert found(rows) == ()


def test_an_undeclared_office_within_a_commute_is_not_enough():
    """Twelve people of one town in one co-working space, nothing else found; at ten times the usual odds as well."""
    rows = list(ORDINARY)
    for number in range(12):
        rows += [declared(f"o-{number:02d}", near=3), *seen(f"o-{number:02d}", "space", range(5))]
    assert found(rows) == ()
    with fleet_of(rows) as fleet:
        assert find_farms(fleet, {}, prior=1e-3 / FARM_DEVICES, weights=NO_WEIGHTS) == ()


def confirmed(account, *days):
    """Sign-ins that one telephone confirmed."""
    return [
        SignIn(ts=at(day, 9), provider="okta", event="factor", account=account, outcome="success", factor="phone1",
               record_id=f"{account}-{day}")
        for day in days
    ]  # fmt: skip


@pytest.mark.parametrize(("others", "told"), [(1, False), (2, True)])
def test_a_factor_that_one_of_them_shares_with_a_stranger_makes_no_farm_of_colleagues(others, told):
    """Three of one town at one line; where two of them share it, it is about the same laptops."""
    rows = [*ORDINARY, *at_home("x", near=5, accounts="acc-x"), *confirmed("acc-x", 1, 2, 3)]
    for number in range(3):
        rows += [declared(f"o-{number}", near=3, accounts=f"acc{number}"), *seen(f"o-{number}", "space")]
    for number in range(others):
        rows += confirmed(f"acc{number}", 1, 2, 3)
    with fleet_of(rows) as fleet:
        farms = find_farms(fleet, {}, prior=3e-4, weights=NO_WEIGHTS)
    assert bool(farms) is told


def test_a_conference_is_no_farm():
    """Fifteen people live at home and spend three days in one hotel; nobody declared it."""
    rows = list(ORDINARY)
    for number in range(15):
        device = f"c-{number:02d}"
        rows += at_home(device, range(-14, 4), near=number % 10) + seen(device, "hotel", (4, 5, 6))
    assert found(rows) == ()


def test_some_nights_at_a_hotel_are_never_enough_by_themselves():
    """Ten people of ten towns, of whom hardly more is known than four days there; at ten times the usual odds too."""
    rows = list(ORDINARY)
    for number in range(10):
        device = f"c-{number:02d}"
        rows += at_home(device, (0,), near=number) + seen(device, "hotel", (1, 2, 3, 4))
    with fleet_of(rows) as fleet:
        assert find_farms(fleet, {}, prior=1e-3 / FARM_DEVICES, weights=NO_WEIGHTS) == ()
        told = {f"c-{number:02d}": [kvm()] for number in range(3)}
        assert find_farms(fleet, told, prior=1e-3 / FARM_DEVICES, weights=NO_WEIGHTS) != ()


def test_a_declared_conference_is_no_farm_even_without_history():
    """Laptops of which only the week in the hotel is known, with travel declared for it."""
    rows = list(ORDINARY)
    for number in range(8):
        rows += [declared(f"c-{number}", near=number, travel="2026-03-01/2026-03-09 Lisbon"), *seen(f"c-{number}", "h")]
    assert found(rows) == ()


def test_travelling_laptops_tie_nobody():
    """A laptop that visits a farm's café and another's home is of neither."""
    rows = ORDINARY + farm("farm", 4) + at_home("t", range(-20, 7)) + seen("t", "farm", (1,))
    assert members(found(rows)) == [tuple(f"farm-{number:02d}" for number in range(4))]


@pytest.mark.parametrize("behind", [8, 40, 300])
def test_a_carrier_is_no_farm(behind):
    """Many homes behind one translated address of one region, each with its own router."""
    rows = list(ORDINARY)
    for number in range(behind):
        device = f"g-{number:03d}"
        rows += [declared(device, near=2), *seen(device, f"home {device}", address="198.51.100.7")]
    assert found(rows) == ()


def test_a_carrier_is_no_farm_where_only_addresses_are_known():
    """Ten people of one region, of whom nothing but the address of sign-ins is known."""
    rows = list(ORDINARY)
    for number in range(10):
        device = f"g-{number:03d}"
        rows += [declared(device, near=2), *seen(device, "carrier", kinds=("public_ip",))]
    assert found(rows) == ()


def test_addresses_that_move_on_tie_nobody():
    """The line's address changes owner in the middle of the week, between homes far apart."""
    rows = list(ORDINARY)
    for number in range(20):
        device = f"m-{number:02d}"
        rows.append(declared(device, near=number % 10))
        for day in range(7):
            rows += seen(device, f"home {device}", (day,), address=line("pool", (number + (day >= 3)) % 20))
    assert found(rows) == ()


def test_a_default_gateway_address_ties_nobody():
    """LTE sticks of one maker, or virtual switches: known ones weigh nothing, others not without a common line."""
    rows = list(ORDINARY)
    for number in range(6):
        device = f"s-{number}"
        rows += [declared(device, near=number), *seen(device, f"home {device}", kinds=("bssid", "public_ip"))]
        rows += [
            Sighting(device_id=device, ts=at(day, 9), kind="gateway_mac", value=value, oui=value[:8])
            for day in range(7)
            for value in ("0c:5b:8f:27:9a:64", "00:00:5e:00:01:01", "00:aa:bb:00:00:01")
        ]
    assert found(rows) == ()


def test_approved_support_is_no_farm():
    """A help desk's far end drives five laptops; its tool is approved."""
    rows = list(ORDINARY)
    for number in range(5):
        device = f"h-{number}"
        rows += at_home(device, approved_tools="anydesk,zoom") + driven_by(device, "111 222 333")
    assert found(rows) == ()


def test_a_vendor_that_helps_many_once_is_no_farm():
    """One far end by id and address, let in by whoever sat there, once on each of nine laptops and twice on a tenth."""
    rows = list(ORDINARY)
    for number in range(10):
        device = f"v-{number}"
        days = (1, 4) if number == 0 else (number % 6,)
        rows += at_home(device)
        rows += driven_by(device, "444 555 666", days, far_h="203.0.113.50", auth="user", unattended=False)
    assert found(rows) == ()


def test_a_patch_restart_or_a_shared_meeting_ties_nobody():
    """All start at one minute of one night; a team joins the same meetings."""
    rows = list(ORDINARY)
    for number in range(30):
        rows += power(f"lt-{number:04d}", "boot", at(2, 3), at(2, 3.2)) + power(f"lt-{number:04d}", "dead", at(2, 3))
    for number in range(8):
        rows += [
            MeetingUse(device_id=f"lt-{number:04d}", ts=at(day, 10), product="zoom", meeting_id=f"m{day}",
                       ended=at(day, 10.5), participants=8)
            for day in range(5)
        ]  # fmt: skip
    assert found(rows) == ()


def test_a_staging_bench_ties_nobody():
    """Every laptop had the bench's keyboard on the day before it was handed out."""
    rows = list(ORDINARY)
    for number in range(5):
        device = f"n-{number}"
        rows += [row for row in at_home(device, range(3, 7)) if not hasattr(row, "person")]
        rows.append(declared(device, issued=at(2)))
        rows += [keyboard(device, day) for day in (0, 1)]
    assert found(rows) == ()


def keyboard(device, day, serial="AB12CD34"):
    return UsbDevice(device_id=device, ts=at(day, 9), event="present", vendor_id=0x046D, product_id=0xC31C,
                     serial=serial, interfaces="030101")  # fmt: skip


# --- what an evader leaves


def test_one_stick_for_each_laptop_leaves_the_far_end_and_the_clock():
    """No place in common: one operator, started in the same minutes, cut off together."""
    rows = list(ORDINARY)
    dice = random.Random(3)
    moments = [at(day, 13) + timedelta(minutes=dice.randrange(60)) for day in range(6)]
    for number in range(5):
        device = f"e-{number}"
        rows += [declared(device, near=number), *seen(device, f"stick {device}")]
        rows += driven_by(device, "999 888 777") + power(device, "wake", *moments) + power(device, "dead", at(3, 4.2))
    [one] = found(rows)
    assert one.devices == tuple(f"e-{number}" for number in range(5))
    assert one.assessment.level is Level.STRONG or set(one.assessment.families) >= {"identity", "timing"}
    assert "were cut off in the same 3 minutes" in one.summary


def test_one_serial_number_at_two_places_ties_nobody():
    """Two farms whose KVMs show the same copied monitor or keyboard stay two."""
    rows = ORDINARY + farm("one", 4) + farm("two", 4)
    for name in ("one", "two"):
        rows += [keyboard(f"{name}-{number:02d}", day) for number in range(4) for day in range(7)]
    rows += [keyboard("lt-0001", 1, "ZZ99YY88"), keyboard("lt-0001", 2, "ZZ99YY88")]
    assert [len(one.devices) for one in found(rows)] == [4, 4]


def test_routers_told_once_hold_while_the_device_stays():
    """Queries that report changes only: one row for each router, and a sign of life each day."""
    rows = list(ORDINARY)
    for number in range(4):
        device = f"farm-{number:02d}"
        rows.append(declared(device, near=number))
        rows += seen(device, "farm", (number % 3,), kinds=("gateway_mac", "bssid"))
        rows += [Sighting(device_id=device, ts=at(day, 9), kind="local_ip", value="192.168.1.7") for day in range(7)]
    [one] = found(rows)
    assert len(one.devices) == 4


def test_access_points_that_change_their_address_leave_the_router():
    """A BSSID of its own for each laptop and day."""
    rows = ORDINARY + farm("farm", 4, kinds=("gateway_mac", "public_ip"))
    rows += [
        Sighting(device_id=f"farm-{number:02d}", ts=at(day, 9), kind="bssid", value=mac(number, day))
        for number in range(4)
        for day in range(7)
    ]
    [one] = found(rows)
    assert len(one.devices) == 4


def test_a_vpn_on_the_router_leaves_the_router():
    """A rented exit is no place, and does not hide the gateway either; other customers of the exit stay out."""
    rows = list(ORDINARY)
    exits = "142.214.202.2"
    for number in range(4):
        device = f"farm-{number:02d}"
        rows += [declared(device, near=number), *seen(device, "farm", address=exits)]
    for number in range(4):
        rows += [declared(f"u-{number}", near=number), *seen(f"u-{number}", f"home {number}", address=exits)]
    assert members(found(rows)) == [tuple(f"farm-{number:02d}" for number in range(4))]


def test_an_exit_of_its_own_for_each_laptop_leaves_router_and_access_point():
    rows = list(ORDINARY)
    for number in range(4):
        device = f"farm-{number:02d}"
        rows += [declared(device, near=number), *seen(device, "farm", address=line("exit", number))]
    assert len(found(rows)) == 1


def test_neighbours_alone_show_one_network():
    """Six hashed neighbours in common, gateway and access point unknown."""
    rows = list(ORDINARY)
    for number in range(5):
        device = f"farm-{number:02d}"
        rows.append(declared(device, near=number))
        rows += [
            Sighting(device_id=device, ts=at(day, 9), kind="neighbour", value=f"hash{other}", oui="3c:52:82")
            for day in range(7)
            for other in range(8)
        ]
    [one] = found(rows)
    assert len(one.devices) == 5


@pytest.mark.parametrize("together", [False, True])
def test_addresses_alone_need_something_beside(together):
    """Only sign-in logs: one address for five people of five states, all week; some carriers serve a country."""
    rows = list(ORDINARY)
    dice = random.Random(7)
    moments = [at(day, 13) + timedelta(minutes=dice.randrange(60)) for day in range(6)]
    for number in range(5):
        device = f"farm-{number:02d}"
        rows.append(declared(device, near=number, accounts=f"acc{number}"))
        rows += [
            SignIn(ts=at(day, 9), provider="okta", event="sign-in", account=f"acc{number}", outcome="success",
                   address="71.2.3.4", record_id=f"{number}-{day}")
            for day in range(7)
        ]  # fmt: skip
        rows += power(device, "wake", *moments) if together else []
    farms = found(rows)
    assert [len(one.devices) for one in farms] == ([5] if together else [])
    assert all(one.assessment.level is Level.REVIEW for one in farms)


def test_one_router_behind_an_address_makes_it_a_line():
    """Three tell their router; of the fourth only the address is known, and there is nobody else behind it."""
    rows = ORDINARY + farm("farm", 3)
    rows += [declared("farm-03", near=3), *seen("farm-03", "farm", kinds=("public_ip",))]
    assert members(found(rows)) == [("farm-00", "farm-01", "farm-02", "farm-03")]
    others = [row for number in range(4) for row in at_home(f"x-{number}")]
    others += [
        row for number in range(4) for row in seen(f"x-{number}", f"home of x-{number}", address=line("farm", False))
    ]
    assert found(rows + others) == ()


def test_one_second_factor_ties_strangers():
    """One phone confirms for three people, who were seen with one KVM as well."""
    rows = list(ORDINARY)
    for number in range(3):
        device = f"f-{number}"
        rows += at_home(device, near=number, accounts=f"acc{number}")
        rows += [
            SignIn(ts=at(day, 9), provider="okta", event="factor", account=f"acc{number}", outcome="success",
                   factor="phone1", record_id=f"{number}-{day}")
            for day in range(4)
        ]  # fmt: skip
        rows += [keyboard(device, day) for day in (number, number + 3)]
    rows += [keyboard("lt-0001", 1, "ZZ99YY88"), keyboard("lt-0001", 2, "ZZ99YY88")]
    [one] = found(rows)
    assert {tie.attribute for tie in one.ties} == {"second factor", "USB serial"}


def test_a_fact_that_members_share_is_told_of_each_once():
    """A member on which the shared factor counts already does not get it again by way of the farm."""
    rows = [*ORDINARY, keyboard("lt-0001", 1, "ZZ99YY88"), keyboard("lt-0001", 2, "ZZ99YY88")]
    for number in range(3):
        rows += at_home(f"f-{number}", near=number, accounts=f"acc{number}")
        rows += [
            SignIn(ts=at(day, 9), provider="okta", event="factor", account=f"acc{number}", outcome="success",
                   factor="phone1", record_id=f"{number}-{day}")
            for day in range(4)
        ]  # fmt: skip
        rows += [keyboard(f"f-{number}", day) for day in (number, number + 3)]
    shared = replace(kvm(20.0), detector="identity.shared_factor", family=Family.IDENTITY, group="factor", grade="two")
    [one] = found(rows, hits={"f-0": [shared], "f-1": [shared]})
    driven = {device: [f for f in one.findings[device] if f.claim is Claim.DRIVEN] for device in one.devices}
    assert driven["f-0"] == []
    assert driven["f-2"], "on which nothing of the factor was found"


# --- unknown declarations


def test_without_declared_places_it_weighs_less_and_says_so():
    """The roster says who has the laptops, not where."""
    nowhere = {"latitude": None, "longitude": None}
    rows = ORDINARY + farm("farm", 5, **nowhere)
    assert found(rows) == ()
    hits = {"farm-01": [kvm()]}
    [unknown], [known] = found(rows, hits=hits), found(ORDINARY + farm("farm", 5), hits=hits)
    assert unknown.assessment.decibans < known.assessment.decibans
    assert unknown.summary.endswith("where 5 of them should be is not declared")


# --- what members are told


def test_members_carry_the_farms_evidence():
    """Each has the farm's claim as the farm has it, and one finding that it is driven."""
    [one] = found(ORDINARY + farm("farm", 5), hits={"farm-01": [kvm()], "farm-03": [kvm()]})
    for device in one.devices:
        driven = [finding for finding in one.findings[device] if finding.claim is Claim.DRIVEN]
        assert [(finding.detector, finding.group, finding.family) for finding in driven] == [
            ("farm.member", "site", Family.PLACE)
        ]
        assert {finding.detector for finding in one.findings[device] if finding.claim is Claim.FARM} >= {
            "farm.site",
            "farm.places",
        }
    keys = [(finding.detector, finding.grade, finding.summary) for finding in one.findings["farm-00"]]
    assert len(keys) == len(set(keys)), "stored by these three"


def test_own_hits_do_not_come_back_as_the_farms_word():
    """The one with the KVM is not told that it is driven because of its own KVM."""
    [one] = found(ORDINARY + farm("farm", 2), hits={"farm-00": [kvm()]})
    driven = {device: [f for f in one.findings[device] if f.claim is Claim.DRIVEN] for device in one.devices}
    assert driven["farm-00"] == []
    assert driven["farm-01"]


# --- ids and order


def test_a_farm_keeps_its_id_while_most_members_stay():
    rows = ORDINARY + farm("farm", 6)
    earlier = {"F-00000001": frozenset(f"farm-{number:02d}" for number in range(2, 9)), "F-2": frozenset({"x", "y"})}
    [one] = found(rows, known=earlier)
    assert one.farm_id == "F-00000001"
    [other] = found(rows, known={"F-1": frozenset({"farm-00", "x", "y"})})
    assert other.farm_id == found(rows)[0].farm_id


def test_the_order_of_rows_and_strangers_change_nothing():
    """Shuffled rows give equal farms; so does one more laptop at home."""
    rows = ORDINARY + farm("one", 4) + farm("two", 7) + power("one-00", "dead", at(1)) + power("one-01", "dead", at(1))
    hits = {"one-01": [kvm()]}
    first = found(rows, hits=hits)
    for seed in range(3):
        mixed = list(rows)
        random.Random(seed).shuffle(mixed)
        assert found(mixed, hits=hits) == first
    more = found(rows + at_home("zz-stranger"), hits=hits)
    assert [(one.farm_id, one.devices, one.assessment.level) for one in more] == [
        (one.farm_id, one.devices, one.assessment.level) for one in first
    ]


def test_hostile_values_fail_nothing():
    """Nulls, odd places and texts are rows like others."""
    odd = "'; DROP TABLE farm_links; --\x00\u202e" + "x" * 5000
    rows = [
        *farm("farm", 3),
        declared("odd", latitude=1e308, longitude=float("nan"), travel="2026-99-99/x", household=odd),
        Sighting(device_id="odd", ts=at(1), kind="public_ip", value=odd),
        Sighting(device_id="odd", ts=at(1), kind="public_ip", value="::"),
        Sighting(device_id="odd", ts=at(1), kind="gateway_mac", value=odd),
        UsbDevice(device_id="odd", ts=at(1), event="present", vendor_id=-1, product_id=1 << 40, serial=odd),
        *driven_by("odd", odd),
    ]
    found(rows)
    assert found([]) == ()
    assert CITIES
