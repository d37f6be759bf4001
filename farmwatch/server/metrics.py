"""Counters, gauges and histograms, and their text for Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable

__all__ = ["Counter", "Gauge", "Histogram", "Metrics"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SERIES = 10_000  # of one counter: labels come from senders' names and feeds, which are few


class Counter:
    """A number that grows, one for each combination of labels."""

    def __init__(self, name: str, sentence: str, labels: tuple[str, ...] = ()) -> None:
        self.name, self.sentence, self.labels = name, sentence, labels
        self._values: dict[tuple[str, ...], float] = {} if labels else {(): 0.0}
        self._guard = threading.Lock()

    def add(self, amount: float = 1, *values: str) -> None:
        """Count; ``values`` are those of the labels, in their order."""
        with self._guard:
            if values in self._values or len(self._values) < _SERIES:
                self._values[values] = self._values.get(values, 0) + amount

    def value(self, *values: str) -> float:
        """What was counted."""
        return self._values.get(values, 0)

    def lines(self) -> list[str]:
        """Its text."""
        with self._guard:
            items = sorted(self._values.items())
        head = [f"# HELP {self.name} {self.sentence}", f"# TYPE {self.name} counter"]
        return head + [f"{self.name}{_labels(self.labels, values)} {_number(value)}" for values, value in items]


class Gauge:
    """A number asked for when it is shown."""

    def __init__(self, name: str, sentence: str, ask: Callable[[], float]) -> None:
        self.name, self.sentence, self._ask = name, sentence, ask

    def lines(self) -> list[str]:
        """Its text."""
        head = [f"# HELP {self.name} {self.sentence}", f"# TYPE {self.name} gauge"]
        return [*head, f"{self.name} {_number(self._ask())}"]


class Histogram:
    """How long something took, in seconds."""

    def __init__(self, name: str, sentence: str, bounds: tuple[float, ...] = _SECONDS) -> None:
        self.name, self.sentence, self._bounds = name, sentence, bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._guard = threading.Lock()

    def observe(self, value: float) -> None:
        """Count one duration."""
        with self._guard:
            self._counts[bisect.bisect_left(self._bounds, value)] += 1
            self._sum += value

    def lines(self) -> list[str]:
        """Its text."""
        with self._guard:
            counts, total = list(self._counts), self._sum
        lines = [f"# HELP {self.name} {self.sentence}", f"# TYPE {self.name} histogram"]
        so_far = 0
        for bound, count in zip((*self._bounds, "+Inf"), counts, strict=True):
            so_far += count
            lines.append(f'{self.name}_bucket{{le="{bound}"}} {so_far}')
        return [*lines, f"{self.name}_sum {_number(total)}", f"{self.name}_count {so_far}"]


class Metrics:
    """Everything a server counts."""

    def __init__(self) -> None:
        self._all: list[Counter | Gauge | Histogram] = []
        self.requests = self._counter("farmwatch_requests_total", "Requests by status.", ("status",))
        self.bytes = self._counter("farmwatch_body_bytes_total", "Bytes of bodies, unpacked.")
        self.records = self._counter("farmwatch_records_total", "Records received.", ("feed",))
        self.used = self._counter("farmwatch_records_used_total", "Records that gave rows.", ("feed",))
        self.rejected = self._counter("farmwatch_records_rejected_total", "Records that were wrong.", ("feed",))
        self.unneeded = self._counter("farmwatch_records_not_needed_total", "Records without use here.", ("feed",))
        self.dropped = self._counter(
            "farmwatch_fields_dropped_total", "Values of fields that are never kept.", ("feed",)
        )
        self.accepted_rows = self._counter("farmwatch_accepted_rows_total", "Rows acknowledged.", ("table",))
        self.committed_rows = self._counter("farmwatch_committed_rows_total", "Rows new in the store.", ("table",))
        self.duplicates = self._counter(
            "farmwatch_duplicate_rows_total", "Rows the store had already, or twice in a batch.", ("table",)
        )
        self.refused = self._counter("farmwatch_refused_total", "Requests refused, by reason.", ("reason",))
        self.feed_failures = self._counter("farmwatch_feed_failures_total", "Bodies a feed failed on.", ("feed",))
        self.commit_failures = self._counter("farmwatch_commit_failures_total", "Commits that are tried again.")
        self.log_failures = self._counter("farmwatch_log_write_failures_total", "Groups that could not be written.")
        self.corrupt = self._counter("farmwatch_log_corrupt_total", "Damaged stretches of the log put aside.")
        self.fsync_s = self._histogram("farmwatch_log_fsync_seconds", "Write and fsync of a group.")
        self.ack_s = self._histogram("farmwatch_ack_seconds", "From the whole body to the durable answer.")
        self.parse_s = self._histogram("farmwatch_parse_seconds", "Parsing of a body.")
        self.commit_s = self._histogram("farmwatch_commit_seconds", "Commit of a batch to the store.")

    def gauge(self, name: str, sentence: str, ask: Callable[[], float]) -> None:
        """Show one more number."""
        self._all.append(Gauge(name, sentence, ask))

    def text(self) -> str:
        """All of it."""
        return "\n".join(line for one in self._all for line in one.lines()) + "\n"

    def _counter(self, name: str, sentence: str, labels: tuple[str, ...] = ()) -> Counter:
        made = Counter(name, sentence, labels)
        self._all.append(made)
        return made

    def _histogram(self, name: str, sentence: str) -> Histogram:
        made = Histogram(name, sentence)
        self._all.append(made)
        return made


def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
