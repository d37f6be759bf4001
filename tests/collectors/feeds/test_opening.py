"""Inputs opened: folders, archives, compression, text encodings."""

from __future__ import annotations

import gzip
import io
import os
import threading
import zipfile

import pytest
import zstandard

from farmwatch.collectors.feeds.opening import Input, inputs, opened, sample_of
from farmwatch.errors import SourceError

TEXT = '{"a": 1, "b": "\u00e9"}\n' * 3


def content(source):
    with opened(source) as stream:
        return stream.read()


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        gzip.compress(TEXT.encode()),
        gzip.compress(TEXT[:25].encode()) + gzip.compress(TEXT[25:].encode()),
        zstandard.ZstdCompressor().compress(TEXT.encode()),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        gzip.compress(TEXT.encode("utf-16")),
    ],
    ids=["plain", "gzip", "gzip members", "zstd", "utf-16", "utf-16 be", "gzip utf-16"],
)
def test_every_packing_gives_the_text(tmp_path, data):
    """What it is packed in, its first bytes say."""
    path = tmp_path / "x"
    path.write_bytes(data)
    assert content(Input(str(path), path)).decode() == TEXT
    assert content(Input("x", stream=io.BytesIO(data))).decode() == TEXT
    with opened(Input(str(path), path)) as stream:
        parts = iter(lambda: stream.read(7), b"")
        assert b"".join(parts).decode() == TEXT


def test_looking_takes_nothing_away(tmp_path):
    """A sample of the beginning leaves the input whole."""
    path = tmp_path / "X.JSON.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    with opened(Input(str(path), path)) as stream:
        sample = sample_of(stream, str(path))
        assert sample.name == "x.json"
        assert sample.documents[0] == {"a": 1, "b": "\u00e9"}
        assert len(sample.documents) == 3
        assert stream.read().decode() == TEXT


def test_folders_and_archives_are_gone_through(tmp_path):
    """At any depth, in order of name, without hidden files; members of archives are inputs of their own."""
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").write_text("no")
    (tmp_path / "a.json").write_text("one")
    (tmp_path / "b" / "c.json").write_text("two")
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("results/x.json", "three")
        archive.writestr("../../evil.json", "four")
    listed = list(inputs([tmp_path]))
    assert [content(source) for source in listed] == [b"one", b"two", b"three", b"four"]
    assert listed[2].name.endswith("d.zip!results/x.json")
    assert not (tmp_path.parent.parent / "evil.json").exists()


def test_patterns_are_expanded(tmp_path):
    """Where the shell left them alone."""
    (tmp_path / "one.log").write_text("1")
    (tmp_path / "two.log").write_text("2")
    assert [content(source) for source in inputs([str(tmp_path / "*.log")])] == [b"1", b"2"]


def test_a_missing_file_says_so(tmp_path):
    """At opening, with its path."""
    [source] = inputs([tmp_path / "none"])
    with pytest.raises(SourceError, match="No such file"):
        content(source)


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zstandard.ZstdCompressor().compress(data)])
def test_a_cut_file_gives_what_came_and_then_fails(tmp_path, pack):
    """Never a silent end."""
    packed = pack(b"".join(b"%d some text\n" % number for number in range(200_000)))
    path = tmp_path / "x"
    path.write_bytes(packed[: len(packed) // 2])
    with opened(Input(str(path), path)) as stream:
        assert stream.read(65536)
        with pytest.raises(EOFError):
            stream.read()


def test_what_can_be_read_once_is_read_once(tmp_path):
    """A pipe is not opened to see whether it is an archive: that would take its beginning away."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(TEXT.encode(),))
    writer.start()
    [source] = inputs([pipe])
    assert content(source) == TEXT.encode()
    writer.join()


def test_members_with_one_name_are_all_read(tmp_path):
    """The archive's list is read once, and each entry of it is opened, also after all were listed."""
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("/abs/a.json", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("/abs/a.json", b"2")
    assert [content(source) for source in inputs([path])] == [b"1", b"2"]
    assert [content(source) for source in list(inputs([path]))] == [b"1", b"2"]


@pytest.mark.parametrize("data", [b"\x1f\x8b\x08garbage", b"\x1f\x8b\x08\x00" + b"\0" * 6 + b"\xff" * 50])
def test_what_breaks_at_its_beginning_can_be_opened_and_says_so(tmp_path, data):
    """Looking takes a damaged stream for a short one; reading says what it is."""
    path = tmp_path / "bad.gz"
    path.write_bytes(data)
    with opened(Input("bad.gz", path)) as stream:
        assert not sample_of(stream, "bad.gz").head
        with pytest.raises(EOFError):
            stream.read(10)


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    """Instead of being passed over."""
    (tmp_path / "a.json").write_text("{}")

    def walk(folder, onerror):
        onerror(PermissionError(13, "Permission denied", f"{folder}/closed"))
        return iter([(str(folder), ["closed"], ["a.json"])])

    monkeypatch.setattr(os, "walk", walk)
    assert [source.name.rsplit("/", 1)[-1] for source in inputs([tmp_path])] == ["a.json", "closed"]
