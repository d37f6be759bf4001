from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.hand.tools import rtc, rtc_browser, trial

(TOOL,) = rtc_browser.TOOLS


def test_the_page_sends_the_kinds_the_driven_side_knows() -> None:
    """Names of messages and of the screen's size are all replaced by their numbers."""
    text = rtc_browser.page()
    assert f"key({rtc.KEY_DOWN}, event)" in text
    assert not any(name in text for name in ("KEY_", "BUTTON_", "MOVE", "SCROLL", "PING", "WIDTH", "HEIGHT"))


@pytest.mark.needs("ip", "ss", "ping", "tcpdump", "socat", *TOOL.programs)
@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", ["direct", "splice"])
def test_a_session_has_input_coming_in_and_is_alive_one_loop_away(namespaces: None, tmp_path: Path, way: str) -> None:
    """Keys and moves of a real window come in on the channel, video goes out; consent answers come one loop later."""
    seen = trial.run(TOOL, way, tmp_path / "session.pcap")
    human = seen.human
    # A message of 7 bytes is 73 on the wire; the browser joins pointer moves that fall into one of its pictures.
    assert 2 * human.keys <= seen.sizes(out=False).count(73) + 4 <= 2 * human.keys + human.moves + 2 * human.clicks + 8
    assert sum(seen.sizes(out=True)) > 1.5 * sum(seen.sizes(out=False))
    # A STUN success response without a username is 64.
    assert seen.answered(range(64, 65), seen.operator_ms) > 0.8
