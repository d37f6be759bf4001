"""JA4 by its published text and by values published for captures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.ja4 import ja4
from farmwatch.wire.protocols.quic import parse_quic_initials
from farmwatch.wire.protocols.tls import ClientHello, parse_client_hello

# The worked example of technical_details/JA4.md, in the order of its JA4_ro value, with GREASE put back in.
CIPHERS = "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"
EXTENSIONS = "001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015"
SIGNATURES = "0403,0804,0401,0503,0805,0501,0806,0601"


def codes(text: str) -> tuple[int, ...]:
    return tuple(int(code, 16) for code in text.split(","))


EXAMPLE = ClientHello(
    legacy_version=0x0303,
    supported_versions=(0x2A2A, 0x0304, 0x0303),
    version="TLS 1.3",
    sni="example.com",
    alpn=("h2", "http/1.1"),
    ciphers=(0x3A3A, *codes(CIPHERS)),
    extensions=(0x4A4A, *codes(EXTENSIONS), 0xFAFA),
    groups=(),
    signature_algorithms=codes(SIGNATURES),
    has_ech=False,
    has_ticket=False,
    has_psk=False,
    sslv2_format=False,
    truncated=False,
)


def test_example_of_the_specification() -> None:
    """The worked example gives the published fingerprint, GREASE ignored everywhere."""
    assert ja4(EXAMPLE) == "t13d1516h2_8daaf6152771_e5627efa2ab1"
    assert ja4(replace(EXAMPLE, signature_algorithms=(0x0A0A, *EXAMPLE.signature_algorithms))) == ja4(EXAMPLE)


def test_no_signature_algorithms() -> None:
    """Without signature algorithms the hashed text ends without an underscore, as the example says."""
    assert ja4(replace(EXAMPLE, signature_algorithms=())) == "t13d1516h2_8daaf6152771_6d807ffa2a79"


def test_order_of_ciphers_and_extensions_does_not_matter() -> None:
    """Browsers shuffle extensions; the fingerprint stays."""
    shuffled = replace(EXAMPLE, ciphers=EXAMPLE.ciphers[::-1], extensions=EXAMPLE.extensions[::-1])
    assert ja4(shuffled) == ja4(EXAMPLE)


def test_empty_lists_are_zeros() -> None:
    """A list with nothing in it is twelve zeros and not the hash of nothing."""
    bare = replace(EXAMPLE, ciphers=(0x0A0A,), extensions=(), signature_algorithms=(), supported_versions=(), alpn=())
    assert ja4(bare) == "t12i000000_000000000000_000000000000"
    only_name = replace(bare, extensions=(0, 16))
    assert ja4(only_name) == "t12d000200_000000000000_000000000000"


def test_counts_stop_at_99() -> None:
    """More than 99 ciphers are written as 99."""
    assert str(ja4(replace(EXAMPLE, ciphers=tuple(range(1, 140)))))[4:6] == "99"


@pytest.mark.parametrize(
    ("alpn", "ends"),
    [
        ((), "00"),
        (("",), "00"),
        (("h2",), "h2"),
        (("http/1.1",), "h1"),
        (("q",), "qq"),
        (("\\xab",), "ab"),
        (("\\xab\\xcd",), "ad"),
        (("0\\xab",), "3b"),
        (("01\\xab\\xcd",), "3d"),
        (("0\\xab\\xcd1",), "01"),
        (("\\x0a\\x0a", "h2"), "h2"),
    ],
)
def test_alpn_ends(alpn: tuple[str, ...], ends: str) -> None:
    """First and last character of the first protocol, its hexadecimal form where one of them is not alphanumeric."""
    assert str(ja4(replace(EXAMPLE, alpn=alpn)))[8:10] == ends


@pytest.mark.parametrize(
    ("offered", "legacy", "text"),
    [
        ((), 0x0303, "12"),
        ((), 0x0302, "11"),
        ((), 0x0301, "10"),
        ((), 0x0300, "s3"),
        ((), 0x0002, "s2"),
        ((), 0xFEFF, "d1"),
        ((0xFEFC, 0xFEFD), 0xFEFD, "d3"),
        ((0x0A0A,), 0x0303, "12"),
        ((0x7F1C, 0x0303), 0x0303, "00"),
        ((), 0x0100, "00"),
    ],
)
def test_version_digits(offered: tuple[int, ...], legacy: int, text: str) -> None:
    """The highest version offered, else the version of the hello; unknown numbers are 00."""
    assert str(ja4(replace(EXAMPLE, supported_versions=offered, legacy_version=legacy)))[1:3] == text


@pytest.mark.parametrize(("transport", "letter"), [("tcp", "t"), ("quic", "q"), ("dtls", "d")])
def test_transport_letter(transport: Any, letter: str) -> None:
    """The first character tells the transport."""
    assert str(ja4(EXAMPLE, transport))[0] == letter


# Values the method's authors and nDPI published for captures of the corpus.
PUBLISHED = [
    (
        "negative/FoxIO-LLC+ja4/pcap/browsers-x509.pcapng",
        {
            "edge.microsoft.com": "t13d1516h2_8daaf6152771_e5627efa2ab1",
            "nym1-ib.adnxs.com": "t13d1516h2_8daaf6152771_e5627efa2ab1",
            "lptag.liveperson.net": "t13d1516h2_8daaf6152771_e5627efa2ab1",
        },
    ),
    (
        "negative/FoxIO-LLC+ja4/pcap/latest.pcapng",
        {
            "pdx-col.eum-appdynamics.com": "t13d1516h2_8daaf6152771_e5627efa2ab1",
            "discovery.cem.cloud.us": "t12d190800_d83cc789557e_7af1ed941c26",
            "app.slack.com": "t13d1516h2_8daaf6152771_9b887d9acb53",
        },
    ),
    (
        "negative/FoxIO-LLC+ja4/pcap/tls-handshake.pcapng",
        {
            "lp-push-server-452.lastpass.com": "t13d1516h1_8daaf6152771_e5627efa2ab1",
            "mtalk.google.com": "t13d151400_8daaf6152771_de4a06bb82e3",
            "www.google.com": "t13d1516h2_8daaf6152771_e5627efa2ab1",
            "mem.gfx.ms": "t13d1516h2_8daaf6152771_e5627efa2ab1",
        },
    ),
    (
        "negative/FoxIO-LLC+ja4/pcap/chrome-cloudflare-quic-with-secrets.pcapng",
        {"cloudflare-quic.com": "t13d1516h2_8daaf6152771_e5627efa2ab1"},
    ),
]


@pytest.mark.parametrize(("capture", "expected"), PUBLISHED, ids=[name.rsplit("/", 1)[1] for name, _ in PUBLISHED])
def test_published_values(capture: str, expected: dict[str, str], flows_of: Callable[[str], list[Any]]) -> None:
    """Fingerprints of real browsers equal the values published for the same captures."""
    found = {}
    for flow in flows_of(capture):
        try:
            hello = parse_client_hello(flow.head(0))
        except DecodeError:
            continue
        found[hello.sni] = ja4(hello)
    assert {name: found.get(name) for name in expected} == expected


def test_published_quic_value(flows_of: Callable[[str], list[Any]]) -> None:
    """A QUIC fingerprint equals the published value."""
    found = set()
    for flow in flows_of("negative/FoxIO-LLC+ja4/pcap/chrome-cloudflare-quic-with-secrets.pcapng"):
        if flow.proto == "udp" and flow.datagrams[0]:
            found.add(parse_quic_initials(flow.datagrams[0]).ja4)
    assert found == {"q13d0310h3_55b375c5d22e_cd85d2d88918"}
