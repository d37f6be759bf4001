"""Reads knowledge files (TOML), checks every line of them, and merges them in order.

A file holds ``[[entry]]`` tables with ``[[entry.fact]]`` below, and optionally ``[[stun_beacon]]`` and
``[[tunnel_mtu]]``::

    [[entry]]
    id = "acme-remote"
    name = "Acme Remote"
    kind = "remote_access"
    vendor = "Acme"
    unattended = true
    benign = ["Acme supports our printers"]

      [[entry.fact]]
      layer = "domain"
      values = ["*.relay.acme.example"]
      sign = "session"
      grade = "high"
      side = "relay"
      source = "Acme firewall guide, 2026"

Later files win. An entry whose id is known already needs only what it changes: its fields replace, its facts are
added, a fact of the same layer and value replaces the earlier one. ``disabled = true`` switches an entry or a fact off.

A fact fires alone unless ``alone = false`` or unless it is generic (see ``generic``); writing ``alone = true`` on a
generic fact is a fault. ``each_session = true`` says of a program that it starts anew whenever somebody comes in.
A program's, service's or package's name that several entries claim fires alone for none.

Why checks by hand: the validation libraries at hand cost more time to import than a whole small scan takes.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from farmwatch.errors import KnowledgeError
from farmwatch.knowledge.domains import domain_fault, normal_domain
from farmwatch.knowledge.entries import (
    CONDITION_KEYS,
    Entry,
    Fact,
    Grade,
    Kind,
    Layer,
    Side,
    Sign,
    StunBeacon,
    TunnelMtu,
)
from farmwatch.knowledge.generic import never_alone

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Document", "Merged", "merge", "parse_conditions", "parse_port", "read_document"]

E = TypeVar("E", bound=StrEnum)

_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}\Z")
_OUI = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){2}(:[0-9a-f]|:[0-9a-f]{2}:[0-9a-f])?\Z")
_PORT = re.compile(r"(tcp|udp)/(\d{1,5})(?:-(\d{1,5}))?\Z")
_FAVICON = re.compile(r"(md5:[0-9a-f]{32}|mmh3:-?\d{1,10})\Z")
_JA4 = re.compile(r"[tqd][0-9s][0-9][di][0-9]{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}\Z")
_HEX16 = re.compile(r"[0-9a-f]{16}\Z")
_PAYLOAD = re.compile(r"[a-z0-9]+(\.[a-z0-9_]+)+\Z")

_NAME_LAYERS = frozenset({Layer.PROCESS, Layer.SERVICE, Layer.PACKAGE})  #: whose values are names people choose

_ENTRY_KEYS = frozenset(
    {"id", "name", "kind", "vendor", "unattended", "aliases", "benign", "note", "fact", "disabled"}
)  # fmt: skip
_ENTRY_NEEDS = ("name", "kind", "vendor", "unattended", "benign")
_FACT_KEYS = frozenset(
    {"layer", "values", "sign", "grade", "side", "source", "alone", "note", "each_session", "disabled"}
)
_TOP_KEYS = frozenset({"entry", "stun_beacon", "tunnel_mtu"})


@dataclass(frozen=True, slots=True)
class _EntryPatch:
    """What one file says about one entry."""

    id: str
    fields: Mapping[str, Any]
    facts: tuple[Fact, ...]
    dropped: frozenset[tuple[Layer, str]]
    disabled: bool


@dataclass(frozen=True, slots=True)
class Document:
    """One knowledge file, checked."""

    path: str
    digest: bytes  #: SHA-256 of its bytes
    patches: tuple[_EntryPatch, ...]
    beacons: tuple[StunBeacon, ...]
    mtus: tuple[TunnelMtu, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """Several knowledge files, merged in order."""

    entries: dict[str, Entry]
    beacons: tuple[StunBeacon, ...]
    mtus: tuple[TunnelMtu, ...]


def parse_conditions(value: str) -> dict[str, str]:
    """Take ``key=value & key=value`` apart; parts without ``=`` get the key ``""``."""
    parts: dict[str, str] = {}
    for part in value.split(" & "):
        key, equals, text = part.partition("=")
        parts[key.strip() if equals else ""] = text.strip() if equals else part.strip()
    return parts


def parse_port(value: str) -> tuple[str, int, int] | None:
    """Take ``udp/8801-8810`` apart into protocol, first and last port; None where it is not a port fact."""
    found = _PORT.match(value)
    if found is None:
        return None
    low = int(found[2])
    high = int(found[3] or low)
    return (found[1], low, high) if 0 < low <= high <= 0xFFFF else None


def _network_fault(value: str) -> str:
    import ipaddress

    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        return str(error)
    return ""


def _value_fault(layer: Layer, value: str) -> str:
    """What is wrong with a fact's value, or an empty string."""
    if not value or value != value.strip():
        return "is empty or has spaces around it"
    if layer is Layer.DOMAIN:
        return domain_fault(value)
    keys = CONDITION_KEYS.get(layer)
    if keys is not None:
        conditions = parse_conditions(value)
        unknown = sorted(set(conditions) - keys)
        if unknown or not all(conditions.values()):
            return f"must be key=value joined by ' & ' with keys from {', '.join(sorted(keys))}"
        return ""
    expected: dict[Layer, tuple[re.Pattern[str], str]] = {
        Layer.OUI: (_OUI, "a lower-case prefix such as 04:c9:8b, 04:c9:8b:1 or 8c:1f:64:34:a"),
        Layer.FAVICON: (_FAVICON, "md5:<32 hex> or mmh3:<number>"),
        Layer.JA4: (_JA4, "a JA4 such as t13d1516h2_8daaf6152771_02713d6af862"),
        Layer.PAYLOAD: (_PAYLOAD, "a dotted id such as rfb.banner"),
    }
    if layer in expected:
        pattern, wanted = expected[layer]
        return "" if pattern.match(value) else f"expected {wanted}"
    if layer is Layer.PORT:
        return "" if parse_port(value) else "expected tcp/5938 or udp/8801-8810"
    return _network_fault(value) if layer is Layer.NETWORK else ""


class _Checker:
    """Collects every fault of one file while turning its tables into records."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def fault(self, where: str, what: str) -> None:
        self.faults.append(f"{where}: {what}")

    def text(self, table: Mapping[str, Any], key: str, where: str, *, needed: bool = True) -> str:
        value = table.get(key, "")
        if not isinstance(value, str):
            self.fault(f"{where}: {key}", f"is {type(value).__name__}, expected text")
            return ""
        if needed and not value.strip():
            self.fault(f"{where}: {key}", "is missing or empty, expected text")
        return value

    def texts(self, table: Mapping[str, Any], key: str, where: str, *, needed: bool) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.fault(f"{where}: {key}", "expected a list of texts")
            return ()
        if needed and not value:
            self.fault(f"{where}: {key}", "is missing or empty, expected a list of texts")
        return tuple(value)

    def flag(self, table: Mapping[str, Any], key: str, where: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            self.fault(f"{where}: {key}", f"is {value!r}, expected true or false")
            return False
        return value

    def choice(self, table: Mapping[str, Any], key: str, where: str, options: type[E], default: E | None = None) -> E:
        value = table.get(key)
        if value is None and default is not None:
            return default
        member = options._value2member_map_.get(value) if isinstance(value, str) else None
        if isinstance(member, options):
            return member
        stated = "is missing" if value is None else f"is {value!r}"
        self.fault(f"{where}: {key}", f"{stated}, expected one of {', '.join(options)}")
        return next(iter(options))

    def number(self, table: Mapping[str, Any], key: str, where: str, low: float, high: float) -> float:
        value = table.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self.fault(f"{where}: {key}", f"is {value!r}, expected a number from {low:g} to {high:g}")
            return low
        return value

    def keys(self, table: Mapping[str, Any], known: frozenset[str], where: str) -> None:
        for key in table:
            if key not in known:
                self.fault(f"{where}: {key}", f"is not a known field, expected one of {', '.join(sorted(known))}")

    def tables(self, parent: Mapping[str, Any], key: str, where: str) -> list[Mapping[str, Any]]:
        value = parent.get(key, [])
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return value
        self.fault(f"{where}: {key}" if where else key, f"expected tables written [[{key}]]")
        return []

    def facts(self, table: Mapping[str, Any], where: str) -> tuple[list[Fact], set[tuple[Layer, str]]]:
        facts: list[Fact] = []
        dropped: set[tuple[Layer, str]] = set()
        for number, group in enumerate(self.tables(table, "fact", where), start=1):
            spot = f"{where}: fact {number}"
            before = len(self.faults)
            layer = self.choice(group, "layer", spot, Layer)
            known_layer = len(self.faults) == before
            self.keys(group, _FACT_KEYS, spot)
            values = self.texts(group, "values", spot, needed=True)
            if self.flag(group, "disabled", spot):
                dropped.update((layer, value) for value in values)
                continue
            sign = self.choice(group, "sign", spot, Sign)
            grade = self.choice(group, "grade", spot, Grade)
            side = self.choice(group, "side", spot, Side, Side.ANY)
            source = self.text(group, "source", spot)
            note = self.text(group, "note", spot, needed=False)
            alone = self.flag(group, "alone", spot) if "alone" in group else None
            each = self.flag(group, "each_session", spot)
            for value in values if known_layer else ():
                fires = self._alone(layer, value, spot, alone=alone)
                facts.append(Fact(layer, value, sign, grade, side, source, fires, note, each))
        return facts, dropped

    def _alone(self, layer: Layer, value: str, spot: str, *, alone: bool | None) -> bool:
        wrong = _value_fault(layer, value)
        if wrong:
            self.fault(f"{spot}: values", f"{value!r} {wrong}")
            return False
        if alone is False:
            return False
        generic = never_alone(layer, value, parse_conditions(value) if layer in CONDITION_KEYS else {})
        if generic and alone:
            self.fault(f"{spot}: alone", f"{value!r} may not fire by itself: {generic}; expected false or nothing")
        return not generic

    def entry(self, table: Mapping[str, Any], number: int) -> _EntryPatch | None:
        where = f"entry {number}"
        name = table.get("id")
        if not isinstance(name, str) or not _ID.match(name):
            stated = "is missing" if name is None else f"is {name!r}"
            self.fault(f"{where}: id", f"{stated}, expected lower-case letters, digits, dots, dashes (at most 64)")
            name = ""  # the rest is checked all the same: one run shows every fault
        else:
            where = f"entry {name}"
        self.keys(table, _ENTRY_KEYS, where)
        fields: dict[str, Any] = {}
        for key in ("name", "vendor", "note"):
            if key in table:
                fields[key] = self.text(table, key, where, needed=key != "note")
        if "kind" in table:
            fields["kind"] = self.choice(table, "kind", where, Kind)
        if "unattended" in table:
            fields["unattended"] = self.flag(table, "unattended", where)
        if "benign" in table:
            fields["benign"] = self.texts(table, "benign", where, needed=True)
        if "aliases" in table:
            fields["aliases"] = self.texts(table, "aliases", where, needed=False)
        facts, dropped = self.facts(table, where)
        disabled = self.flag(table, "disabled", where)
        return _EntryPatch(name, fields, tuple(facts), frozenset(dropped), disabled) if name else None

    def beacon(self, table: Mapping[str, Any], number: int) -> StunBeacon:
        where = f"stun_beacon {number}"
        self.keys(table, frozenset({"entry", "servers", "period_low_s", "period_high_s", "grade", "source"}), where)
        low = self.number(table, "period_low_s", where, 0.1, 86400)
        return StunBeacon(
            entry=self.text(table, "entry", where),
            servers=tuple(self.server(one, where) for one in self.texts(table, "servers", where, needed=True)),
            period_low_s=low,
            period_high_s=self.number(table, "period_high_s", where, low, 86400),
            grade=self.choice(table, "grade", where, Grade),
            source=self.text(table, "source", where),
        )

    def server(self, text: str, where: str) -> tuple[str, int]:
        host, _, digits = text.rpartition(":")
        name, port = normal_domain(host), int(digits) if digits.isdecimal() and len(digits) <= 5 else 0
        if not name or not 0 < port <= 0xFFFF:
            self.fault(f"{where}: servers", f"is {text!r}, expected host:port")
        return name, port

    def mtu(self, table: Mapping[str, Any], number: int) -> TunnelMtu:
        where = f"tunnel_mtu {number}"
        self.keys(table, frozenset({"id", "name", "entry", "mtu", "grade", "source", "note"}), where)
        mtu = int(self.number(table, "mtu", where, 576, 65535))
        return TunnelMtu(
            id=self.text(table, "id", where),
            name=self.text(table, "name", where),
            entry=self.text(table, "entry", where, needed=False),
            mtu=mtu,
            mss_ipv4=mtu - 40,
            mss_ipv6=mtu - 60,
            grade=self.choice(table, "grade", where, Grade),
            source=self.text(table, "source", where),
            note=self.text(table, "note", where, needed=False),
        )


def read_document(path: Path, data: bytes | None = None) -> Document:
    """Read and check one knowledge file.

    Args:
        path: where it is; named in messages.
        data: its bytes, where they have been read already.

    Raises:
        KnowledgeError: with every fault of the file.
    """
    try:
        content = path.read_bytes() if data is None else data
        tree = tomllib.loads(content.decode())
    except OSError as error:
        raise KnowledgeError(str(path), [f"cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise KnowledgeError(str(path), [f"byte {error.start}: is not UTF-8"]) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise KnowledgeError(str(path), [f"is not TOML: {error}"]) from error
    check = _Checker()
    check.keys(tree, _TOP_KEYS, "top level")
    patches: dict[str, _EntryPatch] = {}
    for number, table in enumerate(check.tables(tree, "entry", ""), start=1):
        patch = check.entry(table, number)
        if patch is not None and patch.id in patches:
            check.fault(f"entry {patch.id}: id", "appears twice in this file, expected once")
        elif patch is not None:
            patches[patch.id] = patch
    beacons = tuple(check.beacon(t, n) for n, t in enumerate(check.tables(tree, "stun_beacon", ""), start=1))
    mtus = tuple(check.mtu(t, n) for n, t in enumerate(check.tables(tree, "tunnel_mtu", ""), start=1))
    if check.faults:
        raise KnowledgeError(str(path), check.faults)
    return Document(str(path), hashlib.sha256(content).digest(), tuple(patches.values()), beacons, mtus)


def _merge_entry(known: Entry | None, patch: _EntryPatch) -> Entry:
    fields = dict(patch.fields)
    facts = {(fact.layer, fact.value): fact for fact in known.facts} if known else {}
    for key in patch.dropped:
        facts.pop(key, None)
    facts.update({(fact.layer, fact.value): fact for fact in patch.facts})
    if known is not None:
        return replace(known, **fields, facts=tuple(facts.values()))
    return Entry(id=patch.id, facts=tuple(facts.values()), **fields)


def _shared(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Names that several entries claim fire alone for none of them: a program of that name may be any of theirs."""
    owners: dict[tuple[Layer, str], set[str]] = {}
    for entry in entries.values():
        for fact in entry.facts:
            if fact.layer in _NAME_LAYERS:
                owners.setdefault((fact.layer, fact.value.lower()), set()).add(entry.id)
    shared = {key for key, claimed in owners.items() if len(claimed) > 1}
    touched = {name for key in shared for name in owners[key]}
    return {
        name: replace(entry, facts=tuple(
            replace(fact, alone=False) if (fact.layer, fact.value.lower()) in shared else fact for fact in entry.facts
        )) if name in touched else entry
        for name, entry in entries.items()
    }  # fmt: skip


def merge(documents: Sequence[Document]) -> Merged:
    """Merge checked files in order; later ones win.

    Raises:
        KnowledgeError: where a new entry lacks fields, or a beacon or tunnel names an unknown entry.
    """
    entries: dict[str, Entry] = {}
    switched_off: set[str] = set()
    beacons: dict[str, StunBeacon] = {}
    mtus: dict[str, TunnelMtu] = {}
    faults: dict[str, list[str]] = {}
    for document in documents:
        wrong = faults.setdefault(document.path, [])
        for patch in document.patches:
            known = entries.get(patch.id)
            missing = [key for key in _ENTRY_NEEDS if known is None and key not in patch.fields]
            if patch.disabled:
                switched_off.add(patch.id)
                entries.pop(patch.id, None)
            elif missing:
                wrong.extend(f"entry {patch.id}: {key}: is missing, and no earlier file has it" for key in missing)
            else:
                entries[patch.id] = _merge_entry(known, patch)
        beacons.update({beacon.entry: beacon for beacon in document.beacons})
        mtus.update({mtu.id: mtu for mtu in document.mtus})
    known_ids = entries.keys() | switched_off
    for document in documents:
        named = [beacon.entry for beacon in document.beacons] + [mtu.entry for mtu in document.mtus if mtu.entry]
        faults[document.path].extend(f"entry {name}: is not known" for name in named if name not in known_ids)
    bad = {path: found for path, found in faults.items() if found}
    if len(bad) == 1:
        raise KnowledgeError(*next(iter(bad.items())))
    if bad:
        raise KnowledgeError("knowledge", [f"{path}: {fault}" for path, found in bad.items() for fault in found])
    kept = tuple(beacon for beacon in beacons.values() if beacon.entry in entries)
    shown = tuple(mtu for mtu in mtus.values() if not mtu.entry or mtu.entry in entries)
    return Merged(_shared(entries), kept, shown)
