"""A person editing in a folder: ``saving FOLDER SECONDS SEED`` types, saves at pauses, and looks around.

Waits until the folder is a mount point. Run inside the namespace whose mount it is.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from tests.lab import net, typist


def main() -> int:
    """Run the command line."""
    folder, seconds, seed = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    net.wait_for(folder.is_mount, f"{folder} to be mounted")
    rng, end, text = random.Random(seed), time.monotonic() + seconds, ""
    for pause, letter in typist.keys(seed):
        time.sleep(pause)
        if time.monotonic() >= end:
            return 0
        text += letter
        if letter in " \n":
            (folder / "notes.txt").write_text(text)
        if letter == "\n" and rng.random() < 0.7:
            sorted(entry.stat().st_size for entry in folder.iterdir())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
