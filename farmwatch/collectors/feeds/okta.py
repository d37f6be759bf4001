"""The System Log of Okta: the API's array, JSON lines of a log stream, and CSV.

Shape: ``LogEvent`` of the System Log API: ``uuid``, ``published``, ``eventType``, ``actor``, ``client``, ``outcome``,
``target[]``, ``request.ipChain[]``, ``securityContext``, ``debugContext.debugData``, ``device``. All of
``securityContext`` may be null. ``ipChain`` holds the addresses before a proxy. CSV columns are taken by the dotted
names of the same fields, however their words are joined (``client.ipAddress``, ``client.ip_address``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.clients import add_sign_ins, chained, device_ids, programs, speaks, systems
from farmwatch.collectors.feeds.columns import each, lowered
from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.delimited import delimited_documents, header_of
from farmwatch.collectors.feeds.documents import Documents
from farmwatch.collectors.feeds.fields import Fields, Peeked, element_documents
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import DeviceFact, Record, Sighting, SignIn

__all__ = ["OktaSystemLog"]

_TEXT = pa.string()
_PLACE = pa.struct(
    [
        ("city", _TEXT), ("state", _TEXT), ("country", _TEXT),
        ("geolocation", pa.struct([("lat", pa.float64()), ("lon", pa.float64())])),
    ]
)  # fmt: skip
_SCHEMA = pa.schema(
    [
        ("uuid", _TEXT), ("published", _TEXT), ("eventType", _TEXT),
        ("actor", pa.struct([("id", _TEXT), ("type", _TEXT), ("alternateId", _TEXT), ("displayName", _TEXT),
                             ("detailEntry", pa.struct([("preferredLocale", _TEXT)]))])),
        ("client", pa.struct([("device", _TEXT), ("ipAddress", _TEXT), ("geographicalContext", _PLACE), ("userAgent",
                   pa.struct([("browser", _TEXT), ("os", _TEXT), ("rawUserAgent", _TEXT)]))])),
        ("device", pa.struct([("id", _TEXT), ("name", _TEXT), ("os_platform", _TEXT), ("managed", pa.bool_()),
                              ("registered", pa.bool_())])),
        ("authenticationContext", pa.struct([("credentialType", _TEXT), ("externalSessionId", _TEXT)])),
        ("outcome", pa.struct([("result", _TEXT)])),
        ("request", pa.struct([("ipChain", pa.list_(pa.struct([("ip", _TEXT)])))])),
        ("securityContext", pa.struct([("asNumber", pa.int64()), ("asOrg", _TEXT), ("isp", _TEXT),
                                       ("isProxy", pa.bool_())])),
        ("target", pa.list_(pa.struct([("type", _TEXT), ("id", _TEXT), ("displayName", _TEXT)]))),
        ("debugContext", pa.struct([("debugData", pa.struct([
            ("deviceFingerprint", _TEXT), ("dtHash", _TEXT), ("factor", _TEXT), ("risk", _TEXT),
            ("clientAppLocale", _TEXT), ("preferredLocale", _TEXT), ("phoneNumber", _TEXT),
        ]))])),
    ]
)  # fmt: skip
_EVENTS = (
    ("user.session.start", "sign-in"),
    ("user.session.", "session"),
    ("user.authentication.auth_via_mfa", "factor"),
    ("user.authentication.", "sign-in"),
    ("policy.evaluate_sign_on", "policy"),
    ("user.mfa.", "factor"),
    ("system.push.send_factor_verify_push", "factor"),
)  # of an event type that begins so, the first that fits
_APPLICATIONS = ("AppInstance",)
_FACTORS = ("AuthenticatorEnrollment", "UserFactor", "Factor")


@dataclass(frozen=True, slots=True)
class OktaSystemLog:
    """Sign-ins, sessions, factors and policy decisions; other events are counted by what they are."""

    kind: ClassVar[str] = "okta"
    sentence: ClassVar[str] = "Okta System Log: API array, JSON lines, CSV."
    tables: ClassVar[tuple[type[Record], ...]] = (SignIn, DeviceFact, Sighting)

    def recognises(self, sample: Sample) -> bool:
        """By the fields every event has."""
        if sample.documents:
            document = sample.documents[0]
            return {"eventType", "published", "uuid", "actor"} <= document.keys()
        if not sample.lines or "," not in sample.lines[0]:
            return False
        names = {name.lower().replace("_", "") for name in header_of(sample.lines[0])}
        return names >= {"eventtype", "uuid"} and any(name.startswith("actor.") for name in names)

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read events; see the module."""
        peeked = Peeked(stream)
        if peeked.peek(4096).lstrip(b" \t\r\n\xef\xbb\xbf")[:1] in (b"{", b"["):
            for documents in element_documents(peeked, _SCHEMA, threads=context.threads):
                yield _parsed(documents, Fields(documents.table), context)
        else:
            for documents in delimited_documents(peeked):
                yield _parsed(documents, Fields(documents.table, flat=True), context)


def _parsed(documents: Documents, fields: Fields, context: Context) -> Parsed:
    output = Output(documents.numbers)
    output.before(documents.faults)
    if documents.table.num_rows:
        kinds = fields.text("eventType")
        events = each(_event, kinds)
        for kind in pc.unique(kinds.filter(pc.is_null(events))).to_pylist():
            named = pc.is_null(kinds) if kind is None else pc.equal(kinds, kind)
            mask = pc.fill_null(named, False).to_numpy(zero_copy_only=False)
            if kind is None:
                output.reject(mask, "eventType is missing")
            else:
                output.unneeded(mask, f"event {kind[:80]}")
        rows = np.flatnonzero(pc.is_valid(events).to_numpy(zero_copy_only=False))
        if len(rows):
            _sign_ins(output, fields.at(rows), events.take(pa.array(rows)), rows, context)
    return output.finish()


def _event(kind: str) -> str | None:
    return next((event for start, event in _EVENTS if kind.startswith(start)), None)


def _sign_ins(output: Output, fields: Fields, events: pa.Array, rows: Any, context: Context) -> None:
    debug = "debugContext.debugData"
    fields.leave(
        output, "actor.displayName", "actor.detailEntry.preferredLocale", "client.device", f"{debug}.clientAppLocale",
        f"{debug}.preferredLocale",
    )  # fmt: skip
    agents = fields.text("client.userAgent.rawUserAgent")
    if told := speaks(agents):
        output.dropped["client.userAgent.rawUserAgent (language)"] += told
    number, called = fields.text("device.id"), fields.text("device.name")
    device = device_ids(called, number)
    if unlike := pc.sum(pc.and_(pc.is_valid(called), pc.is_null(device_ids(called)))).as_py():
        output.dropped["device.name"] += unlike  # a name people give, such as of a phone
    address = fields.text("client.ipAddress")
    place = "client.geographicalContext"
    columns: dict[str, Any] = {
        "device_id": device, "ts": fields.time("published", "timestamp"), "record_id": fields.text("uuid"),
        "provider": "okta", "event": events,
        "account": context.hide_all(_known(fields.text("actor.alternateId", "actor.id"))),
        "application": _of_targets(fields, _APPLICATIONS, "displayName"),
        "outcome": pc.coalesce(lowered(fields.text("outcome.result")), pa.scalar("unknown")),
        "interactive": pc.if_else(pc.equal(events, "policy"), pa.scalar(None, pa.bool_()), True),
        "address": address, "address_chain": _chain(fields, address),
        "place_country": fields.text(f"{place}.country"), "place_region": fields.text(f"{place}.state"),
        "place_city": fields.text(f"{place}.city"), "latitude": fields.real(f"{place}.geolocation.lat"),
        "longitude": fields.real(f"{place}.geolocation.lon"), "asn": fields.whole("securityContext.asNumber"),
        "as_org": fields.text("securityContext.asOrg", "securityContext.isp"),
        "is_proxy": fields.truth("securityContext.isProxy"),
        "managed": fields.truth("device.managed"),
        "device_token": context.hide_all(fields.text(f"{debug}.dtHash", f"{debug}.deviceFingerprint")),
        "session": context.hide_all(_known(fields.text("authenticationContext.externalSessionId"))),
        "factor": context.hide_all(
            pc.coalesce(_of_targets(fields, _FACTORS, "id"), fields.text(f"{debug}.phoneNumber"))
        ),
        "factor_kind": lowered(fields.text(f"{debug}.factor", "authenticationContext.credentialType")),
        "client_os": pc.coalesce(systems(fields.text("client.userAgent.os")), systems(agents)),
        "client_app": pc.coalesce(programs(fields.text("client.userAgent.browser")), programs(agents)),
        "risk": each(_level, fields.text(f"{debug}.risk")),
    }  # fmt: skip
    _count_targets(output, fields)
    add_sign_ins(output, columns, rows)
    known = np.flatnonzero(pc.is_valid(number).to_numpy(zero_copy_only=False))
    if len(known):
        at = pa.array(known)
        output.add(
            DeviceFact,
            {
                "device_id": device.take(at), "ts": columns["ts"].take(at), "record_id": columns["record_id"].take(at),
                "host_name": device_ids(called).take(at),
                "platform": systems(fields.text("device.os_platform")).take(at), "managed": columns["managed"].take(at),
            },
            rows[known],
        )  # fmt: skip


def _known(values: pa.Array) -> pa.Array:
    """Values without the word Okta puts where it does not know."""
    return pc.if_else(
        pc.is_in(pc.utf8_lower(values), pa.array(["unknown", "system@okta.com"])), pa.scalar(None, _TEXT), values
    )


def _chain(fields: Fields, address: pa.Array) -> pa.Array:
    if not fields.has("request.ipChain"):
        return pa.nulls(len(fields), _TEXT)
    lists = fields.raw("request.ipChain")
    if pa.types.is_string(lists.type):  # CSV
        return chained(pc.split_pattern(pc.fill_null(lists, ""), ","), address)
    inner = pc.fill_null(pc.struct_field(pc.list_flatten(lists), "ip"), "")
    counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return chained(pa.ListArray.from_arrays(pa.array(offsets), inner), address)


def _of_targets(fields: Fields, kinds: tuple[str, ...], name: str) -> pa.Array:
    """A field of the first target of some kinds."""
    if not fields.has("target") or not pa.types.is_list(fields.raw("target").type):
        return pa.nulls(len(fields), _TEXT)
    lists = fields.raw("target")
    targets = pc.list_flatten(lists)
    fits = pc.fill_null(pc.is_in(pc.struct_field(targets, "type"), pa.array(kinds)), False).to_numpy(
        zero_copy_only=False
    )
    at = np.flatnonzero(fits)
    owners, first = np.unique(pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)[at], return_index=True)
    picked = np.full(len(fields), -1, np.int64)
    picked[owners] = at[first]
    return pc.struct_field(targets, name).take(pa.array(picked, mask=picked < 0))


def _count_targets(output: Output, fields: Fields) -> None:
    """Names of people among the targets are left behind."""
    if fields.has("target") and pa.types.is_list(fields.raw("target").type):
        targets = pc.list_flatten(fields.raw("target"))
        people = pc.equal(pc.struct_field(targets, "type"), "User")
        named = pc.and_(people, pc.is_valid(pc.struct_field(targets, "displayName")))
        if count := pc.sum(named).as_py():
            output.dropped["target.displayName"] += count


def _level(risk: str) -> str | None:
    """The level in ``{level=LOW, reasons=...}``."""
    found = risk.lower().partition("level=")[2]
    return found.strip("{} ").split(",")[0].strip("{} ")[:20] or None
