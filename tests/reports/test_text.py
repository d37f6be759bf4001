"""The terminal report: the verdict first, all of it escaped, and honest about what was not seen."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from farmwatch.records.report import Level, Role
from farmwatch.reports.text import render

GOLDEN = Path(__file__).with_name("golden")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("text-80", {"width": 80}),
        ("text-80-v", {"width": 80, "verbose": 1}),
        ("text-120-vv", {"width": 120, "verbose": 2}),
        ("text-80-ascii", {"width": 80, "ascii_only": True}),
    ],
)
def test_sample_looks_as_agreed(sample, name, options):
    """The whole page, as a person looked at it; ``FARMWATCH_GOLDEN=write`` remakes the files."""
    path = GOLDEN / f"{name}.txt"
    shown = render(sample.report(), **options)
    if os.environ.get("FARMWATCH_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


def test_first_line_answers(sample):
    """How many devices, and how many of them need a person, is the first thing said."""
    assert render(sample.report()).splitlines()[0].split(":") == [
        "5 devices",
        "  1 STRONG   1 REVIEW   2 clear   1 not enough data",
    ]


def test_damage_is_shouted_with_its_offset(sample):
    """Lost input comes before any device, with where and how much."""
    shown = render(sample.report())
    head = " ".join(shown.split("ACME-LT-0142")[0].split())
    assert "DAMAGED" in head
    assert "offset 65536" in head
    assert "2,048 bytes lost" in head
    assert "UNREADABLE notes.txt" in head


def test_many_damaged_inputs_do_not_drown_the_verdict(sample):
    """Ten are described, the rest counted; -v describes all."""
    broken = tuple(replace(sample.report().inputs[1], path=f"c{number}.pcap") for number in range(25))
    report = replace(sample.report(), inputs=broken)
    assert render(report).count("DAMAGED c") == 10
    assert "15 more inputs damaged or unreadable" in render(report)
    assert render(report, verbose=1).count("DAMAGED c") == 25


def test_device_says_proof_doubt_blind_spots_and_next_steps(sample):
    """Four lines of proof, other readings, what was not seen, what to do and the command to look closer."""
    report = replace(sample.report(), devices=(sample.strong_device(),), farms=(), lans=())
    shown = render(report)
    assert shown.count("\n  \u2022 ") == 4
    for part in ("Benign readings considered:", "Not looked at:", "Next 1.", "Next 4.", "a person decides"):
        assert part in shown
    assert "farmwatch inspect suspect.pcapng --flow tcp/10.0.0.55:50111-198.51.100.7:443\n" in shown


def test_clear_devices_take_one_line_and_say_what_was_not_judged(sample):
    """Quiet devices do not bury the others, and silence is not called clear."""
    devices = tuple(sample.quiet_device(number, Level.CLEAR) for number in range(3))
    shown = render(replace(sample.report(), devices=devices, farms=(), lans=(), inputs=()))
    assert "3 devices: clear. LT-0000, LT-0001, LT-0002 (abroad not judged for all, farm not" in shown
    assert "LT-0000" not in shown.replace("clear. LT-0000", "")


def test_device_with_too_little_data_is_not_called_clear(sample):
    """Too little data is a level of its own."""
    shown = render(replace(sample.report(), devices=(sample.quiet_device(1, Level.NOT_ENOUGH_DATA),), farms=()))
    assert "1 device: not enough data. LT-0001" in shown
    assert "clear" not in shown.split("LT-0001")[0]


def test_report_without_devices_or_inputs_is_not_empty(sample):
    """Nothing found is said."""
    shown = render(replace(sample.report(), inputs=(), devices=(), farms=(), lans=(), notes=()))
    assert shown.startswith("No device found.\n")


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_no_name_steers_the_terminal(sample, width, verbose):
    """Without colour no escape sequence is in the page, with colour only our own."""
    plain = render(sample.report(), width=width, verbose=verbose)
    assert all(char.isprintable() or char == "\n" for char in plain)
    colored = render(sample.report(), width=width, verbose=verbose, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_lines_fit_80_columns_except_commands(sample, verbose):
    """Everything wraps at 80 but the command that is meant to be copied."""
    long = [line for line in render(sample.report(), verbose=verbose).splitlines() if len(line) > 80]
    assert all(line.lstrip().startswith("farmwatch inspect ") for line in long)


def test_verbose_shows_every_finding_and_the_whole_chain(sample):
    """All outcomes, the prior, each weight with its source, what was left out and why, and what would overturn it."""
    shown = " ".join(render(sample.report(), verbose=1).split())
    for device in sample.report().devices:
        for finding in device.findings:
            assert finding.detector in shown
    for part in (
        "No data (1)",
        "-40.0 prior",
        "+30.0 timing.loop_latency; measured: 312 lab sessions",
        "(+6.0) names.relay_idle, not added: a stronger one of the same cause (tool) counts",
        "+15.5 sum",
        "would overturn it: a help-desk ticket",
    ):
        assert part in shown


def test_very_verbose_shows_packets_tables_and_fingerprints(sample):
    """The packets that prove a finding can be looked up, and the input identified."""
    shown = " ".join(render(sample.report(), verbose=2).split())
    assert "table tls, suspect.pcapng packet 104, 109" in shown
    assert "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" in shown
    assert "packet 104" not in " ".join(render(sample.report(), verbose=1).split())


def test_neighbours_are_not_identified_by_hardware_address(sample):
    """What belongs to a household is shown by maker only."""
    shown = render(sample.report(), verbose=2)
    assert "3c:5a:b4:11:22:33" not in shown
    assert "3c:5a:b4:" in shown


def test_clear_devices_with_hits_say_what_was_seen(sample):
    """Below review is not silence: one paragraph a device, and none for those without hits."""
    hinted = replace(sample.quiet_device(1, Level.CLEAR), findings=(sample.strong_device().findings[3],))
    report = replace(sample.report(), devices=(hinted, sample.quiet_device(2, Level.CLEAR)), farms=())
    shown = " ".join(render(report).split())
    assert "LT-0001: below review: AnyDesk's relay is contacted while nobody is connected" in shown
    assert "LT-0002: below review" not in shown


def test_decibans_need_their_legend(sample):
    """Numbers of weights are in the long form only, which says what they mean."""
    assert "deciban" not in render(sample.report())
    assert "Numbers in decibans" in " ".join(render(sample.report(), verbose=1).split())


def test_long_output_repeats_its_first_line(sample):
    """Who reads the end of a long page sees the answer."""
    shown = render(sample.report(), verbose=1).splitlines()
    assert shown[-1] == shown[0]


def test_nothing_readable_offers_no_evidence(sample):
    """Without a device there is no evidence to read on, and no place of capture to speak of."""
    report = replace(sample.report(), inputs=sample.report().inputs[2:], devices=(), farms=(), lans=())
    shown = render(report)
    assert "Full evidence" not in shown
    assert "Where the capture was made" not in shown


def test_clear_devices_say_who_drives_over_approved_tools_and_what_their_users_drive(sample):
    """Neither a session that the profile excuses nor the mirror image is passed over, before any option."""
    excused = replace(sample.quiet_device(1, Level.CLEAR), sessions=(sample.session(approved=True),))
    own = sample.session(role=Role.CONTROLLING, role_reason="timing: input goes out")
    mirror = replace(sample.quiet_device(2, Level.CLEAR), sessions=(own,))
    shown = render(replace(sample.report(), devices=(mirror, excused)), width=160)
    first = "LT-0001: driven over AnyDesk from relay-7.net.anydesk.com, which the profile approves"
    second = "LT-0002: its user drives relay-7.net.anydesk.com over AnyDesk"
    assert 0 < shown.index(first) < shown.index(second)
