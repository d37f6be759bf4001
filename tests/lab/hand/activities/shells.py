"""Work over SSH from the laptop: typing, watching, copying, cloning, a mounted folder, an editor's remote half.

Servers stand in the office. Who types is the laptop's own person, so typed sessions carry the role *controlling*.
"""

from __future__ import annotations

import os
import pty
import random
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab import net
from tests.lab.hand import human, sshd
from tests.lab.hand.ground import Ground, Label
from tests.lab.net import Lab

_MODULE = "tests.lab.hand.activities"
_ANSWERING = "sh -c 'while read -r line; do ls -l /usr/share | head -n $(( ${#line} / 2 )); done'"
"""Stands for a shell: each line typed brings some lines of output."""
_EDITING = "sh -c 'while sleep 2; do ls -l /usr/lib | head -n 12; done & exec cat'"
"""A terminal that echoes while something else writes into it every two seconds."""


def repeat(seconds: float, rng: random.Random, pauses: tuple[float, float], step: Callable[[int], object]) -> None:
    """Call ``step`` with its number again and again for so many seconds, with pauses of a person's length between."""
    end, turn = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        step(turn)
        turn += 1
        time.sleep(max(0.0, min(rng.uniform(*pauses), end - time.monotonic())))


def typed(lab: Lab, short: str, seconds: float, write: Callable[[int], object], *command: str) -> None:
    """Run a program on a terminal of its own, let ``write`` type into that terminal, and end the program.

    Raises:
        OSError: when the program ended before the typing did.
    """
    ours, theirs = pty.openpty()
    job = lab.start(short, *command, stdin=theirs)
    os.close(theirs)
    time.sleep(2.5)
    write(ours)
    time.sleep(min(1.0, seconds))
    if job.poll() is not None:
        raise OSError(f"{command[0]} ended early\n{lab.logs()}")
    net.stop(job)
    os.close(ours)


def _type_over_ssh(ground: Ground, seconds: float, seed: int, command: str) -> list[Label]:
    options, keys = sshd.serve(ground.lab, "w", command=command), 0

    def write(terminal: int) -> None:
        nonlocal keys
        keys = human.play_terminal(terminal, seconds, seed).keys

    typed(ground.lab, "l", seconds, write, "ssh", "-tt", *options, ground.office)
    return [ground.label(remote=f"{ground.office}:22", role="controlling", tool="ssh", proto="tcp", keys=keys)]


def ssh_typing(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Type into an editor on an office server, which echoes each key."""
    return _type_over_ssh(ground, seconds, seed, "cat")


def ssh_commands(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Type commands on an office server; each line brings output."""
    return _type_over_ssh(ground, seconds, seed, _ANSWERING)


def ssh_with_output(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Type on an office server while a build writes into the same terminal every two seconds."""
    return _type_over_ssh(ground, seconds, seed, _EDITING)


def ssh_tail(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Watch a log on an office server: lines come in at uneven times and nobody types."""
    options, log, rng = sshd.serve(ground.lab, "w"), ground.lab.folder / "service.log", random.Random(seed)
    log.write_text("start\n")
    job = ground.lab.start("l", "ssh", *options, ground.office, "tail", "-f", str(log))

    def line(turn: int) -> None:
        with log.open("a") as out:
            out.write(f"{turn} " + "request " * rng.randrange(3, 30) + "\n")

    repeat(seconds, rng, (0.05, 1.2), line)
    net.stop(job)
    return []


def ssh_copies(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Copy files to and from an office server with scp, a few seconds apart."""
    options, rng, folder = sshd.serve(ground.lab, "w"), random.Random(seed), ground.lab.folder
    (folder / "data").write_bytes(rng.randbytes(400_000))

    def copy(turn: int) -> None:
        pair = (str(folder / "data"), f"{ground.office}:{folder}/up")
        ground.lab.run("l", "scp", "-q", "-l", "8000", *options, *(pair if turn % 2 else (pair[0], f"{pair[1]}{turn}")))
        ground.lab.run("l", "scp", "-q", "-l", "8000", *options, f"{ground.office}:{folder}/data", str(folder / "down"))

    repeat(seconds, rng, (2, 7), copy)
    return []


def rsync_backup(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Back a folder up to an office server with rsync over SSH again and again, while its files change."""
    options, rng, folder = sshd.serve(ground.lab, "w"), random.Random(seed), ground.lab.folder
    tree = folder / "tree"
    tree.mkdir()
    for number in range(150):
        (tree / f"{number}.txt").write_bytes(rng.randbytes(rng.randrange(200, 12_000)))

    def back_up(turn: int) -> None:
        for _ in range(12 if turn else 0):
            (tree / f"{rng.randrange(150)}.txt").write_bytes(rng.randbytes(rng.randrange(200, 12_000)))
        ground.lab.run(
            "l", "rsync", "-a", "--delete", "--bwlimit=400", "-e", " ".join(["ssh", *options]),
            f"{tree}/", f"{ground.office}:{folder}/copy/",
        )  # fmt: skip

    repeat(seconds, rng, (3, 9), back_up)
    return []


def git_over_ssh(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Clone from an office server, then commit and push small changes, and fetch."""
    options, rng, folder = sshd.serve(ground.lab, "w"), random.Random(seed), ground.lab.folder
    over = {"GIT_SSH_COMMAND": " ".join(["ssh", *options])}
    identity = ("-c", "user.name=lab", "-c", "user.email=lab@example.test", "-c", "init.defaultBranch=main")
    store, first, clone = folder / "store.git", folder / "first", str(folder / "clone")
    for step in (["init", "-q", "--bare", str(store)], ["init", "-q", str(first)]):
        subprocess.run(["git", *identity, *step], check=True)
    (first / "notes").write_bytes(rng.randbytes(200_000))
    for step in (["add", "."], ["commit", "-qm", "start"], ["push", "-q", str(store), "HEAD:main"]):
        subprocess.run(["git", *identity, "-C", str(first), *step], check=True)
    ground.lab.run("l", "git", "clone", "-q", "-b", "main", f"{ground.office}:{store}", clone, env=over)

    def work(turn: int) -> None:
        (Path(clone) / f"{turn}.txt").write_text("line\n" * rng.randrange(10, 900))
        for step in (["add", "."], ["commit", "-qm", f"change {turn}"], ["push", "-q"], ["fetch", "-q"]):
            ground.lab.run("l", "git", *identity, "-C", clone, *step, env=over)

    repeat(seconds, rng, (3, 8), work)
    return []


def sftp_browsing(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Look through folders on an office server with sftp: a listing every few seconds, now and then a file."""
    options, rng = sshd.serve(ground.lab, "w"), random.Random(seed)
    job = ground.lab.start("l", "sftp", "-q", *options, ground.office, stdin=subprocess.PIPE)
    assert job.stdin is not None
    time.sleep(1.5)
    pipe = job.stdin

    def look(turn: int) -> None:
        folder = rng.choice(("/usr", "/usr/share", "/etc", "/usr/share/doc", "/var"))
        line = f"get /etc/services {ground.lab.folder}/services" if turn % 5 == 4 else f"ls -l {folder}"
        pipe.write(line.encode() + b"\n")
        pipe.flush()

    repeat(seconds, rng, (0.8, 6), look)
    net.stop(job)
    return []


def mounted_folder(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Edit files of an office server in a folder mounted with sshfs: saves while typing, listings between."""
    options, there, here = sshd.serve(ground.lab, "w"), ground.lab.folder / "there", ground.lab.folder / "here"
    there.mkdir()
    here.mkdir()
    # sshfs knows some of ssh's options only: the user stands before the host, and the key has an option of its own.
    known = [*options[:6], "-o", f"IdentityFile={options[-3]}"]
    mount = ["sshfs", "-f", *known, f"root@{ground.office}:{there}", str(here)]
    edit = [sys.executable, "-m", f"{_MODULE}.saving", str(here), str(seconds), str(seed)]
    # A namespace's commands see their own mounts only: mounting and editing share one shell.
    script = f"{shlex.join(mount)} & {shlex.join(edit)}; fusermount3 -u {shlex.quote(str(here))}"
    ground.lab.run("l", "sh", "-c", script, timeout=seconds + 60)
    return []


def editor_sync(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Type in an editor whose language server runs in the office: JSON both ways through an SSH tunnel at each key."""
    options, lab = sshd.serve(ground.lab, "w"), ground.lab
    lab.start("w", sys.executable, "-m", f"{_MODULE}.language", "serve", "7000", str(seed))
    lab.listening("w", 7000)
    tunnel = lab.start("l", "ssh", "-N", "-L", "7001:127.0.0.1:7000", *options, ground.office)
    lab.listening("l", 7001)
    lab.run(
        "l", sys.executable, "-m", f"{_MODULE}.language", "edit", "7001", str(seed), str(seconds), timeout=seconds + 30
    )
    net.stop(tunnel)
    return []
