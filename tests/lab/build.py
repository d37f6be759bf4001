"""Make the captures of pcaps/: ``python -m tests.lab.build NAME...``, ``--crafted`` or ``--all``.

``--readdress`` rewrites recorded captures for the actors they are recorded with now, instead of recording them again.

Crafted captures come out the same, byte by byte. Recorded ones come from real programs in network namespaces (they
need root and the programs named in their sidecars) and differ in every packet's time; their truth is measured anew.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.lab import readdress, recordings, scenes, sidecar

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"


def craft(name: str, folder: Path) -> Path:
    """Write one crafted capture with its sidecar into a folder."""
    tape, side = scenes.SCENES[name]()
    path = folder / f"{name}.pcap"
    tape.write(path)
    side.origin, side.made_by = "crafted", f"python -m tests.lab.build {name}"
    sidecar.write(side, path)
    return path


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*scenes.SCENES, *recordings.RECORDINGS]))
    parser.add_argument("--all", action="store_true", help="every capture")
    parser.add_argument("--crafted", action="store_true", help="every crafted capture")
    parser.add_argument("--readdress", action="store_true", help="rewrite recorded captures, do not record them")
    parser.add_argument("--folder", type=Path, default=PCAPS)
    asked = parser.parse_args(arguments)
    chosen = list(asked.names)
    chosen += [*scenes.SCENES] if asked.crafted or asked.all else []
    chosen += [*recordings.RECORDINGS] if asked.all else []
    unknown = [name for name in chosen if name not in scenes.SCENES and name not in recordings.RECORDINGS]
    if unknown or not chosen:
        parser.error(f"unknown capture: {', '.join(unknown)}" if unknown else "name a capture, or --crafted, or --all")
    again = readdress.readdress if asked.readdress else recordings.record
    for name in chosen:
        path = (craft if name in scenes.SCENES else again)(name, asked.folder)
        print(f"{path.name}: {path.stat().st_size} bytes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
