"""The two captures that warm the compile cache are real captures."""

from __future__ import annotations

import io

import dpkt
import pytest

from farmwatch.cli import warmup


@pytest.mark.parametrize(
    ("capture", "reader"), [(warmup._pcap, dpkt.pcap.Reader), (warmup._pcapng, dpkt.pcapng.Reader)]
)
def test_capture_holds_one_udp_packet(capture, reader):
    """Another reader finds the packet, so the kernels have something to decode."""
    ((_, data),) = list(reader(io.BytesIO(capture())))
    packet = dpkt.ethernet.Ethernet(data).data
    assert isinstance(packet.data, dpkt.udp.UDP)
    assert (packet.data.sport, packet.data.dport, len(packet.data.data)) == (40000, 9, 1)
