from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lab import hello


def test_same_seed_gives_the_same_bytes() -> None:
    """Opening messages depend on nothing but their arguments and the seed."""
    first, second = (hello.client_hello("desk.example", random.Random(3), pq=True) for _ in range(2))
    assert first == second
    assert hello.certificate("a.example", "A", 5) == hello.certificate("a.example", "A", 5)
    assert first != hello.client_hello("desk.example", random.Random(4), pq=True)


def test_post_quantum_hello_needs_two_segments() -> None:
    """A hybrid key share makes the ClientHello longer than one Ethernet segment."""
    assert len(hello.client_hello("desk.example", random.Random(3), pq=True)) > 1500
    assert len(hello.client_hello("desk.example", random.Random(3))) < 700


@pytest.mark.needs("tshark", "text2pcap")
@pytest.mark.parametrize(("layer", "transport"), [("tls", "-T"), ("quic", "-u")])
def test_tshark_reads_the_server_name(layer: str, transport: str, tmp_path: Path) -> None:
    """A dissector nobody here wrote finds the offered name in the TLS record and in the decrypted QUIC Initial."""
    rng = random.Random(9)
    if layer == "tls":
        data = hello.client_hello("desk.example", rng)
    else:
        message = hello.client_hello_message("desk.example", rng, alpn=("h3",), quic=True)
        data = hello.quic_initial(message, rng.randbytes(8), rng.randbytes(5))
    (tmp_path / "hex").write_text("0000 " + data.hex(" ") + "\n")
    convert = [shutil.which("text2pcap") or "", "-q", transport, "40000,443", "hex", "out.pcap"]
    subprocess.run(convert, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    fields = ["-T", "fields", "-e", "tls.handshake.extensions_server_name", "-e", "tls.handshake.extensions_alpn_str"]
    run = subprocess.run(
        ["tshark", "-r", "out.pcap", *fields], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    )
    assert run.stdout.split() == ["desk.example", "h3" if layer == "quic" else "h2,http/1.1"]
