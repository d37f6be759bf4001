"""Rows of small fleets for tests of farms: homes, offices, hotels, carriers and farms."""

from __future__ import annotations

import random
from datetime import timedelta

from farmwatch.records import PowerEvent, RosterEntry, Sighting
from tests.analysis.fleet.fleets import WEEK, at

CITIES = [(33.45, -112.07), (40.71, -74.0), (47.61, -122.33), (29.76, -95.37), (41.88, -87.63), (25.76, -80.19),
          (39.74, -104.99), (36.17, -86.78), (42.36, -71.06), (44.98, -93.27)]  # fmt: skip
DAYS = range(7)


def mac(*key) -> str:
    """A router's address that only this key has."""
    dice = random.Random(repr(key))
    return "f4:d4:88:" + ":".join(f"{dice.randrange(256):02x}" for _ in range(3))


def line(*key) -> str:
    """A public IPv4 address that only this key has."""
    dice = random.Random(repr(("line", *key)))
    return f"{dice.choice((73, 71, 98, 24))}.{dice.randrange(1, 250)}.{dice.randrange(250)}.{dice.randrange(1, 250)}"


def declared(device, *, near=None, **values):
    """A roster row: a person of its own, and a home of its own somewhere (``near``: in the town of that number)."""
    dice = random.Random(f"home {device}")
    latitude, longitude = CITIES[near if near is not None else dice.randrange(len(CITIES))]
    given = {
        "person": f"p-{device}",
        "latitude": latitude + dice.uniform(-0.15, 0.15),
        "longitude": longitude + dice.uniform(-0.15, 0.15),
    }
    return RosterEntry(device_id=device, ts=at(-200), **(given | values))


def seen(device, place, days=DAYS, *, kinds=("gateway_mac", "bssid", "public_ip"), change=None, address=None):
    """A device at a place: twice a day the gateway, the access point and the line's address."""
    rows = []
    for day in days:
        values = {
            "gateway_mac": mac("gateway", place),
            "bssid": mac("bssid", place),
            "public_ip": address or line(place, change is not None and day >= change),
        }
        for hour in (9, 15):
            rows += [
                Sighting(device_id=device, ts=at(day, hour), kind=kind, value=values[kind], oui=values[kind][:8])
                for kind in kinds
            ]
    return rows


def at_home(device, days=DAYS, **values):
    """A device of one person at a home of its own."""
    return [declared(device, **values), *seen(device, f"home of {device}", days)]


def farm(name, size, *, kinds=("gateway_mac", "bssid", "public_ip"), **values):
    """Laptops of people who are declared all over the country, at one line."""
    rows = []
    for number in range(size):
        device = f"{name}-{number:02d}"
        rows += [declared(device, near=number % len(CITIES), **values), *seen(device, name, kinds=kinds)]
    return rows


def power(device, event, *moments):
    """Power events at so many days of the week."""
    return [PowerEvent(device_id=device, ts=moment, event=event) for moment in moments]


def crowd(count, seed=1, name="lt"):
    """Ordinary laptops at home, each starting at its own time on working days."""
    dice = random.Random(seed)
    rows = []
    for number in range(count):
        device = f"{name}-{number:04d}"
        rows += at_home(device)
        for day in range(5):
            moment = at(day, 14) + timedelta(minutes=dice.gauss(0, 60))
            rows += power(device, "wake", moment)
    return rows


def members(farms):
    """Devices by farm, for comparing."""
    return sorted(found.devices for found in farms)


__all__ = ["CITIES", "DAYS", "WEEK", "at_home", "crowd", "declared", "farm", "line", "mac", "members", "power", "seen"]
