"""Where addresses are, by a database the user supplies: MaxMind DB format (GeoLite2, DB-IP Lite, IPinfo and others)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

__all__ = ["GeoDatabase"]


class GeoDatabase:
    """One or more databases; what the first does not say, the next may."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)

    def lookup(self, addresses: Sequence[str]) -> pa.Table:
        """Place and network of addresses: ``address, country, latitude, longitude, radius_km, asn, as_org``."""
        raise NotImplementedError
