"""HID report descriptors: what kinds of input an interface can send, and the hash that names its firmware.

Source: Device Class Definition for HID 1.11, sections 6.2.2.2 (short items), 6.2.2.3 (long items), 6.2.2.4 to 6.2.2.8
(main, global and local items) and 5.8; usages from HID Usage Tables 1.5, pages 1, 9, 12 and 13.

Why the difference between a mouse and a pointer matters: a mouse on a desk sends movements, a remote-control box sends
where the operator's cursor is. Both call themselves *Mouse*; only the Relative flag of X and Y tells them apart.

Sample: ``05 01  09 06  a1 01 … c0`` is one application collection, usage page 1, usage 6: a keyboard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from farmwatch.errors import DecodeError

__all__ = ["Application", "HidDescriptor", "InputKind", "decode_report_descriptor"]

_MAX_BYTES = 65_535  # wDescriptorLength is 16 bits (section 6.2.1)
_MAX_DEPTH = 64
_MAX_USAGES = 4096  # of one main item; kernels stop at 12,288
_MAX_APPLICATIONS = 256
_MAX_REPORT_SIZE = 256  # both as the Linux kernel, which refuses a device beyond them (drivers/hid/hid-core.c)
_MAX_REPORT_COUNT = 12_288
_RELATIVE = 0x04  # section 6.2.2.5, bit 2
_CONSTANT = 0x01
_VARIABLE = 0x02


class InputKind(StrEnum):
    """What an application collection is; ``POINTER`` has absolute X and Y, ``MOUSE`` relative ones."""

    KEYBOARD = "keyboard"
    MOUSE = "mouse"
    POINTER = "pointer"
    CONSUMER = "consumer"
    DIGITIZER = "digitizer"
    TOUCH = "touch"
    SYSTEM = "system"
    GAMEPAD = "gamepad"
    VENDOR = "vendor"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Application:
    """One top-level collection.

    ``report_ids`` is empty where the device numbers no reports. ``x_range`` and ``y_range`` are the logical ranges of
    X and Y, None where there are none. ``input_bits`` counts all bits of its input reports, padding included.
    """

    usage_page: int
    usage: int
    kind: InputKind
    report_ids: tuple[int, ...]
    x_range: tuple[int, int] | None
    y_range: tuple[int, int] | None
    buttons: int
    wheel: bool
    horizontal_wheel: bool
    leds: int
    input_bits: int


@dataclass(frozen=True, slots=True)
class HidDescriptor:
    """A decoded report descriptor: its applications in order, size in bytes, SHA-256 and its first 16 hex digits."""

    applications: tuple[Application, ...]
    size: int
    sha256: str
    short_hash: str

    @property
    def kinds(self) -> tuple[InputKind, ...]:
        """Kinds of the applications, each once, in order."""
        return tuple(dict.fromkeys(application.kind for application in self.applications))


@dataclass(frozen=True, slots=True)
class _Globals:
    """Global items, which stay until changed (section 6.2.2.7)."""

    usage_page: int = 0
    logical_minimum: int = 0
    logical_maximum: int = 0
    report_size: int = 0
    report_id: int = 0
    report_count: int = 0


@dataclass(slots=True)
class _Draft:
    """An application collection while its items are read."""

    usage_page: int
    usage: int
    report_ids: list[int] = field(default_factory=list)
    x_range: tuple[int, int] | None = None
    y_range: tuple[int, int] | None = None
    absolute: bool = False
    buttons: int = 0
    wheel: bool = False
    horizontal_wheel: bool = False
    leds: int = 0
    input_bits: int = 0


def decode_report_descriptor(data: bytes) -> HidDescriptor:
    """Decode a report descriptor as a device sends it.

    Raises:
        DecodeError: empty, longer than 65,535 bytes, an item cut short, collections that do not balance or nest more
            than 64 deep, or no application collection.
    """
    if not data or len(data) > _MAX_BYTES:
        raise DecodeError(f"report descriptor of {len(data)} bytes; expected 1 to {_MAX_BYTES}")
    reader = _Reader()
    for prefix, value, signed in _items(data):
        reader.item(prefix, value, signed)
    if reader.depth:
        raise DecodeError("report descriptor ends inside a collection")
    if not reader.done:
        raise DecodeError("report descriptor without an application collection")
    digest = hashlib.sha256(data).hexdigest()
    return HidDescriptor(tuple(map(_application, reader.done)), len(data), digest, digest[:16])


def _items(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Prefix without its size bits, and the value read unsigned and signed (sections 6.2.2.2 and 6.2.2.3)."""
    at = 0
    while at < len(data):
        prefix = data[at]
        if prefix == 0xFE:
            if at + 2 >= len(data):
                raise DecodeError(f"long item at {at} is cut short")
            end = at + 3 + data[at + 1]
            if end > len(data):
                raise DecodeError(f"long item at {at} is cut short")
            at = end
            continue
        size = (0, 1, 2, 4)[prefix & 3]
        raw = data[at + 1 : at + 1 + size]
        if len(raw) < size:
            raise DecodeError(f"item 0x{prefix:02x} at {at} is cut short")
        yield prefix & 0xFC, int.from_bytes(raw, "little"), int.from_bytes(raw, "little", signed=True)
        at += 1 + size


class _Reader:
    """State while items are read: globals and their stack, locals, and the collections that are open."""

    def __init__(self) -> None:
        self.depth = 0
        self.done: list[_Draft] = []
        self._draft: _Draft | None = None
        self._globals = _Globals()
        self._stack: list[_Globals] = []
        self._usages: list[int] = []
        self._minimum: int | None = None

    def item(self, prefix: int, value: int, signed: int) -> None:
        kind = prefix & 0x0C
        if kind == 0x00:
            self._main(prefix, value)
            self._usages, self._minimum = [], None
        elif kind == 0x04:
            self._global(prefix, value, signed)
        elif kind == 0x08:
            self._local(prefix, value)

    def _main(self, prefix: int, value: int) -> None:
        if prefix == 0xA0:
            self._open(value)
        elif prefix == 0xC0:
            if not self.depth:
                raise DecodeError("report descriptor ends a collection it did not open")
            self.depth -= 1
            if not self.depth:
                self._draft = None
        elif self._draft is not None and prefix == 0x80:
            self._input(self._draft, value)
        elif self._draft is not None and prefix == 0x90 and not value & _CONSTANT:
            self._draft.leds += self._globals.report_count if self._page() == 0x08 else 0

    def _open(self, kind: int) -> None:
        usage = self._usages[0] if self._usages else self._globals.usage_page << 16
        if not self.depth and kind == 0x01:
            if len(self.done) >= _MAX_APPLICATIONS:
                raise DecodeError(f"more than {_MAX_APPLICATIONS} application collections")
            self._draft = _Draft(usage >> 16, usage & 0xFFFF)
            self.done.append(self._draft)
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise DecodeError(f"collections nest more than {_MAX_DEPTH} deep")

    def _page(self) -> int:
        return self._usages[0] >> 16 if self._usages else self._globals.usage_page

    def _input(self, draft: _Draft, flags: int) -> None:
        state = self._globals
        draft.input_bits += state.report_size * state.report_count
        if state.report_id and state.report_id not in draft.report_ids:
            draft.report_ids.append(state.report_id)
        if flags & _CONSTANT or not flags & _VARIABLE:  # an array names what may be pressed, not what is there
            return
        if self._page() == 0x09:
            draft.buttons += state.report_count
        reach = (state.logical_minimum, state.logical_maximum)
        for usage in self._usages:
            if usage == 0x00010030 and draft.x_range is None:
                draft.x_range, draft.absolute = reach, not flags & _RELATIVE
            elif usage == 0x00010031 and draft.y_range is None:
                draft.y_range = reach
            elif usage == 0x00010038:
                draft.wheel = True
            elif usage == 0x000C0238:
                draft.horizontal_wheel = True

    def _global(self, prefix: int, value: int, signed: int) -> None:
        state = self._globals
        if prefix == 0x04:
            self._globals = replace(state, usage_page=value & 0xFFFF)
        elif prefix == 0x14:
            self._globals = replace(state, logical_minimum=signed)
        elif prefix == 0x24:
            # Devices write 0..255 as a byte: read the maximum unsigned where the minimum is not negative.
            self._globals = replace(state, logical_maximum=value if state.logical_minimum >= 0 else signed)
        elif prefix == 0x74:
            if value > _MAX_REPORT_SIZE:
                raise DecodeError(f"fields of {value} bits; at most {_MAX_REPORT_SIZE}")
            self._globals = replace(state, report_size=value)
        elif prefix == 0x84:
            self._globals = replace(state, report_id=value & 0xFF)
        elif prefix == 0x94:
            if value > _MAX_REPORT_COUNT:
                raise DecodeError(f"{value} fields in one item; at most {_MAX_REPORT_COUNT}")
            self._globals = replace(state, report_count=value)
        elif prefix == 0xA4:
            if len(self._stack) >= _MAX_DEPTH:
                raise DecodeError(f"more than {_MAX_DEPTH} global states kept")
            self._stack.append(state)
        elif prefix == 0xB4:
            if not self._stack:
                raise DecodeError("report descriptor takes back a global state it did not keep")
            self._globals = self._stack.pop()

    def _local(self, prefix: int, value: int) -> None:
        usage = value if value > 0xFFFF else self._globals.usage_page << 16 | value
        if prefix == 0x08:
            self._add(usage, usage)
        elif prefix == 0x18:
            self._minimum = usage
        elif prefix == 0x28 and self._minimum is not None:
            self._add(self._minimum, usage)
            self._minimum = None

    def _add(self, first: int, last: int) -> None:
        room = _MAX_USAGES - len(self._usages)
        self._usages += range(first, min(last + 1, first + max(room, 0)))


def _application(draft: _Draft) -> Application:
    return Application(
        draft.usage_page,
        draft.usage,
        _kind(draft),
        tuple(draft.report_ids),
        draft.x_range,
        draft.y_range,
        draft.buttons,
        draft.wheel,
        draft.horizontal_wheel,
        draft.leds,
        draft.input_bits,
    )


def _kind(draft: _Draft) -> InputKind:
    page, usage = draft.usage_page, draft.usage
    if page == 0x01:
        if usage in (0x01, 0x02):
            return InputKind.POINTER if draft.x_range is not None and draft.absolute else InputKind.MOUSE
        named = {0x06: InputKind.KEYBOARD, 0x07: InputKind.KEYBOARD, 0x80: InputKind.SYSTEM}
        return named.get(usage, InputKind.GAMEPAD if usage in (0x04, 0x05, 0x08) else InputKind.OTHER)
    if page == 0x0C:
        return InputKind.CONSUMER
    if page == 0x0D:
        return InputKind.TOUCH if usage in (0x04, 0x05) else InputKind.DIGITIZER
    return InputKind.VENDOR if page >= 0xFF00 else InputKind.OTHER
