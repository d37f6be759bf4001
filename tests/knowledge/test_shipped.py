from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import farmwatch.knowledge
from farmwatch.knowledge import Entry, Fact, Grade, Kind, Knowledge, Layer, Match, Sign, StunBeacon, TunnelMtu
from farmwatch.knowledge.domains import WEB_LABELS
from farmwatch.knowledge.entries import CONDITION_KEYS, ENDPOINT_LAYERS
from farmwatch.knowledge.generic import shared_host
from farmwatch.knowledge.loading import read_document

DATA = Path(farmwatch.knowledge.__file__).parent / "data"
FILES = sorted(DATA.rglob("*.toml"))

#: Kinds of facts about people that no field may hold.
BANNED = ("nationality", "language", "keyboard_layout", "locale", "accent", "religion", "gender", "ethnic", "birth",
          "photo", "face", "voice", "person", "surname", "citizen")  # fmt: skip

#: LOLRMM products that no entry may lack, spelled as LOLRMM spells them.
LOLRMM_SAMPLE = (
    "247ithelp.com (ConnectWise)", "Absolute (Computrace)", "Action1", "Ammyy Admin", "AnyDesk", "Apple Remote Desktop",
    "Atera", "AweRay", "BeAnyWhere", "CentraStage (Now Datto)", "Chrome Remote Desktop", "CloudFlare Tunnel",
    "ConnectWise Control", "Connectwise Automate (LabTech)", "DW Service", "Kabuto", "KiTTY",
    "LabTech RMM (Now ConnectWise Automate)", "Level.io", "MioNet (WD Anywhere Access)",
    "mstsc.exe (Microsoft Remote Desktop Connection)", "NinjaOne (formerly NinjaRMM)",
    "Netop Remote Control (aka Impero Connect)", "PSEXEC (Clone)", "RAdmin", "Remote Manipulator System",
    "Splashtop (Beta)", "SunLogin", "Tactical RMM", "Ultra VNC", "Visual Studio Dev Tunnel", "rdpwrap", "tmate",
)  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DATA)))
def test_every_shipped_file_is_valid(path: Path) -> None:
    assert read_document(path).patches


def test_all_shipped_entries_are_whole(knowledge: Knowledge) -> None:
    """Source, benign reading and vendor are never empty; every entry but a few can be recognised by something."""
    bare = []
    for entry in knowledge.complete.values():
        assert entry.name
        assert entry.vendor
        assert entry.benign
        assert all(reason.strip() for reason in entry.benign)
        assert all(fact.source.strip() for fact in entry.facts)
        if not entry.facts:
            bare.append(entry.id)
    assert len(bare) <= 12, bare


def test_the_counts_of_tools_and_facts(knowledge: Knowledge) -> None:
    """Losing a file or a table of facts shows here."""
    kinds = dict.fromkeys(Kind, 0)
    for entry in knowledge.complete.values():
        kinds[entry.kind] += 1
    assert len(knowledge.complete) >= 299
    assert kinds[Kind.REMOTE_ACCESS] >= 110
    assert kinds[Kind.RMM] >= 67
    assert kinds[Kind.KVM] >= 14
    assert kinds[Kind.VPN] >= 15
    assert kinds[Kind.TUNNEL] >= 17
    assert kinds[Kind.MEETING] >= 8
    assert kinds[Kind.JIGGLER] >= 6
    layers = dict.fromkeys(Layer, 0)
    for entry in knowledge.complete.values():
        for fact in entry.facts:
            layers[fact.layer] += 1
    assert layers[Layer.DOMAIN] >= 480
    assert layers[Layer.PROCESS] >= 800
    assert layers[Layer.OUI] >= 20
    assert all(count > 0 for layer, count in layers.items() if layer is not Layer.SSDP), layers


@pytest.mark.parametrize("name", LOLRMM_SAMPLE)
def test_products_are_found_under_the_names_lolrmm_gives_them(knowledge: Knowledge, name: str) -> None:
    assert knowledge.find(name) is not None


def test_duplicates_of_one_product_are_one_entry(knowledge: Knowledge) -> None:
    for names in (
        ("ScreenConnect", "ConnectWise Control", "ConnectWise"),
        ("NinjaRMM", "NinjaOne (formerly NinjaRMM)"),
        ("Splashtop", "Splashtop Remote", "Splashtop (Beta)"),
        ("Remote Utilities", "RemoteUtilities", "Remote Manipulator System"),
        ("TightVNC", "UltraVNC", "Ultra VNC", "TigerVNC"),
        ("Level", "Level.io"),
    ):
        assert len({knowledge.find(name).id for name in names if knowledge.find(name)}) == 1, names  # type: ignore[union-attr]


def test_vendors_join_their_products(knowledge: Knowledge) -> None:
    """Two tools of one vendor are one vendor on a device."""
    vendor = {entry.id: entry.vendor for entry in knowledge.entries.values()}
    assert vendor["screenconnect"] == vendor["connectwise-automate"]
    assert vendor["logmein"] == vendor["gotomypc"] == vendor["gotoassist"]
    assert vendor["anydesk"] != vendor["teamviewer"]


def test_no_noise_is_left_among_the_hosts(knowledge: Knowledge) -> None:
    """No shop window, cloud or placeholder is a sign of anything; a whole cloud never appears."""
    for entry in knowledge.entries.values():
        for fact in entry.facts:
            if fact.layer is not Layer.DOMAIN or fact.sign is Sign.WEB:
                continue
            assert not shared_host(fact.value), (entry.id, fact.value)
            if fact.value.split(".")[0] in WEB_LABELS:
                assert not fact.alone, (entry.id, fact.value)
            assert "user_managed" not in fact.value


def test_dual_use_software_has_no_hosts(knowledge: Knowledge) -> None:
    for entry in knowledge.entries.values():
        if entry.kind is Kind.ADMIN:
            assert not [fact for fact in entry.facts if fact.layer is Layer.DOMAIN], entry.id


def test_a_whole_vendors_domain_is_never_a_session_from_a_list(knowledge: Knowledge) -> None:
    """A wildcard over a registered domain says presence at most, unless a source says the domain is the service's."""
    service_domains = {
        "*.internetid.ru", "*.zohoassist.com", "*.zohoassist.com.cn", "*.zohoassist.jp", "*.islonline.net",
        "*.iperius-rs.com", "*.gotohttp.com", "*.beyondtrustcloud.com", "*.bomgarcloud.com", "*.logmein-gateway.com",
        "*.goto-rtc.com", "*.jumpto.me", "*.tmate.io", "*.ngrok-agent.com", "*.argotunnel.com", "*.nchuser.com",
        "*.signalserver.xyz", "*.set.me", "*.setme.net", "*.techinline.net", "*.startsupport.com", "*.scrn.mt",
        "*.weezo.me", "*.pikvm.cloud", "*.glkvm.com", "*.discord.media",
    }  # fmt: skip
    for entry in knowledge.entries.values():
        for fact in entry.facts:
            sweeping = fact.layer is Layer.DOMAIN and fact.value.startswith("*.") and fact.value.count(".") == 2
            if sweeping and fact.sign is Sign.SESSION and entry.kind is not Kind.VPN:
                assert fact.value in service_domains, (entry.id, fact.value)


def test_facts_from_memory_are_graded_low(knowledge: Knowledge) -> None:
    for entry in knowledge.complete.values():
        for fact in entry.facts:
            if any(word in fact.source for word in ("general knowledge", "unverified", "from memory")):
                assert fact.grade is Grade.LOW, (entry.id, fact.value)


def test_no_field_can_hold_a_fact_about_a_person() -> None:
    fields = {
        field.name for record in (Entry, Fact, Match, StunBeacon, TunnelMtu) for field in dataclasses.fields(record)
    }
    words = fields | {str(layer) for layer in Layer} | {key for keys in CONDITION_KEYS.values() for key in keys}
    parts = {part for word in words for part in word.replace(".", "_").split("_")}
    assert not (words | parts) & set(BANNED)


def test_endpoint_files_hold_endpoint_layers_only() -> None:
    """And the others none, so that a scan needs no endpoint file and an endpoint check misses nothing."""
    for path in FILES:
        for patch in read_document(path).patches:
            layers = {fact.layer for fact in patch.facts}
            if path.parent.name == "endpoint":
                assert layers <= ENDPOINT_LAYERS, path
            else:
                assert not layers & ENDPOINT_LAYERS, path


def test_no_shipped_name_fires_alone_for_two_tools(knowledge: Knowledge) -> None:
    """Neither as the same value nor by the pattern of another."""
    met = {
        Layer.PROCESS: knowledge.match_process, Layer.SERVICE: knowledge.match_service,
        Layer.PACKAGE: knowledge.match_package,
    }  # fmt: skip
    for entry in knowledge.complete.values():
        for fact in entry.facts:
            if fact.layer in met and "*" not in fact.value and fact.alone:
                claimed = {match.id for match in met[fact.layer](fact.value) if match.alone}
                assert claimed == {entry.id}, (fact.layer, fact.value)


#: Tools that people run on Macs and Linux laptops, and what each must be known by there.
UNIX = (
    "anydesk", "teamviewer", "rustdesk", "chrome-remote-desktop", "splashtop", "screenconnect", "tailscale", "ngrok",
    "cloudflare-tunnel", "ninjaone", "vnc", "rdp", "nomachine", "dwservice", "meshcentral", "remotely", "logmein",
    "beyondtrust", "zoho-assist", "supremo", "jump-desktop", "hoptodesk", "sunlogin", "todesk", "zerotier", "netbird",
    "headscale", "realvnc", "tactical-rmm",
)  # fmt: skip


@pytest.mark.parametrize("tool", UNIX)
def test_tools_are_known_beyond_windows(knowledge: Knowledge, tool: str) -> None:
    """By the name of a program or of a service that is no Windows file."""
    facts = knowledge.facts_of(tool, Layer.PROCESS, Layer.SERVICE)
    assert [fact for fact in facts if fact.alone and not fact.value.endswith((".exe", ".msi"))]
