"""Where a store is, and what is said where none is."""

from __future__ import annotations

import json

import pytest

from farmwatch.errors import StoreError
from farmwatch.store import default_store, open_store
from farmwatch.store.place import FORMAT, place_of


def test_folders_and_file_urls_are_the_same_place(tmp_path):
    """A path and its file:// URL name one store."""
    store = open_store(tmp_path / "a b")
    assert open_store((tmp_path / "a b").as_uri(), make=False).place == store.place
    assert place_of(f"{tmp_path}/a b/").folder == tmp_path / "a b"


def test_object_stores_keep_case_state_on_this_machine():
    """Two URLs never share a state folder."""
    one, other = place_of("s3://bucket/a/"), place_of("s3://bucket/b")
    assert one.folder is None
    assert one.table_uri("dns") == "s3://bucket/a/tables/dns"
    assert one.state_folder != other.state_folder


def test_a_store_is_for_its_owner(tmp_path):
    """Nobody else reads it."""
    open_store(tmp_path / "s")
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0


def test_a_folder_of_other_things_is_no_store(tmp_path):
    """It is neither opened nor written to."""
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(StoreError, match="other files and no store"):
        open_store(tmp_path)
    with pytest.raises(StoreError, match="no store"):
        open_store(tmp_path, make=False)
    with pytest.raises(StoreError, match="is a file"):
        open_store(tmp_path / "thesis.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_is_not_there_is_not_made_by_reading(tmp_path):
    """Asking a store that does not exist is an error, and leaves nothing."""
    with pytest.raises(StoreError, match="no such folder"):
        open_store(tmp_path / "s", make=False)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("mark", ["{}", "[1]", "no json", json.dumps({"format": FORMAT + 1})])
def test_a_later_or_broken_layout_is_refused(tmp_path, mark):
    """The message says which."""
    open_store(tmp_path / "s")
    (tmp_path / "s" / "farmwatch-store.json").write_text(mark)
    with pytest.raises(StoreError, match=r"later farmwatch|not readable"):
        open_store(tmp_path / "s")


def test_the_default_can_be_named(monkeypatch):
    """FARMWATCH_STORE goes before the user's data folder."""
    monkeypatch.delenv("FARMWATCH_STORE", raising=False)
    assert default_store().endswith("store")
    monkeypatch.setenv("FARMWATCH_STORE", "s3://bucket/x")
    assert default_store() == "s3://bucket/x"
