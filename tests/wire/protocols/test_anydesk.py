"""AnyDesk by its ALPN and the names in its certificates."""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.anydesk import decode_anydesk

NDPI = "positive/ntop+nDPI/tests/cfgs/default/pcap/"
HELLO = (
    b"\x16\x03\x01\0\x80\x01" + bytes(60) + bytes.fromhex("0010001600141 3".replace(" ", "")) + b"anydesk/6.2.0/linux"
)
CERTIFICATE = b"\x16\x03\x03\0\x60\x0b" + bytes(20) + b"\x06\x03\x55\x04\x03\x0c\x0cAnyNet Relay" + bytes(20)


def test_alpn_names_version_and_system():
    assert decode_anydesk(HELLO, b"").alpn == "anydesk/6.2.0/linux"


def test_relay_certificate_means_relayed():
    found = decode_anydesk(b"\x16\x03\x01" + bytes(80), CERTIFICATE)
    assert (found.relayed, found.certificates) == (True, ((), ("AnyNet Relay",)))


@pytest.mark.parametrize(
    ("orig", "resp"),
    [
        (b"AnyNet Relay", b"AnyDesk Client"),
        (b"\x16\x03\x01" + bytes(40), b"\x16\x03\x03" + b"the words AnyNet Relay in some text"),
        (b"\x16\x03\x01\0\x80\x01" + b"GET anydesk/6.2.0/linux", b""),
        (b"", b""),
    ],
    ids=["no tls", "plain words", "not in the alpn", "empty"],
)
def test_mere_words_are_not_enough(orig, resp):
    with pytest.raises(DecodeError):
        decode_anydesk(orig, resp)


def test_relay_and_direct_flows_of_the_capture_are_told_apart(flows_of, golden):
    found = []
    for flow in flows_of(NDPI + "anydesk.pcapng"):
        try:
            found.append((7070 in flow.ports, decode_anydesk(flow.head(0), flow.head(1))))
        except DecodeError:
            continue
    assert {direct: record.relayed for direct, record in found if record.relayed is not None} == {
        True: False,
        False: True,
    }
    golden("anydesk_relay", found[0][1])


def test_unlabelled_capture_on_port_80_is_anydesks_relay(flows_of):
    """The corpus calls it plain TLS; the certificate says AnyNet Relay."""
    (flow,) = flows_of("negative/ntop+nDPI/tests/cfgs/default/pcap/tls_port_80.pcapng")
    assert decode_anydesk(flow.head(0), flow.head(1)).relayed is True
