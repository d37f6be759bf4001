"""What a knowledge entry is: a tool, device or service, and the facts by which it shows itself.

Why facts carry a *sign* beside their grade: a name can be beyond doubt the vendor's and still say nothing about a
session. ``relay-0a1b2c3d.net.anydesk.com`` is a machine waiting for, or under, a hand; ``boot.net.anydesk.com`` is an
installed program; ``www.anydesk.com`` is somebody reading a price list.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "CONDITION_KEYS",
    "ENDPOINT_LAYERS",
    "Entry",
    "Fact",
    "Grade",
    "Kind",
    "Layer",
    "Match",
    "Side",
    "Sign",
    "StunBeacon",
    "TunnelMtu",
]


class Kind(StrEnum):
    """What an entry is."""

    REMOTE_ACCESS = "remote_access"  #: shows the screen to somebody else and takes their input
    RMM = "rmm"  #: fleet-management agent; remote control is one of its functions
    KVM = "kvm"  #: KVM over IP: a box between the laptop's ports and the network
    VPN = "vpn"  #: consumer VPN: hides where its user is
    TUNNEL = "tunnel"  #: overlay network or reverse tunnel: lets somebody in past the router
    MEETING = "meeting"  #: video meetings; several allow remote control of a shared screen
    JIGGLER = "jiggler"  #: keeps the session awake with invented input
    ADMIN = "admin"  #: dual-use software that brings no foreign hand in: SSH clients, file sync, monitoring
    HARDWARE = "hardware"  #: parts a KVM may be built from, shared with harmless devices


class Layer(StrEnum):
    """Where a fact is seen."""

    DOMAIN = "domain"  #: DNS name, TLS or QUIC server name, HTTP host
    CERT = "cert"  #: X.509 certificate a TLS peer showed
    ALPN = "alpn"  #: TLS application protocol, exact or with ``*``
    JA4 = "ja4"  #: JA4 of a ClientHello
    PORT = "port"  #: ``tcp/5938`` or ``udp/8801-8810``; supports, never fires
    NETWORK = "network"  #: published address block of a service; supports, never fires
    PAYLOAD = "payload"  #: id of a first-bytes pattern that the protocol decoders recognise
    OUI = "oui"  #: hardware address prefix of 24, 28 or 36 bits
    DHCP = "dhcp"  #: hostname, vendor class, parameter request list
    MDNS = "mdns"  #: service type, instance, host name, TXT record
    SSDP = "ssdp"  #: server and friendly name of an announcement
    HTTP_TITLE = "http_title"  #: title of a page
    HTTP_PATH = "http_path"  #: request path
    HTTP_HEADER = "http_header"  #: ``name: value`` of a response, ``*`` allowed
    FAVICON = "favicon"  #: ``md5:…`` or ``mmh3:…`` of the icon
    PROCESS = "process"  #: executable name
    PATH = "path"  #: install path or file, ``*`` allowed
    SERVICE = "service"  #: operating-system service name: Windows service, launchd label, systemd unit
    PACKAGE = "package"  #: what software is installed under: bundle identifier, package name
    COMMAND = "command"  #: command line, ``*`` allowed
    REGISTRY = "registry"  #: Windows registry key
    SIGNER = "signer"  #: code-signing subject
    USB = "usb"  #: USB descriptor fields
    HID = "hid"  #: HID report descriptor hash or behaviour
    EDID = "edid"  #: display identity
    MOTION = "motion"  #: how a device moves the pointer with nobody there; supports, never fires


#: Layers only an endpoint shows; their shipped facts load on first use, off the scan's path.
ENDPOINT_LAYERS = frozenset(
    {
        Layer.PROCESS,
        Layer.PATH,
        Layer.SERVICE,
        Layer.PACKAGE,
        Layer.COMMAND,
        Layer.REGISTRY,
        Layer.SIGNER,
        Layer.USB,
        Layer.HID,
        Layer.EDID,
        Layer.MOTION,
    }
)

#: Layers whose value is ``key=value & key=value`` (all must hold), and the keys each knows.
CONDITION_KEYS: dict[Layer, frozenset[str]] = {
    Layer.CERT: frozenset({"subject.cn", "subject.o", "subject.ou", "issuer.cn", "issuer.o", "issuer.ou", "sha256"}),
    Layer.DHCP: frozenset({"hostname", "vendor_class", "parameters"}),
    Layer.MDNS: frozenset({"service", "instance", "host", "txt"}),
    Layer.SSDP: frozenset({"server", "name"}),
    Layer.USB: frozenset(
        {"vid", "pid", "manufacturer", "product", "serial", "configuration", "interface", "functions", "bcd_device",
         "bcd_usb", "attributes", "max_power", "device_class", "os_vendor_code", "scsi_vendor", "scsi_product", "mac",
         "network"}
    ),
    Layer.HID: frozenset({"descriptor", "use"}),
    Layer.EDID: frozenset({"vendor", "product", "name", "serial", "serial_number", "week", "year", "cta_block"}),
    Layer.MOTION: frozenset({"period_s", "jitter_percent", "reports", "gap_ms", "step", "mode", "shape"}),
}  # fmt: skip


class Side(StrEnum):
    """Whose machine shows the fact."""

    CONTROLLED = "controlled"  #: the machine being driven
    CONTROLLER = "controller"  #: the machine driving it
    RELAY = "relay"  #: the vendor's go-between
    CLOUD = "cloud"  #: the vendor's directory, telemetry or update service
    ANY = "any"  #: does not tell


class Sign(StrEnum):
    """What seeing the fact means."""

    SESSION = "session"  #: a live or ready session: relay, rendezvous, signalling, a KVM's own page
    PRESENCE = "presence"  #: the program or device is there
    WEB = "web"  #: marketing, documents, support, shop: nothing about a session; matchers leave it out


class Grade(StrEnum):
    """How sure we are that the fact belongs to the entry."""

    HIGH = "high"  #: vendor's source or document, or seen in a capture
    MEDIUM = "medium"  #: community list or detection rule
    LOW = "low"  #: one secondary page, memory, or a value others share


@dataclass(frozen=True, slots=True)
class Fact:
    """One way an entry shows itself."""

    layer: Layer
    value: str  #: exact value or pattern; syntax per layer in ``loading``
    sign: Sign
    grade: Grade
    side: Side
    source: str  #: where the fact was read
    alone: bool  #: may this fact by itself make a finding?
    note: str = ""
    each_session: bool = False  #: a program that starts anew whenever somebody comes in


@dataclass(frozen=True, slots=True)
class Entry:
    """A tool, device or service. Facts of endpoint layers may not be loaded yet; ``Knowledge.facts_of`` has all."""

    id: str
    name: str
    kind: Kind
    vendor: str  #: product family; two entries of one vendor are one vendor on a device
    unattended: bool  #: can be used with nobody at the machine
    benign: tuple[str, ...]  #: innocent reasons to see it
    aliases: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A value seen, and the fact of an entry it meets."""

    entry: Entry
    fact: Fact
    seen: str  #: the value as it was looked up, normalised

    @property
    def id(self) -> str:
        """Id of the entry."""
        return self.entry.id

    @property
    def sign(self) -> Sign:
        """What the match means."""
        return self.fact.sign

    @property
    def grade(self) -> Grade:
        """How sure the fact is."""
        return self.fact.grade

    @property
    def side(self) -> Side:
        """Whose machine shows it."""
        return self.fact.side

    @property
    def source(self) -> str:
        """Where the fact was read."""
        return self.fact.source

    @property
    def alone(self) -> bool:
        """Whether this match may make a finding without company."""
        return self.fact.alone


@dataclass(frozen=True, slots=True)
class StunBeacon:
    """A NAT test with CHANGE-REQUEST (RFC 3489 section 11.2.4) that some devices repeat while idle."""

    entry: str  #: id of the entry that beacons
    servers: tuple[tuple[str, int], ...]  #: host names and ports asked
    period_low_s: float
    period_high_s: float
    grade: Grade
    source: str


@dataclass(frozen=True, slots=True)
class TunnelMtu:
    """How a tunnel shrinks packets. MSS = MTU - 40 over IPv4, MTU - 60 over IPv6 (RFC 9293 section 3.7.1)."""

    id: str
    name: str
    entry: str  #: id of the entry it belongs to, or empty for a protocol
    mtu: int  #: bytes, inner
    mss_ipv4: int  #: bytes
    mss_ipv6: int  #: bytes
    grade: Grade
    source: str
    note: str = ""
