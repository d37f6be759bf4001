"""Groups of devices from what ties them: connected components, and an id made of the members."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["components", "group_id", "labels_of"]


def labels_of(left: NDArray[Any], right: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Which component each of ``count`` nodes belongs to; nodes without an edge are components of their own.

    Args:
        left: one end of every edge, a number below ``count``.
        right: the other end.
        count: how many nodes there are.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(count, count))
    labels: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return labels


def components(ties: Iterable[tuple[str, ...]]) -> list[set[str]]:
    """Groups of names connected by ties, each of which joins all its names; in order of their first names."""
    tied = [names for names in ties if names]
    listed = sorted({name for names in tied for name in names})
    index = {name: number for number, name in enumerate(listed)}
    pairs = [(index[names[0]], index[other]) for names in tied for other in names[1:]]
    if not pairs:
        return []
    left, right = (np.array(side) for side in zip(*pairs, strict=True))
    groups: dict[int, set[str]] = {}
    for name, label in zip(listed, labels_of(left, right, len(listed)).tolist(), strict=True):
        groups.setdefault(label, set()).add(name)
    return [group for group in groups.values() if len(group) > 1]


def group_id(members: Iterable[str]) -> str:
    """A short id that equal members always get: ``F-`` and eight hex digits of SHA-256."""
    return "F-" + hashlib.sha256("\n".join(sorted(members)).encode()).hexdigest()[:8]
