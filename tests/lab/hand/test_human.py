from __future__ import annotations

import itertools
import json
import os
import pty
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab import net
from tests.lab.hand import human
from tests.lab.hand.human import Action, actions


def during(seed: int, seconds: float) -> list[Action]:
    """Return what a seeded person does in so many seconds."""
    return list(itertools.takewhile(lambda action: action.at < seconds, actions(seed)))


@pytest.mark.parametrize("seed", range(8))
def test_actions_come_in_order_and_each_key_is_let_go_before_it_comes_again(seed: int) -> None:
    """Times never go back; a key is pressed only when up and let go only when down; half an hour has every kind."""
    done = during(seed, 1800)
    assert [action.at for action in done] == sorted(action.at for action in done)
    held: set[str] = set()
    for action in done:
        if action.kind == "down":
            assert action.key not in held
            held.add(action.key)
        elif action.kind == "up":
            held.remove(action.key)
    assert {action.kind for action in done} == {"down", "up", "move", "press", "release", "wheel"}


def test_the_same_seed_is_the_same_person() -> None:
    """Seeds reproduce; different seeds differ."""
    assert during(3, 60) == during(3, 60)
    assert during(3, 60) != during(4, 60)


def test_people_type_at_the_pace_people_do() -> None:
    """Medians of key intervals differ from person to person, within what was measured on people; pauses are long."""
    medians, pauses = [], []
    for seed in range(30):
        times = [action.at for action in during(seed, 600) if action.kind == "down"]
        gaps = [later - before for before, later in itertools.pairwise(times)]
        medians.append(statistics.median(gap for gap in gaps if gap < 1.0))
        pauses.append(sum(gap > 1.0 for gap in gaps))
    assert 0.11 < min(medians) < 0.17
    assert 0.19 < max(medians) < 0.3
    assert min(pauses) >= 20


def test_quick_keys_overlap() -> None:
    """Now and then the next key goes down before the last one is up, as in rollover typing."""
    done = [action for action in during(5, 600) if action.kind in {"down", "up"}]
    downs = sum(action.kind == "down" for action in done)
    overlaps = sum(one.kind == two.kind == "down" for one, two in itertools.pairwise(done))
    assert 0.02 < overlaps / downs < 0.5


def test_the_pointer_stays_in_its_area_and_reports_like_a_mouse() -> None:
    """Moves lie inside the area, 8 to 17 ms apart within a sweep."""
    area = (100, 50, 300, 200)
    moves = [
        action
        for action in itertools.takewhile(lambda action: action.at < 900, actions(2, area))
        if action.kind == "move"
    ]
    assert all(100 <= move.x < 400 and 50 <= move.y < 250 for move in moves)
    gaps = [later.at - before.at for before, later in itertools.pairwise(moves)]
    within = [gap for gap in gaps if gap < 0.05]
    assert len(within) > 0.9 * len(gaps)
    assert min(within) > 1 / 126
    assert max(within) < 1 / 59


def test_typing_into_a_terminal_gives_the_times_of_its_keys() -> None:
    """Each key written is counted and timed; nothing of the pointer happens there."""
    ours, theirs = pty.openpty()
    begun = time.time()
    done = human.play_terminal(ours, 3.0, 6)
    os.close(ours)
    os.close(theirs)
    wanted = [action.at for action in during(6, 3.0) if action.kind == "down"]
    assert done.keys == len(done.key_times) == len(wanted)
    assert done.clicks == done.moves == 0
    assert [at - begun for at in done.key_times] == pytest.approx(wanted, abs=0.1)


@pytest.mark.needs("Xvfb", "xev")
@pytest.mark.timeout(60)
def test_an_x_display_sees_what_the_log_says(tmp_path: Path) -> None:
    """A window under the pointer with the keyboard gets as many key presses as logged; the log names no key."""
    number, log, seen = net.free_display(), tmp_path / "log.json", tmp_path / "seen"
    env = {**os.environ, "DISPLAY": f":{number}"}
    server = subprocess.Popen(["Xvfb", f":{number}", "-screen", "0", "640x480x24"], stderr=subprocess.DEVNULL)
    try:
        net.wait_for(lambda: Path(f"/tmp/.X11-unix/X{number}").exists(), "Xvfb")
        with seen.open("w") as out:
            window = subprocess.Popen(["xev", "-geometry", "600x440+0+0"], stdout=out, env=env)
        try:
            net.wait_for(lambda: "Expose" in seen.read_text(), "xev to show its window")
            command = [sys.executable, "-m", "tests.lab.hand.human", "6", "11", str(log), "100,100,300,200"]
            subprocess.run(["xdotool", "mousemove", "200", "200"], check=True, env=env)
            subprocess.run(command, check=True, env=env, cwd=net.ROOT)
            time.sleep(0.5)
        finally:
            window.terminate()
            window.wait()
    finally:
        server.terminate()
        server.wait()
    values = json.loads(log.read_text())
    assert seen.read_text().count("\nKeyPress event") == values["keys"] == len(values["key_times"]) > 10
    assert set(values) == {"keys", "clicks", "moves", "key_times", "click_times"}
