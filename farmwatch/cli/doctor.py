"""``farmwatch doctor``: what is installed, what is missing and what that costs. It reports and never fails."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from farmwatch.cli import options
from farmwatch.cli.streams import Color, can_show, use_color, width, write_result

__all__ = ["HELP", "doctor"]

HELP = """Show versions, the compile cache, tshark, a browser, knowledge and the terminal. Always exits with 0.

\b
Examples:
  farmwatch doctor
  farmwatch doctor --compile      the first large scan need not wait then
"""  #: text of ``farmwatch doctor --help``

_TSHARK_SECONDS = 20  # how long 'tshark --version' may take before it counts as broken


def doctor(
    compile_now: Annotated[bool, typer.Option("--compile", help="Compile the kernels ahead of time.")] = False,
    color: options.ColorOption = Color.AUTO,
) -> None:
    """Show what is installed, what is missing and what that costs."""
    from importlib import metadata

    from farmwatch.reports.page import Page

    page = Page(width=width(sys.stdout), color=use_color(color, sys.stdout), ascii_only=not can_show(sys.stdout))
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("farmwatch", lambda: metadata.version("farmwatch")),
        ("python", lambda: f"{platform.python_implementation()} {platform.python_version()} on {platform.platform()}"),
        ("packages", _packages),
        ("compiled", _compile if compile_now else _cache),
        ("tshark", _tshark),
        ("browser", _browser),
        ("capture", _capture),
        ("knowledge", _knowledge),
        ("terminal", lambda: _terminal(color)),
    )
    for name, check in checks:
        try:
            said = check()
        except Exception as error:  # noqa: BLE001 (a doctor that falls ill tells nobody anything)
            said = f"MISSING: {type(error).__name__}: {error}"
        page.say(said, label=f"{name}:", style="alarm" if said.startswith("MISSING") else "bold", hang=4)
    write_result(page.render(), None, encoding=sys.stdout.encoding or "ascii")


def _packages() -> str:
    """Versions of the packages farmwatch requires; those that are not there first."""
    from importlib import metadata

    names = sorted({_name(requirement) for requirement in metadata.requires("farmwatch") or []})
    missing, found = [], []
    for name in names:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    return (f"MISSING: pip install {' '.join(missing)}; " if missing else "") + ", ".join(found)


def _name(requirement: str) -> str:
    """The package name of a requirement such as ``numpy>=2.0; extra == 'x'``."""
    for position, char in enumerate(requirement):
        if not (char.isalnum() or char in "-_."):
            return requirement[:position]
    return requirement


def _cache() -> str:
    """Whether the kernels are compiled for this version on this machine."""
    from farmwatch.wire.jit import is_compiled

    if is_compiled("scan"):
        return "kernels are ready"
    return "not yet: the first large scan compiles for about 20 s; farmwatch doctor --compile does it now"


def _compile() -> str:
    """Compile the kernels now."""
    from farmwatch.cli.warmup import compile_kernels

    return f"took {compile_kernels():.1f} s; {_cache()}"


def _tshark() -> str:
    """Where tshark is and its version."""
    path = shutil.which("tshark")
    if path is None:
        from farmwatch.cli.dissect import INSTALL

        return f"MISSING: 'farmwatch inspect' needs it: {INSTALL}"
    ran = subprocess.run(  # noqa: S603 (the program found on PATH, no input of others)
        [path, "--version"], capture_output=True, text=True, timeout=_TSHARK_SECONDS, check=False
    )
    return f"{(ran.stdout.splitlines() or ['no version'])[0]} at {path}"


def _browser() -> str:
    """Which browser would print the morning report; one is needed for that only."""
    from farmwatch.reports.morning.pdf import browser

    return browser() or "none: 'farmwatch report --format pdf' needs Chromium or one of its kin; all else works without"


def _capture() -> str:
    """Whether live capture is likely to be allowed."""
    if hasattr(os, "geteuid"):
        return "allowed: running as root" if os.geteuid() == 0 else "needs root or CAP_NET_RAW: sudo farmwatch capture"
    return "needs Npcap and an administrator"


def _knowledge() -> str:
    """Version of the shipped knowledge and its size by kind."""
    from collections import Counter

    from farmwatch.knowledge import knowledge_version, load_knowledge

    entries = load_knowledge().complete
    kinds = Counter(str(entry.kind) for entry in entries.values())
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return f"version {knowledge_version()}, {len(entries)} entries ({counts})"


def _terminal(color: Color) -> str:
    """What the text report assumes about standard output."""
    kind = "terminal" if sys.stdout.isatty() else "not a terminal"
    shows = "all marks" if can_show(sys.stdout) else "ASCII only"
    colored = "in colour" if use_color(color, sys.stdout) else "without colour"
    return f"{kind}, {width(sys.stdout)} columns, encoding {sys.stdout.encoding}, {shows}, {colored}"
