"""Messages of farmwatch's own agent: hardware, displays, input timing, power, surroundings and sockets of one device.

Format, version 1: one JSON object a line::

    {"kind": "farmwatch-agent", "version": 1, "message_id": "…", "device_id": "…", "ts": "…",
     "system": {…}, "usb": [{"port_path": "1-2", "descriptors": "1201…", "hid": [{"descriptor": "0501…"}]}],
     "hid": […], "displays": [{"connector": "card0-HDMI-A-1", "edid": "00ff…"}], "input": […], "power": {…},
     "sleep": {"for_s": 28800}, "network": {"gateways": […], "neighbours": […]}, "sockets": […],
     "not_available": {"bssids": "no wireless interface"}, "lost": {"messages": 3, "bytes": 9000}}

A record is an element: one device, one display, one window, one socket, the system, the power, a gateway, a neighbour.
A message without any is one record that is not needed. ``record_id`` is the message's id and the element's position, so
a message that came twice gives its rows once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar

import pyarrow as pa

from farmwatch.collectors.feeds.columns import masked_paths
from farmwatch.collectors.feeds.contract import ByteStream, Context, Fault, Parsed, Sample
from farmwatch.collectors.feeds.documents import Misfit, json_objects, parse_time
from farmwatch.collectors.feeds.elements import Elements, bytes_of, list_of, object_of, text_of
from farmwatch.collectors.feeds.hardware import display_columns, hid_columns, joined, usb_columns
from farmwatch.records import DeviceFact, Display, InputTiming, PowerEvent, Record, Sighting, Socket, UsbDevice

__all__ = ["AgentMessages"]

_KIND = "farmwatch-agent"
_VERSION = 1
_EVENTS = ("present", "attached", "removed")
_STATES = ("listening", "connected")
_BUSES = {3: "usb", 5: "bluetooth", 6: "virtual", 24: "i2c"}  # include/uapi/linux/input.h
_LONGEST_PATH = 1024
_LONGEST_SLEEP_S = 10 * 365 * 86_400
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_OUI = re.compile(r"(?:[0-9a-f]{2}:){2}[0-9a-f]{2}")
_TIMING = (
    "window_s", "input_device", "pointer", "presses", "clicks", "moves", "lost_reports", "lattice_ms", "lattice_share",
    "clumps",
    "clumped_presses", "stalls", "move_gap_ms", "jiggle_period_s", "jiggle_spread", "jiggle_reports", "jiggle_shape",
)  # fmt: skip
_SYSTEM = ("platform", "os", "vendor", "model", "serial", "hardware_uuid", "utc_offset_min", "boot_ts")
_SOCKET = ("proto", "state", "local_h", "local_p", "remote_h", "remote_p", "pid", "process", "path")
_NETWORK = ("network.gateways", "network.neighbours", "network.addresses", "network.bssids")
_NAMED = ("account", "host_name", "user", "user_name")  # no version of the agent sends them; whoever does loses them


@dataclass(frozen=True, slots=True)
class _Message:
    """What every row of a message needs."""

    elements: Elements
    context: Context
    number: int
    message_id: str
    device_id: str
    ts: datetime
    base: int  # index of its first element

    def row(self, record: type[Record], index: int, values: dict[str, Any]) -> None:
        """A row of this message's device."""
        known = {"device_id": self.device_id, "ts": self.ts, "record_id": f"{self.message_id}:{index - self.base}"}
        self.elements.row(record, index, known | values)


class AgentMessages:
    """Messages of ``farmwatch agent``."""

    kind: ClassVar[str] = "agent"
    sentence: ClassVar[str] = "Messages of farmwatch agent."
    tables: ClassVar[tuple[type[Record], ...]] = (
        DeviceFact, UsbDevice, Display, InputTiming, PowerEvent, Sighting, Socket,
    )  # fmt: skip

    def recognises(self, sample: Sample) -> bool:
        """By the word in ``kind``."""
        return bool(sample.documents) and sample.documents[0].get("kind") == _KIND

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read messages; see the module."""
        for documents, numbers, faults in json_objects(stream):
            elements = Elements()
            for document, number in zip(documents, numbers.tolist(), strict=True):
                _read_message(document, number, elements, context)
            yield elements.finish(faults)


def _read_message(document: dict[str, Any], number: int, elements: Elements, context: Context) -> None:
    elements.dropped.update(name for name in _NAMED if document.get(name) is not None)
    try:
        message = _opened(document, number, elements, context)
    except Misfit as misfit:
        elements.reject(elements.new(number), str(misfit))
        return
    found = sum(_section(document, name, read, message) for name, read in _SECTIONS.items())
    if not found:
        elements.unneeded(elements.new(number), "message without news")
    lost = document.get("lost")
    if isinstance(lost, dict) and isinstance(count := lost.get("messages"), int) and 0 < count < 2**40:
        elements.partial.append(Fault("messages the agent had to throw away unsent, in all", number, count))


def _opened(document: dict[str, Any], number: int, elements: Elements, context: Context) -> _Message:
    """The message's head.

    Raises:
        Misfit: it is none of this version, or does not say whose it is and when it was made.
    """
    if document.get("kind") != _KIND or document.get("version") != _VERSION:
        raise Misfit(f"expected kind {_KIND}, version {_VERSION}")
    device_id = text_of(document.get("device_id"), "device_id").strip() or context.device_id
    if not device_id:
        raise Misfit("device_id: missing")
    ts = parse_time(document.get("ts") or "", "ts")
    if ts is None:
        raise Misfit("ts: missing")
    message_id = text_of(document.get("message_id"), "message_id")
    if not re.fullmatch(r"[\w.-]{1,64}", message_id):
        raise Misfit("message_id: expected 1 to 64 letters and digits")
    return _Message(elements, context, number, message_id, device_id, ts, len(elements))


def _section(document: dict[str, Any], name: str, read: Callable[[_Message, int, Any], None], message: _Message) -> int:
    """Read the elements of a section; how many there were."""
    try:
        parts = _parts(document, name)
    except Misfit as misfit:
        message.elements.reject(message.elements.new(message.number), str(misfit))
        return 1
    for part in parts:
        index = message.elements.new(message.number)
        try:
            read(message, index, part)
        except Misfit as misfit:
            message.elements.reject(index, str(misfit))
    return len(parts)


def _parts(document: dict[str, Any], name: str) -> list[Any]:
    """Elements of a section: a list as it is, an object as the only one, a dotted name one level down."""
    outer, _, inner = name.partition(".")
    value = document.get(outer)
    if inner:
        if not isinstance(value, dict) and name != _NETWORK[0]:
            return []  # the first of them has told it
        value = object_of(value, outer).get(inner)
    return [value] if isinstance(value, dict) and not inner else list_of(value, name)


def _system(message: _Message, index: int, part: Any) -> None:
    given = object_of(part, "system")
    macs = [text_of(mac, "system.macs") for mac in list_of(given.get("macs"), "system.macs")]
    message.row(DeviceFact, index, {name: given.get(name) for name in _SYSTEM} | {"macs": joined(macs)})
    if given.get("boot_ts") is not None:
        # Not numbered: the same boot is told every hour, and is one event.
        boot = {"device_id": message.device_id, "ts": given["boot_ts"], "event": "boot"}
        message.elements.row(PowerEvent, index, boot)


def _usb(message: _Message, index: int, part: Any) -> None:
    given = object_of(part, "usb")
    event = given.get("event", "present")
    if event not in _EVENTS:
        raise Misfit("usb.event: expected present, attached or removed")
    columns, fault = usb_columns(bytes_of(given.get("descriptors"), "usb.descriptors"))
    raw = [
        bytes_of(object_of(hid, "usb.hid").get("descriptor"), "usb.hid.descriptor")
        for hid in list_of(given.get("hid"), "usb.hid")
    ]
    hid, hid_fault = hid_columns(raw)
    strings = [
        text_of(text, "usb.interface_strings")
        for text in list_of(given.get("interface_strings"), "usb.interface_strings")
    ]
    plain = ("manufacturer", "product", "serial", "speed_mbps", "removable", "port_path", "parent")
    named = {"vendor_id": given.get("vendor_id"), "product_id": given.get("product_id")}
    message.row(
        UsbDevice,
        index,
        named
        | {name: given.get(name) for name in plain}
        | columns
        | hid
        | {"event": event, "interface_strings": joined(strings)},
    )
    for reason in filter(None, (fault, hid_fault)):
        message.elements.reject(index, reason)


def _hid(message: _Message, index: int, part: Any) -> None:
    """A HID device on another bus. Names are left out: a wireless keyboard is often called after its owner."""
    given = object_of(part, "hid")
    columns, fault = hid_columns([bytes_of(given.get("descriptor"), "hid.descriptor")])
    bus = given.get("bus")
    if given.get("name") is not None:
        message.elements.dropped["hid.name"] += 1
    message.row(
        UsbDevice,
        index,
        columns
        | {
            "event": "present",
            "vendor_id": given.get("vendor_id"),
            "product_id": given.get("product_id"),
            "class_name": f"hid {_BUSES.get(bus, 'other') if isinstance(bus, int) else 'other'}"
            + (" injected" if given.get("virtual") is True else ""),
        },
    )
    if fault:
        message.elements.reject(index, fault)


def _display(message: _Message, index: int, part: Any) -> None:
    given = object_of(part, "displays")
    columns, fault = display_columns(bytes_of(given.get("edid"), "displays.edid"))
    message.row(Display, index, columns | {"connector": given.get("connector"), "internal": given.get("internal")})
    if fault:
        message.elements.reject(index, fault)


def _input(message: _Message, index: int, part: Any) -> None:
    given = object_of(part, "input")
    bins = list_of(given.get("intervals"), "input.intervals")
    if not all(isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**40 for count in bins[:256]):
        raise Misfit("input.intervals: expected counts")
    start = parse_time(given.get("ts") or "", "input.ts") or message.ts
    counts = ",".join(map(str, bins[:256])) or None
    columns = {name: given.get(name) for name in _TIMING} | {"ts": start, "intervals": counts}
    message.row(InputTiming, index, columns)


def _power(message: _Message, index: int, part: Any) -> None:
    given = object_of(part, "power")
    batteries = [object_of(one, "power.batteries") for one in list_of(given.get("batteries"), "power.batteries")]
    first = batteries[0] if batteries else {}
    state = {"on_mains": given.get("on_mains"), "lid_closed": given.get("lid_closed")}
    battery = {"battery_pct": first.get("percent"), "cycles": first.get("cycles")}
    message.row(PowerEvent, index, {"event": "state"} | state | battery)


def _sleep(message: _Message, index: int, part: Any) -> None:
    """The device slept since the message before and is awake again: when it fell asleep is known to the interval."""
    seconds = object_of(part, "sleep").get("for_s")
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds < _LONGEST_SLEEP_S:
        raise Misfit("sleep.for_s: expected whole seconds")
    reason = f"asleep for {seconds} s"
    message.row(PowerEvent, index, {"event": "sleep", "ts": message.ts - timedelta(seconds=seconds), "reason": reason})
    message.row(PowerEvent, index, {"event": "wake", "reason": reason})


def _gateway(message: _Message, index: int, part: Any) -> None:
    given = object_of(part, "network.gateways")
    place = {"interface": given.get("interface"), "medium": given.get("medium")}
    mac = text_of(given.get("mac"), "network.gateways.mac").lower()
    if mac and not _MAC.fullmatch(mac):
        raise Misfit("network.gateways.mac: expected a link-layer address")
    if mac:
        message.row(Sighting, index, place | {"kind": "gateway_mac", "value": mac, "oui": mac[:8]})
    message.row(Sighting, index, place | {"kind": "gateway_ip", "value": given.get("address")})


def _neighbour(message: _Message, index: int, part: Any) -> None:
    given = object_of(part, "network.neighbours")
    oui = text_of(given.get("oui"), "network.neighbours.oui").lower()
    hidden = text_of(given.get("hash"), "network.neighbours.hash")
    if not _OUI.fullmatch(oui) or not re.fullmatch("[0-9a-f]{16}", hidden):
        raise Misfit("network.neighbours: expected oui and hash")
    value = message.context.hide(hidden)
    row = {"kind": "neighbour", "value": value, "oui": oui, "interface": given.get("interface")}
    message.row(Sighting, index, row)


def _address(message: _Message, index: int, part: Any) -> None:
    message.row(Sighting, index, {"kind": "local_ip", "value": text_of(part, "network.addresses")})


def _bssid(message: _Message, index: int, part: Any) -> None:
    mac = text_of(part, "network.bssids").lower()
    if not _MAC.fullmatch(mac):
        raise Misfit("network.bssids: expected a link-layer address")
    message.row(Sighting, index, {"kind": "bssid", "value": mac, "oui": mac[:8], "medium": "wireless"})


def _socket(message: _Message, index: int, part: Any) -> None:
    given = object_of(part, "sockets")
    if given.get("state") not in _STATES:
        raise Misfit("sockets.state: expected listening or connected")
    path = _masked(text_of(given.get("path"), "sockets.path")[:_LONGEST_PATH])
    message.row(Socket, index, {name: given.get(name) for name in _SOCKET} | {"path": path})


@lru_cache(4096)
def _masked(path: str) -> str | None:
    masked: str | None = masked_paths(pa.array([path])).to_pylist()[0]
    return masked


def _missing(message: _Message, index: int, _part: Any) -> None:
    message.elements.unneeded(index, "why something was not read")


_SECTIONS: dict[str, Callable[[_Message, int, Any], None]] = {
    "system": _system,
    "usb": _usb,
    "hid": _hid,
    "displays": _display,
    "input": _input,
    "power": _power,
    "sleep": _sleep,
    **dict(zip(_NETWORK, (_gateway, _neighbour, _address, _bssid), strict=True)),
    "sockets": _socket,
    "not_available": _missing,
}
