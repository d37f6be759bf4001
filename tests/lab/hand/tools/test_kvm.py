from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.lab.hand.tools import feed, kvm, trial

needs = pytest.mark.needs("ip", "ss", "ping", "tcpdump", "socat", "Xvfb", "xdotool", "xterm", "xclock", "xcalc")
(TOOL,) = kvm.TOOLS


@pytest.mark.parametrize("letter", ["a", "7", " ", "\n", "\b"])
def test_keys_go_by_a_browsers_names_and_come_back_the_same(letter: str) -> None:
    """The name a key is sent by stands for the same key at the other end."""
    assert kvm.symbol(kvm.code(feed.keysym(letter))) == feed.keysym(letter)


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("size", [1, 125, 126, 1100])
def test_websocket_messages_are_read_as_they_were_written(size: int, masked: bool) -> None:
    """Short and long, masked and not: the payload survives, and the head has the length RFC 6455 gives it."""
    payload = bytes(place % 251 for place in range(size))
    data = kvm.packed(kvm.BINARY, payload, masked=masked)
    assert len(data) == size + (2 if size < 126 else 4) + 4 * masked

    async def read() -> tuple[int, bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        return await kvm.received(reader)

    with asyncio.Runner() as runner:
        assert runner.run(read()) == (kvm.BINARY, payload)


@needs
@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", ["direct", "splice"])
def test_a_session_has_small_messages_in_and_pictures_out(namespaces: None, tmp_path: Path, way: str) -> None:
    """Keys and moves come in a few bytes each, pictures go out, and nothing coming in answers a picture."""
    seen = trial.run(TOOL, way, tmp_path / "session.pcap")
    sizes = seen.sizes(out=False)
    # A letter's message is 2 and "KeyA", in a masked frame 12; a sign of life is one byte, 7.
    assert sizes.count(12) + sizes.count(13) == pytest.approx(2 * seen.human.keys, rel=0.2, abs=6)
    assert sizes.count(7) > 8
    assert sum(seen.sizes(out=True)) > 50 * sum(sizes)
