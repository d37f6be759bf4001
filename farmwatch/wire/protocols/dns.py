"""DNS messages over UDP and TCP; mDNS and LLMNR carry the same format.

Sources: RFC 1035 section 4 (message, compression), RFC 3596 (AAAA), RFC 2782 (SRV), RFC 9460 (SVCB, HTTPS),
RFC 6762 section 10.2 and 18 (top class bit in mDNS), RFC 4795 (LLMNR), RFC 6891 (OPT, skipped).

A message that was cut (snap length, lost segment) still gives everything read up to the cut, with ``complete`` false.

Why the name reader keeps a table of offsets: answers point back at the question name, so most names of a response
are found and not read, and a message full of pointers costs no more than its length.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from socket import AF_INET6, inet_ntoa, inet_ntop
from typing import TypeAlias

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.text import printable

__all__ = [
    "AAAA",
    "CNAME",
    "HTTPS",
    "PTR",
    "SOA",
    "SRV",
    "SVCB",
    "TXT",
    "A",
    "DnsBinding",
    "DnsData",
    "DnsMessage",
    "DnsQuestion",
    "DnsRecord",
    "DnsServer",
    "answers_by_address",
    "domain_list",
    "parse_dns",
    "parse_dns_tcp",
]

# RFC 1035 section 3.2.2 and the IANA registry of resource record types
A = 1
NS = 2
CNAME = 5
SOA = 6
PTR = 12
TXT = 16
AAAA = 28
SRV = 33
DNAME = 39
SVCB = 64
HTTPS = 65

_OPCODES = frozenset((0, 1, 2, 4, 5, 6))
_MAX_RECORDS = 2048  # of one message; a full 64 KiB message of address records stays below it
_MAX_NAME = 255  # RFC 1035 section 2.3.4
_MAX_MESSAGES = 256
_MAX_CHAIN = 32  # aliases walked back from one address; resolvers stop earlier
_MAX_LISTED = 64  # of one search list
_HEADER = struct.Struct("!6H")
_FIXED = struct.Struct("!HHIH")
_PAIR = struct.Struct("!HH")
_SRV = struct.Struct("!3H")
# bytes of a name that need no escaping and are not the label separator
_PLAIN = bytes(sorted(set(range(0x20, 0x7F)) - set(b".\\")))


@dataclass(frozen=True, slots=True)
class DnsServer:
    """Data of an SRV record (RFC 2782): where a service runs."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class DnsBinding:
    """Data of an SVCB or HTTPS record (RFC 9460); ``target`` ``""`` means the owner name itself."""

    priority: int
    target: str
    alpn: tuple[str, ...]
    port: int | None
    ipv4_hints: tuple[str, ...]
    ipv6_hints: tuple[str, ...]
    encrypted_hello: bool


DnsData: TypeAlias = str | tuple[str, ...] | DnsServer | DnsBinding | None
"""Address or name as text; strings of a TXT; SRV; SVCB/HTTPS; None for types not read and for damaged data."""


@dataclass(frozen=True, slots=True)
class DnsQuestion:
    """One question; ``unicast`` is the mDNS request for a unicast answer (RFC 6762 section 5.4)."""

    name: str
    rtype: int
    rclass: int
    unicast: bool


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """One resource record; ``flush`` is the mDNS cache-flush bit (RFC 6762 section 10.2), ``ttl`` in seconds."""

    name: str
    rtype: int
    rclass: int
    flush: bool
    ttl: int
    data: DnsData


@dataclass(frozen=True, slots=True)
class DnsMessage:
    """One message; names as on the wire, case kept, without the final dot. The root is the empty string."""

    transaction_id: int
    is_response: bool
    opcode: int
    authoritative: bool
    truncated: bool
    rcode: int
    questions: tuple[DnsQuestion, ...]
    answers: tuple[DnsRecord, ...]
    authorities: tuple[DnsRecord, ...]
    additionals: tuple[DnsRecord, ...]
    complete: bool


def parse_dns(payload: bytes) -> DnsMessage:
    r"""Decode one DNS, mDNS or LLMNR message (RFC 1035 section 4).

    Sample: ``1a2b 0100 0001 0000 0000 0000  03 6b 76 6d 05 6c 6f 63 61 6c 00  0001 0001`` asks for the A record of
    ``kvm.local``.

    Raises:
        DecodeError: no header, a reserved opcode, or not even the first question or record can be read.
    """
    try:
        transaction_id, flags, question_count, answer_count, authority_count, additional_count = _HEADER.unpack_from(
            payload
        )
    except struct.error:
        raise DecodeError("DNS message shorter than its 12-byte header") from None
    opcode = flags >> 11 & 15
    if opcode not in _OPCODES:
        raise DecodeError(f"DNS opcode {opcode} is not assigned")
    names: dict[int, str] = {}
    questions: list[DnsQuestion] = []
    sections: tuple[list[DnsRecord], ...] = ([], [], [])
    position = 12
    budget = _MAX_RECORDS
    complete = True
    try:
        for _ in range(min(question_count, budget)):
            name, position = _read_name(payload, position, names)
            rtype, rclass = _PAIR.unpack_from(payload, position)
            position += 4
            questions.append(DnsQuestion(name, rtype, rclass & 0x7FFF, rclass > 0x7FFF))
        complete = question_count <= budget
        for section, count in zip(sections, (answer_count, authority_count, additional_count), strict=True):
            for _ in range(min(count, budget)):
                name, position = _read_name(payload, position, names)
                rtype, rclass, ttl, length = _FIXED.unpack_from(payload, position)
                position += 10
                data = _read_data(payload, position, length, rtype, names)
                position += length
                section.append(DnsRecord(name, rtype, rclass & 0x7FFF, rclass > 0x7FFF, ttl, data))
                _ = payload[position - 1]  # IndexError where the record data runs past the end
            complete = complete and count <= budget
            budget -= min(count, budget)
    except (DecodeError, struct.error, IndexError) as error:
        if not questions and not any(sections):
            raise DecodeError(f"DNS message cannot be read at byte {position}: {error}") from None
        complete = False
    return DnsMessage(
        transaction_id,
        flags > 0x7FFF,
        opcode,
        flags & 0x0400 != 0,
        flags & 0x0200 != 0,
        flags & 15,
        tuple(questions),
        tuple(sections[0]),
        tuple(sections[1]),
        tuple(sections[2]),
        complete,
    )


def parse_dns_tcp(head: bytes, most: int = _MAX_MESSAGES) -> list[DnsMessage]:
    """Decode the first ``most`` length-prefixed messages of one direction of a TCP connection (RFC 1035 4.2.2).

    The last message may be cut by the end of the head. Sample: ``00 1d`` and then 29 bytes of message.

    Raises:
        DecodeError: not even the first message can be read.
    """
    messages: list[DnsMessage] = []
    position = 0
    while position + 14 <= len(head) and len(messages) < most:
        end = position + 2 + (head[position] << 8 | head[position + 1])
        try:
            messages.append(parse_dns(head[position + 2 : end]))
        except DecodeError:
            if not messages:
                raise
            break
        position = end
    if not messages:
        raise DecodeError("no whole DNS header after the TCP length prefix")
    return messages


def answers_by_address(message: DnsMessage) -> list[tuple[str, str, int]]:
    """Addresses a response gives, each with the lower-case name the client asked for and the seconds it holds.

    CNAME chains are walked back to the question, so an address behind a content network keeps the asked name;
    the time is the shortest of the chain. Address hints of HTTPS and SVCB records count as addresses (RFC 9460
    section 7.3). Queries and errors give an empty list.
    """
    if not message.is_response or message.rcode:
        return []
    parents: dict[str, tuple[str, int]] = {}
    for record in message.answers:
        if record.rtype == CNAME and isinstance(record.data, str):
            parents.setdefault(record.data.lower(), (record.name.lower(), record.ttl))
    asked = {question.name.lower() for question in message.questions}
    found: list[tuple[str, str, int]] = []
    for record in message.answers:
        data = record.data
        addresses: tuple[str, ...] = ()
        if record.rtype in (A, AAAA) and isinstance(data, str):
            addresses = (data,)
        elif isinstance(data, DnsBinding):
            addresses = data.ipv4_hints + data.ipv6_hints
        if not addresses:
            continue
        name, ttl = record.name.lower(), record.ttl
        for _ in range(min(len(parents), _MAX_CHAIN)):
            if name in asked or name not in parents:
                break
            name, alias_ttl = parents[name]
            ttl = min(ttl, alias_ttl)
        found.extend((address, name, ttl) for address in addresses)
    return found


def domain_list(data: bytes) -> tuple[str, ...]:
    """Domain names one after the other, as DHCP, DHCPv6 and router advertisements list them.

    Sources: RFC 3397 section 2 (DHCP 119, compressed within the option), RFC 8415 section 10 (DHCPv6, a last name
    without its root is relative), RFC 8106 section 5.2 (padding with zero bytes). Names behind a damaged one are
    left out.
    """
    terminated = data + b"\x00"
    names: dict[int, str] = {}
    found: list[str] = []
    position = 0
    while position < len(data) and len(found) < _MAX_LISTED:
        try:
            name, position = _read_name(terminated, position, names)
        except (DecodeError, IndexError):
            break
        if name:
            found.append(name)
    return tuple(found)


def _read_name(data: bytes, start: int, names: dict[int, str]) -> tuple[str, int]:
    """Name at ``start`` and the offset behind it; pointers may only go backwards, so the loop ends."""
    labels: list[bytes] = []
    suffix = ""
    position = start
    floor = start  # every pointer must aim below the last one
    end = 0
    total = 0
    while True:
        length = data[position]
        if length == 0:
            if not end:
                end = position + 1
            break
        if length < 64:
            position += 1
            total += length + 1
            if total > _MAX_NAME:
                raise DecodeError("DNS name longer than 255 bytes")
            label = data[position : position + length]
            if len(label) < length:
                raise DecodeError("DNS label runs past the end")
            labels.append(label)
            position += length
            continue
        if length < 0xC0:
            raise DecodeError("DNS label type is not assigned")
        target = (length & 0x3F) << 8 | data[position + 1]
        if not end:
            end = position + 2
        if target >= floor:
            raise DecodeError("DNS compression pointer does not point backwards")
        known = names.get(target)
        if known is not None:
            suffix = known
            break
        floor = position = target
    name = _join(labels)
    if suffix:
        name = f"{name}.{suffix}" if labels else suffix
        if len(name) > 4 * _MAX_NAME:
            raise DecodeError("DNS name longer than 255 bytes")
    names[start] = name
    return name, end


def _join(labels: list[bytes]) -> str:
    """Labels as dotted text; a dot inside a label is escaped like any other odd byte."""
    joined = b".".join(labels)
    if len(joined.translate(None, _PLAIN)) == max(len(labels) - 1, 0):
        return joined.decode("ascii")
    return ".".join(printable(label).replace(".", "\\x2e") for label in labels)


def _read_data(data: bytes, start: int, length: int, rtype: int, names: dict[int, str]) -> DnsData:
    """Record data of the types farmwatch uses; None where they are damaged or the type is not read."""
    end = start + length
    result: DnsData = None
    try:
        if rtype == A:
            result = inet_ntoa(data[start:end])
        elif rtype == AAAA:
            result = inet_ntop(AF_INET6, data[start:end])
        elif rtype in (CNAME, PTR, NS, DNAME, SOA):
            name, behind = _read_name(data, start, names)
            result = name if behind <= end else None
        elif rtype == SRV:
            priority, weight, port = _SRV.unpack_from(data, start)
            target, behind = _read_name(data, start + 6, names)
            result = DnsServer(priority, weight, port, target) if behind <= end else None
        elif rtype == TXT:
            result = _strings(data[start:end])
        elif rtype in (SVCB, HTTPS):
            result = _binding(data, start, end, names)
    except (DecodeError, IndexError, OSError, ValueError, struct.error):
        return None
    return result


def _strings(data: bytes) -> tuple[str, ...]:
    """Length-prefixed strings of a TXT record (RFC 1035 section 3.3.14); a cut last string is left out."""
    strings: list[str] = []
    position = 0
    while position < len(data):
        end = position + 1 + data[position]
        if end > len(data):
            break
        strings.append(printable(data[position + 1 : end]))
        position = end
    return tuple(strings)


def _binding(data: bytes, start: int, end: int, names: dict[int, str]) -> DnsBinding | None:
    """Data of SVCB and HTTPS: priority, target, then numbered parameters (RFC 9460 section 2.2)."""
    priority = data[start] << 8 | data[start + 1]
    target, position = _read_name(data, start + 2, names)
    alpn: tuple[str, ...] = ()
    port: int | None = None
    ipv4: list[str] = []
    ipv6: list[str] = []
    encrypted_hello = False
    while position + 4 <= end:
        key, size = _PAIR.unpack_from(data, position)
        position += 4
        if position + size > end:
            return None
        value = data[position : position + size]
        position += size
        if key == 1:
            alpn = _strings(value)
        elif key == 3 and size == 2:
            port = value[0] << 8 | value[1]
        elif key == 4:
            ipv4 = [inet_ntoa(value[at : at + 4]) for at in range(0, size - 3, 4)]
        elif key == 5:
            encrypted_hello = True
        elif key == 6:
            ipv6 = [inet_ntop(AF_INET6, value[at : at + 16]) for at in range(0, size - 15, 16)]
    return DnsBinding(priority, target, alpn, port, tuple(ipv4), tuple(ipv6), encrypted_hello)
