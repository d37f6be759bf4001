"""The JSON forms that Windows events come in.

* Winlogbeat and Elastic Agent: ``winlog.*`` with ``event_data`` or ``user_data``, from 6.x without ``winlog``;
  also after an ingest pipeline has moved fields to the Elastic Common Schema (ECS),
* ``evtx_dump`` and the evtx package, Chainsaw, Velociraptor's ``parse_evtx``: ``Event.System``, or ``System`` at the
  top,
* Fluent Bit ``winevtlog`` (``ProviderName``, ``StringInserts``) and ``winlog`` (``SourceName``, ``ComputerName``),
* NXLog ``im_msvistalog``: flat, ``SourceName``, ``Hostname``, ``RecordNumber``,
* PowerShell ``Get-WinEvent | ConvertTo-Json``: ``Id``, ``LogName``, ``MachineName``, ``Properties`` in order,
* any of them, or a wrapper, with the event's XML as a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from farmwatch.collectors.feeds.windows.events import Event, plain
from farmwatch.collectors.feeds.windows.xml import event_of_xml
from farmwatch.errors import DecodeError

__all__ = ["LEFT_BEHIND", "event_of"]

LEFT_BEHIND = (
    "message", "Message", "user", "related", "RenderingInfo", "UserId", "UserID", "LevelDisplayName",
)  #: fields beside an event's data that hold names or texts in the system's language  # fmt: skip
_NOT_SHOWN = "System.Diagnostics.Eventing."  # a value's type in its place: ConvertTo-Json with too small a depth
_XML_FIELDS = ("Event", "System", "EventXML", "Xml", "xml", "message", "Message", "raw", "original")
_ECS = {
    "Image": "process.executable", "NewProcessName": "process.executable", "CommandLine": "process.command_line",
    "ProcessId": "process.pid", "NewProcessId": "process.pid", "ParentImage": "process.parent.executable",
    "ParentProcessName": "process.parent.executable", "OriginalFileName": "process.pe.original_file_name",
    "Company": "process.pe.company", "Product": "process.pe.product", "Hashes": "process.hash.sha256",
    "Protocol": "network.transport", "SourceIp": "source.ip", "SourcePort": "source.port",
    "SourceHostname": "source.domain", "DestinationIp": "destination.ip", "DestinationPort": "destination.port",
    "DestinationHostname": "destination.domain", "QueryName": "dns.question.name", "QueryResults": "dns.resolved_ip",
    "IpAddress": "source.ip", "IpPort": "source.port", "WorkstationName": "source.domain",
    "ServiceName": "service.name",
}  # fields that Elastic's own pipelines move out of event_data, by where they go  # fmt: skip
_ECS_PARTS = ("process", "source", "destination", "dns", "service")


def event_of(document: Mapping[str, Any]) -> Event | None:
    """The event in a document; None where it is of no form known here."""
    inner = document.get("_source")
    if isinstance(inner, dict):
        document = inner
    winlog = document.get("winlog")
    if isinstance(winlog, dict):
        return _winlogbeat(document, winlog)
    outer = document.get("Event")
    system = outer.get("System") if isinstance(outer, dict) else document.get("System")
    if isinstance(system, dict):
        return event_of_system(system, outer if isinstance(outer, dict) else document)
    for name in _XML_FIELDS:
        text = document.get(name)
        if isinstance(text, str) and text.startswith("<Event"):
            try:
                return event_of_xml(text)
            except DecodeError:
                return None
    return _flat(document)


def event_of_system(system: Mapping[str, Any], event: Mapping[str, Any]) -> Event:
    """The event of its ``System`` and its ``EventData`` or ``UserData``."""
    provider = _attributes(system, "Provider")
    created = _attributes(system, "TimeCreated")
    number = system.get("EventID")
    if isinstance(number, dict):
        number = number.get("#text", number.get("Value"))
    return Event(
        provider.get("Name") or provider.get("EventSourceName"),
        system.get("Channel"),
        number,
        system.get("EventRecordID"),
        system.get("Computer"),
        created.get("SystemTime"),
        _attributes(system, "Correlation").get("ActivityID"),
        _data(event),
    )


def _attributes(system: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Attributes of an element, whichever way they are written."""
    element = system.get(name)
    if isinstance(element, dict):
        inner = element.get("#attributes")
        return inner if isinstance(inner, dict) else element
    apart = system.get(f"{name}_attributes")
    return apart if isinstance(apart, dict) else {}


def _data(event: Mapping[str, Any]) -> Mapping[str, Any] | list[Any]:
    """Values of an event: by name, or in order where they have no names."""
    data = event.get("EventData")
    if isinstance(data, dict) and data:
        listed = data.get("Data")
        if listed is None:
            return data
        if isinstance(listed, dict):
            listed = listed.get("#text")
        return listed if isinstance(listed, list) else [listed]
    user = event.get("UserData")
    if isinstance(user, dict):
        for value in user.values():
            if isinstance(value, dict):
                return value
        return user
    return {}


def _winlogbeat(document: Mapping[str, Any], winlog: Mapping[str, Any]) -> Event:
    data = winlog.get("event_data")
    if not isinstance(data, dict):
        data = winlog.get("user_data")
        data = data if isinstance(data, dict) else {}
    event = document.get("event")
    event = event if isinstance(event, dict) else {}
    if any(part in document for part in _ECS_PARTS):
        data = _with_ecs(document, data)
    return Event(
        winlog.get("provider_name") or event.get("provider"),
        winlog.get("channel"),
        winlog.get("event_id") or event.get("code"),
        winlog.get("record_id"),
        winlog.get("computer_name"),
        winlog.get("time_created") or document.get("@timestamp"),
        winlog.get("activity_id"),
        data,
    )


def _with_ecs(document: Mapping[str, Any], data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Data with what a pipeline has moved out of it."""
    whole = dict(data)
    for name, path in _ECS.items():
        if name not in whole:
            value: Any = document
            for part in path.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                whole[name] = ";".join(filter(None, map(plain, value))) if isinstance(value, list) else value
    return whole


def _flat(document: Mapping[str, Any]) -> Event | None:
    """Forms whose System fields stand beside each other."""
    get = document.get
    if "EventID" in document and "ProviderName" in document:  # Fluent Bit winevtlog
        values = get("StringInserts")
        return None if not isinstance(values, list) else Event(  # switched off: the event says nothing any more
            get("ProviderName"), get("Channel"), get("EventID"), get("EventRecordID"), get("Computer"),
            get("TimeCreated") or get("date"), get("ActivityID"), values,
        )  # fmt: skip
    if "EventID" in document and "SourceName" in document:  # NXLog; Fluent Bit winlog
        values = get("StringInserts")
        return Event(
            get("SourceName"), get("Channel"), get("EventID"), get("RecordNumber"),
            get("Hostname") or get("ComputerName"), get("EventTime") or get("TimeGenerated"), get("ActivityID"),
            values if isinstance(values, list) else document,
        )  # fmt: skip
    if "Id" in document and "ProviderName" in document:  # Get-WinEvent
        return _powershell(document)
    if "event_data" in document and "source_name" in document:  # Winlogbeat before 7
        data = get("event_data")
        return Event(
            get("source_name"), get("log_name"), get("event_id"), get("record_number"), get("computer_name"),
            get("@timestamp"), get("activity_id"), data if isinstance(data, dict) else {},
        )  # fmt: skip
    return None


def _powershell(document: Mapping[str, Any]) -> Event | None:
    """Values in order; None where they were not written out."""
    get, values = document.get, document.get("Properties")
    if not isinstance(values, list):
        return None
    listed = [one.get("Value") if isinstance(one, dict) else one for one in values]
    if any(isinstance(one, str) and one.startswith(_NOT_SHOWN) for one in listed):
        return None
    created = get("TimeCreated")
    if isinstance(created, dict):  # the time, and how it is shown
        created = created.get("value", created.get("DateTime"))
    return Event(
        get("ProviderName"), get("LogName"), get("Id"), get("RecordId"), get("MachineName"), created,
        get("ActivityId"), listed,
    )  # fmt: skip
