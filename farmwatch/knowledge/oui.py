"""Hardware address prefixes: which entries a MAC points to, and the maker's name for display.

Entry prefixes come from the knowledge files. Maker names come from IEEE lists the user supplies (``oui.csv``,
``mam.csv``, ``oui36.csv`` as IEEE publishes them) and then from the list netaddr ships, which knows 24-bit blocks only.

Why netaddr's files are read past its interface: importing it and letting it index its list takes 0.12 s, a tenth of
what a small scan may take; finding one line in the index takes less than a millisecond. Its interface is the way out
where a version keeps the list elsewhere.
"""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from farmwatch.errors import KnowledgeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from farmwatch.knowledge.entries import Match

__all__ = ["MakerNames", "OuiIndex", "hex_address", "locally_administered", "prefixes"]

_SEPARATORS = re.compile(r"[:.\-]")
_ADDRESS = re.compile(r"[0-9a-f]{12}\Z")
_ASSIGNMENT = re.compile(r"[0-9A-Fa-f]{6}([0-9A-Fa-f]|[0-9A-Fa-f]{3})?\Z")
_UNNAMED = "IEEE Registration Authority"  # how the 24-bit list names blocks sold on in smaller pieces


def hex_address(mac: str) -> str:
    """A MAC as twelve lower-case hex digits; empty where it is none."""
    digits = _SEPARATORS.sub("", mac).lower()
    return digits if _ADDRESS.match(digits) else ""


def locally_administered(mac: str) -> bool:
    """Whether the U/L bit is set (IEEE 802-2014 section 8.2): randomised, virtual or typed in, so no maker."""
    digits = hex_address(mac)
    return bool(digits) and bool(int(digits[1], 16) & 2)


def prefixes(mac: str) -> tuple[str, ...]:
    """The 36, 28 and 24-bit prefixes of a MAC as hex digits, longest first; none for multicast or local addresses."""
    digits = hex_address(mac)
    if not digits or int(digits[1], 16) & 3:
        return ()
    return digits[:9], digits[:7], digits[:6]


@lru_cache(maxsize=1)
def _ieee_files() -> tuple[bytes, Path] | None:
    """The index and the text of the IEEE list inside netaddr, found without importing it; None where it moved."""
    spec = find_spec("netaddr")
    folder = Path(spec.origin).parent / "eui" if spec is not None and spec.origin else Path()
    index, text = folder / "oui.idx", folder / "oui.txt"
    return (b"\n" + index.read_bytes(), text) if index.is_file() and text.is_file() else None


@lru_cache(maxsize=4096)
def _shipped_name(prefix: str) -> str:
    files = _ieee_files()
    name = _name_by_interface(prefix) if files is None else _name_in_list(prefix, *files)
    return "" if name == _UNNAMED else name


def _name_in_list(prefix: str, index: bytes, text: Path) -> str:
    """Look a 24-bit prefix up: the index holds ``number,offset,length``, the text a prefix, tabs and the name."""
    key = b"\n%d," % int(prefix, 16)
    at = index.find(key)
    if at < 0:
        return ""
    offset, length = index[at + len(key) : index.find(b"\n", at + 1)].split(b",")
    with text.open("rb") as stream:
        stream.seek(int(offset))
        line = stream.read(min(int(length), 512)).split(b"\n", 1)[0]
    return line.rpartition(b"\t")[2].decode("utf-8", "replace").strip()


def _name_by_interface(prefix: str) -> str:
    from netaddr import OUI
    from netaddr.core import NotRegisteredError

    try:
        name: str = OUI(prefix.upper()).registration().org
    except NotRegisteredError:
        return ""
    return name


class MakerNames:
    """Who a hardware address block was sold to."""

    def __init__(self, lists: Sequence[Path] = ()) -> None:
        """Read IEEE lists that override the shipped one.

        Args:
            lists: CSV files as IEEE publishes them (columns Registry, Assignment, Organization Name, …).

        Raises:
            KnowledgeError: where a file is not such a list; names every bad row, at most twenty.
        """
        self._names: dict[str, str] = {}
        for path in lists:
            self._names.update(_read_ieee(path))

    def name(self, mac: str) -> str:
        """The maker of a MAC, or an empty string: unknown, multicast or locally administered."""
        blocks = prefixes(mac)
        for prefix in blocks:
            if prefix in self._names:
                return self._names[prefix]
        return _shipped_name(blocks[-1]) if blocks else ""


def _read_ieee(path: Path) -> dict[str, str]:
    names: dict[str, str] = {}
    faults: list[str] = []
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as stream:
            rows = csv.DictReader(stream)
            if not {"Assignment", "Organization Name"} <= set(rows.fieldnames or ()):
                raise KnowledgeError(str(path), ["line 1: expected the IEEE columns Assignment and Organization Name"])
            for row in rows:
                block, name = row["Assignment"] or "", row["Organization Name"] or ""
                if not _ASSIGNMENT.match(block):
                    faults.append(f"line {rows.line_num}: Assignment is {block!r}, expected 6, 7 or 9 hex digits")
                elif name.strip() and name != _UNNAMED:
                    names[block.lower()] = name.strip()
    except (OSError, csv.Error) as error:
        raise KnowledgeError(str(path), [f"cannot be read: {error}"]) from error
    if faults:
        raise KnowledgeError(str(path), faults[:20])
    return names


class OuiIndex:
    """Facts by 24, 28 or 36-bit prefix."""

    def __init__(self, items: Iterable[tuple[str, Match]]) -> None:
        self._by_prefix: dict[str, list[Match]] = {}
        for value, match in items:
            self._by_prefix.setdefault(value.replace(":", ""), []).append(match)

    def find(self, mac: str) -> list[Match]:
        """Facts whose prefix the MAC starts with, longest prefix first."""
        return [match for prefix in prefixes(mac) for match in self._by_prefix.get(prefix, ())]
