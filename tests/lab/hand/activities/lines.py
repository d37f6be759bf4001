"""Text protocols of whole lines, by people at a terminal: a key-value store on the laptop, and chat rooms.

What looks like a driven terminal and is not: small messages come in at a person's pace, and hardly more goes out. A
line goes out whole when it is ended, and what comes back is an answer or another person's line, not an echo of keys.
"""

from __future__ import annotations

import itertools
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

from tests.lab import typist
from tests.lab.hand import human
from tests.lab.hand.activities import shells
from tests.lab.hand.ground import Ground, Label
from tests.lab.net import Lab

STORE_PORT, CHAT_PORT = 6379, 6667
_CHAT = """[Global]
Name = chat.lab.test
Info = chat
Listen = {address}
Ports = {port}
MotdPhrase = welcome
[Options]
DNS = no
Ident = no
PAM = no
"""


def store_server(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Serve a key-value store that somebody in the office asks by hand: a short line in, a short or long answer out."""
    lab, rng, pauses = ground.lab, random.Random(seed), typist.keys(seed)
    lab.start(
        "l", "redis-server", "--bind", ground.laptop, "--port", str(STORE_PORT), "--protected-mode", "no",
        "--save", "", "--appendonly", "no", "--dir", str(lab.folder),
    )  # fmt: skip
    lab.listening("l", STORE_PORT)

    def command() -> str:
        name, word = rng.choice("abcdef"), rng.choice(typist.WORDS)
        asked = (f"set {name} {word}", f"get {name}", f"get {name}", f"incr n{name}", f"ttl {name}", f"rpush l {word}")
        return rng.choice((*asked, "lrange l 0 9", "keys *", f"hset h {name} 1", "hgetall h", "dbsize", "info"))

    def write(terminal: int) -> None:
        end = time.monotonic() + seconds
        for letter in itertools.chain.from_iterable(command() + "\r" for _ in itertools.count()):
            time.sleep(next(pauses)[0])
            if time.monotonic() >= end:
                return
            os.write(terminal, letter.encode())

    # A dumb terminal: on others redis-cli asks the terminal for its width, and takes what is typed for the answer.
    ask = ("env", "TERM=dumb", "redis-cli", "-h", ground.laptop, "-p", str(STORE_PORT))
    shells.typed(lab, "w", seconds, write, *ask)
    return []


def _chat(lab: Lab, short: str, address: str) -> None:
    """Start a chat server on an address of a namespace."""
    config = lab.folder / "chat.conf"
    config.write_text(_CHAT.format(address=address, port=CHAT_PORT))
    lab.start(short, "ngircd", "-n", "-f", str(config))
    lab.listening(short, CHAT_PORT)


def _talk(lab: Lab, places: tuple[str, ...], address: str, seconds: float, seed: int) -> None:
    """Have a person in each of these namespaces join one room and write in it."""

    def one(number: int) -> None:
        def write(terminal: int) -> None:
            os.write(terminal, b":j #desk\n")
            human.play_terminal(terminal, seconds, seed + number)

        sic = ("sic", "-h", address, "-p", str(CHAT_PORT), "-n", f"desk{number}")
        shells.typed(lab, places[number], seconds, write, *sic)

    with ThreadPoolExecutor(len(places)) as pool:
        list(pool.map(one, range(len(places))))


def chat_client(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Chat in a room of an office server with two others: lines go out when ended, the others' lines come in."""
    _chat(ground.lab, "w", ground.office)
    _talk(ground.lab, ("l", "w", "w"), ground.office, seconds, seed)
    return []


def chat_server(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Serve a chat room to three people in the office: each one's lines come in and go out to the others."""
    _chat(ground.lab, "l", ground.laptop)
    _talk(ground.lab, ("w", "w", "w"), ground.laptop, seconds, seed)
    return []
