"""All feeds, in the order in which they are asked whether an input is theirs: the narrow ones first."""

from __future__ import annotations

import difflib

from farmwatch.collectors.feeds.anydesk import AnyDesk
from farmwatch.collectors.feeds.contract import Feed, Sample
from farmwatch.collectors.feeds.crowdstrike import FalconReplicator
from farmwatch.collectors.feeds.defender import DefenderHunting
from farmwatch.collectors.feeds.entra import EntraSignIns
from farmwatch.collectors.feeds.globalprotect import GlobalProtect
from farmwatch.collectors.feeds.macos import MacHardware
from farmwatch.collectors.feeds.meetings import TeamsCallRecords, ZoomParticipants
from farmwatch.collectors.feeds.okta import OktaSystemLog
from farmwatch.collectors.feeds.osquery import Osquery
from farmwatch.collectors.feeds.own import OWN_TABLES, OwnTable
from farmwatch.collectors.feeds.roster import Roster
from farmwatch.collectors.feeds.snapshots import AgentMessages
from farmwatch.collectors.feeds.suricata import Suricata
from farmwatch.collectors.feeds.tailscale import Tailscale
from farmwatch.collectors.feeds.teamviewer import TeamViewer
from farmwatch.collectors.feeds.udev import UdevExport
from farmwatch.collectors.feeds.velociraptor import Velociraptor
from farmwatch.collectors.feeds.windows_events import WindowsEvents
from farmwatch.collectors.feeds.windows_evtx import WindowsEventLog
from farmwatch.collectors.feeds.zeek import Zeek
from farmwatch.collectors.feeds.zpa import ZscalerPrivateAccess
from farmwatch.records import RosterEntry

__all__ = ["FEEDS", "feed_of", "kind_of"]

FEEDS: tuple[Feed, ...] = (
    FalconReplicator(),
    DefenderHunting(),
    EntraSignIns(),
    OktaSystemLog(),
    ZscalerPrivateAccess(),
    GlobalProtect(),
    Tailscale(),
    ZoomParticipants(),
    TeamsCallRecords(),
    Suricata(),
    Zeek(),
    AnyDesk(),
    TeamViewer(),
    Roster(),
    Velociraptor(),  # by file names: before what its rows may look like
    WindowsEventLog(),
    WindowsEvents(),
    Osquery(),
    AgentMessages(),
    MacHardware(),
    UdevExport(),
    # Last: any JSON might have our column names by chance. The roster's own rows are taken by the roster's feed.
    *(OwnTable(record) for record in OWN_TABLES if record is not RosterEntry),
)  #: in the order of detection


def feed_of(kind: str) -> Feed:
    """The feed of a kind.

    Raises:
        ValueError: there is none; says which come near.
    """
    for feed in FEEDS:
        if feed.kind == kind:
            return feed
    near = difflib.get_close_matches(kind, [feed.kind for feed in FEEDS], 3)
    meant = f"; did you mean {' or '.join(near)}" if near else ""
    raise ValueError(f"no feed is called {kind!r}{meant}; 'farmwatch feeds' lists them")


def kind_of(sample: Sample) -> Feed | None:
    """The first feed that recognises an input by its beginning."""
    return next((feed for feed in FEEDS if feed.recognises(sample)), None)
