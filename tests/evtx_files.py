"""Writes Windows event log files (EVTX) whose every byte is ours, so that reading them is tested on real binaries.

Layout after libyal's "Windows XML Event Log (EVTX) format": a file header of 4096 bytes, chunks of 64 KiB with a header
of 512, in them records of binary XML. As Windows does, each record is an instance of a template: the names and the
fixed parts stand in the chunk once, the values (numbers, times, SIDs, texts) with each record. CRC32s are right.
"""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

CHUNK = 65536
_TEXT, _U8, _U16, _U32, _U64, _GUID, _FILETIME, _SID, _BINXML = 0x01, 0x04, 0x06, 0x08, 0x0A, 0x0F, 0x11, 0x13, 0x21
_NS = "http://schemas.microsoft.com/win/2004/08/events/event"
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def filetime(at):
    """100 ns since 1601."""
    return (at - _EPOCH) // timedelta(microseconds=1) * 10


def name_hash(name):
    """Hash of a name as the format wants it: 65599, of which the low 16 bits are kept."""
    value = 0
    for char in name:
        value = (value * 65599 + ord(char)) & 0xFFFFFFFF
    return value & 0xFFFF


def sid(text):
    """A security identifier in binary."""
    revision, authority, *subs = (int(part) for part in text.split("-")[1:])
    return struct.pack("<BB", revision, len(subs)) + authority.to_bytes(6, "big") + struct.pack(f"<{len(subs)}I", *subs)


class _Fragment:
    """Binary XML being written at a known place of a chunk; names are stored where they are used first."""

    def __init__(self, chunk, offset):
        self.chunk, self.start, self.data = chunk, offset, bytearray(b"\x0f\x01\x01\x00")

    def _name(self, name):
        at = self.start + len(self.data) + 4
        known = self.chunk.names.get(name)
        if known is None:
            self.chunk.names[name] = at
            self.data += struct.pack("<I", at)
            self.data += struct.pack("<IHH", 0, name_hash(name), len(name)) + name.encode("utf-16-le") + b"\0\0"
        else:
            self.data += struct.pack("<I", known)

    def element(self, name, attributes=(), content=None):
        """An element: attributes as (name, value), content a callable that writes it, a value, or None for empty."""
        self.data += struct.pack("<BHI", 0x41 if attributes else 0x01, 0xFFFF, 0)
        size_at = len(self.data) - 4
        self._name(name)
        if attributes:
            self.data += struct.pack("<I", 0)
            list_at = len(self.data)
            for number, (key, value) in enumerate(attributes):
                self.data += bytes([0x06 if number == len(attributes) - 1 else 0x46])
                self._name(key)
                self.value(value)
            struct.pack_into("<I", self.data, list_at - 4, len(self.data) - list_at)
        if content is None:
            self.data += b"\x03"
        else:
            self.data += b"\x02"
            if callable(content):
                content()
            else:
                self.value(content)
            self.data += b"\x04"
        struct.pack_into("<I", self.data, size_at, len(self.data) - size_at - 4)

    def value(self, value):
        """A text, or the number and type of a value that each record brings."""
        if isinstance(value, tuple):
            number, kind = value
            self.data += struct.pack("<BHB", 0x0E, number, kind)
        else:
            self.data += struct.pack("<BBH", 0x05, _TEXT, len(value)) + value.encode("utf-16-le")


class _Chunk:
    def __init__(self, first):
        self.first, self.count = first, 0
        self.names, self.templates, self.body = {}, {}, bytearray()

    @property
    def room(self):
        return CHUNK - 512 - len(self.body)

    def add(self, number, event):
        """Add a record; False where there is no room."""
        names, templates = dict(self.names), dict(self.templates)
        at = 512 + len(self.body)
        fragment = self._record(at + 24, event)
        size = 24 + len(fragment) + 4
        size += -size % 8
        if size > self.room:
            self.names, self.templates = names, templates
            return False
        head = struct.pack("<4sIQQ", b"**\0\0", size, number, filetime(event["time"]))
        self.body += (head + fragment).ljust(size - 4, b"\0") + struct.pack("<I", size)
        self.count += 1
        return True

    def _record(self, at, event):
        """A fragment that is one template instance and its values."""
        shape, values = _shape(event)
        known = self.templates.get(shape)
        data = bytearray(b"\x0f\x01\x01\x00\x0c\x01" + struct.pack("<I", len(self.templates) + 1))
        definition = at + len(data) + 4
        data += struct.pack("<I", definition if known is None else known)
        if known is None:
            self.templates[shape] = definition
            inner = _Fragment(self, definition + 24)
            _write(inner, shape)
            inner.data += b"\0"
            data += struct.pack("<I16sI", 0, UUID(int=len(self.templates)).bytes_le, len(inner.data)) + inner.data
        data += struct.pack("<I", len(values))
        data += b"".join(struct.pack("<HBB", len(raw), kind, 0) for kind, raw in values)
        return bytes(data + b"".join(raw for _, raw in values) + b"\0")

    def bytes(self):
        last = self.first + self.count - 1
        sizes = 512
        at = 0
        while at < len(self.body):
            sizes, at = 512 + at, at + struct.unpack_from("<I", self.body, at + 4)[0]
        head = bytearray(512)
        struct.pack_into(
            "<8sQQQQIIII", head, 0, b"ElfChnk\0", self.first, last, self.first, last, 128, sizes, 512 + len(self.body),
            zlib.crc32(self.body),
        )  # fmt: skip
        for offset in self.names.values():
            slot = 128 + 4 * (struct.unpack_from("<H", self._with_header(head), offset + 4)[0] % 64)
            previous = struct.unpack_from("<I", head, slot)[0]
            struct.pack_into("<I", self.body, offset - 512, previous)
            struct.pack_into("<I", head, slot, offset)
        for offset in self.templates.values():
            slot = 384 + 4 * (struct.unpack_from("<I", self.body, offset - 512 + 4)[0] % 32)
            previous = struct.unpack_from("<I", head, slot)[0]
            struct.pack_into("<I", self.body, offset - 512, previous)
            struct.pack_into("<I", head, slot, offset)
        struct.pack_into("<I", head, 52, zlib.crc32(self.body))
        struct.pack_into("<I", head, 124, zlib.crc32(bytes(head[:120]) + bytes(head[128:512])))
        return (bytes(head) + bytes(self.body)).ljust(CHUNK, b"\0")

    def _with_header(self, head):
        return bytes(head) + bytes(self.body)


def _shape(event):
    """What a template needs to know of an event, and the values that go with the record."""
    data, user = event.get("data"), event.get("user_data")
    named = tuple(data) if isinstance(data, dict) else None
    wrapper = None if user is None else (event.get("wrapper", "EventXML"), tuple(user))
    shape = (event["provider"], event["channel"], event["computer"], named,
             len(data) if isinstance(data, list) else None, wrapper, "activity" in event)  # fmt: skip
    values = [
        (_U16, struct.pack("<H", event["id"])),
        (_FILETIME, struct.pack("<Q", filetime(event["time"]))),
        (_U64, struct.pack("<Q", event["record"])),
        (_SID, sid(event.get("sid", "S-1-5-18"))),
    ]
    if "activity" in event:
        values.append((_GUID, UUID(event["activity"]).bytes_le))
    fields = data.values() if isinstance(data, dict) else data or (user or {}).values()
    return shape, values + [_typed(value) for value in fields]


def _typed(value):
    if isinstance(value, bool):
        return 0x0D, struct.pack("<I", value)
    if isinstance(value, int):
        return _U32, struct.pack("<I", value)
    if isinstance(value, datetime):
        return _FILETIME, struct.pack("<Q", filetime(value))
    if isinstance(value, UUID):
        return _GUID, value.bytes_le
    return _TEXT, value.encode("utf-16-le")


def _write(fragment, shape):
    provider, channel, computer, named, unnamed, wrapper, activity = shape
    first = 5 if activity else 4

    def system():
        fragment.element("Provider", [("Name", provider)])
        fragment.element("EventID", [("Qualifiers", "0")] if unnamed is not None else (), (0, _U16))
        fragment.element("Level", (), "4")
        fragment.element("TimeCreated", [("SystemTime", (1, _FILETIME))])
        fragment.element("EventRecordID", (), (2, _U64))
        fragment.element("Correlation", [("ActivityID", (4, _GUID))] if activity else ())
        fragment.element("Channel", (), channel)
        fragment.element("Computer", (), computer)
        fragment.element("Security", [("UserID", (3, _SID))])

    def event_data():
        for number, name in enumerate(named or (), first):
            fragment.element("Data", [("Name", name)], (number, _TEXT))
        for number in range(unnamed or 0):
            fragment.element("Data", (), (first + number, _TEXT))

    def user_data():
        def inner():
            for number, name in enumerate(wrapper[1], first):
                fragment.element(name, (), (number, _TEXT))

        fragment.element(wrapper[0], [("xmlns", "Event_NS")], inner)

    def event():
        fragment.element("System", (), system)
        if wrapper is not None:
            fragment.element("UserData", (), user_data)
        elif named is not None or unnamed is not None:
            fragment.element("EventData", (), event_data)

    fragment.element("Event", [("xmlns", _NS)], event)


def evtx_bytes(events, first_record=1):
    """A whole file of events.

    Each event is a dictionary: ``provider``, ``channel``, ``computer``, ``id``, ``time``, and ``data`` (a dictionary,
    or a list for values without names) or ``user_data``; ``record`` (its EventRecordID) and ``activity`` as wanted.
    """
    chunks = [_Chunk(first_record)]
    number = first_record
    for event in events:
        whole = {"record": number, **event}
        if not chunks[-1].add(number, whole):
            chunks.append(_Chunk(number))
            if not chunks[-1].add(number, whole):
                raise ValueError("an event longer than a chunk")
        number += 1
    head = bytearray(4096)
    struct.pack_into("<8sQQQIHHHH", head, 0, b"ElfFile\0", 0, len(chunks) - 1, number, 128, 1, 3, 4096, len(chunks))
    struct.pack_into("<I", head, 124, zlib.crc32(bytes(head[:120])))
    return bytes(head) + b"".join(chunk.bytes() for chunk in chunks)
