"""Stepping stones and typing in the laboratory's own recordings, where there are any."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from farmwatch.analysis.assess import derive
from farmwatch.analysis.flow_truth import read_flow_truth
from farmwatch.analysis.sessions.flow_series import device_series
from farmwatch.analysis.sessions.stepping import relate
from farmwatch.analysis.sessions.stones import input_times
from farmwatch.collectors.captures import collect_capture
from farmwatch.knowledge import load_knowledge
from farmwatch.records import DeviceFlow, SteppingStone, Typing
from tests.lab.hand.dataset import lab_folder
from tests.lab.hand.simulated import ns


def recorded(*, stepping):
    """Captures taken on the laptop, with the labels of their flows."""
    labels = lab_folder() / "labels.csv"
    found = {}
    for truth in read_flow_truth(labels) if labels.is_file() else ():
        if truth.vantage == "laptop" and (truth.group == "stepping") is stepping:
            found.setdefault(truth.path, []).append(truth)
    if not found:
        pytest.skip(
            f"no {'stepping' if stepping else 'other'} captures in {lab_folder()}: tests.lab.hand.run makes them"
        )
    return found


def derived(path, truths):
    every, _ = derive(collect_capture(path, 0).tables, load_knowledge(), truths[0].profile())
    return every


def is_one_of(remote, patterns):
    return any(fnmatchcase(remote, pattern) for pattern in patterns)


def test_every_recorded_stone_is_found():
    """What the hand of the far end types leaves for the office, packet after packet."""
    missed = []
    for path, truths in recorded(stepping=True).items():
        lead = [one.remote for one in truths if one.role == "controlled"]
        onward = [one.remote for one in truths if one.role == "controlling"]
        if not any(
            row.stone and row.close and is_one_of(row.lead_remote, lead) and is_one_of(row.remote, onward)
            for row in derived(path, truths)[SteppingStone].rows()
        ):
            missed.append(path.name)
    assert not missed


def test_nothing_else_recorded_is_a_stone():
    """Work on the laptop, control without a second step, help desks, tunnels, evading relays."""
    wrong = [
        (path.name, row.lead_remote, row.remote)
        for path, truths in recorded(stepping=False).items()
        for row in derived(path, truths)[SteppingStone].rows()
        if row.stone
    ]
    assert not wrong


def test_recorded_sessions_that_have_nothing_to_do_with_each_other_are_no_stones():
    """Each hand that came in, with what was typed out of another capture laid beside it: at most one in a thousand."""
    came_in, went_out = [], []
    for path, truths in recorded(stepping=False).items():
        every = derived(path, truths)
        flows = every[DeviceFlow]
        for series in device_series(flows, every):
            row = series.rows[0]
            local, remote = (f"{flows[f'{side}_h'][row]}:{flows[f'{side}_p'][row]}" for side in ("local", "remote"))
            role = next((truth.role for truth in truths if truth.fits(local, remote)), "none")
            if role == "controlled" and flows["small_gaps_in"][row] >= 20:
                came_in.append((path, input_times(series, incoming=True)))
            elif role == "controlling" and flows["small_gaps_out"][row] >= 20:
                went_out.append((path, ns(series.times_s[series.out & (series.sizes <= 256)])))
    judged = [
        relate(lead - lead[0], follow - follow[0])
        for path, lead in came_in
        for other, follow in went_out
        if path != other and len(lead) and len(follow)
    ]
    found = [one for one in judged if one is not None]
    assert sum(one.stone for one in found) <= max(0.5, len(found) / 1000)


def test_recorded_typing_over_ssh_is_neither_clumped_nor_hidden():
    """The laboratory's lines that lose nothing; its OpenSSH is older than 9.5 or it would show the 20 ms grid."""
    rows = [
        row
        for path, truths in recorded(stepping=False).items()
        if truths[0].group != "evasion" and truths[0].number("loss") == 0 and path.name.startswith("ssh-typing")
        for row in derived(path, truths)[Typing].rows()
    ]
    for row in rows:
        assert row.stalls <= 1
        assert row.clumped < 0.05
        assert row.law_shape is None or 1.5 < row.law_shape < 6
