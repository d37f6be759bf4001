from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from farmwatch.knowledge import suffixes
from farmwatch.knowledge.suffixes import registrable_domain

CASES = [
    ("a.b.co.uk", "b.co.uk"),
    ("Relay.Net.AnyDesk.com.", "anydesk.com"),
    ("example.com:8080", "example.com"),
    ("x.y.github.io", "github.io"),
    ("b.kawasaki.jp", ""),
    ("a.b.kawasaki.jp", "a.b.kawasaki.jp"),
    ("x.a.b.kawasaki.jp", "a.b.kawasaki.jp"),
    ("x.city.kawasaki.jp", "city.kawasaki.jp"),
    ("www.ck", "www.ck"),
    ("b.a.ck", "b.a.ck"),
    ("a.ck", ""),
    ("\u98df\u72ee.\u516c\u53f8.cn", "xn--85x722f.xn--55qx5d.cn"),
    ("shop.example.xn--p1ai", "example.xn--p1ai"),
    ("co.uk", ""),
    ("uk", ""),
    ("localhost", ""),
    ("printer.lan", ""),
    ("10.0.0.1", ""),
    ("::1", ""),
    ("..", ""),
    (".com", ""),
    ("", ""),
]


@pytest.mark.parametrize(("name", "registered"), CASES)
def test_registrable_domain_follows_the_public_suffix_list(name: str, registered: str) -> None:
    assert registrable_domain(name) == registered


@pytest.mark.parametrize(("name", "registered"), CASES)
def test_the_way_through_tldextract_agrees(name: str, registered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken where the snapshot is not where this version of tldextract keeps it."""
    monkeypatch.setattr(suffixes, "_snapshot", lambda: None)
    assert registrable_domain.__wrapped__(name) == registered


def test_the_snapshot_is_where_it_is_expected() -> None:
    path = suffixes._snapshot()
    assert path is not None, "tldextract keeps its snapshot elsewhere: names still resolve, but slowly"


def test_no_network_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("no connection may be opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert suffixes._by_interface("a.b.co.uk") == "b.co.uk"


def test_tldextract_is_not_imported_for_an_ordinary_name() -> None:
    code = "import sys; from farmwatch.knowledge import registrable_domain as r; r('a.b.co.uk'); r('x.xn--p1ai')\n"
    code += "assert not {'tldextract', 'requests'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
