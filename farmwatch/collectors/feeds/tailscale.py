"""Tailscale: devices, network flow logs and the configuration audit log, as the API or log streaming send them.

Shapes (tailscale.com, API reference): ``{"devices": [...]}``; ``{"logs": [...]}`` of flows with ``nodeId``, ``start``,
``end`` and lists ``virtualTraffic``, ``subnetTraffic``, ``exitTraffic``, ``physicalTraffic`` of ``{proto, src, dst}``;
``{"logs": [...]}`` of audit events with ``eventTime``, ``action``, ``actor``, ``target``. Streaming wraps each record
in ``{"event": {...}}``. Rows are made in Python: each record holds lists.

Physical traffic names the address at which a peer was reached; 127.3.3.40 stands for a relay, its port for which one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from farmwatch.collectors.feeds.clients import outer_addresses
from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.fields import elements
from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.feeds.rows import Rows, dicts_of, host_of, text_of, texts_of
from farmwatch.records import DeviceFact, Record, Sighting, SignIn, Socket

__all__ = ["Tailscale"]

_WRAPS = ("logs", "devices")
_TRAFFIC = ("virtualTraffic", "subnetTraffic", "exitTraffic", "physicalTraffic")
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"}
_RELAY = "127.3.3.40"
_SIGN_INS = {"LOGIN": "sign-in", "LOGOUT": "session"}


@dataclass(frozen=True, slots=True)
class Tailscale:
    """Devices with their addresses, connections between them, sign-ins."""

    kind: ClassVar[str] = "tailscale"
    sentence: ClassVar[str] = "Tailscale devices, network flow logs and audit log, by API or streaming."
    tables: ClassVar[tuple[type[Record], ...]] = (DeviceFact, Sighting, Socket, SignIn)

    def recognises(self, sample: Sample) -> bool:
        """By the fields of each of the three records."""
        if sample.documents:
            document = sample.documents[0]
            listed = next((document[key] for key in _WRAPS if isinstance(document.get(key), list)), None)
            if listed is not None:
                document = next((one for one in listed if isinstance(one, dict)), {})
            return _sort(_plain(document)) is not None
        start = sample.head[:8192]
        return b'"nodeId"' in start and (b'"virtualTraffic"' in start or b'"clientConnectivity"' in start)

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read records; see the module."""
        number = 0
        for records, faults in elements(stream, _WRAPS):
            output = Output(np.arange(number + 1, number + 1 + len(records), dtype=np.int64))
            output.before(faults)
            number += len(records)
            rows = Rows(context)
            for row, record in enumerate(records):
                reader = _READERS.get(_sort(_plain(record)) or "") if isinstance(record, dict) else None
                if reader is not None:
                    rows.at = row
                    why = reader(_plain(record), rows)
                    if why:
                        output.unneeded([row], why)
                elif isinstance(record, dict):
                    output.unneeded([row], "neither device, flow nor audit event")
                else:
                    output.reject([row], "not a JSON object")
            rows.finish(output)
            yield output.finish()


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """A record without what streaming wraps it in."""
    inner = record.get("event")
    return inner if isinstance(inner, dict) else record


def _sort(record: dict[str, Any]) -> str | None:
    if "nodeId" in record and any(name in record for name in _TRAFFIC):
        return "flow"
    if {"eventTime", "action", "actor"} <= record.keys():
        return "audit"
    return "device" if {"hostname", "addresses", "nodeId"} <= record.keys() else None


def _endpoint(value: Any) -> tuple[str | None, int | None]:
    """Address and port of ``198.51.100.7:41641`` or ``[2001:db8::1]:443``; port 0 is none."""
    return _address_port(value[:64]) if isinstance(value, str) else (None, None)


@lru_cache(maxsize=65_536)
def _address_port(text: str) -> tuple[str | None, int | None]:
    host, _, port = text.rpartition(":") if text.count(":") == 1 or text.startswith("[") else (text, "", "")
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0
    try:
        return str(ip_address(host.strip("[]"))), number if 0 < number < 65536 else None
    except ValueError:
        return None, None


def _device(record: dict[str, Any], rows: Rows) -> str:
    """A device of the list: what it is, and the addresses at which its client found itself."""
    host, node, seen = host_of(record.get("hostname")), text_of(record.get("nodeId")), text_of(record.get("lastSeen"))
    ts = seen or rows.context.received.isoformat()
    device = host or node
    inside = [address for address, _ in map(_endpoint, texts_of(record.get("addresses"))) if address]
    identity = record.get("postureIdentity")
    serials = texts_of(identity.get("serialNumbers")) if isinstance(identity, dict) else []
    rows.add(
        DeviceFact, device_id=device, ts=ts, record_id=node, host_name=host,
        platform=(text_of(record.get("os")) or "").lower() or None,
        serial=serials[0] if serials else None, addresses=",".join(inside[:32]) or None,
        managed=record["authorized"] if isinstance(record.get("authorized"), bool) else None,
    )  # fmt: skip
    if node and node != device:
        rows.add(DeviceFact, device_id=node, ts=ts, record_id=node, host_name=host)
    rows.leave("user", record.get("user"))
    connectivity = record.get("clientConnectivity")
    listed = texts_of(connectivity.get("endpoints")) if isinstance(connectivity, dict) else []
    found = list(dict.fromkeys(host for host, _ in map(_endpoint, listed) if host))
    outside = outer_addresses(pa.array(found, pa.string())).to_pylist()
    for address, public in zip(found, outside, strict=True):
        rows.add(
            Sighting, device_id=device, ts=ts, record_id=node, kind="public_ip" if public else "local_ip", value=address
        )
    return ""


def _flow(record: dict[str, Any], rows: Rows) -> str:
    """Connections of one device in a stretch of time; the device goes by its name where the record has it."""
    node = record.get("srcNode")
    device = (host_of(node.get("name")) if isinstance(node, dict) else None) or text_of(record.get("nodeId"))
    ts = text_of(record.get("start")) or text_of(record.get("logged"))
    if isinstance(node, dict):
        rows.leave("srcNode.user", node.get("user"))
    for name in _TRAFFIC:
        for one in dicts_of(record.get(name)):
            physical = name == "physicalTraffic"
            (local_h, local_p), (remote_h, remote_p) = _endpoint(one.get("src")), _endpoint(one.get("dst"))
            relay = f"derp-{remote_p}" if remote_h == _RELAY else None
            number = one.get("proto")
            inner = _PROTOCOLS.get(number, "unknown") if isinstance(number, int) else "unknown"
            rows.add(
                Socket, device_id=device, ts=ts, state="connected",
                proto="udp" if physical else inner,
                local_h=None if physical else local_h, local_p=None if physical else local_p,
                remote_h=None if relay else remote_h, remote_p=None if relay else remote_p, remote_name=relay,
                process="tailscaled" if physical else None,
            )  # fmt: skip
    return "" if any(dicts_of(record.get(name)) for name in _TRAFFIC) else "flow without traffic"


def _audit(record: dict[str, Any], rows: Rows) -> str:
    """Sign-ins to the tailnet, and devices that came into it; other changes are counted."""
    actor, target = (value if isinstance(value, dict) else {} for value in (record.get("actor"), record.get("target")))
    action, kind = text_of(record.get("action")) or "", text_of(target.get("type")) or ""
    rows.leave("actor.displayName", actor.get("displayName"))
    event = "sign-in" if (action, kind) == ("CREATE", "NODE") else _SIGN_INS.get(action)
    if event is None:
        return f"audit event {action[:40]} {kind[:40]}".strip()
    account = text_of(actor.get("loginName")) or text_of(actor.get("id"))
    rows.add(
        SignIn, device_id=host_of(target.get("name")) if kind == "NODE" else None, ts=text_of(record.get("eventTime")),
        record_id=text_of(record.get("eventGroupID")), provider="tailscale", event=event,
        account=rows.context.hide(account), application=(text_of(record.get("origin")) or "").lower() or None,
        outcome="failure" if text_of(record.get("error")) else "success",
    )  # fmt: skip
    return ""


_READERS: dict[str, Callable[[dict[str, Any], Rows], str]] = {"audit": _audit, "device": _device, "flow": _flow}
