"""Meetings as the services report them: Zoom's dashboard of participants, call records of Teams.

Shapes: Zoom, ``GET /metrics/meetings/{meetingId}/participants`` and ``…/participants/qos``: ``{"participants": [...]}``
with ``pc_name``, ``ip_address``, ``mac_addr``, ``join_time``, ``leave_time``, ``user_qos[]``. The answer does not say
which meeting it is of: add it as ``meeting_id`` beside ``participants`` or in each of them. The ``details`` of
``…/participants/sharing`` count where they were put into the participant. Teams, Microsoft Graph ``callRecord`` with
``$expand=sessions($expand=segments)``: one record a call, its sessions with two endpoints each and the network of each
endpoint by medium.

For how long a participant shared its own screen is read as :mod:`farmwatch.collectors.feeds.screen_shares` says. That
remote control was given, and for how long, neither service tells, so those columns stay empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from farmwatch.collectors.feeds.clients import outer_addresses
from farmwatch.collectors.feeds.columns import addresses, hardware_addresses
from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.documents import json_objects
from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.feeds.rows import Rows, dicts_of, host_of, text_of
from farmwatch.collectors.feeds.screen_shares import teams_shared_s, zoom_shared_s
from farmwatch.records import DeviceFact, MeetingUse, Record, Sighting

__all__ = ["TeamsCallRecords", "ZoomParticipants"]

_LATENCY = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*ms")
_DURATION = re.compile(r"PT(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:(\d{1,6}(?:\.\d{1,9})?)S)?")
_QUALITIES = ("audio_input", "audio_output", "video_input", "video_output", "as_input", "as_output")
_MEDIA = {"wifi": "wireless", "wired": "wired", "mobile": "mobile", "tunnel": "tunnel"}
_NETWORK = ("ipAddress", "reflexiveIPAddress", "macAddress", "basicServiceSetIdentifier", "connectionType")
_SENDERS_STAND_IN = "02:00:00:00:00:00"  # where the system does not tell applications its link-layer address


@dataclass(frozen=True, slots=True)
class ZoomParticipants:
    """Who took part in a meeting from which device, by Zoom's dashboard."""

    kind: ClassVar[str] = "zoom"
    sentence: ClassVar[str] = "Zoom dashboard: participants of meetings and their quality of service."
    tables: ClassVar[tuple[type[Record], ...]] = (MeetingUse, DeviceFact, Sighting)

    def recognises(self, sample: Sample) -> bool:
        """By the fields of a participant."""
        if not sample.documents:
            return b'"participants"' in sample.head[:4096] and b'"harddisk_id"' in sample.head
        document = sample.documents[0]
        listed = dicts_of(document.get("participants"))
        return _is_participant(listed[0] if listed else document)

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read participants; see the module."""
        return _read(stream, context, _participants, _participant)


@dataclass(frozen=True, slots=True)
class TeamsCallRecords:
    """Calls and meetings of Teams, by session and endpoint."""

    kind: ClassVar[str] = "teams"
    sentence: ClassVar[str] = "Microsoft Teams call records from Graph, with sessions and segments."
    tables: ClassVar[tuple[type[Record], ...]] = (MeetingUse, DeviceFact, Sighting)

    def recognises(self, sample: Sample) -> bool:
        """By what a call record or a session has."""
        if not sample.documents:
            return b"callRecords" in sample.head[:4096] and b'"segments"' in sample.head
        document = sample.documents[0]
        listed = dicts_of(document.get("value"))
        return _is_call(listed[0] if listed else document)

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read calls; see the module."""
        return _read(stream, context, _calls, _call)


def _read(
    stream: ByteStream, context: Context, apart: Callable[[dict[str, Any]], list[Any]],
    reader: Callable[[dict[str, Any], Rows], str],
) -> Iterator[Parsed]:  # fmt: skip
    """Documents taken apart into records, each read into rows; the reader says why there are none."""
    number = 0
    for documents, _, faults in json_objects(stream):
        records = [record for document in documents for record in apart(document)]
        output = Output(np.arange(number + 1, number + 1 + len(records), dtype=np.int64))
        output.before(faults)
        number += len(records)
        rows = Rows(context)
        for row, record in enumerate(records):
            if not isinstance(record, dict):
                output.reject([row], "not a JSON object")
                continue
            rows.at = row
            if why := reader(record, rows):
                output.unneeded([row], why)
        rows.finish(output)
        yield output.finish()


def _is_participant(record: dict[str, Any]) -> bool:
    return {"join_time", "ip_address"} <= record.keys() and bool({"pc_name", "harddisk_id"} & record.keys())


def _participants(document: dict[str, Any]) -> list[Any]:
    listed = document.get("participants")
    if not isinstance(listed, list):
        return [document]
    meeting = document.get("meeting_id") or document.get("uuid")
    return [{"meeting_id": meeting, **one} if isinstance(one, dict) else one for one in listed]


def _participant(record: dict[str, Any], rows: Rows) -> str:
    if not _is_participant(record):
        return "no participant"
    device, ts = host_of(record.get("pc_name")), text_of(record.get("join_time"))
    rows.leave("pc_name", record.get("pc_name") if device is None else None)
    for name in ("user_name", "registrant_id", "leave_reason", "sip_uri"):
        rows.leave(name, record.get(name))
    address = _first_address(record.get("ip_address"))
    hide = rows.context.hide
    rows.add(
        MeetingUse, device_id=device, ts=ts, product="zoom", meeting_id=hide(text_of(record.get("meeting_id"))),
        account=hide(text_of(record.get("email")) or text_of(record.get("id"))),
        ended=text_of(record.get("leave_time")), address=address, latency_ms=_middle(_zoom_latencies(record)),
        shared_s=zoom_shared_s(record),
    )  # fmt: skip
    _places(rows, device, ts, {"ipAddress": address, "macAddress": record.get("mac_addr"),
                               "connectionType": text_of(record.get("network_type"))})  # fmt: skip
    return ""


def _zoom_latencies(record: dict[str, Any]) -> list[float]:
    told = (one.get(name) for one in dicts_of(record.get("user_qos")) for name in _QUALITIES)
    texts = (str(value.get("latency")) for value in told if isinstance(value, dict))
    return [float(found[1]) for text in texts if (found := _LATENCY.fullmatch(text.strip()))]


def _middle(values: list[float]) -> float | None:
    return median(values) if values else None


def _is_call(record: dict[str, Any]) -> bool:
    call = {"id", "startDateTime", "modalities"} <= record.keys()
    return call and ("sessions" in record or "participants_v2" in record or {"caller", "callee"} <= record.keys())


def _calls(document: dict[str, Any]) -> list[Any]:
    listed = document.get("value")
    return listed if isinstance(listed, list) else [document]


def _call(record: dict[str, Any], rows: Rows) -> str:
    if not _is_call(record):
        return "no call"
    sessions = dicts_of(record.get("sessions")) or ([record] if "caller" in record else [])
    people = {_account(side) for one in sessions for side in (one.get("caller"), one.get("callee"))} - {None}
    count = len(dicts_of(record.get("participants_v2"))) or len(people) or None
    call = text_of(record.get("id")) if "caller" not in record else None
    count = count if call else None
    ends = 0
    for session in sessions:
        for side in ("caller", "callee"):
            ends += _endpoint(session, side, call, count, rows)
    return "" if ends else "call without endpoints of people"


def _account(endpoint: Any) -> str | None:
    """Whose endpoint it is: by the current field, or the one before it."""
    if not isinstance(endpoint, dict):
        return None
    identity = endpoint.get("associatedIdentity")
    if not isinstance(identity, dict):
        held = endpoint.get("identity")
        identity = held.get("user") if isinstance(held, dict) else None
    if not isinstance(identity, dict):
        return None
    return text_of(identity.get("userPrincipalName")) or text_of(identity.get("id"))


def _endpoint(session: dict[str, Any], side: str, call: str | None, count: int | None, rows: Rows) -> bool:
    """One side of a session; False where it is the service's."""
    endpoint = session.get(side)
    if not isinstance(endpoint, dict) or "participantendpoint" not in str(endpoint.get("@odata.type")).lower():
        return False
    identity = endpoint.get("associatedIdentity")
    rows.leave("associatedIdentity.displayName", identity.get("displayName") if isinstance(identity, dict) else None)
    rows.leave("name", endpoint.get("name") if host_of(endpoint.get("name")) is None else None)
    device, ts = host_of(endpoint.get("name")), text_of(session.get("startDateTime"))
    media = [one for segment in dicts_of(session.get("segments")) for one in dicts_of(segment.get("media"))]
    networks = [one[f"{side}Network"] for one in media if isinstance(one.get(f"{side}Network"), dict)]
    outside = [_first_address(one.get("reflexiveIPAddress")) for one in networks]
    inside = [_first_address(one.get("ipAddress")) for one in networks]
    trips = [
        _milliseconds(stream.get("averageRoundTripTime")) for one in media for stream in dicts_of(one.get("streams"))
    ]
    hide = rows.context.hide
    number = text_of(session.get("id"))
    rows.add(
        MeetingUse, device_id=device, ts=ts, record_id=f"{number}:{side}" if number else None, product="teams",
        meeting_id=hide(call), account=hide(_account(endpoint)), ended=text_of(session.get("endDateTime")),
        participants=count, address=next((one for one in outside + inside if one), None),
        latency_ms=_middle([trip for trip in trips if trip is not None]), shared_s=teams_shared_s(session, side),
    )  # fmt: skip
    seen: list[dict[str, Any]] = []
    for network in networks:
        told = {name: network.get(name) for name in _NETWORK}
        if told not in seen and len(seen) < 16:
            seen.append(told)
            _places(rows, device, ts, told)
    return True


def _milliseconds(value: Any) -> float | None:
    """A duration as ISO 8601 has it, ``PT0.045S``."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None or not any(found.groups()):
        return None
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000


def _first_address(value: Any) -> str | None:
    """The first address in a text, one outside home networks before others."""
    text = text_of(value)
    return None if text is None else _address_in(text[:256])


@lru_cache(maxsize=65_536)
def _address_in(text: str) -> str | None:
    parts = re.split(r"[\s,;]+", text)[:8]
    found = addresses(pa.array(parts, pa.string())).drop_null()
    outer = outer_addresses(found).drop_null().to_pylist()
    return next(iter(outer or found.to_pylist()), None)


def _places(rows: Rows, device: str | None, ts: str | None, network: dict[str, Any]) -> None:
    """What an endpoint's network tells of where a known device is."""
    if device is None:
        return
    medium = _MEDIA.get((text_of(network.get("connectionType")) or "").lower())
    for name in ("reflexiveIPAddress", "ipAddress"):
        address = _first_address(network.get(name))
        if address is not None:
            kind = "public_ip" if _is_outside(address) else "local_ip"
            rows.add(Sighting, device_id=device, ts=ts, kind=kind, value=address, medium=medium)
    station = _link_address(network.get("basicServiceSetIdentifier"))
    if station:
        rows.add(
            Sighting,
            device_id=device,
            ts=ts,
            kind="bssid",
            value=station,
            oui=station[:8],
            medium=medium,
        )
    mac = _link_address(network.get("macAddress"))
    if mac:
        rows.add(DeviceFact, device_id=device, ts=ts, host_name=device, macs=mac)


@lru_cache(maxsize=65_536)
def _is_outside(address: str) -> bool:
    return bool(outer_addresses(pa.array([address]))[0].is_valid)


def _link_address(value: Any) -> str | None:
    text = text_of(value)
    return None if text is None else _link_address_in(text[:64])


@lru_cache(maxsize=65_536)
def _link_address_in(text: str) -> str | None:
    found: str | None = hardware_addresses(pa.array([text], pa.string()))[0].as_py()
    return None if found == _SENDERS_STAND_IN else found
