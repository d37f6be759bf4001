"""VpnEgress: hits, near misses, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.vpn_egress import VpnEgress
from farmwatch.analysis.profile import Profile
from tests.analysis.fleet.fleets import answers, judged
from tests.analysis.fleet.placing import (
    ASTRILL,
    CLOUD,
    DANDONG_MOBILE,
    GEO,
    PHOENIX,
    RELAY,
    STARLINK,
    VPN_DALLAS,
    VPN_PHOENIX,
    holder,
    seen,
    sign_in,
)

DETECTOR = VpnEgress()
ROSTER = holder("lt-1", "p1", "a1")
NORD = [sign_in("a1", VPN_DALLAS, 1), seen("lt-1", VPN_DALLAS, 2)]


def test_a_vpn_for_days():
    """By sign-ins and reports; the sentence names brand and network."""
    rows = [ROSTER, *NORD]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "vpn"}
    summary = judged(DETECTOR, rows, geo=GEO).hits["lt-1"][0].summary
    assert summary == "it came out of a consumer VPN or proxy (nordvpn) on 2 days: the United States (PacketHub S.A.)"
    unnamed = [seen("lt-1", VPN_PHOENIX, day) for day in (1, 2)]
    assert "VPN or proxy on 2 days" in judged(DETECTOR, unnamed, geo=GEO).hits["lt-1"][0].summary


def test_a_proxy_has_no_brand():
    """The sign-in provider calls an address a proxy; that is a kind and no name, and so is a data centre."""
    proxy = [sign_in("a1", "203.0.113.77", day, is_proxy=True, place_country="NL") for day in (1, 2)]
    (finding, *_) = judged(DETECTOR, [ROSTER, *proxy]).hits["lt-1"]
    assert finding.summary == "it came out of a consumer VPN or proxy on 2 days: the Netherlands"
    profile = Profile(approved_tools=frozenset({"y", "ing", ""}))
    assert answers(DETECTOR, [ROSTER, *proxy], profile=profile) == {"lt-1": "vpn"}


def test_astrill_once_is_enough():
    """Its own grade, whatever else there is; also on a journey."""
    assert answers(DETECTOR, [ROSTER, *NORD, sign_in("a1", ASTRILL, 1)], geo=GEO) == {"lt-1": "astrill"}
    away = holder("lt-1", "p1", "a1", travel="2026-03-02/2026-03-08")
    assert answers(DETECTOR, [away, sign_in("a1", ASTRILL, 1)], geo=GEO) == {"lt-1": "astrill"}


def test_a_data_centre_for_days():
    """One device alone; but not where many come out of it: that is the company's."""
    rows = [ROSTER, sign_in("a1", CLOUD, 1), sign_in("a1", CLOUD, 2)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "data_centre"}
    for number in range(30):
        rows += [seen(f"d-{number}", CLOUD, day) for day in (1, 2)]
    assert set(answers(DETECTOR, rows, geo=GEO).values()) == {"clear"}


@pytest.mark.parametrize("address", [PHOENIX, RELAY, STARLINK, DANDONG_MOBILE])
def test_other_networks(address):
    """A home line, a private relay, a satellite, a carrier."""
    assert answers(DETECTOR, [ROSTER, *(seen("lt-1", address, day) for day in (1, 2, 3))], geo=GEO) == {"lt-1": "clear"}


def test_what_is_allowed():
    """Once; on a journey; a brand the company or the roster approves."""
    assert answers(DETECTOR, [ROSTER, NORD[0]], geo=GEO) == {"lt-1": "clear"}
    away = holder("lt-1", "p1", "a1", travel="2026-03-02/2026-03-08")
    assert answers(DETECTOR, [away, *NORD], geo=GEO) == {"lt-1": "clear"}
    assert answers(DETECTOR, [holder("lt-1", "p1", "a1", approved_tools="nordvpn"), *NORD], geo=GEO) == {
        "lt-1": "clear"
    }
    profile = Profile(approved_tools=frozenset({"nordvpn"}))
    assert answers(DETECTOR, [ROSTER, *NORD], geo=GEO, profile=profile) == {"lt-1": "clear"}


def test_failed_sign_ins_and_telephones_do_not_count():
    """Guessing through a VPN is not the device's; a telephone's VPN is its owner's affair."""
    rows = [ROSTER, seen("lt-1", PHOENIX, 1), *(sign_in("a1", VPN_DALLAS, day, outcome="failure") for day in (1, 2))]
    rows += [sign_in("a1", VPN_PHOENIX, day, client_os="ios") for day in (1, 2)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "clear"}


def test_unknown_addresses_are_no_data():
    """Nothing known of any address."""
    assert answers(DETECTOR, [ROSTER, *NORD]) == {"lt-1": "no data"}
