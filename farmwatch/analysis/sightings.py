"""Signs of known products in a device's traffic: payloads, server names, handshakes, certificates, name queries."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from farmwatch.analysis.identity import Hosts
from farmwatch.analysis.ports import flows_on_known_ports
from farmwatch.analysis.positions import flow_rows_of
from farmwatch.analysis.profile import Profile
from farmwatch.analysis.relays import published_relays
from farmwatch.knowledge import Entry, Grade, Knowledge, Layer, Match, Sign
from farmwatch.records import ABSENT, Flow, NameQuery, Table, Tables, Tls, ToolSighting

__all__ = ["Sightings", "find_sightings", "is_approved", "is_own_name"]


@dataclass(slots=True)
class _Seen:
    match: Match
    layer: str
    value: str
    flow: int | None
    packet: int
    ts: Any
    last_ts: Any
    count: int


@dataclass(frozen=True, slots=True)
class Sightings:
    """Signs of products: as a table, equal ones counted once, and by flow."""

    table: Table[ToolSighting]
    by_flow: dict[tuple[int, int], tuple[Match, ...]]  #: (input, flow) -> what its own bytes match


def find_sightings(tables: Tables, hosts: Hosts, knowledge: Knowledge, profile: Profile) -> Sightings:
    """Everything in the traffic of devices that names a known product."""
    found: dict[_Key, _Seen] = {}
    by_flow: dict[tuple[int, int], tuple[Match, ...]] = {}
    ids = {index: host.device_id for index, host in enumerate(hosts.hosts) if host.device_id}
    matcher = _Matcher(knowledge)
    _gather(_signs(tables, hosts, ids, matcher), found, by_flow)
    standing = {key[:3] for key, sign in found.items() if sign.match.alone or sign.layer == "relay"}  # others support
    _gather(_port_signs(tables, hosts, ids, matcher, standing), found, by_flow)
    return Sightings(_table({key: sign for key, sign in found.items() if key[:3] in standing}, profile), by_flow)


def _gather(
    signs: Iterator[SignOf], found: dict[_Key, _Seen], by_flow: dict[tuple[int, int], tuple[Match, ...]]
) -> None:
    """Count equal signs once, and list what each flow's own bytes match."""
    for device_id, number, sign in signs:
        if sign.flow is not None and sign.match not in by_flow.get((number, sign.flow), ()):
            by_flow[number, sign.flow] = (*by_flow.get((number, sign.flow), ()), sign.match)
        key = (device_id, number, sign.match.id, sign.layer, sign.value)
        known = found.get(key)
        if known is None:
            found[key] = replace(sign)
            continue
        known.count += sign.count
        known.last_ts = max(known.last_ts, sign.last_ts)
        if sign.packet < known.packet:
            known.packet, known.ts, known.flow = (
                sign.packet,
                sign.ts,
                sign.flow if sign.flow is not None else known.flow,
            )


_CERTIFICATE = (
    "subject_cn", "subject_org", "subject_ou", "issuer_cn", "issuer_org", "issuer_ou", "certificate_sha256", "san",
)  # fmt: skip
_Key: TypeAlias = tuple[str, int, str, str, str]  #: device, input, product, layer, value
SignOf: TypeAlias = tuple[str, int, _Seen]


def _signs(tables: Tables, hosts: Hosts, ids: Mapping[int, str], matcher: _Matcher) -> Iterator[SignOf]:
    yield from _flow_signs(tables, hosts, ids, matcher)
    yield from _query_signs(tables, hosts, ids, matcher)
    yield from _resolver_signs(tables, hosts, ids, matcher)
    for row, match, seen in published_relays(tables, matcher.knowledge):
        yield from _of_flow(tables[Flow], hosts, ids, row, (match,), "relay", seen)


class _Matcher:
    """Looks every distinct value up once."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self._found: dict[tuple[str, str], tuple[Match, ...]] = {}

    def once(self, layer: str, value: str) -> tuple[Match, ...]:
        key = (layer, value)
        if key not in self._found:
            if layer == "alpn":
                found = self.knowledge.match_alpn(value)
            elif layer == "ja4":
                found = self.knowledge.match_ja4(value)
            else:
                found = self.knowledge.match_domain(value)
            self._found[key] = tuple(match for match in found if match.sign is not Sign.WEB)
        return self._found[key]

    def offers(self, layer: str, value: str) -> list[tuple[str, tuple[Match, ...]]]:
        """What a server name, or each protocol of an ALPN list, meets."""
        parts = value.split(",") if layer == "alpn" else [value]
        return [(part, found) for part in parts if part and (found := self.once(layer, part))]

    def certificate(self, parts: Sequence[str | None]) -> tuple[Match, ...]:
        subject, organisation, unit, issuer, issuer_organisation, issuer_unit, digest, names = (
            part or "" for part in parts
        )
        return self.knowledge.match_certificate(
            subject_cn=subject, subject_org=organisation, subject_ou=unit, issuer_cn=issuer,
            issuer_org=issuer_organisation, issuer_ou=issuer_unit, sha256=digest,
            names=names.split(",") if names else (),
        )  # fmt: skip

    def resolver(self, address: str) -> tuple[Match, ...]:
        key = ("resolver", address)
        if key not in self._found:
            self._found[key] = self.knowledge.match_address(address)
        return self._found[key]

    def port(self, protocol: str, port: int) -> tuple[Match, ...]:
        return tuple(found for found in self.knowledge.match_ports(protocol, port) if found.grade is not Grade.LOW)

    def tool(self, tool: str) -> tuple[Match, ...]:
        entry = self.knowledge.entry(tool)
        if entry is None:
            return ()
        facts = [fact for fact in entry.facts if fact.layer is Layer.PAYLOAD] or list(entry.facts)
        return tuple(Match(entry, fact, tool) for fact in facts[:1])


def _flow_signs(tables: Tables, hosts: Hosts, ids: Mapping[int, str], matcher: _Matcher) -> Iterator[SignOf]:
    flows, shown = tables[Flow], tables[Tls]
    for row in np.flatnonzero(flows.present("tool")).tolist():
        yield from _of_flow(flows, hosts, ids, row, matcher.tool(flows["tool"][row]), "payload", flows["tool"][row])
    rows = flow_rows_of(shown, tables).tolist()
    for column, layer in (("server_name", "sni"), ("alpn", "alpn"), ("ja4", "ja4")):
        values = shown[column].tolist()
        known = {value: matcher.offers(layer, value) for value in set(values) if value}
        for row, value in zip(rows, values, strict=True) if any(known.values()) else ():
            for one, matches in known.get(value, ()):
                yield from _of_flow(flows, hosts, ids, row, matches, layer, one)
    certificates = list(zip(*(shown[name].tolist() for name in _CERTIFICATE), strict=True))
    named = {parts: matcher.certificate(parts) for parts in set(certificates) if any(parts)}
    for row, parts in zip(rows, certificates, strict=True) if any(named.values()) else ():
        if named.get(parts):
            yield from _of_flow(flows, hosts, ids, row, named[parts], "cert", next(filter(None, parts)))
    for number in np.flatnonzero(shown.present("client_subject_cn")).tolist():
        name = shown["client_subject_cn"][number]
        matches = matcher.certificate((name, *[None] * 7))
        yield from _of_flow(flows, hosts, ids, rows[number], matches, "client cert", name)


def _of_flow(
    flows: Table[Flow],
    hosts: Hosts,
    ids: Mapping[int, str],
    row: int,
    matches: tuple[Match, ...],
    layer: str,
    value: str,
) -> Iterator[SignOf]:
    for match in matches:
        sign = _Seen(
            match, layer, value, int(flows["flow"][row]), int(flows["first_packet"][row]), flows["ts"][row],
            flows["last_ts"][row], 1,
        )  # fmt: skip
        for end in {int(hosts.orig[row]), int(hosts.resp[row])} & ids.keys():
            yield ids[end], int(flows["input"][row]), sign


def _query_signs(tables: Tables, hosts: Hosts, ids: Mapping[int, str], matcher: _Matcher) -> Iterator[SignOf]:
    queries = tables[NameQuery]
    clients = {(host.input, address): index for index, host in enumerate(hosts.hosts) for address in host.addresses}
    known = {name for name in set(queries["name"].tolist()) if matcher.once("dns", name)}
    for row, name in enumerate(queries["name"].tolist()):
        if name not in known or queries["protocol"][row] != "dns":
            continue
        index = clients.get((int(queries["input"][row]), queries["client"][row]), -1)
        if index in ids:
            for match in matcher.once("dns", name):
                sign = _Seen(
                    match, "dns", name, None, int(queries["packet"][row]), queries["ts"][row], queries["last_ts"][row],
                    int(queries["count"][row]),
                )  # fmt: skip
                yield ids[index], int(queries["input"][row]), sign


def _resolver_signs(tables: Tables, hosts: Hosts, ids: Mapping[int, str], matcher: _Matcher) -> Iterator[SignOf]:
    """Name servers whose address belongs to a product; such facts only support others."""
    flows = tables[Flow]
    asked = flows["resp_h"][flows["resp_p"] == 53].tolist()
    known = {address for address in set(asked) if matcher.resolver(address)}
    for row in (
        np.flatnonzero((flows["resp_p"] == 53) & np.isin(flows["resp_h"], list(known))).tolist() if known else ()
    ):
        address = flows["resp_h"][row]
        yield from _of_flow(flows, hosts, ids, row, matcher.resolver(address), "resolver", address)


def _port_signs(
    tables: Tables, hosts: Hosts, ids: Mapping[int, str], matcher: _Matcher, standing: Container[tuple[str, int, str]]
) -> Iterator[SignOf]:
    """Flows that nothing else names, on a port of just one product that the device shows otherwise."""
    flows = tables[Flow]
    unnamed = flows["established"] & ~flows.present("protocol") & ~flows.present("tool")
    for row, port, matches in flows_on_known_ports(flows, unnamed, matcher.port):
        for match in matches:
            for device_id, number, sign in _of_flow(flows, hosts, ids, row, (match,), "port", port):
                if [other.id for other in matches if (device_id, number, other.id) in standing] == [match.id]:
                    yield device_id, number, sign


def _table(found: Mapping[_Key, _Seen], profile: Profile) -> Table[ToolSighting]:
    rows = sorted(found.items())
    signs = [sign for _, sign in rows]
    columns: dict[str, list[Any]] = {
        "device_id": [key[0] for key, _ in rows],
        "input": [key[1] for key, _ in rows],
        "tool": [key[2] for key, _ in rows],
        "tool_name": [sign.match.entry.name for sign in signs],
        "vendor": [sign.match.entry.vendor for sign in signs],
        "kind": [str(sign.match.entry.kind) for sign in signs],
        "layer": [key[3] for key, _ in rows],
        "value": [key[4] for key, _ in rows],
        "sign": [str(sign.match.sign) for sign in signs],
        "grade": [str(sign.match.grade) for sign in signs],
        "unattended": [sign.match.entry.unattended for sign in signs],
        "approved": [is_approved(sign.match.entry, profile) or is_own_name(sign.value, profile) for sign in signs],
        "source": [sign.match.source for sign in signs],
        "flow": [ABSENT if sign.flow is None else sign.flow for sign in signs],
        "packet": [sign.packet for sign in signs],
        "ts": [sign.ts for sign in signs],
        "last_ts": [sign.last_ts for sign in signs],
        "count": [sign.count for sign in signs],
    }
    schema = ToolSighting.columns
    return Table(ToolSighting, {
        name: np.array(values, dtype=schema[name].dtype) if schema[name].dtype != object else schema[name].array(values)
        for name, values in columns.items()
    })  # fmt: skip


def is_approved(entry: Entry, profile: Profile) -> bool:
    """Whether the company said that it uses this product; by id, name, vendor or alias."""
    names = {entry.id, entry.name.lower(), entry.vendor.lower(), *(alias.lower() for alias in entry.aliases)}
    return bool(names & profile.approved_tools)


def is_own_name(name: str | None, profile: Profile) -> bool:
    """Whether a name lies in a domain of the company: its own instance of a product, as ``acme.screenconnect.com``."""
    dotted = f".{name}"
    return name is not None and any(dotted.endswith(f".{domain}") for domain in profile.company_domains)
