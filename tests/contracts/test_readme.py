"""The generated parts of the README are up to date. Remake: python tests/contracts/test_readme.py from the checkout."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from farmwatch.analysis.detectors import DETECTORS
from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"


def commands() -> str:
    """A line per sub-command, from the program's own help."""
    from typer.main import get_command

    from farmwatch.cli.main import app

    group = get_command(app)
    rows = ["| command | what it does |", "|---|---|"]
    for name, command in sorted(group.commands.items()):
        rows.append(f"| `farmwatch {name}` | {(command.short_help or '').rstrip('.')} |")
    return "\n".join(rows)


def detectors() -> str:
    """A line per detector, from the classes themselves."""
    rows = ["| detector | question | family | claims |", "|---|---|---|---|"]
    rows += [f"| `{one.id}` | {one.title} | {one.family} | {', '.join(one.claims)} |" for one in DETECTORS]
    return "\n".join(rows)


def feeds() -> str:
    """A line per feed, from the classes themselves."""
    from farmwatch.collectors.feeds.own import OwnTable
    from farmwatch.collectors.feeds.registry import FEEDS

    rows = ["| kind | what it is | fills |", "|---|---|---|"]
    listed = sorted((one for one in FEEDS if not isinstance(one, OwnTable)), key=lambda one: one.kind)
    rows += [
        f"| `{one.kind}` | {one.sentence} | {', '.join(record.table for record in one.tables)} |" for one in listed
    ]
    return "\n".join(rows)


def session() -> str:
    """What the first command prints for one capture, word for word."""
    done = subprocess.run(
        [sys.executable, "-m", "farmwatch", "scan", "pcaps/farm-gateway.pcap", "--color", "never"],
        cwd=ROOT, capture_output=True, text=True, check=True,
        env={"COLUMNS": "100", "PATH": "", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    return f"```text\n{done.stdout.rstrip()}\n```"


def fleet_detectors() -> str:
    """A line per detector over telemetry, from the classes themselves."""
    rows = ["| detector | question | family | signals |", "|---|---|---|---|"]
    rows += [f"| `{one.id}` | {one.title} | {one.family} | {', '.join(one.signals)} |" for one in FLEET_DETECTORS]
    return "\n".join(rows)


def fleet() -> str:
    """The beginning of what the assessment of the README's fleet prints, word for word."""
    with tempfile.TemporaryDirectory(prefix="farmwatch-readme-") as folder:
        made, store = f"{folder}/fleet", f"{folder}/fleet/store"
        for arguments in (
            ["simulate", made, "--devices", "300", "--farms", "3", "--seed", "5", "--until", "2026-03-09", "-q"],
            ["ingest", f"{made}/feeds", "--store", store, "-q"],
            [
                "assess",
                "--store",
                store,
                "--until",
                "2026-03-09",
                "--profile",
                f"{made}/profile.toml",
                "-q",
                "--color",
                "never",
            ],
        ):
            done = subprocess.run(
                [sys.executable, "-m", "farmwatch", *arguments], cwd=ROOT, capture_output=True, text=True, check=True,
                env={"COLUMNS": "100", "PATH": "", "PYTHONIOENCODING": "utf-8"},
            )  # fmt: skip
    blocks = done.stdout.rstrip().split("\n\n")
    return "```text\n" + "\n\n".join(blocks[:2]) + "\n…\n```"


def fleet_quality() -> str:
    """The kept table of how well fleets are judged: ``python -m tests.lab.fleet.quality --write`` makes it anew."""
    return f"```text\n{(ROOT / 'docs' / 'fleet-results.txt').read_text(encoding='utf-8').rstrip()}\n```"


def fleet_evasions() -> str:
    """The kept table of evasions: ``python -m tests.lab.fleet.evasions --write`` makes it anew."""
    return f"```text\n{(ROOT / 'docs' / 'fleet-evasions.txt').read_text(encoding='utf-8').rstrip()}\n```"


def fleet_calibration() -> str:
    """The kept table of reliability: ``python -m tests.lab.fleet.calibration --write`` makes it anew."""
    return f"```text\n{(ROOT / 'docs' / 'fleet-calibration.txt').read_text(encoding='utf-8').rstrip()}\n```"


def hand() -> str:
    """The kept table of how well timing does: ``python -m tests.lab.hand.results`` makes it anew."""
    return f"```text\n{(ROOT / 'docs' / 'hand-results.txt').read_text(encoding='utf-8').rstrip()}\n```"


PARTS = {
    "commands": commands, "detectors": detectors, "feeds": feeds, "session": session, "hand": hand, "fleet": fleet,
    "fleet_detectors": fleet_detectors, "fleet_quality": fleet_quality,
    "fleet_evasions": fleet_evasions, "fleet_calibration": fleet_calibration,
}  # fmt: skip


def marked(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- begin {name} -->\n).*?(\n?<!-- end {name} -->)", re.DOTALL)


@pytest.mark.parametrize("name", PARTS)
def test_generated_part_is_fresh(name):
    """What stands between the marks is what the code says now."""
    found = marked(name).search(README.read_text(encoding="utf-8"))
    assert found
    assert found[0] == f"{found[1]}{PARTS[name]()}\n<!-- end {name} -->"


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    for part, make in PARTS.items():
        made = make()
        text = marked(part).sub(lambda found, made=made, part=part: f"{found[1]}{made}\n<!-- end {part} -->", text)
    README.write_text(text, encoding="utf-8")
