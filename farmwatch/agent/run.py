"""The agent at work: look, spool, send, every so many seconds, until told to stop.

Sending happens in a second thread, so that a slow server never makes input reports wait. Everything else is in one.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from farmwatch.agent.message import Messages, encode
from farmwatch.agent.probe import Probe
from farmwatch.agent.sender import Sender, Server
from farmwatch.agent.spool import Losses, Spool
from farmwatch.agent.watch import InputWatch

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WINDOW_S", "Collector", "default_spool", "run_agent", "stop_on_signals"]

WINDOW_S = 300.0  #: length of an input window
_LAST_CHANCE_S = 10.0  # for a request under way, at the end


def default_spool() -> Path:
    """The user's state folder for the spool; /var/lib/farmwatch/agent for root on Linux."""
    import os

    import platformdirs

    if hasattr(os, "geteuid") and os.geteuid() == 0 and Path("/var/lib").is_dir():
        return Path("/var/lib/farmwatch/agent")
    return Path(platformdirs.user_state_dir("farmwatch")) / "agent"


class Collector:
    """Makes one message after the other and gives each to ``keep``, which says whether it was kept."""

    def __init__(self, probe: Probe, messages: Messages, interval_s: float, window_s: float = WINDOW_S) -> None:
        """``interval_s`` between messages, ``window_s`` of input in each window."""
        self._messages = messages
        self._interval_s = interval_s
        self._watch = InputWatch(probe, window_s)

    def once(self, losses: Losses) -> bytes:
        """One message at once. Input cannot be timed in no time, and the message says so."""
        return encode(
            self._messages.make([], losses, {"input": "timing needs a running agent: one look has no intervals"})
        )

    def run(self, keep: Callable[[bytes], bool], losses: Callable[[], Losses], stop: threading.Event) -> None:
        """Until told to stop; then a last message holds the windows under way."""
        try:
            due = time.monotonic()
            while not stop.is_set():
                self._watch.look()
                self._keep(keep, losses(), last=False)
                due = max(due + self._interval_s, time.monotonic())
                while not stop.is_set() and time.monotonic() < due:
                    self._watch.wait(due)
            self._keep(keep, losses(), last=True)
        finally:
            self._watch.close()

    def _keep(self, keep: Callable[[bytes], bool], losses: Losses, *, last: bool) -> None:
        missing = {"input": self._watch.missing} if self._watch.missing else {}
        windows = self._watch.windows(all_of_them=last)
        if not keep(encode(self._messages.make(windows, losses, missing))):
            self._messages.forget()


def run_agent(collector: Collector, spool: Spool, server: Server, *, once: bool, stop: threading.Event) -> Sender:
    """Collect into the spool and send from it; returns the sender, which knows what the server said last."""
    sender = Sender(spool, server)
    if once:
        spool.append(collector.once(spool.losses))
        while sender.step() == 0.0:
            continue
        return sender
    wake = threading.Event()
    thread = threading.Thread(target=sender.run, args=(stop, wake), name="sender", daemon=True)
    thread.start()

    def keep(message: bytes) -> bool:
        kept = spool.append(message)
        wake.set()
        return kept

    collector.run(keep, lambda: spool.losses, stop)
    wake.set()
    thread.join(_LAST_CHANCE_S)
    if not thread.is_alive() and sender.works:
        sender.step()  # the last message; what does not get away now is sent by the next run
    return sender


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT ask to stop instead of ending the process at once."""
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
