"""The telemetry lake (Delta Lake tables) and the case state (SQLite): the only place that knows the engines.

Imports only ``errors`` and ``records``. Open a store with :func:`open_store`; nothing here is imported by
``import farmwatch`` or a scan of captures, because the engines take a while to load.
"""

from __future__ import annotations

from farmwatch.store.lake import Store, Stored, open_store
from farmwatch.store.place import default_store
from farmwatch.store.state import Sender, State

__all__ = ["Sender", "State", "Store", "Stored", "default_store", "open_store"]
