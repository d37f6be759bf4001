"""Collections of Velociraptor, as zip archives or unpacked: which device they are of, and when they were made.

The files inside do not say it each. ``client_info.json`` at the top does, ``collection_context.json`` has the time, and
collectors put both into the archive's name (``Collection-ACME-LT-0142-2026-11-01T12_00_00Z.zip``).
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from farmwatch.collectors.feeds.documents import Misfit, parse_time
from farmwatch.collectors.feeds.hosts import device_name
from farmwatch.collectors.feeds.opening import Input

__all__ = ["Collection", "collection_named", "collection_of"]

_INFO, _CONTEXT = "client_info.json", "collection_context.json"
_LARGEST = 16 << 20
_DEPTH = 16  # folders above a file that are looked into
_NAME = re.compile(
    r"(?i)(?:^|[\\/])Collection-([^\\/!]+?)-(\d{4}-\d\d-\d\dT\d\d[_:]\d\d[_:]\d\d)Z?(?:[^\\/!]*)(?=$|[\\/!])"
)


@dataclass(frozen=True, slots=True)
class Collection:
    """What a collection is of."""

    device_id: str | None
    at: datetime | None


def collection_of(source: Input) -> Collection | None:
    """The collection that an input is part of; None where it is part of none."""
    if source.path is None:
        return None
    found = _of_archive(source.path) if source.member is not None else _of_folder(source.path)
    return found or collection_named(source.name)


def collection_named(name: str) -> Collection | None:
    """What the name of a collection says of it."""
    match = _NAME.search(name)
    if match is None:
        return None
    return Collection(device_name(match[1]), _time(match[2].replace("_", ":")))


@lru_cache(maxsize=64)
def _of_archive(path: Path) -> Collection | None:
    try:
        with zipfile.ZipFile(path) as archive:
            return _told(partial(_member, archive))
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, ValueError):
        return None


def _member(archive: zipfile.ZipFile, name: str) -> bytes | None:
    try:
        entry = archive.getinfo(name)
    except KeyError:
        return None
    if entry.file_size > _LARGEST:
        return None
    with archive.open(entry) as held:
        return held.read(_LARGEST)


def _of_folder(path: Path) -> Collection | None:
    for folder in list(path.absolute().parents)[:_DEPTH]:
        if (folder / _INFO).is_file() and ((folder / _CONTEXT).is_file() or (folder / "results").is_dir()):
            return _told(partial(_file, folder))
    return None


def _file(folder: Path, name: str) -> bytes | None:
    path = folder / name
    try:
        return path.read_bytes() if path.stat().st_size <= _LARGEST else None
    except OSError:
        return None


def _told(read: Callable[[str], bytes | None]) -> Collection | None:
    info, context = _object(read(_INFO)), _object(read(_CONTEXT))
    if not info:
        return None
    system = info.get("os_info")
    held = system if isinstance(system, dict) else {}
    names = (info.get("Hostname"), held.get("hostname"), info.get("Fqdn"), held.get("fqdn"))
    name = next((name for name in names if isinstance(name, str) and name.strip()), None)
    at = next((at for key in ("create_time", "start_time", "timestamp") if (at := _time(context.get(key)))), None)
    told = info.get("client_id")
    whose = device_name(name) if name else told.lower() if isinstance(told, str) and told else None
    return Collection(whose, at)


def _object(data: bytes | None) -> dict[str, Any]:
    """The object in some bytes, or the first of an array or of lines."""
    try:
        text = (data or b"").decode("utf-8", "replace").lstrip("\ufeff[ \t\r\n")
        found, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _time(value: Any) -> datetime | None:
    try:
        at = parse_time(value, "") if value else None
    except Misfit:
        return None
    return at if at is not None and at > datetime(2000, 1, 1, tzinfo=UTC) else None
