"""What would have to be sent so that checks could look: gaps of a fleet's coverage by the telemetry that closes them.

Coverage says of every check why it had nothing to look at. Most of these reasons are one missing feed told many times;
here they are put together and ordered by how much would be looked at if that feed came. Reasons that no feed closes
(too few days, declared travel, an approved arrangement) are left out: time closes them, or nothing should.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from farmwatch.records import Coverage
from farmwatch.reports import wording

__all__ = ["SOURCES", "Closing", "Source", "closings"]


@dataclass(frozen=True, slots=True)
class Source:
    """Telemetry that some checks lack, and who sends it."""

    what: str  #: what is not known, as a noun
    send: str  #: what to send or give, likeliest first
    kinds: tuple[str, ...]  #: feeds that give it, as 'farmwatch feeds' lists them; none where it is no feed
    reasons: tuple[str, ...]  #: of coverage, word for word


@dataclass(frozen=True, slots=True)
class Closing:
    """A gap of a fleet, and what closes it."""

    source: Source
    devices: int  #: of the check that lacks it on most
    checks: int  #: that lack it on some device

    @property
    def sentence(self) -> str:
        """``How keys and pointers move: missing on up to 177 devices; 9 checks need it``."""
        what = f"{self.source.what[:1].upper()}{self.source.what[1:]}"
        devices, checks = wording.plural(self.devices, "device"), wording.plural(self.checks, "check")
        return f"{what}: missing on up to {devices}; {checks} {'needs' if self.checks == 1 else 'need'} it"


#: what can be missing; no reason stands in two of them
SOURCES = (
    Source(
        "how keys and pointers move",
        "farmwatch agent on the laptops (Linux)",
        ("agent",),
        ("no rows in input_timing", "input is neither timed nor its programs listed"),
    ),
    Source(
        "programs and their connections",
        "Defender, CrowdStrike, osquery, or Windows events with Sysmon",
        ("defender", "crowdstrike-fdr", "osquery", "windows-events", "windows-evtx", "velociraptor"),
        (
            "no programs, services, software, connections or lookups reported",
            "nothing is known of its programs",
            "no rows in processes",
            "no rows in sockets",
        ),
    ),
    Source(
        "when programs start",
        "process starts: Defender, CrowdStrike, or Windows event 4688 or Sysmon",
        ("defender", "crowdstrike-fdr", "windows-events", "windows-evtx"),
        ("programs are listed, their starts are not reported",),
    ),
    Source(
        "USB devices",
        "osquery, Windows events, Defender, CrowdStrike, or farmwatch agent",
        ("osquery", "windows-events", "windows-evtx", "defender", "crowdstrike-fdr", "agent"),
        ("no rows in usb_devices",),
    ),
    Source(
        "what USB devices are built of",
        "farmwatch agent (Linux), CrowdStrike, or Windows events of device set-up",
        ("agent", "crowdstrike-fdr", "windows-events", "windows-evtx"),
        ("USB devices are named without their interfaces",),
    ),
    Source(
        "input reports of USB devices",
        "farmwatch agent (Linux)",
        ("agent",),
        ("USB devices are listed without their input reports",),
    ),
    Source(
        "displays",
        "osquery, Windows events, Defender, or farmwatch agent",
        ("osquery", "windows-events", "windows-evtx", "defender", "agent"),
        ("no rows in displays", "no rows in displays or usb_devices"),
    ),
    Source(
        "remote-control tools' own logs",
        "AnyDesk's and TeamViewer's log files, by hand or by Velociraptor; "
        "for Chrome Remote Desktop, Windows Application events or osquery",
        ("anydesk", "teamviewer", "velociraptor", "windows-events", "windows-evtx", "osquery"),
        ("no rows in remote_tool_log",),
    ),
    Source(
        "logons",
        "Windows Security events, Defender, CrowdStrike or osquery",
        ("windows-events", "windows-evtx", "defender", "crowdstrike-fdr", "osquery"),
        ("no rows in logons",),
    ),
    Source(
        "clocks of remote-desktop clients",
        "Windows events of RemoteDesktopServices-RdpCoreTS",
        ("windows-events", "windows-evtx"),
        ("no remote desktop client's clock in its logs",),
    ),
    Source("meetings", "Zoom's dashboard or Teams' call records", ("zoom", "teams"), ("no rows in meetings",)),
    Source(
        "sign-ins",
        "the sign-in log of Entra ID or Okta, or the VPN's",
        ("entra-signin", "okta", "globalprotect", "zscaler-zpa"),
        ("no rows in sign_ins", "no sign-ins or meetings of its account"),
    ),
    Source(
        "second factors, tokens and sessions of sign-ins",
        "the sign-in log of Entra ID or Okta, in full",
        ("entra-signin", "okta"),
        (
            "its sign-ins carry no session",
            "its sign-ins name no second factor",
            "its sign-ins carry no device token",
            "its sign-ins do not say which computers they came from",
        ),
    ),
    Source(
        "power, sleep and lid",
        "Windows System events, or farmwatch agent (Linux)",
        ("windows-events", "windows-evtx", "agent"),
        ("no rows in power", "nothing reported of when it sleeps or is touched", "no word of the lid"),
    ),
    Source(
        "networks and neighbours",
        "an endpoint agent (osquery, Defender, CrowdStrike), or the VPN's log",
        ("osquery", "defender", "crowdstrike-fdr", "globalprotect"),
        ("no rows in sightings",),
    ),
    Source(
        "offsets of clocks from UTC",
        "osquery's table time, Windows System events, or farmwatch agent (Linux)",
        ("osquery", "windows-events", "windows-evtx", "agent"),
        ("no feed reports its clock's offset", "no rows in devices", "its own offset from UTC is not known"),
    ),
    Source(
        "declared places",
        "the roster: a CSV with place and coordinates",
        ("roster",),
        (
            "no rows in roster",
            "the roster has no coordinates of its place",
            "the roster has no country for it",
            "the roster declares no place for it",
        ),
    ),
    Source(
        "where addresses lie",
        "a place database: farmwatch assess --geo FILE",
        (),
        ("no place is known of its addresses (no place database)",),
    ),
    Source(
        "network traffic",
        "captures kept by farmwatch scan, or Zeek or Suricata logs",
        ("zeek", "suricata-eve"),
        ("no capture of it",),
    ),
)  # fmt: skip  (a source is read as a line)


def closings(coverage: Sequence[Coverage]) -> tuple[Closing, ...]:
    """Gaps that a feed would close, the one first by which most would be looked at (devices times checks).

    Args:
        coverage: of every check.
    """
    found = []
    for source in SOURCES:
        lacking = [sum(one.no_data.get(reason, 0) for reason in source.reasons) for one in coverage]
        if any(lacking):
            found.append((sum(lacking), Closing(source, max(lacking), sum(count > 0 for count in lacking))))
    found.sort(key=lambda pair: (-pair[0], pair[1].source.what))
    return tuple(closing for _, closing in found)
