"""Give a recorded capture the actors it would be recorded with now, without recording it again.

Hardware addresses change in Ethernet and ARP, IP addresses in ARP and IPv4, and the title of a VNC desktop in the
payload; checksums follow (RFC 1624), so that a right one stays right and a wrong one wrong. Nothing else
of a packet and no time changes. The actors a capture was recorded with stand in its sidecar, under ``stage``.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from tests.lab import sidecar
from tests.lab.cast import STAGES, Actors
from tests.lab.frames import mac_bytes

if TYPE_CHECKING:
    from pathlib import Path

ARP, IPV4, TCP, UDP = 0x0806, 0x0800, 6, 17
Swaps = dict[bytes, bytes]
"""Bytes to be replaced, and what replaces them, of the same length."""


def readdress(name: str, folder: Path) -> Path:
    """Rewrite a recorded capture and its sidecar for the actors :data:`tests.lab.cast.STAGES` names.

    Raises:
        ValueError: a name of another length, or a packet that is neither ARP nor TCP or UDP over IPv4.
    """
    path = folder / f"{name}.pcap"
    side = sidecar.load(path.with_suffix(".toml"))
    old, new = Actors(**side.stage), STAGES[name]
    path.write_bytes(rewrite(path.read_bytes(), old, new))
    remotes = {old.relay: new.relay, old.operator: new.operator}
    side.devices = [replace(one, address=new.address, mac=new.laptop) for one in side.devices]
    for place, session in enumerate(side.sessions):
        host, _, port = session.remote.rpartition(":")
        side.sessions[place] = replace(session, device=new.address, remote=f"{remotes.get(host, host)}:{port}")
    side.stage = asdict(new)
    sidecar.write(side, path)
    return path


def rewrite(capture: bytes, old: Actors, new: Actors) -> bytes:
    """Return a classic little-endian Ethernet capture with one cast of actors in place of another."""
    macs = {mac_bytes(old.laptop): mac_bytes(new.laptop), mac_bytes(old.gateway): mac_bytes(new.gateway)}
    hosts = {
        _packed(old.address): _packed(new.address),
        _packed(old.router): _packed(new.router),
        _packed(old.relay): _packed(new.relay),
        _packed(old.operator): _packed(new.operator),
    }
    names = {old.name.encode(): new.name.encode()}
    if len(old.name) != len(new.name):
        raise ValueError(f"{new.name} is not as long as {old.name}")
    parts, at = [capture[:24]], 24
    while at < len(capture):
        size = struct.unpack_from("<I", capture, at + 8)[0]
        parts += [capture[at : at + 16], _frame(capture[at + 16 : at + 16 + size], macs, hosts, names)]
        at += 16 + size
    return b"".join(parts)


def _packed(address: str) -> bytes:
    return ipaddress.IPv4Address(address).packed


def _frame(frame: bytes, macs: Swaps, hosts: Swaps, names: Swaps) -> bytes:
    kind = struct.unpack_from("!H", frame, 12)[0]
    link = macs.get(frame[:6], frame[:6]) + macs.get(frame[6:12], frame[6:12]) + frame[12:14]
    if kind == ARP:
        return link + _arp(frame[14:], macs | hosts)
    if kind == IPV4:
        return link + _ipv4(frame[14:], hosts, names)
    raise ValueError(f"EtherType {kind:#06x} in a recorded capture")


def _arp(packet: bytes, swaps: Swaps) -> bytes:
    fields = (packet[8:14], packet[14:18], packet[18:24], packet[24:28])
    return packet[:8] + b"".join(swaps.get(field, field) for field in fields) + packet[28:]


def _ipv4(packet: bytes, hosts: Swaps, names: Swaps) -> bytes:
    head, end = (packet[0] & 15) * 4, struct.unpack_from("!H", packet, 2)[0]
    ends = b"".join(hosts.get(one, one) for one in (packet[12:16], packet[16:20]))
    segment, field = packet[head:end], {TCP: 16, UDP: 6}.get(packet[9])
    if field is None:
        raise ValueError(f"IP protocol {packet[9]} in a recorded capture")
    renamed = segment
    for name, other in names.items():
        renamed = renamed.replace(name, other)
    fixed = _sum_again(renamed, field, packet[12:20] + segment, ends + renamed)
    if packet[9] == UDP and segment[6:8] == b"\0\0":
        fixed = renamed  # No checksum was sent (RFC 768).
    header = packet[:12] + ends + packet[20:head]
    return _sum_again(header, 10, packet[12:20], ends) + fixed + packet[end:]


def _sum_again(data: bytes, field: int, before: bytes, after: bytes) -> bytes:
    """Return data whose checksum field follows a change of what it covers (RFC 1624, equation 3)."""
    old = struct.unpack_from("!H", data, field)[0]
    total = (~old & 0xFFFF) + (~_words(before) & 0xFFFF) + _words(after)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return data[:field] + struct.pack("!H", ~total & 0xFFFF) + data[field + 2 :]


def _words(data: bytes) -> int:
    """The ones' complement sum of 16-bit words."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
