"""DisplayKvmIdentity: hit, near miss and no data for each grade."""

from __future__ import annotations

from hashlib import sha256

import pytest

from farmwatch.analysis.fleet.detectors.display_kvm_identity import DisplayKvmIdentity
from farmwatch.analysis.profile import Profile
from farmwatch.records import Display, PowerEvent, RosterEntry
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = DisplayKvmIdentity()
COMET_BLOCK = sha256(bytes.fromhex("020312f0230904018301000065030c0010" + "00" * 110 + "c0")).hexdigest()


def display(vendor=None, product=None, **values):
    return Display(device_id="lt-1", ts=at(2), vendor=vendor, product_code=product, **values)


@pytest.mark.parametrize(
    ("row", "grade"),
    [
        (display("LNX", 0x7773, name="PiKVM V4 Plus"), "identity"),
        (display("JET", 1, name="JetKVM v1"), "identity"),
        (display("TSB", 0x9876, name="TinyPilot"), "identity"),
        (display("DEL", 0x2013, name="DELL D2721H", serial_text="3S5GQ23"), "identity"),
        (display("DEL", 0xA0C3, name="DELL P2422H", extension_sha256=f"{'0' * 64},{COMET_BLOCK}"), "fixed block"),
        (display("BNQ", 0x7891, serial_text="CAFEBABE  ", name="BenQ"), "template"),
        (display("SAM", 0x0001, serial_number=0x01010101, week=35, year=2016), "template"),
        (display("ADR", 0x0217, name="KVM-via-IP"), "reported"),
        (display("TSB", 0x8888, name="Toshiba-H2C"), "capture"),
        (display("HJW", 0x1836, name="MACROSILICON"), "capture"),
        (display("ATN", 0x0001, name="ATEN_4KHDMI"), "capture"),
        (display("GTD", 0x0001, name="HeadlessGhost"), "dummy"),
    ],
)
def test_identities_of_kvms_are_found(row, grade):
    """Each identity counts by how few other things have it."""
    assert answers(DETECTOR, [row]) == {"lt-1": grade}


@pytest.mark.parametrize(
    "row",
    [
        display("DEL", 0x2013, name="DELL D2721H", serial_text="7ABCD12", serial_number=0x1234),
        display("LNX", 0x5312, name="LANIX TV"),
        display("LNX", 0x0000, name="Linux FHD"),
        display("SAM", 0x0F00, serial_number=0x01010101, week=12, year=2019),
        display("BOE", 0x0BCA, internal=True),
        display("GSM", 0x5B08, name="LG Ultra HD", extension_sha256="ab" * 32),
        display(),
    ],
    ids=[
        "the same monitor",
        "television",
        "virtual display",
        "serial left blank",
        "built in",
        "monitor",
        "nothing told",
    ],
)
def test_ordinary_displays_are_not(row):
    """A real monitor of a model that KVMs copy has its own serial number."""
    assert answers(DETECTOR, [row]) == {"lt-1": "clear"}


def test_the_strongest_of_several_is_told():
    """A KVM beside a splitter is told as a KVM."""
    found = judged(DETECTOR, [display("HJW", 0x1836), display("LNX", 0x7770, record_id="d4")]).hits["lt-1"]
    assert [one.grade for one in found] == ["identity"]
    assert found[0].telling[0].record_ids == ("d4",)


def test_without_displays_there_is_no_data():
    """Nothing is known of a device that tells no display."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}


def test_an_approved_kvm_is_nothing():
    """By the roster for one device, by the profile for all; another product's approval explains nothing."""
    row = display("LNX", 0x7773, name="PiKVM V4 Plus")
    roster = RosterEntry(device_id="lt-1", ts=at(-9), approved_tools="pikvm")
    assert answers(DETECTOR, [row, roster]) == {"lt-1": "no data"}
    assert answers(DETECTOR, [row], profile=Profile(approved_tools=frozenset({"pikvm"}))) == {"lt-1": "clear"}
    assert answers(DETECTOR, [row], profile=Profile(approved_tools=frozenset({"jetkvm"}))) == {"lt-1": "identity"}
