from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.lab import build, recordings, scenes, sidecar

CAPTURES = sorted(build.PCAPS.glob("*.pcap"))
SIDECARS = sorted(build.PCAPS.glob("*.toml"))


def test_every_capture_has_a_sidecar_and_the_reverse() -> None:
    """Captures and sidecars come in pairs, and every crafted scene is there."""
    assert [path.stem for path in CAPTURES] == [path.stem for path in SIDECARS]
    assert set(scenes.SCENES) <= {path.stem for path in CAPTURES}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_sidecar_describes_the_capture(path: Path) -> None:
    """Checksum, size and packet count agree with the file, which stays under 2 MB."""
    facts = sidecar.read(path.with_suffix(".toml"))
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts["bytes"] == path.stat().st_size < 2_000_000
    assert facts["packets"] == sidecar.count_packets(path) > 50


@pytest.mark.parametrize("path", SIDECARS, ids=lambda path: path.stem)
def test_sidecar_says_what_a_scan_must_find(path: Path) -> None:
    """Origin, maker, vantage, devices with a role and expected levels, and both lists are filled in."""
    facts = sidecar.read(path)
    assert facts["origin"] in {"crafted", "lab-recorded"}
    assert facts["made_by"] == f"python -m tests.lab.build {path.stem}"
    assert facts["vantage"] in {"host", "lan", "gateway"}
    assert facts["must_not_find"]
    assert facts["devices"]
    for device in facts["devices"]:
        assert device["address"]
        assert device["role"]
        for claim in ("driven", "abroad", "farm"):
            assert set(device[claim].split("|")) <= set(sidecar.LEVELS), device
    for session in facts.get("sessions", []):
        assert session["role"] in {"controlled", "controlling", "unclear"}
        assert session["device"] in {device["address"] for device in facts["devices"]}
    if facts["origin"] == "lab-recorded":
        assert facts["tools"]
        assert facts["truth"]


@pytest.mark.parametrize("name", scenes.SCENES)
def test_crafted_captures_come_out_the_same(name: str, tmp_path: Path) -> None:
    """Building a crafted capture again gives the bytes in pcaps/."""
    again = build.craft(name, tmp_path)
    assert again.read_bytes() == (build.PCAPS / f"{name}.pcap").read_bytes()


def test_decided_levels_survive_a_rebuild(tmp_path: Path) -> None:
    """A level written into a sidecar by hand is still there after the capture is built again."""
    build.craft("home", tmp_path)
    path = tmp_path / "home.toml"
    path.write_text(path.read_text().replace('driven = ""', 'driven = "review"', 1))
    build.craft("home", tmp_path)
    assert "review" in {device["driven"] for device in sidecar.read(path)["devices"]}


def test_the_readme_lists_every_capture() -> None:
    """The table in pcaps/README.md and the folder name the same captures."""
    text = (build.PCAPS / "README.md").read_text()
    rows = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert sorted(rows) == [path.stem for path in CAPTURES]
    assert sorted(rows) == sorted([*scenes.SCENES, *recordings.RECORDINGS])
