from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.lab.hand.activities import ACTIVITIES
from tests.lab.hand.ground import Legs, Tape, ground

NEEDS = ("ip", "ss", "ping", "tcpdump", "tshark")


def _record(name: str, seconds: float, path: Path) -> list[tuple[bool, int, int]]:
    """Run an activity without labels; returns (inbound, port of the far end, bytes) of each segment with data."""
    with ground(Legs(near_ms=8, far_ms=20, office_ms=30)) as place:
        tape = Tape.on(place, path)
        assert ACTIVITIES[name].run(place, seconds, 11) == []
        capture = tape.stop()["laptop"]
        fields = [part for field in ("ip.dst", "tcp.srcport", "tcp.dstport", "tcp.len") for part in ("-e", field)]
        command = ["tshark", "-r", str(capture), "-Y", "tcp.len > 0", "-T", "fields", *fields]
        out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
        rows = [line.split("\t") for line in out.splitlines()]
        return [(row[0] == place.laptop, int(row[1 if row[0] == place.laptop else 2]), int(row[3])) for row in rows]


@pytest.mark.needs(*NEEDS, *ACTIVITIES["store-server"].programs)
@pytest.mark.timeout(120)
def test_a_store_is_asked_line_by_line(namespaces: None, tmp_path: Path) -> None:
    """A short request comes in at each line's end and is answered; the first one asks which commands there are."""
    segments = _record("store-server", 25, tmp_path / "store")
    came = [place for place, (inbound, _, _) in enumerate(segments) if inbound]
    assert 4 <= len(came) < 40
    assert all(14 <= segments[place][2] < 70 for place in came)
    assert all(not inbound for inbound, _, _ in (segments[place + 1] for place in came))


@pytest.mark.needs(*NEEDS, *ACTIVITIES["chat-server"].programs)
@pytest.mark.timeout(120)
def test_a_served_room_passes_each_line_on_to_the_others(namespaces: None, tmp_path: Path) -> None:
    """Three people are connected; what one writes comes in once and goes out to the two others, never back."""
    segments = _record("chat-server", 14, tmp_path / "room")
    assert len({port for _, port, _ in segments}) == 3
    joined = max(place for place, (_, _, size) in enumerate(segments) if size > 100)
    lines = [segment for segment in segments[joined + 1 :] if segment[2] > 25]
    written = [place for place, (inbound, _, _) in enumerate(lines) if inbound]
    assert len(written) >= 3
    for place in written:
        heard = [port for inbound, port, _ in lines[place + 1 : place + 3] if not inbound]
        assert len(heard) == 2
        assert lines[place][1] not in heard


@pytest.mark.needs(*NEEDS, *ACTIVITIES["chat-client"].programs)
@pytest.mark.timeout(120)
def test_a_chatting_laptop_hears_the_others(namespaces: None, tmp_path: Path) -> None:
    """Lines of two others come in, its own person's lines go out, over one connection."""
    segments = _record("chat-client", 14, tmp_path / "chat")
    assert len({port for _, port, _ in segments}) == 1
    assert sum(inbound for inbound, _, _ in segments) > 5
    assert sum(not inbound for inbound, _, _ in segments) >= 3
