"""``tool_seen``, ``device_tools``, ``tool_spread``: which tools of the knowledge a device shows, by what, since when.

Distinct texts are looked up once for the whole fleet; the rows stay in DuckDB.

``tool_seen`` has one row for each device, tool and table: ``device_id, tool, name, kind, vendor, via, value, sign,
sure, side, alone, unattended, looked_up, runs, approved, installed, first, last, days, session_days,
session_span, n``. Its words:

* ``tool`` is the entry's id, ``kind`` the knowledge's word, ``via`` the table, ``value`` the most telling text there.
* ``alone``: a text was seen that may make a finding by itself. Ports never are; a name that several products share is
  not either. All that follows is taken from such texts alone where there are any.
* ``sign`` is ``session`` where a text says that a session runs or is ready at any time (a relay's name, options that a
  driven program is started with), else ``presence``: the program is there.
* ``sure`` is the best grade of the facts met: ``high``, ``medium`` or ``low``.
* ``side`` is ``controlled`` where a text belongs to the driven end alone, ``controller`` where all texts belong to the
  driving end, else ``any``.
* ``looked_up``: nothing but names of hosts that were asked for or connected to.
* ``runs``: a program of it ran, or a service was running.
* ``session_days``: days on which a program started that starts anew whenever somebody comes in; ``session_span``: days
  from the first to the last of them.
* ``installed``: when the system says it was installed. An installation date is older than the first sighting.

``device_tools`` sums that up by device and tool, texts that may not make a finding left out: the same columns without
``via``; ``vias`` lists the tables, ``seen`` their times and counts, and ``devices`` and ``share`` say how many devices
have the tool, also as a share of all devices. ``tool_spread(tool, devices, share)`` is that alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.knowledge import Knowledge
from farmwatch.knowledge.entries import Entry, Grade, Layer, Match, Side, Sign
from farmwatch.knowledge.generic import shared_software

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["make_device_tools", "make_tool_seen", "make_tool_spread"]


@dataclass(frozen=True, slots=True)
class _Told:
    """What one text says of one tool."""

    entry: Entry
    sign: Sign
    grade: Grade
    side: Side
    alone: bool
    each_session: bool = False


_LookUp: TypeAlias = Callable[[Knowledge, str], Iterable[_Told]]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where texts stand, when they count, and how they are looked up."""

    name: str  #: of the place, unique
    table: str
    text: str  #: SQL
    look_up: _LookUp
    counts: str = "true"  #: SQL
    likely: Callable[[Knowledge], str] | None = None  #: expression (RE2) that every text worth a look-up meets
    looked_up: bool = False
    runs: str = "false"  #: SQL
    starts: str = "false"  #: SQL
    installed: str = "NULL::TIMESTAMPTZ"  #: SQL


def _told(matches: Iterable[Match]) -> Iterator[_Told]:
    for match in matches:
        yield _Told(match.entry, match.sign, match.grade, match.side, match.alone, match.fact.each_session)


# --- names that software is installed under ---------------------------------------------------------------------------

_VERSION = re.compile(r"\s+(?:v?\d[\d.]*|\(.*?\)|x64|x86|64-bit|32-bit|version|-)\s*$", re.IGNORECASE)
_BUNDLE = re.compile(r"(?i)\.app\Z")
_ROLE = re.compile(
    r"\s+(?:host|service|client|agent|streamer|server|viewer|desktop|unattended|msi|wrapper|business|free|connect)\s*$",
    re.IGNORECASE,
)
_MOST_WORDS = 4  #: taken from the end of a name


def _named(known: Knowledge, text: str) -> Iterator[_Told]:
    """Software by the name it is installed under, without version, architecture and the part's name at its end."""
    name, viewer = _BUNDLE.sub("", text.strip()[:200]), False
    for _ in range(_MOST_WORDS):
        entry = known.find(name)
        if entry is not None:
            viewer = viewer or entry.id == "rdp"  # the system's server has no entry among the programs: the client has
            side = Side.CONTROLLER if viewer else Side.ANY
            yield _Told(entry, Sign.PRESENCE, Grade.MEDIUM, side, alone=not shared_software(name))
            return
        shorter = _VERSION.sub("", name)
        if shorter == name:
            shorter = _ROLE.sub("", name)
            viewer = viewer or name.lower().endswith("viewer")
        if shorter == name:
            return
        name = shorter


def _service(known: Knowledge, text: str) -> Iterator[_Told]:
    yield from _told(known.match_service(text))
    yield from _named(known, text)


def _software(known: Knowledge, text: str) -> Iterator[_Told]:
    yield from _told(known.match_process(text))
    yield from _told(known.match_package(text))
    yield from _named(known, text)


def _package(known: Knowledge, text: str) -> Iterator[_Told]:
    return _told(known.match_package(text))


# --- command lines: program and option names are left of them ---------------------------------------------------------


@lru_cache(maxsize=1)
def _commands(known: Knowledge) -> list[tuple[str, frozenset[str], _Told]]:
    """Facts about command lines, as far as they speak of options: program, options, what they say.

    Values are not kept, so a fact that needs one (``y=Guest``) cannot be met, and is left out.
    """
    found = []
    for entry in known.complete.values():
        for fact in entry.facts:
            if fact.layer is not Layer.COMMAND:
                continue
            words = re.split(r"[*\s]+", fact.value.lower().strip("*"))
            options = frozenset(word.partition("=")[0] for word in words if word.startswith("-"))
            if options and words[0] and not words[0].startswith("-"):
                told = _Told(entry, fact.sign, fact.grade, fact.side, fact.alone, fact.each_session)
                found.append((words[0], options, told))
    return found


def _command(known: Knowledge, text: str) -> Iterator[_Told]:
    name, _, given = text.lower().partition(" ")
    options = set(given.split())
    for program, wanted, told in _commands(known):
        if name.startswith(program) and wanted <= options:
            yield told


def _likely_command(known: Knowledge) -> str:
    return "(?i)^(" + "|".join(sorted({re.escape(program) for program, _, _ in _commands(known)}) or ["$"]) + ")"


def _likely_path(known: Knowledge) -> str:
    """The longest fixed part of each fact about paths, slashes either way."""
    parts = {
        max(re.split(r"[*?]+", fact.value.replace("\\", "/")), key=len)
        for entry in known.complete.values()
        for fact in entry.facts
        if fact.layer is Layer.PATH
    }
    return "(?i)(" + "|".join(sorted(re.escape(part).replace("/", r"[\\/]") for part in parts if part)) + ")"


def _path(known: Knowledge, text: str) -> Iterator[_Told]:
    """A folder's name says nothing of the side; the name of the driving end's program in it does."""
    driving = {told.entry.id for told in _process(known, text) if told.side is Side.CONTROLLER}
    for told in _told(known.match_path(text)):
        yield replace(told, side=Side.CONTROLLER) if told.entry.id in driving else told


def _process(known: Knowledge, text: str) -> Iterator[_Told]:
    return _told(known.match_process(text))


def _domain(known: Knowledge, text: str) -> Iterator[_Told]:
    return _told(known.match_domain(text))


def _signer(known: Knowledge, text: str) -> Iterator[_Told]:
    return _told(known.match_signer(text))


def _port(known: Knowledge, text: str) -> Iterator[_Told]:
    protocol, _, port = text.partition("/")
    return _told(known.match_ports(protocol, int(port)))


_RAN = "event <> 'stopped'"
_RUNS = "state IN ('running', 'active')"  # as Windows and systemd say it
_PLACES = (
    _Place("process name", "processes", "name", _process, runs=_RAN),
    _Place("original name", "processes", "original_name", _process, runs=_RAN),
    _Place("signer", "processes", "company", _signer, runs=_RAN),
    _Place("program path", "processes", "path", _path, likely=_likely_path, runs=_RAN),
    _Place("command", "processes", "name || ' ' || arguments", _command, likely=_likely_command, runs=_RAN,
           starts="event = 'started'"),
    _Place("service name", "services", "name", _service, runs=_RUNS),
    _Place("service path", "services", "path", _path, likely=_likely_path, runs=_RUNS),
    _Place("software name", "software", "name", _software, "kind <> 'browser extension'", installed="installed"),
    _Place("software identifier", "software", "identifier", _package, "kind <> 'browser extension'",
           installed="installed"),
    _Place("socket program", "sockets", "process", _process, runs="true"),
    _Place("remote name", "sockets", "remote_name", _domain, looked_up=True),
    _Place("listening port", "sockets", "proto || '/' || local_p", _port,
           "state = 'listening' AND proto IN ('tcp', 'udp') AND local_p BETWEEN 1 AND 65535"),
    _Place("name asked for", "dns", "name", _domain, looked_up=True),
)  # fmt: skip
_TEXTS = pa.schema(
    [
        ("seen_as", pa.string()),
        ("value", pa.string()),
        ("tool", pa.string()),
        ("name", pa.string()),
        ("kind", pa.string()),
        ("vendor", pa.string()),
        ("sign", pa.string()),
        ("sure", pa.int64()),
        ("side", pa.string()),
        ("alone", pa.bool_()),
        ("each_session", pa.bool_()),
        ("unattended", pa.bool_()),
    ]
)
_SURE = {Grade.HIGH: 0, Grade.MEDIUM: 1, Grade.LOW: 2}


def make_tool_seen(fleet: Fleet) -> None:
    """Make the table ``tool_seen`` over the thirty days up to ``until``."""
    fleet.load("tool_texts", _texts(fleet))
    seen = " UNION ALL ".join(
        f"SELECT device_id, '{place.table}' AS via, '{place.name}' AS seen_as, {place.text} AS value, "
        f"CAST(ts AS DATE) AS day, {str(place.looked_up).lower()} AS looked_up, "
        f"coalesce(bool_or({place.runs}), false) AS runs, coalesce(bool_or({place.starts}), false) AS starts, "
        f"min({place.installed}) AS installed, min(ts) AS first, "
        f"max(ts) AS last, count(*) AS n FROM {place.table}_30d "
        f"WHERE {place.counts} AND {place.text} IN (SELECT value FROM tool_texts WHERE seen_as = '{place.name}') "
        "GROUP BY device_id, value, day"
        for place in _PLACES
    )
    approved = ", ".join("'" + tool.replace("'", "''") + "'" for tool in sorted(fleet.profile.approved_tools)) or "''"
    fleet.make(
        "tool_seen",
        f"""
        WITH met AS (
            SELECT s.*, t.* EXCLUDE (seen_as, value), CASE WHEN t.sign = 'session' THEN 0 ELSE 3 END + t.sure AS rank,
                   bool_or(t.alone) OVER (PARTITION BY s.device_id, t.tool, s.via) AS any_alone
            FROM ({seen}) AS s JOIN tool_texts AS t USING (seen_as, value)
        )
        SELECT m.device_id, m.tool, any_value(m.name) AS name, any_value(m.kind) AS kind,
               any_value(m.vendor) AS vendor, m.via, substr(min(m.rank || m.value), 2) AS value,
               CASE WHEN bool_or(m.sign = 'session') THEN 'session' ELSE 'presence' END AS sign,
               CASE min(m.sure) WHEN 0 THEN 'high' WHEN 1 THEN 'medium' ELSE 'low' END AS sure,
               CASE WHEN bool_or(m.side = 'controlled') THEN 'controlled'
                    WHEN bool_and(m.side = 'controller') THEN 'controller' ELSE 'any' END AS side,
               bool_or(m.alone) AS alone, bool_or(m.unattended) AS unattended, bool_and(m.looked_up) AS looked_up,
               bool_or(m.runs) AS runs,
               coalesce(bool_or(m.tool IN ({approved}) OR list_contains(o.approved_tools, m.tool)), false) AS approved,
               min(m.installed) AS installed, min(m.first) AS first, max(m.last) AS last,
               count(DISTINCT m.day) AS days,
               count(DISTINCT m.day) FILTER (m.each_session AND m.starts) AS session_days,
               max(m.day) FILTER (m.each_session AND m.starts) - min(m.day) FILTER (m.each_session AND m.starts)
               AS session_span, sum(m.n)::BIGINT AS n
        FROM met AS m LEFT JOIN owners AS o USING (device_id)
        WHERE m.alone OR NOT m.any_alone
        GROUP BY m.device_id, m.tool, m.via
        """,
    )


def make_tool_spread(fleet: Fleet) -> None:
    """Make the table ``tool_spread``: how many devices have a tool that may make a finding."""
    fleet.make(
        "tool_spread",
        """
        SELECT tool, count(DISTINCT device_id) AS devices,
               count(DISTINCT device_id) / (SELECT greatest(count(*), 1) FROM fleet_devices) AS share
        FROM tool_seen WHERE alone GROUP BY tool
        """,
    )


def make_device_tools(fleet: Fleet) -> None:
    """Make the table ``device_tools``: one row for each device and tool."""
    fleet.make(
        "device_tools",
        """
        SELECT s.device_id, s.tool, any_value(s.name) AS name, any_value(s.kind) AS kind,
               any_value(s.vendor) AS vendor, string_agg(DISTINCT s.via, ', ' ORDER BY s.via) AS vias,
               string_agg(DISTINCT s.value, '; ' ORDER BY s.value) AS value,
               CASE WHEN bool_or(s.sign = 'session') THEN 'session' ELSE 'presence' END AS sign,
               CASE min(CASE s.sure WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END)
                    WHEN 0 THEN 'high' WHEN 1 THEN 'medium' ELSE 'low' END AS sure,
               CASE WHEN bool_or(s.side = 'controlled') THEN 'controlled'
                    WHEN bool_and(s.side = 'controller') THEN 'controller' ELSE 'any' END AS side,
               bool_or(s.unattended) AS unattended, bool_and(s.looked_up) AS looked_up, bool_or(s.runs) AS runs,
               bool_or(s.approved) AS approved, min(s.installed) AS installed, min(s.first) AS first,
               max(s.last) AS last, max(s.days) AS days, max(s.session_days) AS session_days,
               max(s.session_span) AS session_span, sum(s.n)::BIGINT AS n,
               list({'via': s.via, 'first': s.first, 'last': s.last, 'n': s.n} ORDER BY s.via) AS seen,
               any_value(p.devices) AS devices, any_value(p.share) AS share
        FROM tool_seen AS s JOIN tool_spread AS p USING (tool) WHERE s.alone GROUP BY s.device_id, s.tool
        """,
    )


def _texts(fleet: Fleet) -> pa.Table:
    """Every different text that speaks of a tool, and what it says; one row for each tool it speaks of."""
    rows: list[tuple[object, ...]] = []
    for place in _PLACES:
        counts = f"{place.counts} AND {place.text} IS NOT NULL"
        texts = fleet.arrow(f"SELECT DISTINCT {place.text} AS value FROM {place.table}_30d WHERE {counts} ORDER BY 1")
        listed = texts.column(0)
        if place.likely is not None:
            listed = listed.filter(pc.match_substring_regex(listed, place.likely(fleet.knowledge)))
        for text in listed.to_pylist():
            best: dict[str, _Told] = {}
            for told in place.look_up(fleet.knowledge, text):
                if told.entry.id not in best or _rank(told) < _rank(best[told.entry.id]):
                    best[told.entry.id] = told
            rows += [
                (place.name, text, told.entry.id, told.entry.name, str(told.entry.kind), told.entry.vendor,
                 str(told.sign), _SURE[told.grade], str(told.side), told.alone, told.each_session,
                 told.entry.unattended)
                for told in best.values()
            ]  # fmt: skip
    columns = zip(*rows, strict=True) if rows else [()] * len(_TEXTS)
    return pa.table(
        [pa.array(list(values), one.type) for values, one in zip(columns, _TEXTS, strict=True)], schema=_TEXTS
    )


def _rank(told: _Told) -> tuple[bool, bool, int, bool]:
    """Of several facts that one text meets, the one that says most counts."""
    return not told.alone, told.sign is not Sign.SESSION, _SURE[told.grade], told.side is not Side.CONTROLLED
