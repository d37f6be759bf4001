from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmwatch.knowledge.domains import DomainIndex, domain_fault, normal_domain


def index(*values: str) -> DomainIndex[str]:
    return DomainIndex((value, value) for value in values)


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("AnyDesk.COM.", "anydesk.com"),
        ("anydesk.com:443", "anydesk.com"),
        ("fe80::1:443", "fe80::1"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("", ""),
        (".", ""),
        ("a" * 254, ""),
        ("a..b\u0131\u0307." + "é" * 80, ""),
    ],
)
def test_names_are_lower_case_punycode_without_trailing_dot(name: str, normal: str) -> None:
    assert normal_domain(name) == normal


@pytest.mark.parametrize(
    "name",
    [
        "notanydesk.com", "anydesk.com.evil.example", "anydesk.com", "anydesk.company", "xanydesk.com", "com",
        "net.anydesk.com.", "relay-0123456.net.anydesk.com", "relay-0123456g.net.anydesk.com",
        "relay-01234567.x.net.anydesk.com.example", "a.relay-01234567.net.anydesk.com.org", "\u0430nydesk.com",
    ],
)  # fmt: skip
def test_a_name_that_only_looks_alike_meets_nothing(name: str) -> None:
    facts = index("boot.net.anydesk.com", "relay-[0-9a-f]{8}.net.anydesk.com", "*.relay.anydesk.com")
    assert facts.find(normal_domain(name)) == []


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("boot.net.anydesk.com", "boot.net.anydesk.com"),
        ("*.relay.splashtop.com", "st2-v3-dc.relay.splashtop.com"),
        ("*.relay.splashtop.com", "a.b.relay.splashtop.com"),
        ("relay-[0-9a-f]{8}.net.anydesk.com", "relay-0a1b2c3d.net.anydesk.com"),
        ("rs-??.rustdesk.com", "rs-ny.rustdesk.com"),
        ("rescue-list.*.logmein-gateway.com", "rescue-list.us1.logmein-gateway.com"),
        ("instance-*-relay.screenconnect.com", "instance-ab12cd-relay.screenconnect.com"),
    ],
)
def test_each_shape_of_fact_meets_what_it_names(value: str, name: str) -> None:
    assert index(value).find(name) == [value]


def test_the_most_specific_fact_comes_first() -> None:
    """Host before pattern before wildcard, so that callers can take the first of an entry."""
    facts = index("*.anydesk.com", "relay-[0-9a-f]{8}.net.anydesk.com", "relay-01234567.net.anydesk.com")
    assert facts.find("relay-01234567.net.anydesk.com") == [
        "relay-01234567.net.anydesk.com", "relay-[0-9a-f]{8}.net.anydesk.com", "*.anydesk.com",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["www.anydesk.com", "support.anydesk.com", "download.anydesk.com", "docs.anydesk.com"])
def test_a_wildcard_never_covers_the_vendors_shop_window(name: str) -> None:
    assert index("*.anydesk.com").find(name) == []
    assert index("*.anydesk.com", name).find(name) == [name]


@pytest.mark.parametrize(
    "value",
    ["com", "*.com", "a*", "*.*.com", "foo.*.com", "A.example.com", "bü.example.com", "x_[a.example.com",
     "[z-a].example.com", "a*b*c*d*.example.com", "x..example.com", "-a.example.com", "a.b.exa mple.com", ""],
)  # fmt: skip
def test_a_malformed_or_sweeping_domain_fact_is_a_fault(value: str) -> None:
    assert domain_fault(value)


@given(st.text(max_size=300))
def test_any_text_is_safe_to_look_up(text: str) -> None:
    index("*.anydesk.com", "relay-[0-9a-f]{8}.net.anydesk.com").find(normal_domain(text))
