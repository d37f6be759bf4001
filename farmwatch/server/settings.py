"""What a server may be told: addresses, folders and every limit, in one place."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["CaptureLimits", "Limits", "LogLimits", "Settings", "is_loopback"]

_KIB, _MIB, _GIB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request, one connection and one sender may cost."""

    body_bytes: int = 32 * _MIB  #: of a body, as sent and unpacked
    body_rows: int = 250_000  #: lines of a body, and rows it may give
    body_ratio: int = 250  #: unpacked to packed bytes, where that is over a mebibyte; JSON rarely passes 50
    body_s: float = 600.0  #: until the last byte of a body
    idle_s: float = 20.0  #: between two pieces of a body
    least_bytes_s: int = 16 * _KIB  #: a body may be half a minute behind this speed
    header_bytes: int = 32 * _KIB  #: request line and headers
    header_s: float = 15.0  #: until the last header, from the connection or the first byte of the next request
    write_s: float = 30.0  #: for a client to read on, once it let an answer back up
    keep_alive_s: float = 65.0  #: of a connection nobody uses
    connections: int = 2000
    in_flight_bytes: int = 256 * _MIB  #: bodies in memory, all requests together
    rate_bytes_s: int = 64 * _MIB  #: of unpacked bodies, for each token; 0 for no limit
    token_s: float = 2.0  #: how long a token that was looked up is taken for good, so how long one revoked still works


@dataclass(frozen=True, slots=True)
class LogLimits:
    """How the log is cut and when it takes no more."""

    segment_rows: int = 65_536
    segment_bytes: int = 64 * _MIB
    segment_s: float = 1.0  #: until rows are committed, where there are few
    batch_rows: int = 262_144  #: rows of segments committed together when the committer is behind
    pending_bytes: int = 2 * _GIB  #: acknowledged and not yet in the store
    free_bytes: int = 256 * _MIB  #: left free on the log's disk, which commits may use and new rows may not
    group_bytes: int = 64 * _MIB  #: written before one fsync


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    """What uploaded captures may cost."""

    size_bytes: int = 8 * _GIB
    total_bytes: int = 64 * _GIB  #: all captures kept
    open_uploads: int = 64  #: begun and not finished
    expire_s: float = 24 * 3600.0  #: of an upload that does not go on
    keep_s: float = 30 * 24 * 3600.0  #: of a capture and its report
    scan_s: float = 3600.0
    scan_bytes: int = 8 * _GIB  #: address space of the process that scans


@dataclass(frozen=True, slots=True)
class Settings:
    """A server."""

    store: str  #: folder or URL
    log_dir: Path
    capture_dir: Path
    host: str = "127.0.0.1"
    port: int = 8470
    cert: Path | None = None  #: PEM, with intermediate certificates
    key: Path | None = None
    threads: int = 2  #: that parse
    upkeep_s: float = 600.0  #: between rounds of joining small files in the store; 0 for none
    drain_s: float = 30.0  #: for finishing and committing after SIGTERM
    limits: Limits = field(default_factory=Limits)
    log: LogLimits = field(default_factory=LogLimits)
    captures: CaptureLimits = field(default_factory=CaptureLimits)


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
