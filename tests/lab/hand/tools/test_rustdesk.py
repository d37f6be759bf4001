from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.hand.tools import rustdesk, trial

needs = pytest.mark.needs("ip", "ss", "ping", "tcpdump", "socat", "Xvfb", "xdotool", "xterm", "xclock", "xcalc")
(TOOL,) = rustdesk.TOOLS


def test_numbers_and_messages_are_written_as_protobuf_does() -> None:
    """A mouse move and a key press have the bytes the protobuf rules give, and read back the same."""
    move = rustdesk.field(2, rustdesk.zigzag(300)) + rustdesk.field(3, rustdesk.zigzag(-1))
    assert move == bytes([2 << 3, 0xD8, 0x04, 3 << 3, 1])
    assert rustdesk.fields(rustdesk.field(rustdesk.MOUSE, move)) == {rustdesk.MOUSE: move}
    assert rustdesk.field(1, 0) == b""


@pytest.mark.parametrize(("length", "head"), [(0x3F, 1), (0x40, 2), (0x3FFF, 2), (0x4000, 3)])
def test_a_frame_says_its_length_in_as_few_bytes_as_it_takes(length: int, head: int) -> None:
    """The low two bits of the first byte say how many more belong to the length, which is little-endian above them."""
    out = rustdesk.frame(bytes(length))
    assert len(out) == head + length
    assert out[0] & 3 == head - 1
    assert int.from_bytes(out[:head], "little") >> 2 == length


@needs
@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", ["direct", "splice", "reverse"])
def test_a_session_has_input_coming_in_and_answers_one_loop_later(namespaces: None, tmp_path: Path, way: str) -> None:
    """Keys and moves come in, pictures go out, and acknowledgements come one true round trip after a picture."""
    seen = trial.run(TOOL, way, tmp_path / "session.pcap")
    human = seen.human
    # A key is 25 bytes down and 23 up: a head of one, a tag of sixteen, and the message. A button is as long as a move.
    # Messages that come together share a segment: behind a relay on a busy machine some do.
    assert 0.6 * human.keys <= seen.sizes(out=False).count(23) <= human.keys + 2
    assert human.keys + human.moves > 10
    assert sum(seen.sizes(out=True)) > 3 * sum(seen.sizes(out=False))
    # VideoReceived is 22 bytes, the echoed TestDelay about 31.
    assert seen.sizes(out=False).count(22) > 5
    if way == "splice":
        return  # a relay sends pictures first that wait on its far leg, and answers come as much later
    assert seen.answered(range(22, 23), seen.operator_ms) > 0.5
    assert seen.answered(range(30, 34), seen.operator_ms) > 0.8
