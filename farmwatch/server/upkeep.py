"""Upkeep of the store beside the server: now and then a process of its own merges small files and clears old ones.

A commit a second makes thousands of small files a day, and readers open every one of them. Why a process of its own:
merging decodes and encodes whole days, which in the server's process would hold up acknowledgements.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading

__all__ = ["Upkeep"]

_LOG = logging.getLogger("farmwatch.server")
_NICENESS = 10
_END_S = 10.0


class Upkeep:
    """Runs ``farmwatch store compact`` every so many seconds until it is told to end.

    Args:
        store: The store.
        every_s: From the end of one run to the next; 0 for never.
    """

    def __init__(self, store: str, every_s: float) -> None:
        self._store, self._every_s = store, every_s
        self._ended = threading.Event()
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
        self.runs = 0  #: that ended well
        self.failures = 0

    def start(self) -> None:
        """Begin waiting for the first run."""
        if self._every_s > 0:
            self._thread.start()

    def finish(self) -> None:
        """End; a run in hand is stopped: what it has merged stays merged, and the store is whole at any moment."""
        self._ended.set()
        with self._guard:
            process = self._process
        if process is not None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)
            if process.poll() is None:
                process.kill()
        if self._thread.is_alive():
            self._thread.join(_END_S)

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            self._once()

    def _once(self) -> None:
        command = [sys.executable, "-m", "farmwatch", "store", "compact", "--store", self._store]
        try:
            with self._guard:
                if self._ended.is_set():
                    return
                self._process = subprocess.Popen(  # noqa: S603  (our own program, with the store it was given)
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
                )
            if hasattr(os, "setpriority"):
                with contextlib.suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICENESS)
            said = self._process.communicate()[1].decode("utf-8", "replace").strip()
        except OSError as error:
            self.failures += 1
            _LOG.error("upkeep of the store cannot be started: %s", error)
            return
        if self._process.returncode == 0:
            self.runs += 1
        elif not self._ended.is_set():
            self.failures += 1
            _LOG.error("upkeep of the store ended with %d: %s", self._process.returncode, said[-500:])
