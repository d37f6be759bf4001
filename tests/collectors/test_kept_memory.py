"""Tables of a capture keep alive what they hold and nothing of the arrays it was read with."""

from __future__ import annotations

import numpy as np
import pytest

from farmwatch.collectors.captures import collect_capture
from tests.fuzz.hostile import pcap, udp4

BINDING = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)  #: a STUN request, RFC 8489 section 5


@pytest.mark.parametrize("count", [1, 2])
def test_columns_hold_no_larger_array(tmp_path, count):
    """A thousand small captures must not keep a thousand scan tables, which are a megabyte each."""
    path = tmp_path / "small.pcap"
    path.write_bytes(pcap(udp4("10.0.0.1", f"93.184.216.{n}", 5000, 3478, BINDING) for n in range(1, count + 1)))
    tables = collect_capture(path, 0).tables
    assert {len(table) for table in tables if table.record.table in ("flows", "stun")} == {count}
    for table in tables:
        for name in table.record.columns:
            kept = table[name]
            while isinstance(kept.base, np.ndarray):
                kept = kept.base
            assert kept.nbytes <= 4096, f"{table.record.table}.{name} keeps {kept.nbytes} bytes"
