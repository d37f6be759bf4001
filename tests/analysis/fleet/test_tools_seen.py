"""tool_seen and device_tools: what a text says of a tool, and what a device's texts say together."""

from __future__ import annotations

import pytest

from farmwatch.analysis.profile import Profile
from farmwatch.records import DnsLookup, PowerEvent, Process, RosterEntry, Service, Socket, Software
from tests.analysis.fleet.fleets import at, fleet_of


def seen(rows, **options):
    """Rows of tool_seen by device, tool and table."""
    with fleet_of(rows, **options) as fleet:
        return {(row["device_id"], row["tool"], row["via"]): row for row in fleet.rows("SELECT * FROM tool_seen")}


def tools(rows, **options):
    """Rows of device_tools by tool; for fleets of one device of interest."""
    with fleet_of(rows, **options) as fleet:
        return {row["tool"]: row for row in fleet.rows("SELECT * FROM device_tools WHERE device_id = 'lt-1'")}


def process(name, day=1, **values):
    return Process(**{"device_id": "lt-1", "ts": at(day), "event": "running", "name": name} | values)


def lookup(name, day=1, device="lt-1"):
    return DnsLookup(device_id=device, ts=at(day), name=name)


def software(name, **values):
    return Software(device_id="lt-1", ts=at(1), kind="program", name=name, **values)


def test_a_running_program_is_presence_and_not_a_session():
    """AnyDesk's process says that it is there, not that anybody is connected."""
    row = seen([process("anydesk.exe")])["lt-1", "anydesk", "processes"]
    assert (row["sign"], row["alone"], row["runs"], row["looked_up"]) == ("presence", True, True, False)


def test_a_relays_name_is_a_session_sign_whatever_else_is_seen():
    """Of a week's lookups the relay counts, in whichever order the names come; the shop window counts for nothing."""
    rows = [lookup("boot.net.anydesk.com", 1), lookup("relay-0a1b2c3d.net.anydesk.com", 2), lookup("anydesk.com", 3)]
    row = seen(rows)["lt-1", "anydesk", "dns"]
    assert (row["sign"], row["sure"], row["looked_up"], row["days"], row["n"]) == ("session", "high", True, 2, 2)
    assert row["value"] == "relay-0a1b2c3d.net.anydesk.com"


def test_days_with_sessions_are_those_of_the_program_that_starts_with_each():
    """Not those on which the service ran, or a relay was looked up."""
    visit = {"arguments": "--IPCport --Module", "event": "started"}
    rows = [process("teamviewer_service.exe", day) for day in range(6)] + [lookup("router5.teamviewer.com", 4)]
    rows += [process("teamviewer_desktop.exe", day, **visit) for day in (1, 1.1, 3)]
    told = tools(rows)["teamviewer"]
    assert (told["session_days"], told["session_span"]) == (2, 2)
    hung = [process("teamviewer_desktop.exe", day, **visit | {"event": "running"}) for day in range(6)]
    assert tools(hung)["teamviewer"]["session_days"] == 0
    assert tools(rows[:7])["teamviewer"]["session_days"] == 0


def test_a_vendors_web_site_is_no_tool():
    """Reading a price list leaves no row."""
    assert not seen([lookup("www.teamviewer.com")])


@pytest.mark.parametrize(
    ("name", "tool", "side"),
    [
        ("Chrome Remote Desktop Host", "chrome-remote-desktop", "any"),
        ("TeamViewer 15", "teamviewer", "any"),
        ("AnyDesk 8.0.11 (64-bit)", "anydesk", "any"),
        ("Splashtop Streamer", "splashtop", "any"),
        ("RealVNC Viewer 7.10.0", "realvnc", "controller"),
        ("Microsoft Remote Desktop", "rdp", "controller"),
    ],
)
def test_software_is_known_by_its_name_without_version_and_part(name, tool, side):
    """Names as installers write them; a viewer is the driving end."""
    row = seen([software(name)])["lt-1", tool, "software"]
    assert (row["sign"], row["side"], row["runs"]) == ("presence", side, False)


@pytest.mark.parametrize("name", ["Remote Viewer of Medical Pictures", "Office 16", "Host", "Desktop 1.0", " ", "7"])
def test_other_software_is_not(name):
    """A shortened name must still be the whole name of a tool."""
    assert not seen([software(name)])


def test_a_browser_extension_is_not_the_program():
    """Chrome Remote Desktop's extension is how its user drives another computer."""
    row = Software(device_id="lt-1", ts=at(1), kind="browser extension", name="Chrome Remote Desktop")
    assert not seen([row])


def test_the_day_of_installation_is_kept():
    """Installed long before it was first reported."""
    row = tools([software("AnyDesk", installed=at(-200)), process("anydesk.exe")])["anydesk"]
    assert (row["installed"], row["first"], row["vias"]) == (at(-200), at(1), "processes, software")


def test_a_service_runs_only_where_it_says_so():
    """A stopped service is an installed one."""
    stopped = Service(device_id="lt-1", ts=at(1), kind="service", name="chromoting", state="stopped")
    assert not tools([stopped])["chrome-remote-desktop"]["runs"]
    running = Service(device_id="lt-1", ts=at(1), kind="service", name="chromoting", state="running")
    assert tools([running])["chrome-remote-desktop"]["runs"]


def test_a_renamed_program_is_known_by_its_folder_and_original_name():
    """Texts that a new file name leaves as they were."""
    assert tools([process("update_helper.exe", original_name="AnyDesk.exe")]).keys() == {"anydesk"}
    assert "remotepc" in tools([process("abc.exe", path="C:\\Program Files (x86)\\RemotePC\\abc.exe")])


def test_options_of_a_driven_program_are_a_session_sign():
    """TeamViewer's desktop part is started with these options when somebody has come in."""
    row = tools([process("teamviewer_desktop.exe", arguments="--IPCport --Module")])["teamviewer"]
    assert (row["sign"], row["side"]) == ("session", "controlled")
    assert tools([process("teamviewer_desktop.exe", arguments="--minimized")])["teamviewer"]["sign"] == "presence"


def test_options_without_their_program_are_not():
    """A pin belongs to Chrome Remote Desktop only where its own program asks for it."""
    assert not tools([process("notes.exe", arguments="--pin")])
    assert tools([process("remoting_start_host.exe", arguments="--code --pin")])["chrome-remote-desktop"]


def test_the_system_remote_desktop_client_never_counts():
    """mstsc.exe ships with Windows and is the driving end."""
    row = seen([process("mstsc.exe")])["lt-1", "rdp", "processes"]
    assert (row["alone"], row["side"]) == (False, "controller")
    assert not tools([process("mstsc.exe")])


def test_a_listening_port_is_kept_but_makes_no_tool():
    """A port has no owner: anything may listen on 5900."""
    rows = [Socket(device_id="lt-1", ts=at(1), state="listening", proto="tcp", local_p=port) for port in (5900, 70000)]
    assert not seen(rows)["lt-1", "vnc", "sockets"]["alone"]
    assert not tools(rows)


def test_text_that_cannot_make_a_finding_is_left_out_beside_one_that_can():
    """The sign and grade of a tool come from what speaks for itself."""
    rows = [
        Socket(device_id="lt-1", ts=at(1), state="listening", proto="tcp", local_p=7070),
        Socket(device_id="lt-1", ts=at(1), state="connected", proto="tcp", process="anydesk.exe", local_p=50000),
    ]
    row = seen(rows)["lt-1", "anydesk", "sockets"]
    assert (row["alone"], row["sign"], row["n"]) == (True, "presence", 1)


def test_approval_by_profile_and_by_roster():
    """Of the whole company, and of one device; spaces in the list do no harm."""
    rows = [process("anydesk.exe"), process("rustdesk.exe")]
    roster = RosterEntry(device_id="lt-1", ts=at(-9), approved_tools="teamviewer,rustdesk")
    found = tools([*rows, roster], profile=Profile(approved_tools=frozenset({"anydesk"})))
    assert {tool: row["approved"] for tool, row in found.items()} == {"anydesk": True, "rustdesk": True}
    assert not any(row["approved"] for row in tools(rows).values())


def test_how_common_a_tool_is():
    """Over all devices of the fleet, not only over those with tools."""
    others = [PowerEvent(device_id=f"lt-{number}", ts=at(1), event="boot") for number in range(2, 5)]
    row = tools([process("anydesk.exe"), *others])["anydesk"]
    assert (row["devices"], row["share"]) == (1, 0.25)


def test_what_is_older_than_thirty_days_is_not_looked_at():
    """The table covers the thirty days up to the end of the window."""
    assert not seen([process("anydesk.exe", day=-24)])
    assert seen([process("anydesk.exe", day=-22)])
