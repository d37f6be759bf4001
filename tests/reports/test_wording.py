"""Numbers, times and sentences as a person reads them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmwatch.analysis.sessions.named import NO_SESSION
from farmwatch.records.finding import Claim, WeightSource
from farmwatch.records.report import Distance, Level, Role
from farmwatch.reports import wording

PROVEN = "the rfb protocol itself shows which end is driven"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (1.25, "1.2 s"),
        (42, "42 s"),
        (2460, "41 min"),
        (12_000, "3 h 20 min"),
        (180_000, "2 d 2 h"),
    ],
)
def test_durations(seconds, said):
    """One or two leading units; a clock that ran backwards is no time at all."""
    assert wording.duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (999_999, "1.0 MB"), (1_900_000_000, "1.9 GB")]
)
def test_sizes(count, said):
    """Decimal units, two digits."""
    assert wording.size(count) == said


@given(st.integers(0, 10**18))
def test_sizes_never_show_four_digits(count):
    """A size is short enough for a column at any magnitude below a petabyte."""
    if count < 10**15:
        assert len(wording.size(count)) <= 8


def test_probabilities_are_never_certain():
    """0 and 100 % are not shown."""
    assert wording.percent(1.0) == "over 99.9 %"
    assert wording.percent(0.0) == "under 0.1 %"
    assert wording.percent(0.985) == "98 %"
    assert wording.percent(0.004) == "0.4 %"


def test_bounds_are_rounded_up():
    """A distance bound must not shrink by rounding."""
    assert wording.kilometres(1201) == "1,300 km"
    assert wording.kilometres(42.4) == "43 km"
    assert wording.kilometres(0.0) == "1 km"
    assert wording.milliseconds(0.01) == "under 0.1 ms"


def test_distance_beyond_half_the_earth_says_anywhere():
    """A bound that excludes nothing is not printed as a number."""
    assert wording.distance(Distance(20_326.0)) == "anywhere on Earth by its round trip"
    assert wording.distance(Distance(1199.2, (100.0, 400.0))) == "at most about 1,200 km away, likely 100 km to 400 km"
    assert wording.distance(None) == ""


def test_spans_say_the_date_once():
    """Within a day the date is said once; over midnight twice; a moment has no end."""
    assert wording.span("2026-11-23T14:02:05Z", "2026-11-23T14:43:11Z") == "2026-11-23 14:02:05\u201314:43:11 UTC"
    assert wording.span("2026-11-23T23:59:00Z", "2026-11-24T00:10:00Z") == "2026-11-23 23:59\u20132026-11-24 00:10 UTC"
    assert wording.span("2026-11-23T14:02:05Z", "2026-11-23T14:02:05.5Z") == "2026-11-23 14:02:05 UTC"
    assert wording.span("garbage", "\x1b") == "garbage to \x1b"


def test_offsets_are_turned_into_utc():
    """A time with another offset is shown in UTC."""
    assert wording.clock("2026-11-23T15:02:05+01:00") == "2026-11-23 14:02:05 UTC"


def test_every_claim_and_level_has_a_sentence(sample):
    """No verdict is without words, and none accuses."""
    device = replace(sample.strong_device(), findings=())
    for claim in Claim:
        for level in Level:
            sentence = wording.claim_sentence(device, claim, sample.claim(level))
            assert sentence.endswith(".")
            assert not {"guilty", "spy", "fraud", "North"} & set(sentence.split())


def test_long_names_keep_both_ends():
    """A name of any length leaves the verdict on the screen."""
    shown = wording.shortened("a" * 300 + "END")
    assert len(shown) == 40
    assert shown.endswith("END")


def test_session_sentence_says_what_is_known_and_nothing_else(sample):
    """Unknown round trips, distances and events are left out, not shown as zero."""
    full = wording.session_sentence(sample.session())
    for part in (
        "AnyDesk",
        "through a relay",
        "41 min",
        "this device is probably the driven end",
        "1,312 input events",
        "203 ms (197\u2013211)",
    ):
        assert part in full
    bare = wording.session_sentence(
        replace(
            sample.session(),
            transport_rtt_ms=None,
            loop_rtt_ms=None,
            loop_rtt_interval_ms=None,
            input_events=None,
            distance_km=None,
            relayed=None,
        )
    )
    assert "RTT" not in bare
    assert "input event" not in bare
    assert "away" not in bare


def test_neighbours_hardware_addresses_are_shortened():
    """Maker and last byte are enough to talk about a neighbour's device."""
    assert wording.short_mac("f4:d4:88:01:02:19") == "f4:d4:88:\u2026:19"
    assert wording.short_mac("odd") == "odd"


@pytest.mark.parametrize(("same", "said"), [(True, "consistent with"), (False, "hardly with"), (None, "")])
def test_a_session_without_named_regions_keeps_what_was_measured(sample, same, said):
    """Regions are left out where they would be seen from elsewhere; that the hand is hardly near still stands."""
    session = replace(sample.session(), regions=(), same_continent=same)
    assert wording.regions(session) == (f"{said} the same continent" if said else "")


def test_broken_clock_does_not_drown_the_time_captured(sample):
    """A capture from 1970 to 2038 is no 68 years of traffic."""
    first, second, _ = sample.report().inputs
    odd = replace(second, first_ts="1970-01-01T00:00:00Z", last_ts="2038-01-01T00:00:00Z")
    assert "93 min" in wording.scope(replace(sample.report(), inputs=(first, odd)))


def test_origin_of_a_weight_says_its_kind_once():
    """A reason that begins with its kind is not prefixed again."""
    assert wording.origin(WeightSource.JUDGED, "judged from two cases") == "judged from two cases"
    assert wording.origin(WeightSource.MEASURED, "312 sessions") == "measured: 312 sessions"
    assert wording.origin(WeightSource.PUBLISHED, "") == "published"


def test_losses_say_how_much_they_cover(sample):
    """The number is given where it is more than one."""
    assert wording.losses(sample.report().inputs[1]) == [
        "record header at offset 65536 is not possible, 2,048 bytes lost",
        "truncated packet: 3 times",
    ]


def test_losses_at_an_offset_are_bytes_and_the_start_of_a_file_is_no_offset(sample):
    """A reader need not guess what a number counts, and an empty file is empty as a whole."""
    entry = replace(sample.report().inputs[1], rejects={"the file ends inside a packet at byte 19235": 765})
    assert wording.losses(entry) == ["the file ends inside a packet at byte 19235 (765 bytes not used)"]
    assert wording.complaint("the file is empty at byte 0") == "the file is empty"


def test_unreadable_inputs_have_no_vantage(sample):
    """Where a file that is no capture was made is not worth a word."""
    assert wording.limits(sample.report().inputs[2:]) == ()
    assert "vantage: unknown" in wording.scope(replace(sample.report(), inputs=sample.report().inputs[2:]))


@pytest.mark.parametrize(
    ("role", "reason", "said"),
    [
        (Role.CONTROLLED, PROVEN, "driven end: this device (by the protocol)"),
        (Role.CONTROLLING, PROVEN, "driven end: the other machine (by the protocol)"),
        (Role.CONTROLLED, "15 times more bytes leave the device",
         "this device is probably the driven end (byte direction)"),
        (Role.UNCLEAR, "neither the protocol nor the byte direction decides it", "which end is driven is unclear"),
        (Role.CONTROLLED, f"{PROVEN}; {NO_SESSION}",
         "an attempt or a waiting line only; no session ran"),
    ],
)  # fmt: skip
def test_role_is_said_with_what_it_rests_on(sample, role, reason, said):
    """Proof, likelihood and neither read differently, and nobody drives in a session that never ran."""
    assert wording.role(sample.session(role=role, role_reason=reason)) == said


def test_clear_device_with_hits_is_not_said_to_show_nothing(sample):
    """What was seen below review is not denied."""
    quiet = sample.quiet_device(1, Level.CLEAR)
    assert wording.verdict(quiet) == "Nothing that was looked at suggests remote operation of this device."
    hinted = replace(quiet, findings=(sample.strong_device().findings[3],))
    assert wording.verdict(hinted) == "Signs of remote control were seen on this device, too few to ask for a person."


def test_kvm_beside_the_device_is_not_said_to_be_on_it(sample):
    """A KVM on the same network is evidence about the network; the sentence says so."""
    device = sample.strong_device()
    beside = replace(device.findings[0], detector="kvm.on_lan")
    assert "not seen attached" in wording.verdict(replace(device, findings=(beside,)))
    assert "not seen attached" not in wording.verdict(replace(device, findings=(beside, device.findings[1])))


def test_scope_counts_everything_and_says_what_broke(sample):
    """The second line of every report: how much was read, from where, and whether all of it."""
    said = wording.scope(sample.report())
    assert "3 captures" in said
    assert "184,635 packets" in said
    assert "1 DAMAGED, 1 UNREADABLE" in said
    assert "at a gateway, on the laptop" in said


def test_device_driven_over_an_approved_tool_is_said_to_be_driven(sample):
    """Approval takes the weight, not the fact; what else was seen stands beside it."""
    quiet = replace(sample.quiet_device(1, Level.CLEAR), sessions=(sample.session(approved=True),))
    assert wording.verdict(quiet) == (
        "Driven over AnyDesk from relay-7.net.anydesk.com, which the profile approves; "
        "nothing else that was looked at suggests remote operation."
    )
    hinted = replace(quiet, findings=(sample.strong_device().findings[3],))
    assert wording.verdict(hinted) == (
        "Driven over AnyDesk from relay-7.net.anydesk.com, which the profile approves. "
        "Signs of remote control were seen on this device, too few to ask for a person."
    )
    both = replace(quiet, sessions=(sample.session(approved=True), sample.session(2, tool="rfb", approved=True)))
    assert "and in 1 more session, tools that the profile approves" in wording.verdict(both)


@pytest.mark.parametrize(
    "change",
    [{}, {"approved": True, "role": Role.CONTROLLING}, {"approved": True, "role_reason": f"a line; {NO_SESSION}"}],
)
def test_only_sessions_that_drive_over_approved_tools_are_excused(sample, change):
    """Other tools, the mirror image and idle lines are not called driven with approval."""
    quiet = replace(sample.quiet_device(1, Level.CLEAR), sessions=(sample.session(**change),))
    assert wording.allowed(quiet) == ""


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (PROVEN, "its user drives 10.80.0.5:3389 over Remote Desktop (RDP)"),
        ("timing: input goes out", "its user drives 10.80.0.5:3389 over Remote Desktop (RDP)"),
        ("15 times more bytes come in", "its user probably drives 10.80.0.5:3389 over Remote Desktop (RDP)"),
    ],
)
def test_clear_device_says_what_its_own_user_drives(sample, reason, said):
    """The mirror image clears and says why; an address that stands for a name keeps its port."""
    own = sample.session(
        role=Role.CONTROLLING, role_reason=reason, tool_name="Remote Desktop (RDP)", remote="10.80.0.5:3389",
        remote_name="10.80.0.5",
    )  # fmt: skip
    quiet = replace(sample.quiet_device(1, Level.CLEAR), sessions=(own,))
    assert wording.own_work(quiet) == said
    assert wording.verdict(quiet).endswith(f"Its{said[3:]}.")
    assert wording.own_work(replace(quiet, sessions=(own, replace(own, remote="10.80.0.6:22")))).endswith(
        "and 1 other end"
    )
    assert wording.own_work(replace(quiet, sessions=(sample.session(),))) == ""
