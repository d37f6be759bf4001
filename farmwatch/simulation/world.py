"""Who is there: devices, people, homes, farms, and what is unusual about each.

Places are numbered together: a home for each device (most are the only ones there), then farms, offices, co-working
spaces, hotels of conferences, and hotels of cities. People are numbers; nothing about a person exists here but where
they live and what is on their desk.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from farmwatch.simulation.dice import Dice
from farmwatch.simulation.parameters import EVASIONS, SETUPS, Parameters
from farmwatch.simulation.towns import cities

__all__ = ["KVM", "TOOL_SETUPS", "TRAITS", "World", "confusers", "made"]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

KVM = ("pikvm", "jetkvm", "nanokvm", "comet", "tinypilot", "blikvm")  #: models, by their id in the knowledge
TOOL_SETUPS = frozenset({"anydesk", "chrome-remote-desktop", "teamviewer", "rustdesk", "two-tools"})
#: What may be unusual about a lawful device; the word stands in truth.csv
TRAITS = (
    "couple", "flatmates", "office", "coworking", "hotel", "traveller", "cgnat", "mobile", "satellite", "relocated",
    "helpdesk", "supported", "vendor-supported", "own-remote", "outgoing-remote", "developer", "jiggler-software",
    "jiggler-hardware", "kvm-hobbyist", "dummy-display", "desk-switch", "gaming-keyboard", "tablet", "desk-dock",
    "always-on", "consumer-vpn", "private-relay", "accommodation", "shared-factor", "second-device", "new", "returned",
    "renamed", "virtual-office", "pair-programming", "preset-monitor",
)  # fmt: skip
_HOTELS_A_CITY = 3


@dataclass(slots=True)
class World:
    """A fleet: one entry a device in every array unless its name says otherwise."""

    dice: Dice
    parameters: Parameters
    count: int
    first_day: int  #: days since 1970
    days: int
    farm: Ints = field(init=False)  #: number of its farm; -1: lawful
    setup: Ints = field(init=False)  #: number of its setup in SETUPS, as the farm was laid out; -1
    hand: Ints = field(init=False)  #: number of the setup that drives it, evasions considered; -1
    evasions: dict[str, Flags] = field(init=False)
    traits: dict[str, Flags] = field(init=False)
    home: Ints = field(init=False)  #: place it is kept at
    city: Ints = field(init=False)  #: town of that place
    declared_city: Ints = field(init=False)
    declared_home: Ints = field(init=False)  #: number of the home whose coordinates the roster has
    household: Ints = field(init=False)  #: declared household; -1
    office: Ints = field(init=False)  #: place of its office; -1
    coworking: Ints = field(init=False)  #: place; -1
    site_city: Ints = field(init=False)  #: of each place: its town
    holder: Ints = field(init=False)  #: number of the person who has it
    team: Ints = field(init=False)
    platform: Ints = field(init=False)  #: 0 Windows, 1 macOS, 2 Linux
    model: Ints = field(init=False)  #: of its KVM in KVM; -1
    issued_day: Ints = field(init=False)  #: day it was handed out
    end_day: Ints = field(init=False)  #: day from which it is no longer there
    rename_day: Ints = field(init=False)  #: day of its new name; far off for all others
    trip_first: Ints = field(init=False)  #: first day of a trip; far off for those at home
    trip_last: Ints = field(init=False)
    trip_site: Ints = field(init=False)
    trip_declared: Flags = field(init=False)

    def __post_init__(self) -> None:
        every = np.arange(self.count)
        self.farm, self.setup, self.household, self.office, self.coworking = np.full((5, self.count), -1)
        self.home, self.declared_home, self.holder = every.copy(), every.copy(), every.copy()
        self.traits = {name: np.zeros(self.count, np.bool_) for name in TRAITS}

    @property
    def driven(self) -> Flags:
        """Laptops of farms."""
        return self.farm >= 0

    def by(self, *setups: str) -> Flags:
        """Devices driven in one of these ways."""
        return np.isin(self.hand, [SETUPS.index(name) for name in setups])


_FAR = 1 << 40


def made(
    parameters: Parameters, count: int, seed: int, first_day: int, days: int, *,
    farms: int | None = None, evasions: tuple[str, ...] = (),
) -> World:  # fmt: skip
    """Lay out a fleet.

    Args:
        parameters: assumptions.
        count: devices.
        seed: of all chance.
        first_day: first day of the window, in days since 1970.
        days: length of the window.
        farms: how many farms; else as many as the base rate asks for.
        evasions: of every farm, beside those that some farms choose themselves.
    """
    world = World(Dice(seed), parameters, count, first_day, days)
    roles = _Roles(world.dice.order("roles", count))
    sizes = _sizes(parameters, world.dice, count, farms)
    members = roles.next(int(sizes.sum()))
    sizes = sizes[np.cumsum(sizes) <= len(members)]
    members = members[: int(sizes.sum())]
    world.farm[members] = np.repeat(np.arange(len(sizes)), sizes)
    _live_together(world, roles)
    places = _build(world, roles, len(sizes))
    _sprinkle(world)
    _declare(world, members, count + np.arange(len(sizes)))
    _drive(world, len(sizes), evasions)
    _give_second_devices(world)
    world.team = world.dice.whole("team", max(1, count // 8), world.holder)
    world.traits["virtual-office"] = ~world.driven & world.dice.whether(
        "virtual office", parameters.virtual_office, world.team
    )
    _calendar(world, *places)
    return world


class _Roles:
    """Gives out devices, each once."""

    def __init__(self, order: Ints) -> None:
        self._order, self._taken = order, 0

    def next(self, many: int) -> Ints:
        """The next ones; fewer where there are no more."""
        found = self._order[self._taken : self._taken + many]
        self._taken += len(found)
        return found


def _weights(given: Parameters) -> NDArray[np.float64]:
    """How many people live in each town."""
    town = cities()
    here = np.where(town.american, 1 - given.europe, given.europe) * town.weight
    there = np.where(town.american, town.weight[town.american].sum(), town.weight[~town.american].sum())
    return np.asarray(here / there, np.float64)


def _live_together(world: World, roles: _Roles) -> None:
    """Couples and flatmates."""
    dice, given = world.dice, world.parameters
    for name, people, size in (("couple", given.couple, 2), ("flatmates", given.flatmates, 3)):
        group = roles.next(round(world.count * people / size) * size)
        group = group[: len(group) // size * size].reshape(-1, size)
        world.traits[name][group.ravel()] = True
        world.home[group] = group[:, :1]
        if name == "couple":
            known = dice.whether("household", given.couple_declared, group[:, 0])
            world.household[group[known]] = group[known, :1]


def _build(world: World, roles: _Roles, farms: int) -> tuple[int, int, int]:
    """Places, and who belongs to which: first place of an event, how many events, first hotel."""
    dice, given, count, town = world.dice, world.parameters, world.count, cities()
    everyone, weights = np.arange(count), _weights(given)
    offices = max(1, round(count * given.office / given.office_size)) if given.office and count > 1 else 0
    guests = roles.next(round(count * given.coworking))
    spaces = max(1, round(len(guests) / given.coworking_size))
    events = max(1, round(count * given.conference / 25))
    first_office = count + farms
    first_space = first_office + offices
    first_event = first_space + spaces
    city = dice.pick("city", weights, everyone)
    world.site_city = np.concatenate(
        [
            city,
            dice.pick("farm city", np.where(town.american, town.weight, 0.15 * town.weight), np.arange(farms)),
            dice.pick("office city", weights, np.arange(offices)),
            dice.pick("space city", weights, np.arange(spaces)),
            dice.pick("event city", weights, np.arange(events)),
            np.repeat(np.arange(len(town.names)), _HOTELS_A_CITY),
        ]
    )
    for name, share in (("helpdesk", given.helpdesk), ("kvm-hobbyist", given.kvm_hobbyist)):
        world.traits[name][roles.next(round(count * share))] = True
    city = city[world.home]
    world.coworking[guests] = first_space + np.arange(len(guests)) % spaces
    world.traits["coworking"][guests] = True
    city[guests] = world.site_city[world.coworking[guests]]
    if offices:  # people who live together belong to one office, so that its town is theirs
        belongs = ~world.driven & (world.coworking < 0) & dice.whether("office", given.office, world.home)
        world.office[belongs] = first_office + dice.whole("which office", offices, world.home[belongs])
        world.traits["office"] = belongs
        city[belongs] = world.site_city[world.office[belongs]]
    world.city = world.site_city[:count] = city
    return first_event, events, first_event + events


def _declare(world: World, members: Ints, sites: Ints) -> None:
    """Where farms are, and where the roster has everybody."""
    dice, given, town = world.dice, world.parameters, cities()
    everyone = np.arange(world.count)
    world.city = world.city.copy()
    world.home[members] = sites[world.farm[members]]
    world.city[members] = world.site_city[world.home[members]]
    world.declared_city = world.city.copy()
    elsewhere = members[~dice.whether("declares site", given.farm_declares_site, members)]
    world.declared_city[elsewhere] = dice.pick("declared city", np.where(town.american, town.weight, 0.0), elsewhere)
    at_site = np.setdiff1d(members, elsewhere)
    world.declared_home[at_site] = world.home[at_site]
    together = world.traits["couple"] | world.traits["flatmates"]
    world.declared_home[together] = world.home[together]
    stale = (together & dice.whether("stale", given.address_stale, everyone)) | world.traits["relocated"]
    world.declared_city[stale] = dice.pick("old city", _weights(given), everyone[stale])
    world.declared_home[stale] = everyone[stale]


def _drive(world: World, farms: int, evasions: tuple[str, ...]) -> None:
    """How each farm drives its laptops."""
    dice, given, every = world.dice, world.parameters, np.arange(world.count)
    setups = dice.pick("setup", given.setup_weights, np.arange(farms))
    if farms:
        world.setup = np.where(world.driven, setups[world.farm], -1)
    world.evasions, world.hand = _evading(given, dice, world.farm, world.setup, evasions)
    boxed = np.isin(world.hand, [SETUPS.index("kvm"), SETUPS.index("kvm-masked")])
    world.model = np.where(boxed, dice.pick("kvm model", (30, 16, 18, 16, 14, 6), world.farm), -1)
    hobby = world.traits["kvm-hobbyist"]
    world.model[hobby] = dice.pick("own kvm", (40, 25, 15, 10, 10), every[hobby])
    ours, theirs = dice.pick("platform", (68, 27, 5), every), dice.pick("farm platform", (80, 20), every)
    world.platform = np.where(world.driven, theirs, ours)


def _give_second_devices(world: World) -> None:
    """Some devices are the second one of whoever has the device before."""
    grouped = np.zeros(world.count, np.bool_)
    for name in ("couple", "flatmates", "coworking", "helpdesk", "kvm-hobbyist"):
        grouped |= world.traits[name]
    second = world.traits["second-device"] & ~world.driven & ~grouped
    second[0] = False
    second &= ~np.roll(second, 1) & np.roll(~world.driven, 1)
    world.traits["second-device"] = second
    world.holder[second] -= 1
    owner = world.holder[second]
    told = (world.declared_city, world.declared_home, world.household)
    for values in (world.home, world.city, world.office, world.coworking, *told):
        values[second] = values[owner]


def _sizes(given: Parameters, dice: Dice, count: int, farms: int | None) -> Ints:
    """Laptops of ours in each farm."""
    least, most = max(1, round(given.farm_smallest)), max(1, round(min(given.farm_largest, count)))
    sizes = np.arange(min(least, most), most + 1)
    wanted = round(count * given.base_rate)
    many = farms if farms is not None else max(wanted, 1)
    number = np.arange(many)
    found = sizes[dice.pick("farm size", sizes**-given.farm_exponent, number)]
    found = np.where(dice.whether("alone", given.farm_alone, number), 1, found)
    if farms is not None:
        return found[np.cumsum(found) <= count]
    before = np.cumsum(found) - found
    found = np.minimum(found, wanted - before)
    return np.asarray(found[(before < wanted) & (found > 0)])


def _sprinkle(world: World) -> None:
    """What people have or do independently of others."""
    given, traits = world.parameters, world.traits
    week = world.days / 7
    for name, share in (
        ("traveller", given.traveller), ("cgnat", given.cgnat), ("mobile", given.mobile),
        ("satellite", given.satellite), ("relocated", given.relocated), ("supported", given.support_week * week),
        ("vendor-supported", given.vendor_support_week * week), ("own-remote", given.own_remote),
        ("outgoing-remote", given.outgoing_remote), ("developer", given.developer_tunnel),
        ("jiggler-software", given.jiggler_software), ("jiggler-hardware", given.jiggler_hardware),
        ("dummy-display", given.dummy_plug), ("desk-switch", given.desk_switch), ("tablet", given.tablet),
        ("gaming-keyboard", given.gaming_keyboard), ("desk-dock", given.desk), ("always-on", given.always_on),
        ("consumer-vpn", given.consumer_vpn), ("private-relay", given.private_relay), ("hotel", given.conference),
        ("accommodation", given.accommodation), ("shared-factor", given.shared_factor),
        ("second-device", given.second_device), ("new", given.issued_week * week),
        ("returned", given.returned_week * week), ("renamed", given.renamed),
        ("pair-programming", given.pair_programming),
        ("preset-monitor", given.preset_serials),
    ):  # fmt: skip
        traits[name] |= ~world.driven & world.dice.whether(name, share, np.arange(world.count))
    traits["traveller"] &= ~traits["hotel"]
    traits["satellite"] &= ~traits["cgnat"]
    traits["relocated"] &= ~(traits["couple"] | traits["flatmates"] | traits["office"] | traits["coworking"])
    traits["returned"] &= ~traits["new"]
    traits["mobile"] &= ~traits["desk-dock"]


def _evading(
    given: Parameters, dice: Dice, farm: Ints, setup: Ints, wanted: tuple[str, ...]
) -> tuple[dict[str, Flags], Ints]:
    """Which evasion each laptop has, and what drives it then."""
    flags = {
        name: (farm >= 0) & (dice.whether(name, share, farm) | (name in wanted))
        for name, share in zip(EVASIONS, given.evasion_shares, strict=True)
    }
    alone = flags["lte-sticks"] & ("lte-sticks" in wanted)
    flags["residential-proxy"] &= ~alone  # one way out at a time
    flags["router-vpn"] &= ~alone & ~flags["residential-proxy"]
    flags["lte-sticks"] &= ~flags["residential-proxy"] & ~flags["router-vpn"]
    masked, open_kvm = SETUPS.index("kvm-masked"), SETUPS.index("kvm")
    tools = np.isin(setup, [SETUPS.index(name) for name in TOOL_SETUPS])
    flags["masked-identity"] &= setup == open_kvm
    flags["no-tools"] &= tools
    hand = np.where(flags["masked-identity"] | flags["no-tools"], masked, setup)
    return flags, hand


def _calendar(world: World, first_event: int, events: int, first_hotel: int) -> None:
    """When devices come and go, get another name, and travel."""
    dice, given, every = world.dice, world.parameters, np.arange(world.count)
    first, days = world.first_day, world.days
    inside = dice.whole("day", max(1, days), every)
    new = world.traits["new"] | (world.driven & dice.whether("new hire", given.new_hire, every))
    world.traits["new"] = new & ~world.driven
    age = np.where(world.driven, 5 + dice.whole("farm age", 170, every), 20 + dice.whole("age", 1100, every))
    world.issued_day = np.where(new, first + np.minimum(inside, max(0, days - 3)), first - age)
    world.end_day = np.where(world.traits["returned"], first + np.maximum(1, inside), _FAR)
    world.rename_day = np.where(world.traits["renamed"] & (inside > 0), first + inside, _FAR)
    world.traits["renamed"] &= inside > 0
    town = cities()
    away = world.traits["traveller"]
    starts = first + dice.whole("trip", max(1, days), every)
    to = dice.pick("trip to", town.weight, every)
    meeting = dice.whole("event", events, every)
    opens = first + dice.whole("event day", max(1, days - 2), meeting)
    guest = world.traits["hotel"]
    world.trip_first = np.where(guest, opens, np.where(away, starts, _FAR))
    nights = np.where(guest, 2, 1 + dice.whole("nights", 5, every))
    world.trip_last = np.where(guest | away, world.trip_first + nights, _FAR)
    hotel = first_hotel + to * _HOTELS_A_CITY + dice.whole("hotel", _HOTELS_A_CITY, every)
    world.trip_site = np.where(guest, first_event + meeting, np.where(away, hotel, 0))
    world.trip_declared = (guest | away) & dice.whether("trip declared", given.travel_declared, every)


def confusers(world: World) -> list[str]:
    """Of each device what is unusual about it, semicolons between."""
    named: list[list[str]] = [[] for _ in range(world.count)]
    for name, flags in world.traits.items():
        for device in np.flatnonzero(flags).tolist():
            named[device].append(name)
    return [";".join(words) for words in named]
