"""A server's parts in one hand: what doors and routes get to work with."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from farmwatch.server.gate import Gate, Room
from farmwatch.server.ingest import Ingest
from farmwatch.server.metrics import Metrics
from farmwatch.server.settings import Settings
from farmwatch.server.upkeep import Upkeep
from farmwatch.server.uploads import Uploads
from farmwatch.store.lake import Store, open_store
from farmwatch.store.state import State

__all__ = ["Service", "open_service"]

_LOG = logging.getLogger("farmwatch.server")


@dataclass(slots=True)
class Service:
    """A running server."""

    settings: Settings
    store: Store
    state: State
    metrics: Metrics
    gate: Gate
    room: Room
    ingest: Ingest
    uploads: Uploads
    upkeep: Upkeep
    draining: bool = False
    started: float = field(default_factory=time.monotonic)

    def trouble(self) -> str:
        """Why the server cannot do its work now, in a word; empty where it can."""
        return "stopping" if self.draining else self.ingest.trouble()

    def finish(self, seconds: float) -> int:
        """End: finish what was begun within so many seconds.

        Returns:
            Segments of the log left for the next start.
        """
        self.draining = True
        self.upkeep.finish()
        self.uploads.finish()
        return self.ingest.finish(seconds)


def open_service(settings: Settings) -> Service:
    """Open the store and the log, take up what an earlier run left, and be ready for requests.

    Raises:
        StoreError: the store or the log cannot be used.
    """
    store = open_store(settings.store)
    state = store.state
    metrics = Metrics()
    ingest = Ingest(store, settings, metrics)
    left = ingest.start()
    if left:
        _LOG.warning("%d segments of the log were left by an earlier run and are committed now", left)
    uploads = Uploads(settings.capture_dir, settings.captures, state, settings.store)
    uploads.start()
    gate = Gate(state, settings.limits, metrics)
    upkeep = Upkeep(settings.store, settings.upkeep_s)
    upkeep.start()
    room = Room(settings.limits.in_flight_bytes)
    return Service(settings, store, state, metrics, gate, room, ingest, uploads, upkeep)
