"""Sending: real HTTP and HTTPS servers on loopback, answers of every kind, patience, and what is never done."""

from __future__ import annotations

import gzip
import http.server
import random
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from farmwatch.agent.sender import PATH, Answer, Sender, Server, ServerError
from farmwatch.agent.spool import Spool


class Receiver(http.server.BaseHTTPRequestHandler):
    """Answers from a list, keeps what came."""

    def do_POST(self) -> None:
        """The next answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), gzip.decompress(body)))
        status, headers = self.server.answers.pop(0) if self.server.answers else (200, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def receiving(*answers, context=None):
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    server.seen, server.answers = [], [answer if isinstance(answer, tuple) else (answer, {}) for answer in answers]
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text("secret-token\n")
    return path


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool", 1 << 20)
    for number in range(3):
        spool.append(b'{"n":%d}' % number)
    yield spool
    spool.close()


def sender(spool, server, token):
    return Sender(spool, Server(f"http://127.0.0.1:{server.server_port}/base/", token), random.Random(1))


def test_one_request_for_all_that_waits(spool, token):
    """One line a message, gzip, the token, the path below the server's address; then nothing is left."""
    with receiving() as server:
        step = sender(spool, server, token)
        assert step.step() == 0.0
        assert step.step() is None
    ((path, headers, body),) = server.seen
    assert (path, body) == ("/base" + PATH, b'{"n":0}\n{"n":1}\n{"n":2}\n')
    assert headers["Authorization"] == "Bearer secret-token"
    assert (headers["Content-Encoding"], headers["Content-Type"]) == ("gzip", "application/x-ndjson")


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404, 429, 500, 503])
def test_other_answers_keep_the_messages(spool, token, status):
    """Nothing but a 2xx acknowledges; a redirect is not followed."""
    with receiving((status, {"Location": "http://127.0.0.1:9/"}), 200) as server:
        step = sender(spool, server, token)
        assert step.step() > 0
        assert spool.batch(1 << 20).messages == (b'{"n":0}', b'{"n":1}', b'{"n":2}')
        assert step.step() == 0.0
    assert len(server.seen) == 2
    assert server.seen[0][2] == server.seen[1][2]


def test_waiting_grows_and_is_spread(spool, token):
    """Up to five minutes, at least half of the longest, never the same for all."""
    with receiving(*[500] * 14) as server:
        step = sender(spool, server, token)
        waits = [step.step() for _ in range(14)]
    assert all(2**n / 2 <= wait <= 2**n for n, wait in enumerate(waits[:8], 1))
    assert all(150 <= wait <= 300 for wait in waits[9:])
    assert len(set(waits)) == 14


def test_retry_after_is_honoured_within_reason(spool, token):
    """A server may ask for patience, up to an hour; a date is not read."""
    dates = {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}
    with receiving((503, {"Retry-After": "90"}), (503, {"Retry-After": "999999"}), (503, dates)) as server:
        step = sender(spool, server, token)
        assert step.step() == 90.0
        assert step.step() == 3600.0
        assert step.step() <= 8.0


def test_one_poisonous_message_costs_itself(spool, token):
    """A batch that is refused is sent one by one; the one that is refused alone is given up and counted."""
    with receiving(400, 200, 400, 200) as server:
        step = sender(spool, server, token)
        while step.step() is not None:
            pass
    assert [body for *_, body in server.seen][1:] == [b'{"n":0}\n', b'{"n":1}\n', b'{"n":2}\n']
    assert spool.losses.messages == 1


def test_nobody_listens(spool, token):
    """A refused connection is waited out."""
    step = Sender(spool, Server("http://127.0.0.1:1", token), random.Random(1))
    assert step.step() > 0
    assert "ConnectionRefused" in step.last_said


def certificate(tmp_path, name):
    """A key and a certificate for 127.0.0.1, in one file."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_tls_is_verified(spool, token, tmp_path):
    """A certificate nobody vouches for gets no token; one of the named authority does."""
    pem = certificate(tmp_path, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with receiving(context=context) as server:
        url = f"https://127.0.0.1:{server.server_port}"
        assert Server(url, token).post(b"x")[0] is Answer.LATER
        assert Server(url, token, certificate(tmp_path, "other")).post(b"x")[0] is Answer.LATER
        assert server.seen == []
        assert Server(url, token, pem).post(b"x")[0] is Answer.TAKEN


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://farmwatch.example", "in the clear"),
        ("ftp://x", "expected https"),
        ("https://", "expected https"),
        ("https://u@host/", "without user"),
        ("https://host/?x=1", "without user"),
    ],
)
def test_addresses_that_are_refused(url, reason, token):
    """The token never travels in the clear, and mistakes are told before anything is collected."""
    with pytest.raises(ServerError, match=reason):
        Server(url, token).check()


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff", b"line\nbreak"])
def test_tokens_that_are_none(content, tmp_path):
    """A file without one word is told."""
    path = tmp_path / "t"
    path.write_bytes(content)
    with pytest.raises(ServerError, match="token"):
        Server("https://host", path).check()
    with pytest.raises(ServerError, match="cannot read"):
        Server("https://host", tmp_path / "missing").check()


def test_a_token_that_disappears_is_waited_for(spool, token):
    """The sending thread goes on when the token is back."""
    with receiving() as server:
        step = sender(spool, server, token)
        token.unlink()
        stop, wake = threading.Event(), threading.Event()
        thread = threading.Thread(target=step.run, args=(stop, wake), daemon=True)
        thread.start()
        stop.wait(0.2)
        assert server.seen == []
        assert "cannot read the token" in step.last_said
        stop.set()
        wake.set()
        thread.join(5)
        assert not thread.is_alive()
