"""Labelled flows in, what holds and what does not out."""

from __future__ import annotations

from pathlib import Path

import pytest

from farmwatch.analysis.evaluate_hands import FlowResult, bars, evaluate_hands, upper_bound
from farmwatch.analysis.flow_truth import FlowTruth
from farmwatch.errors import SourceError
from farmwatch.records import ABSENT
from tests.rows import table_of

PCAPS = Path(__file__).parents[2] / "pcaps"


def truth(file="x.pcap", role="controlled", **columns):
    facts = {
        "loop_rtt_ms": "190",
        "transport_rtt_ms": "12",
        "far_ms": "95",
        "jitter_ms": "2",
        "keys": "100",
        "clicks": "5",
    }
    names = {"scenario": file, "group": role, "tool": "tigervnc", "way": "splice", "evasion": "", "vantage": "laptop",
             "proto": "tcp", "local": "10.0.0.5:*", "remote": "198.51.100.7:*"}  # fmt: skip
    given = {name: columns.pop(name) for name in list(columns) if name in names}
    return FlowTruth(path=Path(file), file=file, role=role, facts=facts | columns, **(names | given))


def result(label=None, *, flows=1, accused=0, abroad=False, stones=0, found=True, **hand):
    row = {"role": "controlled", "loop_rtt_ms": 190.0, "loop_low_ms": 188.0, "loop_high_ms": 192.0, "relayed": 1,
           "transport_rtt_ms": 12.0, "presses": 100} | hand  # fmt: skip
    made = next(iter(table_of("hands", [row]).rows())) if found else None
    return FlowResult(label or truth(), made, flows, accused, abroad, stones)


def line(results, what):
    """The one line of the table that is about this."""
    (found,) = [bar for bar in bars(results) if what in bar.what]
    return found


def test_a_role_found_holds_and_one_missed_does_not():
    """Nineteen of twenty are the bar; flows without a row count as missed."""
    good = [result(truth(f"{number}.pcap")) for number in range(19)]
    held = line([*good, result(truth("last.pcap"), found=False)], "role controlled")
    assert (held.holds, held.measured, held.count) == (True, "0.950 (19 of 20)", 20)
    missed = line([*good[1:], result(truth("a.pcap"), role="unclear"), result(truth("b.pcap"), found=False)],
                  "role controlled")  # fmt: skip
    assert missed.holds is False
    assert missed.measured == "0.900 (18 of 20)"


def test_flows_with_little_input_are_not_asked_for_a_role():
    """Fewer than thirty keys and clicks by the person's own log."""
    assert line([result(truth(keys="20", clicks="9"), role="unclear")], "role controlled").count == 0
    assert line([result(truth(keys="20", clicks="10"), role="unclear")], "role controlled").holds is False


def test_the_mirror_image_must_never_be_called_controlled():
    mirror = truth(role="controlling")
    assert line([result(mirror, role="controlling")], "controlling called controlled").holds is True
    assert line([result(mirror, role="unclear")], "controlling called controlled").holds is True
    assert line([result(mirror)], "controlling called controlled").holds is False


def test_a_help_desk_called_abroad_is_an_error():
    desk = truth(group="lawful")
    assert line([result(desk)], "help desk").holds is True
    assert line([result(desk, abroad=True)], "help desk").holds is False


def test_false_accusations_are_counted_over_all_flows_of_each_capture():
    """Once for each capture, however many labels it has, with the bound that the count allows."""
    labels = [truth("a.pcap"), truth("a.pcap", remote="203.0.113.1:*"), truth("b.pcap", "none")]
    found = line([result(label, flows=40) for label in labels], "any other flow")
    assert (found.holds, found.count) == (True, 80)
    assert "95 % bound 3.7 %" in found.measured
    assert line([result(truth("b.pcap", "none"), flows=40, accused=1)], "any other flow").holds is False


def test_evasive_and_gateway_captures_have_lines_of_their_own():
    """They count in no other line; a confident wrong loop is an error, one with reservations or none is not."""
    evasive = truth(evasion="hold")
    wrong = {"loop_rtt_ms": 90.0, "loop_low_ms": 88.0, "loop_high_ms": 92.0}
    assert line([result(evasive, role="unclear")], "role controlled").count == 0
    assert line([result(evasive)], "evasion hold").holds is True
    assert line([result(evasive, **wrong)], "evasion hold").holds is False
    for reservation in ({"mixed": True}, {"upper_bound": True}):
        assert line([result(evasive, **wrong, **reservation)], "evasion hold").holds is True
    assert line([result(evasive, loop_rtt_ms=None, loop_low_ms=None, loop_high_ms=None)], "evasion hold").holds is True
    away = [result(truth(vantage="gateway"), role="unclear", accused=3)]
    assert all(bar.count == 0 for bar in bars(away))


def test_stepping_stones_are_counted_by_capture():
    """Found where there is one, and none found where there is none."""
    stone = truth("s.pcap", group="stepping")
    assert line([result(stone, stones=2)], "stepping stone").holds is True
    assert line([result(stone)], "stepping stone").holds is False
    assert line([result(stones=1)], "captures without one").holds is False


@pytest.mark.parametrize(("presses", "holds"), [(86, True), (114, True), (84, False), (116, False), (None, None)])
def test_keys_are_held_against_the_persons_log(presses, holds):
    """Within 15 %; an estimate that was not given is not judged."""
    assert line([result(presses=presses)], "key count").holds is holds


@pytest.mark.parametrize(("relayed", "rate"), [(1, "1.000"), (0, "0.000"), (ABSENT, "0.000")])
def test_relays_are_named_behind_relays(relayed, rate):
    found = line([result(relayed=None if relayed == ABSENT else relayed)], "called relayed")
    assert found.measured.startswith(rate)


def test_no_results_hold_nothing():
    """Every line is there and none holds or fails."""
    assert {bar.holds for bar in bars([])} <= {None}
    assert all(bar.count == 0 for bar in bars([]))


@pytest.mark.parametrize(
    ("errors", "trials", "bound"), [(0, 59, 0.0495), (0, 3000, 0.000998), (1, 100, 0.0466), (5, 5, 1)]
)
def test_bounds_of_error_rates(errors, trials, bound):
    """Clopper and Pearson's: none in 59 is below 5 %."""
    assert upper_bound(errors, trials) == pytest.approx(bound, rel=0.01)


def test_captures_are_judged_by_their_labels():
    """A driven laptop behind a relay, and one that types on a server; progress counts captures."""
    told = []
    labels = [
        truth(str(PCAPS / "vnc-relayed.pcap"), local="10.44.1.23:*", loop_rtt_ms="201.333"),
        truth(str(PCAPS / "ssh-from-laptop.pcap"), "controlling", tool="ssh", local="10.44.7.23:*",
              remote="10.80.0.5:22"),
    ]  # fmt: skip
    driven, driving = evaluate_hands(labels, progress=lambda done, total: told.append((done, total)))
    assert driven.found.role == "controlled"
    assert driven.found.loop_rtt_ms == pytest.approx(201.3, abs=5)
    assert driven.found.relayed == 1
    assert driving.found.role in {"controlling", "unclear"}
    assert (driven.accused, driving.accused) == (0, 0)
    assert told[-1] == (2, 2)


def test_a_role_the_label_does_not_grant_is_an_accusation():
    """The same driven flow under a label that says nobody drives it."""
    (found,) = evaluate_hands([truth(str(PCAPS / "vnc-relayed.pcap"), "none", local="10.44.1.23:*")])
    assert found.accused == 1


def test_a_labelled_capture_that_cannot_be_read_is_refused(tmp_path):
    """A missing file shows no flows: that must not count as nobody accused."""
    with pytest.raises(SourceError, match=r"none\.pcap"):
        evaluate_hands([truth(str(tmp_path / "none.pcap"), "none")])
    (tmp_path / "text.pcap").write_text("no capture", encoding="utf-8")
    with pytest.raises(SourceError, match=r"text\.pcap"):
        evaluate_hands([truth(str(tmp_path / "text.pcap"), "none")])
