from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.lab import build, cast, frames, readdress, recordings, scenes, sidecar

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


def test_no_two_captures_share_a_machine() -> None:
    """Laptops, routers, KVMs, relays and operators belong to one capture: all are scanned together."""
    addresses: Counter[str] = Counter()
    names: Counter[str] = Counter()
    for path in SIDECARS:
        side = sidecar.load(path)
        addresses.update({one.mac for one in side.devices} | {side.stage["gateway"]})
        addresses.update({side.stage[key] for key in ("address", "relay", "operator") if key in side.stage})
        names.update({one.name for one in side.devices if "company" in one.role and one.name})
        names.update({side.stage["name"]} if "name" in side.stage else set())
    assert len(addresses) > 60
    assert len(names) > 30
    assert not {one for count in (addresses, names) for one, times in count.items() if times > 1}


@pytest.mark.parametrize("name", recordings.RECORDINGS)
def test_recorded_captures_have_the_actors_they_would_get_now(name: str) -> None:
    """Sidecar and packets of a recorded capture show the laptop and router a new recording would have."""
    who = cast.STAGES[name]
    assert sidecar.load(build.PCAPS / f"{name}.toml").stage == asdict(who)
    seen = {mac for frame in _frames(build.PCAPS / f"{name}.pcap") for mac in (frame[:6], frame[6:12])}
    ours = {frames.mac_bytes(mac) for mac in (who.laptop, who.gateway)}
    assert ours <= seen <= ours | {frames.mac_bytes(frames.BROADCAST)}


def test_readdressing_changes_nothing_else_and_keeps_checksums(tmp_path: Path) -> None:
    """Other actors and back gives the same bytes; in between every checksum is right and no old address is left."""
    before = (build.PCAPS / "vnc-reverse.pcap").read_bytes()
    old = cast.STAGES["vnc-reverse"]
    new = replace(cast.STAGES["web"], name="NW-L-0000-AB")
    after = readdress.rewrite(before, old, new)
    assert readdress.rewrite(after, new, old) == before
    for gone in (frames.mac_bytes(old.laptop), frames.mac_bytes(old.gateway), old.name.encode()):
        assert gone in before
        assert gone not in after
    path = tmp_path / "after.pcap"
    path.write_bytes(after)
    for frame in _frames(path):
        if frame[12:14] == b"\x08\x00":
            head, end = 14 + (frame[14] & 15) * 4, 14 + int.from_bytes(frame[16:18], "big")
            pseudo = frame[26:34] + bytes((0, frame[23])) + (end - head).to_bytes(2, "big")
            assert frames.checksum(frame[14:head]) == 0
            assert frames.checksum(pseudo + frame[head:end]) == 0


def test_a_name_of_another_length_is_refused() -> None:
    """The packet would change its size."""
    who = cast.STAGES["web"]
    with pytest.raises(ValueError, match="not as long"):
        readdress.rewrite((build.PCAPS / "web.pcap").read_bytes(), who, replace(who, name="X"))


def test_readdressing_again_is_a_rewrite_of_the_same(tmp_path: Path) -> None:
    """``--readdress`` on a capture that has its actors already leaves capture and sidecar as they are."""
    for suffix in ("pcap", "toml"):
        (tmp_path / f"ssh-reverse.{suffix}").write_bytes((build.PCAPS / f"ssh-reverse.{suffix}").read_bytes())
    build.main(["--readdress", "ssh-reverse", "--folder", str(tmp_path)])
    for suffix in ("pcap", "toml"):
        again = (tmp_path / f"ssh-reverse.{suffix}").read_bytes()
        assert again == (build.PCAPS / f"ssh-reverse.{suffix}").read_bytes()


def _frames(path: Path) -> list[bytes]:
    """The frames of a classic little-endian capture."""
    data, at, found = path.read_bytes(), 24, []
    while at < len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        found.append(data[at + 16 : at + 16 + size])
        at += 16 + size
    return found
