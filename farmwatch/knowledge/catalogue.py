"""What ``farmwatch knowledge list``, ``show`` and ``check`` say, as plain values for the command line to lay out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farmwatch.errors import KnowledgeError
from farmwatch.knowledge.entries import ENDPOINT_LAYERS, Entry, Kind
from farmwatch.knowledge.matching import load_knowledge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from farmwatch.knowledge.matching import Knowledge

__all__ = ["EntryLine", "KnowledgeCheck", "check_files", "count_facts", "list_entries", "show_entry"]


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One line of ``knowledge list``."""

    id: str
    name: str
    kind: str
    vendor: str
    unattended: bool
    network_facts: int  #: facts a capture can show
    endpoint_facts: int  #: facts only an endpoint can show


@dataclass(frozen=True, slots=True)
class KnowledgeCheck:
    """Result of ``knowledge check``."""

    faults: tuple[str, ...]  #: ``path: where: what``; empty where all is well
    entries: int  #: entries after merging; 0 where there are faults
    facts: int
    version: str  #: hash of everything merged; empty where there are faults


def list_entries(knowledge: Knowledge, kind: Kind | None = None, text: str = "") -> list[EntryLine]:
    """Entries sorted by id, optionally of one kind or with a text in id, name, vendor or an alias."""
    wanted = text.casefold()
    lines = []
    for entry in sorted(knowledge.complete.values(), key=lambda entry: entry.id):
        words = (entry.id, entry.name, entry.vendor, *entry.aliases)
        if (kind is not None and entry.kind is not kind) or not any(wanted in word.casefold() for word in words):
            continue
        endpoint = sum(fact.layer in ENDPOINT_LAYERS for fact in entry.facts)
        lines.append(
            EntryLine(entry.id, entry.name, str(entry.kind), entry.vendor, entry.unattended,
                      len(entry.facts) - endpoint, endpoint)
        )  # fmt: skip
    return lines


def show_entry(knowledge: Knowledge, name: str) -> Entry | None:
    """The entry with all its facts, by id, name or alias; None where there is none."""
    return knowledge.find(name)


def check_files(own: Sequence[Path] = ()) -> KnowledgeCheck:
    """Load everything, endpoint facts and the user's own files included, and say every fault."""
    try:
        knowledge = load_knowledge(own)
        entries = knowledge.complete
    except KnowledgeError as error:
        return KnowledgeCheck(tuple(str(error).splitlines()), 0, 0, "")
    return KnowledgeCheck((), len(entries), sum(len(entry.facts) for entry in entries.values()), knowledge.version)


def count_facts(knowledge: Knowledge) -> dict[str, Counter[str]]:
    """How many facts each kind of entry has, by layer."""
    counts: dict[str, Counter[str]] = {}
    for entry in knowledge.complete.values():
        counts.setdefault(str(entry.kind), Counter()).update(str(fact.layer) for fact in entry.facts)
    return counts
