"""Measure how fast Windows events are read: ``python -m tests.bench.windows [--events N] [--forms evtx,winlogbeat]``.

Writes a log with the mix of a company laptop (logons, processes, connections, names; a fifth of it not needed) in each
form, in memory, and prints events per second of processor time for the whole way to checked Arrow tables, the best of
three. Beside it: how fast Python's JSON parser alone gets through the same lines.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from farmwatch.collectors.feeds.contract import Context  # noqa: E402  (after the path is set)
from farmwatch.collectors.feeds.opening import Input, opened  # noqa: E402
from farmwatch.collectors.feeds.registry import feed_of  # noqa: E402
from tests import windows_log  # noqa: E402
from tests.evtx_files import evtx_bytes  # noqa: E402

MIX = {
    (windows_log.SECURITY, 4624): 20, (windows_log.SECURITY, 4634): 10, (windows_log.SECURITY, 4672): 15,
    (windows_log.SECURITY, 4688): 15, (windows_log.SYSMON, 1): 10, (windows_log.SYSMON, 3): 15,
    (windows_log.SYSMON, 22): 10, (windows_log.PNP, 410): 1, (windows_log.RDP, 131): 1, (windows_log.RDP, 104): 1,
    (windows_log.POWER, 105): 1, (windows_log.POWER, 187): 3,
}  # fmt: skip
FORMS = ("evtx", "winlogbeat", "dump", "nxlog", "fluent_bit", "powershell", "xml")
MESSAGE = "An account was successfully logged on. " * 25  # as long as such a message is


def events(count):
    """The mix, a second apart."""
    first = {(source, number): (source, number, data, more) for source, number, data, more in windows_log.CASES[::-1]}
    pool = [first[key] for key, times in MIX.items() for _ in range(times)]
    random.Random(1).shuffle(pool)
    whole = windows_log.events(pool)
    return [
        {**whole[number % len(whole)], "record": number + 1, "time": windows_log.START + timedelta(seconds=number)}
        for number in range(count)
    ]


def written(form, listed):
    """Kind and bytes."""
    if form == "evtx":
        return "windows-evtx", evtx_bytes(listed)
    if form == "xml":
        return "windows-events", "\n".join(map(windows_log.xml, listed)).encode()
    documents = [getattr(windows_log, form)(event) for event in listed]
    for document in documents:
        document.update({name: MESSAGE for name in ("message", "Message") if name in document})
    return "windows-events", "\n".join(json.dumps(one, separators=(",", ":")) for one in documents).encode()


def records(kind, data):
    """How many were read."""
    context = Context("bench", datetime(2026, 11, 1, tzinfo=UTC), b"p" * 32)
    with opened(Input("bench", stream=io.BytesIO(data))) as stream:
        return sum(one.records for one in feed_of(kind).read(stream, context))


def parsed(data):
    """What Python's parser makes of lines, which is thrown away."""
    for line in data.split(b"\n"):
        json.loads(line)


def best(work, count):
    """Most per second of processor time in three runs."""
    rates = []
    for _ in range(3):
        began = time.process_time()
        work()
        rates.append(count / (time.process_time() - began))
    return max(rates)


def main():
    """Print one line for each form."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--forms", default=",".join(FORMS))
    options = parser.parse_args()
    listed = events(options.events)
    for form in options.forms.split(","):
        kind, data = written(form, listed)
        assert records(kind, data) == options.events
        rate = best(lambda kind=kind, data=data: records(kind, data), options.events)
        said = f"{form:11} {len(data) // options.events:5} bytes an event  {rate:9,.0f}/s"
        if form not in ("evtx", "xml"):
            said += f", JSON alone {best(lambda data=data: parsed(data), options.events):,.0f}/s"
        print(said, flush=True)


if __name__ == "__main__":
    main()
