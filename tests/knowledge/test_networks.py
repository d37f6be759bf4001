"""Kinds of networks: by number, by name, and what is a line like any other."""

from __future__ import annotations

import pytest

from farmwatch.knowledge import load_knowledge
from farmwatch.knowledge.networks import load_network_kinds


@pytest.mark.parametrize(
    ("asn", "name", "label"),
    [
        (136787, None, "vpn nordvpn"),
        (9009, "M247 Europe SRL", "vpn unnamed"),
        (None, "Astrill Systems Corp", "vpn astrill"),
        (13335, "CLOUDFLARENET", "relay"),
        (36183, "Akamai International B.V.", "relay"),
        (None, "ZSCALER-INC", "relay"),
        (14593, None, "satellite"),
        (None, "Space Exploration Technologies Corporation", "satellite"),
        (16509, "AMAZON-02", "hosting"),
        (None, "Best Hosting Company Ltd", "hosting"),
        (21928, "T-MOBILE-AS21928", "mobile"),
        (20057, "ATT-MOBILITY-LLC-AS20057", "mobile"),
        (None, "AT&T Mobility LLC", "mobile"),
        (22394, "Cellco Partnership DBA Verizon Wireless", "mobile"),
        (36522, "BELLMOBILITY-1", "mobile"),
        (12576, "EE Limited", "mobile"),
        (60339, "Hutchison 3G UK Limited", "mobile"),
        (9605, "NTT DOCOMO, INC.", "mobile"),
        (55836, "Reliance Jio Infocomm Limited", "mobile"),
        (45609, "Bharti Airtel Ltd. AS for GPRS Service", "mobile"),
        (None, "China Mobile Communications Corporation", "mobile"),
    ],
)
def test_known_networks_are_named(asn, name, label):
    """A number counts, else a word in the name of who runs it."""
    assert load_network_kinds().find(asn, name).label == label


@pytest.mark.parametrize(
    ("asn", "name"),
    [(7922, "Comcast Cable Communications, LLC"), (None, "CHINA UNICOM China169 Backbone"), (None, "Deutsche Telekom"),
     (None, "Salted Systems"), (None, "Upvpsy Networks"), (None, None), (None, "")],
)  # fmt: skip
def test_a_line_like_any_other_has_no_kind(asn, name):
    """Words count whole only."""
    assert load_network_kinds().find(asn, name) is None


@pytest.mark.parametrize(
    ("asn", "name"),
    [(3209, "Vodafone GmbH"), (3320, "Deutsche Telekom AG"), (812, "Rogers Communications Canada Inc."),
     (2516, "KDDI CORPORATION"), (701, "Verizon Business"), (7018, "AT&T Services, Inc.")],
)  # fmt: skip
def test_carriers_with_lines_under_the_same_number_are_lines(asn, name):
    """Most of such a network's addresses are lines at home, whose place holds."""
    assert load_network_kinds().find(asn, name) is None


def test_a_host_that_mostly_carries_one_vpn_is_that_vpn():
    """By number or by name, with a source that says it has other customers too."""
    kinds = load_network_kinds()
    assert kinds.find(39351, "31173 Services AB").label == "vpn mullvad"
    assert kinds.find(None, "31173 Services AB").label == "vpn mullvad"
    assert "mostly" in kinds.find(39351, None).source


def test_a_number_goes_before_a_name():
    """Linode's network bears Akamai's name by now, and is a data centre all the same."""
    assert load_network_kinds().find(63949, "Akamai Connected Cloud").label == "hosting"


def test_every_list_says_where_it_was_read():
    """No kind without source and grade, no number in two lists; brands bear the knowledge's ids."""
    kinds = load_network_kinds().kinds
    assert all(kind.source and kind.grade in ("high", "medium", "low") for kind in kinds)
    assert all(name == name.lower() for kind in kinds for name in kind.names)
    listed = [asn for kind in kinds for asn in kind.asns]
    assert len(listed) == len(set(listed))
    known = load_knowledge().entries
    assert {"astrill", "nordvpn", "proton-vpn"} <= {kind.id for kind in kinds if kind.kind == "vpn"} & known.keys()
