"""What devices share, as links: values, days, weights."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.traits import TRAITS, make_links
from farmwatch.analysis.profile import Profile
from farmwatch.records import Display, Logon, RemoteToolLog, RosterEntry, Sighting, UsbDevice
from tests.analysis.fleet.farm_rows import crowd, declared, mac
from tests.analysis.fleet.fleets import at, fleet_of

ORDINARY = crowd(20)
NAMES = [trait.name for trait in TRAITS]


def links(rows, **options):
    """By trait and value: devices, days of the first of them, bits."""
    with fleet_of([*ORDINARY, *rows], **options) as fleet:
        make_links(fleet)
        return {
            (NAMES[row["kind"]], row["value"]): (row["devices"], row["days"], row["bits"])
            for row in fleet.rows(
                "SELECT kind, value, list(device_id ORDER BY device_id) AS devices, min(bit_count(l.mask)) AS days, "
                "max(bits) AS bits FROM farm_links AS l JOIN farm_traits USING (code, kind, thing) "
                "JOIN farm_devices USING (code) GROUP BY kind, value ORDER BY kind, value"
            )
        }


def saw(device, kind, value, *days):
    return [Sighting(device_id=device, ts=at(day, 9), kind=kind, value=value, oui=value[:8]) for day in days]


@pytest.mark.parametrize(
    ("one", "two", "shared"),
    [
        ("2001:db8:0:7::1", "2001:db8:0:7:aaaa:bbbb:cccc:dddd", True),
        ("2a00:1450:4001:0::5", "2a00:1450:4001::9:8:7:6", True),
        ("2a00:1450:4001:1::5", "2a00:1450:4001:2::5", False),
    ],
)
def test_addresses_of_one_ipv6_network(one, two, shared):
    """The first 64 bits, however they are written."""
    found = links(saw("a", "public_ip", one, 1, 2) + saw("b", "public_ip", two, 1, 2))
    assert any(name == "IPv6 network" for name, _ in found) is shared


def test_unique_addresses_weigh_8_to_15_bits_and_carriers_3():
    value = mac("x")
    found = links(
        saw("a", "gateway_mac", value, 1) + saw("b", "gateway_mac", value, 1) + saw("a", "public_ip", "71.1.2.3", 1)
        + saw("b", "public_ip", "71.1.2.3", 1)
    )  # fmt: skip
    assert 8 <= found["gateway MAC", value][2] <= 15
    assert found["egress address", "71.1.2.3"][2] == 3


@pytest.mark.parametrize("value", ["00:00:5e:00:01:0a", "02:00:00:00:00:00", "0c:5b:8f:27:9a:64", "01:00:5e:00:00:fb"])
def test_addresses_of_no_single_router_are_left_out(value):
    assert links(saw("a", "gateway_mac", value, 1, 2) + saw("b", "gateway_mac", value, 1, 2)) == {}


def test_what_is_told_once_holds_until_something_else_is_told():
    """The first router for two days of seven, although told on the first only; signs of life every day."""
    value, other = mac("x"), mac("y")
    rows = saw("a", "local_ip", "192.168.1.7", *range(7)) + saw("b", "local_ip", "192.168.1.8", *range(7))
    rows += saw("a", "gateway_mac", value, 0) + saw("a", "gateway_mac", other, 2)
    rows += saw("b", "gateway_mac", value, 0) + saw("b", "gateway_mac", other, 4)
    found = links(rows)
    assert found["gateway MAC", value] == (["a", "b"], 2, found["gateway MAC", value][2])
    assert found["gateway MAC", other][1] == 3


def test_days_of_declared_travel_tell_no_place():
    rows = [declared(name, travel="2026-03-02/2026-03-09 Lisbon") for name in ("a", "b")]
    rows += saw("a", "gateway_mac", mac("x"), 1, 2) + saw("b", "gateway_mac", mac("x"), 1, 2)
    assert links(rows) == {}


@pytest.mark.parametrize("serial", ["0000000000", "CAFEBABE", "0123456789", "5&1a2b3c4d&0&2", "abc", None])
def test_serial_numbers_that_tell_nothing(serial):
    rows = [
        UsbDevice(device_id=name, ts=at(day, 9), event="present", vendor_id=1, product_id=2, serial=serial,
                  hid_kinds="keyboard")
        for name in ("a", "b")
        for day in (1, 2)
    ]  # fmt: skip
    assert links(rows) == {}


def test_a_serial_number_that_a_whole_model_has_is_unsure():
    """One number is all that laptops show of a model; beside other numbers of the model it is a thing."""

    def screen(name, serial):
        return [
            Display(device_id=name, ts=at(day, 9), vendor="DEL", product_code=7, serial_text=serial, connector="DP-1")
            for day in (1, 2)
        ]

    both = screen("a", "CN0ABC123") + screen("b", "CN0ABC123")
    assert links(both)["monitor serial", "DEL:7 cn0abc123"][2] < 8
    assert links(both + screen("c", "CN0XYZ789"))["monitor serial", "DEL:7 cn0abc123"][2] >= 8


def logged_on(device, *days, remote_h="93.184.216.34"):
    return [Logon(device_id=device, ts=at(day, 9), event="logon", source="security 4624", logon_type=10,
                  remote_h=remote_h) for day in days]  # fmt: skip


def test_approved_remote_desktops_tie_nobody():
    """An approved jump host's address, by the roster or by the profile; without that it is a tie."""
    rows = logged_on("a", 1, 2, 3) + logged_on("b", 1, 2, 3)
    tie = ("address of the far end", "93.184.216.34")
    approved = [RosterEntry(device_id=device, ts=at(-9), approved_tools="rdp") for device in "ab"]
    assert links(rows)[tie][0] == ["a", "b"]
    assert tie not in links(rows + approved)
    assert tie not in links(rows, profile=Profile(approved_tools=frozenset({"rdp"})))


def test_who_works_through_laptops_by_an_allowed_tool_ties_them():
    """Brief support by that tool does not, nor does work of which the log does not say whether anybody agreed."""

    def sessions(hours, unattended=True):
        return [
            RemoteToolLog(device_id=device, ts=at(day), tool="teamviewer", event="session", direction="incoming",
                          far_id="123456789", ended=at(day, hours), unattended=unattended)
            for device in "ab" for day in range(7)
        ]  # fmt: skip

    tie, profile = (
        ("remote-tool id of the far end", "teamviewer 123456789"),
        Profile(approved_tools=frozenset({"teamviewer"})),
    )
    assert links(sessions(3), profile=profile)[tie][0] == ["a", "b"]
    assert tie not in links(sessions(1), profile=profile)
    assert tie not in links(sessions(3, None), profile=profile)


def test_help_desks_tie_nobody():
    """An address, or a far end of a tool, that comes to twenty devices, to each seldom; day by day it is a hand's."""
    devices = [f"d{number}" for number in range(20)]

    def came(device, *days):
        far = {"far_id": "111222333", "far_h": "93.184.216.40", "direction": "incoming", "event": "session"}
        return [
            RemoteToolLog(device_id=device, ts=at(day, 9), tool="anydesk", ended=at(day, 9.5), **far) for day in days
        ]

    seldom = [
        row for number, one in enumerate(devices) for row in (*logged_on(one, number % 6), *came(one, number % 5))
    ]
    assert not [name for name, _ in links(seldom) if "far end" in name]
    daily = [row for one in devices for row in (*logged_on(one, 0, 1, 2, 3, 4), *came(one, 0, 1, 2, 3, 4))]
    assert {value for name, value in links(daily) if "far end" in name} == {
        "93.184.216.34", "93.184.216.40", "anydesk 111222333",
    }  # fmt: skip
