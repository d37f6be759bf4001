"""From what a sender gives to the finding it is there for."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from farmwatch.analysis.fleet.fleet import Window
from farmwatch.analysis.profile import Profile
from farmwatch.assessing import assess_store
from farmwatch.intake import Intake
from farmwatch.knowledge import load_knowledge
from farmwatch.store import open_store
from tests import windows_log

SAMPLES = Path(__file__).parent / "samples" / "feeds"
UNTIL = datetime(2026, 10, 12, tzinfo=UTC)
WEEK = Window(UNTIL - timedelta(days=7), UNTIL)


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "store")


def found(store, data, detector):
    """Grades of a detector by device, and its sentences, of one input taken in and assessed."""
    with Intake(store) as intake:
        [account] = intake.take([io.BytesIO(data)])
    assert account.error == ""
    judged = assess_store(store, WEEK, load_knowledge(), Profile())
    hits = {
        device: [hit for hit in judged.hits.get(device, ()) if hit.detector == detector] for device in judged.devices
    }
    return {device: [hit.grade for hit in own] for device, own in hits.items()}, [
        hit.summary for own in hits.values() for hit in own
    ]


def zoom_day(day, minutes):
    """A meeting of eight hours with quality of service sampled each minute; the screen came in for so many of them."""
    sound = {"bitrate": "23 kbps", "latency": "81 ms"}
    screen = {"bitrate": "120 kbps", "latency": "90 ms", "resolution": "1920*1080", "frame_rate": "8 fps"}
    begun = datetime(2026, 10, day, 14, tzinfo=UTC)
    participants = [
        {
            "id": f"u{number}", "email": f"w{number}@corp.example", "pc_name": f"LT-000{number}",
            "ip_address": f"203.0.113.{number}", "harddisk_id": "", "join_time": begun.isoformat(),
            "leave_time": (begun + timedelta(hours=8)).isoformat(),
            "user_qos": [
                {"date_time": (begun + timedelta(minutes=at)).isoformat(), "audio_input": sound,
                 way: screen if at < minutes else {}}
                for at in range(480)
            ],
        }
        for number, way in ((1, "as_input"), (2, "as_output"))
    ]  # fmt: skip
    return {"meeting_id": f"room-{day}", "participants": participants}


def test_a_shift_with_the_screen_shared_by_zooms_list_of_shares(store):
    """Four days of eight hours, seven of them with the desktop shown: of the sharer, not of who watches."""
    grades, said = found(store, (SAMPLES / "zoom" / "sharing.ndjson").read_bytes(), "meeting.shift")
    assert grades["lt-0001"] == ["screen"]
    assert grades["lt-0002"] == ["regular"]
    assert any("screen shared 88% of the time" in one for one in said)


@pytest.mark.parametrize(("minutes", "grade"), [(420, "screen"), (120, "regular")])
def test_a_shift_with_the_screen_shared_by_zooms_quality_of_service(store, minutes, grade):
    """Samples counted: most of the time, or a part of it."""
    data = "".join(json.dumps(zoom_day(day, minutes)) + "\n" for day in (5, 6, 7, 8)).encode()
    grades, _ = found(store, data, "meeting.shift")
    assert grades["lt-0001"] == [grade]
    assert grades["lt-0002"] == ["regular"]


def test_a_shift_with_the_screen_shared_by_teams(store):
    """The stream that goes from the device to the service."""
    lines = (SAMPLES / "teams" / "sharing.ndjson").read_text().splitlines()
    week = []
    for day in (5, 6, 7, 8):
        call = json.loads(lines[0].replace("2026-10-05", f"2026-10-{day:02d}"))
        call |= {"id": f"call-{day}", "sessions": call["sessions"][:2]}
        week.append(json.dumps(call))
    grades, _ = found(store, "\n".join(week).encode(), "meeting.shift")
    assert grades == {"lt-0001": ["screen"], "lt-0002": ["regular"]}


@pytest.mark.parametrize(
    ("form", "far_end", "connection", "grade"),
    [
        (windows_log.winlogbeat, "203.0.113.77:51820", "stun", "unstated_long"),
        (windows_log.xml, "203.0.113.77:51820", "direct", "unstated_long"),
        (windows_log.dump, "192.168.1.5:51820", "direct", "near"),
        (windows_log.winlogbeat, "198.51.100.240:3478", "relay", "unstated_long"),
    ],
)
def test_sessions_in_chrome_remote_desktops_own_log(store, form, far_end, connection, grade):
    """Four days of eight hours by the Application log; who agreed is not in it; the same network weighs less."""
    client, steps = "somebody@mail.example/chromoting_ftl_1", []
    for day in (5, 6, 7, 8):
        begun = datetime(2026, 10, day, 14, tzinfo=UTC)
        steps += [
            (begun, 1, [client]),
            (begun + timedelta(seconds=2), 4, [client, far_end, "192.168.1.4:50311", "mux", connection]),
            (begun + timedelta(hours=8), 2, [client]),
        ]
    events = windows_log.events([(windows_log.CHROMOTING, number, values, {}) for _, number, values in steps])
    written = [form(event | {"time": step[0]}) for event, step in zip(events, steps, strict=True)]
    data = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in written).encode()
    grades, (said,) = found(store, data, "remote.tool_log")
    assert grades == {"lt-014": [grade]}
    assert "4 sessions that came in, on 4 days, 32.0 hours in all" in said
    assert "somebody" not in said
