"""Packet captures: one file in, the network tables out.

Two things happen while the file streams by: pass one counts flows, and as soon as a flow's first bytes are complete the
decoders read them, so that memory stays bounded however large the file is. Where some flows might carry a hand, the
file is read once more for their packet sizes and times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from farmwatch.collectors.candidates import candidate_flows
from farmwatch.collectors.flow_rows import flow_rows, host_rows
from farmwatch.collectors.heads import HeadReader
from farmwatch.collectors.messages import MessageRows, arp_rows
from farmwatch.collectors.pages import without_reading
from farmwatch.collectors.proofs import describe
from farmwatch.collectors.second import read_again
from farmwatch.collectors.stun import stun_rows
from farmwatch.errors import SourceError
from farmwatch.records import (
    CaptureInput,
    Flow,
    Http,
    Record,
    Reject,
    RemoteControl,
    Rows,
    Ssh,
    Table,
    Tables,
    Tls,
)  # fmt: skip
from farmwatch.wire.flows import flow_table
from farmwatch.wire.layout import REJECTS, X_FRAGMENT
from farmwatch.wire.scan import Mode, WireScan, choose_mode, scan_chunks
from farmwatch.wire.series import wanted_flows
from farmwatch.wire.source import CaptureReader, open_capture
from farmwatch.wire.spool import Readings

__all__ = ["Collected", "collect_capture"]

Progress = Callable[[int], None]
R = TypeVar("R", bound=Record)
_FIRST_SHARE = 0.8  # of the time a capture takes, about: the first reading
_SHELLS_AND_SCREENS = frozenset(
    {"rdp", "rdp-udp", "rfb", "ssh", "nomachine", "radmin", "citrix", "rustdesk", "teamviewer", "anydesk", "splashtop",
     "aeroadmin", "devtunnel", "frp"}
)  # fmt: skip
#: rejects of sound packets
_NOT_FOLLOWED = (
    "flow table full", "unanswered attempts and lookups dropped from the full flow table", "too many nested headers",
    "unknown link type",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Collected:
    """What one capture gave; ``error`` instead of packets where it could not be read at all."""

    tables: Tables
    error: str | None = None


def collect_capture(
    source: Path | str | BinaryIO, number: int, *, name: str | None = None, mode: Mode | None = None,
    progress: Progress | None = None,
) -> Collected:  # fmt: skip
    """Read one capture.

    Args:
        source: path, ``-`` for standard input, or a binary file object.
        number: the input's number, written into every row.
        name: path to show; the source's own where left out.
        mode: how to run the kernels; by size where left out.
        progress: called with how far the work got, in stored bytes; it ends at the size of the capture.

    Returns:
        The tables. Damage becomes rows of ``rejects``; a capture that cannot be read at all gives one ``inputs`` row
        with no packets, one reject, and ``error``.
    """
    shown = name or str(source)
    size = _size(source)
    try:
        with (
            Readings(source) as readings,
            open_capture(
                readings.first, mode=mode or choose_mode(size), progress=_part(progress, 0.0, _FIRST_SHARE)
            ) as reader,
        ):
            heads = HeadReader()
            scanned = [scan_chunks(reader.chunks(), mode=mode or choose_mode(size), on_heads=heads, beside=True)]
            tables = _tables(shown, number, reader, scanned.pop(), heads, _Again(readings, mode, progress))
            if progress is not None:
                progress(reader.size_bytes)
            return Collected(tables)
    except SourceError as fault:
        rejects: Rows[Reject] = Rows(Reject)
        rejects.add(input=number, reason=fault.reason, offset=fault.offset, count=1)
        inputs: Rows[CaptureInput] = Rows(CaptureInput)
        inputs.add(
            input=number, path=shown, sha256="", kind="unreadable", vantage="unknown", packets=0, bytes=max(size, 0),
            flows=0, complete=False,
        )  # fmt: skip
        return Collected(Tables([inputs.table(), rejects.table()]), fault.reason)


def _part(progress: Progress | None, start: float, share: float) -> Progress | None:
    """Progress of a reading that is so much of the work, after ``start`` stored bytes of it."""
    return None if progress is None else lambda done: progress(int(start + share * done))


def _size(source: Path | str | BinaryIO) -> int:
    """Stored size in bytes, -1 where it cannot be known."""
    if isinstance(source, str | Path) and str(source) != "-":
        try:
            return Path(source).stat().st_size
        except OSError:
            return -1
    return -1


@dataclass(frozen=True, slots=True)
class _Again:
    """What a second reading needs."""

    readings: Readings
    mode: Mode | None
    progress: Progress | None


def _tables(path: str, number: int, reader: CaptureReader, scan: WireScan, heads: HeadReader, again: _Again) -> Tables:
    messages = MessageRows(number)
    messages.read(scan.messages)
    identified = heads.columns(scan.flows)
    messages.name_flows(scan.flows, identified["protocol"])
    flows = flow_rows(scan.flows, number, identified)
    hands = candidate_flows(flows)
    wanted = wanted_flows(scan.flows, hands.rows, fragments=REJECTS[X_FRAGMENT] in scan.rejects)
    # Half of all memory: the rows behind the columns just copied go before the other tables are made.
    first_ns, scan = flows["ts"].view(np.int64), replace(scan, flows=flow_table(np.zeros(0, np.int64), 0))
    for row, side, message in heads.dns:
        client, server = flows["orig_h"][row], flows["resp_h"][row]
        client, server = (client, server) if (side == 0) != message.is_response else (server, client)
        messages.dns_stream(message, client, server, int(flows["first_packet"][row]), int(first_ns[row]))
    for address, resolved in reader.names.items():
        for name in [resolved] if isinstance(resolved, str) else resolved:
            messages.named(address, name, "resolution block", 0, max(scan.first_ns, 0), None)
    second = read_again(
        again.readings, wanted, hands.left_out, number, packets=scan.packets, mode=again.mode,
        progress=_part(again.progress, _FIRST_SHARE * reader.size_bytes, 1 - _FIRST_SHARE),
    )  # fmt: skip
    bad = messages.bad | heads.bad | second.missing
    tables = Tables(
        [
            _rejects(number, reader, scan, bad),
            flows,
            host_rows(scan.hosts, number),
            stun_rows(scan.stun, scan.messages, flows, number, heads.stun),
            arp_rows(scan.arp, number),
            *messages.tables(),
            _shown(Tls, flows, number, heads.tls),
            _shown(Http, flows, number, without_reading(heads.http, flows)),
            _shells(flows, number, heads),
            _remote_control(flows, number, heads),
            second.flows,
            second.series,
        ]
    )
    # Last, for a large file may still be hashed meanwhile.
    tables = tables.replaced(_input(path, number, reader, scan, len(flows), not second.missing))
    if reader.hash_fault:
        reason = f"hash not computed: {reader.hash_fault}"
        tables = tables.replaced(_rejects(number, reader, scan, bad | {reason: 1}))
    return tables


def _input(
    path: str, number: int, reader: CaptureReader, scan: WireScan, flows: int, followed: bool
) -> Table[CaptureInput]:
    rows: Rows[CaptureInput] = Rows(CaptureInput)
    rows.add(
        input=number, path=path, sha256=reader.sha256 or "", kind=reader.kind, vantage="unknown", packets=scan.packets,
        bytes=reader.size_bytes, first_ts=scan.first_ns if scan.packets else None,
        last_ts=scan.last_ns if scan.packets else None, flows=flows,
        complete=reader.complete and followed and not any(scan.rejects.get(reason) for reason in _NOT_FOLLOWED),
    )  # fmt: skip
    return rows.table()


def _left_out(scan: WireScan) -> dict[str, int]:
    """Messages the scan had no room for, by reason. Names may be missing then; flows are all there."""
    room = {f"{kind} messages left unread for lack of room": count for kind, count in scan.messages.dropped.items()}
    room |= {
        "STUN messages left unread for lack of room": scan.stun.dropped,
        "ARP packets left unread for lack of room": scan.arp.dropped,
        "host addresses left out for lack of room": scan.hosts.dropped,
    }
    return {what: count for what, count in room.items() if count}


def _rejects(number: int, reader: CaptureReader, scan: WireScan, left_out: dict[str, int]) -> Table[Reject]:
    rows: Rows[Reject] = Rows(Reject)
    for damage in reader.damage:
        rows.add(input=number, reason=damage.reason, offset=damage.offset, count=max(damage.length, 1))
    clock = {
        "older than the packet before": reader.timestamps_backwards,
        "no time stamp of their own": reader.packets_without_time,
    }
    for reason, count in clock.items():
        if count:
            rows.add(input=number, reason=reason, count=count)
    for reason, count in sorted((scan.rejects | _left_out(scan) | left_out).items()):
        rows.add(input=number, reason=reason, count=count)
    return rows.table()


def _flow_facts(flows: Table[Flow], number: int, flow: int) -> dict[str, Any]:
    return {"input": number, "flow": flow, "ts": flows["ts"][flow], "packet": int(flows["first_packet"][flow])}


def _shown(record: type[R], flows: Table[Flow], number: int, shown: Mapping[int, Mapping[str, Any]]) -> Table[R]:
    """What decoders showed of flows, by column: there are as many rows as handshakes in the capture."""
    chosen = np.array(sorted(shown), dtype=np.int64)
    # Flows whose handshakes were alike share one description: each is laid out once.
    described = [shown[flow] for flow in chosen.tolist()]
    distinct = {id(row): row for row in described}
    place = {one: number for number, one in enumerate(distinct)}
    where = np.fromiter((place[id(row)] for row in described), np.int64, len(described))
    rows = list(distinct.values())
    columns: dict[str, NDArray[Any]] = {
        "input": np.full(len(chosen), number, np.int64),
        "flow": chosen,
        "ts": flows["ts"][chosen],
        "packet": flows["first_packet"][chosen],
    }
    others = [(name, declared) for name, declared in record.columns.items() if name not in columns]
    return Table(
        record, columns | {name: declared.array([row.get(name) for row in rows])[where] for name, declared in others}
    )


def _shells(flows: Table[Flow], number: int, heads: HeadReader) -> Table[Ssh]:
    rows: Rows[Ssh] = Rows(Ssh)
    for flow, session in sorted(heads.ssh.items()):
        server = session.server_side
        software = [end.banner.software if end.banner else None for end in session.ends]
        rows.add(
            **_flow_facts(flows, number, flow), client=software[1 - server] if server is not None else software[0],
            server=software[server] if server is not None else software[1], hassh=session.hassh,
            hassh_server=session.hassh_server, server_side=server, paced=session.keystroke_obfuscation,
        )  # fmt: skip
    return rows.table()


def _remote_control(flows: Table[Flow], number: int, heads: HeadReader) -> Table[RemoteControl]:
    rows: Rows[RemoteControl] = Rows(RemoteControl)
    for flow, found in sorted(heads.found.items()):
        if found.protocol in _SHELLS_AND_SCREENS:
            version, proof, detail = describe(found)
            rows.add(
                **_flow_facts(flows, number, flow), protocol=found.protocol, version=version,
                controlled_side=found.controlled_side, proof=proof, detail=detail,
            )  # fmt: skip
    return rows.table()
