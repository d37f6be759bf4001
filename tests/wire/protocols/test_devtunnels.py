"""Dev tunnels by their WebSocket subprotocol; built from the public source, the relay itself speaks TLS."""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.devtunnels import decode_devtunnel


def upgrade(names):
    return b"GET /api HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Protocol: " + names + b"\r\n\r\n"


def test_host_is_driven_and_client_drives_something_behind_the_relay():
    assert decode_devtunnel(upgrade(b"tunnel-relay-host-v2-dev, tunnel-relay-host"), b"").controlled_side == 0
    client = decode_devtunnel(b"", upgrade(b"tunnel-relay-client"))
    assert (client.role, client.controlled_side) == ("client", None)


@pytest.mark.parametrize("orig", [b"", upgrade(b"graphql-ws"), b"GET /tunnel-relay-host HTTP/1.1\r\n\r\n"])
def test_other_requests_are_refused(orig):
    with pytest.raises(DecodeError):
        decode_devtunnel(orig, b"")
