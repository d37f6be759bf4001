"""Tailscale disco datagrams and clear DERP relays."""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.tailscale import decode_derp, decode_disco, decode_tailscale

DISCO = bytes.fromhex("5453f09f92ac") + bytes(range(32)) + bytes(24) + bytes(18)


def test_disco_shows_the_senders_key():
    disco = decode_disco(DISCO)
    assert (disco.sender_key, disco.sealed_bytes) == (bytes(range(32)).hex(), 18)


def test_disco_beside_wireguard_is_found():
    assert decode_tailscale([b"\4\0\0\0" + bytes(28)], [bytes(32), DISCO]).sealed_bytes == 18


@pytest.mark.parametrize("bad", [b"", DISCO[:79], b"TS" + bytes(100)])
def test_other_datagrams_are_refused(bad):
    with pytest.raises(DecodeError):
        decode_disco(bad)


def test_derp_by_its_upgrade_or_its_first_frame():
    upgrade = b"GET /derp HTTP/1.1\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n"
    frame = b"\x01\0\0\0\x28DERP\xf0\x9f\x94\x91" + bytes(32)
    assert decode_derp(upgrade, b"").client_side == 0
    assert decode_derp(upgrade, b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + frame).server_key_shown
    assert decode_derp(frame, b"").client_side == 1
    with pytest.raises(DecodeError):
        decode_derp(b"GET /derp HTTP/1.1\r\n\r\n", b"")


def test_capture(flows_of, golden):
    (flow,) = [
        flow for flow in flows_of("confusable/ntop+nDPI/tests/cfgs/default/pcap/tailscale.pcap") if 41641 in flow.ports
    ]
    golden("tailscale", decode_tailscale(*flow.datagrams))
