"""Meetings: those of teams, those that last all day, and those a farm drives its laptops by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farmwatch.simulation.chunk import DAY_US, HOUR_US, Chunk, Days
from farmwatch.simulation.lines import Events, concatenated, json_lines, once
from farmwatch.simulation.texts import hexed, ipv4, iso, joined, macs, plain
from farmwatch.simulation.towns import cities

__all__ = ["farm_joins", "meetings", "own_mac", "zoom"]

_SLOTS = 16  #: half hours of a working day
_MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class _Attended:
    """Who took part in what."""

    at: Events  #: times are when they joined
    left: NDArray[np.int64]
    meeting: NDArray[np.uint64]
    people: NDArray[np.int64]
    shared_s: NDArray[Any]
    controlled_s: NDArray[Any]

    def where(self, mask: NDArray[np.bool_]) -> _Attended:
        return _Attended(
            self.at.where(mask), self.left[mask], self.meeting[mask], self.people[mask], self.shared_s[mask],
            self.controlled_s[mask],
        )  # fmt: skip


def own_mac(chunk: Chunk, device: NDArray[np.int64]) -> pa.Array:
    """Link-layer address of devices' own interfaces."""
    bits = chunk.world.dice.raw("own mac", chunk.at[device])
    return macs(np.uint64(0xF4D488) << np.uint64(24) | bits >> np.uint64(40))


def farm_joins(chunk: Chunk) -> tuple[Days, Days]:
    """On which days, and when, laptops driven through meetings open theirs: the same minute every day."""
    world, dice = chunk.world, chunk.world.dice
    bus = chunk.hand("arp-bus")[:, None]
    days = (chunk.hand("zoom-control")[:, None] | bus) & chunk.worked
    farm = chunk.of(world.farm)
    own = dice.whole("join minute", 40, chunk.at) * _MINUTE_US
    shared = dice.whole("farm minute", 40, farm) * _MINUTE_US
    clock = np.where(cities().american[chunk.of(world.declared_city)], 13.5, 7.5) * HOUR_US
    opens = chunk.day * DAY_US + clock[:, None].astype(np.int64)
    alone = opens + own[:, None] + (dice.share("join second", chunk.at[:, None], chunk.day) * 25e6).astype(np.int64)
    together = opens + shared[:, None] + (dice.share("bus second", farm[:, None], chunk.day) * 20e6).astype(np.int64)
    together = together + (dice.share("bus lag", chunk.at[:, None], chunk.day) * 2e6).astype(np.int64)
    return days, np.where(bus, together, alone)


def _attended(chunk: Chunk) -> list[_Attended]:
    return [_of_teams(chunk), _long(chunk), _of_farms(chunk)]


def _of_teams(chunk: Chunk) -> _Attended:
    world, dice, given = chunk.world, chunk.world.dice, chunk.world.parameters
    team = chunk.of(world.team)[:, None, None]
    slots = np.arange(_SLOTS)
    takes_place = dice.whether("meeting", min(1.0, given.meetings_day / _SLOTS), team, chunk.day[:, :, None], slots)
    comes = dice.whether("comes", 0.75, chunk.at[:, None, None], chunk.day[:, :, None], slots)
    there = takes_place & comes & chunk.worked[:, :, None]
    device, column, slot = np.nonzero(there)
    at = Events(chunk, "meeting", device, column, slot, np.zeros(len(device), np.int64))
    number = at.of(chunk.of(world.team))
    anchor = np.where(number % 10 < 3, 8, 14) * HOUR_US
    opens = at.day * DAY_US + anchor + slot * 30 * _MINUTE_US
    at = at.at(opens + np.abs(dice.normal("late", 0, 70e6, *at.keys())).astype(np.int64))
    half_hours = 1 + dice.whole("length of meeting", 2, number, at.day, slot)
    left = opens + half_hours * 30 * _MINUTE_US - (at.share("leave") * 4 * _MINUTE_US).astype(np.int64)
    shares = np.where(at.share("shares") < 0.25, 900.0 * at.share("how long"), 0.0)
    gives = np.where(at.share("gives") < 0.02, 60 + 600.0 * at.share("control"), 0.0)
    people = 3 + dice.whole("people", 8, number, at.day, slot)
    return _Attended(at, left, dice.raw("meeting id", number, at.day, slot), people, np.round(shares), np.round(gives))


def _long(chunk: Chunk) -> _Attended:
    """Virtual offices, and pairs who write together."""
    world, dice = chunk.world, chunk.world.dice
    team = chunk.of(world.team)
    rooms = dice.whether("virtual office", world.parameters.virtual_office, team)[:, None]
    office = rooms & dice.whether("room open", 0.6, team[:, None], chunk.day)
    pair = chunk.has("pair-programming")[:, None] & ~office & dice.whether("pairs", 0.4, chunk.at[:, None], chunk.day)
    days = (office | pair) & chunk.worked & ~chunk.driven[:, None]
    at = once(chunk, "long meeting", days, chunk.start)
    at = at.at(at.ts + (at.share("lag") * 40 * _MINUTE_US).astype(np.int64))
    whole_day = at.of(office)
    length = np.where(whole_day, 6.0 + 1.5 * at.share("room"), 2.0 + 2.5 * at.share("pair"))
    left = at.ts + (length * HOUR_US).astype(np.int64)
    meeting = np.where(whole_day, dice.raw("room", at.of(team), at.day), at.raw("pair id"))
    people = np.where(whole_day, 5, 2)
    shared = np.where(whole_day, 600.0, 3000.0 * length)
    gives = np.where(~whole_day & (at.share("drives") < 0.3), 1800.0 * at.share("control"), 0.0)
    return _Attended(at, left, meeting, people, np.round(shared), np.round(gives))


def _of_farms(chunk: Chunk) -> _Attended:
    days, ts = farm_joins(chunk)
    at = once(chunk, "farm meeting", days, ts)
    length = 8.0 + 0.4 * at.share("length")
    left = at.ts + (length * HOUR_US).astype(np.int64)
    everyone = np.full(len(at), 2)
    shared = np.round(length * 3600 * 0.99)
    return _Attended(at, left, at.raw("id"), everyone, shared, np.round(shared * (0.9 + 0.08 * at.share("part"))))


def _fed(chunk: Chunk, device: NDArray[np.int64], *, dashboard: bool) -> NDArray[np.bool_]:
    covered = chunk.feed("meetings", chunk.world.parameters.meeting_feed)
    return np.asarray((covered & (chunk.feed("zoom dashboard", 0.6) == dashboard))[device])


def zoom(chunk: Chunk) -> pa.Array:
    """Participants as Zoom's dashboard exports them, one a line."""
    parts = []
    for attended in _attended(chunk):
        one = attended.where(_fed(chunk, attended.at.device, dashboard=True))
        at = one.at
        slow = np.exp(chunk.world.dice.normal("latency", 3.6, 0.45, *at.keys()))
        latency = plain(np.round(slow).astype(np.int64))
        parts.append(
            joined(
                '{"id":"',
                hexed(at.raw("participant"), 12),
                '","user_id":"',
                plain(16_000_000 + at.whole("user", 999_999)),
                '","device":"Windows","ip_address":"',
                ipv4(at.of(chunk.address)),
                '","location":"","network_type":"Wifi","microphone":"Array","speaker":"Array","camera":"Camera",'
                '"connection_type":"UDP","join_time":"',
                at.iso(seconds=True),
                '","leave_time":"',
                iso(one.left, seconds=True),
                '","share_application":false,"share_desktop":',
                pa.array(np.where(one.shared_s > 0, "true", "false").tolist(), pa.string()),
                ',"recording":false,"pc_name":"',
                at.names(),
                '","domain":"ACME","mac_addr":"',
                own_mac(chunk, at.device),
                '","harddisk_id":"","version":"6.5.0","email":"',
                at.take(chunk.accounts),
                '","user_qos":[{"date_time":"',
                at.iso(seconds=True),
                '","audio_input":{"latency":"',
                latency,
                ' ms"},"video_output":{"latency":"',
                latency,
                ' ms"}}],"meeting_id":"',
                hexed(one.meeting),
                '"}\n',
            )
        )
    return concatenated(parts)


def meetings(chunk: Chunk) -> pa.Array:
    """Rows of ``meetings``, from a service that tells of sharing and control."""
    parts = []
    for product, attended in zip(("teams", "teams", "zoom"), _attended(chunk), strict=True):
        one = attended.where(_fed(chunk, attended.at.device, dashboard=False))
        at = one.at
        parts.append(
            json_lines(
                {
                    "device_id": at.names(), "ts": at.iso(), "record_id": hexed(at.raw("record")), "product": product,
                    "meeting_id": hexed(one.meeting), "account": at.take(chunk.accounts), "ended": iso(one.left),
                    "participants": one.people, "shared_s": one.shared_s, "controlled_s": one.controlled_s,
                    "control_given": one.controlled_s > 0, "address": ipv4(at.of(chunk.address)),
                    "latency_ms": np.round(np.exp(chunk.world.dice.normal("latency", 3.6, 0.45, *at.keys())), 1),
                }
            )
        )  # fmt: skip
    return concatenated(parts)
