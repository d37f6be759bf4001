"""VS Code and dev tunnels relays: the WebSocket subprotocol names the side.

Fact rows (VSCodeTunnel payload), high, dev-tunnels public source: subprotocol ``tunnel-relay-host`` from the
controlled end, ``tunnel-relay-client`` from the controller, each also with ``-v2-dev``. The relay speaks TLS, so this
shows only behind a proxy that opens TLS or in decrypted captures.

Sample, a line of the upgrade request::

    Sec-WebSocket-Protocol: tunnel-relay-host-v2-dev, tunnel-relay-host
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["DevTunnel", "decode_devtunnel"]

_SUBPROTOCOL = re.compile(rb"\r\nsec-websocket-protocol:[ \t]*([^\r\n]{0,200})\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DevTunnel:
    """One end's connection to the tunnel relay."""

    role: str  #: ``host`` (controlled) or ``client`` (controller)
    controlled_side: int | None  #: the end that asked, if it is the host; the relay is never the controlled one


def decode_devtunnel(orig: bytes, resp: bytes) -> DevTunnel:
    """Read an upgrade request from the first bytes of both directions.

    Raises:
        DecodeError: no upgrade to a tunnel relay subprotocol.
    """
    for side, data in enumerate((orig, resp)):
        if not data.startswith(b"GET "):
            continue
        match = _SUBPROTOCOL.search(data, 0, 4096)
        names = match[1].lower() if match else b""
        if b"tunnel-relay-host" in names:
            return DevTunnel("host", side)
        if b"tunnel-relay-client" in names:
            return DevTunnel("client", None)
    raise DecodeError("no WebSocket upgrade to a tunnel relay")
