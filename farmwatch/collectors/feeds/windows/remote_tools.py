"""What remote-access tools write into Windows' own logs: Chrome Remote Desktop, provider ``chromoting`` of Application.

Numbers and the order of their values are Chromium's (remoting/host/win/host_messages.mc.jinja2 and
remoting/host/win/host_event_logger_win.cc):

* **1** ``Client connected: %1``, written when the client has authenticated,
* **2** ``Client disconnected: %1``,
* **3** ``Access denied for client: %1``,
* **4** ``Channel IP for client: %1 ip='%2' host_ip='%3' channel='%4' connection='%5'``, one for each channel of a
  session; the connection is direct, stun or relay,
* 5 (host started) and 6 (a line of its log) tell of no session.

The client is an account with a resource behind a slash. It is kept as a keyed hash: one account on many devices ties
them together. Of a relayed channel the address may be the relay's, so it is not taken for the far end's. Hosts that
somebody shares a code of and hosts that are always on write the same, so whether anybody had to agree is not told.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.columns import addresses, each
from farmwatch.collectors.feeds.windows.events import Group, Meaning, mask_of
from farmwatch.records import RemoteToolLog

__all__ = ["REMOTE_TOOL_MEANINGS"]

_PROVIDER = "chromoting"
_TOOL = "chrome-remote-desktop"
_ENDPOINT = re.compile(r"\[?([0-9A-Fa-f.:]+?)(?:%\w+)?\]?:\d{1,5}")
_CONNECTIONS = pa.array(["direct", "stun", "relay"])


def _client(group: Group) -> pa.Array:
    """The client's account, hidden, without the part that is new in each session."""
    return group.hidden(each(lambda text: text.split("/")[0].strip() or None, group.text("param1")))


def _session(event: str) -> Meaning:
    def meaning(group: Group) -> None:
        group.add(RemoteToolLog, tool=_TOOL, event=event, direction="incoming", far_id=_client(group))

    return meaning


def _host(endpoint: str) -> str | None:
    found = _ENDPOINT.fullmatch(endpoint)
    return found[1] if found else None


def _channel(group: Group) -> None:
    told = pc.is_in(pc.utf8_lower(group.text("param5")), _CONNECTIONS)
    known = mask_of(told)
    if not known.all():
        group.where(~known).unneeded("of a channel whose way is not known")
    group = group.where(known)
    if len(group):
        relayed = pc.equal(pc.utf8_lower(group.text("param5")), "relay")
        far = addresses(each(_host, group.text("param2")))
        group.add(
            RemoteToolLog, tool=_TOOL, event=pc.if_else(relayed, "relay", "direct"), direction="incoming",
            far_id=_client(group), far_h=pc.if_else(relayed, pa.scalar(None, pa.string()), far), via_relay=relayed,
        )  # fmt: skip


REMOTE_TOOL_MEANINGS: dict[tuple[str, int], Meaning] = {
    (_PROVIDER, 1): _session("accepted"),
    (_PROVIDER, 2): _session("ended"),
    (_PROVIDER, 3): _session("rejected"),
    (_PROVIDER, 4): _channel,
}  #: by provider and event number
