"""What the feeds of network sensors share: numbers for flows and sensors, addresses, certificate names, hosts.

Sensors name a flow with an id of their own. Tables name it with a number, so the id is hashed into one: the same id
gives the same number in every log, file and run, and 62 bits keep a thousand million flows apart.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.columns import addresses, each
from farmwatch.collectors.feeds.contract import Context, Fault, Parsed
from farmwatch.collectors.feeds.lines import LONGEST_LINE, Block
from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.pages import is_private
from farmwatch.records import CaptureInput, Flow, Host
from farmwatch.records.arrow import arrow_schema

__all__ = [
    "NAMING", "NOT_COUNTED", "UNLOGGED", "Ends", "Span", "checked_addresses", "common_name", "counts", "dns_names",
    "driven_side", "drop", "element", "facts", "first_payload", "flow_numbers", "host_rows", "joined", "leased",
    "naming", "organisation", "paced", "plain_name", "plain_number", "port", "private_path", "sensor_number",
    "software_of", "too_long", "unit",
]  # fmt: skip

UNLOGGED = "unlogged"  #: ``Flow.unread`` of a flow with payload that the sensor put no name to

NAMING = {5353: "mdns", 5355: "llmnr", 137: "nbns"}  #: protocols beside DNS that ask for names, by port

#: Columns of ``flows`` that logs cannot fill. They hold 0 there: ``inputs.kind`` tells, and analysis leaves them alone.
NOT_COUNTED: dict[str, Any] = dict.fromkeys(
    (
        "orig_ttl", "resp_ttl", "retransmitted", "out_of_order", "orig_rtt_samples", "resp_rtt_samples",
        "orig_small_pkts", "resp_small_pkts", "orig_small_gaps", "resp_small_gaps", "orig_active_s", "resp_active_s",
    ),
    0,
)  # fmt: skip
_SERVED = frozenset({"rdp", "rdp-udp", "rfb", "ssh"})
_NO_ADDRESS = "0.0.0.0"  # noqa: S104  (a DHCP client before its lease, not a bind)
_MASK = np.uint64(2**62 - 1)
_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # FNV-1a, 64 bits
_LONGEST_ID = 64  # bytes of an id that count
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^(?:{_OCTET}\.){{3}}{_OCTET}$"
_DATED = re.compile(r"(?i)\d{4}-?\d{2}-?\d{2}.*|\d{1,2}|current|\.{0,2}")  # folders that rotation makes
#: Between the parts of a distinguished name, of RFC 4514 or with a blank, where a comma in a value may stand unescaped.
_DN_PART = re.compile(r"(?<!\\)[,;+/]\s*(?=[A-Za-z][A-Za-z0-9.]{0,30}=)")
_ESCAPED = re.compile(r"\\+(.)")
_OPENSSH = re.compile(r"OpenSSH_(\d+)\.(\d+)")
_PACKED = re.compile(r"(?i)(\.(gz|gzip|zst|zstd))+$")
_ENDS = pa.schema([("flow", pa.int64()), *(
    (name, arrow_schema(Flow).field(name).type)
    for name in ("ts", "proto", "orig_h", "orig_p", "resp_h", "resp_p", "first_packet", "protocol")
)])  # fmt: skip


def flow_numbers(ids: pa.Array) -> pa.Array:
    """A number from 0 to 2**62 - 1 for each id, text or whole number; no id, no number."""
    if pa.types.is_integer(ids.type):
        plain = pc.fill_null(ids, 0).to_numpy(zero_copy_only=False).astype(np.int64)
        hashed = plain.view(np.uint64)
    else:
        hashed = _fnv(pc.fill_null(ids.cast(pa.string()), ""))
    mixed = _mixed(hashed) & _MASK
    return pa.array(mixed.view(np.int64), pa.int64(), mask=ids.is_null().to_numpy(zero_copy_only=False))


def _fnv(texts: pa.Array) -> NDArray[np.uint64]:
    count = len(texts)
    _, edges, data = texts.buffers()
    offsets = np.frombuffer(edges, np.int32)[texts.offset : texts.offset + count + 1].astype(np.int64)
    letters = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    lengths = np.diff(offsets)
    hashed = np.full(count, _FNV_START, np.uint64)
    starts = offsets[:-1]
    for at in range(min(int(lengths.max(initial=0)), _LONGEST_ID)):
        rows = slice(None) if at < lengths.min(initial=0) else np.flatnonzero(lengths > at)
        hashed[rows] = (hashed[rows] ^ letters[starts[rows] + at]) * _FNV_PRIME
    return hashed ^ lengths.astype(np.uint64)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Every bit of the number in every bit of the result (the finisher of SplitMix64, Steele and others 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def sensor_number(kind: str, context: Context) -> int:
    """Number of a sensor as an input, 62 bits: by the device given, else by the folder its logs lie in.

    Folders that rotation makes (dates, hours, ``current``) do not count, so that all days of a sensor are one input.
    """
    folders = re.split(r"[\\/!]", context.name)[:-1]
    named = context.device_id or next((part for part in reversed(folders) if not _DATED.fullmatch(part)), "")
    digest = hashlib.blake2b(f"{kind}\0{named}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") & int(_MASK)


def plain_name(name: str) -> str:
    """A file's name without folders, which may be called after a person, and without ``.gz`` and the like."""
    return _PACKED.sub("", re.split(r"[\\/!]", name)[-1])[:1024]


def checked_addresses(values: pa.Array) -> pa.Array:
    """IP addresses in their usual spelling, anything else without value; quick where most are IPv4."""
    plain = pc.match_substring_regex(values, _IPV4)
    if pc.all(pc.fill_null(plain, True)).as_py() is not False:
        return values
    return pc.if_else(pc.fill_null(plain, False), values, addresses(values))


def counts(values: pa.Array) -> pa.Array:
    """Whole numbers of at least 0; 0 where none is given."""
    return pc.max_element_wise(pc.fill_null(values, 0), 0)


def dns_names(values: pa.Array) -> pa.Array:
    """Names in lower case without their final dot; the root and blank ones have no value."""
    plain = pc.utf8_rtrim(pc.utf8_lower(pc.utf8_trim_whitespace(values)), ".")
    return pc.if_else(pc.equal(plain, ""), pa.scalar(None, pa.string()), plain)


def first_payload(orig: pa.Array, resp: pa.Array) -> pa.Array:
    """Who sent payload where only one side did; which was first of two, counters do not say."""
    sent, answered = pc.greater(orig, 0), pc.greater(resp, 0)
    alone = pc.if_else(sent, pa.scalar(0, pa.int64()), pa.scalar(1, pa.int64()))
    return pc.if_else(pc.xor(sent, answered), alone, pa.scalar(None, pa.int64()))


def common_name(subjects: pa.Array) -> pa.Array:
    """Common names of distinguished names as sensors write them."""
    return each(lambda text: _part(text, "CN"), subjects)


def organisation(subjects: pa.Array) -> pa.Array:
    """Organisations of distinguished names."""
    return each(lambda text: _part(text, "O"), subjects)


def unit(subjects: pa.Array) -> pa.Array:
    """Organisational units of distinguished names."""
    return each(lambda text: _part(text, "OU"), subjects)


def _part(name: str, key: str) -> str | None:
    return _parts(name).get(key)


@lru_cache(maxsize=1 << 16)
def _parts(name: str) -> dict[str, str]:
    """Parts of a distinguished name, the first of each kind; the same few names come again and again."""
    found: dict[str, str] = {}
    for part in _DN_PART.split(name[:4096].lstrip("/")):
        word, equals, value = part.partition("=")
        if equals and (plain := _ESCAPED.sub(r"\1", value).strip() if "\\" in value else value.strip()):
            found.setdefault(word.strip().upper(), plain)
    return found


def software_of(greetings: pa.Array) -> pa.Array:
    """Software in SSH greetings, with or without ``SSH-2.0-`` before and a comment after it."""
    return each(lambda text: re.sub(r"^SSH-[0-9.]+-", "", text.strip()).split(" ")[0] or None, greetings)


def paced(client: pa.Array, server: pa.Array) -> pa.Array:
    """Whether both ends are OpenSSH of 9.5 or later, which sends keystrokes on a grid."""

    def new(text: str) -> bool:
        found = _OPENSSH.match(text)
        return found is not None and (int(found[1][:9]), int(found[2][:9])) >= (9, 5)

    both = pc.and_(each(new, client, pa.bool_()), each(new, server, pa.bool_()))
    return pc.fill_null(both, False)


def element(lists: pa.Array, at: int) -> pa.Array:
    """One element of each list; no value where the list is shorter."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    starts = lists.offsets.to_numpy(zero_copy_only=False)[:-1]
    return lists.values.take(pa.array(starts.astype(np.int64) + at, mask=lengths <= at))


def driven_side(protocols: pa.Array) -> pa.Array:
    """1, the responder, for the protocols whose server is the driven end: sensors name the server so."""
    return each(lambda name: 1 if name in _SERVED else None, protocols, pa.int64())


def naming(ports: pa.Array) -> pa.Array:
    """Protocols that ask for names, by the server's port; dns on all but a few."""
    at = pc.index_in(ports, pa.array(list(NAMING), pa.int64()))
    return pa.array([*NAMING.values(), "dns"]).take(pc.fill_null(at, len(NAMING)))


def leased(addresses_given: pa.Array) -> pa.Array:
    """Addresses without the one that stands for none yet."""
    return pc.if_else(pc.equal(addresses_given, _NO_ADDRESS), pa.scalar(None, pa.string()), addresses_given)


def plain_number(texts: pa.Array) -> pa.Array:
    """Whole numbers as text without leading zeros, as in the 003 of an RFB version."""
    return each(lambda text: str(int(text)) if re.fullmatch(r"[0-9]{1,6}", text.strip()) else None, texts)


def port(values: pa.Array) -> pa.Array:
    """Port numbers; what cannot be one has no value."""
    sound = pc.and_(pc.greater_equal(values, 0), pc.less_equal(values, 65535))
    return pc.if_else(sound, values, pa.scalar(None, pa.int64()))


def joined(between: str, first: pa.Array, second: pa.Array) -> pa.Array:
    """Two texts with something between, where there are both."""
    return pc.binary_join_element_wise(first, second, between)


def facts(*parts: tuple[str, pa.Array], between: str = "; ") -> pa.Array:
    """What there is of some facts, each behind its word; '' where there is none."""
    said = [pc.fill_null(pc.binary_join_element_wise(word, values, between, ""), "") for word, values in parts]
    return pc.utf8_rtrim(pc.binary_join_element_wise(*said, ""), between)


def too_long(block: Block) -> Parsed:
    """Lines that were left out before a block for their length, as faults."""
    reason = f"line longer than {LONGEST_LINE >> 20} MiB"
    faults = [Fault(reason, number) for number in block.too_long]
    return Parsed(records=len(faults), rejects=faults)


def drop(output: Output, table: pa.Table, fields: dict[str, str]) -> None:
    """Count fields that are never kept; ``fields`` gives columns and what they are called in the account."""
    for column, shown in fields.items():
        if column in table.column_names:
            values = table.column(column)
            if (held := len(values) - values.null_count) > 0:
                output.dropped[shown] += held


def private_path(uris: pa.Array, servers: pa.Array) -> pa.Array:
    """Paths without their query, of servers on private addresses; no value elsewhere: what people read is theirs.

    Nor where a proxy was asked for somebody else's page.
    """

    def path(uri: str) -> str | None:
        own = uri.startswith("/") and not uri.startswith("//")
        return re.split(r"[?#;]", uri, maxsplit=1)[0][:1024] if own else None

    near = pc.fill_null(each(is_private, servers, pa.bool_()), False)
    return pc.if_else(near, each(path, uris), pa.scalar(None, pa.string()))


def host_rows(
    output: Output, sensor: int, ends: list[dict[str, Any]], rows: NDArray[np.int64]
) -> None:  # fmt: skip
    """Add link-layer and IP addresses seen together, each pair once.

    Args:
        output: of the stretch.
        sensor: number of the input.
        ends: each end of the flows: columns mac, address, packets, bytes, ts, last_ts.
        rows: record of each flow.
    """
    listed = []
    for end in ends:
        table = pa.table(end | {"row": pa.array(rows)})
        listed.append(table.filter(pc.and_(pc.is_valid(table["mac"]), pc.is_valid(table["address"]))))
    seen = pa.concat_tables(listed)
    if not seen.num_rows:
        return
    found = seen.group_by(["mac", "address"], use_threads=False).aggregate(
        [("packets", "sum"), ("bytes", "sum"), ("ts", "min"), ("last_ts", "max"), ("row", "min")]
    )
    output.add(
        Host,
        {
            "input": sensor, "mac": found["mac"], "address": found["address"], "packets": found["packets_sum"],
            "bytes": found["bytes_sum"], "first_ts": found["ts_min"], "last_ts": found["last_ts_max"], "ttl": 0,
        },
        found["row_min"].to_numpy(),
    )  # fmt: skip


@dataclass(slots=True)
class Ends:
    """The ends of flows that logs of handshakes name, for those of which no log of flows tells."""

    tables: list[pa.Table] = field(default_factory=list)

    def add(self, **columns: Any) -> None:
        """Note flows by their number, time, ends, line and protocol."""
        self.tables.append(pa.table(columns).select(_ENDS.names).cast(_ENDS))

    def table(self) -> pa.Table:
        """Everything noted."""
        return pa.concat_tables(self.tables) if self.tables else _ENDS.empty_table()


@dataclass(slots=True)
class Span:
    """What one input of a sensor came to, for its row of ``inputs``."""

    kind: str
    sensor: int
    path: str
    flows: int = 0
    first: Any = None
    last: Any = None
    rows: int = 0

    def count(self, parsed: Parsed) -> None:
        """Add a stretch."""
        self.rows += sum(table.num_rows for table in parsed.tables.values())
        flows = parsed.tables.get(Flow)
        if flows is not None:
            self.flows += flows.num_rows
            first, last = pc.min(flows["ts"]).as_py(), pc.max(flows["last_ts"]).as_py()
            self.first = first if self.first is None else min(self.first, first)
            self.last = last if self.last is None else max(self.last, last)

    def parsed(self) -> Parsed | None:
        """The row, where there was anything; it comes from no record, so it counts as none."""
        if not self.rows:
            return None
        row = {
            "input": self.sensor, "path": plain_name(self.path), "sha256": "", "kind": self.kind, "vantage": "unknown",
            "packets": 0, "bytes": 0, "first_ts": self.first, "last_ts": self.last, "flows": self.flows,
            "complete": True,
        }  # fmt: skip
        return Parsed({CaptureInput: pa.Table.from_pylist([row], schema=arrow_schema(CaptureInput))})
