"""VpnRouter: hits, near misses, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.vpn_router import VpnRouter
from farmwatch.records import Process
from tests.analysis.fleet.fleets import answers, at, judged
from tests.analysis.fleet.placing import CLOUD, GEO, PHOENIX, VPN_DALLAS, VPN_PHOENIX, seen

DETECTOR = VpnRouter()


def runs(name, device="lt-1"):
    return Process(device_id=device, ts=at(1), event="running", name=name)


ALWAYS = [seen("lt-1", address, day) for day, address in ((1, VPN_DALLAS), (2, VPN_PHOENIX), (3, VPN_DALLAS))]


def test_always_a_vpn_and_no_client():
    """Three days of VPN addresses, programs known, none of them a VPN's."""
    rows = [*ALWAYS, runs("explorer.exe")]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "always"}
    assert "all 3 reports of its public address on 3 days" in judged(DETECTOR, rows, geo=GEO).hits["lt-1"][0].summary


def test_a_client_on_the_device_explains_it():
    """The ordinary case."""
    assert answers(DETECTOR, [*ALWAYS, runs("nordvpn.exe")], geo=GEO) == {"lt-1": "clear"}


def test_a_line_without_a_vpn_among_them():
    """One report from the line itself: the VPN is no router's; a data centre is no VPN; two days are few."""
    assert answers(DETECTOR, [*ALWAYS, seen("lt-1", PHOENIX, 2), runs("explorer.exe")], geo=GEO) == {"lt-1": "clear"}
    clouds = [seen("lt-1", CLOUD, day) for day in (1, 2, 3)]
    assert answers(DETECTOR, [*clouds, runs("explorer.exe")], geo=GEO) == {"lt-1": "clear"}
    assert answers(DETECTOR, [*ALWAYS[:2], runs("explorer.exe")], geo=GEO) == {"lt-1": "clear"}


def test_a_companys_proxy_is_no_router():
    """Many devices behind one address."""
    rows = [seen(f"lt-{n}", VPN_DALLAS, day) for n in range(25) for day in (1, 2, 3)]
    assert set(answers(DETECTOR, [*rows, *(runs("x.exe", f"lt-{n}") for n in range(25))], geo=GEO).values()) == {
        "clear"
    }


def test_without_programs_or_places_there_is_no_data():
    """Whether a client is on it, or what its addresses are, is not known."""
    assert answers(DETECTOR, ALWAYS, geo=GEO) == {"lt-1": "no data"}
    assert answers(DETECTOR, [*ALWAYS, runs("explorer.exe")]) == {"lt-1": "no data"}
    assert answers(DETECTOR, [runs("explorer.exe")], geo=GEO) == {"lt-1": "no data"}
