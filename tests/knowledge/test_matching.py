from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmwatch.knowledge import Kind, Knowledge, Layer, Match, Side, Sign, knowledge_version, load_knowledge, matching


def ids(matches: tuple[Match, ...]) -> set[str]:
    return {match.id for match in matches}


@pytest.mark.parametrize(
    ("host", "tool", "sign"),
    [
        ("relay-0a1b2c3d.net.anydesk.com", "anydesk", "session"),
        ("boot.net.anydesk.com", "anydesk", "presence"),
        ("router15.teamviewer.com", "teamviewer", "session"),
        ("master7.teamviewer.com", "teamviewer", "session"),
        ("client.teamviewer.com", "teamviewer", "presence"),
        ("rs-ny.rustdesk.com", "rustdesk", "session"),
        ("st2-relay-v3-dc1.relay.splashtop.com", "splashtop", "session"),
        ("st-v3.api.splashtop.eu", "splashtop", "presence"),
        ("instance-a1b2c3-relay.screenconnect.com", "screenconnect", "session"),
        ("remotedesktop-pa.googleapis.com", "chrome-remote-desktop", "session"),
        ("chromoting-host.talkgadget.google.com", "chrome-remote-desktop", "session"),
        ("services.vnc.com", "realvnc", "session"),
        ("rescue-list.us1.logmein-gateway.com", "logmein-rescue", "session"),
        ("secure.logmein.com", "logmein", "presence"),
        ("gateway.zohoassist.com", "zoho-assist", "session"),
        ("kessel-ws.parsec.app", "parsec", "session"),
        ("signal.hoptodesk.com", "hoptodesk", "session"),
        ("px-eu1.getscreen.me", "getscreen", "session"),
        ("auth3.aeroadmin.com", "aeroadmin", "session"),
        ("rl.ammyy.com", "ammyy", "session"),
        ("id71.internetid.ru", "remote-utilities", "session"),
        ("node123456.dwservice.net", "dwservice", "session"),
        ("acme.beyondtrustcloud.com", "beyondtrust", "session"),
        ("agent-api.atera.com", "atera", "presence"),
        ("derp12e.tailscale.com", "tailscale", "session"),
        ("connect.eu.ngrok-agent.com", "ngrok", "session"),
        ("region1.v2.argotunnel.com", "cloudflare-tunnel", "session"),
        ("global.rel.tunnels.api.visualstudio.com", "vscode-tunnel", "session"),
        ("relay.netbird.io", "netbird", "session"),
        ("lon1.tmate.io", "tmate", "session"),
        ("api.jetkvm.com", "jetkvm", "session"),
        ("kvm-cloud.gl-inet.com", "comet", "session"),
        ("us8442.nordvpn.com", "nordvpn", "session"),
        ("de-fra.prod.surfshark.com", "surfshark", "session"),
        ("us04web.zoom.us", "zoom", "presence"),
    ],
)
def test_true_hosts_name_their_tool(knowledge: Knowledge, host: str, tool: str, sign: str) -> None:
    matches = knowledge.match_domain(host)
    assert [(match.id, match.sign) for match in matches] == [(tool, Sign(sign))]
    assert matches == knowledge.match_domain(host.upper() + ".")


@pytest.mark.parametrize(
    "host",
    [
        "notanydesk.com", "anydesk.com.evil.example", "www.anydesk.com", "anydesk.com", "support.anydesk.com",
        "teamviewer.com", "www.teamviewer.com", "login.teamviewer.com", "my.splashtop.com", "docs.tacticalrmm.com",
        "rustdesk.com", "router15.teamviewer.com.attacker.net", "github.com", "raw.githubusercontent.com",
        "s3.amazonaws.com", "a1-backend-packages.s3.amazonaws.com", "d111111abcdef8.cloudfront.net", "www.google.com",
        "accounts.google.com", "meet.jit.si", "stun.l.google.com", "login.microsoftonline.com", "basecamp.com",
        "www.zoho.com", "mail.zoho.com", "crm.zoho.eu", "account.apple.com", "pikvm.org", "docs.pikvm.org",
        "files.freshservice.com", "nordvpn.com", "www.nordvpn.com", "support.nordvpn.com", "guacamole.apache.org",
        "mymeetinggoogle.com", "my-sharepoint-inc.com", "printer.local", "wpad.lan", "", ".", "127.0.0.1",
    ],
)  # fmt: skip
def test_hosts_that_are_no_sign_meet_nothing(knowledge: Knowledge, host: str) -> None:
    """Vendors' sites, clouds, attackers' old hosts and names that only look alike."""
    assert knowledge.match_domain(host) == ()


def test_a_host_of_its_own_fact_beats_the_vendors_wildcard(knowledge: Knowledge) -> None:
    """One match per entry, by its nearest fact: the relay is a session, not merely presence."""
    (match,) = knowledge.match_domain("router1.teamviewer.com")
    assert match.fact.value == "router*.teamviewer.com"
    assert match.seen == "router1.teamviewer.com"
    assert match.entry.kind is Kind.REMOTE_ACCESS


@given(st.text(max_size=80))
def test_matchers_take_any_text(text: str) -> None:
    knowledge = load_knowledge()
    knowledge.match_domain(text)
    knowledge.match_oui(text)
    knowledge.match_address(text)
    knowledge.match_dhcp(text, text)
    knowledge.match_mdns(text, text, text, [text])
    knowledge.match_http(title=text, path=text, headers=[(text, text)], favicon_md5=text)
    knowledge.match_certificate(subject_cn=text, names=[text])
    knowledge.match_alpn(text)
    knowledge.match_path(text)
    knowledge.match_usb({"vid": text})


def test_ports_are_candidates_and_never_fire(knowledge: Knowledge) -> None:
    assert "teamviewer" in ids(knowledge.match_ports("tcp", 5938))
    assert "zoom" in ids(knowledge.match_ports("udp", 8803))
    assert knowledge.match_ports("tcp", 443) == ()
    assert knowledge.match_ports("sctp", 5938) == ()
    assert "pikvm" not in ids(knowledge.match_ports("udp", 30000)), "its media range is half of all ports"
    assert not any(match.alone for match in knowledge.match_ports("tcp", 5938))


def test_addresses_of_meeting_services_support(knowledge: Knowledge) -> None:
    (match,) = knowledge.match_address("52.113.1.2")
    assert (match.id, match.alone) == ("teams", False)
    assert ids(knowledge.match_address("2603:1063::9")) == {"teams"}
    assert ids(knowledge.match_address("198.19.255.254")) == {"astrill"}
    assert knowledge.match_address("10.0.0.1") == ()


@pytest.mark.parametrize(
    ("fields", "tool"),
    [
        ({"subject_cn": "AnyNet Relay", "subject_org": "philandro Software GmbH"}, "anydesk"),
        ({"subject_cn": "anydesk client"}, "anydesk"),
        ({"subject_org": "NoMachine"}, "nomachine"),
        ({"subject_org": "PiKVM", "issuer_org": "PiKVM", "subject_cn": "localhost"}, "pikvm"),
        ({"subject_cn": "jetkvm.local", "issuer_cn": "JetKVM Self-Signed CA"}, "jetkvm"),
        ({"subject_cn": "tinypilot", "issuer_cn": "tinypilot-ca"}, "tinypilot"),
        ({"sha256": "CA:97:26:7D:7A:90:61:A7:21:14:EF:26:54:35:F2:75:FB:B1:6D:73:71:5C:96:D4:97:1C:C6:4F:12:D7:0D:9F"},
         "blikvm"),
        ({"subject_cn": "x", "names": ["*.relay.splashtop.com"]}, "splashtop"),
        ({"subject_cn": "x", "names": ["boot.net.anydesk.com"]}, "anydesk"),
    ],
)  # fmt: skip
def test_certificates_name_their_tool(knowledge: Knowledge, fields: dict[str, str], tool: str) -> None:
    assert ids(knowledge.match_certificate(**fields)) == {tool}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"subject_cn": "localhost"},
        {"subject_cn": "example.com", "issuer_org": "Let's Encrypt", "names": ["example.com", "www.example.com"]},
        {"subject_cn": "tinypilot"},
        {"subject_org": "Internet Widgits Pty Ltd"},
        {"subject_org": "philandro Software GmbH", "subject_cn": "www"},
        {"names": ["*.com", "*", ""]},
    ],
)
def test_ordinary_certificates_meet_nothing(knowledge: Knowledge, fields: dict[str, str]) -> None:
    assert knowledge.match_certificate(**fields) == ()


def test_alpn_and_ja4(knowledge: Knowledge) -> None:
    assert ids(knowledge.match_alpn("h2", "anydesk/6.2.0/linux")) == {"anydesk"}
    assert ids(knowledge.match_alpn("argotunnel")) == {"cloudflare-tunnel"}
    assert knowledge.match_alpn("h2", "http/1.1", "") == ()
    (match,) = knowledge.match_ja4("t12i640500_9197985d2161_a1e935682795")
    assert (match.id, match.alone) == ("anydesk", False)


def test_kvms_announce_themselves(knowledge: Knowledge) -> None:
    assert ids(knowledge.match_dhcp("pikvm")) == {"pikvm"}
    assert ids(knowledge.match_dhcp("jetkvm-4f2a", "jetkvm", [1, 26, 42, 15, 6, 119])) == {"jetkvm"}
    assert ids(knowledge.match_dhcp("GLKVM.lan")) == {"comet"}
    assert knowledge.match_dhcp("kvmhost", "MSFT 5.0", [1, 3, 6, 15]) == ()
    assert ids(knowledge.match_mdns("_pikvm._tcp.local.", "pikvm-100000", "pikvm-100000.local.")) == {"pikvm"}
    assert ids(knowledge.match_mdns(host="tinypilot.local")) == {"tinypilot"}
    assert knowledge.match_mdns("_https._tcp", "office printer", "printer.local", ["model=x"]) == ()
    assert ids(knowledge.match_http(title="JetKVM")) == {"jetkvm"}
    assert ids(knowledge.match_http(favicon_mmh3=-996415781)) == {"tinypilot"}
    assert ids(knowledge.match_http(favicon_md5="4CD10E52D0A12897ED058184E2B6136C")) == {"comet"}
    mjpeg = ("Content-Type", "multipart/x-mixed-replace;boundary=boundarydonotcross")
    assert ids(knowledge.match_http(headers=[mjpeg])) == {"pikvm"}
    assert knowledge.match_http(title="Welcome", path="/", headers=[("Server", "nginx")]) == ()
    assert knowledge.match_ssdp("Linux/5.4 UPnP/1.0") == ()


def test_one_path_only_supports(knowledge: Knowledge) -> None:
    (match,) = knowledge.match_http(path="/device/status?x=1")
    assert (match.id, match.alone) == ("jetkvm", False)


def test_the_laptops_own_ports_name_a_kvm(knowledge: Knowledge) -> None:
    gadget = {"vid": "1D6B", "pid": "0104"}
    assert not any(match.alone for match in knowledge.match_usb(gadget))
    named = knowledge.match_usb(gadget | {"manufacturer": "PiKVM", "serial": "CAFEBABE"})
    assert {match.id for match in named if match.alone} == {"pikvm"}
    spoofed = {"vid": "046d", "pid": "c52b", "manufacturer": "Logitech (x64)", "serial": "7&1a2b3c4&0&1"}
    assert "jetkvm" in ids(knowledge.match_usb(spoofed))
    assert knowledge.match_usb({"vid": "046d", "pid": "c52b", "manufacturer": "Logitech"}) == ()
    assert ids(knowledge.match_hid("0EAB8B0C15825160" + "0" * 48)) == {"tinypilot", "blikvm"}
    assert ids(knowledge.match_hid("3a71a5a23705ee80", "absolute pointer")) == {"pikvm", "comet"}
    assert knowledge.match_hid("3a71a5a23705ee80", "keyboard") == ()
    assert "pikvm" in ids(knowledge.match_edid({"vendor": "LNX", "product": "7773", "name": "PiKVM V4 Plus"}))
    assert knowledge.match_edid({"vendor": "LNX", "product": "0000", "name": "Linux FHD"}) == ()
    assert knowledge.match_edid({"vendor": "DEL", "product": "2013", "serial": "ABCDEF1"}) == ()


def test_programs_services_and_commands(knowledge: Knowledge) -> None:
    assert ids(knowledge.match_process(r"C:\Program Files (x86)\AnyDesk\AnyDesk.exe")) == {"anydesk"}
    assert ids(knowledge.match_process("rustdesk-1.2.3.exe")) == {"rustdesk"}
    assert knowledge.match_process("chrome.exe") == ()
    assert ids(knowledge.match_service("tailscaled")) == {"tailscale"}
    line = "ScreenConnect.ClientService.exe ?e=Access&y=Guest&h=relay.example&p=443&k=AAAA"
    assert {(match.id, match.side) for match in knowledge.match_command(line)} == {("screenconnect", Side.CONTROLLED)}
    trace = knowledge.match_path(r"C:\ProgramData\AnyDesk\connection_trace.txt")
    assert (trace[0].id, trace[0].side, trace[0].sign) == ("anydesk", Side.CONTROLLED, Sign.SESSION)


def test_a_shrunk_mss_names_its_tunnels(knowledge: Knowledge) -> None:
    assert [tunnel.id for tunnel in knowledge.tunnels_for_mss(1253, 4)] == ["astrill"]
    assert "wireguard" in {tunnel.id for tunnel in knowledge.tunnels_for_mss(1380, 4)}
    assert "wireguard" in {tunnel.id for tunnel in knowledge.tunnels_for_mss(1360, 6)}
    assert knowledge.tunnels_for_mss(1460, 4) == ()


def test_kvms_beacon_while_idle(knowledge: Knowledge) -> None:
    beacons = {beacon.entry: beacon for beacon in knowledge.beacons}
    assert beacons.keys() == {"pikvm", "comet"}
    assert beacons["pikvm"].servers == (("stun.l.google.com", 19302),)
    assert (beacons["pikvm"].period_low_s, beacons["pikvm"].period_high_s) == (10, 60)


def test_entries_are_found_by_any_of_their_names(knowledge: Knowledge) -> None:
    for name in ("anydesk", "ANYDESK", "Quick Assist", "bomgar", "Laplink Gold", "frpc"):
        assert knowledge.find(name) is not None, name
    assert knowledge.find("no such tool") is None
    assert knowledge.entry("no-such-tool") is None
    assert knowledge.facts_of("no-such-tool") == ()
    assert {fact.layer for fact in knowledge.facts_of("anydesk", Layer.CERT)} == {Layer.CERT}


def test_the_version_is_short_and_stable(knowledge: Knowledge) -> None:
    assert knowledge_version() == knowledge.version
    assert len(knowledge.version) == 12
    int(knowledge.version, 16)


@pytest.mark.parametrize("name", ["networks.json", "countries.json", "regions.json"])
def test_the_version_changes_with_what_is_known_of_places(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report says by its version which lists of networks, countries and regions it was made with."""
    own = tmp_path / "own.toml"
    own.write_text("")
    before = load_knowledge([own]).version
    data = shutil.copytree(matching._DATA, tmp_path / "data")
    monkeypatch.setattr(matching, "_DATA", data)
    assert load_knowledge([own]).version == before
    place = data / "places" / name
    place.write_text(place.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert load_knowledge([own]).version != before


def test_names_are_met_in_every_spelling(knowledge: Knowledge) -> None:
    """A bundle, a replaced file, a unit's type, a program inside a bundle inside another."""
    for name in ("AnyDesk.app", "/usr/bin/anydesk (deleted)", "ANYDESK", "C:\\x\\AnyDesk.exe"):
        assert ids(knowledge.match_process(name)) == {"anydesk"}, name
    for name in ("xrdp", "xrdp.service", "XRDP.SERVICE"):
        assert ids(knowledge.match_service(name)) == {"rdp"}, name
    inside = "/Applications/Outer.app/Contents/RustDesk.app/Contents/MacOS/service"
    assert ids(knowledge.match_path(inside)) == {"rustdesk"}
    assert knowledge.match_path("/Applications/NotRustDesk.apps/service") == ()
    assert knowledge.match_process("service") == ()


def test_the_very_name_beats_another_tools_pattern(knowledge: Knowledge) -> None:
    """CrossLoop's winvncstub.exe is not UltraVNC's winvnc*.exe."""
    assert ids(knowledge.match_process("winvncstub.exe")) == {"crossloop"}
    assert ids(knowledge.match_process("winvnc4.exe")) == {"vnc"}


def test_a_scan_does_not_read_endpoint_files_nor_heavy_packages() -> None:
    """Loading and matching names stays light: no pydantic, pandas, tldextract or netaddr, no endpoint facts."""
    code = (
        "import sys\n"
        "from farmwatch.knowledge import load_knowledge\n"
        "k = load_knowledge()\n"
        "assert k.match_domain('boot.net.anydesk.com') and k.match_oui('30:52:53:00:00:01')\n"
        "k.match_dhcp('pikvm'); k.match_http(title='x'); k.match_certificate(subject_cn='x'); k.match_ports('tcp', 1)\n"
        "assert 'complete' not in vars(k), 'endpoint files were read'\n"
        "heavy = {'pydantic', 'pandas', 'tldextract', 'netaddr', 'numpy', 'rich', 'requests'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
