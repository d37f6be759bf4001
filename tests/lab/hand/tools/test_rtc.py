from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.hand.tools import rtc, trial

needs = pytest.mark.needs("ip", "ss", "ping", "tcpdump", "socat", "Xvfb", "xdotool", "xterm", "xclock", "xcalc")
(TOOL,) = rtc.TOOLS


def test_a_description_is_aimed_at_one_address_or_at_none() -> None:
    """A run of candidates becomes the one given; without an address they go, and more may come."""
    sdp = "m=video 9\r\na=candidate:a 1 udp 1 10.0.0.1 5 typ host\r\na=candidate:b 1 udp 1 10.0.0.2 5 typ host\r\n"
    sdp += "a=end-of-candidates\r\na=mid:0\r\n"
    one = "a=candidate:1 1 udp 2130706431 192.0.2.9 7 typ host"
    assert rtc.aimed(sdp, "192.0.2.9", 7).split("\r\n") == ["m=video 9", one, "a=end-of-candidates", "a=mid:0", ""]
    assert rtc.aimed(sdp, "", 0).split("\r\n") == ["m=video 9", "a=mid:0", ""]


def test_messages_are_a_kind_a_length_and_numbers() -> None:
    """A pointer move and a key are seven bytes each."""
    assert rtc.message(rtc.MOVE, "HH", 258, 3) == bytes([1, 0, 4, 1, 2, 0, 3])
    assert len(rtc.message(rtc.KEY_DOWN, "I", 97)) == 7


@needs
@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", ["direct", "splice", "reverse"])
def test_a_session_has_input_coming_in_and_answers_one_loop_later(namespaces: None, tmp_path: Path, way: str) -> None:
    """Keys and moves come in on the channel, video goes out, and acknowledgements come one true round trip later."""
    pytest.importorskip("aiortc")
    seen = trial.run(TOOL, way, tmp_path / "session.pcap")
    human = seen.human
    # DTLS 13 + nonce 8 + tag 16 around SCTP 12 + 16 + a message of 7 and its padding: 73.
    assert seen.sizes(out=False).count(73) == pytest.approx(2 * human.keys + human.moves, rel=0.15, abs=6)
    assert sum(seen.sizes(out=True)) > 1.5 * sum(seen.sizes(out=False))
    # A selective acknowledgement is 12 + 16 in DTLS, 65.
    assert seen.sizes(out=False).count(65) > 5
    assert seen.answered(range(65, 66), seen.operator_ms) > 0.8
