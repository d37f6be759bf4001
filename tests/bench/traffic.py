"""Packet schedules of benchmark flows and the writer that turns them into pcap records, as Numba kernels.

A flow is a row of :data:`FLOW`; a schedule is a row of :data:`PACKET` per packet, unordered. Sizes and pauses come from
a per-flow xorshift generator, so a flow's packets depend on the seed and the flow alone.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# Kernels take what Numba infers.
from __future__ import annotations

import numpy as np
from numba import njit

from tests.bench.pool import MESSAGES, RANDOM_BYTES

FLOW = np.dtype(
    [
        ("start", "f8"), ("kind", "u1"), ("version", "u1"), ("cport", "u2"), ("sport", "u2"), ("seed", "u8"),
        ("budget", "i8"), ("near", "f4"), ("far", "f4"), ("cip", "u1", 16), ("sip", "u1", 16), ("cmac", "u1", 6),
        ("smac", "u1", 6), ("pick", "i4"),
    ]
)  # fmt: skip
"""One flow: start in seconds, kind (constants below), delays near (client side) and far (server side) as round trips in
seconds, budget in payload bytes the server sends, pick: which variant of a message."""

PACKET = np.dtype(
    [
        ("t", "f8"), ("flow", "i4"), ("back", "u1"), ("flags", "u1"), ("seq", "u4"), ("ack", "u4"), ("at", "i8"),
        ("size", "i4"), ("tsval", "u4"), ("tsecr", "u4"), ("mark", "u2"),
    ]
)  # fmt: skip
"""One packet: back is 1 from server to client, at/size is the payload's place in the pool. mark rewrites the payload's
start: QUIC_SHORT as a QUIC short header, more than that as a TLS application record of so many bytes."""

TLS, HTTP, SSH, VNC, RDP, REFUSED, DNS, QUIC, CHATTER, ARP, NTP = range(11)
"""Kinds of flow; up to REFUSED they are TCP."""

_OPENINGS = {
    TLS: ("tls client", "tls server", "tls finish"),
    HTTP: (),
    SSH: (
        "ssh banner",
        "ssh server banner",
        "ssh kex",
        "ssh server kex",
        "ssh share",
        "ssh server share",
        "ssh new keys",
    ),
    VNC: ("rfb banner", "rfb banner", "rfb types", "rfb choice", "rfb result", "rfb choice", "rfb init"),
    RDP: ("rdp request", "rdp confirm", "rdp hello", "rdp flight", "rdp finish", "rdp server finish"),
    DNS: ("dns query", "dns answer"),
    QUIC: ("quic client", "quic server"),
    CHATTER: ("chatter",),
    ARP: ("ntp",),
    NTP: ("ntp", "ntp"),
}
OPENING = np.full((11, 8), -1, np.int64)
"""Message numbers a flow opens with, in turn; -1 ends the list."""
REQUEST = np.full(11, MESSAGES.index("http request"), np.int64)
"""Message number of a repeated request, by kind of flow."""
REQUEST[VNC] = MESSAGES.index("rfb key")
RESPONSE = MESSAGES.index("http response")
for _kind, _names in _OPENINGS.items():
    OPENING[_kind, : len(_names)] = [MESSAGES.index(name) for name in _names]
QUIC_SHORT = 1
_FIN, _SYN, _RST, _PSH, _ACK = 1, 2, 4, 8, 16
MSS = 1448


@njit(cache=True)
def _next(state):
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return (x >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(cache=True)
def _put(out, n, t, flow, back, flags, seq, ack, at, size, clock, mark):
    row = out[n]
    row.t = t
    row.flow = flow
    row.back = back
    row.flags = flags
    row.seq = np.uint32(seq & 0xFFFFFFFF)
    row.ack = np.uint32(ack & 0xFFFFFFFF)
    row.at = at
    row.size = size
    row.tsval = np.uint32(int(t * 1000) + clock[back] & 0xFFFFFFFF)
    row.tsecr = np.uint32(clock[2 + (1 - back)])
    row.mark = mark
    clock[2 + back] = row.tsval
    return n + 1


@njit(cache=True)
def _send(out, n, t, flow, back, seqs, at, size, near, far, clock, state, loss, framed):
    """Send size bytes in segments with an ACK for every second one; returns (packets so far, time of the last ACK)."""
    peer = 1 - back
    toward = near if back == 1 else far  # the round trip between the capture point and the receiver
    away = far if back == 1 else near
    window = 10
    head = size - 5 if framed and 5 < size <= 16389 else 0
    done = 0
    inflight = 0
    hole = -1
    since = 0
    while done < size:
        if n + 8 > out.shape[0]:
            break
        part = min(MSS, size - done)
        last = done + part >= size
        lost = _next(state) < loss
        if lost and hole < 0 and size > 4 * MSS:
            # Lost before the capture point: the segment shows up one round trip later, between duplicate ACKs.
            hole = done
        else:
            flags = _ACK | (_PSH if last else 0)
            seq, mark = seqs[back] + done, head if done == 0 else 0
            n = _put(out, n, t, flow, back, flags, seq, seqs[peer], at + done, part, clock, mark)
        done += part
        since += 1
        inflight += 1
        t += 0.00002 + 0.00008 * _next(state)
        if since == 2 or last:
            acked = hole if hole >= 0 else done
            n = _put(out, n, t + toward, flow, peer, _ACK, seqs[peer], seqs[back] + acked, 0, 0, clock, 0)
            since = 0
        if inflight >= window or last:
            t += toward + away
            if hole >= 0:
                resent = min(MSS, size - hole)
                mark = head if hole == 0 else 0
                n = _put(out, n, t, flow, back, _ACK, seqs[back] + hole, seqs[peer], at + hole, resent, clock, mark)
                n = _put(out, n, t + toward, flow, peer, _ACK, seqs[peer], seqs[back] + done, 0, 0, clock, 0)
                hole = -1
                t += toward + away
                window = max(2, window // 2)
            inflight = 0
            window = min(window * 2, 256)
    seqs[back] += done
    return n, t


@njit(cache=True)
def _pause(session, state):
    """Seconds before the next request: a person's keys and clicks in a session, bursts of fetches otherwise."""
    if session:
        rest = 5.0 if _next(state) < 0.02 else 0.0
        return 0.08 - 0.25 * np.log(1.0 - _next(state)) + rest
    return 0.01 - 0.6 * np.log(1.0 - _next(state)) * (1.0 if _next(state) < 0.5 else 0.05)


@njit(cache=True)
def _response(session, left, state):
    """Bytes of the next response: heavy tailed, at most half of the random region."""
    draw = _next(state)
    size = 36.0 + 160.0 * (1.0 / (1.0 - draw * 0.995) - 1.0) if session else 600.0 / (1.0 - draw * 0.9999) ** 1.1
    return max(36, min(int(min(size, left)), RANDOM_BYTES // 2))


@njit(cache=True)
def _tcp(out, n, f, index, rows, kinds, records_at, random_at):
    state = np.empty(1, np.uint64)
    state[0] = f.seed | np.uint64(1)
    clock = np.zeros(4, np.int64)
    clock[0] = int(_next(state) * 2e9)
    clock[1] = int(_next(state) * 2e9)
    seqs = np.empty(2, np.int64)
    seqs[0] = int(_next(state) * 4e9)
    seqs[1] = int(_next(state) * 4e9)
    t, near, far = f.start, f.near, f.far
    loss = 0.004 if _next(state) < 0.3 else 0.0003
    n = _put(out, n, t, index, 0, _SYN, seqs[0], 0, 0, 0, clock, 0)
    if f.kind == REFUSED:
        if f.pick % 2:
            return _put(out, n, t + far, index, 1, _RST | _ACK, 0, seqs[0] + 1, 0, 0, clock, 0)
        n = _put(out, n, t + 1.0, index, 0, _SYN, seqs[0], 0, 0, 0, clock, 0)
        return _put(out, n, t + 3.0, index, 0, _SYN, seqs[0], 0, 0, 0, clock, 0)
    t += far
    n = _put(out, n, t, index, 1, _SYN | _ACK, seqs[1], seqs[0] + 1, 0, 0, clock, 0)
    seqs += 1
    t += near
    n = _put(out, n, t, index, 0, _ACK, seqs[0], seqs[1], 0, 0, clock, 0)
    for step in range(8):
        message = OPENING[f.kind, step]
        if message < 0:
            break
        back = (step % 2) ^ (1 if f.kind == VNC else 0)
        row = rows[kinds[message, 0] + f.pick % kinds[message, 1]]
        n, t = _send(out, n, t + 0.0002, index, back, seqs, row[0], row[1], near, far, clock, state, 0.0, False)
    left = f.budget
    framed = f.kind == TLS or f.kind == RDP
    session = f.kind == SSH or f.kind == VNC or f.kind == RDP
    while left > 0 and n + 64 < out.shape[0]:
        t += _pause(session, state)
        row = rows[kinds[REQUEST[f.kind], 0] + int(_next(state) * kinds[REQUEST[f.kind], 1])]
        size = row[1]
        where = row[0]
        if framed or f.kind == SSH:
            where = random_at + int(_next(state) * (RANDOM_BYTES - 8192))
            size = (
                36 if f.kind == SSH else (57 + int(3 * _next(state)) * 8 if session else 100 + int(900 * _next(state)))
            )
        n, t = _send(out, n, t, index, 0, seqs, where, size, near, far, clock, state, loss, framed)
        t += 0.001
        if f.kind == HTTP:
            row = rows[kinds[RESPONSE, 0] + int(_next(state) * kinds[RESPONSE, 1])]
            n, t = _send(out, n, t, index, 1, seqs, row[0], row[1], near, far, clock, state, loss, False)
            size = row[2]
        else:
            size = _response(session, left, state)
        if framed and size > 16389:
            # Whole records only, so that the next message starts where a record starts.
            records = min(size // 16389, RANDOM_BYTES // 16389 // 2)
            size = records * 16389
            where = records_at + int(_next(state) * (RANDOM_BYTES // 16389 - records)) * 16389
        else:
            where = random_at + int(_next(state) * (RANDOM_BYTES - size))
        n, t = _send(out, n, t, index, 1, seqs, where, size, near, far, clock, state, loss, framed)
        left -= max(size, 1)
    draw = _next(state)
    if draw < 0.7:
        n = _put(out, n, t + 0.1, index, 0, _FIN | _ACK, seqs[0], seqs[1], 0, 0, clock, 0)
        n = _put(out, n, t + 0.1 + far, index, 1, _FIN | _ACK, seqs[1], seqs[0] + 1, 0, 0, clock, 0)
        n = _put(out, n, t + 0.1 + far + near, index, 0, _ACK, seqs[0] + 1, seqs[1] + 1, 0, 0, clock, 0)
    elif draw < 0.85:
        n = _put(out, n, t + 0.1, index, 0, _RST | _ACK, seqs[0], seqs[1], 0, 0, clock, 0)
    return n


@njit(cache=True)
def _udp(out, n, f, index, rows, kinds, random_at):
    state = np.empty(1, np.uint64)
    state[0] = f.seed | np.uint64(1)
    clock = np.zeros(4, np.int64)
    t = f.start
    message = OPENING[f.kind, 0]
    first = rows[kinds[message, 0] + f.pick % kinds[message, 1]]
    message = OPENING[f.kind, 1]
    n = _put(out, n, t, index, 0, 0, 0, 0, first[0], first[1], clock, 0)
    if f.kind == DNS or f.kind == NTP:
        if f.pick % 97 or f.kind == NTP:
            reply = rows[kinds[message, 0] + f.pick % kinds[message, 1]]
            n = _put(out, n, t + f.far, index, 1, 0, 0, 0, reply[0], reply[1], clock, 0)
    elif f.kind == QUIC:
        t += f.far
        reply = rows[kinds[message, 0] + f.pick % kinds[message, 1]]
        n = _put(out, n, t, index, 1, 0, 0, 0, reply[0], reply[1], clock, 0)
        left = f.budget
        while left > 0 and n + 64 < out.shape[0]:
            t += 0.01 - 0.5 * np.log(1.0 - _next(state)) * (1.0 if _next(state) < 0.4 else 0.05)
            at = random_at + int(_next(state) * (RANDOM_BYTES - 2000))
            n = _put(out, n, t, index, 0, 0, 0, 0, at, 60 + int(300 * _next(state)), clock, QUIC_SHORT)
            t += f.far
            burst = 1 + int(min(left / 1250.0, 3.0 * (1.0 / (1.0 - _next(state) * 0.995))))
            for i in range(burst):
                if n + 4 > out.shape[0]:
                    break
                at = random_at + int(_next(state) * (RANDOM_BYTES - 2000))
                n = _put(
                    out,
                    n,
                    t,
                    index,
                    1,
                    0,
                    0,
                    0,
                    at,
                    1250 if i + 1 < burst else 40 + int(1200 * _next(state)),
                    clock,
                    QUIC_SHORT,
                )
                if i % 4 == 3:
                    n = _put(out, n, t + f.near, index, 0, 0, 0, 0, at, 35, clock, QUIC_SHORT)
                t += 0.0002
            left -= burst * 1250
    return n


@njit(cache=True)
def schedule(flows, base, out, rows, kinds, records_at, random_at):
    """Lay out flows as packets into out until it is nearly full; returns (packets written, flows used)."""
    n = 0
    for i in range(flows.shape[0]):
        if n + 4096 > out.shape[0]:
            return n, i
        f = flows[i]
        if f.kind <= REFUSED:
            n = _tcp(out, n, f, base + i, rows, kinds, records_at, random_at)
        else:
            n = _udp(out, n, f, base + i, rows, kinds, random_at)
    return n, flows.shape[0]


@njit(cache=True)
def _sum16(buf, start, end):
    total = np.int64(0)
    for i in range(start, end - 1, 2):
        total += (np.int64(buf[i]) << 8) | buf[i + 1]
    if (end - start) & 1:
        total += np.int64(buf[end - 1]) << 8
    return total


@njit(cache=True)
def _fold(total):
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total) & 0xFFFF


@njit(cache=True)
def _be(buf, at, value, size):
    for i in range(size):
        buf[at + size - 1 - i] = np.uint8(value & 0xFF)
        value >>= 8


@njit(cache=True)
def _le32(buf, at, value):
    for i in range(4):
        buf[at + i] = np.uint8(value & 0xFF)
        value >>= 8


@njit(cache=True)
def write(packets, flows, base, pool, buf, epoch):  # noqa: C901 -- one pass over a packet's layers
    """Render packets as classic pcap records (µs, little endian, Ethernet) into buf; returns bytes written."""
    o = 0
    for k in range(packets.shape[0]):
        p = packets[k]
        f = flows[p.flow - base]
        frame = o + 16
        a = frame + 14
        src, dst = (f.sip, f.cip) if p.back else (f.cip, f.sip)
        smac, dmac = (f.smac, f.cmac) if p.back else (f.cmac, f.smac)
        for i in range(6):
            buf[frame + i] = dmac[i]
            buf[frame + 6 + i] = smac[i]
        if f.kind == ARP:
            _be(buf, frame + 12, 0x0806, 2)
            _be(buf, a, 0x0001080006040001, 8)
            for i in range(6):
                buf[a + 8 + i] = smac[i]
                buf[a + 18 + i] = 0
            for i in range(4):
                buf[a + 14 + i] = src[i]
                buf[a + 24 + i] = dst[i]
            for i in range(18):
                buf[a + 28 + i] = 0
            end = a + 46
        else:
            tcp = f.kind <= REFUSED
            syn = p.flags & 2
            header = (40 if syn else 32) if tcp else 8
            if tcp and (p.flags & 4):
                header = 20
            length = header + p.size
            if f.version == 4:
                _be(buf, frame + 12, 0x0800, 2)
                buf[a] = 0x45
                buf[a + 1] = 0
                _be(buf, a + 2, 20 + length, 2)
                _be(buf, a + 4, (p.seq ^ (k * 7)) & 0xFFFF, 2)
                _be(buf, a + 6, 0x4000, 2)
                buf[a + 8] = 52 if p.back else 127
                buf[a + 9] = 6 if tcp else 17
                _be(buf, a + 10, 0, 2)
                for i in range(4):
                    buf[a + 12 + i] = src[i]
                    buf[a + 16 + i] = dst[i]
                _be(buf, a + 10, _fold(_sum16(buf, a, a + 20)), 2)
                h = a + 20
                pseudo = _sum16(buf, a + 12, a + 20)
            else:
                _be(buf, frame + 12, 0x86DD, 2)
                _be(buf, a, 0x60000000, 4)
                _be(buf, a + 4, length, 2)
                buf[a + 6] = 6 if tcp else 17
                buf[a + 7] = 52 if p.back else 64
                for i in range(16):
                    buf[a + 8 + i] = src[i]
                    buf[a + 24 + i] = dst[i]
                h = a + 40
                pseudo = _sum16(buf, a + 8, a + 40)
            _be(buf, h, f.sport if p.back else f.cport, 2)
            _be(buf, h + 2, f.cport if p.back else f.sport, 2)
            body = h + header
            if tcp:
                _be(buf, h + 4, p.seq, 4)
                _be(buf, h + 8, p.ack, 4)
                buf[h + 12] = header // 4 << 4
                buf[h + 13] = p.flags
                _be(buf, h + 14, 64240 if syn else 2058, 2)
                _be(buf, h + 16, 0, 4)
                if syn:
                    _be(buf, h + 20, 0x020405B40402080A, 8)
                    _be(buf, h + 36, 0x01030307, 4)
                    _be(buf, h + 28, p.tsval, 4)
                    _be(buf, h + 32, p.tsecr if p.back else 0, 4)
                elif header == 32:
                    _be(buf, h + 20, 0x0101080A, 4)
                    _be(buf, h + 24, p.tsval, 4)
                    _be(buf, h + 28, p.tsecr, 4)
            else:
                _be(buf, h + 4, length, 2)
                _be(buf, h + 6, 0, 2)
            for i in range(p.size):
                buf[body + i] = pool[p.at + i]
            end = body + p.size
            if p.mark == QUIC_SHORT:
                buf[body] = 0x40 | (buf[body] & 0x3F)
            elif p.mark:
                _be(buf, body, 0x170303, 3)
                _be(buf, body + 3, p.mark, 2)
            check = _fold(pseudo + (6 if tcp else 17) + length + _sum16(buf, h, end))
            _be(buf, h + (16 if tcp else 6), check if tcp or check else 0xFFFF, 2)
        micros = np.int64(p.t * 1e6 + 0.5)
        _le32(buf, o, epoch + micros // 1000000)
        _le32(buf, o + 4, micros % 1000000)
        _le32(buf, o + 8, end - frame)
        _le32(buf, o + 12, end - frame)
        o = end
    return o
