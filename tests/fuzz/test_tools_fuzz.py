"""Any bytes give every decoder here a value or DecodeError; a long run mutates whole samples."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols import (
    aeroadmin,
    anydesk,
    chromoting,
    citrix,
    devtunnels,
    frp,
    ike,
    nomachine,
    openvpn,
    radmin,
    rdp,
    rdpudp,
    rfb,
    rtp,
    rustdesk,
    splashtop,
    ssh,
    stun,
    tailscale,
    teamviewer,
    wireguard,
    zerotier,
    zoom,
)
from farmwatch.wire.protocols.registry import (
    TCP_PROBES,
    UDP_PROBES,
    Identified,
    TcpHead,
    UdpHead,
    identify_tcp,
    identify_udp,
)

#: Seconds the long run goes on for.
LONG_SECONDS = float(os.environ.get("FARMWATCH_FUZZ_SECONDS", "300"))
HEADS: tuple[Callable[[bytes, bytes], object], ...] = (
    aeroadmin.decode_aeroadmin,
    anydesk.decode_anydesk,
    lambda orig, resp: citrix.decode_citrix(orig, resp, 1),
    devtunnels.decode_devtunnel,
    frp.decode_frp,
    nomachine.decode_nomachine,
    openvpn.decode_openvpn_tcp,
    radmin.decode_radmin,
    rdp.decode_rdp,
    lambda orig, resp: rdp.decode_rdp(orig, resp, port_hint=True),
    rfb.decode_rfb,
    lambda orig, resp: rfb.decode_rfb(orig, resp, 0),
    rustdesk.decode_rustdesk,
    splashtop.decode_splashtop,
    lambda orig, resp: splashtop.decode_splashtop(orig, resp, port_hint=True),
    ssh.decode_ssh,
    tailscale.decode_derp,
    teamviewer.decode_teamviewer,
    teamviewer.decode_dyngate,
)
FLOWS: tuple[Callable[[list[bytes], list[bytes]], object], ...] = (
    chromoting.decode_chromoting,
    ike.decode_esp_flow,
    nomachine.decode_nomachine_udp,
    openvpn.decode_openvpn,
    rdpudp.decode_rdpudp,
    rustdesk.decode_rustdesk_udp,
    tailscale.decode_tailscale,
    teamviewer.decode_teamviewer_udp,
    wireguard.decode_wireguard,
    zerotier.decode_zerotier,
    lambda orig, resp: zerotier.decode_zerotier(orig, resp, port_hint=True),
    zoom.decode_zoom,
    lambda orig, _: rtp.rtp_shape(orig),
)
MESSAGES: tuple[Callable[[bytes], object], ...] = (
    ike.decode_ike,
    openvpn.decode_openvpn_reset,
    rdp.decode_rdp_client,
    rdp.decode_rdp_confirm,
    rdp.decode_rdp_request,
    rdpudp.decode_rdpudp_syn,
    rtp.decode_rtp,
    rtp.is_rtcp,
    rustdesk.read_frame,
    ssh.decode_kexinit,
    ssh.decode_ssh_banner,
    stun.decode_channel_data,
    stun.decode_stun,
    stun.decode_stun_stream,
    tailscale.decode_disco,
    wireguard.decode_wireguard_message,
    zerotier.decode_zerotier_hello,
)
KEX = b"\x14" + bytes(16) + b"\0\0\0\x0cext-info-c,k" + b"\0\0\0\x04none" * 7 + bytes(13)
SSH = (
    b"SSH-2.0-OpenSSH_9.6\r\n"
    + (len(KEX) + 6).to_bytes(4, "big")
    + b"\x05"
    + KEX
    + bytes(5)
    + b"\0\0\0\x0c\x05\x1e"
    + bytes(10)
)
MCS = (
    bytes.fromhex("030000ff02f0807f65")
    + b"Duca\x81\x48\x01\xc0\xd8\x00"
    + bytes(212)
    + b"\x03\xc0\x14\0\1\0\0\0rdpdr\0\0\0\0\0\0\0"
)
SEEDS = (
    SSH,
    bytes.fromhex("0300002f2ae00000000000")
    + b"Cookie: mstshash=AWAKECODI\r\n"
    + bytes.fromhex("0100080000000000")
    + MCS,
    bytes.fromhex("030000130ed000001234000200080000000000")
    + b"\x03\0\0\x40\x02\xf0\x80\x7f\x66McDn\x20\x01\x0c\x08\0\0\0\0\0\x02\x0c\x0c\0\x02\0\0\0\2\0\0\0",
    b"RFB 003.008\n\x02\x02\x10"
    + bytes(20)
    + bytes.fromhex("04000300")
    + bytes(20)
    + b"\x04\0\0\0\0\0\0a" * 4
    + b"\x06\0\0\0\xff\xff\xff\xf0",
    b"ID:1234\0".ljust(250, b"\0") + b"RFB 003.003\n\0\0\0\1",
    bytes.fromhex(
        "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a6438028000412345678"
    )
    + b"\0\x08\0\x14"
    + bytes(20),
    b"\x40\x01\0\x0c" + bytes.fromhex("8078b1b9050ad16c47d66fde"),
    bytes.fromhex("8078b1b9050ad16c47d66fde") + b"\x11" * 100,
    bytes.fromhex("01000000d837d030") + bytes(140),
    bytes.fromhex("38c35d2b1e907a44100000000000"),
    bytes.fromhex("9a0b1c2d3e4f506100000000000000002b20220800000000000000280000000c") + b"strongsw",
    b"TS\xf0\x9f\x92\xac" + bytes(90),
    bytes(8)
    + b"\x3a\x46\xf1\xbf\x30\x1f\x0a\xb2\xc4\xd8"
    + bytes(9)
    + b"\x01\x0c\x01\x0a\0\x06"
    + bytes(8)
    + b"\x1f\x0a\xb2\xc4\xd8\0"
    + bytes(range(64)),
    bytes.fromhex("17240a2000")
    + bytes(32)
    + bytes.fromhex("17241b0000")
    + bytes.fromhex("1130360018000000")
    + bytes(40),
    bytes.fromhex("c5011a6f0a6d") + bytes(64) + b"\x0a\x09123456789\x12\x20" + bytes(32),
    b"\x9a\x01\x92\x01\x26\x12\x24" + b"0b6d3b3a-2f0c-4a52-9a53-0d9f1f1b7a11",
    b"\x32\x0b\x0a\x09123456789",
    b"convsrc.dst.\x08\0conv\x51\0\x80\0" + bytes(12) + b"\x04\0\0\0\x0c\x1a\x01x",
    b"NXSH-8.10.1\n\x16\x03\x03",
    bytes.fromhex("01000000010000000808"),
    b"\x7f\x7fICA\0",
    bytes.fromhex("000100080000000000020100"),
    bytes.fromhex("e100000000000b0000d8000000") + b"MIGdMA",
    b"o\0\0\0\0\0\0\0\x28" + b'{"version":"0.61.1","privilege_key":"x"}',
    b"\x17\x16\x03\x01\0\xee\x01\0" + bytes(60),
    b"\x05\0\3\0\x4f\x83\x79\0\x0d" + bytes(60),
    b"\x01\0\3" + bytes(range(16)) + bytes(60),
    b"\x1f\x02\x01" + bytes(30),
    b"\x16\xfe\xfd" + bytes(10) + b"\x0b\x06\x03\x55\x04\x03\x0c\x0achromoting",
    b"\x16\x03\x01\0\x80\x01"
    + bytes(60)
    + b"\0\x10\0\x16\0\x14\x13anydesk/6.2.0/linux"
    + b"\x06\x03\x55\x04\x03\x0c\x0cAnyNet Relay",
    b"GET /derp HTTP/1.1\r\nUpgrade: DERP\r\nUser-Agent: DynGate\r\nSec-WebSocket-Protocol: tunnel-relay-host\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\n\r\nRFB 003.008\n",
    b"HTTP/1.1 200 OK\r\n\r\nRFB 003.008\n",
    b"\x05\x01\0\x05\x01\0\x01\x0a\0\0\x01\x0d\x3d\x03\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\0\0\0\0",
    b"\x05\0\x05\0\0\x01\0\0\0\0\0\0\x03\0\0\x13\x0e\xd0",
    bytes.fromhex("ffffffff00401801a7eb5da404d004d0") + bytes(1100),
    bytes.fromhex("a7eb5da4004010050547d72b04d004d000010101") + bytes(1100),
)
SLOWEST = 0.25  # seconds of processor time for one call: waiting for a busy machine does not count


def mutated(rng: random.Random, seed: bytes) -> bytes:
    """One sample with bytes changed, cut, repeated or mixed with another sample's."""
    data = bytearray(seed)
    for _ in range(rng.choice((0, 1, 1, 2, 4, 16))):
        kind = rng.randrange(7)
        at = rng.randrange(len(data) + 1)
        if kind <= 1 and data:
            data[at % len(data)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 64)))
        elif kind == 4:
            del data[at : at + rng.randrange(1, 9)]
        elif kind == 5:
            data[at:at] = data[:4096]
        else:
            other = rng.choice(SEEDS)
            data[at:] = other[rng.randrange(len(other)) :]
    return bytes(data[:8192])


def exercise(rng: random.Random) -> None:
    """One round: all decoders over one pair of inputs."""
    orig, resp = mutated(rng, rng.choice(SEEDS)), mutated(rng, rng.choice((*SEEDS, b"")))
    several = [
        [mutated(rng, rng.choice((orig, resp))) for _ in range(rng.randrange(5))] + [orig],
        [resp] * rng.randrange(3),
    ]
    ports = rng.choice(((5, 80), (5, 3389), (4500, 4500), (5, 9993), (5, 51820), (5, 3478), (5, 6783)))
    for decode in HEADS:
        attempt(decode, orig, resp)
    for decode_flow in FLOWS:
        attempt(decode_flow, several[0], several[1])
    for decode_message in MESSAGES:
        attempt(decode_message, orig)
    start = time.process_time()
    assert isinstance(identify_tcp(orig, resp, rng.choice((-1, 0, 1)), ports), Identified)
    assert isinstance(identify_udp(several[0], several[1], ports), Identified)
    assert time.process_time() - start < SLOWEST
    tcp, udp = TcpHead(orig, resp, 0, ports), UdpHead(several[0], several[1], ports)
    for _, test, decode_tcp in TCP_PROBES:
        test(orig, resp)
        attempt(decode_tcp, tcp)
    for _, test, decode_udp in UDP_PROBES:
        test(orig, resp)
        attempt(decode_udp, udp)


def attempt(decode: Callable[..., object], *args: object) -> None:
    """A value or DecodeError, and quickly; anything else fails the test with its input in the traceback."""
    start = time.process_time()
    with suppress(DecodeError):
        decode(*args)
    assert time.process_time() - start < SLOWEST, (decode, args)


def test_seeds_themselves_are_read_by_something():
    """A seed no decoder accepts, alone or opposite another one, would only test refusals."""
    for seed in SEEDS:
        assert any(map(accepts, calls_with(seed))) or identify_tcp(seed, b"").protocol != "unknown", seed


def calls_with(seed: bytes) -> list[Callable[[], object]]:
    """Every decoder with this seed on one side."""
    calls: list[Callable[[], object]] = [partial(head, seed, peer) for head in HEADS for peer in (b"", *SEEDS)]
    calls += [partial(flow, [seed] * 2, peer) for flow in FLOWS for peer in ([], *([other] for other in SEEDS))]
    return calls + [partial(message, seed) for message in MESSAGES]


def accepts(call: Callable[[], object]) -> bool:
    """Whether a decoder gives a value."""
    try:
        return bool(call())
    except DecodeError:
        return False


def test_mutated_samples_give_values_or_decode_errors():
    rng = random.Random(20260101)
    for _ in range(400):
        exercise(rng)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 8, 11, 12, 16, 19, 20, 28, 64, 8192])
def test_plain_fillings_of_every_critical_size(size):
    rng = random.Random(size)
    for filling in (b"\0", b"\xff", b"\x80", b"A"):
        for seed in (filling * size, rng.randbytes(size)):
            for decode in HEADS:
                attempt(decode, seed, seed)
            for decode_flow in FLOWS:
                attempt(decode_flow, [seed] * 16, [seed] * 16)
            for decode_message in MESSAGES:
                attempt(decode_message, seed)


@pytest.mark.fuzz
@pytest.mark.timeout(LONG_SECONDS + 300)
def test_long_mutation_run():
    """As long as asked (FARMWATCH_FUZZ_SECONDS) with a fresh seed, printed on failure by pytest's captured output."""
    seed = time.time_ns()
    print(f"seed {seed}")
    rng = random.Random(seed)
    end = time.monotonic() + LONG_SECONDS
    while time.monotonic() < end:
        for _ in range(50):
            exercise(rng)
