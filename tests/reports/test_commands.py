"""Commands that a report offers to copy."""

from __future__ import annotations

import shlex
from dataclasses import replace

from farmwatch.reports.commands import inspect_command


def test_command_names_the_flow_that_drives_the_device(sample):
    """The most telling session is offered, by its ends."""
    command = inspect_command(sample.strong_device(), sample.report())
    assert command is not None
    assert command.purpose == "look at the packets of the most telling session (AnyDesk)"
    assert shlex.split(command.line) == [
        "farmwatch", "inspect", "suspect.pcapng", "--flow", "tcp/10.0.0.55:50111-198.51.100.7:443",
    ]  # fmt: skip


def test_odd_paths_are_quoted(sample):
    """A path with blanks or shell characters is one word of the command."""
    report = sample.report()
    odd = replace(report, inputs=(replace(report.inputs[0], path="a b;$(id).pcap"), *report.inputs[1:]))
    assert shlex.split(inspect_command(sample.strong_device(), odd).line)[2] == "a b;$(id).pcap"


def test_no_command_where_it_would_not_work(sample):
    """Standard input, unknown inputs, no sessions, and paths that cannot be typed as shown give no command."""
    report = sample.report()
    stdin = replace(report, inputs=(replace(report.inputs[0], path="-"),))
    assert inspect_command(sample.strong_device(), stdin) is None
    assert inspect_command(sample.strong_device(), replace(report, inputs=())) is None
    assert inspect_command(replace(sample.strong_device(), sessions=()), report) is None
    assert inspect_command(sample.review_device(), report) is None
