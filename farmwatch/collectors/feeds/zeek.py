"""Zeek's logs as the network tables that captures fill.

``conn`` gives flows, ``ssl`` and ``quic`` handshakes (certificates joined from ``x509`` where both are in one input),
``dns`` names, ``dhcp`` what clients say of themselves, ``rdp``, ``rfb`` and ``ssh`` remote control, ``http`` the first
request of a connection. Other logs are counted and not needed.

What a log cannot know stays without value, or 0 where the table needs one (:data:`NOT_COUNTED`); ``packet`` is the line
of the log. RDP cookies (user names), keyboard layouts, client names, desktop names, and what HTTP calls user and
password, are counted and left behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds import sensor_rows as rows_of
from farmwatch.collectors.feeds.columns import each, filled, hardware_addresses
from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.lines import Rejoined
from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.feeds.zeek_logs import LOGS, Piece, log_of_fields, log_of_name, zeek_json, zeek_tsv
from farmwatch.records import (
    CaptureInput,
    DhcpRequest,
    Flow,
    Host,
    Http,
    Name,
    NameQuery,
    Record,
    RemoteControl,
    Ssh,
    Tls,
)  # fmt: skip

__all__ = ["Certificates", "Zeek", "ZeekReader"]

_TEXT = pa.string()
_HEAD = 4096
_PLAIN_NAME = re.compile(r"[a-z0-9_.-]{1,40}")
_MOST_CERTIFICATES = 500_000
_LONGEST = 1e8  # seconds of a flow: three years
_MOST_ANSWERS = 64  # addresses taken from one answer; real ones hold a dozen
_SERVICES = {"ssl": "tls", "rdpeudp": "rdp-udp", "spicy_quic": "quic", "krb": "kerberos", "krb_tcp": "kerberos"}
_FIRST = ("rdp", "rdpeudp", "rfb", "ssh", "quic", "spicy_quic")  # of several services the one that says most
_STATES = {
    "S0": "syn", "SH": "half-open", "SHR": "half-open", "S1": "established", "S2": "closing", "S3": "closing",
    "SF": "closed", "REJ": "reset", "RSTO": "reset", "RSTR": "reset", "RSTOS0": "reset", "RSTRH": "reset",
    "OTH": "midstream",
}  # fmt: skip
_OPENED = pa.array(["S1", "S2", "S3", "SF", "RSTO", "RSTR"])  # the handshake was complete
_CLIENT_MESSAGES = ("REQUEST", "DISCOVER", "INFORM", "DECLINE", "RELEASE")
_VERSIONS = re.compile(r"(?i)(d?tls|ssl)v?(\d)(\d)?")


@dataclass(slots=True)
class Certificates:
    """Certificates of ``x509`` by file id or fingerprint, for the handshakes that name them; at most so many."""

    known: dict[str, tuple[str | None, str | None, str | None, str | None]] = field(default_factory=dict)

    def add(self, table: pa.Table) -> None:
        """Take in rows of the log: subject, issuer, DNS names, fingerprint."""
        names = ("id", "fingerprint", "certificate.subject", "certificate.issuer", "san.dns")
        for number, fingerprint, subject, issuer, san in zip(
            *(table.column(name).to_pylist() for name in names), strict=True
        ):
            if len(self.known) >= _MOST_CERTIFICATES:
                return
            listed = ",".join(name.lower() for name in (san or [])[:20] if name) or None
            for key in (number, fingerprint):
                if key:
                    self.known[key] = subject, issuer, listed, fingerprint

    def of(self, keys: pa.Array, part: int) -> pa.Array:
        """One part of the certificates with these keys: 0 subject, 1 issuer, 2 DNS names, 3 fingerprint."""
        if not self.known:
            return pa.nulls(len(keys), _TEXT)
        return each(lambda key: self.known.get(key, (None,) * 4)[part], keys)


@dataclass(slots=True)
class ZeekReader:
    """Turns logs of one sensor into rows; certificates stay known from one file to the next."""

    sensor: int
    certificates: Certificates = field(default_factory=Certificates)
    ends: rows_of.Ends | None = None  #: filled where given

    def read(self, stream: ByteStream, name: str, *, threads: bool = False) -> Iterator[Parsed]:
        """Read one stream of logs.

        Raises:
            SourceError: it breaks off.
        """
        whole = Rejoined(stream)
        start = whole.peek(_HEAD).lstrip(b" \t\r\n\xef\xbb\xbf")
        json = start[:1] in (b"{", b"[")
        for piece in zeek_json(whole, name, threads=threads) if json else zeek_tsv(whole):
            yield self.rows(piece)

    def rows(self, piece: Piece) -> Parsed:
        """Rows of one piece of a log, with its account."""
        output = Output(piece.numbers)
        output.before(piece.faults)
        if len(piece.numbers):
            every = np.arange(len(piece.numbers), dtype=np.int64)
            if piece.path in LOGS:
                _MAPPINGS[piece.path](_Log(piece.table, every, piece.numbers, output, self))
            elif not piece.path:
                output.reject(every, "which of Zeek's logs this is cannot be told")
            else:
                known = _PLAIN_NAME.fullmatch(piece.path)
                output.unneeded(every, f"zeek {piece.path} log" if known else "zeek log of an odd name")
        return output.finish()


@dataclass(slots=True)
class _Log:
    """Rows of one log on their way into tables."""

    table: pa.Table
    rows: NDArray[np.int64]  #: record of each row
    lines: NDArray[np.int64]
    output: Output
    reader: ZeekReader

    def __getitem__(self, name: str) -> pa.Array:
        values = self.table.column(name)
        return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values

    def only(self, wanted: Any, otherwise: str) -> _Log:
        """The rows of a mask; the others are not needed, for what they are."""
        chosen = pc.fill_null(wanted, False).to_numpy(zero_copy_only=False)
        if chosen.all():
            return self
        self.output.unneeded(self.rows[~chosen], otherwise)
        return _Log(
            self.table.filter(pa.array(chosen)), self.rows[chosen], self.lines[chosen], self.output, self.reader
        )

    def add(self, record: type[Record], **columns: Any) -> None:
        """Add one row for each."""
        if len(self.rows):
            self.output.add(record, {"input": self.reader.sensor} | columns, self.rows)

    def flow(self) -> dict[str, Any]:
        """The columns that name a flow."""
        return {"flow": rows_of.flow_numbers(filled(self["uid"])), "ts": self["ts"], "packet": pa.array(self.lines)}

    def note_ends(self, protocol: Any, proto: Any = "tcp") -> None:
        """Keep the ends of these flows for whoever asked for them."""
        if self.reader.ends is None or not len(self.rows):
            return
        facts, count = self.flow(), len(self.rows)
        self.reader.ends.add(
            flow=facts["flow"], ts=facts["ts"], first_packet=facts["packet"],
            proto=proto if isinstance(proto, pa.Array) else pa.repeat(proto, count),
            protocol=protocol if isinstance(protocol, pa.Array) else pa.repeat(protocol, count),
            orig_h=rows_of.checked_addresses(self["id.orig_h"]), orig_p=rows_of.port(self["id.orig_p"]),
            resp_h=rows_of.checked_addresses(self["id.resp_h"]), resp_p=rows_of.port(self["id.resp_p"]),
        )  # fmt: skip


def _conn(log: _Log) -> None:
    log = log.only(pc.is_in(pc.fill_null(log["proto"], "tcp"), pa.array(["tcp", "udp"])), "neither TCP nor UDP")
    if not len(log.rows):
        return
    tcp = pc.equal(log["proto"], "tcp")
    protocol = each(_protocol, log["service"])
    protocol = pc.if_else(pc.and_(pc.invert(tcp), pc.equal(protocol, "tls")), "dtls", protocol)
    orig_ip, resp_ip = rows_of.counts(log["orig_ip_bytes"]), rows_of.counts(log["resp_ip_bytes"])
    orig_bytes = _payload(log["orig_bytes"], orig_ip)
    resp_bytes = _payload(log["resp_bytes"], resp_ip)
    orig_pkts, resp_pkts = rows_of.counts(log["orig_pkts"]), rows_of.counts(log["resp_pkts"])
    both = pc.and_(pc.greater(orig_pkts, 0), pc.greater(resp_pkts, 0))
    data = pc.and_(pc.greater(orig_bytes, 0), pc.greater(resp_bytes, 0))
    opened = pc.or_(pc.is_in(log["conn_state"], _OPENED), data)
    length = pc.min_element_wise(pc.max_element_wise(pc.fill_null(log["duration"], 0.0), 0.0), _LONGEST)
    last = pc.add(log["ts"].cast(pa.int64()), pc.multiply(length, 1e6).cast(pa.int64(), safe=False))
    last = last.cast(pa.timestamp("us", tz="UTC"))
    inside = pc.fill_null(pc.greater(pc.list_value_length(log["tunnel_parents"]), 0), False)
    state = pc.fill_null(each(lambda word: _STATES.get(word, "midstream"), log["conn_state"]), "midstream")
    some_orig, some_resp = pc.greater(orig_bytes, 0), pc.greater(resp_bytes, 0)
    orig_h, resp_h = rows_of.checked_addresses(log["id.orig_h"]), rows_of.checked_addresses(log["id.resp_h"])
    orig_mac, resp_mac = hardware_addresses(log["orig_l2_addr"]), hardware_addresses(log["resp_l2_addr"])
    lines = pa.array(log.lines)
    log.add(
        Flow, flow=rows_of.flow_numbers(filled(log["uid"])), ts=log["ts"], last_ts=last, proto=log["proto"],
        orig_h=orig_h, orig_p=rows_of.port(log["id.orig_p"]), resp_h=resp_h, resp_p=rows_of.port(log["id.resp_p"]),
        orig_mac=orig_mac, resp_mac=resp_mac, vlan=pc.coalesce(log["inner_vlan"], log["vlan"]),
        encapsulation=pc.if_else(inside, "tunnel", ""),
        first_packet=lines, last_packet=lines, orig_pkts=orig_pkts, resp_pkts=resp_pkts, orig_wire_bytes=orig_ip,
        resp_wire_bytes=resp_ip, orig_bytes=orig_bytes, resp_bytes=resp_bytes,
        orig_data_pkts=some_orig.cast(pa.int64()), resp_data_pkts=some_resp.cast(pa.int64()),
        first_data_side=_first_side(log["history"], orig_bytes, resp_bytes),
        state=pc.if_else(tcp, state, ""),
        established=pc.and_(both, pc.or_(pc.invert(tcp), pc.fill_null(opened, False))),
        lost_bytes=rows_of.counts(log["missed_bytes"]), longest_silence_s=length, protocol=protocol,
        unread=_unread(log["history"], tcp, protocol, pc.or_(some_orig, some_resp)),
        controlled_side=rows_of.driven_side(protocol),
        **rows_of.NOT_COUNTED,
    )  # fmt: skip
    if orig_mac.null_count < len(orig_mac) or resp_mac.null_count < len(resp_mac):
        times = {"ts": log["ts"], "last_ts": last}
        rows_of.host_rows(
            log.output, log.reader.sensor,
            [
                {"mac": orig_mac, "address": orig_h, "packets": orig_pkts, "bytes": orig_ip} | times,
                {"mac": resp_mac, "address": pc.if_else(pc.greater(resp_pkts, 0), resp_h, pa.scalar(None, _TEXT)),
                 "packets": resp_pkts, "bytes": resp_ip} | times,
            ],
            log.rows,
        )  # fmt: skip


def _protocol(services: str) -> str | None:
    """Our word for what Zeek found in a connection: the telling one of several."""
    listed = [part.strip().lower().removeprefix("-") for part in services[:200].split(",")]
    found = next((name for name in _FIRST if name in listed), next(iter(listed), ""))
    known = _SERVICES.get(found, found)
    return known if _PLAIN_NAME.fullmatch(known) else None


def _payload(claimed: pa.Array, on_wire: pa.Array) -> pa.Array:
    """Payload bytes; never more than its packets held (Zeek's count follows sequence numbers, which may lie)."""
    given = rows_of.counts(claimed)
    return pc.if_else(pc.greater(on_wire, 0), pc.min_element_wise(given, on_wire), given)


def _first_side(history: pa.Array, orig: pa.Array, resp: pa.Array) -> pa.Array:
    """Who sent payload first: the first D (originator) or d (responder) of the history, else by who sent any."""
    upper, lower = pc.find_substring(history, "D"), pc.find_substring(history, "d")
    none = pa.scalar(None, pa.int64())
    later = pc.if_else(pc.less(upper, lower), pa.scalar(0, pa.int64()), pa.scalar(1, pa.int64()))
    both = pc.and_(pc.greater_equal(upper, 0), pc.greater_equal(lower, 0))
    alone = rows_of.first_payload(orig, resp)
    some = pc.or_(pc.greater(orig, 0), pc.greater(resp, 0))
    return pc.if_else(some, pc.if_else(pc.fill_null(both, False), later, alone), none)


def _unread(history: pa.Array, tcp: pa.Array, protocol: pa.Array, payload: pa.Array) -> pa.Array:
    """Why a flow with payload has no name: its start was not seen, or Zeek knows no name for it."""
    started = pc.fill_null(pc.match_substring_regex(history, "[SsHh]"), True)
    why = pc.if_else(pc.and_(tcp, pc.invert(started)), "midstream", rows_of.UNLOGGED)
    return pc.if_else(pc.and_(payload, pc.is_null(protocol)), why, "")


def _ssl(log: _Log) -> None:
    rows_of.drop(log.output, log.table, {"client_subject": "ssl.client_subject"})
    prints = filled(rows_of.element(log["cert_chain_fps"], 0))
    keys = pc.coalesce(prints, filled(rows_of.element(log["cert_chain_fuids"], 0)))
    known = log.reader.certificates
    subject = pc.coalesce(filled(log["subject"]), known.of(keys, 0))
    issuer = pc.coalesce(filled(log["issuer"]), known.of(keys, 1))
    digest = pc.coalesce(prints, known.of(keys, 3))
    version = each(_version, log["version"])
    datagrams = pc.fill_null(pc.starts_with(version, "DTLS"), False)
    log.add(
        Tls, **log.flow(), transport=pc.if_else(datagrams, "dtls", "tcp"), version=version,
        server_name=rows_of.dns_names(filled(log["server_name"])), alpn=filled(log["next_protocol"]),
        ja4=filled(log["ja4"]), client_side=0, san=known.of(keys, 2),
        certificate_sha256=each(lambda text: text.lower() if re.fullmatch(r"[0-9a-fA-F]{64}", text) else None, digest),
        subject_cn=rows_of.common_name(subject), subject_org=rows_of.organisation(subject),
        subject_ou=rows_of.unit(subject), issuer_cn=rows_of.common_name(issuer),
        issuer_org=rows_of.organisation(issuer), issuer_ou=rows_of.unit(issuer),
    )  # fmt: skip
    log.note_ends(pc.if_else(datagrams, "dtls", "tls"), pc.if_else(datagrams, "udp", "tcp"))


def _version(text: str) -> str | None:
    """``TLSv13`` as ``TLS 1.3``, ``SSLv3`` as ``SSL 3.0``, as captures have them."""
    found = _VERSIONS.fullmatch(text.strip())
    if found is None:
        return text.strip()[:40] or None
    return f"{found[1].upper()} {found[2]}.{found[3] or 0}"


def _x509(log: _Log) -> None:
    rows_of.drop(log.output, log.table, {"san.email": "x509.san.email"})
    log.reader.certificates.add(log.table)
    log.output.unneeded(log.rows, "certificate, joined to the handshakes that name it")


def _quic(log: _Log) -> None:
    log.add(
        Tls, **log.flow(), transport="quic", version="TLS 1.3",
        server_name=rows_of.dns_names(filled(log["server_name"])), alpn=filled(log["client_protocol"]), client_side=0,
    )  # fmt: skip
    log.note_ends("quic", "udp")


def _dns(log: _Log) -> None:
    name = rows_of.dns_names(filled(log["query"]))
    asked = log.only(pc.is_valid(name), "dns without a question")
    if not len(asked.rows):
        return
    name = name.filter(pc.is_valid(name))
    protocol = rows_of.naming(asked["id.resp_p"])
    client, lines = rows_of.checked_addresses(asked["id.orig_h"]), pa.array(asked.lines)
    asked.add(
        NameQuery, ts=asked["ts"], last_ts=asked["ts"], packet=lines, protocol=protocol, client=client, name=name,
        qtype=pc.coalesce(filled(asked["qtype_name"]), asked["qtype"].cast(_TEXT), pa.scalar("*")), count=1,
    )  # fmt: skip
    _answers(asked, name, protocol, client)


def _answers(log: _Log, name: pa.Array, protocol: pa.Array, client: pa.Array) -> None:
    """Addresses in answers, each with the name that was asked for."""
    lists = log["answers"]
    at, values = pc.list_parent_indices(lists), pc.list_flatten(lists)
    if not len(values):
        return
    of = at.to_numpy(zero_copy_only=False).astype(np.int64)
    place = np.arange(len(of)) - np.searchsorted(of, of)  # position in its own answer
    looks = pc.fill_null(pc.match_substring_regex(values, r"^[0-9a-fA-F:.]*[.:][0-9a-fA-F:.]*$"), False)
    chosen = np.flatnonzero(looks.to_numpy(zero_copy_only=False) & (place < _MOST_ANSWERS))
    address = rows_of.checked_addresses(values.take(pa.array(chosen)))
    sound = address.is_valid().to_numpy(zero_copy_only=False)
    of, address = of[chosen][sound], address.filter(pa.array(sound))
    if not len(of):
        return
    picked = pa.array(of)
    source = protocol.take(picked)
    log.output.add(
        Name,
        {
            "input": log.reader.sensor, "address": address, "name": name.take(picked), "source": source,
            "ts": log["ts"].take(picked), "packet": pa.array(log.lines[of]),
            "client": pc.if_else(pc.equal(source, "mdns"), pa.scalar(None, _TEXT), client.take(picked)),
        },
        log.rows[of],
    )  # fmt: skip


def _dhcp(log: _Log) -> None:
    address = pc.coalesce(
        *(rows_of.checked_addresses(filled(log[name])) for name in ("assigned_addr", "requested_addr", "client_addr"))
    )
    message = each(_message, pc.binary_join(log["msg_types"], ","))
    log.add(
        DhcpRequest, ts=log["ts"], packet=pa.array(log.lines), ip_version=4, message=pc.fill_null(message, "request"),
        mac=hardware_addresses(log["mac"]), address=rows_of.leased(address),
        host_name=filled(log["host_name"]), fqdn=filled(log["client_fqdn"]), domain=filled(log["domain"]),
        server=rows_of.checked_addresses(filled(log["server_addr"])),
    )  # fmt: skip


def _message(types: str) -> str | None:
    """The client's message of an exchange, for the row says what the client says; else the first."""
    listed = [part.strip().upper() for part in types[:200].split(",") if part.strip()]
    found = next((name for name in _CLIENT_MESSAGES if name in listed), next(iter(listed), ""))
    return found.lower() if _PLAIN_NAME.fullmatch(found.lower()) else None


def _rdp(log: _Log) -> None:
    rows_of.drop(
        log.output, log.table,
        {name: f"rdp.{name}" for name in ("cookie", "keyboard_layout", "client_name", "client_dig_product_id")},
    )  # fmt: skip
    screen = rows_of.joined("x", log["desktop_width"].cast(_TEXT), log["desktop_height"].cast(_TEXT))
    detail = rows_of.facts(
        ("", filled(log["result"])), ("chosen: ", filled(log["security_protocol"])),
        ("encryption: ", filled(log["encryption_level"])), ("screen asked for: ", screen),
    )  # fmt: skip
    log.add(
        RemoteControl, **log.flow(), protocol="rdp", version=filled(log["client_build"]), controlled_side=1,
        proof="Zeek read an RDP request: the end that sends it drives", detail=detail,
    )  # fmt: skip
    log.note_ends("rdp")


def _rfb(log: _Log) -> None:
    rows_of.drop(log.output, log.table, {"desktop_name": "rfb.desktop_name"})
    version = rows_of.joined(
        ".", *(each(_number, log[name]) for name in ("server_major_version", "server_minor_version"))
    )
    screen = rows_of.joined("x", log["width"].cast(_TEXT), log["height"].cast(_TEXT))
    outcome = pc.if_else(log["auth"], "let in", "refused")
    log.add(
        RemoteControl, **log.flow(), protocol="rfb", version=version, controlled_side=1,
        proof="Zeek read RFB greetings: the RFB server greets first and is the driven end",
        detail=rows_of.facts(("security: ", filled(log["authentication_method"])), ("", outcome), ("screen: ", screen)),
    )  # fmt: skip
    log.note_ends("rfb")


def _number(text: str) -> str | None:
    return str(int(text)) if re.fullmatch(r"\d{1,6}", text.strip()) else None


def _ssh(log: _Log) -> None:
    client, server = rows_of.software_of(log["client"]), rows_of.software_of(log["server"])
    log.add(
        Ssh, **log.flow(), client=client, server=server, hassh=filled(log["hassh"]),
        hassh_server=filled(log["hasshServer"]), server_side=1, paced=rows_of.paced(client, server),
    )  # fmt: skip
    log.add(
        RemoteControl, **log.flow(), protocol="ssh", controlled_side=1,
        proof="Zeek's word for who is the SSH server",
        detail=rows_of.facts(("", client), ("", server), between=" / "),
    )  # fmt: skip
    log.note_ends("ssh")


def _http(log: _Log) -> None:
    rows_of.drop(log.output, log.table, {"username": "http.username", "password": "http.password"})
    log = log.only(pc.less_equal(pc.fill_null(log["trans_depth"], 1), 1), "later request of a connection")
    if not len(log.rows):
        return
    log.add(
        Http, **log.flow(), method=filled(log["method"]), host=filled(log["host"]), marks="",
        path=rows_of.private_path(log["uri"], rows_of.checked_addresses(log["id.resp_h"])), status=log["status_code"],
    )  # fmt: skip
    log.note_ends("http")


_MAPPINGS = {
    "conn": _conn, "ssl": _ssl, "x509": _x509, "quic": _quic, "dns": _dns, "dhcp": _dhcp, "rdp": _rdp, "rfb": _rfb,
    "ssh": _ssh, "http": _http,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Zeek:
    """Logs of the network monitor Zeek, tab-separated or JSON."""

    kind: ClassVar[str] = "zeek"
    sentence: ClassVar[str] = "Zeek logs, tab-separated or JSON: connections, TLS, DNS, DHCP, RDP, VNC, SSH, HTTP."
    tables: ClassVar[tuple[type[Record], ...]] = (
        CaptureInput, Flow, Host, Tls, Name, NameQuery, DhcpRequest, RemoteControl, Ssh, Http,
    )  # fmt: skip

    def recognises(self, sample: Sample) -> bool:
        """By its header, else by the fields of its JSON lines."""
        if not sample.documents:
            return any(line.startswith(("#separator \\x", "#fields\tts\t")) for line in sample.lines[:20])
        first = sample.documents[0]
        if "event_type" in first or "ts" not in first:
            return False
        ends = "id.orig_h" in first or "uid" in first or isinstance(first.get("id"), dict)
        named = isinstance(first.get("_path"), str) and ("_write_ts" in first or ends)
        return (
            named
            or (bool(log_of_fields(first)) and (ends or "uids" in first or "certificate.subject" in first))
            or (ends and bool(log_of_name(sample.name)))
        )

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read logs; see the module."""
        reader = ZeekReader(rows_of.sensor_number(self.kind, context))
        span = rows_of.Span(self.kind, reader.sensor, context.name)
        for parsed in reader.read(stream, context.name, threads=context.threads):
            span.count(parsed)
            yield parsed
        row = span.parsed()
        if row is not None:
            yield row
