"""What is known of a device beside what was found: the newest report of each kind, declared place, times seen."""

from __future__ import annotations

from farmwatch.analysis.fleet.facts import DeviceFacts, device_facts
from farmwatch.records import DeviceFact, PowerEvent, RosterEntry, UsbDevice
from tests.analysis.fleet.fleets import at, fleet_of


def facts(rows, *devices) -> dict[str, DeviceFacts]:
    with fleet_of(rows) as fleet:
        return device_facts(fleet, devices)


def told(day, device="lt-1", **values):
    return DeviceFact(device_id=device, ts=at(day), **values)


def test_the_newest_report_of_each_kind_holds():
    """A later report that leaves something out does not unsay it; what was told before the window counts too."""
    rows = [
        told(-25, vendor="Zeta", addresses="10.9.0.1", macs="ff:ff:ff:ff:ff:ff"),
        told(-20, vendor="Dell", addresses="10.0.0.1", macs="aa:aa:aa:aa:aa:aa"),
        told(1, addresses="10.0.0.2,10.0.0.3"),
        told(2, macs="bb:bb:bb:bb:bb:bb"),
        told(9, vendor="After", addresses="10.9.9.9", macs="cc:cc:cc:cc:cc:cc", host_name="after"),
    ]
    one = facts(rows, "lt-1")["lt-1"]
    assert one.vendor == "Dell"
    assert one.addresses == ("10.0.0.2", "10.0.0.3")
    assert one.macs == ("bb:bb:bb:bb:bb:bb",)
    assert one.names == ()


def test_all_its_names_are_kept_each_once():
    """A renamed laptop is found by either name; an empty name is none."""
    rows = [told(0, host_name="work"), told(1, host_name=""), told(2, host_name="desk"), told(3, host_name="work")]
    assert facts(rows, "lt-1")["lt-1"].names == ("desk", "work")


def test_it_was_seen_from_its_first_to_its_last_row_of_the_window():
    """Over all tables; the roster is no sighting, and neither is a row of another week."""
    rows = [
        PowerEvent(device_id="lt-1", ts=at(-3), event="boot"),
        PowerEvent(device_id="lt-1", ts=at(2, 4), event="boot"),
        UsbDevice(device_id="lt-1", ts=at(1, 3), event="present"),
        RosterEntry(device_id="lt-1", ts=at(0), person="p"),
        RosterEntry(device_id="lt-2", ts=at(0), person="q"),
    ]
    found = facts(rows, "lt-1", "lt-2")
    assert (found["lt-1"].first, found["lt-1"].last) == (at(1, 3), at(2, 4))
    assert (found["lt-2"].first, found["lt-2"].last) == (None, None)


def test_the_declared_place_has_coordinates_only_where_both_are_told():
    """Half a coordinate is no point of a map, and zero is one."""
    where = {"lt-1": (33.5, -112.0), "lt-2": (33.5, None), "lt-3": (None, -112.0), "lt-4": (0.0, 0.0)}
    rows = [
        RosterEntry(device_id=device, ts=at(-9), place="Phoenix", latitude=latitude, longitude=longitude)
        for device, (latitude, longitude) in where.items()
    ]
    found = facts(rows, *where)
    assert {device: one.coordinates for device, one in found.items()} == {
        "lt-1": (33.5, -112.0), "lt-2": None, "lt-3": None, "lt-4": (0.0, 0.0),
    }  # fmt: skip
    assert {one.place for one in found.values()} == {"Phoenix"}


def test_only_those_asked_for_and_each_of_them():
    """A device nothing is known of has an empty entry; nobody else is looked up."""
    hostile = "x'); DROP VIEW devices; --"
    rows = [told(1, vendor="Dell"), told(1, "lt-2", vendor="HP"), told(1, hostile, vendor="Acme", macs=",,aa,,")]
    found = facts(rows, "lt-1", "nobody", hostile)
    assert list(found) == sorted(["lt-1", "nobody", hostile])
    assert found["nobody"] == DeviceFacts((), (), (), None, None, None, None, None)
    assert (found[hostile].vendor, found[hostile].macs) == ("Acme", ("aa",))
    assert facts(rows) == {}
