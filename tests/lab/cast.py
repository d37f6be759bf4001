"""Who appears in crafted captures, and the chatter each kind of machine makes on its LAN."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab import frames, hello, names
from tests.lab.frames import Conversation, Host, Tape, group

if TYPE_CHECKING:
    from random import Random

MDNS, LLMNR, SSDP = group("224.0.0.251"), group("224.0.0.252"), group("239.255.255.250")
EVERYONE = group("255.255.255.255")
WINDOWS_WANTS = (1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252)
MAC_WANTS = (1, 121, 3, 6, 15, 108, 114, 119, 252, 95, 44, 46)
LINUX_WANTS = (1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42)


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine: where it is, its name, and the company directory it belongs to, if any."""

    host: Host
    name: str
    domain: str = ""
    netbios: str = ""
    system: str = "windows"


def windows(mac: str, ip: str, name: str, domain: str = "", netbios: str = "WORKGROUP") -> Machine:
    """Return a Windows machine; the time to live tells its system."""
    return Machine(Host(mac, ip, 128), name, domain, netbios)


def other(mac: str, ip: str, name: str, system: str) -> Machine:
    """Return a machine of another system: mac, linux, phone, or a gadget."""
    return Machine(Host(mac, ip), name, system=system)


_COMPANIES = {
    "acme": ("f8:bc:12", "ACME-LT-{:04}", "corp.acme.example", "ACME"),  # Dell
    "acme-old": ("54:bf:64", "ACME-LT-{:04}", "corp.acme.example", "ACME"),  # Dell
    "northwind": ("54:e1:ad", "NW-L-{:04}", "ad.northwind-freight.example", "NWFREIGHT"),  # LCFC (Lenovo)
    "bluefin": ("3c:52:82", "BFN-PC{:04}", "bluefin.test", "BLUEFIN"),  # HP
    "harborline": ("98:fa:9b", "HARBOR-NB-{:03}", "harborline.example", "HARBORLINE"),  # LCFC (Lenovo)
    "pier9": ("c8:5b:76", "PIER9-X1-{:03}", "pier9.example", "PIER9"),  # LCFC (Lenovo)
}
"""Per company: prefix of its laptops' maker in the IEEE registry, pattern of host names, directory, NetBIOS domain."""


def laptop(company: str, number: int, tag: str, ip: str) -> Machine:
    """Return a company's laptop: its inventory number, and the last three octets of its hardware address.

    The captures of pcaps/ are also scanned together, and one hardware address or host name is then one device. So no
    two captures share a laptop, a router or a KVM: each scene names its own, and a test compares all sidecars.
    """
    prefix, pattern, domain, netbios = _COMPANIES[company]
    return windows(f"{prefix}:{tag}", ip, pattern.format(number), domain, netbios)


@dataclass(frozen=True, slots=True)
class Actors:
    """What one recorded capture shares with no other: the laptop's hardware and IP address and name, and who is far.

    The name is the title of the laptop's VNC desktop; all names are of one length, so that one can take another's
    place in a packet.
    """

    laptop: str
    address: str
    gateway: str
    relay: str
    operator: str
    name: str

    @property
    def router(self) -> str:
        """The router's address on the laptop's /24."""
        return self.address.rsplit(".", 1)[0] + ".1"


_LINKS = {
    "vnc-relayed": ("f8:bc:12:61:0a:14", "74:ac:b9:44:1a:10"),
    "vnc-helpdesk": ("54:bf:64:2e:0b:27", "78:8c:b5:20:3c:11"),
    "vnc-reverse": ("54:e1:ad:70:1c:35", "74:ac:b9:44:5b:12"),
    "rdp-relayed": ("3c:52:82:a1:0d:42", "78:8c:b5:21:7d:13"),
    "rdp-to-office": ("98:fa:9b:53:0e:58", "74:ac:b9:45:9e:14"),
    "ssh-into-laptop": ("f8:bc:12:62:0f:6c", "78:8c:b5:22:0f:15"),
    "ssh-from-laptop": ("54:bf:64:2f:10:79", "74:ac:b9:46:20:16"),
    "ssh-reverse": ("54:e1:ad:71:11:83", "78:8c:b5:23:31:17"),
    "ssh-bulk": ("3c:52:82:a2:12:9d", "74:ac:b9:47:42:18"),
    "web": ("98:fa:9b:54:13:a6", "78:8c:b5:24:53:19"),
    "unknown-relayed": ("f8:bc:12:63:14:b1", "74:ac:b9:48:64:1a"),
    "unknown-mirror": ("54:bf:64:30:15:bc", "78:8c:b5:25:75:1b"),
    "broker-relayed": ("54:e1:ad:72:16:c7", "74:ac:b9:49:86:1c"),
    "wireguard-hand": ("3c:52:82:a3:17:d2", "78:8c:b5:26:97:1d"),
    "stepping-stone": ("98:fa:9b:55:18:dd", "74:ac:b9:4a:a8:1e"),
    "shared-document": ("f8:bc:12:64:19:e8", "78:8c:b5:27:b9:1f"),
    "voice-call": ("54:bf:64:31:1a:f3", "74:ac:b9:4b:ca:20"),
}
"""Laptop and router of each recorded capture. Laptops are Dell, LCFC (Lenovo) and HP; routers Ubiquiti and TP-Link."""

STAGES = {
    name: Actors(
        laptop,
        f"10.44.{place}.23",
        gateway,
        f"198.51.100.{6 + place}",
        f"203.0.113.{8 + place}",
        f"ACME-LT-{310 + place:04}",
    )
    for place, (name, (laptop, gateway)) in enumerate(_LINKS.items(), 1)
}
"""The actors of each recorded capture; numbers follow the place in the list, so new captures go to its end."""


@dataclass(slots=True)
class Lan:
    """A LAN on tape: the router, the broadcast address and the random source scenes share."""

    tape: Tape
    rng: Random
    router: Host

    @property
    def broadcast(self) -> Host:
        """The directed broadcast address of the /24."""
        return group(self.router.ip.rsplit(".", 1)[0] + ".255")

    def dhcp(self, at: float, machine: Machine, vendor: str | None, wants: tuple[int, ...]) -> None:
        """Add the two broadcasts a machine makes to get its address."""
        nobody = Host(machine.host.mac, "0.0.0.0")
        number = self.rng.getrandbits(32)
        fqdn = f"{machine.name}.{machine.domain}".rstrip(".") if machine.system == "windows" else None
        for kind, later in ((1, 0.0), (3, 0.6)):
            data = names.dhcp(
                kind, frames.mac_bytes(machine.host.mac), number, hostname=machine.name,
                fqdn=fqdn if kind == 3 else None, vendor=vendor, wanted=wants, asked=machine.host.ip,
            )  # fmt: skip
            self.tape.add(at + later, frames.udp(nobody, 68, EVERYONE, 67, data))
        data = names.dhcp_ack(frames.mac_bytes(machine.host.mac), number, self.router.ip, machine.host.ip)
        self.tape.add(at + 0.61, frames.udp(self.router, 67, EVERYONE, 68, data))

    def probe(self, at: float, machine: Machine) -> None:
        """Add address conflict detection: three probes and two announcements (RFC 5227 section 2.1.1)."""
        mac, address = machine.host.mac, machine.host.ip
        for _ in range(3):
            at += 1.0 + self.rng.random()
            self.tape.add(at, frames.arp(1, mac, "0.0.0.0", "00:00:00:00:00:00", address))
        for step in range(2):
            self.tape.add(at + 2 + 2 * step, frames.arp(1, mac, address, "00:00:00:00:00:00", address))

    def netbios(self, at: float, machine: Machine) -> None:
        """Add name registrations and the browser service's host announcement."""
        for name, is_group in ((machine.name, False), (machine.netbios, True)):
            for step in range(3):
                number = self.rng.getrandbits(16)
                data = names.nbns_registration(name, 0, number, machine.host.ip, is_group=is_group)
                self.tape.add(at + 0.75 * step, frames.udp(machine.host, 137, self.broadcast, 137, data))
            at += 0.01
        data = names.browser_announcement(machine.name, machine.netbios, machine.host.ip, self.rng.getrandbits(16))
        self.tape.add(at + 3, frames.udp(machine.host, 138, self.broadcast, 138, data))

    def ask(self, at: float, machine: Machine, name: str, kind: int = names.A) -> None:
        """Add an LLMNR question and the mDNS question modern systems send beside it."""
        port = self.rng.randrange(50000, 65000)
        question = names.query(name, kind, self.rng.getrandbits(16), flags=0)
        for step in range(2):
            self.tape.add(at + 0.41 * step, frames.udp(machine.host, port, LLMNR, 5355, question, ttl=1))
        local = names.query(f"{name}.local" if "." not in name else name, kind, flags=0)
        self.tape.add(at + 0.002, frames.udp(machine.host, 5353, MDNS, 5353, local, ttl=255))

    def announce(self, at: float, machine: Machine, records: list[bytes]) -> None:
        """Add an mDNS announcement, sent twice."""
        for step in (0.0, 1.0):
            frame = frames.udp(machine.host, 5353, MDNS, 5353, names.announcement(records), ttl=255)
            self.tape.add(at + step, frame)

    def join(self, at: float, machine: Machine) -> None:
        """Add what a machine says when it comes onto the LAN."""
        vendor, wants = {
            "windows": ("MSFT 5.0", WINDOWS_WANTS),
            "mac": (None, MAC_WANTS),
            "phone": (None, MAC_WANTS),
        }.get(machine.system, ("dhcpcd-9.4.1:Linux-6.1.21-v8+:aarch64:BCM2835", LINUX_WANTS))
        self.dhcp(at, machine, vendor, wants)
        self.probe(at + 0.8, machine)
        if machine.system == "windows":
            self.netbios(at + 7, machine)
            self.ask(at + 8, machine, "wpad")
            if machine.domain:
                self.ask(at + 9, machine, f"_ldap._tcp.dc._msdcs.{machine.domain}", names.SRV)
        elif machine.name:
            host = names.resource(f"{machine.name}.local", names.A, machine.host.packed, flush=True)
            self.announce(at + 7, machine, [host])

    def live(self, start: float, end: float, machine: Machine, *, answered: bool = False) -> None:
        """Add what it repeats while it is there: ARP for the router, name searches, announcements.

        ``answered`` adds the router's unicast ARP replies, which only the machine itself and the router see.
        """
        at = start + self.rng.uniform(20, 90)
        while at < end:
            self.tape.add(at, frames.arp(1, machine.host.mac, machine.host.ip, "00:00:00:00:00:00", self.router.ip))
            if answered:
                ends = (self.router.mac, self.router.ip, machine.host.mac, machine.host.ip)
                self.tape.add(at + 0.0007, frames.arp(2, *ends, to=machine.host.mac))
            if machine.system == "windows" and self.rng.random() < 0.25:
                self.ask(at + 3, machine, "wpad")
            if machine.domain and self.rng.random() < 0.12:
                self.ask(at + 4, machine, f"_ldap._tcp.dc._msdcs.{machine.domain}", names.SRV)
            if machine.system == "windows" and self.rng.random() < 0.08:
                data = names.browser_announcement(
                    machine.name, machine.netbios, machine.host.ip, self.rng.getrandbits(16)
                )
                self.tape.add(at + 5, frames.udp(machine.host, 138, self.broadcast, 138, data))
            at += self.rng.uniform(60, 240)

    def resolve(self, at: float, machine: Machine, name: str, address: str, *, alias: str | None = None) -> float:
        """Add a DNS question to the router and its answer; returns when the answer is there."""
        port, number = self.rng.randrange(49152, 65535), self.rng.getrandbits(16)
        self.tape.add(at, frames.udp(machine.host, port, self.router, 53, names.query(name, number=number)))
        answer = names.answer(name, [address], number, alias=alias)
        self.tape.add(at + 0.014, frames.udp(self.router, 53, machine.host, port, answer))
        return at + 0.015

    def far(self, address: str, ttl: int = 52) -> Host:
        """Return a host beyond the router: its frames carry the router's hardware address."""
        return Host(self.router.mac, address, ttl)

    def browse(
        self, at: float, machine: Machine, name: str, address: str, *, rtt: float = 0.022, fetches: int = 3,
        mss: int = 1460,
    ) -> float:  # fmt: skip
        """Add a DNS lookup and an HTTPS connection with a few request and response pairs; returns when it is over."""
        at = self.resolve(at, machine, name, address)
        ports = (self.rng.randrange(49152, 65535), 443)
        talk = Conversation(
            self.tape,
            machine.host,
            self.far(address),
            ports,
            self.rng,
            rtt=rtt,
            mss=mss,
            stamps=machine.system != "windows",
        )
        at = talk.open(at)
        at = talk.send(at, 0, hello.client_hello(name, self.rng, pq=self.rng.random() < 0.5))
        at = talk.send(at + 0.001, 1, hello.server_flight13(self.rng, 2500), ack=True)
        at = talk.send(at, 0, hello.client_finish13(self.rng))
        for _ in range(fetches):
            asked = hello.record(23, self.rng.randbytes(self.rng.randrange(90, 600)))
            at = talk.send(at + self.rng.expovariate(0.5), 0, asked)
            size = min(14000, int(self.rng.lognormvariate(7.5, 1)))
            at = talk.send(at + rtt, 1, hello.record(23, self.rng.randbytes(size)))
        return talk.close(at + 5)


def pikvm(mac: str, ip: str) -> Machine:
    """Return a PiKVM with its default host name."""
    return other(mac, ip, "pikvm", "linux")


def announce_kvms(lan: Lan, at: float, pi: Machine, jet: Machine, tiny: Machine) -> None:
    """Add what a PiKVM (avahi switched on), a JetKVM and a TinyPilot announce when they come up."""
    lan.join(at, pi)
    texts = (
        "model=v4mini",
        "video=csi",
        "board=rpi4",
        "base=arch",
        "serial=10000000a1b2c3d4",
        "platform=v4mini-hdmi-rpi4",
    )
    records = names.service("_pikvm._tcp", "pikvm-10000000a1b2c3d4", "pikvm", 443, pi.host.ip, texts)
    records += names.service("_https._tcp", "pikvm-10000000a1b2c3d4", "pikvm", 443, pi.host.ip, texts)
    lan.announce(at + 9, pi, records)
    lan.dhcp(at + 21, jet, "jetkvm", (1, 26, 42, 15, 6, 119))
    lan.probe(at + 22, jet)
    facts = ("version=0.4.7", f"id={jet.name[7:]}", "setup=true")
    records = names.service("_jetkvm._tcp", jet.name, jet.name, 80, jet.host.ip, facts)
    lan.announce(at + 27, jet, records)
    lan.join(at + 33, tiny)
    lan.announce(at + 45, tiny, [names.resource("tinypilot.local", names.A, tiny.host.packed, flush=True)])


def arp_command(link_mac: str, text: bytes, target_ip: str) -> list[bytes]:
    """Return ARP requests whose sender hardware fields spell a text, six bytes at a time (signal N11)."""
    padded = text.ljust(-(-len(text) // 6) * 6, b"\0")
    chunks = [padded[at : at + 6].hex(":") for at in range(0, len(padded), 6)]
    nobody = "0.0.0.0"
    return [frames.arp(1, chunk, nobody, "00:00:00:00:00:00", target_ip, link_mac=link_mac) for chunk in chunks]


def tcp_heartbeat(talk: Conversation, start: float, end: float, gap: float, out: bytes, back: bytes) -> None:
    """Add a small message and its answer on an open connection every ``gap`` seconds."""
    at = start
    while at < end:
        talk.send(at, 0, out, ack=False)
        talk.send(at + talk.rtt, 1, back)
        at += gap


def wireguard(lan: Lan, start: float, end: float, machine: Machine, peer: Host, gap: float) -> None:
    """Add a WireGuard tunnel: a handshake every two minutes and data between (whitepaper section 5.4)."""
    sport, at = lan.rng.randrange(49152, 65535), start
    while at < end:
        first = b"\1\0\0\0" + lan.rng.randbytes(144)
        second = b"\2\0\0\0" + lan.rng.randbytes(4) + first[4:8] + lan.rng.randbytes(80)
        lan.tape.add(at, frames.udp(machine.host, sport, peer, 51820, first))
        lan.tape.add(at + 0.031, frames.udp(peer, 51820, machine.host, sport, second))
        inside, counter = at + 0.1, 0
        while inside < min(at + 120, end):
            counter += 1
            sizes = lan.rng.choice((32, 96, 128, 544)), lan.rng.choice((96, 544, 1312))
            for src, dst, size, later in ((0, 1, sizes[0], 0.0), (1, 0, sizes[1], 0.033)):
                ends, ports = (machine.host, peer), (sport, 51820)
                data = b"\4\0\0\0" + lan.rng.randbytes(4) + struct.pack("<Q", counter) + lan.rng.randbytes(size)
                lan.tape.add(inside + later, frames.udp(ends[src], ports[src], ends[dst], ports[dst], data))
            inside += lan.rng.expovariate(1 / gap)
        at += 120
