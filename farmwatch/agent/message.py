"""One message of the agent: what has changed since the last, everything once an hour, as one line of JSON.

Format, version 1: ``kind`` is ``farmwatch-agent``; ``message_id`` is unique, so that a message that came twice is one;
``sequence`` counts the messages of this run; sections are ``system``, ``usb``, ``hid``, ``displays``, ``input``,
``power``, ``network``, ``sockets``; ``sleep`` says how long the device slept since the message before;
``not_available`` gives the reason for every section that could not be read, and ``lost`` counts messages that had to be
thrown away unsent, over the life of the spool.

Why only what changed: a laptop's hardware is the same for days, and a row per device and minute would drown the rest.
A section that is not there says nothing; one that is there and empty says that there is nothing.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from farmwatch.agent.facts import InputWindow, Network, System, UsbFact, as_json
from farmwatch.agent.probe import Probe, UnavailableError
from farmwatch.agent.spool import Losses

__all__ = ["KIND", "VERSION", "Messages", "encode"]

KIND = "farmwatch-agent"
VERSION = 1
_EVERYTHING_S = 3600.0
_SHORTEST_SLEEP_S = 2  # the two clocks are not read in one moment


@dataclass(frozen=True, slots=True)
class _Sent:
    """A section as it went out last."""

    value: Any
    at: float


class Messages:
    """Makes the messages of one agent."""

    def __init__(self, probe: Probe, device_id: str, neighbour_key: bytes) -> None:
        """``neighbour_key`` hides neighbours; agents that share it hide the same neighbour alike."""
        self._probe = probe
        self._device_id = device_id
        self._key = neighbour_key
        self._sequence = 0
        self._sent: dict[str, _Sent] = {}
        self._usb: dict[str, UsbFact] | None = None
        self._asleep_s: int | None = None

    def make(self, windows: list[InputWindow], losses: Losses, missing: dict[str, str]) -> dict[str, Any]:
        """A message; ``windows`` are those that ended since the last, ``missing`` why input could not be timed."""
        self._sequence += 1
        document: dict[str, Any] = {
            "kind": KIND,
            "version": VERSION,
            "message_id": uuid.uuid4().hex,
            "sequence": self._sequence,
            "device_id": self._device_id,
            "ts": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        reasons = dict(missing)
        sections: dict[str, Callable[[], Any]] = {
            "system": lambda: self._system(document),
            "usb": self._usb_events,
            "hid": self._probe.hid,
            "displays": self._probe.displays,
            "power": self._probe.power,
            "network": lambda: self._network(reasons),
            "sockets": self._probe.sockets,
        }
        for name, read in sections.items():
            try:
                value = as_json(read())
            except UnavailableError as error:
                reasons[name] = str(error)
                continue
            if self._is_news(name, value):
                document[name] = value
        if windows:
            document["input"] = as_json(windows)
        if reasons and self._is_news("not_available", reasons):
            document["not_available"] = reasons
        if losses.messages:
            document["lost"] = {"messages": losses.messages, "bytes": losses.bytes}
        return document

    def forget(self) -> None:
        """Send everything again next time: the last message may never have been kept."""
        self._sent.clear()

    def _is_news(self, name: str, value: Any) -> bool:
        """Whether a section differs from the one sent last, or that is an hour ago; it then counts as sent."""
        before, now = self._sent.get(name), time.monotonic()
        plain = value
        if name == "usb":
            plain = [{**one, "event": "present"} for one in value if one["event"] != "removed"]
        came = name == "usb" and any(one["event"] != "present" for one in value)
        if not came and before is not None and before.value == plain and now - before.at < _EVERYTHING_S:
            return False
        self._sent[name] = _Sent(plain, now)
        return True

    def _system(self, document: dict[str, Any]) -> System:
        """The device; if it slept since the last look, the message says for how long."""
        system = self._probe.system()
        before, self._asleep_s = self._asleep_s, system.asleep_s
        if before is not None and system.asleep_s is not None and system.asleep_s - before >= _SHORTEST_SLEEP_S:
            document["sleep"] = {"for_s": system.asleep_s - before}
        return system

    def _network(self, reasons: dict[str, str]) -> Network:
        """The surroundings with the access points; why these are not known goes to the reasons."""
        bssids: tuple[str, ...] = ()
        try:
            bssids = self._probe.bssids()
        except UnavailableError as error:
            reasons["bssids"] = str(error)
        return replace(self._probe.network(self._key), bssids=bssids)

    def _usb_events(self) -> list[UsbFact]:
        """USB devices, those that came since the last look as attached, those that went as removed."""
        now = {fact.port_path: fact for fact in self._probe.usb()}
        before, self._usb = self._usb, now
        if before is None:
            return list(now.values())
        present = [
            replace(fact, event="present" if before.get(path) == fact else "attached") for path, fact in now.items()
        ]
        gone = [replace(fact, event="removed", hid=()) for path, fact in before.items() if now.get(path) != fact]
        return [*gone, *present]


def encode(document: dict[str, Any]) -> bytes:
    """A message as the bytes that are kept and sent: one line of ASCII."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
