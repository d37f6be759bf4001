"""How a report is read: order, levels, and which findings prove a verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from farmwatch.records.finding import Claim, Outcome, WeightSource
from farmwatch.records.report import Assessment, Level, Weight
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


def test_proof_is_the_heaviest_of_any_claim(sample):
    """What weighs most of a farm's member is told, also of a claim that does not ask; the farm's signs are one."""
    strong = sample.strong_device()
    vpn = replace(strong.findings[0], detector="vpn.consumer", summary="vpn", claim=Claim.DRIVEN, decibans=12.0,
                  group="vpn", conclusive=False, outcome=Outcome.HIT)  # fmt: skip
    sign = replace(vpn, detector="farm.signs", claim=Claim.FARM)
    light = [replace(vpn, detector=f"d{n}", group=f"d{n}", summary=f"d{n}", decibans=6.0 - n) for n in range(4)]
    signs = [replace(sign, group=f"g{n}", summary=f"sign {n}", decibans=8.0 - n) for n in range(3)]
    device = replace(strong, findings=(*signs, *light, vpn))
    weights = {
        claim: replace(
            dict(reading.claims(strong))[claim],
            level=Level.REVIEW if claim is Claim.FARM else Level.CLEAR,
            weights=tuple(
                Weight(one.detector, one.decibans, True, WeightSource.JUDGED, "", one.group)
                for one in device.findings
                if one.claim is claim
            ),
        )
        for claim in Claim
    }
    device = replace(device, assessment=Assessment(*(weights[claim] for claim in Claim)))
    assert [one.summary for one in reading.proof(device)] == ["vpn", "sign 0", "d0", "d1"]
    own = replace(vpn, detector="vpn.consumer", grade="named")
    same = replace(sign, group="g", summary="2 of 2 laptops: vpn", grade="vpn.consumer: named", decibans=11.0)
    shown = reading.proof(replace(device, findings=(own, same, *light)))
    assert [one.summary for one in shown][:2] == ["vpn", "d0"]
    assert shown[-1].claim is Claim.FARM, "the only word of a claim that asks, though the device shows it itself"
    heavy = replace(device, findings=(*light, vpn, replace(signs[0], decibans=1.0)))
    assert [one.summary for one in reading.proof(heavy)][-1] == "sign 0"


def test_proof_has_one_per_cause(sample):
    """The heaviest first, two of one cause never, every claim that asks among them."""
    shown = reading.proof(sample.strong_device())
    assert [finding.detector for finding in shown] == [
        "place.shared_gateway",
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
