"""Reading a saved report, packed or not."""

from __future__ import annotations

import gzip
import io
import json
import sys
from types import SimpleNamespace

import pytest
import typer
import zstandard

from farmwatch.cli import saved
from farmwatch.cli.saved import load_report
from farmwatch.errors import ReportError
from farmwatch.reports.document import dumps


@pytest.fixture
def text(sample):
    return dumps(sample.report()).encode()


def in_two_parts(pack):
    """Packed twice and put together, as ``cat a.gz b.gz`` does."""
    return lambda data: pack(data[:100]) + pack(data[100:])


@pytest.mark.parametrize(
    "pack",
    [bytes, gzip.compress, zstandard.compress, in_two_parts(gzip.compress), in_two_parts(zstandard.compress)],
    ids=["plain", "gzip", "zstd", "two of gzip", "two of zstd"],
)
def test_however_it_is_packed_it_is_the_same_report(pack, text, tmp_path):
    """By its first bytes, whatever the file is called."""
    path = tmp_path / "report"
    path.write_bytes(pack(text))
    assert dumps(load_report(path)).encode() == text


def test_standard_input_is_read_as_a_file_is(text, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(gzip.compress(text))))
    assert dumps(load_report(saved.Path("-"))).encode() == text


def test_no_such_file_is_wrong_usage(tmp_path):
    with pytest.raises(typer.BadParameter, match=r"none\.json"):
        load_report(tmp_path / "none.json")


@pytest.mark.parametrize(
    "data",
    [b"", b"no JSON", b"{}", b"[1]", gzip.compress(b"x" * 5000)[:30], zstandard.compress(b"x" * 5000)[:12],
     b"\x1f\x8b\x08junk", b"\x28\xb5\x2f\xfdjunk", json.dumps({"schema_version": 99}).encode()],
)  # fmt: skip
def test_what_is_no_report_is_refused_by_name(data, tmp_path):
    """Damaged packing, other JSON, another version: one kind of error that names the file."""
    path = tmp_path / "odd.json"
    path.write_bytes(data)
    with pytest.raises(ReportError, match=r"odd\.json"):
        load_report(path)


def test_a_folder_is_refused_by_name(tmp_path):
    with pytest.raises(ReportError, match=tmp_path.name):
        load_report(tmp_path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_a_bomb_is_not_unpacked(pack, tmp_path, monkeypatch):
    """Beyond the limit reading stops, whatever the packing promises."""
    monkeypatch.setattr(saved, "_MAX_BYTES", 1000)
    path = tmp_path / "bomb.json"
    path.write_bytes(pack(b" " * 5_000_000))
    with pytest.raises(ReportError, match="larger than"):
        load_report(path)
