"""Turns a LOLRMM export into a knowledge file of the user's own.

LOLRMM (https://lolrmm.io, Apache-2.0) lists remote-management tools. Four shapes are read: ``rmm_tools.json`` and
``rmm_tools.csv`` (one tool a row, artefacts as JSON inside), ``rmm_domains.csv`` (``URI,RMM_Tool``), and a flat CSV
(``tool,category,layer,value,source``). Its YAML files are not: no YAML reader is among the dependencies.

The rules of ``noise`` decide what is kept. Tools already known get only the facts that are new, so that grades set
by hand stay; further tools get entries of their own.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from farmwatch.errors import KnowledgeError
from farmwatch.knowledge.entries import Entry, Fact, Kind, Layer
from farmwatch.knowledge.generic import never_alone
from farmwatch.knowledge.noise import GradedValue, grade_host, grade_path, grade_port, grade_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from farmwatch.knowledge.matching import Knowledge

__all__ = ["ImportSummary", "import_lolrmm"]

_MAX_BYTES = 64 << 20
_CONTROL = {code: f"\\u{code:04x}" for code in (0x7F, *range(0x80, 0xA0))}

#: Layers of the flat CSV and of the JSON artefacts, and who judges their values.
_LAYERS = {"domain": Layer.DOMAIN, "port": Layer.PORT, "process": Layer.PROCESS, "original_file_name": Layer.PROCESS,
           "path": Layer.PATH, "file": Layer.PATH, "service": Layer.SERVICE}  # fmt: skip


@dataclass(slots=True)
class ImportSummary:
    """What an import did."""

    tools: int = 0  #: tools in the export
    new_entries: int = 0
    extended_entries: int = 0  #: known entries that got new facts
    facts: int = 0  #: facts written
    left_out: Counter[str] = field(default_factory=Counter)  #: values left out, by reason


@dataclass(slots=True)
class _Tool:
    name: str
    category: str = ""
    values: dict[tuple[str, str], str] = field(default_factory=dict)  #: (layer, value) -> source

    def add(self, layer: str, value: Any, source: str) -> None:
        if isinstance(value, str | int) and str(value).strip():
            self.values.setdefault((layer, str(value).strip()), source)


def import_lolrmm(path: Path, knowledge: Knowledge) -> tuple[str, ImportSummary]:
    """Read an export and write a knowledge file.

    Args:
        path: ``.json`` or ``.csv`` export.
        knowledge: what is known already; only new facts are written.

    Returns:
        The TOML text, valid for ``load_knowledge``, and what was done.

    Raises:
        KnowledgeError: where the file cannot be read or has another shape.
    """
    tools = _read(path)
    summary = ImportSummary(tools=len(tools))
    blocks = [
        "# Made by `farmwatch knowledge import` from a LOLRMM export (https://lolrmm.io, Apache-2.0).",
        "",
    ]
    drafts: dict[str, tuple[Entry | None, _Tool, dict[tuple[Layer, str], Fact]]] = {}
    for tool in tools:
        entry = knowledge.find(tool.name)
        key = entry.id if entry else _new_id(tool.name)
        draft = drafts.setdefault(key, (entry, tool, {}))
        known = {(fact.layer, fact.value.lower()) for fact in entry.facts} if entry else set()
        for fact in _facts(tool, entry, summary.left_out):
            reason = _known_already(fact, key, knowledge)
            if reason or (fact.layer, fact.value.lower()) in known:
                summary.left_out[reason or "known already"] += 1
            else:
                draft[2].setdefault((fact.layer, fact.value), fact)
    for key, (entry, tool, facts) in sorted(drafts.items()):
        if not facts:
            continue
        summary.facts += len(facts)
        summary.new_entries += entry is None
        summary.extended_entries += entry is not None
        blocks.extend(_entry_lines(key, entry, tool, facts.values()))
    return "\n".join(blocks).rstrip() + "\n", summary


def _read(path: Path) -> list[_Tool]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise KnowledgeError(str(path), [f"is larger than {_MAX_BYTES >> 20} MiB, expected a LOLRMM export"])
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise KnowledgeError(str(path), [f"cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise KnowledgeError(str(path), [f"byte {error.start}: is not UTF-8"]) from error
    tools: dict[str, _Tool] = {}
    try:
        if text.lstrip()[:1] in ("[", "{"):
            _read_json(json.loads(text), tools)
        else:
            _read_csv(text, tools)
    except (json.JSONDecodeError, csv.Error, RecursionError) as error:
        raise KnowledgeError(str(path), [f"is neither JSON nor CSV: {error}"]) from error
    if not tools:
        wanted = "rmm_tools.json, rmm_tools.csv, rmm_domains.csv or columns tool,category,layer,value,source"
        raise KnowledgeError(str(path), [f"holds no tool, expected LOLRMM's {wanted}"])
    return list(tools.values())


def _read_json(tree: Any, tools: dict[str, _Tool]) -> None:
    items = tree if isinstance(tree, list) else [tree]
    for item in items:
        if isinstance(item, dict) and isinstance(item.get("Name"), str):
            _read_tool(item, tools)


def _read_tool(item: Mapping[str, Any], tools: dict[str, _Tool]) -> None:
    """One tool as ``rmm_tools.json`` has it (schema ``bin/spec/lolrmm.spec.json`` of its repository)."""
    name = item["Name"].strip()
    source = f"LOLRMM export, {name}"
    tool = tools.setdefault(name, _Tool(name, str(item.get("Category") or "")))
    details = _table(item.get("Details"))
    for meta in _tables(details.get("PEMetadata")):
        for key in ("Filename", "OriginalFileName"):
            tool.add("process", meta.get(key), source)
    for place in _list(details.get("InstallationPaths")):
        _add_place(tool, place, source)
    artifacts = _table(item.get("Artifacts"))
    for disk in _tables(artifacts.get("Disk")):
        _add_place(tool, disk.get("File"), source)
    for event in _tables(artifacts.get("EventLog")):
        tool.add("service", event.get("ServiceName"), source)
    for network in _tables(artifacts.get("Network")):
        for key, layer in (("Domains", "domain"), ("Domain", "domain"), ("Ports", "port"), ("Port", "port")):
            for value in _list(network.get(key)):
                tool.add(layer, value, source)


def _add_place(tool: _Tool, place: Any, source: str) -> None:
    if not isinstance(place, str):
        return
    tool.add("path" if re.search(r"[\\/]", place) else "process", place, source)
    if place.lower().endswith(".exe") and "*" not in re.split(r"[\\/]", place)[-1]:
        tool.add("process", place, source)


def _read_csv(text: str, tools: dict[str, _Tool]) -> None:
    csv.field_size_limit(1 << 24)
    rows = csv.DictReader(io.StringIO(text, newline=""))
    columns = set(rows.fieldnames or ())
    for row in rows:
        if {"tool", "layer", "value"} <= columns:
            name = (row["tool"] or "").strip()
            if name and row["layer"] in _LAYERS:
                tool = tools.setdefault(name, _Tool(name, row.get("category") or ""))
                source = row.get("source") or f"LOLRMM export, {name}"
                if row["layer"] in ("path", "file"):
                    _add_place(tool, row["value"], source)
                else:
                    tool.add(row["layer"], row["value"], source)
        elif {"URI", "RMM_Tool"} <= columns:
            name = (row["RMM_Tool"] or "").strip()
            if name:
                tools.setdefault(name, _Tool(name)).add("domain", row["URI"], f"LOLRMM export, {name}")
        elif {"Name", "Artifacts"} <= columns and (row["Name"] or "").strip():
            _read_tool(_row_as_tool(row), tools)


def _row_as_tool(row: Mapping[str, str]) -> dict[str, Any]:
    """A row of ``rmm_tools.csv`` in the shape of ``rmm_tools.json``."""
    paths = [part.strip() for part in (row.get("InstallationPaths") or "").split(",")]
    meta = {"Filename": row.get("Filename"), "OriginalFileName": row.get("OriginalFileName")}
    return {
        "Name": row["Name"],
        "Category": row.get("Category"),
        "Details": {"PEMetadata": meta, "InstallationPaths": [part for part in paths if part]},
        "Artifacts": json.loads(row["Artifacts"]) if row["Artifacts"] else {},
    }


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _tables(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in _list(value) if isinstance(item, dict)]


def _facts(tool: _Tool, entry: Entry | None, left_out: Counter[str]) -> Iterator[Fact]:
    dual_use = entry is not None and entry.kind is Kind.ADMIN
    for (name, text), source in sorted(tool.values.items()):
        layer = _LAYERS[name]
        if layer is Layer.DOMAIN:
            graded = grade_host(text, dual_use=dual_use)
        elif layer is Layer.PORT:
            graded = grade_port(text)
        elif layer is Layer.PROCESS:
            graded = grade_program(text)
        elif layer is Layer.PATH:
            graded = grade_path(text)
        else:
            graded = GradedValue(text, alone=len(text) > 5)
        if not graded.value:
            left_out[graded.reason] += 1
            continue
        alone = graded.alone and not never_alone(layer, graded.value, {})
        yield Fact(layer, graded.value, graded.sign, graded.grade, graded.side, source, alone)


def _known_already(fact: Fact, key: str, knowledge: Knowledge) -> str:
    """Why a host adds nothing: a pattern of the tool covers it, or it is another tool's."""
    if fact.layer is not Layer.DOMAIN:
        return ""
    owners = knowledge.domain_owners(fact.value.removeprefix("*.").replace("*", "any"))
    owners |= knowledge.domain_owners(fact.value.replace("*", "any"))
    if key in owners:
        return "covered by a known pattern"
    return "host of another known tool" if owners else ""


def _new_id(name: str) -> str:
    cleaned = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    return cleaned or f"tool-{sum(name.encode()):d}"


def _quote(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's, but for DEL and the C1 controls (TOML 1.0, String)."""
    return json.dumps(text, ensure_ascii=False).translate(_CONTROL)


def _entry_lines(key: str, entry: Entry | None, tool: _Tool, facts: Iterable[Fact]) -> Iterator[str]:
    yield "[[entry]]"
    yield f"id = {_quote(key)}"
    if entry is None:
        yield f"name = {_quote(tool.name)}"
        yield f"kind = {_quote('remote_access' if tool.category.upper() == 'RAT' else 'rmm')}"
        yield f"vendor = {_quote(tool.name)}"
        yield "unattended = true"
        yield 'benign = ["IT administration or support"]'
    groups: dict[tuple[Any, ...], list[str]] = {}
    for fact in facts:
        group = (fact.layer, fact.sign, fact.grade, fact.side, fact.alone, fact.source)
        groups.setdefault(group, []).append(fact.value)
    for (layer, sign, grade, side, alone, source), values in groups.items():
        yield ""
        yield "  [[entry.fact]]"
        yield f"  layer = {_quote(layer)}"
        yield f"  values = [{', '.join(_quote(value) for value in values)}]"
        yield f"  sign = {_quote(sign)}"
        yield f"  grade = {_quote(grade)}"
        yield f"  side = {_quote(side)}"
        if not alone:
            yield "  alone = false"
        yield f"  source = {_quote(source)}"
    yield ""
