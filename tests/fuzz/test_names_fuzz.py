"""Any bytes give a value or DecodeError in every name, discovery and HTTP decoder, within bounded time.

The short run is part of every test run. The long one mutates corpus payloads:
``pytest -m fuzz tests/fuzz/test_names_fuzz.py`` (``FARMWATCH_FUZZ_SECONDS`` says how long, 60 by default).
"""

from __future__ import annotations

import os
import random
import struct
import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.dhcp import parse_dhcp
from farmwatch.wire.protocols.dhcpv6 import parse_dhcpv6
from farmwatch.wire.protocols.dns import answers_by_address, domain_list, parse_dns, parse_dns_tcp
from farmwatch.wire.protocols.http import (
    favicon,
    favicon_mmh3,
    html_title,
    parse_request_head,
    parse_response_head,
    raw_fields,
)
from farmwatch.wire.protocols.lldp import parse_cdp, parse_lldp
from farmwatch.wire.protocols.mdns import parse_mdns
from farmwatch.wire.protocols.nbns import parse_nbdgm, parse_nbns
from farmwatch.wire.protocols.ndp import parse_ndp
from farmwatch.wire.protocols.socks import parse_socks_reply, parse_socks_request
from farmwatch.wire.protocols.ssdp import parse_ssdp
from farmwatch.wire.protocols.websocket import (
    parse_frame_headers,
    parse_websocket_request,
    parse_websocket_response,
)


def named(payload: bytes) -> Any:
    return answers_by_address(parse_dns(payload))


DECODERS: tuple[Callable[[bytes], Any], ...] = (
    parse_dns,
    parse_dns_tcp,
    named,
    domain_list,
    parse_mdns,
    parse_nbns,
    parse_nbdgm,
    parse_dhcp,
    parse_dhcpv6,
    parse_ssdp,
    parse_lldp,
    parse_cdp,
    parse_ndp,
    parse_request_head,
    parse_response_head,
    raw_fields,
    html_title,
    favicon,
    favicon_mmh3,
    parse_websocket_request,
    parse_websocket_response,
    parse_frame_headers,
    parse_socks_request,
    parse_socks_reply,
)
# processor time of one call on up to 64 KiB
MAX_SECONDS = 2.0

# starts that get random bytes past the first check of each decoder
PREFIXES = (
    b"",
    struct.pack("!6H", 1, 0x8180, 1, 2, 1, 1),
    struct.pack("!6H", 1, 0x8400, 0, 200, 0, 0) + b"\x03kvm\x05local\0",
    struct.pack("!6H", 7, 0x2910, 1, 0, 0, 1) + b"\x20" + b"FCEBEDEIECAAAAAAAAAAAAAAAAAAAAAA" + b"\0",
    b"\x11\x02\0\1\x0a\0\0\5\0\x8a\0\0\0\0"
    + (b"\x20" + b"FCEBEDEIECAAAAAAAAAAAAAAAAAAAAAA" + b"\0") * 2
    + b"\xffSMB\x25",
    b"\x01\x01\x06\0" + bytes(232) + b"\x63\x82\x53\x63\x34\x01\x03",
    b"\x0c\x01" + bytes(32) + b"\0\x09\0\x20",
    b"\x01\0\0\1\0\x01",
    b"NOTIFY * HTTP/1.1\r\n",
    b"\x02\x07\x04\x02\0\x5e\x10\0\1\x04\x03\x05e1",
    b"\x02\xb4\0\0\0\x02\0\x20",
    b"\x86\0\0\0\x40\xc0\x07\x08" + bytes(8),
    b"\0\1\x08\0",
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\x03",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=gb18030\r\n\r\n<title>",
    b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n",
    b"\x05\x02\x00\x02\x01",
    b"\x05\x02\x01\x00\x05\x00",
    b"\x04\x01\x17\x0c\0\0\0\1",
)


def strings(value: Any) -> list[str]:
    """Every string inside a record."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (tuple, list)):
        return [text for item in value for text in strings(item)]
    if is_dataclass(value):
        return [text for item in fields(value) for text in strings(getattr(value, item.name))]
    return []


def check(payload: bytes) -> None:
    """All decoders on one payload: a printable, bounded value or DecodeError, soon."""
    for decode in DECODERS:
        started = time.process_time()
        try:
            value = decode(payload)
        except DecodeError:
            continue
        finally:
            assert time.process_time() - started < MAX_SECONDS, decode
        if decode is raw_fields:
            continue
        for text in strings(value):
            assert text.isprintable(), (decode, text)
            assert len(text) <= 5000, (decode, len(text))


@given(st.sampled_from(PREFIXES), st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_a_value_or_decode_error(prefix: bytes, tail: bytes) -> None:
    """Random bytes behind plausible starts never raise anything but DecodeError."""
    check(prefix + tail)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(struct.pack("!6H", 1, 0x8180, 0, 65535, 65535, 65535) + b"\xc0\x0c" * 32000, id="pointers"),
        pytest.param(
            struct.pack("!6H", 1, 0x8180, 65535, 0, 0, 0) + (b"\x01a" * 126 + b"\0\0\1\0\1") * 255, id="long names"
        ),
        pytest.param(
            struct.pack("!6H", 1, 0x8180, 1, 65535, 0, 0)
            + b"\x01a" * 126
            + b"\0\0\1\0\1"
            + b"".join(b"\xc0" + bytes([12 + 2 * (n % 100)]) + b"\0\x05\0\1\0\0\0\1\0\2\xc0\x0e" for n in range(4500)),
            id="chains of aliases",
        ),
        pytest.param(b"\0\x0c" + (struct.pack("!6H", 1, 0x8180, 0, 0, 0, 0) + b"\0\x0c") * 4000, id="empty messages"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 16000, id="many headers"),
        pytest.param(b"GET / HTTP/1.1\r\na: b\r\n" + b" c\n" * 20000, id="folded header"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n" * 3500, id="many requests"),
        pytest.param(b"HTTP/1.1 100 X\r\n\r\n" * 3500, id="many interim responses"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 10000, id="tiny chunks"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"<title " * 9000, id="unclosed titles"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"charset=" * 8000, id="many character sets"),
        pytest.param(b"\x01\x01\x06\0" + bytes(232) + b"\x63\x82\x53\x63" + b"\x0c\x01a" * 20000, id="option pieces"),
        pytest.param((b"\x0c\x01" + bytes(32) + b"\0\x09\xff\xff") * 1700, id="relays"),
        pytest.param(b"\x82\x00" * 32000, id="empty frames"),
        pytest.param(b"\x02\xb4\0\0" + b"\0\x02\0\x08\xff\xff\xff\xff" * 8000, id="address counts"),
    ],
)
def test_worst_cases_are_bounded(payload: bytes) -> None:
    """Inputs built to cost the most stay within the time limit in every decoder."""
    check(payload)


def payloads(corpus: Path, limit: int = 4000) -> list[bytes]:
    """UDP and TCP payloads and bare frames' bodies of corpus captures that carry these protocols."""
    words = (
        "dns",
        "dhcp",
        "nbns",
        "netbios",
        "ssdp",
        "lldp",
        "cdp",
        "icmp6",
        "arp",
        "http",
        "websocket",
        "socks",
        "mdns",
    )
    found: list[bytes] = []
    for path in sorted(corpus.glob("**/*.pcap")):
        if not any(word in path.name.lower() for word in words):
            continue
        try:
            with path.open("rb") as stream:
                for _, frame in dpkt.pcap.UniversalReader(stream):
                    found.extend((bytes(frame[at:])) for at in (14, 34, 42, 54, 62, 66) if len(frame) > at)
                    if len(found) > limit:
                        return found
        except (ValueError, dpkt.Error, struct.error):
            continue
    return found


@pytest.mark.fuzz
@pytest.mark.timeout(0)  # as long as asked; the corpus is read before the clock starts
def test_mutated_corpus_payloads(corpus: Path) -> None:
    """Real payloads with bytes flipped, cut, repeated and spliced never break a decoder."""
    seconds = float(os.environ.get("FARMWATCH_FUZZ_SECONDS", "60"))
    source = random.Random(20260101)
    seeds = [*payloads(corpus, 40000), *PREFIXES[1:]]
    deadline = time.monotonic() + seconds
    runs = 0
    while time.monotonic() < deadline:
        data = bytearray(source.choice(seeds))
        for _ in range(source.randint(1, 8)):
            kind = source.randrange(5)
            at = source.randrange(len(data) + 1)
            if kind == 0 and at < len(data):
                data[at] = source.choice((0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF, source.randrange(256)))
            elif kind == 1:
                del data[at:]
            elif kind == 2:
                data[at:at] = data[at : at + source.randrange(64)]
            elif kind == 3:
                data[at:at] = source.choice(seeds)[: source.randrange(200)]
            else:
                data[at:at] = source.randbytes(source.randrange(16))
        check(bytes(data))
        runs += 1
    assert runs > 100
