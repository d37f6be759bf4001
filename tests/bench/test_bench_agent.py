"""The agent must not be felt: less than one hundredth of one processor."""

from __future__ import annotations

import pytest

from tests.bench.agent import LOADS, share


@pytest.mark.bench
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("load", "most"), [("quiet", 0.005), ("ordinary use", 0.01)])
def test_processor_time(load, most):
    """Quiet and in ordinary use it stays under one percent of one processor."""
    seen = share(*LOADS[load], 60.0)
    print(f"\n{load}: {seen:.2%}")
    assert seen < most
