"""Which names mean one device: what ties them, and what must not."""

from __future__ import annotations

import pytest

from farmwatch.records import DeviceFact, RosterEntry, ScannedDevice
from tests.analysis.fleet.fleets import at, fleet_of

UUID_A, UUID_B = "4c4c4544-0031-3310-8054-b4c04f4d3132", "4c4c4544-0042-5910-8031-c7c04f4a3233"
SWAPPED_A = "44454c4c-3100-1033-8054-b4c04f4d3132"


def fact(device, day=0.0, **values):
    return DeviceFact(device_id=device, ts=at(day), **values)


def roster(device, **values):
    return RosterEntry(device_id=device, ts=at(-60), **values)


def scanned(device, macs=""):
    texts = dict.fromkeys(("inputs", "vantages", "addresses", "names", "driven", "abroad", "farm", "version"), "")
    return ScannedDevice(device_id=device, ts=at(1), first_ts=at(1), macs=macs, document='{"findings": []}', **texts)


def merged(*rows):
    """Names that were given up, with the one that is kept."""
    with fleet_of(rows) as fleet:
        return {row["alias"]: row["device_id"] for row in fleet.rows("SELECT * FROM aliases ORDER BY alias")}


def test_one_hardware_id_is_one_device():
    """Whatever the byte order, the case and the dashes; the name that is a host's is kept."""
    rows = [fact("agent-77", hardware_uuid=UUID_A), fact("lt-1", hardware_uuid=UUID_A.upper(), host_name="lt-1")]
    assert merged(*rows) == {"agent-77": "lt-1"}
    assert merged(rows[1], fact("agent-77", hardware_uuid=SWAPPED_A)) == {"agent-77": "lt-1"}
    assert merged(rows[1], fact("agent-77", hardware_uuid=UUID_A.replace("-", ""))) == {"agent-77": "lt-1"}


def test_one_serial_number_is_one_device_that_the_roster_names():
    """The roster's name goes before a host name."""
    rows = [
        fact("lt-1", serial="5CG0123XYZ", host_name="lt-1"),
        fact("asset-9", serial="5cg0123xyz"),
        roster("asset-9"),
    ]
    assert merged(*rows) == {"lt-1": "asset-9"}


def test_a_roster_by_serial_numbers():
    """The roster calls the device what its agent reports as serial number; sign-ins by hardware id follow."""
    rows = [fact("lt-1", serial="5CG0123XYZ", hardware_uuid=UUID_A), roster("5cg0123xyz"), scanned(UUID_A)]
    assert merged(*rows) == {"lt-1": "5cg0123xyz", UUID_A: "5cg0123xyz"}


def test_a_name_by_number_that_tells_its_host_name():
    """An agent's number whose host name is another feed's name; not if two of them tell it."""
    rows = [fact("agent-77", host_name="lt-1"), roster("lt-1")]
    assert merged(*rows) == {"agent-77": "lt-1"}
    assert merged(*rows, fact("agent-78", host_name="lt-1")) == {}
    other = fact("lt-1", hardware_uuid=UUID_B)
    assert merged(fact("agent-77", host_name="lt-1", hardware_uuid=UUID_A), other) == {}


@pytest.mark.parametrize(
    "serial",
    ["To be filled by O.E.M.", "Default string", "0000000", "xxxxxx", "........", "System Serial Number", "None", "N/A",
     "123456789", "0123456789ABCDEF", "INVALID", "Not Specified", "OEM", "11111111", "abc"],
)  # fmt: skip
def test_serial_numbers_that_makers_leave_in_tie_nothing(serial):
    """They belong to nobody."""
    assert merged(fact("lt-1", serial=serial), fact("lt-2", serial=serial)) == {}


@pytest.mark.parametrize(
    "number",
    ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
     "03000200-0400-0500-0006-000700080009", "12345678-1234-5678-90ab-cddeefaabbcc", "Not Settable"],
)  # fmt: skip
def test_hardware_ids_that_makers_leave_in_tie_nothing(number):
    """Whole ranges of boards have them."""
    assert merged(fact("lt-1", hardware_uuid=number), fact("lt-2", hardware_uuid=number)) == {}


def test_a_value_of_many_is_nobodys():
    """A serial number of a whole batch."""
    assert merged(*(fact(f"lt-{n}", serial="BATCH-2024") for n in range(12))) == {}


def test_one_serial_number_with_two_hardware_ids_is_two_devices():
    """A board's number that was left in twice; with one of them unknown it still ties."""
    one = fact("lt-1", serial="5CG0123XYZ", hardware_uuid=UUID_A)
    assert merged(one, fact("lt-2", serial="5CG0123XYZ", hardware_uuid=UUID_B)) == {}
    assert merged(one, fact("lt-2", serial="5CG0123XYZ"), roster("lt-2")) == {"lt-1": "lt-2"}


def test_a_renamed_device_stays_one():
    """The old name is given up."""
    before = fact("lt-1", -20, hardware_uuid=UUID_A, host_name="lt-1")
    assert merged(before, fact("lt-new", 1, hardware_uuid=UUID_A, host_name="lt-new")) == {"lt-1": "lt-new"}


def test_a_host_name_that_another_laptop_took_over():
    """The name went to a new machine, and the old machine got another name: they are two."""
    rows = [fact("lt-1", -20, hardware_uuid=UUID_A), fact("lt-1", 1, hardware_uuid=UUID_B)]
    assert merged(*rows, fact("lt-old", 1, hardware_uuid=UUID_A)) == {}


def test_two_feeds_that_disagree_about_the_serial_number():
    """One reports the board's, the other the case's, in turns: both stay the device's."""
    rows = [fact("lt-1", day, serial=("CASE-001", "BOARD-77")[day % 2]) for day in range(4)]
    assert merged(*rows, fact("agent-77", serial="BOARD-77"), roster("lt-1")) == {"agent-77": "lt-1"}


def test_a_scan_finds_its_device_by_address_but_not_by_a_docks():
    """An address that one device reports, under whatever names; a dock's is reported by two."""
    mac, dock = "f4:d4:88:01:02:03", "00:50:b6:00:00:01"
    one = fact("lt-1", macs=f"{mac},{dock}", hardware_uuid=UUID_A, host_name="lt-1")
    assert merged(one, fact("lt-2", macs=dock), scanned(mac), scanned(dock)) == {mac: "lt-1"}
    again = fact("agent-77", macs=mac, hardware_uuid=UUID_A)
    assert merged(one, again, scanned(mac)) == {mac: "lt-1", "agent-77": "lt-1"}


def test_names_of_later_days_are_not_known_yet():
    """What is reported after the end of the time looked at does not count."""
    assert merged(fact("lt-1", hardware_uuid=UUID_A), fact("lt-2", 9, hardware_uuid=UUID_A)) == {}
