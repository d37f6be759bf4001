"""TeamViewer's lists of connections: who came in and who was called, without names."""

from __future__ import annotations

from farmwatch.records import RemoteToolLog
from tests.collectors.feeds.golden import account, check_golden, parsed, rows

TIMES = "02-11-2026 09:16:19\t02-11-2026 09:58:28"
REST = "jdoe\tRemoteControl\t{0F1E2D3C-4b5a-6978-8796-a5b4c3d2e1f0}"


def read(text, device="LT-1"):
    return parsed("teamviewer", text.encode(), "Connections_incoming.txt", device)


def test_golden():
    """What the samples give, and nothing banned in it."""
    check_golden("teamviewer", "device-1")


def test_incoming_and_outgoing_are_told_by_where_the_time_stands():
    """A name before the time is the far end's: it came in. Both names are counted and left behind."""
    stretches = read(f"1234567890\tJANE-PC\t{TIMES}\t{REST}\n987654321\t{TIMES}\t{REST}\n")
    came, went = rows(stretches, RemoteToolLog)
    assert (came["direction"], came["far_id"], came["mode"]) == ("incoming", "1234567890", "RemoteControl")
    assert (went["direction"], went["far_id"]) == ("outgoing", "987654321")
    assert (came["ended"] - came["ts"]).total_seconds() == 42 * 60 + 9
    assert came["record_id"] == "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
    assert account(stretches)[2] == {"display name": 1, "local user": 2}


def test_a_running_session_has_no_end():
    """A blank end is no fault."""
    (row,) = rows(read("987654321\t\t02-11-2026 10:00:00\t\tjdoe\tFileTransfer\t\n"), RemoteToolLog)
    assert "ended" not in row
    assert row["mode"] == "FileTransfer"


def test_other_lines_are_rejected():
    """A line without an id, or without a time in UTC's usual place, is not guessed at."""
    rejects, _, _ = account(read("name\tX\tY\tZ\tA\n987654321\tX\t2026/11/02\t\tu\tRemoteControl\t\n"))
    assert [reason for reason, _ in rejects] == ["not a line of TeamViewer's lists of connections", "no time in it"]


def test_without_a_device_nothing_is_taken():
    """The list does not name its device."""
    rejects, _, _ = account(read(f"1234567890\tJANE-PC\t{TIMES}\t{REST}\n", None))
    assert "--device" in rejects[0][0]
