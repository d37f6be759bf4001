"""TLS over TCP: hellos and certificates from the first bytes of each direction."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.ja4 import ja4
from farmwatch.wire.protocols.tls import (
    find_tls,
    first_records,
    parse_client_flight,
    parse_client_hello,
    parse_server_flight,
)
from farmwatch.wire.protocols.tls_hello import decode_server_hello, newest_version, version_name
from farmwatch.wire.protocols.tls_text import escape_octets, unescape_octets

RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def vector(data: bytes, size: int = 2) -> bytes:
    """Bytes behind their length of ``size`` bytes."""
    return len(data).to_bytes(size, "big") + data


def extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">H", kind) + vector(body)


def server_name(name: bytes) -> bytes:
    return extension(0, vector(b"\x00" + vector(name)))


def protocols(*names: bytes) -> bytes:
    return extension(16, vector(b"".join(vector(name, 1) for name in names)))


def hello_body(extensions: bytes = b"", ciphers: bytes = b"\x13\x01\xc0\x2f", version: int = 0x0303) -> bytes:
    return struct.pack(">H", version) + bytes(32) + b"\x00" + vector(ciphers) + b"\x01\x00" + vector(extensions)


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + vector(body, 3)


def record(data: bytes, kind: int = 22, version: int = 0x0301) -> bytes:
    return struct.pack(">BH", kind, version) + vector(data)


def client_hello(extensions: bytes = b"", **other: Any) -> bytes:
    return record(message(1, hello_body(extensions, **other)))


def server_hello(extensions: bytes = b"", random: bytes = bytes(32), cipher: int = 0x1301) -> bytes:
    body = b"\x03\x03" + random + b"\x00" + struct.pack(">H", cipher) + b"\x00" + vector(extensions)
    return record(message(2, body))


MODERN = (
    server_name(b"Relay.Example.COM")
    + protocols(b"h2", b"http/1.1")
    + extension(10, vector(struct.pack(">3H", 0x0A0A, 0x11EC, 0x001D)))
    + extension(13, vector(struct.pack(">2H", 0x0403, 0x0804)))
    + extension(43, vector(struct.pack(">3H", 0x0A0A, 0x0304, 0x0303), 1))
    + extension(35, b"ticket")
    + extension(0xFE0D, bytes(40))
    + extension(41, bytes(60))
)


def test_client_hello_gives_all_it_offers() -> None:
    """Name in lower case, protocols, versions, groups, algorithms and resumption offers of one hello."""
    hello = parse_client_hello(client_hello(MODERN))
    assert hello.sni == "relay.example.com"
    assert hello.alpn == ("h2", "http/1.1")
    assert hello.version == "TLS 1.3"
    assert hello.supported_versions == (0x0A0A, 0x0304, 0x0303)
    assert hello.legacy_version == 0x0303
    assert hello.ciphers == (0x1301, 0xC02F)
    assert hello.groups == (0x0A0A, 0x11EC, 0x001D)
    assert hello.signature_algorithms == (0x0403, 0x0804)
    assert hello.extensions == (0, 16, 10, 13, 43, 35, 0xFE0D, 41)
    assert (hello.has_ech, hello.has_ticket, hello.has_psk) == (True, True, True)
    assert not hello.truncated


def test_client_hello_without_extensions() -> None:
    """A hello as SSL 3.0 sent it ends after the compression methods and is whole."""
    body = struct.pack(">H", 0x0300) + bytes(32) + b"\x00" + vector(b"\x00\x0a") + b"\x01\x00"
    hello = parse_client_hello(record(message(1, body), version=0x0300))
    assert (hello.version, hello.sni, hello.extensions, hello.truncated) == ("SSL 3.0", None, (), False)


def test_empty_ticket_extension_is_no_ticket() -> None:
    """Clients announce ticket support with an empty extension; that resumes nothing."""
    assert not parse_client_hello(client_hello(extension(35, b""))).has_ticket


@pytest.mark.parametrize("cut", [1, 3, 7, 100])
def test_hello_over_several_records(cut: int) -> None:
    """A hello cut into records of any size reads the same as in one record."""
    handshake = message(1, hello_body(MODERN))
    pieces = b"".join(record(handshake[at : at + cut]) for at in range(0, len(handshake), cut))
    assert parse_client_hello(pieces) == parse_client_hello(client_hello(MODERN))


def test_post_quantum_hello_of_two_segments() -> None:
    """A key share of 1,216 bytes makes the hello longer than a segment; the reassembled head reads whole."""
    share = extension(51, vector(b"\x11\xec" + vector(bytes(1216))))
    head = client_hello(share + MODERN)
    assert len(head) > 1460
    assert parse_client_hello(head).sni == "relay.example.com"


def test_truncated_hello_gives_what_is_complete() -> None:
    """A head that ends inside the extensions keeps the earlier ones, says truncated, and has no fingerprint."""
    head = client_hello(server_name(b"a.example") + extension(21, bytes(500)) + protocols(b"h2"))
    hello = parse_client_hello(head[:200])
    assert hello.truncated
    assert hello.sni == "a.example"
    assert hello.alpn == ()
    assert ja4(hello) is None


def test_every_cut_of_a_hello_is_a_value_or_an_error() -> None:
    """Cutting a hello at any byte gives a truncated value or DecodeError, never a whole one."""
    head = client_hello(MODERN)
    for end in range(len(head)):
        try:
            assert parse_client_hello(head[:end]).truncated
        except DecodeError:
            assert end < 60


def test_control_bytes_in_a_name_survive_escaped() -> None:
    """Bytes that are not visible ASCII, and the backslash, appear as escapes and never raw."""
    hello = parse_client_hello(client_hello(server_name(b"Evil\x1b[2J\\\xff .example")))
    assert hello.sni == "evil\\x1b[2j\\x5c\\xff\\x20.example"


def test_escape_is_reversible() -> None:
    """The octets come back from their escaped form, whatever they were."""
    every = bytes(range(256)) + b"\\x41\\"
    assert unescape_octets(escape_octets(every)) == every


def test_sslv2_layout() -> None:
    """A version 2 hello offers its ciphers and a TLS version; it has no name and no fingerprint."""
    body = struct.pack(">BHHHH", 1, 0x0301, 6, 0, 16) + b"\x00\x00\x35\x07\x00\xc0" + bytes(16)
    hello = parse_client_hello(struct.pack(">H", 0x8000 | len(body)) + body)
    assert hello.sslv2_format
    assert (hello.version, hello.ciphers) == ("TLS 1.0", (0x35, 0x0700C0))
    assert ja4(hello) is None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
        record(message(2, hello_body())),
        client_hello(ciphers=b""),
        client_hello(ciphers=b"\x13\x01\x00"),
        client_hello(version=0x1234),
        record(message(1, hello_body()[:-2] + b"\xff\xff")),
        client_hello(b"\x00\x00\xff\xff"),
    ],
    ids=["empty", "http", "no body", "server", "no cipher", "odd ciphers", "version", "block length", "ext length"],
)
def test_what_is_no_hello_is_an_error(head: bytes) -> None:
    """Bytes that are no ClientHello, or contradict themselves, raise DecodeError."""
    with pytest.raises(DecodeError):
        parse_client_hello(head)


def test_server_chooses_tls13() -> None:
    """The supported_versions extension overrides the legacy version; ALPN may be in the clear."""
    flight = parse_server_flight(server_hello(extension(43, b"\x03\x04") + protocols(b"h2")))
    assert (flight.version, flight.selected_version, flight.legacy_version) == ("TLS 1.3", 0x0304, 0x0303)
    assert (flight.cipher, flight.alpn, flight.certificates) == (0x1301, "h2", ())
    assert not flight.hello_retry_request
    assert not flight.truncated


def test_hello_retry_request_then_hello() -> None:
    """After a HelloRetryRequest the second ServerHello counts, across the middlebox change cipher spec."""
    retry = server_hello(extension(43, b"\x03\x04"), random=RETRY_RANDOM, cipher=0x1302)
    change = record(b"\x01", kind=20)
    flight = parse_server_flight(retry + change + server_hello(extension(43, b"\x03\x04"), cipher=0x1301))
    assert flight.hello_retry_request
    assert flight.cipher == 0x1301


def test_ciphertext_after_change_cipher_spec_is_not_read() -> None:
    """An encrypted Finished behind the change cipher spec is no handshake message in the clear."""
    flight = parse_server_flight(server_hello() + record(b"\x01", kind=20) + record(bytes([11]) + bytes(39)))
    assert flight.certificates == ()
    assert not flight.truncated


def test_refusal_names_the_alert() -> None:
    """A server that answers with an alert gives an error that says which."""
    with pytest.raises(DecodeError, match="alert 40"):
        parse_server_flight(record(b"\x02\x28", kind=21))


def test_server_hello_of_a_draft() -> None:
    """Drafts of TLS 1.3 before 22 have neither session id nor compression method."""
    hello = decode_server_hello(b"\x7f\x12" + bytes(32) + b"\x13\x01" + vector(b""))
    assert (version_name(hello.selected_version), hello.cipher) == ("TLS 1.3 draft 18", 0x1301)


def test_versions_in_words() -> None:
    """The newest known version is named; DTLS numbers fall as versions rise."""
    assert version_name(newest_version((0x0303, 0x0304, 0x0302), 0)) == "TLS 1.3"
    assert version_name(newest_version((0xFEFF, 0xFEFD), 0)) == "DTLS 1.2"
    assert version_name(newest_version((0x7F1C, 0x0303), 0)) == "TLS 1.3 draft 28"
    assert version_name(newest_version((0x1A1A,), 0x0303)) == "TLS 1.2"
    assert version_name(0x1234) == "0x1234"


def test_first_records_lists_headers() -> None:
    """Types, versions and lengths of records, the last of which may be cut; anything else ends the list."""
    head = client_hello() + record(b"\x01", kind=20, version=0x0303) + record(bytes(5000), kind=23, version=0x0303)
    assert first_records(head[:200]) == [(22, 0x0301, len(client_hello()) - 5), (20, 0x0303, 1), (23, 0x0303, 5000)]
    assert first_records(b"SSH-2.0-OpenSSH_9.6\r\n") == []


def test_find_tls_behind_another_protocol() -> None:
    """TLS is found behind an RDP X.224 exchange, a NoMachine banner and a proxy's head, and nowhere else."""
    hello = client_hello(MODERN)
    x224 = bytes.fromhex("030000130ee000000000000100080003000000")
    assert find_tls(x224 + hello, len(x224)) == len(x224)
    assert find_tls(b"NXSH-7.0.0\n" + hello) == 11
    assert find_tls(b"\x16\x03\x01" * 50 + server_hello()) == 150
    assert find_tls(hello, 1) is None
    assert find_tls(b"\x16\x03" * 4000) is None
    assert find_tls(hello[:9]) is None


def test_find_tls_of_a_hello_cut_into_tiny_records() -> None:
    """A hello sent in records of a few bytes, as tools that hide from inspection do, is found where it is expected."""
    handshake = message(1, hello_body(MODERN))
    pieces = b"".join(record(handshake[at : at + 4]) for at in range(0, len(handshake), 4))
    assert find_tls(pieces) == 0
    assert find_tls(b"banner\n" + pieces, 7) == 7
    assert parse_client_hello(pieces).sni == "relay.example.com"


def one(flows: list[Any], read: Callable[[bytes], Any], side: int) -> list[Any]:
    """What ``read`` makes of one side of every flow, where it makes anything."""
    found = []
    for flow in flows:
        head = flow.head(side)
        at = find_tls(head)
        if at is not None:
            try:
                found.append(read(head[at:]))
            except DecodeError:
                continue
    return found


ANYDESK = "positive/ntop+nDPI/tests/cfgs/default/pcap/anydesk.pcapng"


def test_anydesk_shows_certificates_of_both_ends(flows_of: Callable[[str], list[Any]]) -> None:
    """Direct peers show their client certificates in the clear; relays show the vendor's."""
    clients = one(flows_of(ANYDESK), parse_client_flight, 0)
    servers = one(flows_of(ANYDESK), parse_server_flight, 1)
    subjects = {flight.certificates[0].subject.text for flight in clients if flight.certificates}
    assert subjects == {"CN=AnyDesk Client"}
    relay = next(flight for flight in servers if flight.certificates[0].subject.common_name == "AnyNet Relay")
    leaf = relay.certificates[0]
    assert leaf.subject.text == "C=DE, O=philandro Software GmbH, CN=AnyNet Relay"
    assert leaf.issuer.text == "CN=AnyNet Root CA, O=philandro Software GmbH, C=DE"
    assert (leaf.not_before, leaf.not_after) == (
        datetime(2018, 11, 18, 2, 14, 23, tzinfo=UTC),
        datetime(2028, 11, 15, 2, 14, 23, tzinfo=UTC),
    )
    assert not leaf.self_signed
    assert relay.asks_client_certificate
    assert {flight.version for flight in servers} == {"TLS 1.2"}


def test_anydesk_fingerprints(flows_of: Callable[[str], list[Any]]) -> None:
    """The hashes equal nDPI's; where nDPI writes d without a server name, the text of JA4 wants an i."""
    hellos = one(flows_of(ANYDESK), parse_client_hello, 0)
    assert {ja4(hello) for hello in hellos} == {
        "t12i640500_9197985d2161_a1e935682795",
        "t12i6406ax_9197985d2161_a1e935682795",
        "t12i550500_168bb377f8c8_a1e935682795",
    }
    assert {hello.alpn for hello in hellos} == {(), ("anydesk/6.2.0/linux",)}


def test_chain_cut_by_the_head_keeps_the_leaf(flows_of: Callable[[str], list[Any]]) -> None:
    """A head that ends inside the chain gives the complete certificates and says truncated."""
    for flow in flows_of(ANYDESK):
        head = flow.head(1)
        if head[:1] == b"\x16":
            whole = parse_server_flight(head)
            if len(whole.certificates) > 1:
                cut = parse_server_flight(head[:1200])
                assert cut.truncated
                assert cut.certificates == whole.certificates[:1]
                return
    pytest.skip("the capture holds no chain of two")
