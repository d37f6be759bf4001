"""Marks of TLS handshakes, so that each distinct one is decoded once.

A site's clients are few programs that call the same servers again and again: their hellos differ in random numbers, key
shares, tickets and the order browsers shuffle extensions into, and in nothing a decoder here tells. The kernel hashes
what is left of both directions. Two heads with the same mark decode to the same facts (a test holds the decoders to
it); whatever is unusual (a hello in pieces, lengths that do not agree, a HelloRetryRequest, a repeated extension that
is read, a name the probes look for in the raw bytes) gets mark 0 and is decoded by itself.

Why four lanes with secret multipliers: nobody may be able to make a handshake that hides behind another one's mark. A
polynomial over 24-bit words modulo 2**31 - 1 in four lanes collides for one pair of chosen inputs with a chance of at
most 2**-70.

Layouts: RFC 8446 sections 4.1 and 5.1, RFC 5246 section 7.4, RFC 8701 (GREASE).
"""

from __future__ import annotations

from farmwatch.wire.fields import be16, stir
from farmwatch.wire.jit import kernel
from farmwatch.wire.layout import POSITION
from farmwatch.wire.packets import Bytes, Ints

__all__ = ["MARK_CELLS", "mark_handshakes"]

MARK_CELLS = 8  #: cells of the scratch array: four lanes of the whole, four of one extension

_PRIME = 0x7FFFFFFF  # 2**31 - 1
_MASK62 = 0x3FFFFFFFFFFFFFFF
_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE = 20, 21, 22
_MAX_RECORD = (1 << 14) + 2048
_CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE = 1, 2, 11
_SERVER_NAME, _GROUPS, _SIGNATURES, _ALPN, _PADDING = 0, 10, 13, 16, 21
_TICKET, _PRE_SHARED_KEY, _VERSIONS, _KEY_SHARE, _ECH = 35, 41, 43, 51, 0xFE0D
_GREASE = 0x0A0A
_RETRY = 0xCF21AD74  # a HelloRetryRequest's random starts so, RFC 8446 section 4.1.3
_TAG = 1 << 24  # no word of bytes is so large
_NAMED_WITHIN = 2048  # bytes in which the probes look for AnyDesk's names


@kernel
def absorb_number(value: int, lanes: Ints, base: int, keys: Ints) -> None:
    """Take a number below 2**31 into the four lanes from ``base`` on."""
    for lane in range(4):
        product = lanes[base + lane] * keys[5 + lane] + value
        lanes[base + lane] = (product & _PRIME) + (product >> 31)


@kernel
def absorb_bytes(data: Bytes, at: int, count: int, lanes: Ints, base: int, keys: Ints) -> None:
    """Take a run of bytes and its length into the lanes."""
    absorb_number(count, lanes, base, keys)
    one = lanes[base]
    two = lanes[base + 1]
    three = lanes[base + 2]
    four = lanes[base + 3]
    stop = at + count
    while at < stop:
        place = at & POSITION
        word = (data[place] & 0xFF) << 16
        if at + 1 < stop:
            word |= (data[place + 1] & 0xFF) << 8
        if at + 2 < stop:
            word |= data[place + 2] & 0xFF
        one = one * keys[5] + word
        one = (one & _PRIME) + (one >> 31)
        two = two * keys[6] + word
        two = (two & _PRIME) + (two >> 31)
        three = three * keys[7] + word
        three = (three & _PRIME) + (three >> 31)
        four = four * keys[8] + word
        four = (four & _PRIME) + (four >> 31)
        at += 3
    lanes[base] = one
    lanes[base + 1] = two
    lanes[base + 2] = three
    lanes[base + 3] = four


@kernel
def absorb_codes(data: Bytes, at: int, count: int, lanes: Ints, base: int, keys: Ints) -> None:
    """Take a list of 16-bit code points of ``count`` bytes into the lanes, all GREASE values as one."""
    absorb_number(count, lanes, base, keys)
    for pair in range(count >> 1):
        code = be16(data, at + 2 * pair)
        if code & 0x0F0F == _GREASE and code >> 8 == code & 0xFF:
            code = _GREASE
        absorb_number(code, lanes, base, keys)
    if count & 1:
        absorb_number(data[at + count - 1] & 0xFF, lanes, base, keys)


@kernel
def pair_of_lanes(lanes: Ints, base: int) -> int:
    """Two lanes as one number of 62 bits."""
    value: int = lanes[base] % _PRIME << 31 | lanes[base + 1] % _PRIME
    return value


@kernel
def mark_extension(data: Bytes, at: int, kind: int, size: int, lanes: Ints, keys: Ints) -> None:
    """Take a client's extension into lanes of its own."""
    for lane in range(4):
        lanes[4 + lane] = 1 + lane
    if kind & 0x0F0F == _GREASE and kind >> 8 == kind & 0xFF:
        absorb_number(_GREASE, lanes, 4, keys)
        return
    absorb_number(kind, lanes, 4, keys)
    if kind in (_KEY_SHARE, _PRE_SHARED_KEY, _TICKET, _PADDING, _ECH):
        return  # random, and read by nobody
    if kind == _GROUPS and size >= 2:
        absorb_bytes(data, at, 2, lanes, 4, keys)
        absorb_codes(data, at + 2, size - 2, lanes, 4, keys)
    elif kind == _VERSIONS and size >= 1:
        absorb_bytes(data, at, 1, lanes, 4, keys)
        absorb_codes(data, at + 1, size - 1, lanes, 4, keys)
    else:
        absorb_bytes(data, at, size, lanes, 4, keys)


@kernel
def mark_client_hello(data: Bytes, at: int, size: int, lanes: Ints, keys: Ints) -> int:  # noqa: PLR0911  a kernel: one exit for each way to be unusual
    """Take a ClientHello's body into the lanes; 0 where it is unusual."""
    end = at + size
    if size < 38 or data[at] != 3:
        return 0
    absorb_number(be16(data, at), lanes, 0, keys)
    session = data[at + 34] & 0xFF
    if session > 32 or at + 37 + session > end:
        return 0
    at += 35 + session
    ciphers = be16(data, at)
    at += 2
    if ciphers == 0 or ciphers & 1 or at + ciphers > end:
        return 0
    absorb_codes(data, at, ciphers, lanes, 0, keys)
    at += ciphers
    if at < end:
        at += 1 + (data[at] & 0xFF)
    if at >= end:
        return 1
    if at + 2 > end:
        return 0
    stop = at + 2 + be16(data, at)
    at += 2
    if stop > end:
        return 0
    first = 0
    second = 0
    count = 0
    read = 0
    while at + 4 <= stop:
        kind = be16(data, at)
        size = be16(data, at + 2)
        at += 4
        if at + size > stop:
            return 0
        if kind in (_SERVER_NAME, _GROUPS, _SIGNATURES, _ALPN, _VERSIONS):
            if read >> kind & 1:
                return 0  # which of two is read depends on their order
            read |= 1 << kind
        mark_extension(data, at, kind, size, lanes, keys)
        first = (first + stir(pair_of_lanes(lanes, 4), keys)) & _MASK62  # a sum: browsers shuffle extensions
        second = (second + stir(pair_of_lanes(lanes, 6), keys)) & _MASK62
        count += 1
        at += size
    absorb_number(1 + count, lanes, 0, keys)
    for value in (first, second):
        absorb_number(value & _PRIME, lanes, 0, keys)
        absorb_number(value >> 31, lanes, 0, keys)
    return 1


@kernel
def mark_server_hello(data: Bytes, at: int, size: int, lanes: Ints, keys: Ints) -> int:
    """Take a ServerHello's body into the lanes; 0 where it is unusual."""
    end = at + size
    version = be16(data, at) if size >= 38 else 0
    if version < 0x0300 or version > 0x0303 or be16(data, at + 2) << 16 | be16(data, at + 4) == _RETRY:
        return 0
    absorb_number(version, lanes, 0, keys)
    at += 35 + (data[at + 34] & 0xFF)
    if at + 3 > end:
        return 0
    absorb_bytes(data, at, 3, lanes, 0, keys)  # cipher, compression
    at += 3
    if at >= end:
        return 1
    if at + 2 > end:
        return 0
    stop = at + 2 + be16(data, at)
    at += 2
    if stop > end:
        return 0
    while at + 4 <= stop:
        kind = be16(data, at)
        size = be16(data, at + 2)
        at += 4
        if at + size > stop:
            return 0
        absorb_number(1 + kind, lanes, 0, keys)
        if kind != _KEY_SHARE:
            absorb_bytes(data, at, size, lanes, 0, keys)
        at += size
    return 1


@kernel
def mark_flight(data: Bytes, at: int, length: int, opens: int, lanes: Ints, keys: Ints) -> int:  # noqa: C901, PLR0911, PLR0912  a kernel: one exit for each way to be unusual
    """Take the clear handshake messages of one direction into the lanes, whose first is to be of type ``opens``.

    Follows ``farmwatch.wire.protocols.tls_records.messages`` and ends where the flight decoders end: at the change of
    cipher, or at the first record that is none. 0 where something is unusual.
    """
    stop = at + length
    opened = 0
    while at + 5 <= stop:
        kind = data[at] & 0xFF
        version = be16(data, at + 1)
        size = be16(data, at + 3)
        if kind < _CHANGE_CIPHER_SPEC or kind > _HANDSHAKE or version < 0x0300 or version > 0x0304:
            break
        if size > _MAX_RECORD or kind == _CHANGE_CIPHER_SPEC:
            break
        at += 5
        end = at + size
        if kind == _ALERT:
            return 0
        if end > stop:
            return 0
        while at + 4 <= end:
            message = data[at] & 0xFF
            body = (data[at + 1] & 0xFF) << 16 | be16(data, at + 2)
            at += 4
            if at + body > end:
                return 0
            if opened == 0:
                if message != opens:
                    return 0
                opened = 1
                if opens == _CLIENT_HELLO:
                    if mark_client_hello(data, at, body, lanes, keys) == 0:
                        return 0
                elif mark_server_hello(data, at, body, lanes, keys) == 0:
                    return 0
            elif message in (_CLIENT_HELLO, _SERVER_HELLO):
                return 0
            elif message == _CERTIFICATE:
                absorb_number(_TAG + message, lanes, 0, keys)
                absorb_bytes(data, at, body, lanes, 0, keys)
            at += body
        if at != end:
            return 0
    return opened


@kernel
def mentions_anydesk(data: Bytes, at: int, length: int) -> int:
    """Whether the bytes may hold a name the probes look for: AnyNet Relay, AnyDesk Client, anydesk/.

    No early exit, so that the compiler can look at many bytes at a time.
    """
    hits = 0
    for index in range(at, at + min(length, _NAMED_WITHIN) - 3):
        place = index & POSITION
        inner = data[place + 1] == 0x6E and data[place + 2] == 0x79
        last = data[place + 3] & 0xDF
        hits |= 1 if inner and (data[place] & 0xDF) == 0x41 and (last == 0x44 or last == 0x4E) else 0  # noqa: PLR1714  a tuple would be built each time
    return hits


@kernel
def starts_otherwise(data: Bytes, at: int) -> int:
    """Whether the bytes do not start like a handshake record of SSL 3 to TLS 1.3 with a ClientHello."""
    sound = data[at] == _HANDSHAKE and data[at + 1] == 3 and data[at + 2] <= 4 and data[at + 5] == _CLIENT_HELLO
    return 0 if sound else 1


@kernel
def mark_handshakes(
    pool: Bytes,
    orig_start: Ints,
    orig_length: Ints,
    resp_start: Ints,
    resp_length: Ints,
    first: Ints,
    second: Ints,
    lanes: Ints,
    keys: Ints,
) -> None:
    """Mark each TCP head that opens with a ClientHello from its originator: two numbers, both 0 where it is unusual."""
    for row in range(len(first)):
        first[row] = 0
        second[row] = 0
        at = orig_start[row]
        length = orig_length[row]
        back = resp_start[row]
        answer = resp_length[row]
        if length < 48 or at < 0 or at + length > len(pool) or back < 0 or back + answer > len(pool):
            continue
        if starts_otherwise(pool, at) or mentions_anydesk(pool, at, length) or mentions_anydesk(pool, back, answer):
            continue
        for lane in range(4):
            lanes[lane] = 1 + lane
        if mark_flight(pool, at, length, _CLIENT_HELLO, lanes, keys) == 0:
            continue
        absorb_number(_TAG + (1 if answer else 0), lanes, 0, keys)
        if answer > 0 and mark_flight(pool, back, answer, _SERVER_HELLO, lanes, keys) == 0:
            continue
        first[row] = 1 + pair_of_lanes(lanes, 0)
        second[row] = pair_of_lanes(lanes, 2)
