"""What the probes share."""

from __future__ import annotations

from farmwatch.wire.protocols.identified import UNKNOWN, on_port, starts_with


def test_a_port_counts_on_either_end():
    assert on_port((50000, 3389), 3389)
    assert on_port((3389, 50000), 22, 3389)
    assert not on_port((50000, 50001), 3389)


def test_a_prefix_counts_in_either_direction():
    test = starts_with(b"AB", b"CD")
    assert test(b"ABx", b"")
    assert test(b"", b"CDx")
    assert not test(b"xAB", b"")


def test_unknown_names_no_tool_and_no_side():
    assert (UNKNOWN.protocol, UNKNOWN.tool, UNKNOWN.controlled_side) == ("unknown", None, None)
