"""An assessment as a report: who is listed, in which order, and what a person is told to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
from farmwatch.analysis.fleet.facts import DeviceFacts
from farmwatch.analysis.fleet.farms import FarmTie, FleetFarm
from farmwatch.analysis.fleet.fleet import Window
from farmwatch.analysis.fleet.judging import Judged, weigh_device
from farmwatch.analysis.fleet.summing_up import device_level, fleet_report, next_steps
from farmwatch.analysis.fleet.weights import NO_WEIGHTS
from farmwatch.analysis.scoring import assess_claim
from farmwatch.knowledge import load_knowledge
from farmwatch.records import Claim, Family, FarmLink, Level
from tests.analysis.fleet.kept import declared, hit

UNTIL = datetime(2026, 3, 9, tzinfo=UTC)
CHECKS = {detector.id: detector.check for detector in FLEET_DETECTORS}
KVM = hit(conclusive=True)
STRONG = [KVM, hit("hand.present", 12.0, family=Family.TIMING), hit("remote.tool_log", 24.0, family=Family.NAMES)]
REVIEW = [hit(for_review=True)]
WEAK = [hit("vpn.client", 3.0, family=Family.PLACE)]


def judged(hits, *, names=None, farms=(), facts=(), scanned=(), notes=(), unseen=False):
    """An assessment of these devices with these findings, by the first two detectors."""
    devices = sorted(names or hits)
    return Judged(
        window=Window(UNTIL - timedelta(days=7), UNTIL),
        devices=devices,
        hits=dict(hits),
        unseen=np.full((len(devices), 2), unseen, np.bool_),
        detectors=FLEET_DETECTORS[:2],
        coverage=(),
        prior=1e-4,
        weights=NO_WEIGHTS,
        rows=77,
        scanned=frozenset(scanned),
        farms=tuple(farms),
        notes=tuple(notes),
        facts=dict(facts),
    )


def report(hits, *, every=False, **values):
    return fleet_report(judged(hits, **values), load_knowledge(), version="1.2", every=every)


def listed(found):
    return [device.device_id for device in found.devices]


def test_only_those_for_a_person_are_listed_and_everybody_is_counted():
    """A weak finding asks for nobody; on request whoever has one is listed, and the clear ones never are."""
    hits = {"a-weak": WEAK, "b-review": REVIEW, "c-strong": STRONG}
    found = report(hits, names=["a-weak", "b-review", "c-strong", "d-clear"])
    assert listed(found) == ["c-strong", "b-review"]
    assert found.telemetry.levels == {"strong": 1, "review": 1, "clear": 2}
    assert list(found.telemetry.levels) == ["strong", "review", "clear"]
    assert (found.telemetry.devices, found.telemetry.rows) == (4, 77)
    assert listed(report(hits, names=["a-weak", "d-clear"], every=True)) == ["a-weak"]


def test_the_most_urgent_comes_first():
    """By level, then by probability, then by name, however the devices are called."""
    heavier = [*REVIEW, hit("hand.present", 9.0, family=Family.TIMING)]
    found = report({"a": REVIEW, "b": REVIEW, "y": heavier, "z": STRONG})
    assert listed(found) == ["z", "y", "a", "b"]


def test_a_device_nothing_could_look_at_is_not_called_clear():
    """It is counted as one without enough data."""
    assert report({}, names=["quiet"], unseen=True).telemetry.levels == {"not enough data": 1}
    assert report({}, names=["quiet"]).telemetry.levels == {"clear": 1}


@pytest.mark.parametrize("claim", list(Claim))
def test_the_highest_of_the_claims_is_the_devices_level(claim):
    """Whichever claim it is that asks for a person."""
    found = weigh_device([hit(claim=claim, for_review=True)], [], 1e-4, NO_WEIGHTS)
    assert device_level(found) is Level.REVIEW


def test_a_device_nothing_asks_about_has_no_next_step():
    """Steps are for those a person should look at; innocent readings stand beside every finding."""
    found = report({"weak": [replace(WEAK[0], benign=("a VPN",))], "bad": REVIEW}, every=True)
    steps = {device.device_id: device.next_steps for device in found.devices}
    assert steps == {"bad": (CHECKS["usb.kvm_identity"],), "weak": ()}
    assert found.devices[1].benign_considered == ("a VPN",)


def test_what_does_not_count_sends_nobody_anywhere():
    """Of two findings of one cause only the stronger one's check is asked for."""
    found = report({"bad": [hit(group="kvm", for_review=True), hit("usb.kvm_structure", 9.0, group="kvm")]})
    assert found.devices[0].next_steps == (CHECKS["usb.kvm_identity"],)
    apart = report({"bad": [hit(group="kvm", for_review=True), hit("usb.kvm_structure", 9.0, group="hub")]})
    assert apart.devices[0].next_steps == (CHECKS["usb.kvm_identity"], CHECKS["usb.kvm_structure"])


def test_steps_are_few_heaviest_first_and_each_once():
    """Five; signs of a farm share one; an unknown detector of an older version has none."""
    names = [detector.id for detector in FLEET_DETECTORS[:8]]
    given = [hit(name, 20.0 - number) for number, name in enumerate(names)]
    assert next_steps(given[::-1]) == tuple(dict.fromkeys(CHECKS[name] for name in names))[:5]
    assert next_steps([hit("farm.site"), hit("farm.places"), hit("gone.long_ago"), declared()]) == next_steps(
        [hit("farm.signs")]
    )  # fmt: skip
    assert len(next_steps([hit("farm.site")])) == 1
    assert next_steps([]) == ()


def test_what_was_not_looked_at_is_said():
    """Topics of detectors without data, and the missing capture unless a scan showed the device."""
    topics = tuple(detector.topic for detector in FLEET_DETECTORS[:2])
    blind = report({"bad": [hit("other.one", for_review=True)]}, unseen=True).devices[0].not_looked_at
    assert blind[:-1] == tuple(dict.fromkeys(topics))
    assert blind[-1].startswith("network traffic: no capture")
    assert report({"bad": REVIEW}, scanned=["bad"]).devices[0].not_looked_at == ()


def test_facts_reach_the_device_and_their_lack_is_no_fault():
    """Names, addresses, place; times in UTC, absent ones absent."""
    tokyo = timezone(timedelta(hours=9))
    first, last = UNTIL - timedelta(days=2), (UNTIL - timedelta(hours=1)).astimezone(tokyo)
    known = DeviceFacts(("desk",), ("aa",), ("10.0.0.2",), "Dell", first, last, "Phoenix", (33.5, -112.0))
    one, two = report({"a": REVIEW, "b": REVIEW}, facts={"a": known}).devices
    assert (one.names, one.macs, one.ips, one.vendor) == (("desk",), ("aa",), ("10.0.0.2",), "Dell")
    assert (one.place, one.coordinates) == ("Phoenix", (33.5, -112.0))
    assert (one.first_ts, one.last_ts) == ("2026-03-07T00:00:00.000Z", "2026-03-08T23:00:00.000Z")
    assert (two.names, two.first_ts, two.place) == ((), None, None)


def test_farms_and_limits_are_told():
    """A farm with its links; what limits the run, and that a person decides."""
    weighed = assess_claim(Claim.FARM, [hit(claim=Claim.FARM)], 1e-4)
    farm = FleetFarm("f-1", ("a", "b"), weighed, (FarmTie("BSSID", "x", ("a", "b"), 9.0),), "2 laptops share BSSID x")
    found = report({"a": WEAK}, farms=[farm], notes=["the place database is old"])
    [told] = found.farms
    assert (told.farm_id, told.devices, told.summary) == ("f-1", ("a", "b"), "2 laptops share BSSID x")
    assert told.links == (FarmLink("BSSID", "x", ("a", "b"), 9.0),)
    assert found.notes[0] == "the place database is old"
    assert "a person decides" in found.notes[1]
    assert (found.telemetry.since, found.telemetry.until) == ("2026-03-02T00:00:00.000Z", "2026-03-09T00:00:00.000Z")


def test_an_empty_fleet_is_a_report():
    """Nobody to judge, and it says so in numbers."""
    found = report({}, every=True)
    assert (found.devices, found.farms, found.telemetry.devices, found.telemetry.levels) == ((), (), 0, {})
    assert found.tool.version == "1.2"
