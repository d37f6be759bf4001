"""NetBIOS names: which computer, and which Windows domain or workgroup it belongs to.

Sources: RFC 1001 section 14 (name encoding), RFC 1002 section 4.2 (name service, UDP 137) and 4.4 (datagrams,
UDP 138), MS-BRWS section 2.2 (browser announcements in a mailslot write), MS-NBTE section 2.2 (suffix bytes),
MS-CIFS section 2.2.4.33 (SMB_COM_TRANSACTION).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from socket import inet_ntoa

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.text import mac_text, printable

__all__ = [
    "BrowserAnnouncement",
    "NbdgmMessage",
    "NbnsMessage",
    "NbnsRecord",
    "NetbiosName",
    "parse_nbdgm",
    "parse_nbns",
]

NB = 0x20
NBSTAT = 0x21

_HEADER = struct.Struct("!6H")
_FIXED = struct.Struct("!HHIH")
_MAX_RECORDS = 64
_MESSENGER = 0x03
_BROWSE = b"\\MAILSLOT\\BROWSE\x00"
_WORDS = 32  # SMB header, MS-CIFS section 2.2.3.1


@dataclass(frozen=True, slots=True)
class NetbiosName:
    """A NetBIOS name without its padding; ``suffix`` is the sixteenth byte and says what the name stands for.

    Suffix 0x00 workstation (as a group: domain or workgroup), 0x20 file server, 0x1b domain master, 0x1c domain
    controllers, 0x1d and 0x1e browsers. Suffix 0x03, messenger, is registered for the person signed in as well as
    for the computer, so its name is left empty.
    """

    name: str
    suffix: int
    scope: str


@dataclass(frozen=True, slots=True)
class NbnsRecord:
    """One record: of type NB addresses with their group flag, of type NBSTAT the names of a node and its MAC."""

    name: NetbiosName
    rtype: int
    ttl: int
    addresses: tuple[tuple[str, bool], ...]
    node_names: tuple[tuple[NetbiosName, bool], ...]
    mac: str


@dataclass(frozen=True, slots=True)
class NbnsMessage:
    """One name service message; opcode 0 query, 5 registration, 6 release, 7 wait, 8 and 9 refresh."""

    transaction_id: int
    is_response: bool
    opcode: int
    broadcast: bool
    rcode: int
    questions: tuple[tuple[NetbiosName, int], ...]
    answers: tuple[NbnsRecord, ...]
    additionals: tuple[NbnsRecord, ...]


@dataclass(frozen=True, slots=True)
class BrowserAnnouncement:
    """A browser frame; ``kind`` 1 host, 12 domain or workgroup, 15 local master.

    ``name`` is the computer, of kind 12 the domain or workgroup, whose master browser is then ``master``.
    ``server_type`` are the bits of MS-BRWS section 2.2.3 (0x1 workstation, 0x2 server, 0x8 and 0x10 domain
    controllers, 0x80000000 domain). The comment, text a person typed, is not kept.
    """

    kind: int
    name: str
    master: str
    server_type: int
    os_major: int
    os_minor: int


@dataclass(frozen=True, slots=True)
class NbdgmMessage:
    """One datagram: who sends to which name, and the browser announcement inside, where there is one."""

    kind: int
    source_ip: str
    source: NetbiosName
    destination: NetbiosName
    announcement: BrowserAnnouncement | None


def parse_nbns(payload: bytes) -> NbnsMessage:
    """Decode one name service message (RFC 1002 section 4.2.1); records behind a damaged one are left out.

    Sample: a question for ``ACME<1c>`` is a laptop looking for the domain controllers of ``ACME``.

    Raises:
        DecodeError: no header, a reserved opcode, or not even the first name can be read.
    """
    if len(payload) < _HEADER.size:
        raise DecodeError("NBNS message shorter than its 12-byte header")
    transaction_id, flags, question_count, answer_count, _, additional_count = _HEADER.unpack_from(payload)
    opcode = flags >> 11 & 15
    if opcode not in (0, 5, 6, 7, 8, 9, 15):
        raise DecodeError(f"NBNS opcode {opcode} is not assigned")
    if not question_count | answer_count | additional_count:
        raise DecodeError("NBNS message without a name")
    questions: list[tuple[NetbiosName, int]] = []
    answers: list[NbnsRecord] = []
    additionals: list[NbnsRecord] = []
    position = 12
    try:
        for _ in range(min(question_count, _MAX_RECORDS)):
            name, position = _read_name(payload, position)
            questions.append((name, payload[position] << 8 | payload[position + 1]))
            position += 4
        for _ in range(min(answer_count, _MAX_RECORDS)):
            record, position = _read_record(payload, position)
            answers.append(record)
        for _ in range(min(additional_count, _MAX_RECORDS)):
            record, position = _read_record(payload, position)
            additionals.append(record)
    except (DecodeError, IndexError, struct.error):
        if not (questions or answers or additionals):
            raise DecodeError(f"NBNS name cannot be read at byte {position}") from None
    return NbnsMessage(
        transaction_id,
        flags > 0x7FFF,
        opcode,
        flags & 0x10 != 0,
        flags & 15,
        tuple(questions),
        tuple(answers),
        tuple(additionals),
    )


def parse_nbdgm(payload: bytes) -> NbdgmMessage:
    r"""Decode one direct, group or broadcast datagram (RFC 1002 section 4.4.1 and 4.4.2).

    Sample: type 0x11, ``LAPTOP<00>`` to ``ACME<1d>``, mailslot ``\MAILSLOT\BROWSE``, host announcement.

    Raises:
        DecodeError: another datagram type, or its two names cannot be read.
    """
    if len(payload) < 14 or payload[0] not in (0x10, 0x11, 0x12):
        raise DecodeError("not a NetBIOS datagram of type 0x10, 0x11 or 0x12")
    try:
        source, position = _read_name(payload, 14)
        destination, position = _read_name(payload, position)
    except IndexError:
        raise DecodeError("NetBIOS datagram ends inside its names") from None
    return NbdgmMessage(payload[0], inet_ntoa(payload[4:8]), source, destination, _announcement(payload, position))


def _read_name(data: bytes, position: int) -> tuple[NetbiosName, int]:
    """First-level encoded name (RFC 1001 section 14.1), a pointer to one, and its scope (section 14.2)."""
    end = 0
    if data[position] >= 0xC0:
        end = position + 2
        target = (data[position] & 0x3F) << 8 | data[position + 1]
        if target >= position:
            raise DecodeError("NBNS name pointer does not point backwards")
        position = target
    if data[position] != 32:
        raise DecodeError("NetBIOS name is not 32 bytes long")
    encoded = data[position + 1 : position + 33]
    if len(encoded) < 32 or min(encoded) < 0x41 or max(encoded) > 0x50:
        raise DecodeError("NetBIOS name is not half-byte encoded")
    raw = bytes((encoded[at] - 0x41) << 4 | encoded[at + 1] - 0x41 for at in range(0, 32, 2))
    position += 33
    labels: list[str] = []
    while data[position]:
        size = data[position]
        if size > 63 or len(labels) == 8:
            raise DecodeError("NetBIOS scope is not a list of labels")
        labels.append(printable(data[position + 1 : position + 1 + size]))
        position += 1 + size
    return _name(raw, ".".join(labels)), end or position + 1


def _name(raw: bytes, scope: str) -> NetbiosName:
    """Name without padding; the wildcard of a node status query is ``*`` and zero bytes."""
    suffix = raw[15]
    return NetbiosName("" if suffix == _MESSENGER else printable(raw[:15].rstrip(b" \x00")), suffix, scope)


def _read_record(data: bytes, position: int) -> tuple[NbnsRecord, int]:
    name, position = _read_name(data, position)
    rtype, _, ttl, size = _FIXED.unpack_from(data, position)
    position += 10
    value = data[position : position + size]
    addresses: list[tuple[str, bool]] = []
    nodes: list[tuple[NetbiosName, bool]] = []
    mac = ""
    if rtype == NB:
        pieces = range(0, min(len(value) - 5, 6 * _MAX_RECORDS), 6)
        addresses = [(inet_ntoa(value[at + 2 : at + 6]), value[at] & 0x80 != 0) for at in pieces]
    elif rtype == NBSTAT and value:
        end = 1 + 18 * value[0]
        entries = [value[at : at + 18] for at in range(1, min(end, len(value) - 17), 18)]
        nodes = [(_name(entry, name.scope), entry[16] & 0x80 != 0) for entry in entries]
        if len(value) >= end + 6 and any(value[end : end + 6]):
            mac = mac_text(value[end : end + 6])
    return NbnsRecord(name, rtype, ttl, tuple(addresses), tuple(nodes), mac), position + size


def _announcement(data: bytes, start: int) -> BrowserAnnouncement | None:
    """The browser frame inside an SMB transaction on the mailslot BROWSE, or None."""
    words = start + _WORDS
    if data[start : start + 5] != b"\xffSMB\x25" or len(data) < words + 27:
        return None
    offset = start + (data[words + 25] | data[words + 26] << 8)  # DataOffset counts from the SMB header
    if data.find(_BROWSE, words, words + 128) < 0:
        return None
    frame = data[offset : offset + 64]
    if offset < words or len(frame) < 32 or frame[0] not in (1, 12, 15):
        return None
    server_type = int.from_bytes(frame[24:28], "little")
    name = printable(frame[6:22].partition(b"\x00")[0].rstrip(b" "))
    master = printable(data[offset + 32 : offset + 48].partition(b"\x00")[0]) if frame[0] == 12 else ""
    return BrowserAnnouncement(frame[0], name, master, server_type, frame[22], frame[23])
