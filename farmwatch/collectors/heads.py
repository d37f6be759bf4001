"""The first bytes of flows as rows: which protocol, which tool, which handshake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farmwatch.collectors.lookups import Lookup, lookup
from farmwatch.errors import DecodeError
from farmwatch.records import ABSENT
from farmwatch.wire.beside import MOST_MARKS
from farmwatch.wire.flows import FlowTable
from farmwatch.wire.heads import HeadBatch
from farmwatch.wire.protocols.dns import parse_dns_tcp
from farmwatch.wire.protocols.dtls import parse_dtls
from farmwatch.wire.protocols.http import (
    HttpResponse,
    favicon,
    html_title,
    parse_request_head,
    parse_response_head,
)  # fmt: skip
from farmwatch.wire.protocols.ja4 import ja4
from farmwatch.wire.protocols.quic import parse_quic_initials
from farmwatch.wire.protocols.registry import Identified, identify_tcp, identify_udp
from farmwatch.wire.protocols.ssh import SshSession
from farmwatch.wire.protocols.stun import StunMessage, decode_stun_stream
from farmwatch.wire.protocols.tls import find_tls, parse_client_flight, parse_server_flight
from farmwatch.wire.protocols.websocket import parse_websocket_request, parse_websocket_response
from farmwatch.wire.protocols.x509 import Certificate

__all__ = ["MESSAGE_PORTS", "HeadReader"]

MESSAGE_PORTS = (53, 67, 68, 137, 138, 546, 547, 1900, 5353, 5355)  #: kept whole as messages; their heads add nothing
_MOST_NAMES = 20
_MOST_MARK = 300
_WRAP_THEMSELVES = frozenset({"rdp", "nomachine", "socks"})  #: say something in the clear, then TLS
_UNMARKED = (0, 0)
_HELLO = 1  #: handshake type of a ClientHello, RFC 8446 section 4
#: Common names in client certificates of products, lower case. Any other one is as a rule a person's name or address.
_CLIENT_PRODUCTS = frozenset({"anydesk client", "chromoting"})
_MOST_STREAMED = 16  #: DNS messages read of each side of a TCP stream
_MOST_FACTS = 100_000  #: questions and addresses kept of DNS over TCP
_DNS_ROOM = "DNS over TCP: streams left unread, wholly or in part, for lack of room"


class Streamed(NamedTuple):
    """One DNS message of a TCP stream."""

    flow: int
    side: int  #: who sent it: 0 originator, 1 responder
    lookup: Lookup


@dataclass(slots=True)
class HeadReader:
    """Takes batches of heads while pass one runs, and keeps what the decoders say by flow number."""

    found: dict[int, Identified] = field(default_factory=dict)
    tls: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    http: dict[int, dict[str, Any]] = field(default_factory=dict)
    ssh: dict[int, SshSession] = field(default_factory=dict)
    dns: list[Streamed] = field(default_factory=list)
    stun: dict[int, list[tuple[int, StunMessage]]] = field(default_factory=dict)  #: of TCP: each side's first message
    bad: dict[str, int] = field(default_factory=dict)  #: what was left out, by reason
    _facts: int = 0
    _known: dict[tuple[int, int], tuple[Identified | None, Mapping[str, Any] | None]] = field(default_factory=dict)

    def __call__(self, batch: HeadBatch) -> None:
        """Decode one batch; flows without payload are passed over without touching bytes.

        TLS handshakes of a mark seen before share what the first of them gave.
        """
        some = (batch.orig_length > 0) | (batch.resp_length > 0) | (batch.mark != 0)
        message = np.isin(batch.orig_port, MESSAGE_PORTS) | np.isin(batch.resp_port, MESSAGE_PORTS)
        wanted = np.flatnonzero(some & ((batch.proto == 6) | ~message))
        columns = (batch.flow, batch.proto, batch.first_side, batch.orig_port, batch.resp_port)
        marks = zip(batch.mark[wanted].tolist(), batch.mark_check[wanted].tolist(), strict=True)
        rows = zip(wanted.tolist(), marks, *(column[wanted].tolist() for column in columns), strict=True)
        for position, mark, flow, proto, first, orig_port, resp_port in rows:
            known = self._known.get(mark)
            if known is not None:
                found, shown = known
                if found is not None:
                    self.found[flow] = found
                if shown is not None:
                    self.tls[flow] = shown
            elif proto == 6:
                self._tcp(flow, batch.head(position, 0), batch.head(position, 1), first, (orig_port, resp_port))
                if mark != _UNMARKED and len(self._known) < MOST_MARKS:
                    shown = self.tls.get(flow)
                    self._known[mark] = self.found.get(flow), shown and MappingProxyType(dict(shown))
            else:
                self._udp(flow, batch.payloads(position, 0), batch.payloads(position, 1), (orig_port, resp_port))

    def _dns(self, flow: int, orig: bytes, resp: bytes) -> None:
        """Reduce the messages of a DNS stream to facts at once, so that streams cannot fill the memory."""
        partly = False
        for side, data in enumerate((orig, resp)):
            if self._facts >= _MOST_FACTS:
                partly = partly or bool(data)
                continue
            try:
                messages = parse_dns_tcp(data, _MOST_STREAMED + 1)
            except DecodeError:
                continue
            partly = partly or len(messages) > _MOST_STREAMED
            for message in messages[:_MOST_STREAMED]:
                facts = lookup(message)
                self._facts += 1 + len(facts)
                self.dns.append(Streamed(flow, side, facts))
        if partly:
            self.bad[_DNS_ROOM] = self.bad.get(_DNS_ROOM, 0) + 1

    def _tcp(self, flow: int, orig: bytes, resp: bytes, first_side: int, ports: tuple[int, int]) -> None:
        if 53 in ports:
            self._dns(flow, orig, resp)
            return
        found = identify_tcp(orig, resp, first_side, ports)
        if found.protocol == "unknown":
            return
        self.found[flow] = found
        if found.protocol == "tls" and found.tunnel is None:
            self._handshake(flow, orig, resp)
        elif found.tunnel or found.protocol in _WRAP_THEMSELVES or orig.startswith(b"CONNECT "):
            self._handshake(flow, _from_tls(orig), _from_tls(resp))
        if isinstance(found.record, SshSession):
            self.ssh[flow] = found.record
        elif found.protocol == "stun":
            self._stun(flow, orig, resp)
        if found.protocol in ("http", "devtunnel", "derp") or _is_page(orig, resp):
            self._page(flow, orig, resp)

    def _stun(self, flow: int, orig: bytes, resp: bytes) -> None:
        for side, data in enumerate((orig, resp)):
            with suppress(DecodeError):
                self.stun.setdefault(flow, []).append((side, decode_stun_stream(data)[0]))

    def _udp(self, flow: int, sent: list[bytes], answered: list[bytes], ports: tuple[int, int]) -> None:
        found = identify_udp(sent, answered, ports)
        if found.protocol == "unknown":
            return
        self.found[flow] = found
        if found.protocol == "quic":
            self._quic(flow, sent, answered)
        elif found.protocol in ("dtls", "stun"):
            self._dtls(flow, sent, answered)

    def _handshake(self, flow: int, orig: bytes, resp: bytes) -> None:
        """A TLS handshake; the ClientHello may come from either end when the start was not captured."""
        row: dict[str, Any] = {"transport": "tcp"}
        client, server = (1, orig) if _speaks_first(resp) and not _speaks_first(orig) else (0, resp)
        try:
            flight = parse_client_flight(resp if client else orig)
            row |= {"client_side": client, "version": flight.hello.version, "server_name": flight.hello.sni}
            row |= {"alpn": ",".join(flight.hello.alpn) or None, "ja4": ja4(flight.hello)}
            if flight.certificates:
                row["client_subject_cn"] = _client_product(flight.certificates[0])
        except DecodeError:
            pass
        try:
            answer = parse_server_flight(server)
            row["version"] = answer.version
            row |= _certificate(answer.certificates)
        except DecodeError:
            pass
        if len(row) > 1:
            self.tls[flow] = row

    def _quic(self, flow: int, orig: list[bytes], resp: list[bytes]) -> None:
        for side, datagrams in enumerate((orig, resp)):
            try:
                initial = parse_quic_initials(datagrams)
            except DecodeError:
                continue
            if initial.hello is not None:
                self.tls[flow] = {
                    "transport": "quic", "client_side": side, "version": initial.version_name,
                    "server_name": initial.sni, "alpn": ",".join(initial.alpn) or None,
                    "ja4": initial.ja4,
                }  # fmt: skip
                return

    def _dtls(self, flow: int, orig: list[bytes], resp: list[bytes]) -> None:
        row: dict[str, Any] = {"transport": "dtls"}
        for side, datagrams in enumerate((orig, resp)):
            records = [data for data in datagrams if data[:1] == b"\x16"]
            if not records:
                continue
            try:
                shown = parse_dtls(records)
            except DecodeError:
                continue
            row["version"] = shown.version
            if shown.client_hello is not None:
                hello = shown.client_hello
                row |= {"client_side": side, "server_name": hello.sni, "ja4": ja4(hello, "dtls")}
                row["alpn"] = ",".join(hello.alpn) or None
                if shown.certificates:
                    row["client_subject_cn"] = _client_product(shown.certificates[0])
            else:
                row |= _certificate(shown.certificates)
        if len(row) > 1:
            self.tls[flow] = row

    def _page(self, flow: int, orig: bytes, resp: bytes) -> None:
        row: dict[str, Any] = {"marks": ""}
        try:
            asked = parse_request_head(orig)
            row |= {"method": asked.method, "host": asked.host or None, "path": asked.target}
            row["upgrade"] = asked.upgrade or None
            if "websocket" in asked.upgrade.lower():
                protocols = parse_websocket_request(orig).subprotocols
                with suppress(DecodeError):  # of several offers the server takes one
                    chosen = parse_websocket_response(resp).subprotocol
                    protocols = (chosen,) if chosen else protocols
                row["upgrade"] = " ".join(("websocket", *protocols))
        except DecodeError:
            pass
        with suppress(DecodeError):
            row |= self._answer(resp)
        if len(row) > 1:
            self.http[flow] = row

    @staticmethod
    def _answer(resp: bytes) -> dict[str, Any]:
        answer = parse_response_head(resp)
        # The first bytes may hold several answers: look for a page or an icon only where one is declared.
        icon = favicon(resp) if b"image" in resp or b"icon" in resp else None
        return {
            "status": answer.status,
            "server": answer.server or None,
            "title": (html_title(resp) or None) if b"html" in resp.lower() else None,
            "favicon_mmh3": icon.mmh3 if icon else None,
            "favicon_md5": icon.md5 if icon else None,
            "marks": "\n".join(_marks(answer)),
        }

    def columns(self, flows: FlowTable) -> dict[str, NDArray[Any]]:
        """Protocol, tool and driven side of every flow."""
        count = len(flows)
        protocol, tool, tunnel = (np.full(count, None, dtype=object) for _ in range(3))
        side = np.full(count, ABSENT, np.int64)
        for flow, found in self.found.items():
            protocol[flow], tool[flow], tunnel[flow] = found.protocol, found.tool, found.tunnel
            if found.controlled_side is not None:
                side[flow] = found.controlled_side
        return {"protocol": protocol, "tool": tool, "controlled_side": side, "tunnel": tunnel}


def _client_product(certificate: Certificate) -> str | None:
    """The common name of a client certificate where it is a product's; a person's is not kept."""
    name = certificate.subject.common_name or ""
    return name if name.lower() in _CLIENT_PRODUCTS else None


def _is_page(orig: bytes, resp: bytes) -> bool:
    """Whether a stream begins with HTTP, whatever runs inside it afterwards."""
    return resp.startswith(b"HTTP/1.") or (orig[:1].isupper() and b" HTTP/1." in orig[:_MOST_MARK])


def _marks(answer: HttpResponse) -> list[str]:
    """Header fields that device software is known by."""
    shown = {
        "content-type": answer.content_type,
        "server": answer.server,
        "content-security-policy": answer.security_policy,
        "www-authenticate": answer.realm,
        **{name: " " for name in answer.x_names if name.startswith("x-ustreamer")},
    }
    return [f"{name}: {value[:_MOST_MARK]}" for name, value in shown.items() if value]


def _from_tls(data: bytes) -> bytes:
    """What follows the words in the clear, from where TLS begins; nothing where it does not."""
    start = find_tls(data)
    return b"" if start is None else data[start:]


def _speaks_first(data: bytes) -> bool:
    """Whether a TLS stream starts with a ClientHello."""
    return len(data) > 5 and data[0] == 0x16 and data[5] == _HELLO


def _certificate(chain: Sequence[Certificate]) -> dict[str, Any]:
    """What the leaf says."""
    if not chain:
        return {}
    leaf = chain[0]
    return {
        "subject_cn": leaf.subject.common_name or None,
        "subject_org": leaf.subject.organisation or None,
        "subject_ou": leaf.subject.unit or None,
        "issuer_cn": leaf.issuer.common_name or None,
        "issuer_org": leaf.issuer.organisation or None,
        "issuer_ou": leaf.issuer.unit or None,
        "san": ",".join(leaf.alt_names[:_MOST_NAMES]) or None,
        "certificate_sha256": leaf.sha256,
    }
