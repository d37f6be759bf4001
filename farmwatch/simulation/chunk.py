"""Some devices on all days of the window: where each was, how it came to the internet, and when it was worked on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farmwatch.simulation.parameters import SETUPS
from farmwatch.simulation.texts import numbered
from farmwatch.simulation.towns import ABROAD, HUBS, cities, hub_numbers, hubs, neighbours, offsets
from farmwatch.simulation.world import World

__all__ = [
    "ANONYMOUS", "AS_NAMES", "CELLULAR", "COMPANY", "DAY_US", "FOREIGN", "HOME", "HOTEL", "HOUR_US", "MOBILE", "OFFICE",
    "RELAY", "SPACE", "Chunk", "Days", "block_address",
]  # fmt: skip

Ints: TypeAlias = NDArray[np.int64]
Days: TypeAlias = NDArray[Any]  #: one row a device, one column a day
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000

HOME, OFFICE, SPACE, HOTEL, MOBILE = range(5)  #: what kind of place a device is at

#: Who runs the network behind an address: number, and name as sign-in logs give it. Numbers are those kept for
#: documentation (RFC 5398) except where the operator's name is the point.
AS_NAMES: tuple[tuple[int, str], ...] = (
    (64496, "Example Cable"), (64497, "Example Fiber"), (64498, "Example Telecom"), (64499, "Example DSL"),
    (64500, "Example Mobile"), (64501, "Example Carrier NAT"), (64502, "Example Satellite Internet"),
    (64503, "Acme Example Corporate"), (64504, "Example Hospitality Networks"), (64505, "Example Workspaces"),
    (13335, "Cloudflare, Inc."), (9009, "M247 Europe SRL"), (64506, "Example Broadband Abroad"),
    (60068, "Datacamp Limited"),
)  # fmt: skip
_ISPS, CELLULAR, CARRIER, ORBIT, COMPANY, LODGING, DESKS, RELAY, ANONYMOUS, FOREIGN, HOSTED = (
    4,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
)

# Addresses lie in blocks of the US Department of Defense, behind which no household is. Homes: 21, 22, 26 and 28/8;
# carriers' translators 29/8; phones 30/8; all others 33/8 in parts of 32 x /16 each.
_HOME_BLOCKS = np.array([21, 22, 26, 28], np.int64)
_PARTS = {ORBIT: 0, COMPANY: 1, LODGING: 2, DESKS: 3, RELAY: 4, ANONYMOUS: 5, FOREIGN: 6, HOSTED: 7}
_HOME_BITS = 26


def block_address(part: int, number: NDArray[Any]) -> Ints:
    """An address of a part of 33/8, by number."""
    return (33 << 24) + (_PARTS[part] << 21) + np.asarray(number).astype(np.int64) % (1 << 21)


def home_address(number: NDArray[Any]) -> Ints:
    """An address of the homes' blocks: numbers below 2**26 have different ones."""
    value = (np.asarray(number).astype(np.int64) * 0x9E3779B1 + 0x1234567) & ((1 << _HOME_BITS) - 1)
    return np.asarray((_HOME_BLOCKS[value >> 24] << 24) + (value & 0xFFFFFF))


@dataclass(frozen=True)
class Chunk:
    """Devices ``first`` to ``last`` - 1 of a world; two-dimensional arrays have a row a device and a column a day."""

    world: World
    first: int
    last: int

    @cached_property
    def at(self) -> Ints:
        """Numbers of the devices."""
        return np.arange(self.first, self.last)

    @property
    def size(self) -> int:
        """How many devices."""
        return self.last - self.first

    @cached_property
    def day(self) -> Ints:
        """Days of the window, since 1970, as one row."""
        return self.world.first_day + np.arange(self.world.days)[None, :]

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """The devices' part of an array of the world."""
        return values[self.first : self.last]

    def has(self, trait: str) -> NDArray[np.bool_]:
        """Which have a trait."""
        return self.of(self.world.traits[trait])

    def evades(self, name: str) -> NDArray[np.bool_]:
        """Which evade so."""
        return self.of(self.world.evasions[name])

    @cached_property
    def driven(self) -> NDArray[np.bool_]:
        """Which belong to a farm."""
        return self.of(self.world.driven)

    def hand(self, *setups: str) -> NDArray[np.bool_]:
        """Which are driven in one of these ways."""
        return self.of(self.world.by(*setups))

    def whether(self, name: str, probability: NDArray[Any] | float) -> NDArray[np.bool_]:
        """A draw for each device."""
        return self.world.dice.whether(name, probability, self.at)

    # --- names -----------------------------------------------------------------------------------------------------

    @cached_property
    def names(self) -> pa.Array:
        """Host names as the roster has them."""
        return numbered("acme-lt-", self.at, 6)

    @cached_property
    def names_before(self) -> pa.Array:
        """Host names before a renaming."""
        return numbered("acme-new-", self.at, 6)

    def named(self, device: Ints, day: Ints) -> pa.Array:
        """Host names on days (since 1970), for positions in this chunk."""
        now = day >= self.of(self.world.rename_day)[device]
        never = self.of(self.world.rename_day)[device] > (1 << 30)
        old = ~now & ~never
        if not old.any():
            return self.names.take(pa.array(device))
        both = pa.concat_arrays([self.names, self.names_before])
        return both.take(pa.array(device + self.size * old))

    @cached_property
    def accounts(self) -> pa.Array:
        """Account of whoever has each device."""
        from farmwatch.simulation.texts import joined

        return joined(numbered("user", self.of(self.world.holder), 6), "@acme.example")

    # --- where -----------------------------------------------------------------------------------------------------

    @cached_property
    def there(self) -> Days:
        """On which days the device is in use at all: handed out, not yet taken back."""
        issued, end = self.of(self.world.issued_day)[:, None], self.of(self.world.end_day)[:, None]
        return (self.day >= issued) & (self.day < end)

    @cached_property
    def weekend(self) -> NDArray[np.bool_]:
        """Of the days: Saturdays and Sundays (1970 began on a Thursday)."""
        return np.asarray((self.day + 3) % 7 >= 5)

    @cached_property
    def worked(self) -> Days:
        """On which days somebody worked on it."""
        given, dice = self.world.parameters, self.world.dice
        people = self.of(self.world.holder)[:, None]
        chance = np.where(self.weekend, given.weekend, 1 - given.day_off)
        chance = np.where(self.driven[:, None] & ~self.weekend, 0.98, chance)
        second = self.has("second-device")[:, None]
        return self.there & dice.whether("worked", np.where(second, 0.3 * chance, chance), people, self.day, second)

    @cached_property
    def _where(self) -> tuple[Days, Days]:
        world, dice, given = self.world, self.world.dice, self.world.parameters
        person = self.of(world.holder)[:, None]
        site = np.broadcast_to(self.of(world.home)[:, None], (self.size, world.days)).copy()
        kind = np.full(site.shape, HOME)
        office = self.of(world.office)[:, None]
        there = (
            (office >= 0) & self.worked & ~self.weekend & dice.whether("to office", given.office_days, person, self.day)
        )
        site, kind = np.where(there, office, site), np.where(there, OFFICE, kind)
        space = self.of(world.coworking)[:, None]
        there = (space >= 0) & self.worked & dice.whether("to space", 0.7, person, self.day)
        site, kind = np.where(there, space, site), np.where(there, SPACE, kind)
        on_phone = self.has("mobile")[:, None] & dice.whether("on phone", 0.4, person, self.day) & (kind == HOME)
        kind = np.where(on_phone, MOBILE, kind)
        away = (self.day >= self.of(world.trip_first)[:, None]) & (self.day <= self.of(world.trip_last)[:, None])
        site, kind = np.where(away, self.of(world.trip_site)[:, None], site), np.where(away, HOTEL, kind)
        return site, kind

    @property
    def site(self) -> Days:
        """Place on each day."""
        return self._where[0]

    @property
    def kind(self) -> Days:
        """Kind of that place."""
        return self._where[1]

    @cached_property
    def town(self) -> Days:
        """Town on each day."""
        return self.world.site_city[self.site]

    @cached_property
    def wired(self) -> Days:
        """Whether it has a cable there."""
        world, given = self.world, self.world.parameters
        farm = np.where(self.driven, self.of(world.farm), 0)[:, None]
        home = np.where(
            self.driven[:, None],
            world.dice.whether("farm wired", given.farm_wired, farm),
            world.dice.whether("wired", given.wired, self.of(world.home)[:, None]),
        )
        return np.where(self.kind == HOME, home, (self.kind == OFFICE) & self.has("desk-dock")[:, None])

    @cached_property
    def private_uplink(self) -> Days:
        """Where the device has a way out of its own: a phone, a stick."""
        return np.asarray((self.kind == MOBILE) | self.evades("lte-sticks")[:, None])

    @cached_property
    def link(self) -> Days:
        """Number that stands for the link it is on: devices of one number see one gateway and one set of stations."""
        floor = self.world.dice.whole("floor", 4, self.at)[:, None]
        shared = self.site * 4 + np.where(self.kind == OFFICE, floor, 0)
        return np.where(self.private_uplink, (1 << 40) + self.at[:, None], shared)

    # --- way out ---------------------------------------------------------------------------------------------------

    @cached_property
    def _egress(self) -> tuple[Days, Days, Days]:
        """IPv4 address, town that is told of it, and operator, on each day."""
        world, dice, given = self.world, self.world.dice, self.world.parameters
        daily = 1 - (1 - given.ip_churn_month) ** (1 / 30)
        site, at = self.site, self.at[:, None]
        moved = dice.whether("churn", daily, site[:, :, None], self.day[:, None, :]) & (
            np.arange(world.days)[:, None] >= np.arange(world.days)
        )
        epoch = moved.sum(axis=2)
        address = home_address(site % (1 << 20) * 64 + epoch % 64 + (site >> 20) * 7919)
        operator = dice.whole("isp", _ISPS, site)
        town = self.town
        wrong = dice.whether("geo error", given.geo_error, site, epoch) & (self.kind == HOME)
        others, many = neighbours()
        other = others[town, dice.whole("wrong town", many[town], site, epoch)]
        town = np.where(wrong, other, town)
        sharing = max(1.0, given.cgnat_sharing)
        hub = hubs()[town]
        region = hub_numbers()[hub]
        pools = max(1, round(world.count * given.cgnat / sharing / len(HUBS)))
        carried = (self.kind == HOME) & self.has("cgnat")[:, None]
        pool = dice.whole("pool", pools, at, self.day // 2)
        address = np.where(carried, (29 << 24) + (region * pools + pool) % (1 << 24), address)
        town, operator = np.where(carried, hub, town), np.where(carried, CARRIER, operator)
        cells = max(1, round(world.count * given.mobile / sharing / len(HUBS)))
        cell = dice.whole("cell", cells, at, self.day)
        address = np.where(self.private_uplink, (30 << 24) + (region * cells + cell) % (1 << 24), address)
        town, operator = np.where(self.private_uplink, hub, town), np.where(self.private_uplink, CELLULAR, operator)
        orbit = (self.kind == HOME) & self.has("satellite")[:, None]
        exits = np.array([1, 3, 10, 15, 45])  # towns where satellite traffic comes down
        down = exits[np.where(cities().american[town], dice.whole("ground", 4, site), 4)]
        address = np.where(orbit, block_address(ORBIT, down * 64 + dice.whole("orbit", 40, at, self.day)), address)
        town, operator = np.where(orbit, down, town), np.where(orbit, ORBIT, operator)
        for kind, part in ((OFFICE, COMPANY), (SPACE, DESKS), (HOTEL, LODGING)):
            number = site * 2 + (dice.whole("line", 2, site, self.day) if kind == OFFICE else 0)
            address = np.where(self.kind == kind, block_address(part, number), address)
            operator = np.where(self.kind == kind, part, operator)
        hidden = self.has("consumer-vpn")[:, None] & dice.whether("vpn on", 0.4, at, self.day)
        exit_town = dice.whole("vpn exit", 45, at, self.day)
        address = np.where(
            hidden, block_address(ANONYMOUS, exit_town * 16 + dice.whole("vpn line", 8, at, self.day)), address
        )
        town, operator = np.where(hidden, exit_town, town), np.where(hidden, ANONYMOUS, operator)
        farm = self.of(world.farm)[:, None]
        routed = self.evades("router-vpn")[:, None] & np.ones_like(hidden)
        rented = dice.whole("rented town", 45, farm)
        address = np.where(routed, block_address(HOSTED, farm * 8 + 1), address)
        town, operator = np.where(routed, rented, town), np.where(routed, HOSTED, operator)
        lent = self.evades("residential-proxy")[:, None] & np.ones_like(hidden)
        address = np.where(lent, home_address(dice.whole("lent", 1 << 26, at, self.day)), address)
        town = np.where(lent, self.of(world.declared_city)[:, None], town)
        operator = np.where(lent, dice.whole("lent isp", _ISPS, at, self.day), operator)
        return address, town, operator

    @property
    def address(self) -> Days:
        """IPv4 address as the internet sees it."""
        return self._egress[0]

    @property
    def told_town(self) -> Days:
        """Town that sign-in logs put that address into."""
        return self._egress[1]

    @property
    def operator(self) -> Days:
        """Who runs its network, by number in :data:`AS_NAMES`."""
        return self._egress[2]

    @cached_property
    def six(self) -> Days:
        """Whether the line has IPv6; translators, VPNs and guests' networks have none."""
        given = self.world.parameters
        plain = (self.kind == HOME) & (self.operator < _ISPS) & ~self.evades("residential-proxy")[:, None]
        return np.asarray(plain & self.world.dice.whether("ipv6", given.ipv6, self.site))

    # --- when ------------------------------------------------------------------------------------------------------

    @cached_property
    def abroad(self) -> Ints:
        """Of driven devices: where the hand is, by number in :data:`ABROAD`; one place for a farm."""
        return self.world.dice.whole("abroad", len(ABROAD), self.of(self.world.farm))

    @cached_property
    def foreign_hours(self) -> NDArray[np.bool_]:
        """Driven devices worked on by the clock of where the hand is."""
        share = self.world.parameters.operator_hours
        return self.driven & self.whether("operator hours", share) & ~self.evades("target-hours")

    @cached_property
    def _hours(self) -> tuple[Days, Days]:
        """Start and end of work, microseconds since 1970."""
        world, dice, given = self.world, self.world.dice, self.world.parameters
        person = self.of(world.holder)
        habit = dice.normal("habit", 8.9, given.start_deviation_h, person)
        spread = np.full(self.size, given.day_deviation_h)
        strict = self.evades("target-hours")
        habit, spread = np.where(strict, 9.0, habit), np.where(strict, 0.04, spread)
        minutes = offsets(world.first_day, world.days)
        local = minutes[self.town, np.arange(world.days)[None, :]]
        declared = minutes[self.of(world.declared_city)[:, None], np.arange(world.days)[None, :]]
        far = np.array([60 * one[4] for one in ABROAD])[self.abroad][:, None]
        local = np.where(self.driven[:, None], np.where(self.foreign_hours[:, None], far, declared), local)
        begins = dice.normal("start", habit[:, None], spread[:, None], person[:, None], self.day)
        lasts = dice.normal("length", 8.6, 0.7, person[:, None], self.day).clip(3, 13)
        midnight = self.day * DAY_US
        start = midnight + (begins.clip(4, 15) * HOUR_US).astype(np.int64) - local * 60_000_000
        return start, start + (lasts * HOUR_US).astype(np.int64)

    @property
    def start(self) -> Days:
        """When work begins."""
        return self._hours[0]

    @property
    def end(self) -> Days:
        """When work ends."""
        return self._hours[1]

    # --- habits ----------------------------------------------------------------------------------------------------

    @cached_property
    def awake(self) -> NDArray[np.bool_]:
        """Never put to sleep: farms, and people who leave it on."""
        carried = self.driven & self.whether("lived in", self.world.parameters.lived_in)
        return (self.driven & ~carried) | self.has("always-on")

    @cached_property
    def carried(self) -> NDArray[np.bool_]:
        """Used as a laptop is: lid, battery, sleep."""
        return ~self.awake & ~(self.has("desk-dock") & ~self.driven)

    @cached_property
    def jiggled(self) -> NDArray[np.bool_]:
        """Driven devices kept awake by a jiggler."""
        return self.driven & self.whether("jiggled", self.world.parameters.farm_jiggler)

    def feed(self, name: str, share: float) -> NDArray[np.bool_]:
        """Devices one of the company's collections covers."""
        return self.whether(f"feed {name}", share)

    @cached_property
    def agent(self) -> NDArray[np.bool_]:
        """With farmwatch's agent."""
        return self.feed("agent", self.world.parameters.agent)

    @cached_property
    def osquery(self) -> NDArray[np.bool_]:
        """With osquery, where the agent is not."""
        return ~self.agent & self.feed("osquery", self.world.parameters.osquery)

    def setup_names(self) -> list[str]:
        """What drives each device, empty for none."""
        return ["" if code < 0 else SETUPS[code] for code in self.of(self.world.hand).tolist()]
