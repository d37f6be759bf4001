"""How a report is read: order, levels, and which findings prove a verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from farmwatch.records.finding import Claim
from farmwatch.records.report import Assessment, Level
from farmwatch.reports import reading


def test_devices_come_worst_first(sample):
    """Strong, review, too little data, clear."""
    levels = [reading.device_level(device) for device in reading.ordered_devices(sample.report())]
    assert levels == [Level.STRONG, Level.REVIEW, Level.NOT_ENOUGH_DATA, Level.CLEAR, Level.CLEAR]


def test_order_does_not_depend_on_the_order_of_the_report(sample):
    """Shuffled devices are read in the same order."""
    report = sample.report()
    turned = replace(report, devices=report.devices[::-1])
    assert [d.device_id for d in reading.ordered_devices(report)] == [
        d.device_id for d in reading.ordered_devices(turned)
    ]


@pytest.mark.parametrize(
    ("driven", "abroad", "farm", "level"),
    [
        (Level.CLEAR, Level.NOT_ENOUGH_DATA, Level.NOT_ENOUGH_DATA, Level.CLEAR),
        (Level.NOT_ENOUGH_DATA, Level.CLEAR, Level.CLEAR, Level.NOT_ENOUGH_DATA),
        (Level.CLEAR, Level.CLEAR, Level.REVIEW, Level.REVIEW),
        (Level.REVIEW, Level.STRONG, Level.CLEAR, Level.STRONG),
    ],
)
def test_level_of_a_device(sample, driven, abroad, farm, level):
    """The worst claim counts where it asks for a person; otherwise whether the device is driven."""
    device = replace(
        sample.quiet_device(1, Level.CLEAR),
        assessment=Assessment(*(sample.claim(claim) for claim in (driven, abroad, farm))),
    )
    assert reading.device_level(device) is level


def test_fail_on_counts_devices_and_farms(sample):
    """A farm alone reaches the level, and review does not reach strong."""
    report = sample.report()
    farm_only = replace(report, devices=())
    review_only = replace(report, devices=(sample.review_device(),), farms=())
    assert reading.reaches(farm_only, Level.STRONG)
    assert reading.reaches(review_only, Level.REVIEW)
    assert not reading.reaches(review_only, Level.STRONG)
    assert not reading.reaches(replace(report, devices=(), farms=()), Level.REVIEW)


def test_proof_is_of_the_driven_claim_first_and_one_per_cause(sample):
    """Three lines prove the verdict: heaviest first, two of one cause never, the last for *abroad* where that asks."""
    shown = reading.proof(sample.strong_device())
    assert [finding.detector for finding in shown] == [
        "timing.loop_latency",
        "names.remote_tool",
        "timing.loop_distance",
    ]
    everything = reading.proof(sample.strong_device(), limit=99)
    assert "names.relay_idle" not in [finding.detector for finding in everything]
    assert {finding.claim for finding in everything} == {Claim.DRIVEN, Claim.ABROAD, Claim.FARM}


def test_device_without_a_name_is_called_by_what_it_has(sample):
    """Name, address, hardware address, id: the first there is."""
    device = sample.quiet_device(1, Level.CLEAR)
    assert reading.title(device) == "LT-0001"
    assert reading.title(replace(device, names=())) == "10.0.0.101"
    assert reading.title(replace(device, names=(), ips=())) == "02:00:00:00:00:01"
    assert reading.title(replace(device, names=(), ips=(), macs=())) == "dev-quiet-1"


def test_title_is_written_like_the_device_id(sample):
    """A name that differs from the id by case only is shown as the id is."""
    device = replace(sample.strong_device(), device_id="LT-1", names=("lt-1", "other"))
    assert reading.title(device) == "LT-1"


def test_attempts_come_after_sessions(sample):
    """A line that waits is never the most telling session."""
    waiting = sample.session(
        1, role_reason="x protocol itself shows; an attempt or a waiting line only, no session ran"
    )
    device = replace(sample.strong_device(), sessions=(waiting, sample.session(2)))
    assert [session.session_id for session in reading.ordered_sessions(device)] == ["s2", "s1"]


def test_step_to_keep_captures_names_them(sample):
    """Checksums alone find no file; many files are counted."""
    inputs = tuple(
        replace(sample.report().inputs[0], path=f"c{number}.pcap", sha256=f"{number:064x}"[::-1])
        for number in range(1, 8)
    )
    digests = ", ".join(f"{entry.sha256[:12]}…" for entry in inputs)
    device = replace(sample.strong_device(), next_steps=("ask", f"keep the capture (sha256 {digests})"))
    ask, kept = reading.next_steps(device, inputs)
    assert ask == "ask"
    assert kept.startswith("keep the captures c1.pcap (sha256 100000000000…), c2.pcap")
    assert kept.endswith("and 3 more")


def test_step_to_keep_a_piped_capture_says_that_it_was_piped(sample):
    """A dash names no file that could be kept."""
    piped = replace(sample.report().inputs[0], path="-", sha256="ab" * 32)
    device = replace(sample.strong_device(), next_steps=(f"keep the capture (sha256 {'ab' * 6}…)",))
    assert reading.next_steps(device, (piped,)) == (f"keep the capture you piped in (sha256 {'ab' * 6}…)",)
