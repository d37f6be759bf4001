"""Naming, discovery and address messages as rows."""

from __future__ import annotations

from farmwatch.records import Announcement, Arp, DhcpRequest, Name, NameQuery
from tests.lab.frames import Host, arp, group
from tests.lab.names import (
    A,
    announcement,
    answer,
    browser_announcement,
    dhcp,
    dhcp_ack,
    nbns_query,
    nbns_registration,
    query,
    service,
    ssdp_notify,
)

from .conftest import FAR, LAPTOP, LAPTOP6

MAC = bytes.fromhex("f8bc12000005")
NOBODY = Host(LAPTOP.mac, "0.0.0.0")
ALL = Host("ff:ff:ff:ff:ff:ff", "255.255.255.255")


def test_lookups_are_counted_once_per_name(capture):
    """Two equal questions are one row with a count; the answer gives the address its name, for who asked."""
    for number in range(2):
        capture.datagram(LAPTOP, 40001 + number, FAR, 53, query("WWW.Example.ORG", A, number), at=number)
    capture.datagram(FAR, 53, LAPTOP, 40001, answer("www.example.org", ["203.0.113.4", "203.0.113.5"], 1), at=3)
    tables = capture.tables()
    [asked] = tables[NameQuery].rows()
    assert (asked.name, asked.qtype, asked.count, asked.packet, asked.client_mac) == (
        "www.example.org", "A", 2, 1, LAPTOP.mac
    )  # fmt: skip
    assert asked.last_ts > asked.ts
    assert [(row.address, row.name, row.source, row.client) for row in tables[Name].rows()] == [
        ("203.0.113.4", "www.example.org", "dns", LAPTOP.ip),
        ("203.0.113.5", "www.example.org", "dns", LAPTOP.ip),
    ]


def test_an_alias_names_the_address_by_what_was_asked(capture):
    capture.datagram(FAR, 53, LAPTOP, 40001, answer("a.example.org", ["203.0.113.4"], 1, alias="cdn.example.net"))
    assert "a.example.org" in [row.name for row in capture.tables()[Name].rows()]


def test_dhcp_clients_say_who_they_are(capture):
    """Host name, full name, class and parameter list of the client; router of the server."""
    said = dhcp(3, MAC, 9, hostname="ACME-LT-0142", fqdn="acme-lt-0142.corp.acme.example", vendor="MSFT 5.0",
                wanted=(1, 3, 6, 15), asked="10.0.0.5")  # fmt: skip
    capture.datagram(NOBODY, 68, ALL, 67, said)
    capture.datagram(Host(FAR.mac, "10.0.0.1"), 67, ALL, 68, dhcp_ack(MAC, 9, "10.0.0.1", "10.0.0.5"), at=1)
    request, ack = capture.tables()[DhcpRequest].rows()
    assert (request.message, request.mac, request.host_name, request.fqdn) == (
        "request", LAPTOP.mac, "ACME-LT-0142", "acme-lt-0142.corp.acme.example"
    )  # fmt: skip
    assert (request.vendor_class, request.parameters, request.address) == ("MSFT 5.0", "1,3,6,15", "10.0.0.5")
    assert (ack.message, ack.router, ack.address, ack.packet) == ("ack", "10.0.0.1", "10.0.0.5", 2)


def test_mdns_hosts_and_services(capture):
    """A service with its TXT pairs, and the host behind it with its address."""
    records = service("_pikvm._tcp", "pikvm-1", "pikvm", 443, "10.0.0.5", ["model=v4"])
    for number in range(2):
        capture.datagram(LAPTOP, 5353, group("224.0.0.251"), 5353, announcement(records), at=number)
    tables = capture.tables()
    said = {(row.service, row.name, row.text) for row in tables[Announcement].rows()}
    assert ("host", "pikvm.local", "") in said
    assert any(service.startswith("_pikvm._tcp") and "model=v4" in text for service, _, text in said)
    assert len(said) == len(tables[Announcement]), "said once"
    assert ("10.0.0.5", "pikvm.local", "mdns") in {(row.address, row.name, row.source) for row in tables[Name].rows()}


def test_mdns_over_ipv6(capture):
    capture.datagram(LAPTOP6, 5353, group("ff02::fb"), 5353, query("_googlecast._tcp.local", 12, 0, flags=0))
    [asked] = capture.tables()[NameQuery].rows()
    assert (asked.protocol, asked.name, asked.client) == ("mdns", "_googlecast._tcp.local", LAPTOP6.ip)


def test_netbios_registrations_name_host_and_domain(capture):
    """A unique name is the host, a group name its domain; a question is a question."""
    everybody = Host("ff:ff:ff:ff:ff:ff", "10.0.0.255")
    for number, (name, suffix, is_group) in enumerate((("ACME-LT-0142", 0, False), ("ACME", 0, True))):
        said = nbns_registration(name, suffix, number, LAPTOP.ip, is_group=is_group)
        capture.datagram(LAPTOP, 137, everybody, 137, said, at=number)
    capture.datagram(LAPTOP, 137, everybody, 137, nbns_query("WPAD", 0, 9), at=2)
    capture.datagram(LAPTOP, 138, everybody, 138, browser_announcement("ACME-LT-0142", "ACME", LAPTOP.ip, 5), at=3)
    tables = capture.tables()
    said = [(row.protocol, row.name, row.domain) for row in tables[Announcement].rows()]
    assert ("nbns", "ACME-LT-0142", None) in said
    assert ("nbns", None, "ACME") in said
    assert ("browser", "ACME-LT-0142", "ACME") in said
    assert [row.name.lower() for row in tables[NameQuery].rows()] == ["wpad"]


def test_ssdp_notices(capture):
    said = ssdp_notify("http://10.0.0.5/d.xml", "Linux UPnP/1.0 GLKVM/1", "upnp:rootdevice", "1234")
    capture.datagram(LAPTOP, 40000, group("239.255.255.250"), 1900, said)
    [row] = capture.tables()[Announcement].rows()
    assert row.protocol == "ssdp"
    assert "GLKVM" in row.text


def test_arp_keeps_both_senders(capture):
    """The frame's own source and the sender field, which a command bus makes differ; equal frames are counted."""
    for number in range(2):
        frame = arp(1, "6f:70:65:6e:5f:7a", "0.0.0.0", "00:00:00:00:00:00", "10.0.0.9", link_mac=LAPTOP.mac)
        capture.tape.add(number, frame)
    capture.talk(443, b"x", b"y", at=5)
    [row] = capture.tables()[Arp].rows()
    assert (row.op, row.eth_src, row.sender_mac, row.sender_ip, row.target_ip, row.count) == (
        1, LAPTOP.mac, "6f:70:65:6e:5f:7a", "0.0.0.0", "10.0.0.9", 2
    )  # fmt: skip
