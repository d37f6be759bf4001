"""Programs, their connections and names they ask for, new services and installed software."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.columns import addresses, each, file_names, masked_paths, options_of
from farmwatch.collectors.feeds.windows.events import Group, mask_of
from farmwatch.records import DnsLookup, Process, Service, Socket, Software

__all__ = ["PROGRAM_MEANINGS", "program_of"]

_SHA256 = re.compile(r"(?i)(?:^|[,;=])(?:SHA256=)?([0-9A-F]{64})(?:$|[,;])")
_PROGRAM = re.compile(r"(?i)^(.+?\.(?:exe|sys|dll|bat|cmd|com|ps1|scr))(?=[\s\"]|$)")
_STARTS = {"0": "boot start", "1": "system start", "2": "auto start", "3": "demand start", "4": "disabled"}
_PRODUCT = re.compile(r"^[^:]{1,40}: (.{1,200}?) -- ", re.DOTALL)  # "Product: NAME -- ...", the word in any language
_ANSWER = re.compile(r"^type:\s*\d+\s+")
_MOST_ANSWERS = 8
_NONE = pa.array(["(NULL)", "N/A"])


def program_of(command: str) -> str | None:
    """The program at the beginning of a command line, without its arguments and quotes."""
    text = command.strip()[:2048]
    if text.startswith('"'):
        return text[1:].split('"', 1)[0] or None
    found = _PROGRAM.match(text)
    return found[1] if found else text.split(" ", 1)[0] or None


def _sha256(hashes: str) -> str | None:
    found = _SHA256.search(hashes[:1024])
    return found[1].lower() if found else None


def _answers(results: str) -> str | None:
    parts = (_ANSWER.sub("", part.strip()).removeprefix("::ffff:") for part in re.split("[;,]", results[:4096]))
    return ",".join([part.lower() for part in parts if part and part != "-"][:_MOST_ANSWERS]) or None


def _without_dot(name: str) -> str | None:
    return name.lower().rstrip(".") or None


def _named(group: Group, path: pa.Array) -> Group:
    """Those events that name a program; the others are rejected."""
    missing = mask_of(pc.is_null(path))
    if missing.any():
        group.where(missing).reject("names no program")
    return group.where(~missing)


def _run(group: Group, path: str, parent: str, pid: str) -> dict[str, Any]:
    """A program that started, by the names its event gives to path, parent and number."""
    program, starter = group.text(path), group.text(parent)
    return {
        "event": "started",
        "pid": group.number(pid),
        "name": file_names(program),
        "path": masked_paths(program),
        "arguments": options_of(group.text("CommandLine")),
        "parent_name": file_names(starter),
        "parent_path": masked_paths(starter),
    }


def _created(group: Group) -> None:
    """Security 4688. Of the command line only option names and link schemes are kept."""
    known = _named(group, group.text("NewProcessName"))
    if not len(known):
        return
    known.add(Process, **_run(known, "NewProcessName", "ParentProcessName", "NewProcessId"))


def _started(group: Group) -> None:
    """Sysmon 1."""
    known = _named(group, group.text("Image"))
    if not len(known):
        return
    known.add(
        Process,
        **_run(known, "Image", "ParentImage", "ProcessId"),
        original_name=known.text("OriginalFileName"),
        product=known.text("Product"),
        company=known.text("Company"),
        sha256=each(_sha256, known.text("Hashes")),
    )


def _connected(group: Group) -> None:
    """Sysmon 3: its source is who opened the connection, so of an accepted one the far end is the source."""
    out = group.truth("Initiated")
    here, there = ("Source", "Destination"), ("Destination", "Source")

    def side(of: tuple[str, str], field: str) -> pa.Array:
        return pc.if_else(pc.fill_null(out, True), group.text(of[0] + field), group.text(of[1] + field))

    def port(of: tuple[str, str]) -> pa.Array:
        return pc.if_else(pc.fill_null(out, True), group.port(of[0] + "Port"), group.port(of[1] + "Port"))

    image = group.text("Image")
    group.add(
        Socket,
        state=pc.if_else(pc.fill_null(out, True), "connected", "accepted"),
        proto=pc.coalesce(pc.utf8_lower(group.text("Protocol")), pa.scalar("tcp")),
        process=file_names(image),
        path=masked_paths(image),
        pid=group.number("ProcessId"),
        local_h=addresses(side(here, "Ip")),
        local_p=port(here),
        remote_h=addresses(side(there, "Ip")),
        remote_p=port(there),
        remote_name=pc.utf8_lower(side(there, "Hostname")),
        outbound=out,
    )


def _asked(group: Group) -> None:
    """Sysmon 22."""
    image = group.text("Image")
    group.add(
        DnsLookup,
        name=each(_without_dot, group.text("QueryName")),
        process=file_names(image),
        path=masked_paths(image),
        answers=each(_answers, group.text("QueryResults")),
    )


def _service(group: Group) -> None:
    """7045 of the service control manager, and Security 4697."""
    start = group.text("StartType", "ServiceStartType")
    group.add(
        Service,
        kind="service",
        name=group.text("ServiceName"),
        path=masked_paths(each(program_of, group.text("ImagePath", "ServiceFileName"))),
        start_mode=each(lambda word: _STARTS.get(word, word), start),
    )


def _known(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_in(values, _NONE), pa.scalar(None, pa.string()), values)


def _package(group: Group) -> None:
    """MsiInstaller 1033: product, version, language, status, maker."""
    failed = mask_of(pc.not_equal(group.text("param4"), "0"))
    if failed.any():
        group.where(failed).unneeded("of an installation that failed")
    done = group.where(~failed)
    if len(done):
        done.add(
            Software,
            kind="program",
            name=_known(done.text("param1")),
            version=_known(done.text("param2")),
            publisher=_known(done.text("param5")),
            installed=done.times,
        )


def _product(text: str) -> str | None:
    found = _PRODUCT.match(text[:512])
    return found[1].strip() if found else None


def _completed(group: Group) -> None:
    """MsiInstaller 11707: one sentence, whose language is the system's."""
    group.add(Software, kind="program", name=each(_product, group.text("param1")), installed=group.times)


PROGRAM_MEANINGS = {
    ("security-auditing", 4688): _created,
    ("security-auditing", 4697): _service,
    ("service-control-manager", 7045): _service,
    ("sysmon", 1): _started,
    ("sysmon", 3): _connected,
    ("sysmon", 22): _asked,
    ("msiinstaller", 1033): _package,
    ("msiinstaller", 11707): _completed,
}  #: by provider and event number
