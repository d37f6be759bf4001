"""Downloads, uploads, streaming, a backup and printing from the laptop, mostly by curl over HTTPS."""

from __future__ import annotations

import random
import sys
import time

from tests.lab.hand import sshd
from tests.lab.hand.activities import shells, site
from tests.lab.hand.ground import Ground, Label

_CURL = ("curl", "-sk", "--http2", "-o", "/dev/null")


def _fetch(ground: Ground, *options: str, path: str, timeout: float) -> None:
    where = f"{site.NAME}:443:{ground.office}"
    ground.lab.run("l", *_CURL, "--resolve", where, *options, f"https://{site.NAME}{path}", timeout=timeout)


def downloads(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Download files of 50 kB to 3 MB over HTTP/2 with rests between."""
    lab, rng = ground.lab, random.Random(seed)
    site.start(lab, "w", ground.office, seed)
    for number in range(4):
        (lab.folder / "files" / str(number)).write_bytes(rng.randbytes(rng.randrange(50_000, 3_000_000)))
    shells.repeat(seconds, rng, (1, 8), lambda _: _fetch(
        ground, "--limit-rate", "600K", path=f"/files/{rng.randrange(4)}", timeout=120,
    ))  # fmt: skip
    return []


def uploads(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Upload files over HTTP/2 with rests between."""
    lab, rng = ground.lab, random.Random(seed)
    site.start(lab, "w", ground.office, seed)

    def send(turn: int) -> None:
        body = lab.folder / "document"
        body.write_bytes(rng.randbytes(rng.randrange(20_000, 1_500_000)))
        _fetch(ground, "--limit-rate", "400K", "-T", str(body), path=f"/upload/{turn}", timeout=120)

    shells.repeat(seconds, rng, (1, 8), send)
    return []


def video(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Watch a video: a segment of some hundred kilobytes every three seconds on one HTTPS connection."""
    site.start(ground.lab, "w", ground.office, seed)
    last = max(2, int(seconds / 3))
    _fetch(ground, "--rate", "20/m", path=f"/segment/350000-[1-{last}]", timeout=seconds + 60)
    return []


def music(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Listen to a radio station: one response at the pace of the sound, 20 kB a second."""
    site.start(ground.lab, "w", ground.office, seed)
    size = int(20_000 * seconds)
    (ground.lab.folder / "files" / "radio").write_bytes(random.Random(seed).randbytes(size))
    _fetch(ground, "--limit-rate", "20K", path="/files/radio", timeout=seconds + 60)
    return []


def scripted_requests(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Call a web service from a script at uneven moments: a short question, a short answer, one connection each."""
    rng = random.Random(seed)
    site.start(ground.lab, "w", ground.office, seed)
    shells.repeat(seconds, rng, (0.1, 1.2), lambda turn: _fetch(ground, path=f"/search?q={turn}", timeout=30))
    return []


def followed_log(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Follow a service's log over HTTPS, as ``kubectl logs -f`` does: one answer goes on and on."""
    site.start(ground.lab, "w", ground.office, seed)
    job = ground.lab.start(
        "l", *_CURL, "-N", "--resolve", f"{site.NAME}:443:{ground.office}", f"https://{site.NAME}/events"
    )
    time.sleep(seconds)
    assert job.poll() is None, ground.lab.logs()
    return []


def backup(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Send an archive to an office server over SSH at a limited rate, in one go."""
    options, folder = sshd.serve(ground.lab, "w"), ground.lab.folder
    (folder / "archive").write_bytes(random.Random(seed).randbytes(int(250_000 * seconds)))
    ground.lab.run(
        "l", "rsync", "--bwlimit=250", "--whole-file", "-e", " ".join(["ssh", *options]), str(folder / "archive"),
        f"{ground.office}:{folder}/stored", timeout=seconds * 2 + 60,
    )  # fmt: skip
    return []


def printing(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Print at the office: raw jobs to port 9100, with the printer's status lines coming back page by page."""
    lab, module = ground.lab, "tests.lab.hand.activities.printer"
    lab.start("w", sys.executable, "-m", module, "serve", ground.office, str(seed))
    lab.listening("w", 9100)
    lab.run("l", sys.executable, "-m", module, "print", ground.office, str(seed), str(seconds), timeout=seconds + 60)
    return []
