"""Messages in which hosts on a LAN say who they are: DNS, mDNS, LLMNR, DHCP, NBNS, browser, SSDP; and STUN."""

from __future__ import annotations

import ipaddress
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

A, PTR, TXT, AAAA, SRV = 1, 12, 16, 28, 33


def domain(name: str) -> bytes:
    """Encode a domain name without compression (RFC 1035 section 3.1); a label may hold any UTF-8 but a dot."""
    out = b""
    for label in name.rstrip(".").split("."):
        raw = label.encode().replace(b"\\x2e", b".")
        out += bytes([len(raw)]) + raw
    return out + b"\0"


def resource(name: str, kind: int, data: bytes, ttl: int = 120, *, flush: bool = False) -> bytes:
    """Encode a resource record (RFC 1035 section 3.2.1); ``flush`` sets mDNS's cache-flush bit (RFC 6762)."""
    return domain(name) + struct.pack("!HHIH", kind, 0x8001 if flush else 1, ttl, len(data)) + data


def query(name: str, kind: int = A, number: int = 0, *, flags: int = 0x0100) -> bytes:
    """Encode a question; mDNS and LLMNR use flags 0."""
    return struct.pack("!HHHHHH", number, flags, 1, 0, 0, 0) + domain(name) + struct.pack("!HH", kind, 1)


def answer(name: str, addresses: Sequence[str], number: int = 0, *, alias: str | None = None, rcode: int = 0) -> bytes:
    """Encode a resolver's answer with A or AAAA records, behind a CNAME when ``alias`` is given."""
    kind = AAAA if addresses and ":" in addresses[0] else A
    owner = alias or name
    records = [resource(name, 5, domain(alias))] if alias else []
    records += [resource(owner, kind, ipaddress.ip_address(one).packed, 300) for one in addresses]
    head = struct.pack("!HHHHHH", number, 0x8180 | rcode, 1, len(records), 0, 0)
    return head + domain(name) + struct.pack("!HH", kind, 1) + b"".join(records)


def announcement(records: Iterable[bytes]) -> bytes:
    """Encode an unsolicited mDNS answer (RFC 6762 section 8.3)."""
    records = list(records)
    return struct.pack("!HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


def service(kind: str, instance: str, host: str, port: int, address: str, texts: Sequence[str] = ()) -> list[bytes]:
    """Return the PTR, SRV, TXT and A records by which DNS-SD (RFC 6763) announces a service."""
    full = f"{instance}.{kind}.local"
    text = b"".join(bytes([len(one)]) + one.encode() for one in texts) or b"\0"
    return [
        resource(f"{kind}.local", PTR, domain(full), 4500),
        resource(full, SRV, struct.pack("!HHH", 0, 0, port) + domain(f"{host}.local"), flush=True),
        resource(full, TXT, text, 4500, flush=True),
        resource(f"{host}.local", A, ipaddress.ip_address(address).packed, flush=True),
    ]


def dhcp(
    kind: int, mac: bytes, transaction: int, *, hostname: str | None = None, fqdn: str | None = None,
    vendor: str | None = None, wanted: Sequence[int] = (), asked: str | None = None,
) -> bytes:  # fmt: skip
    """Encode a client's DHCP message (RFC 2131; options RFC 2132, FQDN RFC 4702). kind: 1 discover, 3 request."""
    body = struct.pack("!BBBBIHH", 1, 1, 6, 0, transaction, 0, 0x8000) + bytes(16) + mac.ljust(16, b"\0") + bytes(192)
    options = [(53, bytes([kind])), (61, b"\1" + mac)]
    if asked:
        options.append((50, ipaddress.ip_address(asked).packed))
    if hostname:
        options.append((12, hostname.encode()))
    if fqdn:
        options.append((81, b"\0\0\0" + fqdn.encode()))
    if vendor:
        options.append((60, vendor.encode()))
    if wanted:
        options.append((55, bytes(wanted)))
    encoded = b"".join(bytes((number, len(data))) + data for number, data in options)
    return (body + b"\x63\x82\x53\x63" + encoded + b"\xff").ljust(300, b"\0")


def dhcp_ack(mac: bytes, transaction: int, router: str, address: str) -> bytes:
    """Encode the server's acknowledgement, broadcast as the client asked (RFC 2131 section 4.3.1)."""
    server, yours = ipaddress.ip_address(router).packed, ipaddress.ip_address(address).packed
    body = struct.pack("!BBBBIHH", 2, 1, 6, 0, transaction, 0, 0x8000) + bytes(4) + yours + bytes(8)
    body += mac.ljust(16, b"\0") + bytes(192) + b"\x63\x82\x53\x63\x35\1\5"
    options = ((54, server), (51, struct.pack("!I", 86400)), (1, b"\xff\xff\xff\0"), (3, server), (6, server))
    encoded = b"".join(bytes((number, len(data))) + data for number, data in options)
    return (body + encoded + b"\xff").ljust(300, b"\0")


def _netbios(name: str, suffix: int) -> bytes:
    raw = name.upper().encode()[:15].ljust(15) + bytes([suffix])
    return b"\x20" + bytes(half for byte in raw for half in (0x41 + (byte >> 4), 0x41 + (byte & 15))) + b"\0"


def nbns_query(name: str, suffix: int, number: int) -> bytes:
    """Encode a broadcast NetBIOS name query (RFC 1002 section 4.2.12)."""
    return struct.pack("!HHHHHH", number, 0x0110, 1, 0, 0, 0) + _netbios(name, suffix) + b"\0\x20\0\1"


def nbns_registration(name: str, suffix: int, number: int, address: str, *, is_group: bool) -> bytes:
    """Encode a broadcast NetBIOS name registration (RFC 1002 section 4.2.2); a group name is the domain."""
    head = struct.pack("!HHHHHH", number, 0x2910, 1, 0, 0, 1) + _netbios(name, suffix) + b"\0\x20\0\1"
    flags = 0x8000 if is_group else 0
    return head + b"\xc0\x0c\0\x20\0\1" + struct.pack("!IHH", 300000, 6, flags) + ipaddress.ip_address(address).packed


def browser_announcement(name: str, workgroup: str, address: str, number: int, *, of_domain: bool = False) -> bytes:
    """Encode a host or domain announcement ([MS-BRWS] 2.2.1 and 2.2.3) in its mailslot datagram."""
    shown = (workgroup if of_domain else name).upper().encode()[:15].ljust(16, b"\0")
    tail = name.encode() + b"\0" if of_domain else b"\0"
    body = struct.pack("<BBI", 0x0C if of_domain else 1, 0, 720_000) + shown
    body += struct.pack("<BBIBBH", 10, 0, 0x80001003 if of_domain else 0x1003, 15, 1, 0xAA55) + tail
    slot = b"\\MAILSLOT\\BROWSE\0"
    words = struct.pack("<HHHHBBHIHHHHHBBHHH", 0, len(body), 0, 0, 0, 0, 0, 1000, 0, 0, 0, len(body), 86, 3, 0, 1, 1, 2)
    smb = b"\xffSMB\x25" + bytes(27) + bytes([17]) + words + struct.pack("<H", len(slot) + len(body)) + slot + body
    ends = _netbios(name, 0) + _netbios(workgroup, 0x1D if not of_domain else 0x1E)
    head = struct.pack("!BBH", 0x11, 2, number) + ipaddress.ip_address(address).packed
    return head + struct.pack("!HHH", 138, len(ends) + len(smb), 0) + ends + smb


def ssdp_notify(location: str, server: str, kind: str, unique: str) -> bytes:
    """Encode a UPnP advertisement (UPnP Device Architecture 2.0 section 1.2.2)."""
    lines = ["NOTIFY * HTTP/1.1", "HOST: 239.255.255.250:1900", "CACHE-CONTROL: max-age=1800", f"LOCATION: {location}"]
    lines += [f"NT: {kind}", "NTS: ssdp:alive", f"SERVER: {server}", f"USN: uuid:{unique}::{kind}", "", ""]
    return "\r\n".join(lines).encode()


def stun_request(rng: Random, attributes: bytes = b"") -> bytes:
    """Encode a STUN Binding request (RFC 8489 section 5)."""
    return struct.pack("!HHI", 1, len(attributes), 0x2112A442) + rng.randbytes(12) + attributes


def stun_answer(request: bytes, address: str, port: int) -> bytes:
    """Encode the Binding success response to a request, with its XOR-MAPPED-ADDRESS (RFC 8489 section 14.2)."""
    mixed = bytes(a ^ b for a, b in zip(ipaddress.ip_address(address).packed, b"\x21\x12\xa4\x42", strict=True))
    attribute = struct.pack("!HHBBH", 0x0020, 8, 0, 1, port ^ 0x2112) + mixed
    return struct.pack("!HH", 0x0101, len(attribute)) + request[4:20] + attribute
