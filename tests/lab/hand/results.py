"""Judge the laboratory and keep the table: ``python -m tests.lab.hand.results`` writes ``docs/hand-results.txt``.

The table is what ``farmwatch evaluate`` prints, under a line with the date, the machine and the number of captures. The
README shows the file word for word (``python tests/contracts/test_readme.py`` puts it in).
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.lab.hand.dataset import lab_folder
from tests.lab.net import ROOT

RESULTS = ROOT / "docs" / "hand-results.txt"
"""Where the table is kept."""


def heading(labels: Path) -> str:
    """Return the line that says when and where the table was made, and of how many captures."""
    with labels.open(newline="", encoding="utf-8") as stream:
        captures = len({row["file"] for row in csv.DictReader(stream)})
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine}: {captures} captures of the laboratory"


def main(words: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--labels", type=Path, default=lab_folder() / "labels.csv")
    parser.add_argument("--to", type=Path, default=RESULTS)
    asked = parser.parse_args(words)
    command = (sys.executable, "-m", "farmwatch", "evaluate", str(asked.labels), "--jobs", str(asked.jobs))
    table = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    asked.to.write_text(f"{heading(asked.labels)}\n\n{table}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
