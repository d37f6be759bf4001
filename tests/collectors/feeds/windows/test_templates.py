"""Values without names."""

from __future__ import annotations

from farmwatch.collectors.feeds.windows.meaning import MEANINGS
from farmwatch.collectors.feeds.windows.templates import named
from tests import windows_log

UNREAD = {("kernel-power", 41)}  # of which no value is read


def test_orders_are_those_of_the_named_events():
    """The catalogue of events, whose names are in the order of the manifests, gives each value its own name back."""
    for (provider, _), number, data, _ in windows_log.CASES:
        key = provider.lower().removeprefix("microsoft-windows-").replace(" ", "-")
        if not isinstance(data, dict) or not data or (key, number) not in MEANINGS or (key, number) in UNREAD:
            continue
        given = named(key, number, list(data.values()))
        assert given, (key, number)
        assert all(data.get(name) == value for name, value in given.items()), (key, number)


def test_unknown_events_are_numbered():
    """As Winlogbeat does it, and not without end."""
    assert named("eventlog", 6013, ["a", "b"]) == {"param1": "a", "param2": "b"}
    assert len(named("x", 1, list(range(1000)))) == 64


def test_old_sysmon_events_are_not_guessed():
    """Fewer values than the manifest has are another order: none is given a name it may not have."""
    assert "Image" not in named("sysmon", 1, [str(number) for number in range(17)])
