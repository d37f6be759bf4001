"""Watches input devices: reads their reports as they come, and hands out windows as they end.

Why the sleep between reads grows under load: the agent must not be felt. Beyond eight thousandths of one processor it
reads less often, and takes it that the kernel throws reports away, which is counted; times of the others stay exact.
"""

from __future__ import annotations

import selectors
import time
from pathlib import Path
from typing import TYPE_CHECKING

from farmwatch.agent.facts import InputWindow
from farmwatch.agent.probe import InputSource, Probe, UnavailableError
from farmwatch.agent.timing import WindowCounter

if TYPE_CHECKING:
    from farmwatch.agent.evdev import EventReader

__all__ = ["InputWatch", "Pace"]

_CHECK_S = 2.0  # of reading, between two looks at the processor time
_TOO_MUCH, _ENOUGH = 0.008, 0.005  # of one processor
_SHORTEST_S, _LONGEST_S = 0.020, 0.200
_STEP = 1.5


class Pace:
    """How long to sleep between two reads, so that the process stays below its share of a processor."""

    def __init__(self) -> None:
        self.pause_s = _SHORTEST_S
        self._wall = time.monotonic()
        self._cpu = time.process_time()

    def look(self, wall: float, cpu: float) -> None:
        """Adjust to the processor time used; both in seconds, on clocks of their own."""
        if wall - self._wall < _CHECK_S:
            return
        share = (cpu - self._cpu) / (wall - self._wall)
        self._wall, self._cpu = wall, cpu
        if share > _TOO_MUCH:
            self.pause_s = min(self.pause_s * _STEP, _LONGEST_S)
        elif share < _ENOUGH:
            self.pause_s = max(self.pause_s / _STEP, _SHORTEST_S)


class _Watched:
    """One device under watch and its running window."""

    def __init__(self, source: InputSource, reader: EventReader) -> None:
        self.source = source
        self.reader = reader
        self.counter = WindowCounter(time.monotonic(), reader.axes)


class InputWatch:
    """All keyboards and pointers of a probe, also those that come later."""

    def __init__(self, probe: Probe, window_s: float) -> None:
        """Nothing is opened before the first :meth:`look`."""
        self._probe = probe
        self._window_s = window_s
        self._selector = selectors.DefaultSelector()
        self._watched: dict[Path, _Watched] = {}
        self._done: list[InputWindow] = []
        self._pace = Pace()
        self._started = time.monotonic()
        self._started_ts = time.time()
        self.missing = ""  #: why input is not timed, or not all of it; empty where all is

    def look(self) -> None:
        """Open devices that came, close those that went."""
        try:
            sources = self._probe.inputs()
        except UnavailableError as error:
            self.missing = str(error)
            return
        from farmwatch.agent.evdev import EventReader  # Linux only

        refused = 0
        for gone in self._watched.keys() - {source.path for source in sources}:
            self._close(gone)
        for source in sources:
            if source.path in self._watched:
                continue
            try:
                reader = EventReader(source.path, absolute=source.pointer == "absolute")
            except OSError:
                refused += 1
                continue
            self._watched[source.path] = _Watched(source, reader)
            self._selector.register(reader, selectors.EVENT_READ, source.path)
        if refused:
            self.missing = (
                f"{refused} of {len(sources)} input devices may not be read: run as root or in the group 'input'"
            )
        else:
            self.missing = "" if sources else "no keyboard or pointer"

    def wait(self, until: float) -> None:
        """Read reports until a time of the monotonic clock, or until a signal came."""
        while (left := until - time.monotonic()) > 0:
            if not self._watched:
                time.sleep(min(left, 1.0))
                return
            ready = self._selector.select(min(left, 1.0))
            for key, _ in ready:
                watched = self._watched[key.data]
                try:
                    watched.reader.read(watched.counter)
                except OSError:
                    self._close(key.data)
            if not ready:
                return
            time.sleep(self._pace.pause_s)
            self._pace.look(time.monotonic(), time.process_time())

    def windows(self, *, all_of_them: bool = False) -> list[InputWindow]:
        """Windows that have ended; with ``all_of_them`` also the one under way. Quiet devices give none."""
        now = time.monotonic()
        if all_of_them or now - self._started >= self._window_s:
            for path in self._watched:
                self._end(path, now)
            self._started, self._started_ts = now, time.time()
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Let all devices go."""
        for path in list(self._watched):
            self._close(path)
        self._selector.close()

    def _end(self, path: Path, now: float) -> None:
        """End the window of one device and begin the next."""
        watched = self._watched[path]
        if not watched.counter.quiet:
            source = watched.source
            self._done.append(
                watched.counter.window(self._started_ts, now - self._started, source.label, source.pointer)
            )
        watched.counter = WindowCounter(now, watched.reader.axes, watched.counter.recent(now))

    def _close(self, path: Path) -> None:
        self._end(path, time.monotonic())
        watched = self._watched.pop(path)
        self._selector.unregister(watched.reader)
        watched.reader.close()
