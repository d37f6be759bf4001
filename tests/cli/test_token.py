"""``farmwatch token``: who may send."""

from __future__ import annotations

from farmwatch.cli.exits import Exit
from farmwatch.store import open_store


def test_a_token_is_made_listed_and_revoked(cli, tmp_path):
    """It is shown once; the list shows its state and never the token."""
    store = tmp_path / "store"
    made = cli("token", "add", "okta-poller", "--kind", "okta", "--store", store)
    token = made.out.strip()
    assert open_store(store).state.check_token(token).kinds == ("okta",)
    listed = cli("token", "list", "--store", store).out
    assert "okta-poller\tholds\tokta" in listed
    assert token not in listed
    assert cli("token", "revoke", "okta-poller", "--store", store).code == Exit.OK
    assert open_store(store).state.check_token(token) is None
    assert "revoked" in cli("token", "list", "--store", store).out


def test_mistakes_are_named(cli, tmp_path):
    """A kind there is none of, a name that is taken or unknown, a store that is none."""
    store = tmp_path / "store"
    wrong = cli("token", "add", "x", "--kind", "oktta", "--store", store)
    assert wrong.code == Exit.USAGE
    assert "okta" in wrong.err
    assert cli("token", "add", "x", "--store", store).code == Exit.OK
    assert "already" in cli("token", "add", "x", "--store", store).err
    assert "token list" in cli("token", "revoke", "y", "--store", store).err
    assert cli("token", "list", "--store", tmp_path / "none").code == Exit.NOTHING


def test_hosts_are_listed_and_put_out(cli, tmp_path):
    """What osquery enrolled goes on to hold when the token is revoked, so it has a command of its own."""
    store = tmp_path / "store"
    key = open_store(store).state.enrol("lt-1\x1b[31m")
    assert "lt-1" in cli("token", "hosts", "--store", store).out
    assert "\x1b" not in cli("token", "hosts", "--store", store).out
    assert cli("token", "unenrol", "lt-1\x1b[31m", "--store", store).code == Exit.OK
    assert open_store(store).state.enrolled(key) is None
    assert "token hosts" in cli("token", "unenrol", "lt-2", "--store", store).err
