"""The index of keys: right whatever is evicted, reloaded or alike in its first word."""

from __future__ import annotations

import numpy as np

from farmwatch.store.key_index import KeyIndex, first_of_each


def draw(rng, count, high=2**63):
    return rng.integers(0, high, (count, 2), dtype=np.uint64)


def test_first_of_each_keeps_the_first_row():
    """Of equal keys the first stays; keys that share one word only are different."""
    keys = np.array([[5, 1], [3, 3], [5, 1], [5, 2], [3, 3], [1, 5]], np.uint64)
    assert first_of_each(keys).tolist() == [True, True, False, True, False, True]
    assert first_of_each(np.empty((0, 2), np.uint64)).tolist() == []


def test_index_agrees_with_a_set():
    """Hundreds of files of a few days, first words that collide, little memory: every answer is right."""
    rng = np.random.default_rng(3)
    index = KeyIndex(limit_bytes=4000)
    disk: dict[str, dict[str, np.ndarray]] = {"d1": {}, "d2": {}, "d3": {}}
    loads = 0
    for step in range(300):
        day = f"d{rng.integers(1, 4)}"
        keys = draw(rng, 20, high=40)
        files = disk[day]

        def load(paths, files=files):
            nonlocal loads
            loads += 1
            return np.concatenate([files[path] for path in paths])

        truth = {tuple(key) for held in files.values() for key in held.tolist()}
        found = index.known("t", day, files, load, keys)
        assert found.tolist() == [tuple(key) in truth for key in keys.tolist()]
        fresh = keys[~found & first_of_each(keys)]
        name = f"f{step}"
        files[name] = fresh
        if rng.random() < 0.7:  # else somebody else wrote it
            index.add("t", day, name, fresh)
        assert index.bytes <= 4000 + 20 * 16 or len(index._days) == 1
    assert loads > 10


def test_files_that_went_are_forgotten():
    """Where a file was replaced, the day is read again: rows that went with it are no duplicates."""
    index = KeyIndex(1 << 20)
    files = {"a": np.array([[1, 1]], np.uint64), "b": np.array([[2, 2]], np.uint64)}
    keys = np.array([[1, 1], [2, 2]], np.uint64)

    def load(paths):
        return np.concatenate([files[path] for path in paths])

    assert index.known("t", "d", {"a", "b"}, load, keys).tolist() == [True, True]
    assert index.known("t", "d", {"b"}, load, keys).tolist() == [False, True]


def test_days_used_last_stay_within_the_limit():
    """Memory is bounded, but for the day in use."""
    rng = np.random.default_rng(1)
    index = KeyIndex(limit_bytes=16 * 1000)
    for day in range(10):
        index.known("t", str(day), {"f"}, lambda _: draw(rng, 400), draw(rng, 1))
        assert index.bytes <= 16 * 1000
    index.known("t", "big", {"f"}, lambda _: draw(rng, 5000), draw(rng, 1))
    assert index.bytes == 16 * 5000
