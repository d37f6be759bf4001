"""All captures of ``pcaps/`` scanned at once, as the README's first command does, are judged as each one alone."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import pytest

import farmwatch
from farmwatch.records import Level

PCAPS = Path(__file__).parents[1] / "pcaps"
NAMES = sorted(path.stem for path in PCAPS.glob("*.toml"))
CLAIMS = ("driven", "abroad", "farm")
#: Who is in a farm, by the capture that shows it; of the neighbours those that showed a company's directory.
FARMS = {
    "farm-gateway": {"ACME-LT-0142", "NW-L-7731", "BFN-PC0934", "HARBOR-NB-009"},
    "farm-lan": {"ACME-LT-0163", "NW-L-7718", "BFN-PC0921", "HARBOR-NB-014", "ACME-LT-0177"},
}
INNOCENT = [name for name in NAMES if name not in FARMS]


def machines(name):
    """Everybody a sidecar knows."""
    return tomllib.loads((PCAPS / f"{name}.toml").read_text(encoding="utf-8"))["devices"]


def judged(name):
    """Those of them that a scan judges."""
    return [one for one in machines(name) if any(one[claim] for claim in CLAIMS)]


@cache
def together():
    """The report of the whole folder, without a profile."""
    return farmwatch.scan([PCAPS / f"{name}.pcap" for name in NAMES])


def found(mac):
    """The device with a link-layer address in the report of the whole folder."""
    [device] = [one for one in together().devices if mac in one.macs]
    return device


def levels(device):
    return {claim: str(getattr(device.assessment, claim).level) for claim in CLAIMS}


def test_every_capture_is_read_and_nobody_is_merged():
    """As many devices as the sidecars judge, each with one link-layer address and one address."""
    assert [Path(one.path).stem for one in together().inputs] == NAMES
    assert all(one.complete for one in together().inputs)
    expected = sorted(one["mac"] for name in NAMES for one in judged(name))
    assert sorted(mac for device in together().devices for mac in device.macs) == expected
    assert all(len(device.macs) == len(device.ips) == 1 for device in together().devices)


@pytest.mark.parametrize("name", NAMES)
def test_levels_are_those_of_the_capture_alone(name):
    """No device is judged by another place's evidence: its levels are its sidecar's, and those of a scan by itself."""
    alone = {mac: levels(device) for device in farmwatch.scan([PCAPS / f"{name}.pcap"]).devices for mac in device.macs}
    for one in judged(name):
        device = found(one["mac"])
        assert one["address"] in device.ips
        shown = levels(device)
        assert all(shown[claim] in one[claim].split("|") for claim in CLAIMS), (one["role"], shown)
        assert shown == alone[one["mac"]]


@pytest.mark.parametrize("name", NAMES)
def test_findings_cite_the_own_capture(name):
    """What is found on a device is proved by packets of its own capture only."""
    number = NAMES.index(name)
    for one in judged(name):
        for finding in found(one["mac"]).findings:
            assert {row.input for row in finding.rows} <= {number}, finding.summary


def test_farms_are_the_two_that_are_there():
    """One farm for each farm capture with exactly its members, and the KVMs of its own network."""
    assert sorted(map(sorted, FARMS.values())) == sorted(sorted(farm.devices) for farm in together().farms)
    assert {farm.assessment.level for farm in together().farms} <= {Level.REVIEW, Level.STRONG}
    gateways = [link.value for farm in together().farms for link in farm.links if link.attribute == "local network"]
    assert len(gateways) == len(set(gateways)) == 2


@pytest.mark.parametrize("name", INNOCENT)
def test_nobody_from_an_innocent_capture_is_in_a_farm(name):
    """Neither the judged devices of a home, office, café or single laptop, nor those it only heard."""
    members = {member for farm in together().farms for member in farm.devices}
    ids = {found(one["mac"]).device_id for one in judged(name)}
    names = {one["name"] for one in machines(name) if one["name"]}
    assert not members & (ids | names)
