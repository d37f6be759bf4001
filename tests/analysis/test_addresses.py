"""Where an address lies."""

from __future__ import annotations

import numpy as np
import pytest

from farmwatch.analysis.addresses import SCOPES, AddressBook, mask_mac, same_network
from farmwatch.analysis.profile import Profile


@pytest.mark.parametrize(
    ("address", "scope"),
    [
        ("10.1.2.3", "local"), ("172.31.0.1", "local"), ("172.32.0.1", "public"), ("192.168.0.9", "local"),
        ("100.64.0.1", "local"), ("169.254.9.9", "local"), ("127.0.0.1", "local"), ("fe80::1", "local"),
        ("fd00::1", "local"), ("::1", "local"), ("198.51.100.7", "public"), ("2001:db8::1", "public"),
        ("224.0.0.251", "special"), ("ff02::fb", "special"), ("255.255.255.255", "special"), ("0.0.0.0", "special"),
        ("::", "special"), ("", "special"), ("not an address", "special"),
    ],
)  # fmt: skip
def test_scope_without_a_profile(address, scope):
    """Private ranges are local; documentation ranges count as public, as captures use them for the internet."""
    assert AddressBook(Profile()).scope(address) == scope
    assert scope in SCOPES


def test_own_networks_come_before_private_ranges():
    """A declared range is the company's even where it is private, and a declared site is local even where public."""
    profile = Profile().with_options(corporate=["10.20.0.0/16", "2001:db8:20::/48"], sites=["198.51.100.0/24"])
    book = AddressBook(profile)
    assert [book.scope(a) for a in ("10.20.1.1", "10.21.1.1", "2001:db8:20::1", "198.51.100.9")] == [
        "own", "local", "own", "local"
    ]  # fmt: skip
    assert [book.inside(a) for a in ("10.20.1.1", "10.21.1.1", "203.0.113.1", "ff02::1")] == [True, True, False, False]


def test_many_addresses_at_once():
    addresses = np.array(["10.0.0.1", "203.0.113.1", "10.0.0.1"], dtype=object)
    assert AddressBook(Profile()).scopes(addresses).tolist() == ["local", "public", "local"]


def test_neighbours_addresses_are_masked():
    """Maker and last byte stay; what is no such address is left alone."""
    assert mask_mac("dc:a6:32:77:31:0e") == "dc:a6:32:…:0e"
    assert mask_mac("10.0.0.5") == "10.0.0.5"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("131.159.4.5", "131.159.9.9", True),
        ("131.159.4.5", "131.160.4.5", False),
        ("2003:c1:5::10", "2003:c1:5:0:ffff::1", True),
        ("2003:c1:5::10", "2003:c1:5:1::10", False),
        ("131.159.4.5", "::ffff:131.159.4.5", False),
        ("131.159.4.5", "nobody", False),
    ],
)
def test_addresses_of_one_link(one, other, same):
    """IPv6 links are /64, the largest usual IPv4 ones /16; versions do not mix, and junk is of no network."""
    assert same_network(one, other) is same
