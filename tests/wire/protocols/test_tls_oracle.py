"""Foreign captures: what the TLS, DTLS and QUIC decoders read equals what tshark and cryptography read."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.dtls import parse_dtls
from farmwatch.wire.protocols.ja4 import ja4
from farmwatch.wire.protocols.quic import parse_quic_initials
from farmwatch.wire.protocols.tls import (
    ClientHello,
    find_tls,
    parse_client_hello,
    parse_server_flight,
)
from farmwatch.wire.protocols.tls_text import escape_octets
from farmwatch.wire.protocols.x509 import Certificate, parse_certificate

HEAD_BYTES = 8192
PACKET = ("frame.number", "ip.src", "ipv6.src", "tcp.stream", "tcp.srcport", "tcp.seq_raw", "tcp.payload")
DATAGRAM = ("udp.stream", "udp.srcport", "udp.payload")
HELLO = (
    "type",
    "version",
    "ciphersuite",
    "extension.type",
    "extensions_server_name",
    "extensions_alpn_str",
    "extensions.supported_version",
    "sig_hash_alg",
    "sig_hash_alg_len",
    "certificate",
)
FIELDS = (*PACKET, *DATAGRAM, *[f"{layer}.handshake.{name}" for layer in ("tls", "dtls") for name in HELLO])

# Captures left out, because tshark reads something else there than these decoders do:
APART = re.compile(
    r"openvpn|ovpn|"  # TLS cut into OpenVPN's own packets
    r"capwap|rdp2\.pcap|rdpeudp2|"  # DTLS behind a CAPWAP preamble, TLS inside RDP-UDP
    r"tls13_draft14|"  # tshark expects a session id that this draft's ServerHello does not have
    r"arkime_synthetic|"  # tshark reads on behind an empty extension
    # Broken hellos: tshark shows fields up to the damage, the decoders refuse the message.
    r"ossfuzz_seed_fake|ssl-malformed1|tls_cipher_lens|tls_invalid_reads|corner-cases\.pcap",
    re.IGNORECASE,
)

T051 = "54303531"  # Google's last version of its own, gone since 2021; its frames are numbered otherwise

Row = dict[str, str]


@dataclass
class Tally:
    """How many messages agreed, and every difference in words."""

    agreed: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def check(self, kind: str, where: str, **pairs: tuple[Any, Any]) -> None:
        """Count a message whose pairs of (ours, theirs) are all equal, else keep the differences."""
        wrong = [
            f"{name}: ours {ours!r}, theirs {theirs!r}" for name, (ours, theirs) in pairs.items() if ours != theirs
        ]
        if wrong:
            self.faults.append(f"{where}: {kind}: {'; '.join(wrong)}")
        else:
            self.agreed[kind] += 1


def tshark_rows(path: Path) -> Iterator[Row]:
    """One row a packet; several values of a field are joined by ';'."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "aggregator=;"]
    for name in FIELDS:
        command += ["-e", name]
    run = subprocess.run(command, capture_output=True, text=True, errors="surrogateescape", check=False)
    for line in run.stdout.split("\n"):
        values = line.split("\t")
        if len(values) == len(FIELDS):
            yield dict(zip(FIELDS, values, strict=True))


def sender(row: Row) -> tuple[str, str, str]:
    """Stream, source port and source address of a packet; the innermost UDP, the outermost TCP."""
    address = row["ip.src"] + row["ipv6.src"]
    if row["tcp.stream"]:
        return "t" + row["tcp.stream"].split(";")[0], row["tcp.srcport"].split(";")[0], address
    return "u" + row["udp.stream"].split(";")[-1], row["udp.srcport"].split(";")[-1], address


def heads(rows: list[Row]) -> dict[tuple[str, str, str], bytes]:
    """The first 8 KiB of each TCP sender, put in order by sequence number."""
    segments: dict[tuple[str, str, str], list[tuple[int, bytes]]] = defaultdict(list)
    for row in rows:
        if row["tcp.payload"] and row["tcp.seq_raw"]:
            data = bytes.fromhex(row["tcp.payload"].split(";")[0])
            segments[sender(row)].append((int(row["tcp.seq_raw"].split(";")[0]), data))
    joined = {}
    for key, parts in segments.items():
        base, out = min(parts)[0], bytearray()
        for seq, data in sorted(parts, key=lambda part: part[0]):
            if seq - base > len(out):
                break
            out[seq - base : seq - base + len(data)] = data
        joined[key] = bytes(out[:HEAD_BYTES])
    return joined


def datagrams(rows: list[Row]) -> dict[tuple[str, str, str], list[bytes]]:
    """The datagrams of each UDP sender."""
    found: dict[tuple[str, str, str], list[bytes]] = defaultdict(list)
    for row in rows:
        if row["udp.payload"]:
            found[sender(row)].append(bytes.fromhex(row["udp.payload"].split(";")[-1]))
    return found


def values(row: Row, layer: str, name: str) -> list[str]:
    return [value for value in row[f"{layer}.handshake.{name}"].split(";") if value]


def signature_algorithms(row: Row, layer: str) -> list[str]:
    """The list of extension 13 alone: 34 and 50 hold lists of the same kind."""
    lists = [int(kind) for kind in values(row, layer, "extension.type") if kind in ("13", "34", "50")]
    codes, at = values(row, layer, "sig_hash_alg"), 0
    for kind, size in zip(lists, values(row, layer, "sig_hash_alg_len"), strict=False):
        if kind == 13:
            return codes[at : at + int(size) // 2]
        at += int(size) // 2
    return []


def tshark_ja4(row: Row, layer: str, transport: str) -> str:
    """JA4 built from tshark's fields as the method's text says, with nothing of the package."""

    def kept(codes: list[str]) -> list[str]:
        return [code for code in codes if not (code[1] == code[3] == "a" and code[0] == code[2])]

    def hashed(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "000000000000"

    ciphers = sorted(kept([code[2:] for code in values(row, layer, "ciphersuite")]))
    extensions = kept([f"{int(code):04x}" for code in values(row, layer, "extension.type")])
    signatures = kept([code[2:] for code in signature_algorithms(row, layer)])
    versions = kept([code[2:] for code in values(row, layer, "extensions.supported_version")])
    version = (min if layer == "dtls" else max)(versions) if versions else values(row, layer, "version")[0][2:]
    names = {"0304": "13", "0303": "12", "0302": "11", "0301": "10", "0300": "s3"}
    names |= {"feff": "d1", "fefd": "d2", "fefc": "d3"}
    alpn = values(row, layer, "extensions_alpn_str")
    raw = alpn[0].encode("utf-8", "surrogateescape") if alpn else b"00"
    ends = chr(raw[0]) + chr(raw[-1]) if raw[:1].isalnum() and raw[-1:].isalnum() else raw.hex()[0] + raw.hex()[-1]
    rest = ",".join(sorted(code for code in extensions if code not in ("0000", "0010")))
    return (
        f"{transport}{names.get(version, '00')}{'d' if '0000' in extensions else 'i'}"
        f"{min(len(ciphers), 99):02}{min(len(extensions), 99):02}{ends}_{hashed(','.join(ciphers))}_"
        f"{hashed('_'.join(part for part in (rest, ','.join(signatures)) if part) if rest else '')}"
    )


def compare_hello(tally: Tally, where: str, row: Row, layer: str, hello: ClientHello, transport: str) -> None:
    alpn = [
        escape_octets(name.encode("utf-8", "surrogateescape")) for name in values(row, layer, "extensions_alpn_str")
    ]
    name = values(row, layer, "extensions_server_name")
    tally.check(
        f"{transport} hello",
        where,
        ciphers=([f"0x{code:04x}" for code in hello.ciphers], values(row, layer, "ciphersuite")),
        extensions=([str(code) for code in hello.extensions], values(row, layer, "extension.type")),
        versions=(
            [f"0x{code:04x}" for code in hello.supported_versions],
            values(row, layer, "extensions.supported_version"),
        ),
        signatures=([f"0x{code:04x}" for code in hello.signature_algorithms], signature_algorithms(row, layer)),
        legacy=(f"0x{hello.legacy_version:04x}", values(row, layer, "version")[0]),
        alpn=(list(hello.alpn), alpn),
        sni=(hello.sni, escape_octets(name[0].encode("utf-8", "surrogateescape")).lower() if name else None),
        ja4=(ja4(hello, transport), tshark_ja4(row, layer, {"tcp": "t", "quic": "q", "dtls": "d"}[transport])),
    )


def client_hellos(tally: Tally, path: Path, rows: list[Row]) -> None:
    """The first ClientHello of each sender. tshark prints the bytes of an ALPN it cannot decode as U+FFFD: left out."""
    streams, packets, seen = heads(rows), datagrams(rows), set()
    for row in rows:
        layer = "dtls" if row["dtls.handshake.type"] else "tls"
        hellos = values(row, layer, "type").count("1")
        # A fragment of a DTLS hello shows a type and no ciphers.
        if (
            hellos != 1
            or not values(row, layer, "ciphersuite")
            or sender(row) in seen
            or "\ufffd" in "".join(row.values())
        ):
            continue
        seen.add(sender(row))
        where = f"{path.name} packet {row['frame.number']}"
        try:
            if row["tcp.stream"]:
                head = streams.get(sender(row), b"")
                hello = parse_client_hello(head[find_tls(head) or 0 :])
                if hello.sslv2_format or hello.truncated:
                    tally.agreed["tcp old format" if hello.sslv2_format else "tcp cut hello"] += 1
                    continue
                compare_hello(tally, where, row, layer, hello, "tcp")
            elif layer == "dtls":
                cookie_free = parse_dtls([bytes.fromhex(row["udp.payload"].split(";")[-1])]).client_hello
                whole = cookie_free if cookie_free and not cookie_free.truncated else None
                hello = whole or parse_dtls(packets[sender(row)]).client_hello
                assert hello is not None
                compare_hello(tally, where, row, layer, hello, "dtls")
            elif sender(row) in packets and row["udp.payload"][2:10] != T051:
                hello = parse_quic_initials(packets[sender(row)]).hello
                assert hello is not None, "no hello in the QUIC packets"
                compare_hello(tally, where, row, layer, hello, "quic")
        except (DecodeError, AssertionError) as fault:
            tally.faults.append(f"{where}: {layer}: {fault}")


def server_hellos(tally: Tally, path: Path, rows: list[Row]) -> None:
    """The first ServerHello of each sender over TCP, and certificates of either side."""
    streams, seen = heads(rows), set()
    for row in rows:
        kinds = values(row, "tls", "type")
        if not row["tcp.stream"] or kinds.count("2") != 1 or sender(row) in seen:
            continue
        seen.add(sender(row))
        head = streams.get(sender(row), b"")
        where = f"{path.name} packet {row['frame.number']}"
        try:
            flight = parse_server_flight(head[find_tls(head) or 0 :])
        except DecodeError as fault:
            tally.faults.append(f"{where}: server: {fault}")
            continue
        if flight.hello_retry_request:
            tally.agreed["hello retry request"] += 1
            continue
        versions = values(row, "tls", "extensions.supported_version")
        chosen = versions or values(row, "tls", "version")
        tally.check(
            "server hello",
            where,
            version=(f"0x{flight.selected_version:04x}", chosen[0]),
            cipher=(f"0x{flight.cipher:04x}", values(row, "tls", "ciphersuite")[0]),
            alpn=(flight.alpn, next(iter(values(row, "tls", "extensions_alpn_str")), None)),
        )
        certificates_of(tally, where, row, flight.certificates)


def certificates_of(tally: Tally, where: str, row: Row, ours: tuple[Certificate, ...]) -> None:
    ders = [bytes.fromhex(value) for value in values(row, "tls", "certificate")]
    if ders and len(ours) == len(ders):
        for der, certificate in zip(ders, ours, strict=True):
            tally.check("certificate in flight", where, sha256=(certificate.sha256, hashlib.sha256(der).hexdigest()))
    elif ders:
        tally.agreed["chain not whole"] += 1
    for der in ders:
        compare_certificate(tally, where, der)


def compare_certificate(tally: Tally, where: str, der: bytes) -> None:
    """Names, dates and serial against the cryptography library, where that can read the certificate."""
    import warnings

    from cryptography import x509
    from cryptography.utils import CryptographyDeprecationWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        try:
            theirs = x509.load_der_x509_certificate(der)
            subject, issuer = theirs.subject, theirs.issuer
            serial = theirs.serial_number
        except ValueError:
            tally.agreed["certificate cryptography cannot read"] += 1
            return
        try:
            names = theirs.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            alt = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
            alt += [str(address) for address in names.get_values_for_type(x509.IPAddress)]
        except x509.ExtensionNotFound:
            alt = []
        except ValueError:
            alt = list(parse_certificate(der).alt_names)  # another extension of it offends the library

    def last(name: Any, oid: Any) -> str | None:
        found = name.get_attributes_for_oid(oid)
        return str(found[-1].value) if found else None

    ours = parse_certificate(der)
    oids = x509.NameOID
    tally.check(
        "certificate",
        where,
        subject=(
            (ours.subject.common_name, ours.subject.organisation, ours.subject.unit),
            (
                last(subject, oids.COMMON_NAME),
                last(subject, oids.ORGANIZATION_NAME),
                last(subject, oids.ORGANIZATIONAL_UNIT_NAME),
            ),
        ),
        issuer=(
            (ours.issuer.common_name, ours.issuer.organisation, ours.issuer.unit),
            (
                last(issuer, oids.COMMON_NAME),
                last(issuer, oids.ORGANIZATION_NAME),
                last(issuer, oids.ORGANIZATIONAL_UNIT_NAME),
            ),
        ),
        alt_names=(sorted(ours.alt_names), sorted(alt[:100])),
        serial=(int.from_bytes(bytes.fromhex(ours.serial), "big", signed=True), serial),
        not_before=(ours.not_before, theirs.not_valid_before_utc),
        not_after=(ours.not_after, theirs.not_valid_after_utc),
        self_signed=(ours.self_signed, subject == issuer),
    )


def captures_with_hellos(corpus: Path, chosen: re.Pattern[str]) -> list[Path]:
    """Captures whose label or name is chosen and whose bytes hold something like a hello."""
    looks = re.compile(
        rb"\x16[\x03\xfe][\x00-\x04\xff\xfd]..[\x01]|\x16[\x01\xfe][\x00\xff\xfd]\x00\x00|"
        rb"[\xc0-\xff](\x00\x00\x00\x01|\xff\x00\x00[\x17-\x22]|k3C\xcf|\xfa\xce\xb0\x02)[\x08-\x14]",
        re.DOTALL,
    )
    found = []
    with (corpus / "labels.csv").open(newline="", encoding="utf-8") as labels:
        for row in csv.DictReader(labels):
            path = corpus / row["file"]
            if chosen.search(row["file"]) and looks.search(path.read_bytes()):
                found.append(path)
    return found


def run(corpus: Path, chosen: str) -> Tally:
    tally = Tally()
    for path in captures_with_hellos(corpus, re.compile(chosen, re.IGNORECASE)):
        if APART.search(path.name):
            continue
        rows = list(tshark_rows(path))
        client_hellos(tally, path, rows)
        server_hellos(tally, path, rows)
    return tally


@pytest.mark.needs("tshark")
@pytest.mark.timeout(1200)
def test_hellos_and_certificates_equal_tshark(corpus: Path) -> None:
    """Names, protocols, versions, ciphers, JA4 and certificates agree; FARMWATCH_ORACLE=. takes every capture."""
    tally = run(corpus, os.environ.get("FARMWATCH_ORACLE", r"FoxIO|positive/|dtls|/tls/|quic-v2|quic-crypto|certif"))
    print(dict(tally.agreed))
    assert "\n".join(tally.faults) == ""
    assert tally.agreed["tcp hello"] > 200
    assert tally.agreed["quic hello"] > 50
    assert tally.agreed["dtls hello"] > 10
    assert tally.agreed["server hello"] > 150
    assert tally.agreed["certificate"] > 60
