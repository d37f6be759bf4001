"""Suricata's events: what stands in them, the three layouts of DNS, and what must not be kept."""

from __future__ import annotations

import hashlib
import json

import pytest

from farmwatch.records import Arp, DhcpRequest, Flow, Host, Http, Name, NameQuery, RemoteControl, Ssh, Tls
from tests.collectors.feeds.golden import account, check_golden, parsed, read, rows

KIND = "suricata-eve"


def event(kind, **more):
    return {
        "timestamp": "2026-11-02T09:00:00.500000+0000", "flow_id": 77, "event_type": kind, "src_ip": "10.0.0.5",
        "src_port": 50000, "dest_ip": "198.51.100.7", "dest_port": 443, "proto": "TCP",
    } | more  # fmt: skip


def flow_event(**more):
    counts = {
        "pkts_toserver": 10, "pkts_toclient": 20, "bytes_toserver": 1000, "bytes_toclient": 9000,
        "start": "2026-11-02T08:59:00.000000+0000", "end": "2026-11-02T09:00:00.000000+0000", "state": "closed",
    }  # fmt: skip
    return event("flow", app_proto="tls", flow=counts, tcp={"syn": True, "state": "closed"}) | more


def flow(**more):
    (row,) = read(KIND, [flow_event(**more)], Flow)
    return row


def test_golden():
    """What the samples give, and nothing banned in it."""
    check_golden(KIND)


def test_a_flow_says_what_the_event_knows_and_no_more():
    """Payload is what frames hold beyond their headers; what is not counted is 0 or absent."""
    row = flow()
    assert (row["protocol"], row["state"], row["established"]) == ("tls", "closed", True)
    assert (row["orig_bytes"], row["resp_bytes"], row["orig_wire_bytes"]) == (1000 - 10 * 66, 9000 - 20 * 66, 1000)
    assert (row["orig_small_pkts"], row["orig_active_s"]) == (0, 0)
    assert "first_data_side" not in row
    assert (row["last_ts"] - row["ts"]).total_seconds() == row["longest_silence_s"] == 60


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"app_proto": "rdp"}, ("rdp", 1, "")),
        ({"app_proto": "failed"}, (None, None, "unlogged")),
        ({"app_proto": "failed", "tcp": {"syn": False, "state": "established"}}, (None, None, "midstream")),
        ({"app_proto": "tls", "proto": "UDP", "tcp": None}, ("dtls", None, "")),
    ],
)
def test_protocols(given, wanted):
    """The protocol is Suricata's word in ours; what it did not recognise is unread."""
    row = flow(**given)
    assert (row.get("protocol"), row.get("controlled_side"), row["unread"]) == wanted


def test_vlan_in_its_old_and_new_form():
    """A number alone, as old versions write it, is a list of one; of two tags the inner counts."""
    assert flow(vlan=20)["vlan"] == 20
    assert flow(vlan=[10, 20])["vlan"] == 20


def test_netflow_of_both_directions_is_one_flow():
    """The client's event comes first and the server's fills in what came back."""
    there = event(
        "netflow", netflow={"pkts": 5, "bytes": 900, "start": "2026-11-02T08:59:00Z", "end": "2026-11-02T09:00:00Z"}
    )
    back = there | {"src_ip": "198.51.100.7", "dest_ip": "10.0.0.5", "netflow": {"pkts": 7, "bytes": 7000}}
    stretches = parsed(KIND, (json.dumps(there) + "\n" + json.dumps(back) + "\n").encode())
    (row,) = rows(stretches, Flow)
    assert (row["orig_h"], row["orig_pkts"], row["resp_pkts"], row["resp_wire_bytes"]) == ("10.0.0.5", 5, 7, 7000)
    assert sum(account(stretches)[1].values()) == 1
    torn = parsed(KIND, (json.dumps(there) + "\n" + json.dumps(back)).encode())  # the last line is a stretch of its own
    assert [row["orig_h"] for row in rows(torn, Flow)] == ["10.0.0.5"]


@pytest.mark.parametrize(
    ("events", "asked", "answered"),
    [
        ([{"type": "query", "rrname": "A.example", "rrtype": "A"}], ["a.example"], []),
        ([{"type": "answer", "rrname": "a.example", "rrtype": "A", "rdata": "198.51.100.7"}], [], ["198.51.100.7"]),
        ([{"version": 2, "type": "answer", "rrname": "a.example", "answers": [
            {"rrname": "a.example", "rrtype": "CNAME", "rdata": "b.example"},
            {"rrname": "b.example", "rdata": "2001:db8::9"},
        ]}], [], ["2001:db8::9"]),
        ([{"version": 3, "type": "request", "queries": [{"rrname": "a.example", "rrtype": "HTTPS"}]}],
         ["a.example"], []),
        ([{"version": 3, "type": "response", "queries": [{"rrname": "a.example", "rrtype": "A"}], "answers": [
            {"rrname": "a.example", "rrtype": "A", "rdata": "198.51.100.7"}]}], [], ["198.51.100.7"]),
    ],
    ids=["query", "version 1", "version 2", "version 3 request", "version 3 response"],
)  # fmt: skip
def test_dns(events, asked, answered):
    """All layouts give the same rows, and an address belongs to the name that was asked for."""
    data = [event("dns", dest_port=53, proto="UDP", dns=dns) for dns in events]
    assert [row["name"] for row in read(KIND, data, NameQuery)] == asked
    found = read(KIND, data, Name)
    assert [row["address"] for row in found] == answered
    assert all((row["name"], row["client"]) == ("a.example", "10.0.0.5") for row in found)


def test_an_answer_written_from_the_server_names_the_client():
    """Version 1 writes answers with the name server as the source."""
    dns = {"type": "answer", "rrname": "a.example", "rrtype": "A", "rdata": "198.51.100.7"}
    turned = event("dns", src_ip="192.0.2.53", src_port=53, dest_ip="10.0.0.5", dest_port=50000, proto="UDP", dns=dns)
    (row,) = read(KIND, [turned], Name)
    assert row["client"] == "10.0.0.5"


def test_handshakes():
    """Names that hold commas stay whole, the certificate's own digest is worked out, a client's name is left behind."""
    tls = {
        "sni": "WWW.Example.org", "version": "TLSv1.3", "subject": "C=US, O=Works, Ltd., OU=Relays, CN=AnyNet Relay",
        "issuerdn": "CN=Root", "subjectaltname": ["A.example"], "certificate": "TUlJ", "ja4": "t13d",
        "client_alpns": ["h2", "x"],
        "client": {"subject": "CN=Somebody"},
    }  # fmt: skip
    stretches = parsed(KIND, json.dumps(event("tls", tls=tls)).encode())
    (row,) = rows(stretches, Tls)
    assert (row["server_name"], row["version"], row["alpn"], row["san"]) == (
        "www.example.org",
        "TLS 1.3",
        "h2,x",
        "a.example",
    )
    assert (row["subject_org"], row["subject_ou"], row["subject_cn"]) == ("Works, Ltd.", "Relays", "AnyNet Relay")
    assert row["certificate_sha256"] == hashlib.sha256(b"MII").hexdigest()
    assert account(stretches)[2] == {"tls.client.subject": 1}


def test_names_in_rdp_and_vnc_are_counted_and_left_behind():
    """Cookies are user names; layouts, client and desktop names are nobody's business."""
    events = [
        event("rdp", rdp={"event_type": "initial_request", "cookie": "jdoe"}),
        event("rdp", rdp={"event_type": "initial_response", "protocol": "hybrid"}),
        event("rdp", flow_id=78, rdp={"event_type": "connect_request", "client": {
            "build": "Windows 10", "keyboard_layout": "German", "client_name": "JDOE-PC"}}),
        event("rfb", flow_id=79, rfb={"server_protocol_version": {"major": "003", "minor": "889"},
              "authentication": {"security_type": 30},
              "framebuffer": {"width": 800, "height": 600, "name": "jdoe's X"}}),
    ]  # fmt: skip
    stretches = parsed(KIND, "".join(json.dumps(one) + "\n" for one in events).encode())
    found = rows(stretches, RemoteControl)
    assert [(row["protocol"], row.get("version"), row["detail"]) for row in found] == [
        ("rdp", None, "answered; chosen: hybrid"), ("rdp", "Windows 10", ""),
        ("rfb", "3.889", "security: apple-dh; screen: 800x600"),
    ]  # fmt: skip
    assert "jdoe" not in str(found).lower()
    assert account(stretches)[2] == {
        "rdp.cookie": 1, "rdp.client.keyboard_layout": 1, "rdp.client.client_name": 1, "rfb.framebuffer.name": 1,
    }  # fmt: skip


def test_other_events():
    """Shells, pages, leases and ARP fill the tables that captures fill; the rest is counted by type."""
    events = [
        event("ssh", ssh={"client": {"software_version": "OpenSSH_9.7"},
              "server": {"software_version": "OpenSSH_9.6 x"}}),
        event("http", dest_ip="10.0.0.9", http={"hostname": "kvm", "url": "/a?b=c",
              "http_method": "GET", "status": 200}),
        event("http", tx_id=3, http={"hostname": "kvm", "url": "/"}),
        event("dhcp", dhcp={"type": "request", "dhcp_type": "request",
              "client_mac": "02:00:5E:10:00:55", "hostname": "LT-1"}),
        event("arp", arp={"opcode": "reply", "src_mac": "02:00:5e:10:00:55",
              "src_ip": "10.0.0.5", "dest_ip": "10.0.0.1"}),
        flow_event(ether={"src_macs": ["02:00:5e:10:00:55"], "dest_macs": ["02:00:5e:10:00:01"]}),
        event("alert", alert={"signature": "x"}), event("<b>", x=1), {"flow_id": 1},
    ]  # fmt: skip
    stretches = parsed(KIND, "".join(json.dumps(one) + "\n" for one in events).encode())
    (shell,) = rows(stretches, Ssh)
    assert (shell["client"], shell["server"], shell["paced"]) == ("OpenSSH_9.7", "OpenSSH_9.6", True)
    assert [row["path"] for row in rows(stretches, Http)] == ["/a"]
    assert [row["host_name"] for row in rows(stretches, DhcpRequest)] == ["LT-1"]
    assert [(row["op"], row["sender_ip"]) for row in rows(stretches, Arp)] == [(2, "10.0.0.5")]
    assert {row["address"] for row in rows(stretches, Host)} == {"10.0.0.5", "198.51.100.7"}
    rejects, unneeded, _ = account(stretches)
    assert rejects == [("no event_type", 9)]
    assert unneeded == {"later request of a connection": 1, "alert event": 1, "event of an odd type": 1}


def test_a_bare_null_is_a_fault_and_no_crash():
    """A line that is no object costs its neighbours nothing."""
    stretches = parsed(KIND, b"\n".join([json.dumps(flow_event()).encode(), b"null", b"17"]))
    assert len(rows(stretches, Flow)) == 1
    assert [reason for reason, _ in account(stretches)[0]] == ["not a JSON object", "not a JSON object"]
