"""Suricata's EVE log as the network tables that captures fill.

``flow`` (or, where that is switched off, ``netflow``) gives flows, ``tls`` and ``quic`` handshakes, ``dns`` names in
all three versions of its layout, ``dhcp``, ``rdp``, ``rfb``, ``ssh``, ``http`` and ``arp`` what captures show of these.
Other events, alerts among them, are counted and not needed.

What an event cannot know stays without value, or 0 where the table needs one (``NOT_COUNTED`` of the sensors' shared
part); ``packet`` is the line of the log. Suricata counts bytes of whole frames, so payload is worked out from them and
about right. RDP cookies (user names), keyboard layouts, client and desktop names, and subjects of client certificates,
are counted and left behind.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds import sensor_rows as rows_of
from farmwatch.collectors.feeds.columns import each, filled, hardware_addresses, lowered, struct_field, times
from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.documents import Documents, json_documents, json_lines
from farmwatch.collectors.feeds.lines import Block, Rejoined, blocks
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import (
    Arp,
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
)

__all__ = ["Suricata", "SuricataReader"]

_T, _W, _B = pa.string(), pa.int64(), pa.bool_()
_L = pa.list_(_T)


def _fields(**kinds: pa.DataType) -> pa.DataType:
    return pa.struct(list(kinds.items()))


_ASKED = pa.list_(_fields(rrname=_T, rrtype=_T))
_ANSWERED = pa.list_(_fields(rrname=_T, rrtype=_T, rdata=_T))
_SOFTWARE = _fields(software_version=_T, hassh=_fields(hash=_T))
#: Fields used, and those that must not be kept, to be counted
_SCHEMA = pa.schema(
    {
        "timestamp": _T, "flow_id": _W, "event_type": _T, "src_ip": _T, "src_port": _W, "dest_ip": _T, "dest_port": _W,
        "proto": _T, "app_proto": _T, "vlan": pa.list_(_W), "tx_id": _W,
        "ether": _fields(src_macs=_L, dest_macs=_L),
        "flow": _fields(
            pkts_toserver=_W, pkts_toclient=_W, bytes_toserver=_W, bytes_toclient=_W, start=_T, end=_T, state=_T,
        ),
        "tcp": _fields(syn=_B, rst=_B, fin=_B, state=_T),
        "netflow": _fields(pkts=_W, bytes=_W, start=_T, end=_T, min_ttl=_W),
        "tls": _fields(
            sni=_T, version=_T, subject=_T, issuerdn=_T, subjectaltname=_L, certificate=_T, ja4=_T, client_alpns=_L,
            client=_fields(subject=_T),
        ),
        "quic": _fields(sni=_T, ja4=_T),
        "dns": _fields(
            type=_T, rrname=_T, rrtype=_T, rdata=_T, answers=_ANSWERED, queries=_ASKED,
        ),
        "dhcp": _fields(
            type=_T, dhcp_type=_T, client_mac=_T, assigned_ip=_T, client_ip=_T, requested_ip=_T, hostname=_T,
            routers=_L, vendor_class_identifier=_T,
        ),
        "rdp": _fields(
            event_type=_T, cookie=_T, protocol=_T,
            client=_fields(build=_T, keyboard_layout=_T, client_name=_T, product_id=_W, serial_number=_W, id=_T),
        ),
        "rfb": _fields(
            server_protocol_version=_fields(major=_T, minor=_T),
            authentication=_fields(security_type=_W, security_result=_T),
            framebuffer=_fields(width=_W, height=_W, name=_T),
        ),
        "ssh": _fields(client=_SOFTWARE, server=_SOFTWARE),
        "http": _fields(hostname=_T, url=_T, http_method=_T, status=_W),
        "arp": _fields(opcode=_T, src_mac=_T, src_ip=_T, dest_mac=_T, dest_ip=_T),
    }
)  # fmt: skip
_COMMON = ("timestamp", "flow_id", "event_type", "src_ip", "src_port", "dest_ip", "dest_port", "proto")
_ALSO = {
    "flow": ("app_proto", "vlan", "ether", "tcp"), "netflow": ("app_proto", "vlan", "ether", "tcp"), "http": ("tx_id",),
}  # fmt: skip
_BANNED = {
    "rdp": ("cookie", "client.keyboard_layout", "client.client_name", "client.product_id", "client.id"),
    "rfb": ("framebuffer.name",),
    "tls": ("client.subject",),
}
_HEAD = 64 << 10
_TYPE = re.compile(rb'"event_type"\s*:\s*"([^"\\]*)"')  # quotes inside a text are escaped: it is no text
_PLAIN_NAME = re.compile(r"[a-z0-9_-]{1,40}")
_APPS = {"dcerpc": "dce-rpc", "krb5": "kerberos", "bittorrent-dht": "bittorrent", "http2": "http"}
_UNKNOWN_APPS = frozenset({"failed", "unknown", "", "template"})
_STATES = {
    "syn_sent": "syn", "syn_recv": "half-open", "established": "established", "fin_wait1": "closing",
    "fin_wait2": "closing", "close_wait": "closing", "last_ack": "closing", "closing": "closing",
    "time_wait": "closed", "closed": "closed",
}  # fmt: skip
_OPEN_STATES = pa.array(["established", "closing", "closed"])
_TCP_HEADERS, _UDP_HEADERS, _IPV6_MORE = 66, 42, 20  # Ethernet, IPv4, TCP with time stamps; Ethernet, IPv4, UDP
_SECURITY = {
    1: "none", 2: "vnc", 5: "ra2", 6: "ra2ne", 16: "tight", 17: "ultra", 18: "tls", 19: "vencrypt", 20: "sasl",
    30: "apple-dh", 33: "apple-33", 35: "apple-35", 36: "apple-36",
}  # fmt: skip  # RFC 6143 section 7.1.2 and the register of RFB security types
_VERSION = re.compile(r"(?i)(d?tls|ssl)\s*v?(\d)(?:\.(\d))?")
_MOST_ANSWERS = 64
_MOST_OTHERS = 50  # types of events that are not needed, told apart in a stretch
_OTHER_WAY = "netflow event of a flow's other direction, joined to the first"
_MOST_NAMES = 20


@dataclass(slots=True)
class SuricataReader:
    """Turns events of one sensor into rows."""

    sensor: int
    ends: rows_of.Ends | None = None  #: filled where given
    halves: frozenset[int] = frozenset()  #: flows of which the last stretch had one direction of two

    def read(self, stream: ByteStream, *, threads: bool = False) -> Iterator[Parsed]:
        """Read one stream of events.

        Raises:
            SourceError: it breaks off.
        """
        whole = Rejoined(stream)
        start = whole.peek(_HEAD).lstrip(b" \t\r\n\xef\xbb\xbf")
        if start.startswith(b"{") and start.split(b"\n", 1)[0].rstrip().endswith(b"}"):
            for block in blocks(whole):
                yield self._block(block, threads)
            return
        for documents in json_documents(whole, _SCHEMA, threads=threads, repair=_repaired):
            output = Output(documents.numbers)
            output.before(documents.faults)
            self._mixed(documents.table, np.arange(len(documents.numbers)), documents.numbers, output)
            yield output.finish()

    def _block(self, block: Block, threads: bool) -> Parsed:
        """Lines sorted by their type before they are parsed: each type has few of all fields, and most types none."""
        lines, numbers, groups = list[bytes](), list[int](), dict[bytes, list[int]]()
        for number, line in enumerate(block.data.split(b"\n"), block.first_line):
            if plain := line.strip(b" \t\r\xef\xbb\xbf"):
                told = _TYPE.search(plain) if plain.startswith(b"{") and plain.endswith(b"}") else None
                groups.setdefault(told[1] if told else b"", []).append(len(lines))
                lines.append(plain)
                numbers.append(number)
        places = np.array(numbers, np.int64)
        output = Output(places)
        output.before(rows_of.too_long(block))
        odd, others = groups.pop(b"", []), 0
        for word, rows in groups.items():
            kind = word.decode("ascii", "replace")
            if kind not in _MAPPINGS:
                others += 1
                output.unneeded(rows, _unneeded(kind if others <= _MOST_OTHERS else "*"))
                continue
            documents = self._documents([lines[row] for row in rows], rows, _schema_of(kind), threads, output)
            table, found = documents.table, documents.numbers
            same = pc.fill_null(pc.equal(table.column("event_type"), kind), False).to_numpy()
            if not same.all():  # the word stood somewhere else
                odd += found[~same].tolist()
                table, found = table.filter(pa.array(same)), found[same]
            if len(found):
                _MAPPINGS[kind](_Events(table.combine_chunks(), found, places[found], output, self))
        if odd:
            documents = self._documents([lines[row] for row in odd], odd, _SCHEMA, threads, output)
            self._mixed(documents.table, documents.numbers, places[documents.numbers], output)
        return output.finish()

    @staticmethod
    def _documents(lines: list[bytes], rows: list[int], schema: pa.Schema, threads: bool, output: Output) -> Documents:
        """Lines in columns, their faults in the account."""
        documents = json_lines(lines, np.array(rows, np.int64), schema, threads=threads, repair=_repaired)
        faults: dict[str, list[int]] = {}
        for fault in documents.faults.rejects:
            faults.setdefault(fault.reason, []).append(fault.offset or 0)
        for reason, wrong in faults.items():
            output.reject(wrong, reason)
        return documents

    def _mixed(self, table: pa.Table, rows: NDArray[np.int64], lines: NDArray[np.int64], output: Output) -> None:
        """Events of any type that were parsed together."""
        if not table.num_rows:
            return
        kinds = pc.dictionary_encode(pc.fill_null(table.column("event_type").combine_chunks(), ""))
        codes = kinds.indices.to_numpy()
        for code, kind in enumerate(kinds.dictionary.to_pylist()):
            picked = np.flatnonzero(codes == code)
            if kind in _MAPPINGS:
                own = table.select(_schema_of(kind).names).take(pa.array(picked)).combine_chunks()
                _MAPPINGS[kind](_Events(own, rows[picked], lines[picked], output, self))
            elif not kind:
                output.reject(rows[picked], "no event_type")
            else:
                output.unneeded(rows[picked], _unneeded(kind))


def _unneeded(kind: str) -> str:
    return f"{kind} event" if _PLAIN_NAME.fullmatch(kind) else "event of an odd type"


@cache
def _schema_of(kind: str) -> pa.Schema:
    """Fields that events of one type need."""
    return pa.schema([_SCHEMA.field(name) for name in (*_COMMON, *_ALSO.get(kind, ()), kind)])


def _repaired(document: dict[str, Any]) -> dict[str, Any]:
    """An event with a field that is not always an object, or not always text, made to fit."""
    dns = document.get("dns")
    if isinstance(dns, dict):
        queries = dns.get("query")
        if isinstance(queries, list) and "queries" not in dns:
            dns = {**dns, "queries": queries}
        document = {**document, "dns": dns}
    vlan = document.get("vlan")
    if vlan is not None and not isinstance(vlan, list):
        document = {**document, "vlan": [vlan]}
    return document


@dataclass(slots=True)
class _Events:
    """Events of one type on their way into tables."""

    table: pa.Table
    rows: NDArray[np.int64]  #: record of each row
    lines: NDArray[np.int64]
    output: Output
    reader: SuricataReader

    def __getitem__(self, path: str) -> pa.Array:
        return struct_field(self.table, path)

    def only(self, wanted: Any, otherwise: str) -> _Events:
        """The rows of a mask; the others are not needed, for what they are."""
        chosen = pc.fill_null(wanted, False).to_numpy(zero_copy_only=False)
        if chosen.all():
            return self
        self.output.unneeded(self.rows[~chosen], otherwise)
        table = self.table.filter(pa.array(chosen))
        return _Events(table, self.rows[chosen], self.lines[chosen], self.output, self.reader)

    def add(self, record: type[Record], **columns: Any) -> None:
        """Add one row for each."""
        if len(self.rows):
            self.output.add(record, {"input": self.reader.sensor} | columns, self.rows)

    @property
    def ts(self) -> pa.Array:
        """When."""
        return times(self["timestamp"])

    def flow(self) -> dict[str, Any]:
        """The columns that name a flow."""
        return {"flow": rows_of.flow_numbers(self["flow_id"]), "ts": self.ts, "packet": pa.array(self.lines)}

    def drop(self) -> None:
        """Count what must not be kept."""
        kind = self["event_type"][0].as_py()
        for path in _BANNED.get(kind, ()):
            values = self[f"{kind}.{path}"]
            if held := len(values) - values.null_count:
                self.output.dropped[f"{kind}.{path}"] += held

    def note_ends(self, protocol: Any) -> None:
        """Keep the ends of these flows for whoever asked for them."""
        if self.reader.ends is None or not len(self.rows):
            return
        facts = self.flow()
        self.reader.ends.add(
            flow=facts["flow"], ts=facts["ts"], first_packet=facts["packet"],
            proto=lowered(self["proto"]),
            protocol=protocol if isinstance(protocol, pa.Array) else pa.repeat(protocol, len(self.rows)),
            orig_h=rows_of.checked_addresses(self["src_ip"]), orig_p=rows_of.port(self["src_port"]),
            resp_h=rows_of.checked_addresses(self["dest_ip"]), resp_p=rows_of.port(self["dest_port"]),
        )  # fmt: skip


def _flow(events: _Events) -> None:
    proto = lowered(events["proto"])
    events, proto = _transport(events, proto)
    if not len(events.rows):
        return
    start = pc.coalesce(times(events["flow.start"]), events.ts)
    end = pc.coalesce(times(events["flow.end"]), start)
    counts = {
        f"{side}_{what}": rows_of.counts(events[f"flow.{given}_{way}"])
        for side, way in (("orig", "toserver"), ("resp", "toclient"))
        for what, given in (("pkts", "pkts"), ("wire_bytes", "bytes"))
    }
    _add_flows(events, proto, start, end, counts)


def _transport(events: _Events, proto: pa.Array) -> tuple[_Events, pa.Array]:
    """The TCP and UDP events among some."""
    wanted = pc.is_in(pc.fill_null(proto, "tcp"), pa.array(["tcp", "udp"]))
    kept = events.only(wanted, "neither TCP nor UDP")
    return kept, proto if kept is events else proto.filter(wanted)


def _add_flows(events: _Events, proto: pa.Array, start: pa.Array, end: pa.Array, counts: dict[str, pa.Array]) -> None:
    tcp = pc.equal(proto, "tcp")
    orig_h, resp_h = rows_of.checked_addresses(events["src_ip"]), rows_of.checked_addresses(events["dest_ip"])
    orig_bytes, resp_bytes = (
        _payload(counts[f"{side}_pkts"], counts[f"{side}_wire_bytes"], tcp, orig_h) for side in ("orig", "resp")
    )
    some_orig, some_resp = pc.greater(orig_bytes, 0), pc.greater(resp_bytes, 0)
    both = pc.and_(pc.greater(counts["orig_pkts"], 0), pc.greater(counts["resp_pkts"], 0))
    protocol = each(_protocol, events["app_proto"])
    protocol = pc.if_else(pc.and_(pc.invert(tcp), pc.equal(protocol, "tls")), "dtls", protocol)
    given = each(lambda word: _STATES.get(word.lower()), events["tcp.state"])
    reset = pc.fill_null(events["tcp.rst"], False)
    words = pc.if_else(reset, "reset", pc.fill_null(given, "midstream"))
    last = pc.max_element_wise(start.cast(_W), end.cast(_W))
    length = pc.divide(pc.subtract(last, start.cast(_W)).cast(pa.float64()), 1e6)
    last = last.cast(start.type)
    macs = {side: _first_mac(events[f"ether.{given}"]) for side, given in (("orig", "src_macs"), ("resp", "dest_macs"))}
    lines = pa.array(events.lines)
    started = pc.fill_null(events["tcp.syn"], True)
    why = pc.if_else(pc.and_(tcp, pc.invert(started)), "midstream", rows_of.UNLOGGED)
    events.add(
        Flow, flow=rows_of.flow_numbers(events["flow_id"]), ts=start, last_ts=last, proto=proto, orig_h=orig_h,
        orig_p=rows_of.port(events["src_port"]), resp_h=resp_h, resp_p=rows_of.port(events["dest_port"]),
        orig_mac=macs["orig"], resp_mac=macs["resp"], vlan=_last_of(events["vlan"]), encapsulation="",
        first_packet=lines, last_packet=lines,
        orig_bytes=orig_bytes, resp_bytes=resp_bytes, orig_data_pkts=some_orig.cast(_W),
        resp_data_pkts=some_resp.cast(_W), first_data_side=rows_of.first_payload(orig_bytes, resp_bytes),
        state=pc.if_else(tcp, words, ""),
        established=pc.and_(both, pc.or_(pc.invert(tcp), pc.fill_null(pc.or_(
            pc.is_in(given, _OPEN_STATES), pc.and_(some_orig, some_resp)), False))),
        lost_bytes=0, longest_silence_s=length, protocol=protocol, controlled_side=rows_of.driven_side(protocol),
        unread=pc.if_else(pc.and_(pc.or_(some_orig, some_resp), pc.is_null(protocol)), why, ""),
        **counts, **rows_of.NOT_COUNTED,
    )  # fmt: skip
    if any(found.null_count < len(found) for found in macs.values()):
        span = {"ts": start, "last_ts": last}
        rows_of.host_rows(
            events.output, events.reader.sensor,
            [
                {"mac": macs[side], "address": _spoke(address, counts[f"{side}_pkts"]),
                 "packets": counts[f"{side}_pkts"], "bytes": counts[f"{side}_wire_bytes"]} | span
                for side, address in (("orig", orig_h), ("resp", resp_h))
            ],
            events.rows,
        )  # fmt: skip


def _spoke(address: pa.Array, packets: pa.Array) -> pa.Array:
    return pc.if_else(pc.greater(packets, 0), address, pa.scalar(None, _T))


def _payload(packets: pa.Array, size: pa.Array, tcp: pa.Array, address: pa.Array) -> pa.Array:
    """About the payload in frames of so many bytes: without the headers that such frames mostly have."""
    six = pc.fill_null(pc.match_substring(address, ":"), False)
    headers = pc.add(pc.if_else(tcp, _TCP_HEADERS, _UDP_HEADERS), pc.if_else(six, _IPV6_MORE, 0))
    room = pc.min_element_wise(packets, 2**40)
    return pc.max_element_wise(pc.subtract(size, pc.multiply(room, headers)), 0)


def _protocol(app: str) -> str | None:
    known = _APPS.get(app.lower(), app.lower())
    return known if known not in _UNKNOWN_APPS and _PLAIN_NAME.fullmatch(known) else None


def _first_mac(lists: pa.Array) -> pa.Array:
    return hardware_addresses(rows_of.element(lists, 0))


def _last_of(lists: pa.Array) -> pa.Array:
    """The innermost of up to three VLAN tags."""
    return pc.coalesce(rows_of.element(lists, 2), rows_of.element(lists, 1), rows_of.element(lists, 0))


def _netflow(events: _Events) -> None:
    """Two events of one flow, a direction each: the client's comes first.

    Where a stretch ends between them, what came back is not known of that flow.
    """
    flow = pc.fill_null(events["flow_id"], 0).to_numpy(zero_copy_only=False)
    late = np.isin(flow, list(events.reader.halves))
    if late.any():
        events = events.only(pa.array(~late), _OTHER_WAY)
    events, proto = _transport(events, lowered(events["proto"]))
    count = len(events.rows)
    if not count:
        return
    flow = pc.fill_null(events["flow_id"], 0).to_numpy(zero_copy_only=False)
    order = np.lexsort((events.lines, flow))
    first = np.ones(count, np.bool_)
    first[1:] = flow[order][1:] != flow[order][:-1]
    starts = np.flatnonzero(first)
    second = np.minimum(starts + 1, count - 1)
    paired = (second > starts) & ~first[second]
    client, server = order[starts], np.where(paired, order[second], -1)
    events.reader.halves = frozenset(flow[client[~paired]].tolist())
    packets, size = (rows_of.counts(events[f"netflow.{name}"]) for name in ("pkts", "bytes"))
    begin = pc.coalesce(times(events["netflow.start"]), events.ts)
    end = pc.coalesce(times(events["netflow.end"]), begin)
    back = pa.array(np.maximum(server, 0))
    none = pa.array(server < 0)

    def answered(values: pa.Array) -> pa.Array:
        return pc.if_else(none, 0, values.take(back))

    picked = pa.array(client)
    own = _Events(events.table.take(picked), events.rows[client], events.lines[client], events.output, events.reader)
    counts = {
        "orig_pkts": packets.take(picked), "orig_wire_bytes": size.take(picked), "resp_pkts": answered(packets),
        "resp_wire_bytes": answered(size),
    }  # fmt: skip
    _add_flows(own, proto.take(picked), begin.take(picked), end.take(picked), counts)
    joined = np.setdiff1d(np.arange(count), client)
    events.output.unneeded(events.rows[joined], _OTHER_WAY)


def _tls(events: _Events) -> None:
    events.drop()
    subject, issuer = filled(events["tls.subject"]), filled(events["tls.issuerdn"])
    version = each(_version, events["tls.version"])
    datagrams = pc.or_(
        pc.fill_null(pc.starts_with(version, "DTLS"), False),
        pc.fill_null(pc.equal(lowered(events["proto"]), "udp"), False),
    )
    events.add(
        Tls, **events.flow(), transport=pc.if_else(datagrams, "dtls", "tcp"), version=version,
        server_name=rows_of.dns_names(filled(events["tls.sni"])), alpn=_listed(events["tls.client_alpns"]),
        ja4=filled(events["tls.ja4"]), client_side=0, subject_cn=rows_of.common_name(subject),
        subject_org=rows_of.organisation(subject), subject_ou=rows_of.unit(subject),
        issuer_cn=rows_of.common_name(issuer), issuer_org=rows_of.organisation(issuer), issuer_ou=rows_of.unit(issuer),
        san=_listed(events["tls.subjectaltname"]), certificate_sha256=each(_digest, filled(events["tls.certificate"])),
    )  # fmt: skip
    events.note_ends(pc.if_else(datagrams, "dtls", "tls"))


def _version(text: str) -> str | None:
    """``TLSv1.3`` and ``TLS 1.3`` alike as ``TLS 1.3``; undetermined as none."""
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        return None if text.strip().upper() in ("", "UNDETERMINED") else text.strip()[:40]
    return f"{found[1].upper()} {found[2]}.{found[3] or 0}"


def _listed(lists: pa.Array) -> pa.Array:
    """The first texts of each list, comma separated, lower case."""
    if lists.null_count == len(lists):
        return pa.nulls(len(lists), _T)
    return filled(pc.utf8_lower(pc.binary_join(pc.list_slice(lists, 0, _MOST_NAMES), ",")))


def _digest(certificate: str) -> str | None:
    """SHA-256 of a certificate in base64."""
    try:
        return hashlib.sha256(base64.b64decode(certificate, validate=True)).hexdigest()
    except (binascii.Error, ValueError):
        return None


def _quic(events: _Events) -> None:
    events.add(
        Tls, **events.flow(), transport="quic", version="TLS 1.3", client_side=0, ja4=filled(events["quic.ja4"]),
        server_name=rows_of.dns_names(filled(events["quic.sni"])),
    )  # fmt: skip
    events.note_ends("quic")


def _dns(events: _Events) -> None:
    """Questions and answers: version 3 asks in ``queries``, 1 and 2 in the event itself; 1 answers so as well."""
    kind = lowered(events["dns.type"])
    asked = pc.is_in(kind, pa.array(["query", "request"]))
    first = rows_of.element(events["dns.queries"], 0)
    name = rows_of.dns_names(filled(pc.coalesce(pc.struct_field(first, "rrname"), events["dns.rrname"])))
    qtype = pc.coalesce(filled(pc.struct_field(first, "rrtype")), filled(events["dns.rrtype"]), pa.scalar("*"))
    here, there = events["src_port"], events["dest_port"]
    # An answer's event may be written from either end: the name server's port tells.
    port = pc.if_else(_is_naming(there), there, here)
    turned = pc.and_(pc.fill_null(pc.invert(asked), False), pc.and_(_is_naming(here), pc.invert(_is_naming(there))))
    client = rows_of.checked_addresses(pc.if_else(turned, events["dest_ip"], events["src_ip"]))
    protocol = rows_of.naming(port)
    lines = pa.array(events.lines)
    rows = np.flatnonzero(pc.and_(pc.fill_null(asked, False), pc.is_valid(name)).to_numpy(zero_copy_only=False))
    if len(rows):
        picked = pa.array(rows)
        ts = events.ts.take(picked)
        events.output.add(
            NameQuery,
            {
                "input": events.reader.sensor, "ts": ts, "last_ts": ts, "packet": lines.take(picked),
                "protocol": protocol.take(picked), "client": client.take(picked), "name": name.take(picked),
                "qtype": qtype.take(picked), "count": 1,
            },
            events.rows[rows],
        )  # fmt: skip
    answered = np.flatnonzero(pc.is_in(kind, pa.array(["answer", "response"])).to_numpy(zero_copy_only=False))
    if len(answered):
        _answers(events, answered, name, protocol, client)
    events.output.unneeded(events.rows, "dns event without a name or an address")


def _is_naming(ports: pa.Array) -> pa.Array:
    return pc.is_in(ports, pa.array([53, *rows_of.NAMING], _W))


def _answers(events: _Events, chosen: NDArray[np.int64], name: pa.Array, protocol: pa.Array, client: pa.Array) -> None:
    """Addresses in answers: the list of version 2 and 3, or the one record that an event of version 1 is."""
    single = events["dns.rdata"].take(pa.array(chosen))
    lists = events["dns.answers"].take(pa.array(chosen))
    parents = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    place = np.arange(len(parents)) - np.searchsorted(parents, parents)
    values = pc.struct_field(pc.list_flatten(lists), "rdata")
    few = place < _MOST_ANSWERS
    of = np.concatenate([parents[few], np.arange(len(chosen))])
    data = pa.concat_arrays([values.filter(pa.array(few)), single])
    looks = pc.fill_null(pc.match_substring_regex(data, r"^[0-9a-fA-F:.]*[.:][0-9a-fA-F:.]*$"), False)
    of, data = of[looks.to_numpy(zero_copy_only=False)], data.filter(looks)
    address = rows_of.checked_addresses(data)
    rows = chosen[of]
    sound = pc.and_(pc.is_valid(address), pc.is_valid(name.take(pa.array(rows)))).to_numpy(zero_copy_only=False)
    rows, address = rows[sound], address.filter(pa.array(sound))
    if not len(rows):
        return
    picked = pa.array(rows)
    source = protocol.take(picked)
    events.output.add(
        Name,
        {
            "input": events.reader.sensor, "address": address, "name": name.take(picked), "source": source,
            "ts": events.ts.take(picked), "packet": pa.array(events.lines[rows]),
            "client": pc.if_else(pc.equal(source, "mdns"), pa.scalar(None, _T), client.take(picked)),
        },
        events.rows[rows],
    )  # fmt: skip


def _dhcp(events: _Events) -> None:
    request = pc.fill_null(pc.equal(lowered(events["dhcp.type"]), "request"), False)
    address = pc.coalesce(
        *(
            rows_of.leased(rows_of.checked_addresses(filled(events[f"dhcp.{name}"])))
            for name in ("assigned_ip", "requested_ip", "client_ip")
        )
    )
    message = each(lambda text: text if _PLAIN_NAME.fullmatch(text) else None, lowered(events["dhcp.dhcp_type"]))
    events.add(
        DhcpRequest, ts=events.ts, packet=pa.array(events.lines), ip_version=4,
        message=pc.coalesce(message, pc.if_else(request, "request", "ack")),
        mac=hardware_addresses(events["dhcp.client_mac"]), address=address, host_name=filled(events["dhcp.hostname"]),
        vendor_class=filled(events["dhcp.vendor_class_identifier"]),
        router=rows_of.checked_addresses(rows_of.element(events["dhcp.routers"], 0)),
    )  # fmt: skip


def _rdp(events: _Events) -> None:
    events.drop()
    step = lowered(events["rdp.event_type"])
    events = events.only(
        pc.is_in(step, pa.array(["initial_response", "connect_request"])), "step of an RDP connection that adds nothing"
    )
    if not len(events.rows):
        return
    answered = pc.equal(lowered(events["rdp.event_type"]), "initial_response")
    said = pc.if_else(answered, "answered", pa.scalar(None, _T))
    events.add(
        RemoteControl, **events.flow(), protocol="rdp", version=filled(events["rdp.client.build"]), controlled_side=1,
        proof="Suricata read an RDP request: the end that sends it drives",
        detail=rows_of.facts(("", said), ("chosen: ", filled(events["rdp.protocol"]))),
    )  # fmt: skip
    events.note_ends("rdp")


def _rfb(events: _Events) -> None:
    events.drop()
    server = (rows_of.plain_number(events[f"rfb.server_protocol_version.{part}"]) for part in ("major", "minor"))
    kind = pc.struct_field(pc.struct_field(events["rfb"], "authentication"), "security_type")
    security = each(lambda text: _SECURITY.get(int(text), text), kind.cast(_T))
    screen = rows_of.joined("x", events["rfb.framebuffer.width"].cast(_T), events["rfb.framebuffer.height"].cast(_T))
    events.add(
        RemoteControl, **events.flow(), protocol="rfb", version=rows_of.joined(".", *server), controlled_side=1,
        proof="Suricata read RFB greetings: the RFB server greets first and is the driven end",
        detail=rows_of.facts(("security: ", security), ("screen: ", screen)),
    )  # fmt: skip
    events.note_ends("rfb")


def _ssh(events: _Events) -> None:
    client, server = (rows_of.software_of(events[f"ssh.{end}.software_version"]) for end in ("client", "server"))
    events.add(
        Ssh, **events.flow(), client=client, server=server, hassh=filled(events["ssh.client.hassh.hash"]),
        hassh_server=filled(events["ssh.server.hassh.hash"]), server_side=1, paced=rows_of.paced(client, server),
    )  # fmt: skip
    events.add(
        RemoteControl, **events.flow(), protocol="ssh", controlled_side=1,
        proof="Suricata's word for who is the SSH server",
        detail=rows_of.facts(("", client), ("", server), between=" / "),
    )  # fmt: skip
    events.note_ends("ssh")


def _http(events: _Events) -> None:
    events = events.only(pc.less_equal(pc.fill_null(events["tx_id"], 0), 0), "later request of a connection")
    if not len(events.rows):
        return
    events.add(
        Http, **events.flow(), method=filled(events["http.http_method"]), host=filled(events["http.hostname"]),
        path=rows_of.private_path(events["http.url"], rows_of.checked_addresses(events["dest_ip"])),
        status=events["http.status"], marks="",
    )  # fmt: skip
    events.note_ends("http")


def _arp(events: _Events) -> None:
    op = each({"request": 1, "reply": 2}.get, lowered(events["arp.opcode"]), _W)
    known = events.only(pc.is_valid(op), "arp event that is neither request nor reply")
    if not len(known.rows):
        return
    sender, ts = hardware_addresses(known["arp.src_mac"]), known.ts
    known.add(
        Arp, packet=pa.array(known.lines), ts=ts, last_ts=ts, count=1, op=op.filter(pc.is_valid(op)), eth_src=sender,
        sender_mac=sender, sender_ip=rows_of.checked_addresses(known["arp.src_ip"]),
        target_mac=pc.fill_null(hardware_addresses(known["arp.dest_mac"]), "00:00:00:00:00:00"),
        target_ip=rows_of.checked_addresses(known["arp.dest_ip"]),
    )  # fmt: skip


_MAPPINGS = {
    "flow": _flow, "netflow": _netflow, "tls": _tls, "quic": _quic, "dns": _dns, "dhcp": _dhcp, "rdp": _rdp,
    "rfb": _rfb, "ssh": _ssh, "http": _http, "arp": _arp,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Suricata:
    """EVE JSON of the network monitor Suricata."""

    kind: ClassVar[str] = "suricata-eve"
    sentence: ClassVar[str] = "Suricata EVE JSON: flows, TLS, DNS, DHCP, RDP, VNC, SSH, HTTP, QUIC, ARP, netflow."
    tables: ClassVar[tuple[type[Record], ...]] = (
        CaptureInput, Flow, Host, Tls, Name, NameQuery, DhcpRequest, RemoteControl, Ssh, Http, Arp,
    )  # fmt: skip

    def recognises(self, sample: Sample) -> bool:
        """By the type of its events and how they write time and ends."""
        return any(
            isinstance(event.get("event_type"), str)
            and isinstance(event.get("timestamp"), str)
            and ("flow_id" in event or "src_ip" in event or event["event_type"] in event)
            for event in sample.documents[:3]
        )

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read events; see the module."""
        reader = SuricataReader(rows_of.sensor_number(self.kind, context))
        span = rows_of.Span("suricata", reader.sensor, context.name)
        for parsed in reader.read(stream, threads=context.threads):
            span.count(parsed)
            yield parsed
        row = span.parsed()
        if row is not None:
            yield row
