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
    """Three lines prove the verdict, the heaviest counted ones first, two of one cause never."""
    shown = reading.proof(sample.strong_device())
    assert [finding.detector for finding in shown] == [
        "timing.loop_latency",
        "names.remote_tool",
        "timing.ssh_coupling",
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
