"""Searching every byte: what is compressed, nested, cut in pieces or in a name is found."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from farmwatch.errors import StoreError
from farmwatch.store import traces as module
from farmwatch.store.traces import traces


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", "xNEEDLEx", None]),
        pa.array([b"a", b"\xffNEEDLE", None]),
        pa.array([{"k": "NEEDLE"}, None, None]),
        pa.array([["a"], ["b", "NEEDLE"], None]),
        pa.array([[("NEEDLE", "v")], None, None], pa.map_(pa.string(), pa.string())),
        pa.array(
            [[{"k": [("a", "NEEDLE")]}], None, None], pa.list_(pa.struct([("k", pa.map_(pa.string(), pa.string()))]))
        ),
    ],
    ids=["text", "bytes", "struct", "list", "map", "nested"],
)
def test_values_of_parquet_files(store, column):
    """However a column is shaped."""
    pq.write_table(
        pa.table({"a": column}), store.place.folder / "x.parquet", compression="zstd", write_statistics=False
    )
    assert traces(store, "NEEDLE") == ["x.parquet"]
    assert traces(store, "NEEDLES") == []


def test_bytes_across_pieces_and_names(store, monkeypatch):
    """A text that two reads share is found, and so is one in a file's name."""
    monkeypatch.setattr(module, "_PIECE", 10)
    (store.place.folder / "cut").write_bytes(b"12345678NEEDLE123")
    (store.place.folder / "NEEDLE.txt").write_bytes(b"")
    assert traces(store, "NEEDLE") == ["NEEDLE.txt", "cut"]


def test_rows_of_the_state(store):
    """Texts longer than a page of the database."""
    store.state.audit("a", "b", "c", "y" * 5000 + "NEEDLE" + "z" * 5000)
    assert any("a row" in one for one in traces(store, "NEEDLE"))


def test_what_cannot_be_read_is_no_all_clear(store):
    """A damaged file may hold anything."""
    (store.place.folder / "x.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(StoreError, match=r"x\.parquet: cannot be searched"):
        traces(store, "NEEDLE")
