"""What naming a flow's protocol yields, and what the probes are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["UNKNOWN", "Identified", "Ports", "TcpHead", "TcpProbe", "UdpHead", "UdpProbe", "on_port", "starts_with"]

Ports: TypeAlias = tuple[int, int]  #: originator's and responder's port, a tie-break only


@dataclass(frozen=True, slots=True)
class Identified:
    """What a flow speaks."""

    protocol: str  #: ``ssh``, ``rdp``, ``tls`` …; ``unknown`` where nothing fits
    record: object | None = None  #: the decoder's record, None for protocols named by prefix only
    controlled_side: int | None = (
        None  #: end that is driven: 0 originator, 1 responder, None where the bytes do not tell
    )
    tool: str | None = None  #: remote-access or tunnel tool by name, None for general protocols
    tunnel: str | None = None  #: ``socks``, ``http-connect`` or ``websocket`` where this was found inside such a stream


@dataclass(frozen=True, slots=True)
class TcpHead:
    """First bytes of a TCP flow as the probes get them."""

    orig: bytes
    resp: bytes
    first_side: int
    ports: Ports


@dataclass(frozen=True, slots=True)
class UdpHead:
    """First datagrams of a UDP flow as the probes get them."""

    orig: Sequence[bytes]
    resp: Sequence[bytes]
    ports: Ports


TcpProbe: TypeAlias = tuple[str, Callable[[bytes, bytes], bool], Callable[[TcpHead], Identified]]
UdpProbe: TypeAlias = tuple[str, Callable[[bytes, bytes], bool], Callable[[UdpHead], Identified]]

UNKNOWN = Identified("unknown")


def on_port(ports: Ports, *numbers: int) -> bool:
    """Whether either end uses one of the ports; a tie-break, never a reason."""
    return ports[0] in numbers or ports[1] in numbers


def starts_with(*prefixes: bytes) -> Callable[[bytes, bytes], bool]:
    """A test that holds where either direction starts with one of the prefixes."""
    return lambda orig, resp: orig.startswith(prefixes) or resp.startswith(prefixes)
