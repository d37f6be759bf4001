"""The report as a JSON document: one canonical form, read back with every fault named, described by a schema.

Canonical means: keys in the order the dataclasses declare them, ``schema_version`` first, mappings sorted, floats to
six significant digits, ASCII only. The same report gives the same bytes, and reading a document back and writing it
again gives the same bytes too. ASCII keeps a hostile host name from reaching a terminal through ``farmwatch scan
--json``.

Why no pydantic for writing: importing it takes longer than a small scan; it is loaded only to validate and for the
schema.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from json.encoder import encode_basestring_ascii
from operator import is_
from typing import TYPE_CHECKING, Any

from farmwatch.errors import ReportError
from farmwatch.records import Assessment, Finding
from farmwatch.records.report import SCHEMA_VERSION, Report
from farmwatch.reports.escape import json_text, visible

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["canonical", "dumps", "loads", "plain", "schema"]

_DIGITS = 6  # significant digits of a float: finer than any round trip or weight deserves, stable across platforms
_UNCHANGED = frozenset({str, int, bool, type(None)})
_CONSTANTS = {None: "null", True: "true", False: "false"}
_SHARED = frozenset({Assessment, Finding})  # devices about which the same was found have one of them together
_MAX_FAULTS = 20  # faults of a wrong document that are listed


def plain(value: Any, where: str = "report") -> Any:
    """A record as JSON-ready dicts, lists and scalars, in canonical order.

    Args:
        value: A dataclass of :mod:`farmwatch.records`, or a part of one.
        where: Path of the value in the document, for the error message.

    Raises:
        ReportError: a number is not finite; JSON cannot carry it.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name), f"{where}.{name}") for name in _names(type(value))}
    if isinstance(value, dict):
        return {str(key): plain(value[key], f"{where}.{key}") for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, float):
        return _rounded(value, where)
    return str(value) if isinstance(value, str) else value


@cache
def _names(record: type) -> tuple[str, ...]:
    """Field names of a dataclass in canonical order."""
    names = [entry.name for entry in fields(record)]
    if "schema_version" in names:
        names.insert(0, names.pop(names.index("schema_version")))
    return tuple(names)


def _rounded(value: float, where: str) -> float:
    """A finite float to the document's precision; minus zero becomes zero."""
    if not math.isfinite(value):
        raise ReportError(f"{where}: {value} is not a finite number; a report cannot carry it")
    return float(f"{value:.{_DIGITS}g}") + 0.0


def canonical(report: Report) -> Report:
    """The report as it is after being saved and read back: every float rounded.

    Renderers are given this, so that a saved report is shown exactly like the scan it came from.

    Raises:
        ReportError: a number is not finite.
    """
    try:
        rounded: Report = _canonical(report)
    except OverflowError:
        plain(report)  # names the place
        raise
    return rounded


def _canonical(value: Any) -> Any:
    """A part of a report with its floats rounded; itself where nothing in it changes.

    Raises:
        OverflowError: a number is not finite.
    """
    kind: Any = type(value)
    if kind in _UNCHANGED:
        return value
    if kind is float:
        return _finite(value)
    if kind is tuple:
        items = [_canonical(item) for item in value]
        return value if all(map(is_, items, value)) else tuple(items)
    if not is_dataclass(value):
        return value
    names = _names(kind)
    parts = [getattr(value, name) for name in names]
    rounded = [_canonical(part) for part in parts]
    return value if all(map(is_, rounded, parts)) else kind(**dict(zip(names, rounded, strict=True)))


def _finite(value: float) -> float:
    """A float to the document's precision."""
    if not math.isfinite(value):
        raise OverflowError
    return float(f"{value:.{_DIGITS}g}") + 0.0


def dumps(report: Report) -> str:
    """The report as canonical JSON text, ending in a newline.

    Raises:
        ReportError: a number is not finite.
    """
    try:
        pieces = list(_pieces(report))
    except OverflowError:
        plain(report)  # names the place
        raise
    return json_text("".join(pieces))


def _pieces(report: Report) -> Iterator[str]:
    """The document in pieces, one for each device: put together more than once, they would be most of a scan's memory.

    Raises:
        OverflowError: a number is not finite.
    """
    known: dict[tuple[int, str], str] = {}
    opening = "{"
    for name in _names(Report):
        value = getattr(report, name)
        yield f'{opening}\n "{name}": '
        opening = ","
        if type(value) is tuple and value:
            for place, item in enumerate(value):
                yield ",\n  " if place else "[\n  "
                yield _written(item, "\n  ", known)
            yield "\n ]"
        else:
            yield _written(value, "\n ", known)
    yield "\n}\n"


def _written(value: Any, margin: str, known: dict[tuple[int, str], str]) -> str:
    """A part of a report as indented JSON.

    Why not ``json.dumps(plain(report), indent=1)``, which gives the same text: the standard library indents in Python,
    one piece at a time, which took longer than judging the report.

    Raises:
        OverflowError: a number is not finite.
    """
    kind: Any = type(value)
    if isinstance(value, str):
        return encode_basestring_ascii(value if kind is str else str(value))  # an enumeration's word
    if kind is int:
        return repr(value)
    if value is None or kind is bool:
        return _CONSTANTS[value]
    if kind is float:
        return repr(_finite(value))
    if kind is not tuple and not is_dataclass(value):
        return _unusual(value, margin, known)
    # What many findings or devices share, such as a detector's benign readings, is one object and written once.
    place = id(value), margin
    text = known.get(place)
    if text is None:
        text = _gathered(value, margin, known)
        if kind in _SHARED or (kind is tuple and value and type(value[0]) is str):
            known[place] = text
    return text


def _gathered(value: Any, margin: str, known: dict[tuple[int, str], str]) -> str:
    """A tuple or a record as indented JSON."""
    inner = margin + " "
    kind: Any = type(value)
    if kind is tuple:
        items = f",{inner}".join([_written(item, inner, known) for item in value])
        return f"[{inner}{items}{margin}]" if value else "[]"
    parts = [
        f'"{name}": {encode_basestring_ascii(part)}'
        if type(part := getattr(value, name)) is str
        else f'"{name}": {_written(part, inner, known)}'
        for name in _names(kind)
    ]
    return f"{{{inner}" + f",{inner}".join(parts) + f"{margin}}}"


def _unusual(value: Any, margin: str, known: dict[tuple[int, str], str]) -> str:
    """A mapping, or what is derived from str or int, such as an enumeration, as indented JSON."""
    if not isinstance(value, dict):
        return json.dumps(plain(value))
    inner = margin + " "
    parts = [f"{encode_basestring_ascii(str(key))}: {_written(value[key], inner, known)}" for key in sorted(value)]
    return f"{{{inner}" + f",{inner}".join(parts) + f"{margin}}}" if parts else "{}"


def loads(text: str | bytes, origin: str = "report") -> Report:
    """A report from its JSON text.

    Args:
        text: The document as :func:`dumps` writes it; other spacing and key order are fine, unknown keys are ignored.
        origin: Where it came from, for messages.

    Raises:
        ReportError: not JSON, not a farmwatch report, another schema version, or fields missing or wrong; all faults
            are listed up to twenty.
    """
    from pydantic import ValidationError

    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReportError(
            f"{origin}: not JSON ({error}); expected a report saved by 'farmwatch scan --json'"
        ) from error
    if not isinstance(document, dict) or "schema_version" not in document:
        raise ReportError(f"{origin}: not a farmwatch report: no schema_version; save one with 'farmwatch scan --json'")
    version = document["schema_version"]
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise ReportError(
            f"{origin}: schema_version is {visible(str(version)[:40])}, this farmwatch reads {SCHEMA_VERSION}; "
            "render it with the version that wrote it"
        )
    try:
        return _adapter().validate_json(text, strict=True)
    except ValidationError as error:
        faults = [f"{origin}: {_place(fault['loc'])}: {fault['msg']}" for fault in error.errors(include_url=False)]
        more = [f"{origin}: and {len(faults) - _MAX_FAULTS} more faults"] if len(faults) > _MAX_FAULTS else []
        raise ReportError("\n".join(visible(line) for line in faults[:_MAX_FAULTS] + more)) from error


def _place(location: tuple[int | str, ...]) -> str:
    """A fault's path as ``devices[0].assessment.driven``."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return path.lstrip(".") or "document"


@cache
def _adapter() -> TypeAdapter[Report]:
    """The validator generated from the dataclasses; costly to build, so built once."""
    from pydantic import TypeAdapter

    return TypeAdapter(Report)


def schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of the document, generated from the dataclasses."""
    generated = _adapter().json_schema(mode="serialization")
    generated["properties"]["schema_version"] = {"const": SCHEMA_VERSION, "type": "integer"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:farmwatch:report:{SCHEMA_VERSION}",
        "title": "farmwatch report",
        **{key: value for key, value in generated.items() if key != "title"},
    }
