"""The agent must not be felt: less than one hundredth of one processor."""

from __future__ import annotations

import pytest

from tests.bench.agent import LOADS, share


@pytest.mark.bench
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("load", "most"), [(load, 0.01) for load in LOADS])
def test_processor_time(load, most):
    """It stays under one percent of one processor, whatever comes in."""
    seen = share(*LOADS[load], 60.0)
    print(f"\n{load}: {seen:.2%}")
    assert seen < most
