"""Logons and the steps of a remote-desktop session.

Which clock, screen and address drive a session is in three events of RdpCoreTS that are on by default since Windows 10:

* **131** the client's address and port as the server saw them,
* **104** ``Client timezone is [N] hour from UTC``: hours *east* of UTC, so that local time = UTC + N, the opposite of
  the Bias that goes over the wire (MS-RDPBCGR 2.2.1.11.1.1.1.1: UTC = local time + bias). Public examples: [9] from a
  client in Korea, [0] from London in winter, [-8] further west. Whole hours: what a client half an hour off shows is
  not known,
* **168** one event for each monitor of the client, with its number, width and height.

ActivityID ties these, and 1149 and 261 of the connection manager, to one connection; it stands in ``session_id``.

An address of the device itself (127.0.0.1, ::1) is kept: the client came through a tunnel that ends on this device.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.columns import addresses, each, file_names
from farmwatch.collectors.feeds.windows.events import Group, Meaning, mask_of
from farmwatch.records import Logon, PowerEvent

__all__ = ["SESSION_MEANINGS"]

_SERVICE_TYPES = pa.array([0, 4, 5], pa.int64())  # the system, batch jobs, services: nobody is there
_WINDOW_MANAGERS = r"^S-1-5-(90|96)-"  # [MS-DTYP] 2.4.2.4: the window manager and the font driver of each session
_HOURS = re.compile(r"\[?\s*([+-]?\d{1,2})(?:([.:])(\d{1,2}))?\s*\]?")
_FARTHEST_MIN = 14 * 60
_ENDPOINT = re.compile(r"\[?([0-9A-Fa-f.:]+?)(?:%\w+)?\]?:(\d{1,5})")


def _offset_min(text: str) -> int | None:
    """Minutes east of UTC from ``[1]``, ``[-8]``, ``[5.5]`` or ``[5:30]``."""
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        return None
    part = int(found[3]) if found[2] == ":" else round(float(f"0.{found[3]}") * 60) if found[3] else 0
    hours = abs(int(found[1])) * 60 + part
    minutes = -hours if found[1].startswith("-") else hours
    return minutes if abs(minutes) <= _FARTHEST_MIN else None


def _host(endpoint: str) -> str | None:
    found = _ENDPOINT.fullmatch(endpoint.strip())
    return found[1] if found else endpoint


def _port(endpoint: str) -> int | None:
    found = _ENDPOINT.fullmatch(endpoint.strip())
    return int(found[2]) if found and 0 < int(found[2]) < 65536 else None


def _security_logon(event: str) -> Meaning:
    def meaning(group: Group) -> None:
        kind = group.number("LogonType")
        idle = mask_of(pc.is_in(kind, _SERVICE_TYPES))
        windows = ~idle & mask_of(pc.match_substring_regex(group.text("TargetUserSid"), _WINDOW_MANAGERS))
        for mask, why in ((idle, "of a service or batch job"), (windows, "of the window manager")):
            if mask.any():
                group.where(mask).unneeded(why)
        people = group.where(~(idle | windows))
        if len(people):
            people.add(
                Logon,
                event=event,
                source=group.source,
                logon_type=people.number("LogonType"),
                account=people.account("TargetUserName", "TargetUserSid"),
                session_id=people.text("TargetLogonId"),
                remote_h=people.address("IpAddress"),
                remote_p=people.port("IpPort"),
                remote_name=people.text("WorkstationName"),
                process=file_names(people.text("ProcessName")),
            )

    return meaning


def _window_station(event: str) -> Meaning:
    """4778 and 4779: a session changed hands."""

    def meaning(group: Group) -> None:
        group.add(
            Logon,
            event=event,
            source=group.source,
            account=group.account("AccountName"),
            session_id=group.text("LogonID"),
            remote_h=group.address("ClientAddress"),
            remote_name=group.text("ClientName"),
        )

    return meaning


def _session(event: str) -> Meaning:
    """LocalSessionManager."""

    def meaning(group: Group) -> None:
        group.add(
            Logon,
            event=event,
            source=group.source,
            account=group.account("User"),
            session_id=group.text("SessionID", "TargetSession", "Session"),
            remote_h=group.address("Address"),
        )

    return meaning


def _authenticated(group: Group) -> None:
    group.add(
        Logon,
        event="authenticated",
        source=group.source,
        account=group.account("Param1"),
        session_id=group.activity,
        remote_h=group.address("Param3"),
    )


def _listener(group: Group) -> None:
    group.add(Logon, event="connection", source=group.source, session_id=group.activity)


def _shadow(group: Group) -> None:
    """A session is watched or steered by somebody else; who, on which computer, whose, which session."""
    group.add(
        Logon, event="shadow", source=group.source, account=group.account("Param1"), session_id=group.text("Param4"),
        remote_name=group.text("Param2"),
    )  # fmt: skip


def _client(group: Group) -> None:
    endpoint = group.text("ClientIP")
    group.add(
        Logon,
        event="connection",
        source=group.source,
        session_id=group.activity,
        remote_h=addresses(each(_host, endpoint)),
        remote_p=each(_port, endpoint, pa.int64()),
        transport=pc.utf8_lower(group.text("ConnType")),
    )


def _clock(group: Group) -> None:
    offset = each(_offset_min, group.text("TimezoneBiasHour"), pa.int64())
    missing = mask_of(pc.is_null(offset))
    if missing.any():
        group.where(missing).reject("TimezoneBiasHour is not an offset from UTC in hours")
    known = group.where(~missing)
    if len(known):
        known.add(
            Logon, event="client clock", source=group.source, session_id=known.activity,
            client_utc_offset_min=offset.drop_null(),
        )  # fmt: skip


def _screen(group: Group) -> None:
    group.add(
        Logon,
        event="client screen",
        source=group.source,
        session_id=group.activity,
        client_monitors=pc.max_element_wise(group.number("MonitorNum"), 1, skip_nulls=False),
        client_width=group.number("MonitorWidth"),
        client_height=group.number("MonitorHeight"),
    )


def _refused(group: Group) -> None:
    group.add(Logon, event="failed", source=group.source, session_id=group.activity, remote_h=group.address("IPString"))


def _lock(event: str) -> Meaning:
    def meaning(group: Group) -> None:
        group.add(PowerEvent, event=event, reason=group.source)

    return meaning


_RDP = "remotedesktopservices-rdpcorets"
_MANAGER = "terminalservices-remoteconnectionmanager"
_LOCAL = "terminalservices-localsessionmanager"

SESSION_MEANINGS: dict[tuple[str, int], Meaning] = {
    ("security-auditing", 4624): _security_logon("logon"),
    ("security-auditing", 4625): _security_logon("failed"),
    ("security-auditing", 4634): _security_logon("logoff"),
    ("security-auditing", 4647): _security_logon("logoff"),
    ("security-auditing", 4778): _window_station("reconnect"),
    ("security-auditing", 4779): _window_station("disconnect"),
    ("security-auditing", 4800): _lock("locked"),
    ("security-auditing", 4801): _lock("unlocked"),
    (_LOCAL, 21): _session("logon"),
    (_LOCAL, 22): _session("present"),
    (_LOCAL, 23): _session("logoff"),
    (_LOCAL, 24): _session("disconnect"),
    (_LOCAL, 25): _session("reconnect"),
    (_LOCAL, 39): _session("disconnect"),
    (_LOCAL, 40): _session("disconnect"),
    (_MANAGER, 261): _listener,
    (_MANAGER, 1149): _authenticated,
    (_MANAGER, 20503): _shadow,
    (_MANAGER, 20506): _shadow,
    (_RDP, 104): _clock,
    (_RDP, 131): _client,
    (_RDP, 140): _refused,
    (_RDP, 168): _screen,
}  #: by provider and event number
