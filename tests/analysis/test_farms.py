"""Groups of devices tied by what they share."""

from __future__ import annotations

import pytest

from farmwatch.analysis.farms import find_farms
from farmwatch.records import Claim, Family, Finding, Level, Outcome
from tests.rows import tables_of, turned

PRIOR = 1e-3


def hit(decibans, detector="lan.several_companies", group="who is on the network", family=Family.PLACE):
    return Finding(detector=detector, family=family, claim=Claim.FARM, outcome=Outcome.HIT, decibans=decibans,
                   summary="s", group=group)  # fmt: skip


def home(*devices, lan="gateway r", members=(), sessions=()):
    return tables_of(
        devices_seen=[{"device_id": device, "lan": lan, "addresses": "10.0.0.5"} for device in devices],
        lan_members=[{"lan": lan, "role": "neighbour"} | member for member in members],
        sessions=[{"remote_scope": "public", "role": "controlled"} | session for session in sessions],
    )


KVM = {"host": "dc:a6:32:00:00:08", "role": "kvm", "product": "pikvm", "product_name": "PiKVM", "product_kind": "kvm"}


def test_a_network_alone_is_no_farm():
    """Two laptops of one household."""
    assert find_farms(home("A", "B"), {"A": [], "B": []}, PRIOR) == ()


def test_companies_and_a_kvm_make_one():
    """The members' own findings count once each, and the links say what is shared."""
    findings = {device: [hit(18.0), hit(12.6, "kvm.on_lan", "kvm", Family.HARDWARE)] for device in ("A", "B")}
    [farm] = find_farms(home("A", "B", members=[KVM]), findings, PRIOR)
    assert farm.devices == ("A", "B")
    assert farm.assessment.level is Level.REVIEW
    assert {link.attribute for link in farm.links} == {"local network", "KVM on the network"}
    counted = {weight.detector for weight in farm.assessment.weights if weight.counted}
    assert counted == {"lan.several_companies", "kvm.on_lan"}, "links share causes with the findings"


def test_several_companies_alone_are_a_cafe():
    findings = {device: [hit(18.0)] for device in ("A", "B", "C")}
    assert find_farms(home("A", "B", "C"), findings, PRIOR) == ()


def test_office_computers_that_were_only_heard_belong_to_it_by_name():
    """One laptop captured, three heard: a group of four; phones do not belong, equal names stay apart."""
    members = [
        {"host": "54:e1:ad:00:00:07", "names": "nw-l-7731,other", "laptop_like": True},
        {"host": "54:e1:ad:00:00:08", "names": "", "laptop_like": True},
        {"host": "54:e1:ad:00:00:09", "names": "a", "laptop_like": True},
        {"host": "54:e1:ad:00:00:0a", "names": "iphone"},
        KVM,
    ]
    findings = {"A": [hit(18.0), hit(12.6, "kvm.on_lan", "kvm", Family.HARDWARE)]}
    [farm] = find_farms(home("A", members=members), findings, PRIOR)
    assert farm.devices == ("54:e1:ad:…:08", "A", "A (neighbour)", "NW-L-7731")


def test_one_far_end_that_drives_two_devices_ties_them():
    """Devices of different networks, driven from one address outside; a relay would tie everybody."""
    tables = tables_of(
        devices_seen=[{"device_id": device, "lan": f"gateway {device}"} for device in ("A", "B", "C")],
        sessions=[
            {"session_id": device, "device_id": device, "remote": "203.0.113.9:5900", "remote_scope": "public",
             "role": "controlled", "relayed": relayed, "live": True}
            for device, relayed in (("A", None), ("B", 0), ("C", 1))
        ],
    )  # fmt: skip
    findings = {"A": [hit(18.0)], "B": [], "C": []}
    [farm] = find_farms(tables, findings, PRIOR)
    assert farm.devices == ("A", "B")
    assert [link.attribute for link in farm.links] == ["controlling end"]


@pytest.mark.parametrize(("change", "reported"), [({}, 1), ({"live": False}, 0), ({"approved": True}, 0)])
def test_one_far_end_alone_is_worth_a_look(change, reported):
    """Two devices driven from one address outside make a case by themselves, unless nobody worked or it is approved."""
    tables = tables_of(
        devices_seen=[{"device_id": device, "lan": f"gateway {device}"} for device in ("A", "B")],
        sessions=[
            {"session_id": device, "device_id": device, "remote": "203.0.113.9:5900", "remote_scope": "public",
             "role": "controlled", "live": True} | change
            for device in ("A", "B")
        ],
    )  # fmt: skip
    assert len(find_farms(tables, {"A": [], "B": []}, PRIOR)) == reported


def test_a_far_end_that_is_driven_ties_nobody():
    """A server that two laptops work on is no controller."""
    sessions = [
        {"session_id": device, "device_id": device, "remote": "203.0.113.9:22", "role": "controlling"}
        for device in "AB"
    ]
    findings = {"A": [hit(18.0)], "B": [hit(18.0)]}
    assert find_farms(home("A", "B", sessions=sessions), findings, PRIOR) == ()


def test_what_very_many_share_is_a_company():
    """Sixty devices on one network are an office or a carrier."""
    names = [f"D{number:02}" for number in range(60)]
    findings = {name: [hit(24.0), hit(14.0, "kvm.on_lan", "kvm", Family.HARDWARE)] for name in names}
    assert find_farms(home(*names, members=[KVM]), findings, PRIOR) == ()


def test_names_of_groups_and_order_do_not_depend_on_rows():
    findings = {device: [hit(18.0), hit(12.6, "kvm.on_lan", "kvm", Family.HARDWARE)] for device in ("A", "B")}
    tables = home("A", "B", members=[KVM])
    assert find_farms(tables, findings, PRIOR) == find_farms(turned(tables), findings, PRIOR)


def test_a_computer_that_is_judged_is_no_neighbour():
    """What was only heard at one place but judged at another is one computer, by its own name."""
    tables = tables_of(
        devices_seen=[
            {"device_id": "A", "lan": "r", "macs": "f8:bc:12:00:00:05"},
            {"device_id": "B", "lan": "café", "macs": "54:e1:ad:00:00:07", "input": 1},
        ],
        lan_members=[
            {"lan": "r", "host": "54:e1:ad:00:00:07", "names": "b", "laptop_like": True, "role": "neighbour"},
            {"lan": "r", "role": "neighbour"} | KVM,
        ],
    )
    findings = {"A": [hit(18.0), hit(12.6, "kvm.on_lan", "kvm", Family.HARDWARE)], "B": []}
    [farm] = find_farms(tables, findings, PRIOR)
    assert farm.devices == ("A", "B")
