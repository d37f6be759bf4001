"""What a device says about itself in multicast DNS: host names, addresses, services.

Sources: RFC 6762 (multicast DNS; section 10.1 goodbye), RFC 6763 (service discovery; section 6 TXT pairs,
section 9 enumeration of service types).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from farmwatch.wire.protocols.dns import (
    AAAA,
    HTTPS,
    PTR,
    SRV,
    TXT,
    A,
    DnsMessage,
    DnsRecord,
    DnsServer,
    parse_dns,
)

__all__ = ["MdnsHost", "MdnsMessage", "MdnsService", "mdns_view", "parse_mdns"]

_ENUMERATION = "_services._dns-sd._udp"
_MAX_PROPERTIES = 64


@dataclass(frozen=True, slots=True)
class MdnsHost:
    """A host name and the addresses announced for it; the name is lower case, without the final dot."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MdnsService:
    """One service instance; fields that this message did not carry are empty.

    ``instance`` is the label a person sees, ``service`` the lower-case type as in ``_rfb._tcp``, ``target`` the
    lower-case host name and ``port`` of its SRV record, ``properties`` the key/value pairs of its TXT record (keys
    in lower case; a key without ``=`` has an empty value).
    """

    instance: str
    service: str
    domain: str
    target: str
    port: int
    properties: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MdnsMessage:
    """Announcements and questions of one message; ``goodbye`` lists names withdrawn with a TTL of zero."""

    is_response: bool
    hosts: tuple[MdnsHost, ...]
    services: tuple[MdnsService, ...]
    service_types: tuple[str, ...]
    asked: tuple[str, ...]
    goodbye: tuple[str, ...]


def parse_mdns(payload: bytes) -> MdnsMessage:
    """Decode one multicast DNS message; sample: a response whose SRV names ``pikvm._pikvm._tcp.local``.

    Raises:
        DecodeError: the payload is not a DNS message.
    """
    return mdns_view(parse_dns(payload))


def mdns_view(message: DnsMessage) -> MdnsMessage:
    """The announcements in a decoded message, sorted by name; known answers inside a query are not announcements."""
    announced: list[DnsRecord] = []
    goodbye: set[str] = set()
    if message.is_response:
        for record in (*message.answers, *message.authorities, *message.additionals):
            if record.ttl:
                announced.append(record)
            elif record.rtype == PTR and isinstance(record.data, str):
                goodbye.add(record.data)
            else:
                goodbye.add(record.name)
    else:
        # a probe carries the records a host is about to claim in the authority section (RFC 6762 section 8.2)
        announced.extend(record for record in message.authorities if record.ttl)
    return MdnsMessage(
        message.is_response,
        tuple(_hosts(announced)),
        tuple(_services(announced)),
        tuple(sorted(set(_service_types(announced)))),
        tuple(dict.fromkeys(question.name for question in message.questions)),
        tuple(sorted(goodbye)),
    )


def _hosts(records: list[DnsRecord]) -> Iterator[MdnsHost]:
    """Address records grouped by host name."""
    addresses: dict[str, dict[str, None]] = {}
    for record in records:
        if record.rtype in (A, AAAA) and isinstance(record.data, str):
            addresses.setdefault(record.name.lower(), {})[record.data] = None
    for name in sorted(addresses):
        yield MdnsHost(name, tuple(addresses[name]))


def _services(records: list[DnsRecord]) -> Iterator[MdnsService]:
    """PTR, SRV and TXT records joined by the instance name, which compares without case."""
    spelled: dict[str, str] = {}
    servers: dict[str, DnsServer] = {}
    texts: dict[str, tuple[str, ...]] = {}
    for record in records:
        data = record.data
        if record.rtype == PTR and isinstance(data, str):
            if not record.name.lower().startswith(_ENUMERATION) and _split(data):
                spelled.setdefault(data.lower(), data)
        elif record.rtype in (SRV, TXT, HTTPS) and _split(record.name):
            spelled.setdefault(record.name.lower(), record.name)
            if isinstance(data, DnsServer):
                servers.setdefault(record.name.lower(), data)
            elif isinstance(data, tuple):
                texts.setdefault(record.name.lower(), data)
    for key in sorted(spelled):
        parts = _split(spelled[key])
        if parts is None:
            continue
        instance, service, domain = parts
        server = servers.get(key)
        yield MdnsService(
            instance.replace("\\x2e", "."),
            service.lower(),
            domain.lower(),
            server.target.lower() if server else "",
            server.port if server else 0,
            _properties(texts.get(key, ())),
        )


def _service_types(records: list[DnsRecord]) -> Iterator[str]:
    """Types offered by the enumeration name and types that have an instance."""
    for record in records:
        if record.rtype != PTR or not isinstance(record.data, str):
            continue
        name = record.data if record.name.lower().startswith(_ENUMERATION) else record.name
        labels = name.lower().split(".")
        for at in range(len(labels) - 1):
            if labels[at].startswith("_") and labels[at + 1] in ("_tcp", "_udp"):
                yield f"{labels[at]}.{labels[at + 1]}"
                break


def _split(name: str) -> tuple[str, str, str] | None:
    """Instance, service type and domain of ``<instance>.<_service>.<_tcp|_udp>.<domain>``."""
    labels = name.split(".")
    for at in range(1, len(labels) - 1):
        if labels[at].startswith("_") and labels[at + 1].lower() in ("_tcp", "_udp"):
            return ".".join(labels[:at]), f"{labels[at]}.{labels[at + 1]}", ".".join(labels[at + 2 :])
    return None


def _properties(strings: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Pairs of a TXT record; of a repeated key the first counts (RFC 6763 section 6.4)."""
    pairs: dict[str, str] = {}
    for string in strings[:_MAX_PROPERTIES]:
        key, _, value = string.partition("=")
        if key:
            pairs.setdefault(key.lower(), value)
    return tuple(pairs.items())
