"""Facts as JSON: what is empty is left out, what is zero or false stays."""

from __future__ import annotations

from farmwatch.agent.facts import Battery, DisplayFact, InputWindow, Power, UsbFact, as_json


def test_empty_values_are_left_out():
    """None, empty text and empty lists say nothing."""
    assert as_json(UsbFact("1-2")) == {"port_path": "1-2", "event": "present"}
    assert as_json(DisplayFact("card0-DP-1", "00ff", False)) == {
        "connector": "card0-DP-1",
        "edid": "00ff",
        "internal": False,
    }


def test_zero_and_false_stay():
    """They are findings."""
    assert as_json(Power(False, False, (Battery(0.0, None),))) == {
        "on_mains": False,
        "lid_closed": False,
        "batteries": [{"percent": 0.0}],
    }
    seen = as_json(InputWindow(1.0, 300.0, "injected", presses=0, intervals=(0, 3)))
    assert (seen["presses"], seen["intervals"], seen["lost_reports"]) == (0, [0, 3], 0)
