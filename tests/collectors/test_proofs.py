"""What in the bytes names a protocol and its driven end, in words."""

from __future__ import annotations

import pytest

from farmwatch.collectors.proofs import describe
from farmwatch.wire.protocols.registry import identify_tcp

from .test_heads import RDP_CONFIRM, RDP_REQUEST


@pytest.mark.parametrize(
    ("orig", "resp", "proof", "detail"),
    [
        (b"RFB 003.008\n", b"RFB 003.008\n\x02\x02\x13", "greets first", "security"),
        (RDP_REQUEST, RDP_CONFIRM, "X.224 request", "answered"),
        (RDP_REQUEST, b"", "X.224 request", "an attempt"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", b"SSH-2.0-dropbear\r\n", "", "dropbear"),
    ],
    ids=["vnc", "rdp", "rdp unanswered", "ssh"],
)  # fmt: skip
def test_proofs_are_told(orig, resp, proof, detail):
    """Each protocol says what its bytes show, and never what was typed or drawn."""
    version, said, further = describe(identify_tcp(orig, resp, -1, (50000, 5900)))
    assert proof in said
    assert detail in further
    assert version is None or isinstance(version, str)


def test_an_unanswered_request_is_called_an_attempt():
    """A scan sends the same request: only the answer makes a connection."""
    *_, detail = describe(identify_tcp(RDP_REQUEST, b"", -1, (50000, 3389)))
    assert "attempt" in detail


def test_protocols_known_by_their_prefix_have_a_sentence():
    from farmwatch.wire.protocols.identified import Identified

    assert describe(Identified("nomachine"))[1].startswith("NoMachine greetings")
    assert describe(Identified("frp"))[1] == "first bytes of frp"


def test_security_is_told_as_asked_and_as_chosen():
    """What the RDP client would take, what the server took, and why it refused."""
    asked = bytes.fromhex("030000130ee00000000000010008000b000000")
    refused = bytes.fromhex("030000130ed000001234000300080005000000")
    *_, taken = describe(identify_tcp(asked, RDP_CONFIRM, -1, (50000, 3389)))
    *_, refusal = describe(identify_tcp(asked, refused, -1, (50000, 3389)))
    assert "asked: " in taken
    assert "chosen: " in taken
    assert "refused: " in refusal
