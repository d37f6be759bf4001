"""Which protocol a flow speaks: ordered probes over its first bytes.

Why order matters: a probe is a cheap look at the first bytes and a decoder that must then agree. Probes that rest on
long fixed strings come first, those that rest on lengths and shapes last, so that a chance likeness never wins over a
plain statement. A port is never a reason; it is passed on as a tie-break to the few decoders whose bytes alone are
generic. Adding a protocol: one decoder module, one line in ``TCP_PROBES`` or ``UDP_PROBES``, one test.
"""

from __future__ import annotations

from farmwatch.wire.protocols.identified import Identified, Ports, TcpHead, UdpHead
from farmwatch.wire.protocols.tcp_probes import TCP_PROBES, identify_tcp
from farmwatch.wire.protocols.udp_probes import UDP_PROBES, identify_udp

__all__ = ["TCP_PROBES", "UDP_PROBES", "Identified", "Ports", "TcpHead", "UdpHead", "identify_tcp", "identify_udp"]
