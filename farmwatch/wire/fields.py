"""Kernels that read numbers out of bytes and hash them.

Why every byte is masked: ``uint8 & int`` is a signed 64-bit number to the compiler, where ``int(uint8)`` would be an
unsigned one and poison every later sum.
"""

from __future__ import annotations

from farmwatch.wire.jit import kernel
from farmwatch.wire.layout import MASK31, POSITION
from farmwatch.wire.packets import Bytes, Ints

__all__ = [
    "be16",
    "be32",
    "be48",
    "be64",
    "bytes_hash",
    "copy_bytes",
    "endpoint_hash",
    "le16",
    "reseat",
    "seen_row",
    "settle",
    "signed32",
    "stir",
]

_PRIME = 0x7FFFFFFF  # 2**31 - 1
_SEEN_PROBES = 1024  # never needed: the table is at most half full


@kernel
def be16(data: Bytes, at: int) -> int:
    """Two bytes, most significant first."""
    value: int = (data[at] & 0xFF) << 8 | (data[at + 1] & 0xFF)
    return value


@kernel
def le16(data: Bytes, at: int) -> int:
    """Two bytes, least significant first."""
    value: int = (data[at + 1] & 0xFF) << 8 | (data[at] & 0xFF)
    return value


@kernel
def be32(data: Bytes, at: int) -> int:
    """Four bytes, most significant first."""
    high = (data[at] & 0xFF) << 8 | (data[at + 1] & 0xFF)
    value: int = high << 16 | (data[at + 2] & 0xFF) << 8 | (data[at + 3] & 0xFF)
    return value


@kernel
def be48(data: Bytes, at: int) -> int:
    """Six bytes, most significant first."""
    value: int = (
        (data[at] & 0xFF) << 40
        | (data[at + 1] & 0xFF) << 32
        | (data[at + 2] & 0xFF) << 24
        | (data[at + 3] & 0xFF) << 16
        | (data[at + 4] & 0xFF) << 8
        | (data[at + 5] & 0xFF)
    )
    return value


@kernel
def be64(data: Bytes, at: int) -> int:
    """Eight bytes, most significant first, as a signed number."""
    top = data[at] & 0xFF
    if top >= 128:
        top -= 256
    high = top << 24 | (data[at + 1] & 0xFF) << 16 | (data[at + 2] & 0xFF) << 8 | (data[at + 3] & 0xFF)
    low = (data[at + 4] & 0xFF) << 24 | (data[at + 5] & 0xFF) << 16 | (data[at + 6] & 0xFF) << 8 | (data[at + 7] & 0xFF)
    value: int = high << 32 | low
    return value


@kernel
def signed32(value: int) -> int:
    """A difference of two sequence numbers, folded into -2**31 .. 2**31 - 1 (RFC 1982 in spirit)."""
    value &= 0xFFFFFFFF
    if value >= 0x80000000:
        value -= 0x100000000
    return value


@kernel
def copy_bytes(target: Bytes, at: int, source: Bytes, start: int, count: int) -> None:
    """Copy a run of bytes; the caller has checked both ranges."""
    at &= POSITION
    start &= POSITION
    for index in range(count):
        target[at + index] = source[start + index]


@kernel
def stir(value: int, keys: Ints) -> int:
    """Spread 62 bits over 62 bits; every product stays below 2**61."""
    value ^= value >> 29
    value = (value & MASK31) * keys[5] + (value >> 31) * keys[6]
    return value ^ value >> 31


@kernel
def settle(value: int) -> int:
    """The hash with its low 31 bits, which choose the slot in a table, scrambled beyond recognition.

    Sums of products keep neighbours (the hosts of a network) at equal steps, whatever the keys; several such rows of
    steps pile up in a table until a search ends too early. Shifts between products, as in MurmurHash3's last step
    (https://github.com/aappleby/smhasher, public domain), break the steps up. It loses nothing: every step is
    reversible.
    """
    low = (value ^ value >> 31) & MASK31
    low ^= low >> 16
    low = low * 0x45D9F3B & MASK31
    low ^= low >> 15
    low = low * 0x119DE1F3 & MASK31
    low ^= low >> 16
    return value >> 31 << 31 | low


@kernel
def endpoint_hash(hi: int, lo: int, port: int, keys: Ints) -> int:
    """A keyed 62-bit hash of one endpoint: multilinear over 31-bit limbs with secret 29-bit keys, then stirred."""
    rest = (hi >> 62 & 3) | (lo >> 62 & 3) << 2 | port << 4
    value = (
        (lo & MASK31) * keys[0]
        + (lo >> 31 & MASK31) * keys[1]
        + (hi & MASK31) * keys[2]
        + (hi >> 31 & MASK31) * keys[3]
        + rest * keys[4]
    )
    return stir(value & 0x3FFFFFFFFFFFFFFF, keys)


@kernel
def bytes_hash(data: Bytes, start: int, count: int, skip: int, skipped: int, seed: int, keys: Ints) -> int:
    """A keyed 62-bit polynomial hash of ``count`` bytes, leaving out ``skipped`` bytes at ``skip``."""
    one = (seed & MASK31) % _PRIME
    two = (seed >> 31) % _PRIME
    at = 0
    while at < count:
        if at == skip:
            at += skipped
            if at >= count:
                break
        word = (data[start + at] & 0xFF) + 1
        at += 1
        if at < count and at != skip:
            word = word << 8 | (data[start + at] & 0xFF)
            at += 1
        one = (one * keys[7] + word) % _PRIME
        two = (two * keys[8] + word) % _PRIME
    return settle(one << 31 | two)


@kernel
def seen_row(seen: Ints, mask: int, value: int) -> int:
    """Slot of a 62-bit hash in the table of things seen (pairs of hash and row + 1), or its free slot, or -1."""
    slot = value & mask
    for _ in range(_SEEN_PROBES):
        row = seen[2 * slot + 1]
        if row == 0 or seen[2 * slot] == value:
            return slot
        slot = (slot + 1) & mask
    return -1


@kernel
def reseat(old: Ints, seen: Ints, mask: int) -> None:
    """Move all pairs of a table of things seen into a larger, empty one."""
    for index in range(len(old) // 2):
        if old[2 * index + 1]:
            slot = seen_row(seen, mask, old[2 * index])
            if slot >= 0:
                seen[2 * slot] = old[2 * index]
                seen[2 * slot + 1] = old[2 * index + 1]
