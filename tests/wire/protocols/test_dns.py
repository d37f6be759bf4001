"""DNS decoder: hand-made messages, tshark's reading of real ones, one golden capture.

Goldens are remade with ``FARMWATCH_GOLDEN=write pytest tests/wire``.
"""

from __future__ import annotations

import re
import struct
import time
import timeit

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.dns import (
    DnsBinding,
    DnsMessage,
    DnsServer,
    answers_by_address,
    domain_list,
    parse_dns,
    parse_dns_tcp,
)

UDP_CAPTURES = (
    "negative/ntop+nDPI/tests/cfgs/default/pcap/dns_fragmented.pcap",
    "negative/ntop+nDPI/tests/cfgs/default/pcap/iphone.pcap",
    "negative/ntop+nDPI/tests/cfgs/default/pcap/android.pcap",
    "negative/zeek+zeek/testing/btest/Traces/ticks-dns.pcap",
    "confusable/ntop+nDPI/tests/cfgs/default/pcap/teams.pcap",
    "negative/arkime+arkime/tests/pcap/dns-https.pcap",
)
LLMNR_CAPTURES = (
    "negative/seladb+PcapPlusPlus/Tests/Pcap++Test/PcapExamples/DnsPackets.pcap",
    "negative/ntop+nDPI/tests/cfgs/default/pcap/wechat.pcap",
)
MDNS_CAPTURES = (
    "negative/zeek+zeek/testing/btest/Traces/dns/mdns.pcap",
    "negative/CESNET+ipfixprobe/tests/functional/inputs/dnssd.pcap",
)


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def record(owner, rtype, data, ttl=60, rclass=1):
    return owner + struct.pack("!HHIH", rtype, rclass, ttl, len(data)) + data


def message(*, flags=0x8180, questions=(), answers=(), authorities=(), additionals=(), identifier=0x1A2B):
    sections = (questions, answers, authorities, additionals)
    header = struct.pack("!6H", identifier, flags, *(len(section) for section in sections))
    return header + b"".join(b"".join(section) for section in sections)


def question(text, rtype=1, rclass=1):
    return name(text) + struct.pack("!HH", rtype, rclass)


def typical():
    """A response as resolvers send them: one question, an alias, two addresses, all compressed."""
    pointer = b"\xc0\x0c"
    alias = record(pointer, 5, name("edge.cdn.net"), ttl=300)
    target = b"\xc0" + bytes([12 + len(question("www.example.com")) + 12])
    return message(
        questions=[question("www.example.com")],
        answers=[alias, record(target, 1, b"\x0a\0\0\1"), record(target, 1, b"\x0a\0\0\2", ttl=20)],
    )


def unescape(text):
    """Our escaped text back to the wire's bytes."""
    raw = bytearray()
    at = 0
    while at < len(text):
        if text.startswith("\\x", at):
            raw.append(int(text[at + 2 : at + 4], 16))
            at += 4
        else:
            raw += text[at].encode()
            at += 1
    return bytes(raw)


def texts(values):
    return [legible(unescape(value).decode("utf-8", "replace")) or "<Root>" for value in values]


def legible(text):
    """Text with every run of bytes that are no UTF-8 as one mark: tshark counts them differently."""
    return re.sub("[\ufffd\x00]+", "\ufffd", text)


def printed(values):
    """The strings that are text: tshark cuts binary ones, such as DNSCrypt certificates, at their first zero."""
    return [
        value for value in values if value not in ("", "<Root>", "DNSC") and value.isascii() and value.isprintable()
    ]


def ours(parsed: DnsMessage):
    """The columns tshark shows too, from our reading."""
    records = (*parsed.answers, *parsed.authorities, *parsed.additionals)

    def named(*types):
        return texts(r.data for r in records if r.rtype in types and isinstance(r.data, str))

    servers = [r.data for r in records if isinstance(r.data, DnsServer)]
    bindings = [r.data for r in records if isinstance(r.data, DnsBinding)]
    return {
        "id": parsed.transaction_id,
        "response": parsed.is_response,
        "opcode": parsed.opcode,
        "asked": texts(q.name for q in parsed.questions),
        "asked types": [q.rtype for q in parsed.questions],
        "owners": texts(r.name for r in records if r.rtype != 33),  # tshark splits the owner of an SRV record
        "types": [r.rtype for r in records],
        "a": named(1),
        "aaaa": named(28),
        "cname": named(5),
        "ptr": named(12),
        "ns": named(2),
        "soa": named(6),
        "srv": [(server.port, texts([server.target])[0]) for server in servers],
        "txt": [text for r in records if isinstance(r.data, tuple) for text in printed(texts(r.data))],
        "hints": [hint for b in bindings for hint in b.ipv4_hints + b.ipv6_hints],
        "binding": [texts([b.target])[0] for b in bindings],
    }


def theirs(layer):
    """The same columns from tshark's fields."""
    return {
        "id": layer.number("dns_id"),
        "response": layer.one("dns_flags_response"),
        "opcode": layer.number("dns_flags_opcode"),
        "asked": [legible(value) for value in layer.all("dns_qry_name")],
        "asked types": [int(value, 0) for value in layer.all("dns_qry_type")],
        "owners": [legible(value) for value in layer.all("dns_resp_name")],
        "types": [int(value, 0) for value in layer.all("dns_resp_type")],
        "a": layer.all("dns_a"),
        "aaaa": layer.all("dns_aaaa"),
        "cname": layer.all("dns_cname"),
        "ptr": layer.all("dns_ptr_domain_name"),
        "ns": layer.all("dns_ns"),
        "soa": layer.all("dns_soa_mname"),
        "srv": [(int(p), t) for p, t in zip(layer.all("dns_srv_port"), layer.all("dns_srv_target"), strict=True)],
        "txt": printed(layer.all("dns_txt")),
        "hints": layer.all("dns_svcb_svcparam_ipv4hint_ip") + layer.all("dns_svcb_svcparam_ipv6hint_ip"),
        "binding": layer.all("dns_svcb_targetname"),
    }


def compare(path_layers):
    """Every layer tshark finds sound, read by us, column by column."""
    compared = 0
    for layer in path_layers:
        if layer.broken:
            continue
        skip = 2 if layer.all("dns_length") else 0
        left, right = ours(parse_dns(layer.raw[skip:])), theirs(layer)
        if {47, 50} & set(left["types"]):  # tshark adds the types an NSEC record lists
            left["types"] = right["types"]
        differences = {column: (left[column], right[column]) for column in left if left[column] != right[column]}
        assert not differences, f"frame {layer.frame}: {differences}"
        compared += 1
    return compared


def test_response_keeps_names_addresses_and_times():
    """Compressed owner names resolve, and every record keeps its type, class and time to live."""
    parsed = parse_dns(typical())
    assert (parsed.transaction_id, parsed.is_response, parsed.rcode, parsed.complete) == (0x1A2B, True, 0, True)
    assert [(q.name, q.rtype, q.rclass, q.unicast) for q in parsed.questions] == [("www.example.com", 1, 1, False)]
    assert [(r.name, r.rtype, r.ttl, r.data) for r in parsed.answers] == [
        ("www.example.com", 5, 300, "edge.cdn.net"),
        ("edge.cdn.net", 1, 60, "10.0.0.1"),
        ("edge.cdn.net", 1, 20, "10.0.0.2"),
    ]


def test_addresses_keep_the_name_that_was_asked():
    """An address behind an alias belongs to the asked name, for the shortest time of the chain."""
    assert answers_by_address(parse_dns(typical())) == [
        ("10.0.0.1", "www.example.com", 60),
        ("10.0.0.2", "www.example.com", 20),
    ]


def test_alias_loop_ends():
    """Aliases that point at each other do not hang; the address stays with a name of the loop."""
    looped = message(
        questions=[question("other.example")],
        answers=[
            record(name("a.example"), 5, name("b.example")),
            record(name("b.example"), 5, name("a.example")),
            record(name("a.example"), 1, b"\x0a\0\0\1"),
        ],
    )
    found = answers_by_address(parse_dns(looped))
    assert len(found) == 1
    assert found[0][1] in ("a.example", "b.example")


def test_queries_and_errors_name_no_address():
    """Records in a query or a failed response prove nothing about an address."""
    answer = record(name("a.example"), 1, b"\x0a\0\0\1")
    assert answers_by_address(parse_dns(message(flags=0x0100, answers=[answer]))) == []
    assert answers_by_address(parse_dns(message(flags=0x8183, answers=[answer]))) == []


def test_record_types_with_structure():
    """AAAA, SRV, TXT, SOA and HTTPS data come out in the words of their specifications."""
    svcb = b"\0\1\0" + struct.pack("!HH", 1, 3) + b"\x02h3" + struct.pack("!HH", 3, 2) + b"\x20\xfb"
    svcb += struct.pack("!HH4s", 4, 4, b"\x0a\0\0\7") + struct.pack("!HH16s", 6, 16, bytes(15) + b"\1")
    parsed = parse_dns(
        message(
            answers=[
                record(name("h.example"), 28, bytes(15) + b"\1"),
                record(name("_rfb._tcp.local"), 33, struct.pack("!3H", 1, 2, 5900) + name("kvm.local")),
                record(name("t.example"), 16, b"\x03a=1\x02b="),
                record(name("e.example"), 6, name("ns.example") + name("root.example") + bytes(20)),
                record(name("h.example"), 65, svcb),
            ]
        )
    )
    assert [r.data for r in parsed.answers] == [
        "::1",
        DnsServer(1, 2, 5900, "kvm.local"),
        ("a=1", "b="),
        "ns.example",
        DnsBinding(1, "", ("h3",), 8443, ("10.0.0.7",), ("::1",), encrypted_hello=False),
    ]
    assert ("10.0.0.7", "h.example", 60) in answers_by_address(parsed)


def test_multicast_bits_are_not_part_of_the_class():
    """The top class bit is the unicast wish of a question and the cache-flush mark of a record."""
    parsed = parse_dns(
        message(
            questions=[question("kvm.local", rclass=0x8001)],
            answers=[record(name("kvm.local"), 1, b"\x0a\0\0\1", rclass=0x8001)],
        )
    )
    assert (parsed.questions[0].rclass, parsed.questions[0].unicast) == (1, True)
    assert (parsed.answers[0].rclass, parsed.answers[0].flush) == (1, True)


def test_hostile_label_bytes_are_escaped():
    """Escape sequences, dots and backslashes inside a label cannot pass for something else."""
    label = b"\x0a\x1b[2J.x\\\xff\xe2\x80"
    parsed = parse_dns(message(questions=[bytes([len(label)]) + label + b"\x05local\0" + struct.pack("!HH", 1, 1)]))
    assert parsed.questions[0].name == "\\x0a\\x1b[2J\\x2ex\\x5c\\xff\\xe2\\x80.local"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xc0\x0c", id="pointer to itself"),
        pytest.param(b"\x01a\xc0\x0c", id="label, then back to the start"),
        pytest.param(b"\xc0\x40", id="pointer forward"),
        pytest.param(b"\x80\x01", id="reserved label type"),
        pytest.param(b"\x3f" + b"a" * 62, id="label past the end"),
        pytest.param(b"\x3f" + (b"a" * 63 + b"\x3f") * 4 + b"\0", id="name over 255 bytes"),
    ],
)
def test_impossible_names_are_refused(data):
    """A name that loops, points forward or runs over is an error, not a hang."""
    with pytest.raises(DecodeError):
        parse_dns(struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0) + data + b"\0\1\0\1")


def test_cut_message_gives_what_was_read():
    """Every prefix of a response is a value or DecodeError, and only the whole one is complete."""
    whole = typical()
    for end in range(len(whole)):
        try:
            assert not parse_dns(whole[:end]).complete
        except DecodeError:
            assert end < 12 + len(question("www.example.com"))
    assert parse_dns(whole).complete


def test_counts_beyond_the_payload_cost_nothing():
    """A header that promises 65,535 records ends with those that are there."""
    crafted = bytearray(typical())
    crafted[6:8] = b"\xff\xff"
    parsed = parse_dns(bytes(crafted))
    assert (len(parsed.answers), parsed.complete) == (3, False)


def test_tcp_messages_are_split_by_their_length():
    """Two messages in one stream come out as two, the second one cut."""
    whole = typical()
    stream = struct.pack("!H", len(whole)) + whole
    parsed = parse_dns_tcp(stream + stream[:-5])
    assert [m.complete for m in parsed] == [True, False]
    with pytest.raises(DecodeError):
        parse_dns_tcp(b"\0\x1d\0")


def test_domain_list_joins_pointers_and_relative_ends():
    """Search lists may compress within themselves, pad with zeros and end without a root."""
    assert domain_list(b"\x03eng\x04acme\x03com\0\x02hr\xc0\x04\0\0") == ("eng.acme.com", "hr.acme.com")
    assert domain_list(b"\x05kvm01") == ("kvm01",)
    assert domain_list(b"\x3fabc") == ()


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", UDP_CAPTURES)
def test_agrees_with_tshark(tshark_layers, capture):
    """Names, types and data of every record equal tshark's, message by message."""
    assert compare(tshark_layers(capture, "dns")) > 0


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", LLMNR_CAPTURES)
def test_llmnr_agrees_with_tshark(tshark_layers, capture):
    """LLMNR carries the same format and reads the same."""
    assert compare(tshark_layers(capture, "llmnr")) > 0


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", MDNS_CAPTURES)
def test_mdns_agrees_with_tshark(tshark_layers, capture):
    """Multicast DNS with its SRV and TXT records reads the same."""
    assert compare(tshark_layers(capture, "mdns")) > 0


@pytest.mark.needs("tshark")
def test_golden_capture(tshark_layers, names_golden):
    """The names a phone asked for and the addresses it got do not change unseen."""
    rows = []
    for layer in tshark_layers(UDP_CAPTURES[1], "dns"):
        parsed = parse_dns(layer.raw)
        asked = [(q.name, q.rtype) for q in parsed.questions]
        rows.append({"frame": layer.frame, "asked": asked, "addresses": answers_by_address(parsed)})
    names_golden("dns_phone", rows)


@pytest.mark.bench
def test_typical_response_is_fast():
    """A scan with 20,000 responses spends well under a second on them."""
    whole = typical()
    spent = min(timeit.repeat(lambda: parse_dns(whole), number=2000, repeat=5, timer=time.process_time)) / 2000
    print(f"{spent * 1e6:.1f} microseconds a response")
    assert spent < 40e-6
