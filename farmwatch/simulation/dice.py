"""Chance by name and number: the same question always gets the same answer.

A draw is a hash of the seed, the name of what is asked and the numbers it is asked of (device, day, ...), after
SplitMix64 (Steele, Lea and Flood 2014). So nothing depends on the order of questions: devices made in chunks of any
size are the same devices, and what one evasion changes is all that changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dice", "Key", "scrambled"]

Key: TypeAlias = "NDArray[Any] | int"  #: numbers a question is asked of; arrays are broadcast against each other

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))


def scrambled(values: NDArray[Any], bits: int) -> NDArray[np.uint64]:
    """Whole numbers below ``2**bits`` in another order: different ones stay different."""
    mask = np.uint64((1 << bits) - 1)
    value = np.asarray(values).astype(np.uint64) & mask
    with np.errstate(over="ignore"):
        for factor in (0x9E3779B1, 0x85EBCA6B):
            value = (value * np.uint64(factor)) & mask
            value ^= value >> np.uint64(bits // 2)
    return value


class Dice:
    """Draws of one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._bases: dict[str, np.uint64] = {}

    def raw(self, name: str, *keys: Key) -> NDArray[np.uint64]:
        """64 random bits for each combination of keys."""
        base = self._bases.get(name)
        if base is None:
            digest = hashlib.blake2b(f"{self._seed}/{name}".encode(), digest_size=8).digest()
            base = self._bases[name] = np.uint64(int.from_bytes(digest, "little"))
        value = np.asarray(base)
        with np.errstate(over="ignore"):
            for key in keys or (0,):
                value = _mixed((value ^ np.asarray(key).astype(np.int64).astype(np.uint64)) * _GOLDEN + _GOLDEN)
        return np.asarray(value)

    def share(self, name: str, *keys: Key) -> NDArray[np.float64]:
        """Uniform between 0 (included) and 1."""
        return (self.raw(name, *keys) >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))

    def whether(self, name: str, probability: NDArray[Any] | float, *keys: Key) -> NDArray[np.bool_]:
        """True with a probability."""
        return np.asarray(self.share(name, *keys) < probability)

    def whole(self, name: str, count: NDArray[Any] | int, *keys: Key) -> NDArray[np.int64]:
        """A whole number from 0 to ``count`` - 1."""
        return (self.share(name, *keys) * count).astype(np.int64)

    def normal(
        self, name: str, mean: NDArray[Any] | float, deviation: NDArray[Any] | float, *keys: Key
    ) -> NDArray[np.float64]:
        """Normal (Box and Muller 1958)."""
        radius = np.sqrt(-2.0 * np.log1p(-self.share(name, *keys)))
        found = mean + deviation * radius * np.cos(2.0 * np.pi * self.share(name + "'", *keys))
        return np.asarray(found, np.float64)

    def waited(self, name: str, mean: NDArray[Any] | float, *keys: Key) -> NDArray[np.float64]:
        """Exponential."""
        return np.asarray(-np.log1p(-self.share(name, *keys)) * mean)

    def pick(self, name: str, weights: Sequence[float] | NDArray[Any], *keys: Key) -> NDArray[np.int64]:
        """An index, by weights."""
        edges = np.cumsum(np.asarray(weights, np.float64))
        found = np.searchsorted(edges, self.share(name, *keys) * edges[-1], side="right")
        return np.asarray(np.minimum(found, len(edges) - 1), np.int64)

    def order(self, name: str, count: int) -> NDArray[np.int64]:
        """The numbers from 0 to ``count`` - 1 in random order."""
        return np.argsort(self.raw(name, np.arange(count)), kind="stable").astype(np.int64)
