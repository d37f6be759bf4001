"""Golden values: what the handshakes of whole captures say. ``FARMWATCH_GOLDEN=write`` remakes the file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.dtls import parse_dtls
from farmwatch.wire.protocols.ja4 import ja4
from farmwatch.wire.protocols.quic import parse_quic_initials
from farmwatch.wire.protocols.tls import find_tls, parse_client_flight, parse_server_flight

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "tls" / "handshakes.jsonl"
CAPTURES = (
    "positive/ntop+nDPI/tests/cfgs/default/pcap/anydesk.pcapng",
    "confusable/zeek+zeek/testing/btest/Traces/tls/webrtc-stun.pcap",
    "confusable/zeek+zeek/testing/btest/Traces/tls/dtls13-wolfssl.pcap",
    "negative/FoxIO-LLC+ja4/pcap/chrome-cloudflare-quic-with-secrets.pcapng",
    "negative/FoxIO-LLC+ja4/pcap/tls-non-ascii-alpn.pcapng",
    "negative/FoxIO-LLC+ja4/pcap/browsers-x509.pcapng",
)


def client(hello: Any, transport: Any, certificates: Any = ()) -> dict[str, Any]:
    return {
        "sni": hello.sni,
        "alpn": list(hello.alpn),
        "version": hello.version,
        "ja4": ja4(hello, transport),
        "certificates": [certificate.subject.text for certificate in certificates],
    }


def server(version: str, cipher: int, alpn: str | None, certificates: Any) -> dict[str, Any]:
    shown = [(one.subject.text, one.issuer.text, one.sha256[:16], one.self_signed) for one in certificates]
    return {"version": version, "cipher": f"0x{cipher:04x}", "alpn": alpn, "certificates": [list(one) for one in shown]}


def tcp(head: bytes) -> dict[str, Any] | None:
    at = find_tls(head)
    if at is None:
        return None
    if head[at + 5] == 1:
        flight = parse_client_flight(head[at:])
        return client(flight.hello, "tcp", flight.certificates)
    answer = parse_server_flight(head[at:])
    return server(answer.version, answer.cipher, answer.alpn, answer.certificates)


def udp(datagrams: list[bytes]) -> dict[str, Any] | None:
    try:
        quic = parse_quic_initials(datagrams)
    except DecodeError:
        side = parse_dtls(datagrams)
        if side.client_hello is not None:
            return client(side.client_hello, "dtls", side.certificates)
        hello = side.server_hello
        return server(side.version, hello.cipher, hello.alpn, side.certificates) if hello else None
    return client(quic.hello, "quic") if quic.hello else None


def test_handshakes_of_captures(flows_of: Callable[[str], list[Any]]) -> None:
    """Every TLS, DTLS and QUIC handshake of the captures gives the recorded names, versions and certificates."""
    lines = []
    for capture in CAPTURES:
        for number, flow in enumerate(flows_of(capture)):
            for side in (0, 1):
                try:
                    facts = tcp(flow.head(side)) if flow.proto == "tcp" else udp(flow.datagrams[side])
                except DecodeError:
                    continue
                if facts:
                    lines.append({"capture": capture.rsplit("/", 1)[1], "flow": number, "side": side, **facts})
    if os.environ.get("FARMWATCH_GOLDEN") == "write":
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        GOLDEN.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="ascii")
    assert lines == [json.loads(line) for line in GOLDEN.read_text(encoding="ascii").splitlines()]
