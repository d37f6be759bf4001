"""Row keys: equal rows have equal keys, all others do not, and nobody without the secret can make two alike."""

from __future__ import annotations

import random
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from farmwatch.store.row_keys import as_binary, from_binary, row_keys

KEY = bytes(range(32))


def slow_key(row: dict[str, object], key: bytes = KEY) -> bytes:
    """The same construction a block at a time, from its description."""
    first, last = (Cipher(algorithms.AES(half), modes.ECB()).encryptor() for half in (key[:16], key[16:]))
    state = bytes(16)
    for name, value in sorted(row.items()):
        if value is None:
            continue
        word = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
        if isinstance(value, bytes | str):
            data = value if isinstance(value, bytes) else value.encode()
            word = (word + len(data)) % 2**64
            if len(data) > 1024:
                data = blake2b(data, digest_size=32).digest()
        elif isinstance(value, float):
            data = np.float64(value).tobytes()
        else:
            data = int(value).to_bytes(8, "little", signed=True)
        message = word.to_bytes(8, "little") + data.ljust(8, b"\0")
        message += bytes(-len(message) % 16)
        for at in range(0, len(message), 16):
            block = bytes(a ^ b for a, b in zip(state, message[at : at + 16], strict=True))
            state = first.update(block)
    return last.update(state)


def some_rows(count: int, seed: int = 1) -> list[dict[str, object]]:
    """Rows of all types with absent values, and texts of every length that matters."""
    draw = random.Random(seed)
    lengths = [0, 1, 7, 8, 9, 15, 16, 23, 24, 25, 40, 1023, 1024, 1025, 5000]

    def maybe(value):
        return None if draw.random() < 0.2 else value

    return [
        {
            "text": maybe("é" * (draw.choice(lengths) // 2)),
            "other": maybe("".join(draw.choices("ab", k=draw.choice(lengths[:8])))),
            "data": maybe(draw.randbytes(draw.choice(lengths))),
            "count": maybe(draw.randrange(-(2**63), 2**63)),
            "share": maybe(draw.random()),
            "flag": maybe(draw.random() < 0.5),
        }
        for _ in range(count)
    ]


SCHEMA = pa.schema(
    [
        ("text", pa.string()), ("other", pa.string()), ("data", pa.binary()), ("count", pa.int64()),
        ("share", pa.float64()), ("flag", pa.bool_()),
    ]
)  # fmt: skip


def test_keys_are_what_the_description_says():
    """The kernel over columns gives what the textbook gives row by row."""
    rows = some_rows(300)
    keys = row_keys(pa.Table.from_pylist(rows, SCHEMA), KEY)
    assert [key.tobytes() for key in keys] == [slow_key(row) for row in rows]


def test_batches_chunks_and_column_order_do_not_matter():
    """A row has the same key alone, in a slice, in a table of more rows than are hashed at once, columns reordered."""
    rows = some_rows(50)
    table = pa.Table.from_pylist(rows, SCHEMA)
    keys = row_keys(table, KEY)
    assert (row_keys(table.slice(7, 20), KEY) == keys[7:27]).all()
    chunked = pa.concat_tables([table.slice(0, 3), table.slice(3, 1), table.slice(4)])
    assert (row_keys(chunked.select(sorted(SCHEMA.names, reverse=True)), KEY) == keys).all()
    many = pa.concat_tables([table] * 700)
    assert (row_keys(many, KEY) == np.tile(keys, (700, 1))).all()


def test_a_column_added_later_changes_nothing_where_it_is_absent():
    """Rows that lack the new column keep their keys."""
    table = pa.Table.from_pylist(some_rows(20), SCHEMA)
    wider = table.append_column("new", pa.nulls(20, pa.string()))
    assert (row_keys(wider, KEY) == row_keys(table, KEY)).all()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": None, "b": ""}, {"a": "", "b": None}),
        ({"a": None, "b": "x"}, {"a": "", "b": "x"}),
        ({"a": "ab", "b": "c"}, {"a": "a", "b": "bc"}),
        ({"a": "x", "b": None}, {"a": None, "b": "x"}),
        ({"a": "x", "b": None}, {"a": "x\0", "b": None}),
        ({"a": "x" * 2000, "b": None}, {"a": "x" * 1999 + "y", "b": None}),
        ({"a": "x" * 2000, "b": None}, {"a": "x" * 2001, "b": None}),
    ],
)
def test_rows_that_look_alike_differ(one, other):
    """Absent is not empty, a text does not flow into the next column, and every byte counts."""
    schema = pa.schema([("a", pa.string()), ("b", pa.string())])
    keys = row_keys(pa.Table.from_pylist([one, other], schema), KEY)
    assert keys[0].tobytes() != keys[1].tobytes()


def test_another_secret_gives_other_keys():
    """Keys say nothing to who lacks the table's secret; both halves of it count."""
    table = pa.Table.from_pylist(some_rows(5), SCHEMA)
    keys = row_keys(table, KEY)
    for other in (bytes([9]) + KEY[1:], KEY[:-1] + bytes([9])):
        assert not (row_keys(table, other) == keys).any()
    with pytest.raises(ValueError, match="32 bytes"):
        row_keys(table, b"short")


def test_types_without_a_meaning_here_are_refused():
    """A list has no key."""
    with pytest.raises(TypeError, match="list"):
        row_keys(pa.table({"a": [[1]]}), KEY)


def test_keys_go_to_arrow_and_back():
    """Sixteen bytes a row; anything else is refused."""
    keys = row_keys(pa.Table.from_pylist(some_rows(9), SCHEMA), KEY)
    column = as_binary(keys)
    assert column.to_pylist() == [key.tobytes() for key in keys]
    assert (from_binary(pa.chunked_array([column.slice(0, 4), column.slice(4)])) == keys).all()
    assert from_binary(pa.chunked_array([], pa.binary())).shape == (0, 2)
    for wrong in ([b"short"], [None]):
        with pytest.raises(ValueError, match="key"):
            from_binary(pa.array(wrong, pa.binary()))
