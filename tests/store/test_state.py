"""The case state: who may send, what is kept of secrets, and what later versions wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from farmwatch.errors import StoreError
from farmwatch.store.state import State


@pytest.fixture
def state(tmp_path) -> State:
    """A state that has not been made yet."""
    return State(tmp_path / "deep" / "state.sqlite")


def test_the_pepper_is_made_once(state):
    """It is random, the same for ever, and the file is for its owner."""
    pepper = state.pepper()
    assert len(pepper) == 32
    assert state.pepper() == State(state.file.path).pepper() == pepper
    for path in state.file.path.parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0


def test_tokens_are_known_until_revoked(state):
    """Only what was given out opens, and nothing in the file does."""
    token = state.add_token("edge-1", ["zeek", "osquery"])
    sender = state.check_token(token)
    assert (sender.name, sender.kinds, sender.revoked) == ("edge-1", ("osquery", "zeek"), None)
    assert sender.may_send("zeek")
    assert not sender.may_send("roster")
    assert state.check_token(token + "x") is state.check_token("") is None
    assert state.tokens()[0].last_used is not None
    assert token.encode() not in b"".join(path.read_bytes() for path in state.file.path.parent.iterdir())
    state.revoke_token("edge-1")
    assert state.check_token(token) is None
    assert not state.tokens()[0].may_send("zeek")
    with pytest.raises(StoreError, match="no token named 'edge-1' holds"):
        state.revoke_token("edge-1")


def test_token_names_are_unique_while_they_hold(state):
    """A revoked name may be used again; a name that cannot be printed never."""
    state.add_token("a")
    with pytest.raises(StoreError, match="already"):
        state.add_token("a")
    state.revoke_token("a")
    assert state.check_token(state.add_token("a")).may_send("anything")
    assert len(state.tokens()) == 2
    for name in ("", "  ", "a\x1b[2J"):
        with pytest.raises(StoreError, match="name"):
            state.add_token(name)


def test_hosts_enrol(state):
    """By node key; again, with another; not after they were removed."""
    one, other = state.enrol("host-1"), state.enrol("host-1")
    assert one != other
    assert state.enrolled(one).host_identifier == state.enrolled(other).host_identifier == "host-1"
    assert state.enrolled("nonsense") is None
    assert [one.host_identifier for one in state.enrolments()] == ["host-1"]
    assert state.unenrol("host-1") == 2
    assert state.enrolled(one) is None


def test_last_seen_is_noted_at_most_once_a_minute(state):
    """A request does not write each time it comes."""
    key = state.enrol("host-1")
    first = state.enrolled(key)
    assert state.enrolled(key) == first
    with state.file.writing() as connection:
        connection.execute("UPDATE enrolments SET last_seen = '2020-01-01T00:00:00Z'")
    state.enrolled(key)
    assert state.enrolled(key).last_seen > first.last_seen


def test_uploads_resume(state):
    """What is known of an upload outlives the process."""
    upload = state.add_upload("edge-1", "a.pcap", 100)
    state.note_upload(upload.id, received=60, state="receiving")
    again = State(state.file.path).upload(upload.id)
    assert (again.received, again.size, again.name, again.state) == (60, 100, "a.pcap", "receiving")
    state.note_upload(upload.id, received=100, state="received", detail="sha256")
    assert [one.id for one in state.uploads("received")] == [upload.id]
    assert state.uploads("failed") == []
    assert len(state.uploads()) == 1
    state.remove_upload(upload.id)
    assert state.upload(upload.id) is None


def test_cursors(state):
    """The last one counts."""
    assert state.cursor("feed") is None
    state.set_cursor("feed", "1")
    state.set_cursor("feed", "2")
    assert state.cursor("feed") == "2"


def test_acknowledgements_count_by_channel(state):
    """From 0, done when told so, never used again."""
    assert [state.add_ack("a", done=False), state.add_ack("a", done=True), state.add_ack("b", done=False)] == [0, 1, 0]
    assert state.acks("a", [0, 1, 7]) == {0: False, 1: True, 7: False}
    state.finish_acks("a", [0])
    assert state.acks("a", [0]) == {0: True}
    assert state.forget_acks(datetime.now(UTC) + timedelta(minutes=1)) == 1
    assert state.add_ack("a", done=True) == 2
