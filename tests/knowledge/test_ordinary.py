"""Names that ordinary computers show anyway: no tool of the knowledge may claim one for itself.

The lists in ``ordinary`` are programs, services and software of Macs, Linux laptops and Windows laptops without any
remote control but what the system itself ships with.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from farmwatch.knowledge import Kind, Knowledge, Match

LISTS = Path(__file__).parent / "ordinary"
FOLDERS = {
    "macos": (
        "/usr/libexec/{}", "/System/Library/CoreServices/{0}.app/Contents/MacOS/{0}", "/opt/homebrew/bin/{}",
        "/Applications/{0}.app/Contents/MacOS/{0}", "/Users/*/Library/Application Support/{0}/{0}",
    ),
    "linux": ("/usr/bin/{}", "/usr/lib/{0}/{0}", "/usr/libexec/{}", "/opt/{0}/{0}", "/home/*/.local/bin/{}"),
    "windows": (
        "C:\\Windows\\System32\\{}", "C:\\Program Files\\{0}\\{0}", "C:\\Users\\*\\AppData\\Local\\Programs\\{0}\\{0}",
    ),
}  # fmt: skip


def names(system: str) -> list[str]:
    lines = (LISTS / f"{system}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def claims(matches: tuple[Match, ...]) -> set[str]:
    """Who would make a finding; meeting programs are on ordinary computers and make none by being there."""
    return {match.id for match in matches if match.alone and match.entry.kind is not Kind.MEETING}


@pytest.mark.parametrize(("system", "least"), [("macos", 500), ("linux", 1000), ("windows", 300)])
def test_no_ordinary_name_is_a_tool(knowledge: Knowledge, system: str, least: int) -> None:
    """As a program, a service, a package or in a usual folder."""
    listed = names(system)
    assert len(listed) == len(set(listed)) >= least
    claimed = {}
    for name in listed:
        found = claims(knowledge.match_process(name)) | claims(knowledge.match_service(name))
        found |= claims(knowledge.match_package(name))
        for folder in FOLDERS[system]:
            found |= claims(knowledge.match_path(folder.format(name)))
        if found:
            claimed[name] = found
    assert not claimed


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("parsecd", "parsec"),
        ("ARDAgent.app", "apple-remote-desktop"),
        ("gnome-remote-desktop-daemon", "rdp"),
        ("nxd", "nomachine"),
        ("dwm.exe", "teramind"),
        ("teams.exe", "parsec"),
        ("mstsc.exe", "rdp"),
    ],
)
def test_a_systems_own_program_supports_a_tool_but_is_none(knowledge: Knowledge, name: str, tool: str) -> None:
    """Each Mac has a parsecd and an ARDAgent, each Windows laptop a dwm.exe: known, and no finding alone."""
    assert tool in {match.id for match in knowledge.match_process(name)}
    assert tool not in claims(knowledge.match_process(name))
