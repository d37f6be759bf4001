"""farmwatch: is a company laptop driven by somebody who is not in front of it, from how far, is it one of several?

The public API, imported lazily so that ``import farmwatch`` costs nothing::

    import farmwatch

    report = farmwatch.scan("suspect.pcapng")             # captures in, a Report out
    report = farmwatch.scan(["case/", "site-*.pcap.gz"])   # folders and patterns too
    tables = farmwatch.collect("suspect.pcapng")           # or: the tables behind it,
    report = farmwatch.assess(tables)                      # judged in a second step
    store = farmwatch.open_store("/srv/farmwatch")         # the telemetry that was taken in
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from farmwatch.api import assess, collect, scan
    from farmwatch.store import open_store

__all__ = ["__version__", "assess", "collect", "open_store", "scan"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load the API on first use."""
    if name in ("assess", "collect", "scan"):
        return getattr(import_module("farmwatch.api"), name)
    if name == "open_store":
        return import_module("farmwatch.store").open_store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
