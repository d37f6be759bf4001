"""What a scan makes of every capture in ``pcaps/`` is what its sidecar says it must."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import pytest

import farmwatch
from farmwatch.analysis.profile import DeviceProfile, Profile
from farmwatch.records import Level, Outcome

PCAPS = Path(__file__).parents[1] / "pcaps"
SIDECARS = sorted(PCAPS.glob("*.toml"))
NAMES = [path.stem for path in SIDECARS]


def sidecar(name):
    return tomllib.loads((PCAPS / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def scanned(name):
    """The report of one capture, judged with the profile its sidecar declares."""
    declared = sidecar(name).get("profile", {})
    corporate = [value for values in declared.values() for value in values]
    return farmwatch.scan([PCAPS / f"{name}.pcap"], profile=Profile().with_options(corporate=corporate))


def only(name):
    """The address of a recorded capture's laptop."""
    return sidecar(name)["stage"]["address"]


def device(name, address):
    """The judged device that has an address, or None."""
    return next((one for one in scanned(name).devices if address in one.ips), None)


def hits(name, address, detector):
    return [
        finding
        for finding in device(name, address).findings
        if finding.detector == detector and finding.outcome is Outcome.HIT
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_capture_is_read(name):
    """Every packet counts, nothing is left out, and the vantage is recognised."""
    facts, capture = sidecar(name), scanned(name).inputs[0]
    assert (capture.packets, capture.bytes, capture.sha256) == (facts["packets"], facts["bytes"], facts["sha256"])
    assert capture.complete
    assert capture.vantage == facts["vantage"]


@pytest.mark.parametrize("name", NAMES)
def test_levels_are_those_expected(name):
    """Each device comes out at one of the levels decided for it; whoever has none decided is not judged at all."""
    for expected in sidecar(name)["devices"]:
        judged = device(name, expected["address"])
        claims = {claim: expected[claim] for claim in ("driven", "abroad", "farm")}
        if not any(claims.values()):
            assert judged is None, f"{expected['address']} is no device: {expected['role']}"
            continue
        for claim, levels in claims.items():
            level = str(getattr(judged.assessment, claim).level)
            assert level in levels.split("|"), f"{expected['address']} {claim}: {level}, expected {levels}"


@pytest.mark.parametrize("name", NAMES)
def test_nobody_else_is_judged(name):
    """Devices under judgement are those the sidecar knows: no router, server or far end is among them."""
    known = {one["address"] for one in sidecar(name)["devices"]}
    assert all(known.intersection(one.ips) for one in scanned(name).devices)


@pytest.mark.parametrize("name", [name for name in NAMES if sidecar(name).get("sessions")])
def test_sessions_are_named_with_role_and_round_trip(name):
    """Every session is found with its tool, far end, role, and a transport round trip near the measured one."""
    for expected in sidecar(name)["sessions"]:
        host, _, port = expected["remote"].rpartition(":")
        found = [
            session
            for session in device(name, expected["device"]).sessions
            if session.tool == expected["tool"]
            and session.remote.rpartition(":")[0] == host
            and port in ("*", session.remote.rpartition(":")[2])
        ]
        assert found, f"{expected['tool']} with {expected['remote']} not found"
        roles = {str(session.role) for session in found}
        assert roles == {expected["role"]}
        if expected.get("transport_rtt_ms"):
            measured = min(session.transport_rtt_ms for session in found)
            assert measured == pytest.approx(expected["transport_rtt_ms"], rel=0.1, abs=1.5)


@pytest.mark.parametrize("name", [name for name in NAMES if not sidecar(name).get("sessions")])
def test_no_session_is_invented(name):
    """Captures without remote control have no session, but for approved tools that wait."""
    tools = {session.tool for one in scanned(name).devices for session in one.sessions}
    assert tools <= {"teamviewer"} if name == "office" else not tools


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("farm-")])
def test_no_farm_outside_the_farms(name):
    """Homes, offices, cafes and single laptops are no farm."""
    assert not scanned(name).farms


LOOPS = [name for name in NAMES if any(one.get("loop_rtt_ms") for one in sidecar(name).get("sessions", []))]


@pytest.mark.parametrize("name", LOOPS)
def test_loops_are_as_long_as_ping_says(name):
    """A loop that is reported as more than an upper bound is the way to the far person's machine and back."""
    for expected in sidecar(name)["sessions"]:
        truth = expected.get("loop_rtt_ms")
        for session in device(name, expected["device"]).sessions:
            if truth and session.loop_rtt_ms and session.role == expected["role"] and not session.loop_note:
                assert session.loop_rtt_ms == pytest.approx(truth, abs=8)


@pytest.mark.parametrize("name", ["unknown-relayed", "broker-relayed", "wireguard-hand"])
def test_timing_alone_shows_a_hand(name):
    """No protocol and no product says who drives whom: the hand and its loop do."""
    [session] = device(name, only(name)).sessions
    assert session.tool == "unknown"
    assert session.loop_rtt_ms
    assert hits(name, only(name), "hand.driven")
    assert not hits(name, only(name), "remote.inbound_session")
    if name != "wireguard-hand":
        assert session.relayed
        assert hits(name, only(name), "hand.relayed")


@pytest.mark.parametrize("name", ["unknown-mirror", "shared-document", "voice-call"])
def test_work_of_the_own_user_is_no_hand(name):
    """Neither driving another desktop, nor reading what others write, nor a call is being driven."""
    assert not [f for f in device(name, only(name)).findings if f.detector.startswith("hand.") and f.decibans > 0]


def test_the_hand_that_goes_on_is_a_stepping_stone():
    """What comes in over VNC leaves over SSH, and the finding names where to."""
    [finding] = hits("stepping-stone", only("stepping-stone"), "hand.stepping_stone")
    assert "10.80.0.5:22" in finding.summary


def test_farm_seen_at_its_router():
    """Four laptops, two vendors on one of them, the KVM's beacon, and one group that holds all four."""
    report = scanned("farm-gateway")
    assert [len(farm.devices) for farm in report.farms] == [4]
    [vendors] = hits("farm-gateway", "192.168.50.21", "remote.two_vendors")
    assert "AnyDesk" in vendors.summary
    assert "Chrome Remote Desktop" in vendors.summary
    for address in ("192.168.50.21", "192.168.50.22", "192.168.50.23", "192.168.50.24"):
        assert "192.168.50.30" in hits("farm-gateway", address, "kvm.idle_stun_beacon")[0].summary
    for address, tool in (("192.168.50.22", "RustDesk"), ("192.168.50.23", "TeamViewer")):
        assert tool in hits("farm-gateway", address, "remote.idle_relay")[0].summary
    live = [finding for one in report.devices for finding in one.findings if "live session" in finding.summary]
    assert not live, "all tools are idle"
    assert {host.role for lan in report.lans for host in lan.hosts if host.note == "PiKVM"} == {"kvm"}


def test_farm_heard_by_one_laptop():
    """Three KVMs, the command bus and its sender, and a group with the neighbours' laptops by name."""
    summaries = [finding.summary for finding in hits("farm-lan", "10.0.0.55", "kvm.on_lan")]
    for product in ("PiKVM", "JetKVM", "TinyPilot"):
        assert any(product in summary for summary in summaries)
    assert "b8:27:eb" in hits("farm-lan", "10.0.0.55", "lan.arp_bus")[0].summary
    [farm] = scanned("farm-lan").farms
    assert {"ACME-LT-0163", "NW-L-7718", "BFN-PC0921", "HARBOR-NB-014"} <= set(farm.devices)
    assert not device("farm-lan", "10.0.0.55").sessions


def test_home_has_no_kvm_and_no_command_bus():
    """A hobby Raspberry Pi and ordinary address probes stay what they are, and a call of 28 minutes is a call."""
    assert all(finding.outcome is not Outcome.HIT for finding in device("home", "192.168.1.23").findings)
    assert "kvm" not in {host.role for lan in scanned("home").lans for host in lan.hosts}


def test_only_the_long_meeting_is_found():
    """Eight hours with the screen going out are a finding, fifty minutes beside it are none."""
    [finding] = hits("meeting-all-day", "192.168.60.21", "meeting.all_day")
    out, into = (int(part.split()[0].replace(",", "")) for part in finding.observed.split(";")[0].split(", "))
    assert out >= 5 * into
    assert not hits("meeting-all-day", "192.168.60.22", "meeting.all_day")


def test_tunnels_are_told_apart():
    """Astrill by name and by segment size, Mullvad over WireGuard, and nothing on the third laptop."""
    assert "Astrill" in hits("tunnels", "192.168.70.21", "vpn.consumer")[0].summary
    assert "1253" in hits("tunnels", "192.168.70.21", "tunnel.shrunk_mss")[0].summary
    assert "Mullvad" in hits("tunnels", "192.168.70.22", "vpn.consumer")[0].summary
    assert "WireGuard" in hits("tunnels", "192.168.70.22", "tunnel.product")[0].summary
    for detector in ("vpn.consumer", "tunnel.shrunk_mss", "tunnel.product"):
        assert not hits("tunnels", "192.168.70.23", detector)


def test_an_approved_tool_is_a_fact_and_no_verdict():
    """TeamViewer is named on the three laptops that run it, and weighs nothing."""
    for address in ("10.20.4.100", "10.20.4.101", "10.20.4.102"):
        [finding] = hits("office", address, "remote.named_tool")
        assert "TeamViewer" in finding.summary
        assert finding.decibans == 0


def test_an_unapproved_tool_in_the_same_office_is_weighed():
    """Without the profile the same TeamViewer counts, and still accuses nobody."""
    report = farmwatch.scan([PCAPS / "office.pcap"])
    named = [f for one in report.devices for f in one.findings if "TeamViewer" in f.summary and f.decibans > 0]
    assert named
    assert {one.assessment.driven.level for one in report.devices} == {Level.CLEAR}


@pytest.mark.parametrize(("name", "weighs"), [("ssh-into-laptop", True), ("ssh-from-laptop", False)])
def test_typing_over_ssh_is_seen_both_ways(name, weighs):
    """Typing into the laptop weighs; typing from it is told and weighs nothing."""
    [finding] = hits(name, only(name), "ssh.keystroke_paced")
    assert (finding.decibans > 0) is weighs
    assert ("into this device" in finding.summary) is weighs


def test_copies_over_ssh_are_no_typing():
    """File copies and clones have no human pace."""
    assert not hits("ssh-bulk", only("ssh-bulk"), "ssh.keystroke_paced")


def test_a_near_help_desk_is_not_far():
    """Ten milliseconds are not beyond any place."""
    assert not hits("vnc-helpdesk", only("vnc-helpdesk"), "control.rtt_beyond_place")
    assert hits("vnc-reverse", only("vnc-reverse"), "control.rtt_beyond_place")


def test_a_declared_help_desk_explains_its_session():
    """The same session from the company's declared network comes out clear."""
    profile = Profile().with_options(corporate=["203.0.113.0/24"])
    report = farmwatch.scan([PCAPS / "vnc-helpdesk.pcap"], profile=profile)
    assert {one.assessment.driven.level for one in report.devices} == {Level.CLEAR}


def test_a_hand_behind_a_relay_is_measured():
    """The loop that crosses the relay is as long as the way to the operator; distance, regions and levels follow."""
    [session] = device("vnc-relayed", only("vnc-relayed")).sessions
    [truth] = sidecar("vnc-relayed")["sessions"]
    assert session.loop_rtt_ms == pytest.approx(truth["loop_rtt_ms"], abs=8)
    assert session.loop_rtt_interval_ms[0] <= session.loop_rtt_ms <= session.loop_rtt_interval_ms[1]
    assert session.relayed is True
    assert session.input_events > 100
    assert session.same_continent is False
    assert session.distance_km.likely[0] > 3000
    [finding] = hits("vnc-relayed", only("vnc-relayed"), "hand.far")
    assert "the relay itself answers in 11 ms: the person is not near the relay" in finding.summary
    missed = device("vnc-relayed", only("vnc-relayed")).not_looked_at
    assert not any("only the way to that end" in text for text in missed)


def test_a_direct_hand_with_a_long_way_is_left_open():
    """133 ms of loop and transport alike: somewhere on the continent or beyond, so neither clear nor review."""
    [judged] = scanned("vnc-reverse").devices
    assert judged.assessment.abroad.level is Level.NOT_ENOUGH_DATA
    assert "loop of 133 ms" in judged.assessment.abroad.reason
    [session] = judged.sessions
    assert session.relayed is False
    assert session.same_continent is True


@pytest.mark.parametrize("name", ["vnc-helpdesk", "rdp-relayed", "ssh-into-laptop", "ssh-reverse"])
def test_nothing_is_called_far_without_a_loop_that_says_so(name):
    """A help desk next door, and sessions in which nothing answers by itself."""
    assert not hits(name, only(name), "hand.far")
    assert device(name, only(name)).assessment.abroad.level in (Level.CLEAR, Level.NOT_ENOUGH_DATA)


def test_one_expected_place_makes_a_long_round_trip_telling():
    """A limit declared for the device is what its session is held against."""
    mac = sidecar("vnc-reverse")["devices"][0]["mac"]
    expected = Profile(devices=(DeviceProfile(match=(mac,), place="Phoenix, US", max_rtt_ms=60),))
    report = farmwatch.scan([PCAPS / "vnc-reverse.pcap"], profile=expected)
    [finding] = [f for f in report.devices[0].findings if f.detector == "control.rtt_beyond_place"]
    assert finding.expected == "at most 60 ms, declared for Phoenix, US"
    assert report.devices[0].assessment.abroad.level is Level.REVIEW
    allowed = Profile(devices=(DeviceProfile(match=(mac,), place="Phoenix, US", max_rtt_ms=900),))
    [device] = farmwatch.scan([PCAPS / "vnc-reverse.pcap"], profile=allowed).devices
    assert device.assessment.abroad.level is not Level.REVIEW
