"""Network facts from recorded /proc files, and sockets of this machine as the system's own tool lists them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from farmwatch.agent.facts import Gateway, Neighbour, SocketFact
from farmwatch.agent.linux_network import addresses, gateways, hidden, masked_path, neighbours, socket_facts
from tests.agent.tree import network, write


@pytest.fixture
def root(tmp_path):
    network(tmp_path)
    return tmp_path


def test_gateways(root):
    """Default routes with the neighbour table's address; a tunnel has none."""
    assert gateways(root) == (
        Gateway("eth0", "192.168.1.1", "94:83:c4:00:00:01", "wired"),
        Gateway("tun0", "10.0.0.1", "", "tunnel"),
    )


def test_neighbours_are_hashed(root):
    """Only the maker's part is readable; one key gives one hash, another key another."""
    (other,) = neighbours(root, b"key", {"94:83:c4:00:00:01"})
    assert other == Neighbour("eth0", "30:52:53", hidden("30:52:53:ab:cd:ef", b"key"))
    assert "ab:cd:ef" not in repr(other)
    assert other.hash != hidden("30:52:53:ab:cd:ef", b"other")


def test_addresses(root):
    """Own addresses beyond the link: neither loopback nor link-local nor broadcast."""
    assert addresses(root) == ("192.168.1.57", "fd00::2")


def test_sockets(root):
    """Listening and connected sockets with their programs; loopback and closing ones are left out."""
    assert socket_facts(root) == [
        SocketFact("tcp", "listening", "0.0.0.0", 5900, "", None, 900, "x11vnc", "/home/*/bin/x11vnc"),
        SocketFact("tcp", "connected", "192.168.1.57", 50112, "198.51.100.7", 443, 812, "anydesk", "/usr/bin/anydesk"),
        SocketFact("tcp", "connected", "192.168.1.57", 22, "198.51.100.7", 54321, 812, "anydesk", "/usr/bin/anydesk"),
        SocketFact("udp", "listening", "0.0.0.0", 5353),
    ]


def test_broken_tables(root):
    """Lines of another shape are passed over."""
    for name in ("route", "arp", "tcp", "tcp6", "udp", "fib_trie", "if_inet6"):
        write(
            root,
            f"proc/net/{name}",
            b"x\n" + b"0: zz:1 00:2 0A a b c d e f g h\n\xff\xfe\n\t\t\t00\n0x 0x 0x 0x 0x 0x\n",
        )
    assert (gateways(root), neighbours(root, b"", set()), addresses(root), socket_facts(root)) == ((), (), (), [])


def test_own_listening_socket():
    """A socket of this very process is found with its number and port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = [fact for fact in socket_facts(Path("/")) if fact.local_p == port]
    assert [(fact.state, fact.proto, fact.pid) for fact in found] == [("listening", "tcp", os.getpid())]
    assert found[0].process.startswith("python")


@pytest.mark.parametrize(
    ("path", "masked"),
    [("/home/anna/bin/x", "/home/*/bin/x"), ("/usr/bin/x", "/usr/bin/x"), ("/Users/anna", "/Users/*"), ("", "")],
)
def test_user_folders_are_masked(path, masked):
    """Whose folder it is does not leave."""
    assert masked_path(path) == masked
