from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab.hand import record, scenarios
from tests.lab.hand.ground import Ground, Legs, ground
from tests.lab.hand.tools import tool
from tests.lab.hand.ways import WAYS, Session, evade, label
from tests.lab.net import Lab


def spaces() -> set[str]:
    """Return the namespaces this process made and has not removed."""
    listed = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout
    return {line.split()[0] for line in listed.splitlines() if line.startswith(f"fw{os.getpid()}")}


@pytest.mark.needs("ip", "ping")
@pytest.mark.timeout(60)
def test_the_round_trips_are_what_was_set(namespaces: None) -> None:
    """Pings from the laptop to relay, operator and office agree with the legs, jitter included."""
    with ground(Legs(12, 60, 30, 4.0, 0.01)) as place:
        assert spaces() == set(place.lab.names.values())
        assert 12 <= place.least["relay"] <= place.pings["relay"] < 17
        assert 72 <= place.least["operator"] <= place.pings["operator"] < 92
        assert 30 <= place.least["office"] <= place.pings["office"] < 35
    assert not spaces()


@pytest.mark.timeout(30)
def test_a_ground_whose_pings_are_wrong_is_not_used(namespaces: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round trip that is off by more than 2 ms makes the recording fail instead of writing a false truth."""
    monkeypatch.setattr(Ground, "_ping", lambda _, address: [12.0, 12.1] if address.endswith("7") else [75.5, 80.0])
    with Lab() as lab, pytest.raises(ValueError, match="ping to the operator"):
        Ground(lab, Legs(12, 60, 75.5)).measure()


@pytest.mark.needs("ip", "ss", "ping", "tcpdump", "socat", *tool("tigervnc").programs)
@pytest.mark.timeout(150)
def test_a_recorded_scenario_has_its_truth(namespaces: None, tmp_path: Path) -> None:
    """VNC through a relay: the capture has the labelled flow, keys have times, and nothing is left behind."""
    scenario = replace(scenarios.every()["tigervnc-splice-f60"], seconds=8.0)
    record.record(scenario, tmp_path)
    truth = json.loads((tmp_path / f"{scenario.name}.json").read_text())
    (row,) = truth["labels"]
    assert row["role"] == "controlled"
    assert row["transport_rtt_ms"] == pytest.approx(scenario.legs.near_ms, abs=2)
    assert row["loop_rtt_ms"] == pytest.approx(scenario.legs.near_ms + 60, abs=3)
    assert row["keys"] == len(truth["key_times"]) > 10
    capture, relay = tmp_path / f"{scenario.name}.pcap", row["remote"].split(":")[0]
    # A TigerVNC viewer sends a key as a QEMU extended key event: twelve bytes; one for down, one for up.
    hand = f"tcp dst port 5900 and src host {relay} and (ip[2:2] - ((ip[0]&15)<<2) - ((tcp[12]&240)>>2)) >= 12"
    assert record.packets(capture, hand) >= row["keys"]
    assert record.packets(capture, f"not host {relay} and tcp") == 0
    assert not spaces()


@pytest.mark.needs("ip", "socat", "stunnel4", "openssl", "wg", "wireguard-go", "openvpn", "ssh", "sshd")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", [*WAYS, "hold", "pad"])
def test_every_way_reaches_the_laptop(namespaces: None, way: str) -> None:
    """What the operator sends arrives at a service on the laptop, along the path the route says."""
    plain = replace(tool("novnc"), port=7007)
    with Lab() as lab:
        place = Ground(lab, Legs(2, 4, 2))
        place.build()
        lab.start("l", "socat", "TCP-LISTEN:7007,fork,reuseaddr", "EXEC:cat")
        lab.listening("l", 7007)
        session = Session(place, plain, _desk(), "o")
        route = WAYS[way](session) if way in WAYS else evade(session, way)
        said = lab.run("o", "sh", "-c", f"echo there | socat -t 5 - TCP:{route.address}:{route.port},retry=20")
        assert said == "there\n"
        assert route.end == ("operator" if way in {"direct", "wireguard-operator"} else "relay")
        assert route.flows


def _desk() -> record.Desk:
    return record.Desk("l", 0)


def test_variants_of_a_way_share_its_label() -> None:
    """Tables of results know seven ways."""
    ways = {"direct", "splice", "tls", "reverse", "wireguard", "openvpn", "ssh-R"}
    assert {label(way) for way in WAYS} == ways
