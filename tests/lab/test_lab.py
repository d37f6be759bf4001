from __future__ import annotations

import itertools
import statistics
import subprocess
from pathlib import Path

import pytest

from tests.lab import cast, net, recordings, typist


@pytest.mark.needs(
    "ip", "ss", "ping", "tcpdump", "tshark", "socat", "Xvnc", "Xvfb", "vncviewer", "xdotool", "xterm", "xclock"
)
@pytest.mark.timeout(180)
def test_a_recorded_vnc_session_has_its_truth(namespaces: None, tmp_path: Path) -> None:
    """A real VNC session through a relay is captured on the laptop; delays and key presses are written down."""
    path = tmp_path / "vnc.pcap"
    who = cast.STAGES["vnc-relayed"]
    side = recordings.vnc_relayed(path, who, seconds=10)
    # The smallest ping is the link's delay there and back, plus jitter and the time Python takes to wake.
    assert 10 <= side.truth["ping_relay_ms"] < 14
    assert 200 <= side.truth["ping_operator_ms"] < 208
    assert side.truth["key_events"] > 10
    # TigerVNC sends keys as QEMU extended key events: twelve bytes that begin ff 00, one for down and one for up.
    keys = "tcp.len==12 && tcp.payload[0:2]==ff:00"
    command = ["tshark", "-r", str(path), "-Y", keys, "-T", "fields", "-e", "ip.src"]
    sources = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.split()
    assert set(sources) == {who.relay}
    command = ["tshark", "-r", str(path), "-T", "fields", "-e", "eth.src"]
    sources_of_frames = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.split()
    assert set(sources_of_frames) == {who.laptop, who.gateway}
    assert side.truth["key_events"] <= len(sources) <= 2 * side.truth["key_events"] + 2


@pytest.mark.needs("ip", "ping")
@pytest.mark.timeout(60)
def test_a_lab_leaves_nothing_behind(namespaces: None) -> None:
    """After the lab is closed its namespaces, processes and folder are gone."""
    with net.Lab() as lab:
        lab.namespace("a")
        lab.namespace("b")
        lab.delay(("a", "tun0", "192.0.2.1"), ("b", "tun0", "192.0.2.2"), 20)
        assert 40 <= lab.ping_ms("a", "192.0.2.2") < 44
    assert not lab.folder.exists()
    assert all(job.poll() is not None for job in lab.jobs)
    listed = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout
    assert not [name for name in lab.names.values() if name in listed]


def test_the_typist_is_seeded_and_types_like_a_person() -> None:
    """The same seed gives the same keys; pauses have the median and the tail the docstring promises."""
    first = list(itertools.islice(typist.keys(3), 3000))
    assert first == list(itertools.islice(typist.keys(3), 3000))
    assert first != list(itertools.islice(typist.keys(4), 3000))
    letters = [pause for pause, key in first if key.isalpha() and pause < 0.8]
    assert 0.15 < statistics.median(letters) < 0.19
    assert max(pause for pause, _ in first) > 1.0
