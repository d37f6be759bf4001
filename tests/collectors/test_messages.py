"""Naming, discovery and address messages as rows."""

from __future__ import annotations

from farmwatch.collectors.messages import MessageRows
from farmwatch.records import Announcement, Arp, DhcpRequest, Flow, Name, NameQuery
from tests.lab.frames import Host, arp, ethernet, group, ip
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


def test_people_in_announcements_are_not_kept(capture):
    """Messaging presences name persons; of TXT pairs those that tell of the device stay, a serial as present only."""
    about = service("_presence._tcp", "jane@laptop", "laptop", 5298, "10.0.0.5",
                    ["1st=Jane", "last=Doe", "email=jane@example.org", "model=Mac"])  # fmt: skip
    device = service("_ipp._tcp", "Printer", "printer", 631, "10.0.0.6",
                     ["model=LaserJet", "note=Jane's room", "serial=4711", "version=jane@example.org"])  # fmt: skip
    capture.datagram(LAPTOP, 5353, group("224.0.0.251"), 5353, announcement([*about, *device]))
    asked = query("jane@laptop._presence._tcp.local", 33, 0, flags=0)
    capture.datagram(LAPTOP, 5353, group("224.0.0.251"), 5353, asked, at=1)
    tables = capture.tables()
    said = {row.service: (row.name, row.text) for row in tables[Announcement].rows() if row.service != "host"}
    assert "jane" not in repr([list(table.rows()) for table in tables if table.record.table != "inputs"]).lower()
    assert "4711" not in repr(list(tables[Announcement].rows()))
    assert said["_presence._tcp"] == (None, "")
    assert any(row.text == "model=LaserJet;serial=" for row in tables[Announcement].rows())
    assert "laptop.local" in {row.name for row in tables[Name].rows()}


def test_what_is_said_later_at_more_length_counts(capture):
    """A pointer first, its TXT record in the next message: the row keeps the first packet and the text."""
    records = service("_pikvm._tcp", "pikvm-1", "pikvm", 443, "10.0.0.5", ["model=v4"])
    for number, part in enumerate((records[:1], records[2:3], records[:1])):
        capture.datagram(LAPTOP, 5353, group("224.0.0.251"), 5353, announcement(part), at=number)
    rows = [row for row in capture.tables()[Announcement].rows() if row.name]
    assert [(row.service, row.packet, row.text) for row in rows] == [("_pikvm._tcp", 1, "model=v4")]


def test_names_of_one_input_have_a_bound():
    """Whoever floods the network with names fills neither the table nor the memory; what is left out is told."""
    rows = MessageRows(0)
    for number in range(200_050):
        rows.named(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "a", "mdns", 1, 1, None)
    assert len(rows.names) == 200_000
    assert rows.bad == {"names of addresses left out for lack of room": 50}


def test_where_a_description_lies_is_told_without_user_and_query(capture):
    said = ssdp_notify("http://jane:secret@10.0.0.5:80/d.xml?token=1#x", "Linux UPnP/1.0", "upnp:rootdevice", "1")
    capture.datagram(LAPTOP, 40000, group("239.255.255.250"), 1900, said)
    [row] = capture.tables()[Announcement].rows()
    assert row.text == "Linux UPnP/1.0; http://10.0.0.5:80/d.xml"


def test_routers_say_what_they_advertise(capture):
    """MTU, prefixes and search list of a router advertisement (RFC 4861, RFC 8106)."""
    prefix = b"\x03\x04\x40\xc0" + bytes(12) + bytes.fromhex("20010db8000100000000000000000000")
    search = b"\x1f\x03\0\0" + bytes(4) + b"\4corp\7example\0" + bytes(2)
    message = b"\x86\0\0\0\x40\0\x07\x08" + bytes(8) + b"\x05\x01\0\0\0\0\x05\xdc" + prefix + search
    router = Host("52:00:00:00:00:01", "fe80::1")
    capture.tape.add(0, ip(router, group("ff02::1"), 58, message, 255))
    [row] = capture.tables()[Announcement].rows()
    assert (row.protocol, row.service) == ("ndp", "router")
    assert row.text == "mtu=1500;prefixes=2001:db8:1::/64;search=corp.example"


def test_dhcp_keeps_client_id_and_a_version_6_name(capture):
    """Option 61 in hex; the full name and address that a version 6 client asks for."""
    capture.datagram(NOBODY, 68, ALL, 67, dhcp(1, MAC, 9))
    name = b"\0\6laptop\4corp\4acme\0"
    name = b"\0\x27" + len(name).to_bytes(2, "big") + name
    address = bytes.fromhex("20010db8000100000000000000000005")
    lease = b"\0\x05\0\x18" + address + bytes(8)
    association = b"\0\x03" + (12 + len(lease)).to_bytes(2, "big") + bytes(12) + lease
    duid = b"\0\1\0\x0a\0\3\0\1" + MAC
    capture.datagram(LAPTOP6, 546, group("ff02::1:2"), 547, b"\3\1\2\3" + duid + association + name, at=1)
    tables = capture.tables()
    first, second = tables[DhcpRequest].rows()
    assert (first.client_id, second.client_id) == ("01" + MAC.hex(), "00030001" + MAC.hex())
    assert (second.fqdn, second.mac) == ("laptop.corp.acme", LAPTOP.mac)
    assert ("2001:db8:1::5", "laptop.corp.acme", "dhcpv6") in {
        (row.address, row.name, row.source) for row in tables[Name].rows()
    }


def test_switches_name_their_management_address(capture):
    fields = ((1, b"\4" + MAC), (2, b"\5e1"), (3, b"\0\x78"), (5, b"sw1"), (8, b"\5\1\x0a\0\0\x02\1" + bytes(5)))
    said = b"".join((kind << 9 | len(value)).to_bytes(2, "big") + value for kind, value in fields) + b"\0\0"
    capture.tape.add(0, ethernet(LAPTOP.mac, "01:80:c2:00:00:0e", 0x88CC, said))
    [row] = capture.tables()[Name].rows()
    assert (row.address, row.name, row.source) == ("10.0.0.2", "sw1", "lldp")


def test_flows_of_readable_messages_have_a_protocol(capture):
    """What runs on the port of DNS is DNS only if it reads like it."""
    capture.datagram(LAPTOP, 40001, FAR, 53, query("a.example", A, 1))
    capture.datagram(LAPTOP, 40002, FAR, 53, b"\xff" * 40, at=1)
    capture.datagram(LAPTOP, 5353, group("224.0.0.251"), 5353, query("_x._tcp.local", 12, 0, flags=0), at=2)
    capture.datagram(LAPTOP, 40003, FAR, 9999, b"\xff" * 40, at=3)
    assert [row.protocol for row in capture.tables()[Flow].rows()] == ["dns", None, "mdns", None]
