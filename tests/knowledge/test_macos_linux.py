"""Remote-access tools on Macs and Linux laptops, from osquery's rows to the tools a device shows."""

from __future__ import annotations

from itertools import count

import pytest

from farmwatch.knowledge import Knowledge, Side
from farmwatch.records import Process, Service, Software
from tests.analysis.fleet.fleets import UNTIL, fleet_of
from tests.collectors.feeds.golden import parsed

MAC = "mac-1"
LINUX = "lx-1"


def result(table: str, columns: dict[str, str], device: str = MAC) -> dict[str, object]:
    """A row as osquery's logger writes it."""
    return {
        "name": f"pack/fw/{table}", "hostIdentifier": device, "unixTime": int(UNTIL.timestamp()) - 86_400, "epoch": 0,
        "counter": 3, "action": "added", "columns": columns,
    }  # fmt: skip


def process(path: str, number: int = 7) -> dict[str, str]:
    return {"pid": str(number), "name": path.rpartition("/")[2], "path": path, "cmdline": path}


def launchd(label: str, program: str = "") -> dict[str, str]:
    plist = f"/Library/LaunchDaemons/{label}.plist"
    return {"label": label, "name": f"{label}.plist", "path": plist, "program": program, "run_at_load": "1",
            "disabled": ""}  # fmt: skip


def unit(name: str, state: str = "active") -> dict[str, str]:
    return {"id": name, "active_state": state, "fragment_path": f"/usr/lib/systemd/system/{name}"}


def app(name: str, bundle: str) -> dict[str, str]:
    return {"name": name, "bundle_identifier": bundle, "bundle_short_version": "1.0"}


def package(name: str) -> dict[str, str]:
    return {"name": name, "version": "1.0", "section": "net", "arch": "amd64"}


def device_tools(*results: dict[str, object]) -> dict[str, dict[str, object]]:
    """What the whole way gives: the feed's text, its tables, the tools of the fleet's devices."""
    import json

    text = "".join(json.dumps(one) + "\n" for one in results)
    records = []
    for stretch in parsed("osquery", text.encode()):
        for record, held in stretch.tables.items():
            if record in (Process, Service, Software):
                records += [record(**row) for row in held.to_pylist()]
    assert len(records) == len(results)
    with fleet_of(records) as fleet:
        return {row["tool"]: row for row in fleet.rows("SELECT * FROM device_tools")}


MAC_PROGRAMS = {
    "/Applications/AnyDesk.app/Contents/MacOS/AnyDesk": "anydesk",
    "/Applications/TeamViewer.app/Contents/MacOS/TeamViewer_Service": "teamviewer",
    "/Applications/RustDesk.app/Contents/MacOS/service": "rustdesk",
    "/Users/somebody/Downloads/RustDesk.app/Contents/MacOS/RustDesk": "rustdesk",
    "/Library/PrivilegedHelperTools/ChromeRemoteDesktopHost.bundle/Contents/MacOS/remoting_me2me_host":
        "chrome-remote-desktop",
    "/Applications/Splashtop Streamer.app/Contents/MacOS/Splashtop Streamer": "splashtop",
    "/opt/connectwisecontrol-0123456789abcdef.app/Contents/MacOS/connectwisecontrol": "screenconnect",
    "/Applications/Tailscale.app/Contents/PlugIns/IPNExtension.appex/Contents/MacOS/IPNExtension": "tailscale",
    "/opt/homebrew/bin/ngrok": "ngrok",
    "/opt/homebrew/bin/cloudflared": "cloudflare-tunnel",
    "/Applications/NinjaRMMAgent/programfiles/ninjarmm-macagent": "ninjaone",
    "/System/Library/CoreServices/RemoteManagement/screensharingd.bundle/Contents/MacOS/screensharingd":
        "apple-remote-desktop",
    "/Applications/NoMachine.app/Contents/Frameworks/bin/nxserver.bin": "nomachine",
    "/Applications/Parsec.app/Contents/MacOS/parsecd": "parsec",
    "/Library/DWAgent/native/dwagsvc": "dwservice",
    "/usr/local/mesh_services/meshagent/meshagent": "meshcentral",
    "/usr/local/bin/Remotely/Remotely_Agent": "remotely",
    "/Users/Shared/bomgar-scc-1234/Bomgar Support Client.app/Contents/MacOS/sdcust": "beyondtrust",
    "/Applications/Supremo.app/Contents/MacOS/Supremo": "supremo",
    "/Applications/Jump Desktop Connect.app/Contents/MacOS/Jump Desktop Connect": "jump-desktop",
    "/Applications/HopToDesk.app/Contents/MacOS/service": "hoptodesk",
    "/Applications/AweSun.app/Contents/MacOS/AweSun": "sunlogin",
    "/Applications/ToDesk.app/Contents/MacOS/ToDesk": "todesk",
    "/Library/Application Support/ZeroTier/One/zerotier-one": "zerotier",
    "/usr/local/bin/netbird": "netbird",
}  # fmt: skip
MAC_LABELS = {
    "com.philandro.anydesk.service": "anydesk", "com.teamviewer.teamviewer_service": "teamviewer",
    "com.carriez.RustDesk_service": "rustdesk", "org.chromium.chromoting": "chrome-remote-desktop",
    "com.splashtop.streamer-daemon": "splashtop", "connectwisecontrol-0123456789abcdef": "screenconnect",
    "com.tailscale.tailscaled": "tailscale", "com.cloudflare.cloudflared": "cloudflare-tunnel",
    "com.ninjarmm.agent": "ninjaone", "com.realvnc.vncserver": "realvnc", "com.nomachine.nxserver": "nomachine",
    "net.dwservice.agsvc": "dwservice", "meshagent": "meshcentral", "com.translucency.remotely-agent": "remotely",
    "com.logmein.logmeinserver": "logmein", "com.bomgar.bomgar-ps-1234": "beyondtrust",
    "com.zoho.assist.ZohoUnattended": "zoho-assist", "com.p5sys.jump.connect.service": "jump-desktop",
    "com.hoptodesk.HopToDesk_service": "hoptodesk", "com.oray.awesun.helper": "sunlogin",
    "com.youqu.todesk.service": "todesk", "com.zerotier.one": "zerotier", "netbird": "netbird",
    "com.centrastage.agent": "datto-rmm",
}  # fmt: skip
MAC_APPS = {
    "AnyDesk.app": ("com.philandro.anydesk", "anydesk"), "TeamViewerHost.app": ("com.teamviewer.TeamViewerHost",
    "teamviewer"), "Parsec.app": ("tv.parsec.www", "parsec"), "Helper.app": ("com.carriez.rustdesk", "rustdesk"),
    "Tailscale.app": ("io.tailscale.ipn.macsys", "tailscale"), "Parallels Access.app": ("com.example.x",
    "parallels-access"), "GoToMyPC.app": ("com.citrixonline.GoToMyPC", "gotomypc"),
}  # fmt: skip
LINUX_PROGRAMS = {
    "/usr/bin/anydesk": "anydesk",
    "/opt/teamviewer/tv_bin/teamviewerd": "teamviewer",
    "/usr/bin/rustdesk": "rustdesk",
    "/opt/google/chrome-remote-desktop/chrome-remote-desktop-host": "chrome-remote-desktop",
    "/opt/splashtop-streamer/SRStreamer": "splashtop",
    "/opt/connectwisecontrol-0123456789abcdef/jre/bin/java": "screenconnect",
    "/usr/sbin/tailscaled": "tailscale",
    "/usr/local/bin/headscale": "headscale",
    "/snap/ngrok/1/ngrok": "ngrok",
    "/usr/bin/cloudflared": "cloudflare-tunnel",
    "/opt/NinjaRMMAgent/programfiles/ninjarmm-linagent": "ninjaone",
    "/usr/bin/x11vnc": "vnc",
    "/usr/bin/Xtigervnc": "vnc",
    "/usr/bin/wayvnc": "vnc",
    "/usr/lib/vino/vino-server": "vnc",
    "/usr/bin/vncserver-x11-core": "realvnc",
    "/usr/sbin/xrdp": "rdp",
    "/usr/NX/bin/nxd": "nomachine",
    "/usr/bin/parsecd": "parsec",
    "/usr/share/dwagent/native/dwagsvc": "dwservice",
    "/usr/local/mesh_services/meshagent/meshagent": "meshcentral",
    "/usr/local/bin/Remotely/Remotely_Agent": "remotely",
    "/usr/local/sunlogin/bin/sunloginclient": "sunlogin",
    "/opt/todesk/bin/ToDesk_Service": "todesk",
    "/usr/sbin/zerotier-one (deleted)": "zerotier",
    "/usr/bin/netbird": "netbird",
}
LINUX_UNITS = {
    "anydesk.service": "anydesk", "teamviewerd.service": "teamviewer", "rustdesk.service": "rustdesk",
    "chrome-remote-desktop@somebody.service": "chrome-remote-desktop", "SRStreamer.service": "splashtop",
    "connectwisecontrol-0123456789abcdef.service": "screenconnect", "tailscaled.service": "tailscale",
    "headscale.service": "headscale", "ngrok.service": "ngrok", "cloudflared.service": "cloudflare-tunnel",
    "ninjarmm-agent.service": "ninjaone", "tigervncserver@:1.service": "vnc", "x11vnc.service": "vnc",
    "vncserver-x11-serviced.service": "realvnc", "xrdp.service": "rdp", "nxserver.service": "nomachine",
    "dwagent.service": "dwservice", "meshagent.service": "meshcentral", "remotely-agent.service": "remotely",
    "runsunloginclient.service": "sunlogin", "todeskd.service": "todesk", "zerotier-one.service": "zerotier",
    "netbird.service": "netbird", "tacticalagent.service": "tactical-rmm",
}  # fmt: skip
LINUX_PACKAGES = {
    "anydesk": "anydesk", "teamviewer-host": "teamviewer", "chrome-remote-desktop": "chrome-remote-desktop",
    "splashtop-streamer": "splashtop", "tigervnc-standalone-server": "vnc", "x11vnc": "vnc", "xrdp": "rdp",
    "realvnc-vnc-server": "realvnc", "zerotier-one": "zerotier", "sunloginclient": "sunlogin", "tailscale": "tailscale",
    "cloudflared": "cloudflare-tunnel", "nomachine": "nomachine",
}  # fmt: skip


@pytest.mark.parametrize(("path", "tool"), MAC_PROGRAMS.items())
def test_a_program_of_a_mac(knowledge: Knowledge, path: str, tool: str) -> None:
    """By its name, or by the bundle or folder it stands in where it is called anything."""
    found = {match.id for match in (*knowledge.match_process(path), *knowledge.match_path(path)) if match.alone}
    assert found == {tool}


@pytest.mark.parametrize(("path", "tool"), LINUX_PROGRAMS.items())
def test_a_program_of_linux(knowledge: Knowledge, path: str, tool: str) -> None:
    """By its name or folder."""
    found = {match.id for match in (*knowledge.match_process(path), *knowledge.match_path(path)) if match.alone}
    assert found == {tool}


@pytest.mark.parametrize(("label", "tool"), (MAC_LABELS | LINUX_UNITS).items())
def test_a_label_or_unit(knowledge: Knowledge, label: str, tool: str) -> None:
    """In any case, with or without the unit's type."""
    bare = label.removesuffix(".service") if label in LINUX_UNITS else label
    for spelled in (label, label.upper(), bare):
        assert {match.id for match in knowledge.match_service(spelled) if match.alone} == {tool}


def test_a_mac_from_osquerys_rows_to_its_tools() -> None:
    """Processes, launchd jobs and apps, each alone."""
    numbers = count(1)
    tables = {
        "processes": [process(path, next(numbers)) for path in MAC_PROGRAMS],
        "launchd": [launchd(label) for label in MAC_LABELS],
        "apps": [app(name, bundle) for name, (bundle, _) in MAC_APPS.items()],
    }
    wanted = {
        "processes": set(MAC_PROGRAMS.values()), "launchd": set(MAC_LABELS.values()),
        "apps": {tool for _, tool in MAC_APPS.values()},
    }  # fmt: skip
    for table, rows in tables.items():
        assert device_tools(*(result(table, row) for row in rows)).keys() == wanted[table]


def test_a_linux_laptop_from_osquerys_rows_to_its_tools() -> None:
    """Processes, units and packages, each alone."""
    numbers = count(1)
    tables = {
        "processes": [process(path, next(numbers)) for path in LINUX_PROGRAMS],
        "systemd_units": [unit(name) for name in LINUX_UNITS],
        "deb_packages": [package(name) for name in LINUX_PACKAGES],
    }
    wanted = {
        "processes": set(LINUX_PROGRAMS.values()), "systemd_units": set(LINUX_UNITS.values()),
        "deb_packages": set(LINUX_PACKAGES.values()),
    }  # fmt: skip
    for table, rows in tables.items():
        assert device_tools(*(result(table, row, LINUX) for row in rows)).keys() == wanted[table]


def test_an_active_unit_runs_and_an_inactive_one_is_there() -> None:
    """As systemd says that one is running; the account a unit stands for is not kept."""
    name = "chrome-remote-desktop@somebody.service"
    row = device_tools(result("systemd_units", unit(name), LINUX))["chrome-remote-desktop"]
    assert (row["runs"], row["side"], row["value"]) == (True, "controlled", "chrome-remote-desktop@*.service")
    row = device_tools(result("systemd_units", unit(name, "inactive"), LINUX))["chrome-remote-desktop"]
    assert not row["runs"]


def test_a_viewer_is_the_driving_end(knowledge: Knowledge) -> None:
    """RealVNC's viewer drives another computer."""
    (match,) = knowledge.match_package("com.realvnc.vncviewer")
    assert match.side is Side.CONTROLLER
    assert (
        device_tools(result("apps", app("VNC Viewer.app", "com.realvnc.vncviewer")))["realvnc"]["side"] == "controller"
    )


def test_what_every_mac_and_linux_laptop_has_makes_no_tool() -> None:
    """Apple's own Screen Sharing app, agents and jobs, Apple's parsecd, GNOME's daemon, and a terminal called kitty."""
    mac = [
        result("processes", process("/System/Library/PrivateFrameworks/CoreParsec.framework/parsecd")),
        result("processes", process("/usr/libexec/remotemanagementd", 8)),
        result("launchd", launchd("com.apple.screensharing")),
        result("launchd", launchd("com.apple.RemoteDesktop.agent")),
        result("apps", app("ARDAgent.app", "com.apple.RemoteDesktopAgent")),
        result("apps", app("Screen Sharing.app", "com.apple.ScreenSharing")),
        result("apps", app("kitty.app", "net.kovidgoyal.kitty")),
    ]
    linux = [
        result("processes", process("/usr/libexec/gnome-remote-desktop-daemon"), LINUX),
        result("systemd_units", unit("gnome-remote-desktop.service"), LINUX),
        result("systemd_units", unit("parsec.service"), LINUX),
        result("deb_packages", package("gnome-remote-desktop"), LINUX),
        result("deb_packages", package("tigervnc-viewer"), LINUX),
        result("deb_packages", package("pia"), LINUX),
    ]
    assert not device_tools(*mac)
    assert not device_tools(*linux)
