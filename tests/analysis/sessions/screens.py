"""Simulated remote screens with known truth: messages as either end of the line sees them, all of them seeded.

A person at the viewer acts (``tests.lab.hand.human``), the screen changes 5 to 60 ms after an input and now and then by
itself, and the viewer's software answers each update at once with one small message. The way there and back takes the
round trip, with jitter on each way and in order, so the truth about the loop is the round trip itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from farmwatch.analysis.sessions.features import behaviour
from farmwatch.analysis.sessions.hand import find_hand
from farmwatch.analysis.sessions.loop import answer_classes
from farmwatch.analysis.sessions.runs import runs_of
from farmwatch.records import DeviceFlow, FlowSeries, Rows, SeriesFlow, Table, Tables
from tests.lab.hand import human
from tests.lab.typist import keys

ANSWER = 10  #: bytes of an update request
SIZES = {"down": 8, "up": 8, "move": 6, "press": 6, "release": 6, "wheel": 6}  #: bytes of input messages
START = 1_800_000_000.0  #: some morning, in seconds since 1970


@dataclass(frozen=True, slots=True)
class Seen:
    """What one end saw of a flow, in order of time."""

    times_s: np.ndarray
    out: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, into, out):
        """From (times, sizes) of what came and of what left."""
        times = np.concatenate([into[0], out[0]])
        order = np.argsort(times, kind="stable")
        leaves = np.concatenate([np.zeros(len(into[0]), bool), np.ones(len(out[0]), bool)])
        sizes = np.concatenate([np.asarray(into[1]), np.asarray(out[1])]).astype(np.int64)
        return cls(times[order], leaves[order], sizes[order])

    def mirrored(self):
        """The same messages with directions swapped."""
        return Seen(self.times_s, ~self.out, self.sizes)

    def moved(self, seconds):
        """The same messages so much later."""
        return Seen(self.times_s + seconds, self.out, self.sizes)

    def padded(self, size):
        """The same messages, each filled up to one size or cut into messages of it."""
        parts = np.maximum(1, -(-self.sizes // size))
        return Seen(np.repeat(self.times_s, parts), np.repeat(self.out, parts), np.full(parts.sum(), size))

    def without_answers(self, size=ANSWER):
        """The same messages but the incoming ones of one size."""
        kept = self.out | (self.sizes != size)
        return Seen(self.times_s[kept], self.out[kept], self.sizes[kept])

    def behaviour(self, **options):
        """What is measured of it."""
        return behaviour(self.times_s, self.out, self.sizes, **({"datagrams": False} | options))


def _travel(rng, times, one_way, jitter):
    """When messages arrive: one way later, with up to half the jitter either way, in order."""
    return np.maximum.accumulate(times + np.maximum(one_way + rng.uniform(-jitter / 2, jitter / 2, len(times)), 0))


def inputs(seed, seconds):
    """When a person acts, and the size of each message: keys, pointer sweeps, clicks, wheel."""
    done = []
    for action in human.actions(seed):
        if action.at >= seconds:
            break
        done.append((action.at, SIZES[action.kind]))
    return np.array([at for at, _ in done]), np.array([size for _, size in done])


def screen(seed, rtt_ms, *, jitter_ms=0.0, seconds=60.0, frames_hz=0.0, own_every_s=3.0, hover=0.15):
    """A remote-control session as seen at the screen and at the viewer.

    Args:
        seed: of everything.
        rtt_ms: from the screen to the viewer's program and back: the true loop.
        jitter_ms: most by which a round trip differs from that, either way.
        seconds: how long the person works.
        frames_hz: frames that the screen sends at fixed intervals, as a clock or a film makes them.
        own_every_s: mean time between updates that nobody caused.
        hover: share of pointer messages that change the screen; of all others nine in ten do.
    """
    rng = np.random.default_rng([seed, 77])
    way, jitter = rtt_ms / 2e3, jitter_ms / 1e3
    typed, sizes = inputs(seed, seconds)
    arrived = _travel(rng, typed, way, jitter)
    if frames_hz:
        beats = np.arange(0.5, seconds, 1 / frames_hz)
        made = beats + rng.normal(0, 0.0005, len(beats))
    else:
        echoes = arrived[rng.random(len(arrived)) < np.where(sizes == SIZES["move"], hover, 0.9)]
        own = np.cumsum(rng.exponential(own_every_s, int(seconds / own_every_s)))
        made = np.sort(np.concatenate([echoes + rng.uniform(0.005, 0.06, len(echoes)), own]))
    updates = rng.integers(80, 1400, len(made))
    shown = _travel(rng, made, way, jitter)
    answers = shown + rng.exponential(0.0003, len(shown))
    back = _travel(rng, answers, way, jitter)
    small = np.full(len(answers), ANSWER)
    at_screen = Seen.of((np.concatenate([arrived, back]), np.concatenate([sizes, small])), (made, updates))
    at_viewer = Seen.of((shown, updates), (np.concatenate([typed, answers]), np.concatenate([sizes, small])))
    return at_screen, at_viewer


def shell(seed, *, seconds=90.0):
    """A plain SSH session into the device: each key echoed within milliseconds, output after each line, no answers."""
    rng = np.random.default_rng([seed, 78])
    at, pressed, lines = 0.0, [], []
    for pause, letter in keys(seed):
        at += pause
        if at >= seconds:
            break
        pressed.append(at)
        if letter == "\n":
            lines.append(at)
    pressed, lines = np.array(pressed), np.array(lines)
    echoes = pressed + rng.uniform(0.001, 0.005, len(pressed))
    output = lines + rng.uniform(0.01, 0.05, len(lines))
    return Seen.of(
        (pressed, np.full(len(pressed), 36)),
        (np.concatenate([echoes, output]),
         np.concatenate([np.full(len(echoes), 36), rng.integers(100, 1400, len(output))])),
    )  # fmt: skip


def video(seed, rtt_ms, *, seconds=20.0, frames_hz=12.0, chunk=16_384, rate=2.5e6):
    """Large frames that leave in parts and need several flights; every part is answered as it arrives.

    The first part of a frame leaves at once and is answered after a round trip, so no answer is sooner than that.
    """
    rng = np.random.default_rng([seed, 79])
    out, answers, at = [], [], 0.5
    while at < seconds:
        parts = int(rng.integers(3, 9))
        sent = at + np.arange(parts) * chunk / rate
        out.extend(sent.tolist())
        answers.extend((sent + rtt_ms / 1e3 + rng.uniform(0.0, 0.001, parts)).tolist())
        at = float(sent[-1]) + rng.exponential(3 / frames_hz) + 0.012
    typed, sizes = inputs(seed, seconds)
    return Seen.of(
        (np.concatenate([typed, answers]), np.concatenate([sizes, np.full(len(answers), 60)])),
        (np.array(out), np.full(len(out), chunk)),
    )


FLOW = {
    "device_id": "LAPTOP", "input": 0, "proto": "tcp", "local_side": 0, "local_h": "10.0.0.5", "local_p": 50000,
    "remote_h": "198.51.100.7", "remote_p": 443, "remote_scope": "public", "established": True,
    "encapsulation": "", "unread": "", "tunnels": "", "pkts_out": 0, "pkts_in": 0, "data_pkts_out": 0,
    "data_pkts_in": 0, "small_out": 0, "small_in": 0, "small_gaps_out": 0, "small_gaps_in": 0, "active_s_out": 0,
    "active_s_in": 0, "longest_silence_s": 0.0, "rtt_ms": None, "rtt_samples": 0, "local_rtt_ms": None,
    "local_mss": None, "remote_mss": None, "remote_name": None, "protocol": None, "controlled": None,
}  # fmt: skip


def tables(*flows):
    """The tables of a run with these flows of a laptop: each a :class:`Seen`, or a pair of it and columns."""
    rows, kept, parts = Rows(DeviceFlow), Rows(SeriesFlow), []
    for number, given in enumerate(flows):
        seen, columns = given if isinstance(given, tuple) else (given, {})
        times = ((seen.times_s + START) * 1e9).astype(np.int64)
        remote = f"198.51.{100 + number // 250}.{number % 250}"
        own = {"flow": number, "local_p": 50_000 + number % 10_000, "remote_h": remote, "ts": int(times[0]),
               "last_ts": int(times[-1]), "first_packet": 10 * number + 1, "last_packet": 10 * number + 9,
               "bytes_out": int(seen.sizes[seen.out].sum()),
               "bytes_in": int(seen.sizes[~seen.out].sum())}  # fmt: skip
        row = FLOW | own | columns
        rows.add(**row)
        kept.add(input=0, flow=number, packet=1, rows=len(times), left_out=0, framed=False, breaks=0)
        side = np.where(seen.out, row["local_side"], 1 - row["local_side"])
        parts.append((np.full(len(times), number), np.arange(len(times)), times, side, seen.sizes,
                      np.full(len(times), 2 if row["proto"] == "udp" else 0)))  # fmt: skip
    flow, n, times, side, size, unit = (np.concatenate(column) for column in zip(*parts, strict=True))
    nothing = np.zeros(len(flow), np.int64)
    columns = {"input": nothing, "flow": flow, "n": n, "ts": times.view("datetime64[ns]"), "side": side, "size": size,
               "unit": unit, "content_type": nothing}  # fmt: skip
    series = Table(FlowSeries, {name: columns[name].astype(FlowSeries.columns[name].dtype) for name in columns})
    return Tables([rows.table(), kept.table(), series])


def hand_of(seen):
    """The incoming hand with its times and sizes."""
    times, sizes = seen.times_s[~seen.out], seen.sizes[~seen.out]
    runs = runs_of(seen.times_s[seen.out], seen.sizes[seen.out])
    return find_hand(times, sizes, answer_classes(times, sizes, runs)), times, sizes


def alone(times, sizes=8):
    """The hand of messages without another direction."""
    times = np.asarray(times, float)
    sizes = np.full(len(times), sizes) if np.isscalar(sizes) else np.asarray(sizes)
    return find_hand(times, sizes, []), times, sizes


def typing(seed, releases):
    """Bursts of whole presses, with or without releases, and how many presses they are."""
    rng = np.random.default_rng([seed, 14])
    times, presses, at = [], 0, 1.0
    for _ in range(40):
        for _ in range(int(rng.integers(3, 9))):
            times.append(at)
            if releases:
                times.append(at + rng.uniform(0.06, 0.1))
            at += rng.uniform(0.14, 0.3)
            presses += 1
        at += rng.uniform(0.9, 2.0)
    return np.sort(np.array(times)), presses
