"""Zscaler Private Access, log streaming service: user status and user activity, JSON lines.

Shape (help.zscaler.com, "About User Status Log Fields", "About User Activity Log Fields"): flat objects;
``LogTimestamp`` like ``Fri May 31 17:34:48 2019``, in UTC; ``PosturesHit`` and its like are text or lists and are not
needed. A status is sent again and again while a tunnel stands: only one within a minute of the authentication is taken
for its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.clients import add_device_facts, add_sign_ins, device_ids, systems
from farmwatch.collectors.feeds.columns import addresses, each, lowered, times
from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.documents import Documents
from farmwatch.collectors.feeds.fields import Fields, Peeked, Respelled, element_documents, quoted_numbers
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import DeviceFact, Record, Sighting, SignIn

__all__ = ["ZscalerPrivateAccess"]

_NAMES = (
    "LogTimestamp", "Username", "SessionID", "SessionStatus", "PrivateIP", "PublicIP", "Latitude", "Longitude",
    "CountryCode", "City", "TimestampAuthentication", "Hostname", "Platform", "ClientType", "SAMLAttributes",
    "ConnectionStatus", "ClientPublicIP", "ClientPrivateIP", "ClientLatitude", "ClientLongitude", "ClientCountryCode",
    "Application",
)  # fmt: skip
_SCHEMA = pa.schema([(name, pa.string()) for name in _NAMES])
_STATUS = {
    "ZPN_STATUS_AUTHENTICATED": ("heartbeat", "success"), "ZPN_STATUS_DISCONNECTED": ("tunnel down", "success"),
    "ZPN_STATUS_AUTH_FAILED": ("sign-in", "failure"),
}  # fmt: skip
_BEGINNING_S = 60.0
_NONE = pa.scalar(None, pa.string())


@dataclass(frozen=True, slots=True)
class ZscalerPrivateAccess:
    """Tunnels of users' devices, with the address they came from; connectors and the like are counted."""

    kind: ClassVar[str] = "zscaler-zpa"
    sentence: ClassVar[str] = "Zscaler Private Access user status and user activity, by its log streaming service."
    tables: ClassVar[tuple[type[Record], ...]] = (SignIn, DeviceFact, Sighting)

    def recognises(self, sample: Sample) -> bool:
        """By the names only these logs have."""
        if not sample.documents:
            return False
        names = sample.documents[0].keys()
        return "LogTimestamp" in names and bool({"SessionStatus", "ConnectionStatus"} & names) and "Username" in names

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read records; see the module."""
        for documents in element_documents(Peeked(Respelled(stream, quoted_numbers)), _SCHEMA, threads=context.threads):
            yield _parsed(documents, context)


def _parsed(documents: Documents, context: Context) -> Parsed:
    output = Output(documents.numbers)
    output.before(documents.faults)
    if documents.table.num_rows:
        fields = Fields(documents.table)
        fields.leave(output, "SAMLAttributes")
        status, connection = fields.text("SessionStatus"), fields.text("ConnectionStatus")
        machine = pc.match_substring_regex(fields.text("ClientType"), "ip_anchoring|connector|broker|slogger")
        machine = pc.or_(
            pc.fill_null(machine, False), pc.fill_null(pc.equal(fields.text("Username"), "ZPA LSS Client"), False)
        )
        machine = machine.to_numpy(zero_copy_only=False)
        output.unneeded(machine, "session of Zscaler's own")
        neither = pc.and_(pc.is_null(status), pc.is_null(connection)).to_numpy(zero_copy_only=False)
        output.unneeded(neither & ~machine, "neither user status nor user activity")
        rows = np.flatnonzero(~machine & ~neither)
        if len(rows):
            _sign_ins(output, fields.at(rows), rows, context)
    return output.finish()


def _sign_ins(output: Output, fields: Fields, rows: Any, context: Context) -> None:
    text = fields.text
    status = text("SessionStatus")
    ts = each(_moment, text("LogTimestamp"), pa.timestamp("us", tz="UTC"))
    event = pc.if_else(pc.is_null(status), "session", each(lambda word: _STATUS.get(word, ("session", ""))[0], status))
    since = pc.subtract(ts.cast(pa.int64()), times(text("TimestampAuthentication")).cast(pa.int64()))
    fresh = pc.less_equal(pc.abs(since), int(_BEGINNING_S * 1e6))
    begins = pc.and_(pc.equal(event, "heartbeat"), pc.fill_null(fresh, False))
    device = device_ids(text("Hostname"))
    inner = addresses(text("PrivateIP", "ClientPrivateIP"))
    system = systems(text("Platform"))
    add_sign_ins(
        output,
        {
            "device_id": device, "ts": ts, "provider": "zpa", "event": pc.if_else(begins, "tunnel up", event),
            "account": context.hide_all(text("Username")), "application": text("Application"),
            "outcome": pc.coalesce(
                each(lambda word: _STATUS[word][1] if word in _STATUS else None, status),
                lowered(status), lowered(text("ConnectionStatus")), pa.scalar("unknown"),
            ),
            "address": text("PublicIP", "ClientPublicIP"), "private_address": inner,
            "place_country": text("CountryCode", "ClientCountryCode"), "place_city": text("City"),
            "latitude": fields.real("Latitude", "ClientLatitude"),
            "longitude": fields.real("Longitude", "ClientLongitude"),
            "session": context.hide_all(text("SessionID")), "client_os": system,
        },
        rows,
    )  # fmt: skip
    add_device_facts(output, {"device_id": device, "ts": ts, "host_name": device, "platform": system}, rows)
    near = np.flatnonzero(
        pc.and_(pc.and_(pc.is_valid(device), pc.is_valid(inner)), pc.is_valid(ts)).to_numpy(zero_copy_only=False)
    )
    at = pa.array(near, pa.int64())
    output.add(
        Sighting,
        {"device_id": device.take(at), "ts": ts.take(at), "kind": "local_ip", "value": inner.take(at)},
        rows[near],
    )


def _moment(text: str) -> datetime | None:
    for form in ("%a %b %d %H:%M:%S %Y", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
