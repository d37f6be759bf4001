from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def namespaces() -> None:
    """Skip where network namespaces or TUN interfaces cannot be made; fail where everything is said to be there."""
    if os.geteuid() or not Path("/dev/net/tun").exists():
        reason = "network namespaces with TUN links need root and /dev/net/tun"
        if os.environ.get("FARMWATCH_REQUIRE_LAB") == "1":
            pytest.fail(f"{reason}, and FARMWATCH_REQUIRE_LAB=1", pytrace=False)
        pytest.skip(reason)
