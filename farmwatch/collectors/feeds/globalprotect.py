"""GlobalProtect logs of Palo Alto firewalls: CSV within syslog, as the firewall or its log forwarding sends them.

Shape: docs.paloaltonetworks.com, "GlobalProtect Log Fields". PAN-OS 9.1 ends at the action flags; later ones add the
time with its zone, how the gateway was chosen, and names. Fields are counted from the log's type, so that whatever
syslog puts in front, or takes from there, does not matter.

Why the zoned time comes first: the generated time has no zone and is the firewall's own; it is taken as UTC, which the
firewall should be set to. Some firewalls send 1970 for the zoned time; that is no time.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.clients import add_device_facts, add_sign_ins, device_ids, systems
from farmwatch.collectors.feeds.columns import addresses, each, filled, lowered, times
from farmwatch.collectors.feeds.contract import ByteStream, Context, Fault, Parsed, Sample
from farmwatch.collectors.feeds.lines import LONGEST_LINE, Block, blocks
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import DeviceFact, Record, Sighting, SignIn

__all__ = ["GlobalProtect"]

_TYPE = "GLOBALPROTECT"
_TEXT = pa.string()
_NONE = pa.scalar(None, _TEXT)
_PLACES = {
    "firewall": -1, "generated": 3, "event": 5, "stage": 6, "user": 9, "region": 10, "machine": 11, "public4": 12,
    "public6": 13, "private4": 14, "private6": 15, "host_id": 16, "serial": 17, "system": 19, "version": 20,
    "status": 25, "portal": 30, "number": 31, "zoned": 33, "gateway": 38,
}  # fmt: skip
# counted from the type
_FEWEST = 32  # fields from the type on: up to the sequence number
_BY_EVENT = {
    "gateway-tunnel-latency": "heartbeat", "gateway-hip-check": "heartbeat", "gateway-hip-report": "heartbeat",
    "gateway-agent-msg": "heartbeat", "gateway-connected": "tunnel up", "gateway-setup-ipsec": "tunnel up",
    "gateway-setup-ssl": "tunnel up", "gateway-switch-to-ssl": "tunnel up", "gateway-logout": "tunnel down",
    "gateway-config-release": "tunnel down", "gateway-auth": "sign-in", "portal-auth": "sign-in",
}  # fmt: skip
_BY_STAGE = {
    "login": "sign-in",
    "logout": "tunnel down",
    "connected": "tunnel up",
    "tunnel": "tunnel up",
    "host-info": "heartbeat",
}
_MOST_FIELDS = 200


@dataclass(frozen=True, slots=True)
class GlobalProtect:
    """Sign-ins and tunnels; other logs of the same firewall are counted by type."""

    kind: ClassVar[str] = "globalprotect"
    sentence: ClassVar[str] = "Palo Alto GlobalProtect logs, CSV within syslog."
    tables: ClassVar[tuple[type[Record], ...]] = (SignIn, DeviceFact, Sighting)

    def recognises(self, sample: Sample) -> bool:
        """By the type among the first fields of a line."""
        return not sample.documents and any(f",{_TYPE}," in line for line in sample.lines[:20])

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read lines; see the module."""
        for block in blocks(stream):
            yield _parsed(block, context)


def _parsed(block: Block, context: Context) -> Parsed:
    account = Parsed(records=len(block.too_long))
    account.rejects += [Fault(f"line longer than {LONGEST_LINE >> 20} MiB", number) for number in block.too_long]
    lines = [
        (number, line.strip())
        for number, line in enumerate(block.data.decode("utf-8", "replace").split("\n"), block.first_line)
        if line.strip()
    ]
    output = Output(np.array([number for number, _ in lines], np.int64))
    output.before(account)
    held: dict[str, list[str]] = {name: [] for name in _PLACES}
    rows: list[int] = []
    odd: list[int] = []
    others: dict[str, list[int]] = {}
    for row, (_, line) in enumerate(lines):
        fields = _fields(line)
        at = fields.index(_TYPE) if _TYPE in fields[:12] else -1
        if at < 1:
            kind = next((field for field in fields[1:6] if field.isupper() and field.isalpha()), "")
            others.setdefault(kind[:20], []).append(row)
        elif len(fields) < at + _FEWEST:
            odd.append(row)
        else:
            rows.append(row)
            for name, place in _PLACES.items():
                held[name].append(fields[at + place] if at + place < len(fields) else "")
    output.reject(odd, "fewer fields than a GlobalProtect log has")
    for kind, listed in others.items():
        if kind:
            output.unneeded(listed, f"log type {kind}")
        else:
            output.reject(listed, "not a log of a Palo Alto firewall")
    if rows:
        _sign_ins(
            output, {name: filled(pa.array(values, _TEXT)) for name, values in held.items()}, np.array(rows), context
        )
    return output.finish()


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line.replace("\r", " ")]), [])[:_MOST_FIELDS]
    except csv.Error:  # a field longer than any of these logs has
        return []


def _sign_ins(output: Output, held: dict[str, pa.Array], rows: Any, context: Context) -> None:
    satellite = pc.fill_null(pc.starts_with(held["event"], "satellite"), False).to_numpy(zero_copy_only=False)
    output.unneeded(rows[satellite], "satellite of a firewall")
    at = pa.array(np.flatnonzero(~satellite), pa.int64())
    rows, held = rows[~satellite], {name: values.take(at) for name, values in held.items()}
    ts = pc.coalesce(_zoned(held["zoned"]), times(pc.replace_substring(held["generated"], "/", "-")))
    device, system = device_ids(held["machine"]), systems(pc.coalesce(held["version"], held["system"]))
    user = pc.replace_substring_regex(held["user"], r"^.*\\", "")
    nobody = pc.fill_null(pc.is_in(pc.utf8_lower(user), pa.array(["pre-logon", "unknown", "(empty)"])), False)
    number = pc.binary_join_element_wise(pc.coalesce(held["firewall"], pa.scalar("")), held["number"], ":")
    region = pc.if_else(pc.match_substring_regex(held["region"], "^[A-Z]{2}$"), held["region"], _NONE)
    inner = _told(held["private4"], held["private6"])
    event = pc.coalesce(each(_BY_EVENT.get, held["event"]), each(_BY_STAGE.get, held["stage"]), pa.scalar("session"))
    add_sign_ins(
        output,
        {
            "device_id": device, "ts": ts, "record_id": number, "provider": "globalprotect", "event": event,
            "account": context.hide_all(pc.if_else(nobody, _NONE, user)),
            "application": pc.coalesce(held["portal"], held["gateway"]),
            "outcome": pc.coalesce(lowered(held["status"]), pa.scalar("unknown")),
            "address": _told(held["public4"], held["public6"]), "private_address": inner, "place_country": region,
            "device_token": context.hide_all(held["host_id"]), "client_os": system,
            "client_app": pa.repeat(pa.scalar("globalprotect"), len(rows)),
        },
        rows,
    )  # fmt: skip
    add_device_facts(
        output,
        {
            "device_id": device,
            "ts": ts,
            "record_id": number,
            "host_name": device,
            "platform": system,
            "serial": held["serial"],
        },
        rows,
    )


def _zoned(values: pa.Array) -> pa.Array:
    """Times with a zone that are not 1970."""
    found = times(pc.if_else(pc.match_substring_regex(values, "^(19|0)"), _NONE, values))
    sound = pc.match_substring_regex(values, r"^20\d\d-.*(Z|[+-]\d\d:?\d\d)$")
    return pc.if_else(pc.fill_null(sound, False), found, pa.scalar(None, found.type))


def _told(*choices: pa.Array) -> pa.Array:
    """The first address that says something."""
    plain = [addresses(values) for values in choices]
    none = pa.array(["0.0.0.0", "::"])  # noqa: S104 - not bound to
    return pc.coalesce(*(pc.if_else(pc.is_in(values, none), _NONE, values) for values in plain))
