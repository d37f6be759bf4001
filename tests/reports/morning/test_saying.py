"""Sentences of the morning report."""

from __future__ import annotations

import pytest

from farmwatch.reports.morning import saying
from tests.reports.morning import fleet_rows as fr


@pytest.mark.parametrize("name", ["a\u202eb", "-rf", "--help", "a\nb"])
def test_no_command_that_means_something_else(name):
    """A name that is not seen as it is, or would be an option, is not put into a command."""
    assert saying.commands(name) == ()


def test_decisions_say_for_whom_and_how_long():
    """A rule for all devices is not mistaken for somebody's look at this one."""
    said = saying.decision(fr.decision("*", until="2026-04-01T00:00:00Z"))
    assert said == (
        "driven dismissed by ann on 8 Mar 2026, for all devices, until 1 Apr 2026: "
        "ticket 4711: the help desk installed it"
    )


def test_proof_names_tables_times_and_other_devices():
    """Where a reader would look it up."""
    assert saying.proof(fr.KVM) == "12 rows in usb_devices, 2026-03-02 08:00\u20132026-03-08 17:00 UTC"
