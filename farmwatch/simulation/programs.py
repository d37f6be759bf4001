"""What runs on a laptop, what it looks up and what it connects to: routine, and the programs of :mod:`toolkit`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.simulation.chunk import HOUR_US, Chunk
from farmwatch.simulation.lines import Events, concatenated, events, json_lines, once
from farmwatch.simulation.meetings import farm_joins
from farmwatch.simulation.texts import hexed, ipv4, iso, joined, named, numbered
from farmwatch.simulation.toolkit import TOOLS, Tool, Use, uses, visits
from farmwatch.simulation.towns import rows_of

__all__ = ["dns", "processes", "services", "sockets", "software", "zoom_uri"]

_ROUTINE = tuple(
    (row["program"], row["path"].replace("\\", "\\\\"), row["company"], int(row["weight"]))
    for row in rows_of("programs.csv")
)  #: programs everybody has: name, path, maker, and how often they start
_WEIGHTS = np.array([one[3] for one in _ROUTINE], np.float64)
_HOSTS = (
    "outlook.office365.com",
    "login.microsoftonline.com",
    "teams.microsoft.com",
    "www.google.com",
    "acme.okta.com",
    "www.bing.com",
    "ocsp.digicert.com",
    "fonts.gstatic.com",
    "github.com",
    "slack.com",
    "wss-primary.slack.com",
    "acme.sharepoint.com",
    "settings-win.data.microsoft.com",
    "clients4.google.com",
    "api.github.com",
    "jira.acme.example",
    "wiki.acme.example",
    "git.acme.example",
    "vpn.acme.example",
    "time.windows.com",
    "edge.microsoft.com",
    "update.googleapis.com",
    "registry.npmjs.org",
    "pypi.org",
    "www.youtube.com",
    "en.wikipedia.org",
    "stackoverflow.com",
    "zoom.us",
    "us05web.zoom.us",
    "ctldl.windowsupdate.com",
    "v10.events.data.microsoft.com",
    "nexus.officeapps.live.com",
)
_HOST_WEIGHTS = 1.0 / np.arange(2, len(_HOSTS) + 2)


_ELSEWHERE = {
    "remoting_host.exe": "remoting_me2me_host",
    "caffeine64.exe": "amphetamine",
    "powertoys.awake.exe": "amphetamine",
    "nordvpn.exe": "nordvpnd",
}


def _by_system(at: Events, name: pa.Array | str) -> pa.Array:
    """A program's name as its system has it: without ending on macOS and Linux."""
    spelled = name if isinstance(name, pa.Array) else pa.array([name] * len(at), pa.string())
    other = _ELSEWHERE.get(name) if isinstance(name, str) else None
    bare = (
        pc.replace_substring_regex(spelled, r"\.exe$", "")
        if other is None
        else pa.array([other] * len(at), pa.string())
    )
    return pc.if_else(_windows(at), spelled, bare)


def _on_windows(at: Events, path: pa.Array | str) -> pa.Array:
    """A path, on Windows only."""
    spelled = path if isinstance(path, pa.Array) else pa.array([path] * len(at), pa.string())
    return pc.if_else(_windows(at), spelled, pa.scalar(None, pa.string()))


def _parent(at: Events, parent: pa.Array | str) -> pa.Array:
    """What started a program: a parent of Windows, or the one there is elsewhere."""
    spelled = parent if isinstance(parent, pa.Array) else pa.array([parent] * len(at), pa.string())
    platform = at.of(at.chunk.of(at.chunk.world.platform))
    return pc.if_else(_windows(at), spelled, named(("", "launchd", "systemd"), platform))


def _windows(at: Events) -> pa.Array:
    return pa.array(at.of(at.chunk.of(at.chunk.world.platform)) == 0)


def _covered(chunk: Chunk) -> NDArray[np.bool_]:
    return chunk.feed("process", chunk.world.parameters.process_feed)


def processes(chunk: Chunk) -> pa.Array:
    """Rows of ``processes``."""
    days = chunk.worked & _covered(chunk)[:, None]
    ran = events(chunk, "program", 22.0, days)
    which = ran.pick("which", _WEIGHTS)
    parts = [
        json_lines(
            {
                "device_id": ran.names(), "ts": ran.iso(), "event": "started", "pid": 400 + 4 * ran.whole("pid", 6000),
                "name": _by_system(ran, named([one[0] for one in _ROUTINE], which)),
                "path": _on_windows(ran, named([one[1] for one in _ROUTINE], which)),
                "parent_name": _parent(ran, named(("explorer.exe", "svchost.exe"), ran.pick("parent", (1, 1)))),
                "company": named([one[2] or None for one in _ROUTINE], which),
            }
        )
    ]  # fmt: skip
    for use, started in _started(chunk, "tool program"):
        tool = TOOLS[use.tool]
        parts.append(_program(started, tool, "services.exe" if use.stays else "explorer.exe"))
        if use.tool == "chrome-remote-desktop":
            fresh = started.where((started.day == started.of(use.installed)) & (started.slot == 0))
            parts.append(
                _program(
                    fresh,
                    tool,
                    "powershell.exe",
                    name="remoting_start_host.exe",
                    arguments="--code --redirect-url --name --pin",
                )
            )
    for number, use in enumerate(uses(chunk)):
        tool = TOOLS[use.tool]
        if tool.visit and use.incoming:
            name, _, arguments = tool.visit.partition(" ")
            at = visits(chunk, number, replace(use, days=use.days & _covered(chunk)[:, None]))
            at = at.where(at.of(chunk.of(chunk.world.platform)) == 0)
            parts.append(_program(at, tool, tool.program, name=name, arguments=arguments))
    parts.append(zoom_uri(chunk))
    return concatenated(parts)


def _program(at: Events, tool: Tool, parent: str, *, name: str = "", arguments: str | None = None) -> pa.Array:
    path = tool.path[: tool.path.rindex("\\") + 1] + name if name else tool.path
    return json_lines(
        {
            "device_id": at.names(), "ts": at.iso(), "event": "started", "pid": 400 + 4 * at.whole("pid", 6000),
            "name": _by_system(at, name or tool.program), "path": _on_windows(at, path), "arguments": arguments,
            "parent_name": _parent(at, parent),
            "company": tool.company,
        }
    )  # fmt: skip


def _started(chunk: Chunk, name: str) -> Iterator[tuple[Use, Events]]:
    """Each program's starts, two on days it runs."""
    covered = _covered(chunk)[:, None]
    for number, use in enumerate(uses(chunk)):
        days = use.days & covered
        if days.any():
            yield use, events(chunk, f"{name} {number}", 1.5, days, routine=use.tool == "ninjaone")


def zoom_uri(chunk: Chunk) -> pa.Array:
    """Meetings opened by link: by people from a browser at any time; in farms from the Run box at one minute daily."""
    covered = _covered(chunk)[:, None]
    clicked = events(chunk, "zoom link", 0.5, chunk.worked & covered & ~chunk.hand("zoom-control", "arp-bus")[:, None])
    ran = _joins(chunk, covered)
    parts = [(clicked, "chrome.exe"), (ran, "explorer.exe")]
    path = "C:\\\\Users\\\\user\\\\AppData\\\\Roaming\\\\Zoom\\\\bin\\\\Zoom.exe"
    return concatenated(
        [
            json_lines(
                {
                    "device_id": at.names(), "ts": at.iso(), "event": "started", "pid": 400 + 4 * at.whole("pid", 6000),
                    "name": _by_system(at, "zoom.exe"), "path": _on_windows(at, path), "arguments": "--url=zoommtg://",
                    "parent_name": _by_system(at, parent) if parent == "chrome.exe" else _parent(at, parent),
                    "company": "Zoom Communications, Inc.",
                }
            )
            for at, parent in parts
        ]
    )  # fmt: skip


def _joins(chunk: Chunk, covered: NDArray[np.bool_]) -> Events:
    days, ts = farm_joins(chunk)
    return once(chunk, "farm join", days & covered, ts)


def dns(chunk: Chunk) -> pa.Array:
    """Rows of ``dns``."""
    days = chunk.worked & _covered(chunk)[:, None]
    asked = events(chunk, "lookup", 22.0, days)
    common = named(_HOSTS, asked.pick("host", _HOST_WEIGHTS))
    rare = joined(numbered("www.site", asked.whole("site", 40_000), 5), ".example")
    name = pc.if_else(pa.array(asked.share("rare") < 0.2), rare, common)
    parts = [json_lines({"device_id": asked.names(), "ts": asked.iso(), "name": name, "qtype": "A"})]
    for use, started in _started(chunk, "tool lookup"):
        tool = TOOLS[use.tool]
        parts += [
            json_lines(
                {
                    "device_id": started.names(), "ts": started.iso(), "name": _host(started, host), "qtype": "A",
                    "process": _by_system(started, tool.program),
                }
            )
            for host in tool.hosts
        ]  # fmt: skip
    relay = events(chunk, "relay lookup", 1.0, days & chunk.has("private-relay")[:, None])
    parts.append(json_lines({"device_id": relay.names(), "ts": relay.iso(), "name": "mask.icloud.com", "qtype": "A"}))
    return concatenated(parts)


def _host(at: Events, host: str) -> pa.Array | str:
    before, mark, after = host.partition("#")
    return joined(before, hexed(at.chunk.world.dice.raw("relay", at.chunk.at[at.device]), 8), after) if mark else host


def sockets(chunk: Chunk) -> pa.Array:
    """Rows of ``sockets``."""
    days = chunk.worked & _covered(chunk)[:, None]
    opened = events(chunk, "connection", 12.0, days)
    host = opened.pick("host", _HOST_WEIGHTS)
    parts = [
        json_lines(
            {
                "device_id": opened.names(),
                "ts": opened.iso(),
                "state": "connected",
                "proto": "tcp",
                "process": _by_system(opened, named([one[0] for one in _ROUTINE], opened.pick("which", _WEIGHTS))),
                "local_p": 49_152 + opened.whole("port", 16_000),
                "remote_h": ipv4((33 << 24) + (7 << 21) + (1 << 20) + host),
                "remote_p": pa.array(np.full(len(opened), 443)),
                "remote_name": named(_HOSTS, host),
                "outbound": True,
            }
        )
    ]
    for use, started in _started(chunk, "tool connection"):
        tool = TOOLS[use.tool]
        if tool.hosts:
            parts.append(
                json_lines(
                    {
                        "device_id": started.names(),
                        "ts": started.iso(),
                        "state": "connected",
                        "proto": "tcp",
                        "process": _by_system(started, tool.program),
                        "path": _on_windows(started, tool.path),
                        "local_p": 49_152 + started.whole("port", 16_000),
                        "remote_h": ipv4((33 << 24) + (7 << 21) + (1 << 20) + 4096 + started.whole("relay", 500)),
                        "remote_p": tool.port,
                        "remote_name": _host(started, tool.hosts[-1]),
                        "outbound": True,
                    }
                )
            )
    return concatenated(parts)


def services(chunk: Chunk) -> pa.Array:
    """Rows of ``services``: once a week what is there, and what farms and people have set up."""
    parts = []
    for number, use in enumerate(uses(chunk)):
        tool = TOOLS[use.tool]
        if tool.service and use.stays:
            at = _first_days(chunk, use, f"service {number}")
            parts.append(
                json_lines(
                    {
                        "device_id": at.names(), "ts": at.iso(), "kind": _kind(at), "name": _label(at, use.tool),
                        "path": _on_windows(at, tool.path), "start_mode": "auto_start", "state": "running",
                    }
                )
            )  # fmt: skip
    return concatenated(parts)


_LABELS = {
    "anydesk": "com.philandro.anydesk.service", "teamviewer": "com.teamviewer.service",
    "chrome-remote-desktop": "org.chromium.chromoting", "rustdesk": "com.carriez.rustdesk_service",
    "tailscale": "com.tailscale.tailscaled",
}  #: what macOS calls them  # fmt: skip


def _kind(at: Events) -> pa.Array:
    return pc.if_else(_windows(at), pa.scalar("service"), pa.scalar("autostart"))


def _label(at: Events, tool: str) -> pa.Array:
    return pc.if_else(_windows(at), pa.scalar(TOOLS[tool].service), pa.scalar(_LABELS.get(tool, TOOLS[tool].service)))


def software(chunk: Chunk) -> pa.Array:
    """Rows of ``software``: what came beside the company's image."""
    parts = []
    for number, use in enumerate(uses(chunk)):
        tool = TOOLS[use.tool]
        if tool.software and use.stays:
            at = _first_days(chunk, use, f"software {number}")
            installed = at.of(use.installed) * (24 * HOUR_US) + (at.share("hour") * 20 * HOUR_US).astype(np.int64)
            parts.append(
                json_lines(
                    {
                        "device_id": at.names(), "ts": at.iso(), "kind": "program", "name": tool.software,
                        "version": "9.1", "publisher": tool.company, "installed": iso(installed),
                    }
                )
            )  # fmt: skip
    return concatenated(parts)


def _first_days(chunk: Chunk, use: Use, name: str) -> Events:
    """The first day of the window on which a program was there."""
    days = use.days & _covered(chunk)[:, None]
    days = days & (np.cumsum(days, axis=1) == 1)
    return once(chunk, name, days, chunk.start + (0.1 * HOUR_US))
