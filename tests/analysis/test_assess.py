"""From tables to a report."""

from __future__ import annotations

import pytest

from farmwatch.analysis.assess import assess, conclude, derive
from farmwatch.analysis.profile import DeviceProfile, Profile
from farmwatch.knowledge import load_knowledge
from farmwatch.records import DeviceSeen, Level, RemoteSession, Table, Tables
from farmwatch.reports.document import dumps
from tests.rows import Net, turned

LAPTOP, OTHER = "f8:bc:12:00:00:05", "54:e1:ad:00:00:06"
BUSY = {
    "orig_data_pkts": 400, "resp_data_pkts": 500, "orig_bytes": 20_000, "resp_bytes": 800_000, "orig_active_s": 300,
    "resp_active_s": 300, "orig_small_pkts": 390, "orig_small_gaps": 300, "orig_rtt_ms": 60.0, "orig_rtt_samples": 90,
}  # fmt: skip


def report_of(tables, profile=None):
    return assess(tables, load_knowledge(), profile or Profile(), version="1")


def driven(number=0):
    """A laptop driven over VNC from the internet."""
    net = Net(number)
    net.host(LAPTOP, "10.0.0.5")
    net.flow("10.0.0.5", "203.0.113.200")
    net.flow(
        "203.0.113.9", "10.0.0.5", 5900, protocol="rfb", tool="vnc", controlled_side=1, ts=3_600, last_ts=5_400, **BUSY
    )
    return net


def test_a_driven_laptop():
    """Level, session with role, distance bound, proof rows, and what to do next with times and checksum."""
    [device] = report_of(driven().tables()).devices
    assert device.assessment.driven.level is Level.REVIEW
    [session] = device.sessions
    assert (session.tool, session.role, session.transport_rtt_ms) == ("vnc", "controlled", 60.0)
    assert session.distance_km is None  # a relay may stand between
    assert device.assessment.abroad.level is Level.NOT_ENOUGH_DATA
    assert (session.start, session.packets) == ("1970-01-01T01:00:00.000Z", (11, 19))
    assert device.next_steps[0] == "keep the capture (sha256 abababababab…)"
    assert device.next_steps[1] == "look for a help-desk ticket for 1970-01-01 01:00 to 01:30 UTC"
    assert "device's user" in device.next_steps[-1]  # what may warn an adversary comes last
    assert any("relay" in text for text in device.not_looked_at)
    assert device.benign_considered[0].startswith("help desk")


@pytest.mark.parametrize(
    ("matches", "only", "said"),
    [
        ([("10.0.0.5",)], (), None),
        ([("acme-lt-9999", "acme-lt-9998")], (), "the profile's device acme-lt-9999 is in none of these inputs"),
        ([("10.0.0.5",), ("10.0.0.6",)], ("10.0.0.5",), None),
        (
            [(f"lt-{number}",) for number in range(7)],
            (),
            "the profile's devices lt-0, lt-1, lt-2, lt-3, lt-4 and 2 more are in none of these inputs",
        ),
    ],
)
def test_declared_devices_that_are_not_there_are_named(matches, only, said):
    """A limit declared for a device that no input shows was not checked, and the report says so."""
    net = driven()
    net.host("02:00:00:00:00:66", "10.0.0.6")
    net.flow("10.0.0.6", "203.0.113.201")
    profile = Profile(devices=tuple(DeviceProfile(match) for match in matches), only_devices=only)
    notes = [note for note in report_of(net.tables(), profile).notes if "profile" in note]
    assert notes == ([said] if said else [])


def test_a_clear_device_needs_no_next_step():
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    net.flow("10.0.0.5", "203.0.113.200")
    [device] = report_of(net.tables()).devices
    assert device.assessment.driven.level is Level.CLEAR
    assert device.next_steps == ()
    assert not any("relay" in text for text in device.not_looked_at)


def test_what_was_not_looked_at_is_said_once_per_reason():
    """Plain words, topics of one reason together, the vantage's limit among them."""
    [device] = report_of(driven().tables()).devices
    texts = device.not_looked_at
    assert texts[0].startswith("USB, displays")
    assert any("external KVM" in text for text in texts), "a capture on the laptop"
    assert len(texts) == len(set(texts))
    assert not any("no rows" in text or "_" in text for text in texts)


def test_no_bound_where_a_relay_answers():
    """The time to a relay says nothing of the person behind it."""
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    flow = net.flow(
        "10.0.0.5", "198.51.100.7", resp_rtt_ms=12.0, resp_rtt_samples=90, **(BUSY | {"resp_bytes": 20_000})
    )
    net.add("tls", flow=flow, packet=1, transport="tcp", server_name="relay-0a1b2c3d.net.anydesk.com")
    [session] = report_of(net.tables()).devices[0].sessions
    assert session.relayed is True
    assert session.transport_rtt_ms == 12.0
    assert session.distance_km is None


def measured(profile=None, **columns):
    """The report of the driven laptop whose one session was measured to have these columns."""
    profile = profile or Profile()
    every, hosts = derive(driven().tables(), load_knowledge(), profile)
    sessions = every[RemoteSession]
    assert len(sessions) == 1
    held = {name: sessions[name] for name in RemoteSession.columns}
    held |= {name: RemoteSession.columns[name].array([value]) for name, value in columns.items()}
    changed = every.replaced(Table(RemoteSession, held))
    [device] = conclude(changed, hosts, load_knowledge(), profile, version="1").devices
    return device


def looped(low, transport=12.0, **columns):
    """Columns of a session with a loop."""
    return {"loop_rtt_ms": low + 4, "loop_low_ms": low, "loop_high_ms": low + 9, "loop_samples": 300,
            "rtt_ms": transport, "rtt_samples": 90} | columns  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "level", "reason"),
    [
        (looped(12.0), Level.CLEAR, "had data"),
        (looped(30.0), Level.CLEAR, "had data"),
        (looped(60.0), Level.NOT_ENOUGH_DATA, "loop of 60 ms may be near on a slow line or far on a good one"),
        (looped(130.0), Level.NOT_ENOUGH_DATA, "loop of 130 ms"),
        (looped(110.0, None, rtt_samples=0), Level.NOT_ENOUGH_DATA, "loop of 110 ms"),
        (looped(190.0), Level.REVIEW, "worth a person's time"),
        (looped(640.0), Level.NOT_ENOUGH_DATA, "longer than any way on earth"),
        (looped(12.0, tool="ssh"), Level.NOT_ENOUGH_DATA, "the tunnel's own end"),
        ({"rtt_ms": 12.0, "rtt_samples": 90}, Level.NOT_ENOUGH_DATA, "a relay may hide"),
        ({"rtt_ms": 12.0, "rtt_samples": 90, "relayed": 0}, Level.CLEAR, "had data"),
        ({"rtt_ms": 80.0, "rtt_samples": 90, "relayed": 0}, Level.NOT_ENOUGH_DATA, "is direct and answers in 80 ms"),
        (looped(640.0, role="controlling"), Level.CLEAR, "had data"),
    ],
)
def test_abroad_is_clear_only_where_the_hand_is_kept_near(columns, level, reason):
    """A short loop bounds the hand, a long one over a short transport is for review, and all between stays open."""
    abroad = measured(**columns).assessment.abroad
    assert abroad.level is level
    assert reason in abroad.reason


def test_what_timing_measured_reaches_the_report():
    """Loop, interval, samples, events, keys, notes, bound by the loop's low value, regions."""
    device = measured(
        **looped(190.0, timed=True, input_events=700, presses=400, loop_note="n", relay_reason="r", relayed=1)
    )
    [session] = device.sessions
    assert (session.loop_rtt_ms, session.loop_rtt_interval_ms, session.loop_samples) == (194.0, (190.0, 199.0), 300)
    assert (session.input_events, session.presses, session.loop_note, session.relay_reason) == (700, 400, "n", "r")
    assert session.distance_km.at_most == pytest.approx(190 * 99.93, abs=1)
    assert "East Asia" in session.regions
    assert session.same_continent is False
    assert not any("only the way to that end was timed" in text for text in device.not_looked_at)
    assert any("speaks the protocol itself" in text for text in device.not_looked_at)


@pytest.mark.parametrize(("where", "named"), [((33.4, -112.1), True), ((52.2, 21.0), False), (None, False)])
def test_regions_are_named_for_devices_where_the_table_starts(where, named):
    """Of a device declared elsewhere, or nobody knows where, the same times name no part of the world."""
    declared = Profile(devices=(DeviceProfile((LAPTOP,), "its place", None, where),))
    [session] = measured(declared, **looped(190.0, relayed=1)).sessions
    assert bool(session.regions) is named
    assert session.same_continent is False


def test_a_tunnel_bounds_nobody():
    """What answers may be the tunnel's own end, so no distance is given."""
    [session] = measured(**looped(12.0, tool="wireguard")).sessions
    assert session.distance_km is None
    assert session.loop_rtt_ms == 16.0
    assert "tunnel" in session.distance_note


def test_a_declared_limit_decides():
    """Beyond the profile's limit a loop is for review whatever it weighs; within it the hand is where it may be."""
    strict = Profile(devices=(DeviceProfile((LAPTOP,), "Phoenix, US", 60.0, (33.4, -112.1)),))
    beyond = measured(strict, **looped(80.0))
    assert beyond.assessment.abroad.level is Level.REVIEW
    assert (beyond.place, beyond.coordinates) == ("Phoenix, US", (33.4, -112.1))
    lenient = Profile(devices=(DeviceProfile((LAPTOP,), "Phoenix, US", 250.0),))
    assert measured(lenient, **looped(190.0)).assessment.abroad.level is Level.CLEAR


def test_the_most_urgent_device_comes_first():
    net = driven()
    net.host(OTHER, "10.0.0.6")
    net.flow("10.0.0.6", "203.0.113.200")
    assert [device.device_id for device in report_of(net.tables()).devices] == [LAPTOP, OTHER]


def test_a_device_of_two_inputs_is_one_device():
    """Its addresses and sessions are put together."""
    second = driven(1)
    tables = driven(0).tables().joined(second.tables())
    [device] = report_of(tables).devices
    assert [session.input for session in device.sessions] == [0, 1]
    assert [session.session_id for session in device.sessions] == ["S1", "S2"]


def test_inputs_together_are_the_union():
    """Two captures of two networks give the devices, sessions and levels that each gives alone."""
    other = Net(1, gateway="52:00:00:00:00:09")
    other.host(OTHER, "10.9.0.6")
    other.flow("10.9.0.6", "203.0.113.201")
    alone = [report_of(net.tables()) for net in (driven(0), other)]
    together = report_of(driven(0).tables().joined(other.tables()))
    assert {device.device_id: device.assessment for device in together.devices} == {
        device.device_id: device.assessment for report in alone for device in report.devices
    }
    assert sum(len(device.sessions) for device in together.devices) == 1
    assert [one.path for one in together.inputs] == ["0.pcap", "1.pcap"]


def test_the_order_of_rows_does_not_change_a_byte():
    net = driven()
    net.host(OTHER, "10.0.0.6")
    net.flow("10.0.0.6", "203.0.113.200")
    assert dumps(report_of(net.tables())) == dumps(report_of(turned(net.tables())))


def test_the_same_tables_give_the_same_bytes():
    assert dumps(report_of(driven().tables())) == dumps(report_of(driven().tables()))


def test_nothing_to_judge_is_said():
    report = report_of(Tables())
    assert report.devices == ()
    assert any("nothing to judge" in note for note in report.notes)


def test_damage_is_said():
    """An input that could be read in part is not complete and lists its rejects and their places."""
    net = driven()
    net.rows["inputs"][0]["complete"] = False
    net.add("rejects", reason="cut short", offset=77, count=3)
    net.add("rejects", reason="flow table full", count=2)
    report = report_of(net.tables())
    assert report.inputs[0].rejects == {"cut short at byte 77": 3, "flow table full": 2}
    assert not report.inputs[0].complete


def test_lack_of_room_is_a_note():
    """Messages left unread because there were too many do not make an input damaged, but are said."""
    net = driven()
    net.add("rejects", reason="dns messages left unread for lack of room", count=4041)
    report = report_of(net.tables())
    assert report.inputs[0].complete
    assert any("4,041 dns messages" in note and "names may be missing" in note for note in report.notes)


def test_an_unreadable_input_has_its_error():
    net = Net()
    net.rows["inputs"][0] |= {"kind": "unreadable", "complete": False, "packets": 0, "first_ts": None, "last_ts": None}
    net.add("rejects", reason="not a capture", offset=0, count=1)
    [one] = report_of(net.tables()).inputs
    assert one.error == "not a capture at byte 0"


def test_expectations_of_the_profile_reach_the_device():
    """Place and limit by name, address or link-layer address."""
    profile = Profile(devices=(DeviceProfile((LAPTOP,), "Phoenix, US", 40.0),))
    tables, _ = derive(driven().tables(), load_knowledge(), profile)
    [row] = tables[DeviceSeen].rows()
    assert (row.place, row.max_rtt_ms) == ("Phoenix, US", 40.0)


def test_networks_show_hosts_and_mask_neighbours():
    """Judged devices in full, others by maker and last byte."""
    net = driven()
    net.host(OTHER, "10.0.0.6")
    net.flow("10.0.0.6", "224.0.0.251", 5353, proto="udp", resp_pkts=0)
    [lan] = report_of(net.tables()).lans
    assert {(host.role, host.macs) for host in lan.hosts} >= {("device", (LAPTOP,)), ("neighbour", ("54:e1:ad:…:06",))}
    assert "…" in lan.gateway


def place(number, gateway, *, kvm=False, companies=0):
    """A network with the laptop, and perhaps a KVM and other companies' computers."""
    net = Net(number, gateway=gateway)
    net.host(LAPTOP, "10.0.0.5")
    net.flow("10.0.0.5", "203.0.113.200")
    leases = [("30:52:53:00:00:07", {"host_name": "jetkvm-0a7c21f4", "vendor_class": "jetkvm"})] if kvm else []
    leases += [(f"54:e1:ad:00:01:{n:02x}", {"fqdn": f"pc{n}.company{n}.example"}) for n in range(companies)]
    for at, (mac, said) in enumerate(leases, 10):
        net.host(mac, f"10.0.0.{at}")
        net.flow(f"10.0.0.{at}", "224.0.0.251", 5353, proto="udp", resp_pkts=0)
        net.add("dhcp", packet=20 + at, ip_version=4, message="request", mac=mac, **said)
    return net.tables()


def test_a_farm_is_one_place():
    """A KVM at home and four companies in a café do not add up; in one place they do."""
    home, cafe = place(0, "3c:a6:2f:00:00:01", kvm=True), place(1, "3c:a6:2f:00:00:02", companies=4)
    [apart] = report_of(home.joined(cafe)).devices
    alone = [report_of(tables).devices[0].assessment.farm for tables in (home, cafe)]
    assert apart.assessment.farm.decibans == max(claim.decibans for claim in alone)
    [together] = report_of(place(0, "3c:a6:2f:00:00:01", kvm=True, companies=4)).devices
    assert together.assessment.farm.decibans > apart.assessment.farm.decibans
    assert (apart.assessment.farm.level, together.assessment.farm.level) == (Level.CLEAR, Level.REVIEW)


def test_networks_are_named_by_a_masked_gateway():
    """No neighbour's whole address stands in the report, the router's neither."""
    text = dumps(report_of(place(0, "3c:a6:2f:12:34:56", kvm=True, companies=4)))
    assert "3c:a6:2f:\\u2026:56" in text
    assert "3c:a6:2f:12:34:56" not in text
