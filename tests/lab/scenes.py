"""The crafted captures: each function plays one scene onto a tape, always the same bytes.

Every company, person-like name and address in them is invented (RFC 2606 and RFC 5737 names and addresses); names of
products and their servers are the real ones, because they are what a detector has to know.
"""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

from tests.lab import frames, hello, names
from tests.lab.cast import (
    Lan,
    Machine,
    announce_kvms,
    arp_command,
    laptop,
    other,
    pikvm,
    tcp_heartbeat,
    windows,
    wireguard,
)
from tests.lab.frames import Conversation, Host, Tape
from tests.lab.sidecar import Device, Session, Sidecar

if TYPE_CHECKING:
    from collections.abc import Callable

START = 1_767_618_000.0
"""2026-01-05 13:00 UTC."""

CORPORATE_ROLES = "company laptop standing in the farm"


def _lan(seed: int, router_ip: str, router_mac: str) -> Lan:
    return Lan(Tape(START), random.Random(seed), Host(router_mac, router_ip))


def _device(machine: Machine, role: str, **expected: str) -> Device:
    return Device(address=machine.host.ip, mac=machine.host.mac, name=machine.name, role=role, **expected)


def _scene(lan: Lan, side: Sidecar) -> tuple[Tape, Sidecar]:
    side.stage = {"gateway": lan.router.mac}
    return lan.tape, side


def farm_lan() -> tuple[Tape, Sidecar]:
    """A farm's LAN for 40 minutes as one laptop in it hears it."""
    lan = _lan(11, "10.0.0.1", "74:ac:b9:31:02:f0")
    acme = laptop("acme", 163, "4e:63:0d", "10.0.0.55")
    others = (
        laptop("northwind", 7718, "2b:18:c4", "10.0.0.57"),
        laptop("bluefin", 921, "90:21:e7", "10.0.0.58"),
        laptop("harborline", 14, "00:14:7a", "10.0.0.60"),
        laptop("acme-old", 177, "1d:01:77", "10.0.0.61"),
        other("a4:83:e7:44:0c:12", "10.0.0.63", "QUILL-MBP-44", "mac"),
    )
    for place, machine in enumerate((acme, *others)):
        lan.join(5 + 11 * place, machine)
        lan.live(60, 2400, machine, answered=machine is acme)
    kvm = pikvm("dc:a6:32:5d:08:b3", "10.0.0.70")
    jet = other("30:52:53:0a:7c:21", "10.0.0.71", "jetkvm-0a7c21f4", "kvm")
    tiny = other("04:c9:8b:1a:22:05", "10.0.0.72", "tinypilot", "linux")
    announce_kvms(lan, 90, kvm, jet, tiny)
    pi = other("b8:27:eb:5c:90:13", "10.0.0.80", "raspberrypi", "linux")
    lan.join(150, pi)
    for at, text in ((300, b"open_zoom"), (330, b"approve_remote"), (1200, b"open_zoom"), (1231, b"approve_remote")):
        for repeat in range(3):
            for step, frame in enumerate(arp_command(pi.host.mac, text, "10.0.0.55")):
                lan.tape.add(at + repeat * 2 + step * 0.05, frame)
    sites = (
        "intranet.corp.acme.example",
        "www.papertrade.example",
        "acme-example.okta.com",
        "acme-example.sharepoint.com",
    )
    for step in range(24):
        site = sites[step % 4]
        lan.browse(200 + 90 * step, acme, site, f"203.0.113.{20 + step % 4}")
    roles = [_device(machine, CORPORATE_ROLES) for machine in others]
    side = Sidecar(
        summary="Six laptops of five companies, a PiKVM, a JetKVM, a TinyPilot and an ARP command bus on one home LAN.",
        vantage="host",
        devices=[
            _device(
                acme, "company laptop the capture was taken on: its broadcasts, what it hears, and its own web traffic"
            ),
            *roles,
            Device("10.0.0.70", kvm.host.mac, "pikvm", "PiKVM announcing itself by DHCP and mDNS"),
            Device("10.0.0.71", jet.host.mac, jet.name, "JetKVM announcing itself by DHCP option 60 and mDNS"),
            Device("10.0.0.72", tiny.host.mac, tiny.name, "TinyPilot: its own OUI, DHCP and mDNS name"),
            Device(
                "10.0.0.80",
                pi.host.mac,
                pi.name,
                "controller: ARP requests from 0.0.0.0 whose sender field spells text",
            ),
        ],
        must_find=[
            "three IP-KVMs on the LAN: PiKVM, JetKVM, TinyPilot",
            "machines of three foreign directories: northwind-freight, bluefin, harborline; and a fifth firm's Mac",
            "ARP used as a command bus from b8:27:eb:5c:90:13, texts open_zoom and approve_remote",
            "a group (farm) that holds the capturing laptop and the foreign company laptops",
        ],
        must_not_find=[
            "a remote-control session on 10.0.0.55: none crosses this laptop",
            "RFC 5227 probes as a command bus",
        ],
    )
    return _scene(lan, side)


def home() -> tuple[Tape, Sidecar]:
    """An ordinary home for 40 minutes: one company laptop among household machines."""
    lan = _lan(12, "192.168.1.1", "78:8c:b5:10:44:01")
    work = laptop("acme", 201, "4e:10:b7", "192.168.1.23")
    gamer = windows("d8:bb:c1:09:e2:51", "192.168.1.31", "GAMING-RIG")
    phone = other("ba:1f:70:3c:55:e8", "192.168.1.40", "iPhone", "phone")
    tv = other("a8:23:fe:60:11:7d", "192.168.1.41", "LGwebOSTV", "gadget")
    printer = other("3c:2a:f4:8e:03:19", "192.168.1.42", "BRW3C2AF48E0319", "gadget")
    bulb = other("24:0a:c4:a1:5e:02", "192.168.1.43", "ESP_A15E02", "gadget")
    pi = other("dc:a6:32:01:fe:44", "192.168.1.50", "raspberrypi", "linux")
    household = (work, gamer, phone, tv, printer, bulb, pi)
    for place, machine in enumerate(household):
        lan.join(4 + 17 * place, machine)
        lan.live(60, 2400, machine, answered=machine is work)
    services = (
        (printer, "_ipp._tcp", "Brother HL-L2350DW", 631, ("rp=ipp/print",)),
        (tv, "_airplay._tcp", "Living room TV", 7000, ("model=OLED55",)),
        (pi, "_ssh._tcp", "raspberrypi", 22, ()),
        (phone, "_companion-link._tcp", "iPhone", 49152, ("rpVr=430.3",)),
    )
    for place, (machine, kind, instance, port, texts) in enumerate(services):
        lan.announce(130 + place, machine, names.service(kind, instance, machine.name, port, machine.host.ip, texts))
    unique = "9f0c2a11-0000-4000-8000-a823fe60117d"
    screen = "urn:dial-multiscreen-org:service:dial:1"
    notify = names.ssdp_notify(f"http://{tv.host.ip}:1518/", "WebOS/1.5 UPnP/1.0", screen, unique)
    for step in range(8):
        lan.tape.add(160 + 300 * step, frames.udp(tv.host, 1900, frames.group("239.255.255.250"), 1900, notify, ttl=4))
    sites = ("intranet.corp.acme.example", "news.example", "video.test", "acme-example.okta.com", "shop.example")
    for step in range(30):
        lan.browse(210 + 70 * step, work, sites[step % 5], f"203.0.113.{40 + step % 5}")
    _meeting(lan, 600, 2300, work, "203.0.113.90", 1.2)
    side = Sidecar(
        summary="One company laptop in an ordinary home: phone, TV, printer, game PC, bulb, hobby Raspberry Pi.",
        vantage="host",
        devices=[
            _device(work, "company laptop at its owner's home", driven="clear", abroad="clear", farm="clear"),
            _device(gamer, "private game PC, no company"),
            _device(phone, "phone with a private hardware address"),
            _device(tv, "television"), _device(printer, "printer"), _device(bulb, "smart bulb"),
            _device(pi, "hobby Raspberry Pi with its default name; no KVM"),
        ],
        must_not_find=[
            "anything above clear on any device",
            "a KVM: the Raspberry Pi is only an OUI and a default name",
            "an ARP command bus: every probe's sender field equals its Ethernet source",
            "an all-day meeting: the call lasts 28 minutes",
        ],
    )  # fmt: skip
    return _scene(lan, side)


def _meeting(
    lan: Lan, start: float, end: float, machine: Machine, address: str, gap: float, *, screen: int = 150,
    listens: int = 1,
) -> None:  # fmt: skip
    """Add a Zoom call thinned to one packet a direction every ``gap`` seconds (layout: Michel et al., IMC 2022).

    ``screen`` is the video in each packet out, in bytes; of the sound coming in, one packet in ``listens`` is kept.
    """
    begin = lan.browse(start - 4, machine, "us04web.zoom.us", "203.0.113.88", fetches=2)
    lan.resolve(start - 3, machine, "zoomsfo204mmr.sfo.zoom.us", address)
    peer, sport, rng = lan.far(address), lan.rng.randrange(49152, 65535), lan.rng
    at, number = max(start, begin), 0
    while at < end:
        number = (number + 1) & 0xFFFF
        for source, kind, size, later in ((0, 13, screen, 0.0), (1, 15, 70, gap / 2)):
            if source == 1 and number % listens:
                continue
            outer = struct.pack("!BH4xB", 5, number, 4 * source)
            clock = int(at * 90000) & 0xFFFFFFFF
            inner = bytes([kind]) + bytes(8) + struct.pack("!HI", number, clock) + bytes(12 if kind == 13 else 4)
            rtp = struct.pack("!BBHII", 0x80, 99 if kind == 13 else 112, number, clock, 0x1000 + kind)
            data = outer + inner + rtp + rng.randbytes(size)
            ends = ((machine.host, sport), (peer, 8801))
            src, dst = ends[source], ends[1 - source]
            lan.tape.add(at + later, frames.udp(*src, *dst, data))
        at += gap * rng.uniform(0.9, 1.1)


def _anydesk(lan: Lan, start: float, end: float, machine: Machine) -> None:
    """Add an AnyDesk client idle at its relay: TLS 1.2 without a name, the relay's certificate, heartbeats."""
    at = lan.resolve(start, machine, "boot.net.anydesk.com", "198.51.100.70")
    at = lan.resolve(at, machine, "relay-7f3a90c1.net.anydesk.com", "198.51.100.71")
    talk = Conversation(
        lan.tape, machine.host, lan.far("198.51.100.71"), (50713, 443), lan.rng, rtt=0.012, stamps=False
    )
    at = talk.open(at)
    at = talk.send(at, 0, hello.client_hello(None, lan.rng, alpn=("anydesk/8.0.9/windows",), browser=False))
    relay = hello.certificate(
        "AnyNet Relay", "philandro Software GmbH", 71, ("AnyNet Root CA", "philandro Software GmbH")
    )
    at = talk.send(at + 0.002, 1, hello.server_flight12(lan.rng, (relay,)))
    at = talk.send(at, 0, hello.client_finish12(lan.rng))
    at = talk.send(at, 1, hello.server_finish12(lan.rng))
    out, back = hello.record(23, lan.rng.randbytes(41)), hello.record(23, lan.rng.randbytes(37))
    tcp_heartbeat(talk, at + 20, end, 25.0, out, back)


def _rustdesk(lan: Lan, start: float, end: float, machine: Machine) -> None:
    """Add an idle RustDesk host: RegisterPeer to the public ID server every 15 s (hbb_common rendezvous.proto)."""
    at = lan.resolve(start, machine, "rs-ny.rustdesk.com", "198.51.100.80")
    peer, sport = lan.far("198.51.100.80"), lan.rng.randrange(49152, 65535)
    ask = b"\x32\x0d\x0a\x09" + b"318274650" + b"\x10\x03"
    while at < end:
        lan.tape.add(at, frames.udp(machine.host, sport, peer, 21116, ask))
        lan.tape.add(at + 0.024, frames.udp(peer, 21116, machine.host, sport, b"\x3a\x00"))
        at += 15 + lan.rng.uniform(-0.05, 0.15)


def _teamviewer(lan: Lan, start: float, end: float, machine: Machine) -> None:
    """Add an idle TeamViewer client: the five-byte keepalive on port 5938."""
    at = lan.resolve(start, machine, "router15.teamviewer.com", "198.51.100.90")
    talk = Conversation(
        lan.tape, machine.host, lan.far("198.51.100.90"), (51938, 5938), lan.rng, rtt=0.028, stamps=False
    )
    at = talk.open(at)
    at = talk.send(at, 0, b"\x17\x24\x0a\x20\0" + lan.rng.randbytes(24))
    talk.send(at, 1, b"\x17\x24\x0a\x20\0" + lan.rng.randbytes(24))
    tcp_heartbeat(talk, at + 30, end, 30.0, b"\x17\x24\x1b\0\0", b"\x17\x24\x1b\0\0")


def _stun_beacon(lan: Lan, start: float, end: float, kvm: Machine) -> None:
    """Add the idle NAT test of PiKVM's Janus wrapper: a plain request, then CHANGE-REQUEST five times, then a pause."""
    address, at = "198.51.100.19", start
    peer = lan.far(address)
    while at < end:
        lan.resolve(at - 0.1, kvm, "stun.l.google.com", address)
        sport = lan.rng.randrange(32768, 61000)
        plain = names.stun_request(lan.rng)
        lan.tape.add(at, frames.udp(kvm.host, sport, peer, 19302, plain))
        reply = names.stun_answer(plain, "192.0.2.44", sport)
        lan.tape.add(at + 0.018, frames.udp(peer, 19302, kvm.host, sport, reply))
        for step in range(5):
            moved = names.stun_request(lan.rng, struct.pack("!HHI", 3, 4, 6))
            lan.tape.add(at + 0.02 + 10 * step, frames.udp(kvm.host, sport, peer, 19302, moved))
        at += 55 + lan.rng.uniform(0, 1)


def farm_gateway() -> tuple[Tape, Sidecar]:
    """A farm for one hour, seen on the LAN side of its router."""
    lan = _lan(13, "192.168.50.1", "94:83:c4:2a:10:01")
    acme = laptop("acme", 142, "4e:10:a2", "192.168.50.21")
    north = laptop("northwind", 7731, "2b:77:31", "192.168.50.22")
    bluefin = laptop("bluefin", 934, "90:93:4c", "192.168.50.23")
    harbor = laptop("harborline", 9, "00:09:e1", "192.168.50.24")
    places = (acme, north, bluefin, harbor)
    tenants = ("acme-example", "northwind-freight-example", "bluefin-example", "harborline-example")
    for place, (machine, tenant) in enumerate(zip(places, tenants, strict=True)):
        lan.join(3 + 9 * place, machine)
        lan.live(60, 3600, machine, answered=True)
        for step in range(10):
            name = (f"{tenant}.okta.com", f"{tenant}.sharepoint.com", f"vpn.{machine.domain}")[step % 3]
            lan.browse(120 + 340 * step + 7 * place, machine, name, f"203.0.113.{60 + 4 * place + step % 3}")
    _anydesk(lan, 70, 3600, acme)
    for step in range(6):
        lan.browse(400 + 500 * step, acme, "remotedesktop-pa.googleapis.com", "203.0.113.201", fetches=2)
    _rustdesk(lan, 75, 3600, north)
    _teamviewer(lan, 80, 3600, bluefin)
    kvm = pikvm("dc:a6:32:77:31:0e", "192.168.50.30")
    lan.join(50, kvm)
    _stun_beacon(lan, 100, 3600, kvm)
    side = Sidecar(
        summary="Four laptops of four companies, each with an idle remote tool or a KVM, behind one router.",
        vantage="gateway",
        devices=[
            _device(acme, "company laptop; AnyDesk at its relay and Chrome Remote Desktop's service: two vendors"),
            _device(north, "company laptop; RustDesk host re-registering every 15 s while idle"),
            _device(bluefin, "company laptop; TeamViewer keepalive while idle"),
            _device(harbor, "company laptop; no tool of its own (the PiKVM may drive it)"),
            Device(
                "192.168.50.30", kvm.host.mac, "pikvm", "PiKVM, idle: STUN beacon with CHANGE-REQUEST once a minute"
            ),
        ],
        sessions=[
            Session("192.168.50.21", "198.51.100.71:443", "anydesk", "unclear", transport_rtt_ms=12.0),
            Session("192.168.50.22", "198.51.100.80:21116", "rustdesk", "controlled"),
            Session("192.168.50.23", "198.51.100.90:5938", "teamviewer", "unclear", transport_rtt_ms=28.0),
        ],
        must_find=[
            "AnyDesk (relay name, certificate, ALPN) and Chrome Remote Desktop on 192.168.50.21: two vendors",
            "RustDesk idle and unattended on 192.168.50.22, TeamViewer idle on 192.168.50.23",
            "the KVM's idle STUN beacon from 192.168.50.30",
            "laptops of four companies on one LAN: a farm",
        ],
        must_not_find=["an active remote-control session: all tools are idle"],
    )
    return _scene(lan, side)


def meeting_all_day() -> tuple[Tape, Sidecar]:
    """An eight-hour meeting on one laptop, and an ordinary 50-minute one on another, at a home router."""
    lan = _lan(14, "192.168.60.1", "74:ac:b9:31:02:f7")
    all_day = laptop("acme", 188, "4e:88:31", "192.168.60.21")
    ordinary = laptop("northwind", 7745, "2b:45:90", "192.168.60.22")
    for place, machine in enumerate((all_day, ordinary)):
        lan.join(2 + 9 * place, machine)
        lan.live(60, 29400, machine, answered=True)
        for step in range(8):
            at = 100 + 3400 * step + 60 * place
            lan.browse(at, machine, f"vpn.{machine.domain}", f"203.0.113.{70 + place}", fetches=1)
    _meeting(lan, 300, 300 + 8 * 3600, all_day, "203.0.113.91", 12.0, screen=330, listens=2)
    _meeting(lan, 3600, 3600 + 3000, ordinary, "203.0.113.92", 4.0)
    side = Sidecar(
        summary="A screen-sharing meeting of eight hours beside an ordinary one; media thinned to a packet every 12 s.",
        vantage="gateway",
        devices=[
            _device(all_day, "company laptop in one meeting for a whole shift, sending its screen"),
            _device(ordinary, "company laptop in one 50-minute meeting", driven="clear"),
        ],
        must_find=["the all-day meeting media session of 192.168.60.21"],
        must_not_find=["an all-day meeting on 192.168.60.22", "driven above review on either: a meeting is not a hand"],
    )
    return _scene(lan, side)


def tunnels() -> tuple[Tape, Sidecar]:
    """Half an hour of three laptops behind one gateway: Astrill, Mullvad, and none."""
    lan = _lan(15, "192.168.70.1", "74:ac:b9:31:02:fb")
    astrill = laptop("acme", 195, "4e:95:5c", "192.168.70.21")
    mullvad = laptop("acme-old", 197, "1d:97:08", "192.168.70.22")
    plain = laptop("harborline", 21, "00:21:66", "192.168.70.23")
    for place, machine in enumerate((astrill, mullvad, plain)):
        lan.join(2 + 9 * place, machine)
        lan.live(60, 1800, machine, answered=True)
    for at in (70.0, 900.0, 1500.0):
        lan.browse(at, astrill, "api.astrill.com", "203.0.113.110")
    for step in range(30):
        site, address = ("www.papertrade.example", "git.corp.acme.example")[step % 2], f"203.0.113.{120 + step % 2}"
        lan.browse(140 + 55 * step, astrill, site, address, mss=1253, fetches=2, rtt=0.180)
        site, address = ("news.example", "mail.harborline.example")[step % 2], f"203.0.113.{124 + step % 2}"
        lan.browse(150 + 55 * step, plain, site, address, fetches=2)
    at = lan.browse(90, mullvad, "api.mullvad.net", "203.0.113.130", fetches=1)
    lan.resolve(at, mullvad, "us-chi-wg-301.relays.mullvad.net", "198.51.100.130")
    wireguard(lan, at + 1, 1800, mullvad, lan.far("198.51.100.130"), 3.0)
    side = Sidecar(
        summary="Three laptops behind one gateway: Astrill with SYNs of MSS 1253, Mullvad over WireGuard, and none.",
        vantage="gateway",
        devices=[
            _device(astrill, "company laptop behind Astrill: its service by name, and SYNs that announce MSS 1253"),
            _device(mullvad, "company laptop with Mullvad over WireGuard on udp/51820"),
            _device(plain, "company laptop without a tunnel", driven="clear", abroad="clear"),
        ],
        must_find=[
            "Astrill by name on 192.168.70.21",
            "tunnel-shrunk SYN MSS 1253 on 192.168.70.21",
            "Mullvad and WireGuard on 192.168.70.22",
        ],
        must_not_find=["a tunnel on 192.168.70.23", "driven above clear on any device: a tunnel is not a hand"],
    )
    return _scene(lan, side)


def office() -> tuple[Tape, Sidecar]:
    """An office of one company for 30 minutes: twelve laptops and the approved remote-support tool."""
    lan = _lan(16, "10.20.4.1", "00:1b:17:00:01:30")
    laptops = [
        windows(f"f8:bc:12:50:{i:02x}:1c", f"10.20.4.{100 + i}", f"BFN-LT-{1200 + 7 * i}", "bluefin.test", "BLUEFIN")
        for i in range(12)
    ]
    for place, machine in enumerate(laptops):
        lan.join(1 + 4 * place, machine)
        lan.live(50, 1800, machine, answered=True)
        for step in range(4):
            name = ("mail.bluefin.test", "bluefin-example.sharepoint.com", "news.example")[(step + place) % 3]
            lan.browse(80 + 400 * step + 13 * place, machine, name, f"203.0.113.{140 + (step + place) % 3}", fetches=2)
    for machine in laptops[:3]:
        _teamviewer(lan, 100, 1800, machine)
    side = Sidecar(
        summary="An office of one company: twelve laptops, three of them with the company's approved TeamViewer, idle.",
        vantage="gateway",
        devices=[
            _device(machine, "company laptop in its own office", driven="clear", farm="clear") for machine in laptops
        ],
        must_find=["TeamViewer named on 10.20.4.100, .101 and .102, as a fact and not as a verdict"],
        must_not_find=["a farm: one company, one directory", "driven above clear on any device"],
        profile={"domains": ["bluefin.test"], "approved_tools": ["teamviewer"], "cidrs": ["10.20.0.0/16"]},
    )
    return _scene(lan, side)


def cafe() -> tuple[Tape, Sidecar]:
    """A coffee shop for two hours: laptops of several companies come and go, heard by one of them."""
    lan = _lan(17, "172.20.10.1", "74:ac:b9:90:00:01")
    guests = [
        laptop("acme", 209, "4e:09:7e", "172.20.10.30"),
        laptop("northwind", 7752, "2b:52:1b", "172.20.10.31"),
        laptop("bluefin", 958, "90:58:a9", "172.20.10.32"),
        laptop("pier9", 31, "22:90:17", "172.20.10.33"),
    ]
    phones = [
        other(f"{mac}:{i:02x}:10:77", f"172.20.10.{60 + i}", "iPhone" if i % 2 else "Galaxy-S23", "phone")
        for i, mac in enumerate(("ba:10:22", "f2:0c:91", "d6:44:0e", "8e:71:5a", "3a:90:c4"))
    ]
    for place, machine in enumerate(guests + phones):
        arrival = 10 if place == 0 else lan.rng.uniform(60, 4800)
        leave = 7200 if place == 0 else min(7200.0, arrival + lan.rng.uniform(1200, 2700))
        lan.join(arrival, machine)
        lan.live(arrival + 20, leave, machine, answered=place == 0)
    for step in range(30):
        site = ("www.papertrade.example", "news.example", "acme-example.okta.com")[step % 3]
        lan.browse(90 + 220 * step, guests[0], site, f"203.0.113.{160 + step % 3}", fetches=2)
    side = Sidecar(
        summary="A coffee shop: laptops of four companies for 20 to 45 minutes each, and phones, heard by one laptop.",
        vantage="host",
        devices=[
            _device(guests[0], "company laptop the capture was taken on", driven="clear"),
            *[_device(machine, "another guest's company laptop") for machine in guests[1:]],
        ],
        must_not_find=[
            "a farm at strong: guests come and go, there is no KVM and no remote tool",
            "driven above clear",
        ],
    )
    return _scene(lan, side)


SCENES: dict[str, Callable[[], tuple[Tape, Sidecar]]] = {
    "farm-lan": farm_lan,
    "farm-gateway": farm_gateway,
    "meeting-all-day": meeting_all_day,
    "tunnels": tunnels,
    "home": home,
    "office": office,
    "cafe": cafe,
}
"""Crafted captures by the name of their file."""
