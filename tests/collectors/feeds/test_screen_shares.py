"""For how long somebody shared a screen, by Zoom and Teams."""

from __future__ import annotations

import pytest

from farmwatch.collectors.feeds.screen_shares import teams_shared_s, zoom_shared_s

AUDIO = {"latency": "80 ms", "bitrate": "23 kbps"}
SCREEN = {"latency": "90 ms", "bitrate": "120 kbps", "resolution": "1920*1080", "frame_rate": "8 fps"}
BLANK = {"latency": "", "bitrate": "", "resolution": "", "frame_rate": ""}
UP, DOWN = "callerToCallee", "calleeToCaller"


def stay(**fields):
    return {"join_time": "2026-10-05T08:00:00Z", "leave_time": "2026-10-05T16:00:00Z", **fields}


def share(start, end, content="desktop"):
    return {"content": content, "start_time": f"2026-10-05T{start}Z", "end_time": f"2026-10-05T{end}Z"}


def samples(*seconds, every=60, count=10):
    """Of a stretch from 08:00, one each so many seconds; those at some of the times have a shared screen."""
    return [{"date_time": f"2026-10-05T08:{at // 60:02d}:{at % 60:02d}Z", "audio_input": AUDIO,
             "as_input": SCREEN if at in seconds else BLANK} for at in range(0, every * count, every)]  # fmt: skip


def stream(direction, start=None, end=None, **fields):
    times = {"startDateTime": start and f"2026-10-05T{start}Z", "endDateTime": end and f"2026-10-05T{end}Z"}
    return {"streamDirection": direction, **times, **fields}


def session(*streams, label="applicationsharing-video", modalities=("audio", "videoBasedScreenSharing")):
    media = [{"label": "main-audio", "streams": [stream(UP, "08:00:00", "16:00:00")]}]
    media += [{"label": label, "streams": list(streams)}] if streams else []
    return {"startDateTime": "2026-10-05T08:00:00Z", "endDateTime": "2026-10-05T16:00:00Z",
            "modalities": list(modalities), "segments": [{"media": media}]}  # fmt: skip


@pytest.mark.parametrize(
    ("details", "seconds"),
    [
        ([share("09:00:00", "10:00:00")], 3600),
        ([share("09:00:00", "10:00:00", "Application"), share("09:30:00", "10:30:00")], 5400),
        ([share("09:00:00", "12:00:00"), share("10:00:00", "11:00:00")], 10_800),
        ([share("07:00:00", "09:00:00"), share("15:59:00", "18:00:00")], 3660),
        ([share("17:00:00", "18:00:00"), share("10:00:00", "09:00:00")], 0),
        ([share("09:00:00", "10:00:00", "whiteboard"), share("09:00:00", "10:00:00", "cloud_recording")], 0),
        ([], 0),
        ([{"content": "desktop", "start_time": "2026-10-05T09:00:00Z", "end_time": ""}], 25_200),
        ([{"content": "desktop", "start_time": "2026-10-05T15:00:00Z"}, share("09:00:00", "10:00:00")], 7200),
        ([{"content": "desktop", "start_time": "2026-10-05T09:00:00Z", "end_time": "then"}], None),
        ([{"content": "desktop", "start_time": "then", "end_time": 7}, share("09:00:00", "10:00:00")], None),
        (["odd", None, {"content": ["desktop"]}], 0),
    ],
)
def test_shares_one_by_one(details, seconds):
    """What overlaps counts once, what lies outside the stay not at all; a share without an end lasts as the stay."""
    assert zoom_shared_s(stay(details=details)) == seconds


@pytest.mark.parametrize("leave", [None, "", "then"])
def test_a_share_without_an_end_in_a_stay_without_one(leave):
    """Nothing tells how long it was, so nothing tells how long all were together."""
    endless = {"content": "desktop", "start_time": "2026-10-05T11:00:00Z", "end_time": None}
    assert zoom_shared_s(stay(details=[share("09:00:00", "10:00:00"), endless], leave_time=leave)) is None
    assert zoom_shared_s(stay(details=[share("09:00:00", "10:00:00")], leave_time=leave)) == 3600


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"details": [], "share_desktop": True}, None),
        ({"details": [], "share_desktop": False, "share_application": True}, None),
        ({"details": [share("09:00:00", "10:00:00", "whiteboard")], "share_desktop": True}, None),
        ({"details": [], "share_desktop": True, "user_qos": samples(120, 180)}, 120),
        ({"details": [], "share_desktop": False, "share_application": False}, 0),
        ({"details": [share("09:00:00", "10:00:00")], "share_desktop": True}, 3600),
    ],
)
def test_details_that_lack_what_the_flags_tell(fields, seconds):
    """A participant said to share a screen, of whom the details list none: they are not all there."""
    assert zoom_shared_s(stay(**fields)) == seconds


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"user_qos": samples(120, 180, 240)}, 180),
        ({"user_qos": samples(120, 120) * 2}, 60),
        ({"user_qos": samples(0, 10, 20, 30, every=10)}, 40),
        ({"user_qos": samples(0, count=1)}, 60),
        ({"user_qos": samples()}, 0),
        ({"user_qos": samples(120), "share_desktop": True, "share_application": False}, 60),
        ({"user_qos": samples(120), "share_desktop": False, "share_application": False}, 0),
        ({"user_qos": samples(), "share_desktop": True, "share_application": False}, None),
        ({"share_desktop": False, "share_application": False}, 0),
        ({"share_desktop": True, "share_application": False}, None),
        ({"user_qos": samples(0, 60, 120), "leave_time": "2026-10-05T08:01:30Z"}, 90),
        ({"user_qos": [{"date_time": "2026-10-05T08:00:00Z", "as_output": SCREEN}]}, 0),
        ({"user_qos": [{"date_time": "2026-10-05T08:00:00Z", "as_input": {"bitrate": "0 kbps"}}]}, 0),
        ({"user_qos": [{"date_time": ["x"], "as_input": SCREEN}, {"as_input": "SCREEN"}]}, 0),
        ({"user_qos": "none"}, None),
        ({}, None),
    ],
)
def test_samples_of_what_came_in(fields, seconds):
    """Samples with a screen times their interval; whoever watches has it going out; the flags have the last word."""
    assert zoom_shared_s(stay(**fields)) == seconds


@pytest.mark.parametrize(
    ("told", "caller", "callee"),
    [
        (session(stream(UP, "08:00:00", "15:00:00")), 25_200, 0),
        (session(stream(DOWN, "08:00:00", "15:00:00")), 0, 25_200),
        (session(stream(UP, "08:00:00", "10:00:00"), stream(DOWN, "10:00:00", "11:00:00")), 7200, 3600),
        (session(stream(UP, "08:00:00", "10:00:00", packetUtilization=0)), 0, 0),
        (session(stream(UP, "08:00:00", "10:00:00"), label="applicationsharing"), 7200, 0),
        (session(stream(UP, "08:00:00", "10:00:00"), label="main-video"), None, None),
        (session(stream(UP)), None, 0),
        (session(stream(UP, "08:00:00", "10:00:00"), stream(UP)), None, 0),
        (session(stream(None, "08:00:00", "10:00:00")), None, None),
        (session(modalities=["audio"]), 0, 0),
        (session(), None, None),
        ({"modalities": ["audio"]}, None, None),
        ({"segments": [{"media": [{"label": "applicationsharing-video", "streams": None}]}]}, None, None),
    ],
)
def test_who_sends_the_screen(told, caller, callee):
    """The direction of the stream says whose it is; without its times it is not known for how long."""
    assert (teams_shared_s(told, "caller"), teams_shared_s(told, "callee")) == (caller, callee)
