"""Sign-ins of Microsoft Entra ID: diagnostic settings (Azure Monitor), the Graph API, and the portal's CSV.

Shapes: Azure Monitor sends ``{"time", "category": "SignInLogs", "properties": {...}}`` one per line or in
``{"records": [...]}``; Graph sends ``{"value": [...]}`` of what Monitor has under ``properties``
(``microsoft.graph.signIn``); the CSV has the portal's column titles (``Date (UTC)``, ``Request ID`` ...).

Why an empty device number is *not managed*: Entra gives every registered device a number, so a sign-in without one
came from a device the company does not know, which is itself a sign.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.clients import add_device_facts, add_sign_ins, device_ids, programs, speaks, systems
from farmwatch.collectors.feeds.columns import addresses, each, lowered
from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.delimited import delimited_documents, header_of
from farmwatch.collectors.feeds.documents import Documents
from farmwatch.collectors.feeds.fields import Fields, Peeked, element_documents, is_wrapped
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import DeviceFact, Record, Sighting, SignIn

__all__ = ["EntraSignIns", "entra_outcome"]

_TEXT, _TEXTS = pa.string(), pa.list_(pa.string())
_SIGN_IN = (
    pa.field("id", _TEXT),
    pa.field("createdDateTime", _TEXT),
    pa.field("userDisplayName", _TEXT),
    pa.field("userPrincipalName", _TEXT),
    pa.field("userId", _TEXT),
    pa.field("signInIdentifier", _TEXT),
    pa.field("appDisplayName", _TEXT),
    pa.field("ipAddress", _TEXT),
    pa.field("ipAddressFromResourceProvider", _TEXT),
    pa.field("clientAppUsed", _TEXT),
    pa.field("userAgent", _TEXT),
    pa.field("isInteractive", pa.bool_()),
    pa.field("sessionId", _TEXT),
    pa.field("autonomousSystemNumber", pa.int64()),
    pa.field("riskLevelDuringSignIn", _TEXT),
    pa.field("riskLevelAggregated", _TEXT),
    pa.field("riskEventTypes_v2", _TEXTS),
    pa.field("status", pa.struct([("errorCode", pa.int64())])),
    pa.field(
        "deviceDetail",
        pa.struct(
            [
                ("deviceId", _TEXT), ("displayName", _TEXT), ("operatingSystem", _TEXT), ("browser", _TEXT),
                ("isCompliant", pa.bool_()), ("isManaged", pa.bool_()), ("trustType", _TEXT),
            ]
        ),
    ),
    pa.field(
        "location",
        pa.struct(
            [
                ("city", _TEXT), ("state", _TEXT), ("countryOrRegion", _TEXT),
                ("geoCoordinates", pa.struct([("latitude", pa.float64()), ("longitude", pa.float64())])),
            ]
        ),
    ),
    pa.field("mfaDetail", pa.struct([("authMethod", _TEXT), ("authDetail", _TEXT)])),
    pa.field("authenticationAppDeviceDetails", pa.struct([("deviceId", _TEXT)])),
    pa.field("authenticationDetails", pa.list_(pa.struct([("authenticationMethod", _TEXT)]))),
)  # fmt: skip
_GRAPH = pa.schema(_SIGN_IN)
_MONITOR = pa.schema(
    [("time", _TEXT), ("category", _TEXT), ("resultType", _TEXT), ("callerIpAddress", _TEXT), ("identity", _TEXT),
     ("properties", pa.struct(_SIGN_IN))]
)  # fmt: skip
_OBJECTS = (
    "status",
    "deviceDetail",
    "location",
    "mfaDetail",
    "authenticationAppDeviceDetails",
    "authenticationDetails",
)
_CATEGORIES = ("signinlogs", "noninteractiveusersigninlogs")
_WRAPS = ("value", "records")
_TITLES = {"date (utc)", "request id", "ip address"}
_INTERRUPTS = frozenset(
    {16000, 16001, 16003, 50058, 50072, 50074, 50076, 50079, 50125, 50127, 50129, 50140, 50143, 50144, 50199, 65001}
)  # error codes that ask for a further step: learn.microsoft.com, "Microsoft Entra authentication error codes"
_FIRST_FACTORS = frozenset({"password", "previously satisfied", "federated", "", "none"})


@dataclass(frozen=True, slots=True)
class EntraSignIns:
    """Interactive and non-interactive sign-ins of users."""

    kind: ClassVar[str] = "entra-signin"
    sentence: ClassVar[str] = "Microsoft Entra ID sign-ins: diagnostic settings, Graph API, portal CSV."
    tables: ClassVar[tuple[type[Record], ...]] = (SignIn, DeviceFact, Sighting)

    def recognises(self, sample: Sample) -> bool:
        """By Monitor's categories, Graph's field names, or the portal's titles."""
        if sample.documents:
            document = sample.documents[0]
            listed = next((document[key] for key in _WRAPS if isinstance(document.get(key), list)), None)
            document = document if listed is None else next(iter(listed), {})
            return isinstance(document, dict) and _is_sign_in(document)
        if is_wrapped(sample.head, _WRAPS):  # longer than what was looked at
            return b'"userPrincipalName"' in sample.head and b'"createdDateTime"' in sample.head
        return bool(sample.lines) and {name.lower() for name in header_of(sample.lines[0])} >= _TITLES

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read sign-ins; see the module."""
        peeked = Peeked(stream)
        head = peeked.peek(64 << 10)
        if head.lstrip(b" \t\r\n\xef\xbb\xbf")[:1] not in (b"{", b"["):
            for documents in delimited_documents(peeked):
                yield _parsed(documents, Fields(documents.table, flat=True), context)
            return
        monitor = b'"properties"' in head
        for documents in element_documents(
            peeked, _MONITOR if monitor else _GRAPH, inside=_WRAPS, threads=context.threads, repair=_repaired
        ):
            yield _parsed(documents, Fields(documents.table, under="properties" if monitor else ""), context)


def _is_sign_in(document: dict[str, Any]) -> bool:
    category = document.get("category")
    if isinstance(category, str) and "properties" in document:
        return category.lower().endswith("signinlogs")
    return {"createdDateTime", "appId", "ipAddress"} <= document.keys()


def _repaired(document: dict[str, Any]) -> dict[str, Any]:
    """Objects that were sent as text, as some routes do with non-interactive sign-ins."""
    inner = document.get("properties")
    if isinstance(inner, str):
        inner = _object(inner)
    if isinstance(inner, dict):
        return {**document, "properties": _repaired_fields(inner)}
    return _repaired_fields(document)


def _repaired_fields(fields: dict[str, Any]) -> dict[str, Any]:
    texts = {name: _object(fields[name]) for name in _OBJECTS if isinstance(fields.get(name), str)}
    return {**fields, **texts}


def _object(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else None
    except (ValueError, RecursionError):
        return text


def entra_outcome(codes: pa.Array) -> pa.Array:
    """Outcome of an Entra error code: success, interrupted (a further step was asked for) or failure."""
    further = pc.is_in(codes, pa.array(sorted(_INTERRUPTS)))
    return pc.if_else(pc.equal(codes, 0), "success", pc.if_else(further, "interrupted", "failure"))


def _parsed(documents: Documents, fields: Fields, context: Context) -> Parsed:
    output = Output(documents.numbers)
    output.before(documents.faults)
    if documents.table.num_rows:
        _sign_ins(output, fields, documents.table, context)
    return output.finish()


def _sign_ins(output: Output, fields: Fields, table: pa.Table, context: Context) -> None:
    whole = Fields(table)
    rows = np.arange(table.num_rows, dtype=np.int64)
    category = lowered(whole.text("category"))
    if whole.has("properties"):
        other = pc.fill_null(pc.invert(pc.is_in(category, pa.array(_CATEGORIES))), True)
        for word in pc.unique(category.filter(other)).to_pylist():
            named = pc.equal(category, word) if word else pc.is_null(category)
            mask = pc.fill_null(named, False).to_numpy(zero_copy_only=False)
            output.unneeded(mask, f"category {word[:60]}" if word else "no category")
        empty = pc.and_(pc.invert(other), pc.is_null(whole.raw("properties"))).to_numpy(zero_copy_only=False)
        output.reject(empty, "properties is missing")
        rows = np.flatnonzero(~other.to_numpy(zero_copy_only=False) & ~empty)
    fields = fields.at(rows)
    outer = whole.at(rows)
    fields.leave(output, "userDisplayName", "User", "signInIdentifier", "Sign-in identifier")
    outer.leave(output, "identity")
    agents = fields.text("userAgent", "User agent")
    if told := speaks(agents):
        output.dropped["userAgent (language)"] += told
    number = lowered(fields.text("deviceDetail.deviceId", "Device ID"))
    device = device_ids(fields.text("deviceDetail.displayName"), number)
    managed = pc.or_kleene(
        fields.truth("deviceDetail.isManaged", "Managed"), fields.truth("deviceDetail.isCompliant", "Compliant")
    )
    managed = pc.if_else(pc.is_null(number), False, managed)
    ts = fields.time("createdDateTime", "Date (UTC)")
    if outer.has("time"):
        ts = pc.coalesce(ts, outer.time("time"))
    system = systems(pc.coalesce(fields.text("deviceDetail.operatingSystem", "Operating System"), agents))
    place = _place(fields)
    address = pc.coalesce(fields.text("ipAddress", "IP address"), outer.text("callerIpAddress"))
    columns: dict[str, Any] = {
        "device_id": device, "ts": ts, "record_id": fields.text("id", "Request ID"), "provider": "entra",
        "event": "sign-in",
        "account": context.hide_all(fields.text("userPrincipalName", "Username", "userId", "User ID")),
        "application": fields.text("appDisplayName", "Application"), "outcome": _outcome(fields, outer),
        "interactive": _interactive(fields, category.take(pa.array(rows)), context),
        "address": address, "address_chain": _other_address(fields, address), **place,
        "asn": fields.whole("autonomousSystemNumber", "Autonomous system number"),
        "is_proxy": _anonymous(fields), "managed": managed, "device_token": context.hide_all(number),
        "session": context.hide_all(fields.text("sessionId", "Session ID")),
        "factor": context.hide_all(
            pc.coalesce(
                fields.text("authenticationAppDeviceDetails.deviceId"),
                _unmasked(fields.text("mfaDetail.authDetail", "Multifactor authentication auth detail")),
            )
        ),
        "factor_kind": pc.coalesce(
            lowered(fields.text("mfaDetail.authMethod", "Multifactor authentication auth method")), _last_factor(fields)
        ),
        "client_os": system,
        "client_app": pc.coalesce(
            programs(fields.text("deviceDetail.browser", "Browser")), programs(agents),
            programs(fields.text("clientAppUsed", "Client app")),
        ),
        "risk": _risk(fields),
    }  # fmt: skip
    add_sign_ins(output, columns, rows)
    named = pc.fill_null(pc.not_equal(device, number), True)
    add_device_facts(
        output,
        {
            "device_id": pc.if_else(pc.is_valid(number), device, pa.scalar(None, _TEXT)), "ts": ts,
            "record_id": columns["record_id"], "host_name": pc.if_else(named, device, pa.scalar(None, _TEXT)),
            "platform": system, "managed": managed,
        },
        rows,
    )  # fmt: skip


def _outcome(fields: Fields, outer: Fields) -> pa.Array:
    by_code = entra_outcome(fields.whole("status.errorCode", "Sign-in error code"))
    if outer.has("resultType"):
        by_code = pc.coalesce(by_code, entra_outcome(outer.whole("resultType")))
    return pc.coalesce(
        lowered(fields.text("Status")) if not fields.has("status.errorCode") else by_code, by_code, pa.scalar("unknown")
    )


def _interactive(fields: Fields, category: pa.Array, context: Context) -> pa.Array:
    by_category = pc.if_else(pc.equal(category, "noninteractiveusersigninlogs"), False, pa.scalar(None, pa.bool_()))
    name = context.name.lower().replace("-", "").replace("_", "")
    by_name = False if "noninteractive" in name else True if "interactivesignins" in name else None
    return pc.coalesce(fields.truth("isInteractive"), by_category, pa.scalar(by_name, pa.bool_()))


def _place(fields: Fields) -> dict[str, pa.Array]:
    """City, region and country; the CSV has them in one field: ``City, Region, CC``."""
    parts = fields.text("Location") if not fields.has("location.city") else pa.nulls(len(fields), _TEXT)
    return {
        "place_country": pc.coalesce(
            fields.text("location.countryOrRegion"), each(lambda text: _part(text, -1), parts)
        ),
        "place_region": pc.coalesce(fields.text("location.state"), each(lambda text: _part(text, -2), parts)),
        "place_city": pc.coalesce(fields.text("location.city"), each(lambda text: _part(text, -3), parts)),
        "latitude": fields.real("location.geoCoordinates.latitude"),
        "longitude": fields.real("location.geoCoordinates.longitude"),
    }


def _part(text: str, at: int) -> str | None:
    parts = [part.strip() for part in text.split(",")]
    return (parts[at] or None) if len(parts) >= -at else None


def _other_address(fields: Fields, address: pa.Array) -> pa.Array:
    """The address the resource saw, where it differs from the one that signed in."""
    seen = addresses(fields.text("ipAddressFromResourceProvider", "IP address (seen by resource)"))
    return pc.if_else(pc.fill_null(pc.equal(seen, addresses(address)), False), pa.scalar(None, _TEXT), seen)


def _anonymous(fields: Fields) -> pa.Array:
    if not fields.has("riskEventTypes_v2"):
        return pa.nulls(len(fields), pa.bool_())
    named = pc.match_substring(pc.binary_join(fields.raw("riskEventTypes_v2"), ","), "anonymizedIPAddress")
    return pc.if_else(named, True, pa.scalar(None, pa.bool_()))


def _last_factor(fields: Fields) -> pa.Array:
    """Method of the last step that was more than the password."""
    if not fields.has("authenticationDetails"):
        return pa.nulls(len(fields), _TEXT)
    steps = fields.raw("authenticationDetails")
    methods = lowered(pc.struct_field(pc.list_flatten(steps), "authenticationMethod")).to_pylist()
    last: list[str | None] = [None] * len(fields)
    for row, method in zip(pc.list_parent_indices(steps).to_pylist(), methods, strict=True):
        if method is not None and method not in _FIRST_FACTORS:
            last[row] = method
    return pa.array(last, _TEXT)


def _unmasked(details: pa.Array) -> pa.Array:
    """Phones and the like that are told whole: of ``+1 XXXXXXX12`` many are alike."""
    masked = pc.match_substring_regex(details, r"(?i)xx|\*\*")
    return pc.if_else(pc.fill_null(masked, True), pa.scalar(None, _TEXT), details)


def _risk(fields: Fields) -> pa.Array:
    level = lowered(fields.text("riskLevelDuringSignIn", "riskLevelAggregated"))
    return pc.if_else(pc.equal(level, "hidden"), pa.scalar(None, _TEXT), level)
