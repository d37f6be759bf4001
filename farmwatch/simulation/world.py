"""Who is there: devices, people, homes, farms, and what is unusual about each.

Places are numbered together: a home for each device (most are the only ones there), then farms, offices, co-working
spaces, hotels of conferences, and hotels of cities. People are numbers; nothing about a person exists here but where
they live and what is on their desk.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from farmwatch.simulation.dice import Dice
from farmwatch.simulation.parameters import EVASIONS, SETUPS, Parameters

__all__ = ["KVM", "TOOL_SETUPS", "TRAITS", "Cities", "World", "cities", "confusers", "made", "rows_of"]

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


@dataclass(frozen=True, slots=True)
class Cities:
    """Towns in which people live."""

    names: tuple[str, ...]
    countries: tuple[str, ...]
    zones: tuple[str, ...]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    weight: NDArray[np.float64]

    @property
    def american(self) -> Flags:
        """Those in the US."""
        return np.array([country == "US" for country in self.countries])


def rows_of(name: str) -> list[dict[str, str]]:
    """Rows of a data file of this package."""
    text = files("farmwatch.simulation").joinpath(name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@lru_cache(maxsize=1)
def cities() -> Cities:
    """The towns of ``cities.csv``; weights are people of their regions, in millions, about."""
    rows = rows_of("cities.csv")
    return Cities(
        tuple(row["name"] for row in rows),
        tuple(row["country"] for row in rows),
        tuple(row["timezone"] for row in rows),
        *(np.array([float(row[name]) for row in rows]) for name in ("latitude", "longitude", "weight")),
    )


@dataclass(slots=True)
class World:
    """A fleet: one entry a device in every array unless its name says otherwise."""

    dice: Dice
    parameters: Parameters
    count: int
    first_day: int  #: days since 1970
    days: int
    farm: Ints  #: number of its farm; -1: lawful
    setup: Ints  #: number of its setup in SETUPS, as the farm was laid out; -1
    hand: Ints  #: number of the setup that drives it, evasions considered; -1
    evasions: dict[str, Flags]
    farm_site: Ints  #: of each farm: its place
    traits: dict[str, Flags]
    home: Ints  #: place it is kept at
    city: Ints  #: town of that place
    declared_city: Ints
    declared_home: Ints  #: number of the home whose coordinates the roster has
    household: Ints  #: declared household; -1
    office: Ints  #: place of its office; -1
    coworking: Ints  #: place; -1
    site_city: Ints  #: of each place: its town
    holder: Ints  #: number of the person who has it
    team: Ints
    platform: Ints  #: 0 Windows, 1 macOS, 2 Linux
    model: Ints  #: of its KVM in KVM; -1
    issued_day: Ints  #: day it was handed out
    end_day: Ints  #: day from which it is no longer there
    rename_day: Ints  #: day of its new name; far off for all others
    trip_first: Ints  #: first day of a trip; far off for those at home
    trip_last: Ints
    trip_site: Ints
    trip_declared: Flags

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
    dice = Dice(seed)
    given = parameters
    everyone = np.arange(count)
    order = dice.order("roles", count)
    sizes = _sizes(given, dice, count, farms)
    town = cities()
    weights = np.where(town.american, (1 - given.europe), given.europe) * town.weight / np.where(
        town.american, town.weight[town.american].sum(), town.weight[~town.american].sum()
    )  # fmt: skip
    city = dice.pick("city", weights, everyone)
    taken = 0

    def next_of(many: int) -> Ints:
        nonlocal taken
        found = order[taken : taken + many]
        taken += len(found)
        return found

    members = next_of(int(sizes.sum()))
    sizes = sizes[np.cumsum(sizes) <= len(members)]
    members = members[: int(sizes.sum())]
    farm = np.full(count, -1)
    farm[members] = np.repeat(np.arange(len(sizes)), sizes)
    traits = {name: np.zeros(count, np.bool_) for name in TRAITS}
    home = everyone.copy()
    household = np.full(count, -1)
    declared_home = everyone.copy()
    for name, people, size in (("couple", given.couple, 2), ("flatmates", given.flatmates, 3)):
        group = next_of(round(count * people / size) * size)
        group = group[: len(group) // size * size].reshape(-1, size)
        traits[name][group.ravel()] = True
        home[group] = group[:, :1]
        if name == "couple":
            known = dice.whether("household", given.couple_declared, group[:, 0])
            household[group[known]] = group[known, :1]
    office = np.full(count, -1)
    site_of_farm = count + np.arange(len(sizes))
    offices = max(1, round(count * given.office / given.office_size)) if given.office and count > 1 else 0
    spaces_of = next_of(round(count * given.coworking))
    spaces = max(1, round(len(spaces_of) / given.coworking_size))
    events = max(1, round(count * given.conference / 25))
    first_office = count + len(sizes)
    first_space = first_office + offices
    first_event = first_space + spaces
    first_hotel = first_event + events
    site_city = np.concatenate(
        [
            city,
            dice.pick("farm city", np.where(town.american, town.weight, 0.15 * town.weight), np.arange(len(sizes))),
            dice.pick("office city", weights, np.arange(offices)),
            dice.pick("space city", weights, np.arange(spaces)),
            dice.pick("event city", weights, np.arange(events)),
            np.repeat(np.arange(len(town.names)), _HOTELS_A_CITY),
        ]
    )
    for name in ("helpdesk", "kvm-hobbyist"):
        share = given.helpdesk if name == "helpdesk" else given.kvm_hobbyist
        traits[name][next_of(round(count * share))] = True
    lawful = farm < 0
    city = city[home]
    coworking = np.full(count, -1)
    coworking[spaces_of] = first_space + np.arange(len(spaces_of)) % spaces
    traits["coworking"][spaces_of] = True
    city[spaces_of] = site_city[coworking[spaces_of]]
    if offices:  # people who live together belong to one office, so that its town is theirs
        belongs = lawful & (coworking < 0) & dice.whether("office", given.office, home)
        office[belongs] = first_office + dice.whole("which office", offices, home[belongs])
        traits["office"] = belongs
        city[belongs] = site_city[office[belongs]]
    site_city[:count] = city
    _sprinkle(traits, lawful, given, dice, everyone, days)
    # --- farms
    home[members] = site_of_farm[farm[members]]
    city[members] = site_city[home[members]]
    declared_city = city.copy()
    elsewhere = members[~dice.whether("declares site", given.farm_declares_site, members)]
    declared_city[elsewhere] = dice.pick("declared city", np.where(town.american, town.weight, 0.0), elsewhere)
    at_site = np.setdiff1d(members, elsewhere)
    declared_home[at_site] = home[at_site]
    together = traits["couple"] | traits["flatmates"]
    declared_home[together] = home[together]
    stale = (together & dice.whether("stale", given.address_stale, everyone)) | traits["relocated"]
    declared_city[stale] = dice.pick("old city", weights, everyone[stale])
    declared_home[stale] = everyone[stale]
    setups = dice.pick("setup", given.setup_weights, np.arange(len(sizes)))
    setup = np.where(lawful, -1, setups[farm]) if len(sizes) else np.full(count, -1)
    flags, hand = _evading(given, dice, farm, setup, evasions)
    model = dice.pick("kvm model", (30, 16, 18, 16, 14, 6), farm)
    model = np.where(np.isin(hand, [SETUPS.index("kvm"), SETUPS.index("kvm-masked")]), model, -1)
    model[traits["kvm-hobbyist"]] = dice.pick("own kvm", (40, 25, 15, 10, 10), everyone[traits["kvm-hobbyist"]])
    holder = everyone.copy()
    grouped = traits["couple"] | traits["flatmates"] | traits["coworking"] | traits["helpdesk"] | traits["kvm-hobbyist"]
    second = traits["second-device"] & lawful & ~grouped
    second[0] = False
    second &= ~np.roll(second, 1) & np.roll(lawful, 1)
    traits["second-device"] = second
    holder[second] = everyone[second] - 1
    home[second] = home[holder[second]]
    city[second], declared_city[second] = city[holder[second]], declared_city[holder[second]]
    declared_home[second], household[second] = declared_home[holder[second]], household[holder[second]]
    office[second], coworking[second] = office[holder[second]], coworking[holder[second]]
    team = dice.whole("team", max(1, count // 8), holder)
    traits["virtual-office"] = lawful & dice.whether("virtual office", given.virtual_office, team)
    world = World(
        dice, given, count, first_day, days, farm, setup, hand, flags, site_of_farm, traits, home, city, declared_city,
        declared_home, household, office, coworking, site_city, holder, team,
        np.where(farm >= 0, dice.pick("farm platform", (80, 20), everyone), dice.pick("platform", (68, 27, 5), everyone)),
        model, *(np.full(count, _FAR) for _ in range(6)), np.zeros(count, np.bool_),
    )  # fmt: skip
    _calendar(world, first_event, events, first_hotel)
    return world


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
    return found[(before < wanted) & (found > 0)]


def _sprinkle(
    traits: dict[str, Flags], lawful: Flags, given: Parameters, dice: Dice, everyone: Ints, days: int
) -> None:
    """What people have or do independently of others."""
    week = days / 7
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
        traits[name] |= lawful & dice.whether(name, share, everyone)
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
