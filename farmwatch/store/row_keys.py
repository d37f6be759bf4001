"""Row keys: a keyed 128-bit hash of a row's content, by which a row delivered twice is known.

Why keyed: whoever sends telemetry chooses what is in it. With a hash that anybody can compute, a device could make rows
whose keys equal those of rows it wants dropped as duplicates. The key is random, made with the table and kept in its
log, which no sender reads; without it the construction is a pseudo-random function.

Why AES: hashing row by row costs a microsecond a call. Here all rows of a batch take one block at a time, so that one
call encrypts a block of every row: EMAC (CBC-MAC whose last block is encrypted again under a second key; Petrank and
Rackoff, "CBC MAC for Real-Time Data Sources", 2000), column by column in order of their names.

Encoding: a present value is a word that names column and length (64 bits of BLAKE2b of the name, plus the length),
then the value, filled with zeros to whole blocks. An absent value adds nothing: a column added later, which old rows
lack, leaves their keys as they are, and an empty text is not an absent one.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

__all__ = ["KEY_BYTES", "as_binary", "from_binary", "row_keys"]

KEY_BYTES = 32  #: of the secret: two AES-128 keys
_BLOCK = 16
_ROWS = 1 << 14  # at a time: states and words stay in the processor's cache
_LONG = 1024  # bytes; longer values are hashed one by one, so that one long value does not cost a round for all
_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)

Words = NDArray[np.uint64]


class _Aes:
    """AES-128 of many blocks in one call."""

    def __init__(self, key: bytes) -> None:
        # Single blocks are what a CBC-MAC of many rows side by side is made of; no message is encrypted.
        self._encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
        self._room = bytearray(_ROWS * _BLOCK + _BLOCK - 1)

    def __call__(self, blocks: Words) -> Words:
        """Encrypt (n, 2) words; the result is valid until the next call."""
        self._encryptor.update_into(blocks.data.cast("B"), self._room)
        return np.frombuffer(self._room, np.uint64, blocks.size).reshape(blocks.shape)


def row_keys(table: pa.Table, key: bytes) -> Words:
    """Keys of all rows, shape (n, 2).

    Args:
        table: Numbers, times, booleans, texts and bytes; the order of columns and how they are chunked do not matter.
        key: The table's secret, :data:`KEY_BYTES` long.

    Raises:
        TypeError: a column of another type.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key is {KEY_BYTES} bytes, not {len(key)}")
    first, last = _Aes(key[:16]), _Aes(key[16:])
    names = sorted(table.column_names)
    keys = np.zeros((table.num_rows, 2), np.uint64)
    whole = table.select(names).combine_chunks()
    for start in range(0, table.num_rows, _ROWS):
        part = whole.slice(start, _ROWS)
        state = keys[start : start + part.num_rows]
        for name in names:
            column = part.column(name)
            if column.null_count < len(column):
                _absorb(state, name, column.combine_chunks(), first)
        state[:] = last(state)
    return keys


def _absorb(state: Words, name: str, values: Any, cipher: _Aes) -> None:
    """Take one column into the states of all rows."""
    if isinstance(values, pa.ChunkedArray):
        values = values.chunk(0)
    word = np.uint64(int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little"))
    valid = None if values.null_count == 0 else pc.is_valid(values).to_numpy(zero_copy_only=False)
    if any(is_text(values.type) for is_text in _TEXTS):
        _absorb_texts(state, word, values, valid, cipher)
        return
    blocks = np.empty_like(state)
    blocks[:, 0] = word
    blocks[:, 1] = _words(values)
    blocks ^= state
    if valid is None:
        state[:] = cipher(blocks)
    else:
        np.copyto(state, cipher(blocks), where=valid[:, None])


def _words(values: pa.Array) -> Words:
    """Values of fixed width as words."""
    kind = values.type
    if pa.types.is_timestamp(kind):
        values = values.cast(pa.int64())
    elif pa.types.is_floating(kind):
        return np.asarray(pc.fill_null(values.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False)).view(np.uint64)
    elif pa.types.is_boolean(kind):
        values = values.cast(pa.uint8())
    elif not pa.types.is_integer(kind):
        raise TypeError(f"no row keys over columns of type {kind}")
    whole = pc.fill_null(values, 0).to_numpy(zero_copy_only=False)
    return np.asarray(whole).astype(np.int64, copy=False).view(np.uint64)


def _absorb_texts(state: Words, word: np.uint64, values: pa.Array, valid: Any, cipher: _Aes) -> None:
    """Take a column of texts or bytes: the first block holds the length and eight bytes, later ones sixteen."""
    texts = values.cast(pa.large_binary())
    offsets = np.frombuffer(texts.buffers()[1], np.int64, len(texts) + 1, texts.offset * 8)
    starts, lengths = offsets[:-1].copy(), np.diff(offsets)
    base, end = int(offsets[0]), int(offsets[-1])
    raw = np.zeros(end - base + 32, np.uint8)  # whole words are read behind the last value too
    if end > base:
        raw[: end - base] = np.frombuffer(texts.buffers()[2], np.uint8, end - base, base)
    starts -= base
    sizes = lengths.copy()
    long = np.flatnonzero(lengths > _LONG)
    if valid is not None and len(long):
        long = long[valid[long]]
    if len(long):
        raw, starts, sizes = _shortened(raw, starts, sizes, long)
    rows = None if valid is None else np.flatnonzero(valid)
    blocks = np.empty((len(texts) if rows is None else len(rows), 2), np.uint64)
    blocks[:, 0] = word + _picked(lengths, rows).view(np.uint64)
    blocks[:, 1] = _read(raw, _picked(starts, rows), _picked(sizes, rows))
    _take(state, rows, blocks, cipher)
    done = 8
    while True:
        going = sizes > done if rows is None else sizes[rows] > done
        if not going.all():
            rows = np.flatnonzero(going) if rows is None else rows[going]
            if not len(rows):
                return
        at, left = _picked(starts, rows) + done, _picked(sizes, rows) - done
        blocks = np.empty((len(at), 2), np.uint64)
        blocks[:, 0] = _read(raw, at, left)
        blocks[:, 1] = _read(raw, at + 8, left - 8)
        _take(state, rows, blocks, cipher)
        done += 16


def _picked(values: NDArray[np.int64], rows: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Values of some rows, or of all."""
    return values if rows is None else values[rows]


def _take(state: Words, rows: NDArray[np.int64] | None, blocks: Words, cipher: _Aes) -> None:
    """Take a block into the states of some rows, or of all."""
    if rows is None:
        blocks ^= state
        state[:] = cipher(blocks)
    else:
        blocks ^= state[rows]
        state[rows] = cipher(blocks)


def _shortened(
    raw: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64], long: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Long values replaced by a digest of 32 bytes; their true length stays in the first block."""
    digests = [
        blake2b(raw[starts[row] : starts[row] + sizes[row]].data, digest_size=32).digest() for row in long.tolist()
    ]
    added = np.frombuffer(b"".join(digests) + bytes(32), np.uint8)
    starts[long] = len(raw) + 32 * np.arange(len(long))
    sizes[long] = 32
    return np.concatenate([raw, added]), starts, sizes


_MASKS = np.array([(1 << (8 * size)) - 1 for size in range(9)], np.uint64)


def _read(raw: NDArray[np.uint8], at: NDArray[np.int64], left: NDArray[np.int64]) -> Words:
    """Eight bytes from each position, zero beyond what is left there."""
    words = np.lib.stride_tricks.as_strided(raw[:8].view("<u8"), (len(raw) - 7,), (1,), writeable=False)
    found = words[at]
    if len(left) and left.min() < 8:
        found &= _MASKS.take(left, mode="clip")
    return np.asarray(found, np.uint64)


def as_binary(keys: Words) -> pa.Array:
    """Keys as an Arrow array of 16 bytes each."""
    offsets = pa.py_buffer((np.arange(len(keys) + 1, dtype=np.int32) * _BLOCK).tobytes())
    return pa.BinaryArray.from_buffers(pa.binary(), len(keys), [None, offsets, pa.py_buffer(keys.tobytes())])


def from_binary(values: Any) -> Words:
    """Keys from an Arrow column of 16 bytes each.

    Raises:
        ValueError: a value is missing or of another length.
    """
    try:
        fixed = values.cast(pa.binary(_BLOCK))
    except pa.ArrowInvalid as error:
        raise ValueError(f"row keys are 16 bytes each: {error}") from error
    if fixed.null_count:
        raise ValueError("a row has no key")
    chunks = fixed.chunks if isinstance(fixed, pa.ChunkedArray) else [fixed]
    parts = [
        np.frombuffer(chunk.buffers()[1], np.uint64, 2 * len(chunk), chunk.offset * _BLOCK).reshape(-1, 2)
        for chunk in chunks
        if len(chunk)
    ]
    return np.concatenate(parts) if parts else np.empty((0, 2), np.uint64)
