"""A prompt to work at: it echoes what is typed, and Enter prints nothing much, a few lines, a listing or a file.

Nothing typed is run or kept. ``python prompt.py shell SEED`` is the prompt; ``python prompt.py log SEED`` prints a
line now and then by itself, like a build. Needs only the standard library and may be started from any folder.
"""

from __future__ import annotations

import random
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = ("account", "build", "change", "daemon", "entry", "field", "group", "header", "index", "journal", "kernel")
PROMPT = "desk:~$ "


def _sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words))


def listing(rng: random.Random, rows: int) -> Iterator[str]:
    """Yield the rows of a long listing of files nobody has."""
    for _ in range(rows):
        size, day = rng.randrange(40, 9_000_000), rng.randrange(1, 29)
        name = f"{rng.choice(WORDS)}-{rng.randrange(1000):03}.{rng.choice(('py', 'txt', 'log', 'tar.gz'))}"
        yield f"-rw-r--r-- 1 desk desk {size:>8} Mar {day:>2} {rng.randrange(24):02}:{rng.randrange(60):02} {name}"


def answer(rng: random.Random) -> Iterator[tuple[float, str]]:
    """Yield what Enter prints as (pause before it in seconds, text): most often little, one time in four a lot."""
    kind = rng.choices(("nothing", "line", "lines", "listing", "file", "steps"), (30, 20, 18, 14, 10, 8))[0]
    if kind == "line":
        yield rng.uniform(0.002, 0.05), _sentence(rng, 6) + "\n"
    elif kind == "lines":
        yield rng.uniform(0.005, 0.1), "".join(_sentence(rng, 8) + "\n" for _ in range(rng.randrange(3, 9)))
    elif kind == "listing":
        yield rng.uniform(0.005, 0.03), "\n".join(listing(rng, rng.randrange(15, 90))) + "\n"
    elif kind == "file":
        yield rng.uniform(0.001, 0.01), "".join(_sentence(rng, 9) + "\n" for _ in range(rng.randrange(30, 220)))
    elif kind == "steps":
        for step in range(rng.randrange(4, 14)):
            yield rng.uniform(0.05, 0.6), f"[{step}] {_sentence(rng, 4)}\n"


def shell(seed: int) -> None:
    """Echo lines and print answers until the input ends. The terminal itself echoes the keys."""
    rng = random.Random(seed)
    print(PROMPT, end="", flush=True)
    for _ in sys.stdin:
        for pause, text in answer(rng):
            time.sleep(pause)
            print(text, end="", flush=True)
        print(PROMPT, end="", flush=True)


def log(seed: int) -> None:
    """Print a line after 2 to 25 s, without end."""
    rng = random.Random(seed)
    while True:
        time.sleep(rng.uniform(2.0, 25.0))
        print(f"{time.strftime('%H:%M:%S')} {_sentence(rng, 7)}", flush=True)


if __name__ == "__main__":
    {"shell": shell, "log": log}[sys.argv[1]](int(sys.argv[2]))
