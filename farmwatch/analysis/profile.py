"""What a company may tell farmwatch about itself: addresses, domains, approved tools, and where devices should be.

A profile is a TOML file; everything in it is optional, and a scan without one works::

    [company]
    cidrs = ["10.20.0.0/16", "2001:db8:20::/48"]   # the company's own networks: offices, VPN pool, help desk
    domains = ["acme.example", "ACMECORP"]          # own domains, own instances of tools and NetBIOS names included:
                                                    # each name that is not declared looks like one more company
    approved_tools = ["teamviewer"]                 # ids from `farmwatch knowledge list`; approved for support: of a
                                                    # fleet, who works through a laptop day by day is told all the same

    [sites]
    local = ["192.168.1.0/24"]                      # local networks in the captures, where they are not private ranges

    [scan]
    vantage = "gateway"                             # host, lan or gateway; left out: judged from the traffic
    devices = ["10.0.0.55", "f4:d4:88:01:02:03"]    # judge only these (address, MAC or name)
    prior = 0.001                                   # share of devices expected to be remotely driven

    [[device]]
    match = ["ACME-LT-0142"]                        # address, MAC or name
    place = "Phoenix, US"                           # words, shown in the report
    max_rtt_ms = 60                                 # longest transport round trip its expected place explains: a
                                                    # controlling end beyond it is for review, one within it is not
    latitude = 33.4                                 # of that place, in degrees; with both, the HTML report draws on a
    longitude = -112.1                              # map how far the hand may be from it

Nothing about a person belongs in a profile: keys such as ``nationality`` or ``keyboard_layout`` are refused.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from farmwatch.errors import ProfileError

__all__ = ["DeviceProfile", "Profile", "load_profile"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_PRIOR = 1e-3
"""Share of captured laptops that are remotely driven: judged. Fleet prevalence is put near 1e-4 (docs/evidence.md,
M9); somebody had a reason to capture this one, which is taken to be worth one decade."""

VANTAGES = ("host", "lan", "gateway")

#: Facts about persons that must never be an input.
BANNED_KEYS = frozenset(
    {
        "nationality", "citizenship", "ethnicity", "race", "religion", "language", "locale", "keyboard",
        "keyboard_layout", "birthplace", "country_of_birth", "accent", "face", "voice", "photo", "gender", "age",
        "person", "employee",
    }
)  # fmt: skip

_KEYS: dict[str, frozenset[str]] = {
    "company": frozenset({"cidrs", "domains", "approved_tools"}),
    "sites": frozenset({"local"}),
    "scan": frozenset({"vantage", "devices", "prior"}),
    "device": frozenset({"match", "place", "max_rtt_ms", "latitude", "longitude"}),
}


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """What is expected of one device."""

    match: tuple[str, ...]  #: addresses, MACs or names, lower case
    place: str | None = None
    max_rtt_ms: float | None = None
    coordinates: tuple[float, float] | None = None  #: latitude and longitude of the place, in degrees


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything the company declared."""

    company_cidrs: tuple[Network, ...] = ()
    company_domains: tuple[str, ...] = ()
    approved_tools: frozenset[str] = frozenset()
    local_cidrs: tuple[Network, ...] = ()
    vantage: str | None = None
    only_devices: tuple[str, ...] = ()
    prior: float = DEFAULT_PRIOR
    devices: tuple[DeviceProfile, ...] = field(default=())

    def with_options(
        self,
        *,
        devices: Sequence[str] = (),
        sites: Sequence[str] = (),
        corporate: Sequence[str] = (),
        vantage: str | None = None,
    ) -> Profile:
        """This profile plus what the command line adds.

        Args:
            devices: addresses, MACs or names to judge; others are left out.
            sites: networks that are local.
            corporate: each a network of the company, one of its domains (has a dot), or an approved tool's id.
            vantage: host, lan or gateway.

        Raises:
            ProfileError: a network or vantage cannot be understood; all faults are listed.
        """
        faults: list[str] = []
        own, domains, tools = list(self.company_cidrs), list(self.company_domains), set(self.approved_tools)
        for value in corporate:
            if (network := _network(value)) is not None:
                own.append(network)
            elif "." in value:
                domains.append(_domain(value))
            else:
                tools.add(value.lower())
        local = list(self.local_cidrs)
        for value in sites:
            network = _network(value)
            if network is None:
                faults.append(f"--site {value}: expected a network such as 192.168.1.0/24")
            else:
                local.append(network)
        if vantage is not None and vantage not in VANTAGES:
            faults.append(f"--vantage {vantage}: expected one of {', '.join(VANTAGES)}")
        if faults:
            raise ProfileError("command line", faults)
        return replace(
            self,
            company_cidrs=tuple(own),
            company_domains=tuple(domains),
            approved_tools=frozenset(tools),
            local_cidrs=tuple(local),
            vantage=vantage or self.vantage,
            only_devices=(*self.only_devices, *(value.lower() for value in devices)),
        )

    def expectation(self, identifiers: Sequence[str]) -> DeviceProfile | None:
        """The first device entry that names one of these addresses, MACs or names."""
        known = {identifier.lower() for identifier in identifiers}
        return next((entry for entry in self.devices if known.intersection(entry.match)), None)


def load_profile(path: Path) -> Profile:
    """Read a profile.

    Raises:
        ProfileError: the file cannot be read or breaks the rules above; every fault is listed.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise ProfileError(str(path), [f"not a readable TOML file: {fault}"]) from fault
    faults = _unknown_keys(document)
    company, sites, scan = (_section(document, name, faults) for name in ("company", "sites", "scan"))
    profile = Profile(
        company_cidrs=_networks(company, "company", "cidrs", faults),
        company_domains=tuple(_domain(value) for value in _texts(company, "company", "domains", faults)),
        approved_tools=frozenset(value.lower() for value in _texts(company, "company", "approved_tools", faults)),
        local_cidrs=_networks(sites, "sites", "local", faults),
        vantage=_vantage(scan, faults),
        only_devices=tuple(value.lower() for value in _texts(scan, "scan", "devices", faults)),
        prior=_prior(scan, faults),
        devices=_devices(document, faults),
    )
    if faults:
        raise ProfileError(str(path), faults)
    return profile


def _unknown_keys(document: Mapping[str, Any]) -> list[str]:
    faults = []
    for section, content in document.items():
        if section not in _KEYS:
            faults.append(f"[{section}]: unknown section; expected {', '.join(_KEYS)}")
            continue
        for entry in content if isinstance(content, list) else [content]:
            for key in entry if isinstance(entry, Mapping) else ():
                if key in BANNED_KEYS:
                    faults.append(f"{section}.{key}: facts about a person are never an input; remove it")
                elif key not in _KEYS[section]:
                    faults.append(f"{section}.{key}: unknown key; expected {', '.join(sorted(_KEYS[section]))}")
    return faults


def _section(document: Mapping[str, Any], name: str, faults: list[str]) -> Mapping[str, Any]:
    content = document.get(name, {})
    if isinstance(content, Mapping):
        return content
    faults.append(f"[{name}]: expected a table")
    return {}


def _texts(section: Mapping[str, Any], name: str, key: str, faults: list[str]) -> list[str]:
    values = section.get(key, [])
    if isinstance(values, list) and all(isinstance(value, str) and value for value in values):
        return values
    faults.append(f"{name}.{key}: expected a list of texts")
    return []


def _networks(section: Mapping[str, Any], name: str, key: str, faults: list[str]) -> tuple[Network, ...]:
    found = []
    for value in _texts(section, name, key, faults):
        network = _network(value)
        if network is None:
            faults.append(f"{name}.{key}: {value!r} is not a network such as 10.0.0.0/8")
        else:
            found.append(network)
    return tuple(found)


def _network(value: str) -> Network | None:
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None


def _domain(value: str) -> str:
    return value.lower().strip(".").removeprefix("*.")


def _vantage(scan: Mapping[str, Any], faults: list[str]) -> str | None:
    value = scan.get("vantage")
    if value is not None and value not in VANTAGES:
        faults.append(f"scan.vantage: {value!r}; expected one of {', '.join(VANTAGES)}")
        return None
    return value


def _prior(scan: Mapping[str, Any], faults: list[str]) -> float:
    value = scan.get("prior", DEFAULT_PRIOR)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        faults.append(f"scan.prior: {value!r}; expected a probability between 0 and 1")
        return DEFAULT_PRIOR
    return float(value)


def _devices(document: Mapping[str, Any], faults: list[str]) -> tuple[DeviceProfile, ...]:
    entries = document.get("device", [])
    if not isinstance(entries, list):
        faults.append("[device]: expected [[device]] entries")
        return ()
    found = []
    for number, entry in enumerate(entries, 1):
        name = f"device #{number}"
        match = tuple(value.lower() for value in _texts(entry, name, "match", faults))
        if not match:
            faults.append(f"{name}.match: expected at least one address, MAC or name")
        place, limit = entry.get("place"), entry.get("max_rtt_ms")
        if place is not None and not isinstance(place, str):
            faults.append(f"{name}.place: expected a text")
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float) or limit <= 0):
            faults.append(f"{name}.max_rtt_ms: {limit!r}; expected milliseconds above 0")
            limit = None
        coordinates = _coordinates(entry, name, faults)
        found.append(DeviceProfile(match, place, None if limit is None else float(limit), coordinates))
    return tuple(found)


def _coordinates(entry: Mapping[str, Any], name: str, faults: list[str]) -> tuple[float, float] | None:
    given = {key: entry[key] for key in ("latitude", "longitude") if key in entry}
    before = len(faults)
    for key, value in given.items():
        most = 90 if key == "latitude" else 180
        if isinstance(value, bool) or not isinstance(value, int | float) or not -most <= value <= most:
            faults.append(f"{name}.{key}: {value!r}; expected degrees between -{most} and {most}")
    if len(given) == 1:
        faults.append(f"{name}: latitude and longitude belong together")
    if not given or len(faults) > before:
        return None
    return float(given["latitude"]), float(given["longitude"])
