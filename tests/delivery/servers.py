"""A mail server and a web server on loopback that keep what they are given, and fail as told."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Mails:
    """What a mail server got, and what it answers."""

    port: int = 0
    messages: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    greetings: list[bytes] = field(default_factory=list)  #: answers instead of 220, used up one by one
    refuse: frozenset[str] = frozenset()
    connections: int = 0
    logins: list[bytes] = field(default_factory=list)


class _Mailbox(socketserver.StreamRequestHandler):
    """One conversation (RFC 5321)."""

    def secure(self):
        """Speak TLS from here on."""
        self.request = self.server.trust.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)

    def handle(self):
        """Greet or fail as told, then answer."""
        kept = self.server.kept
        kept.connections += 1
        try:
            if self.server.trust is not None and not self.server.upgrade:
                self.secure()
            if kept.greetings:
                self.wfile.write(kept.greetings.pop(0) + b"\r\n")
                return
            self.wfile.write(b"220 here\r\n")
            whom: list[str] = []
            while (line := self.rfile.readline()) and not line.upper().startswith(b"QUIT"):
                self.wfile.write(self.answer(line, whom) + b"\r\n")
                if line.upper().startswith(b"STARTTLS"):
                    self.secure()
        except ssl.SSLError:
            """The client does not trust us, which is what some tests are about."""
        finally:
            if isinstance(self.request, ssl.SSLSocket):
                self.request.close()

    def answer(self, line, whom):
        """What is said to one command."""
        kept, word = self.server.kept, line.split(b" ")[0].strip().upper()
        if word == b"DATA":
            self.wfile.write(b"354 go on\r\n")
            lines = []
            while (each := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(each.removeprefix(b"."))
            kept.messages.append(b"".join(lines))
            kept.recipients.append(whom)
            return b"250 taken"
        if word == b"RCPT":
            address = line.partition(b"<")[2].partition(b">")[0].decode()
            if address in kept.refuse:
                return b"550 nobody here"
            whom.append(address)
        if word == b"AUTH":
            kept.logins.append(base64.b64decode(line.split()[2]))
            return b"235 welcome"
        if word == b"STARTTLS":
            return b"220 go on"
        if word == b"EHLO" and self.server.trust is not None:
            secure = isinstance(self.request, ssl.SSLSocket)
            return b"250-here\r\n250 AUTH PLAIN" if secure else b"250-here\r\n250 STARTTLS"
        return b"250 ok"


@contextlib.contextmanager
def mail_server(trust: ssl.SSLContext | None = None, *, upgrade: bool = False) -> Iterator[Mails]:
    """A mail server.

    Args:
        trust: certificate and key; none for a server without TLS.
        upgrade: speak TLS after STARTTLS only, instead of from the first byte.
    """
    kept = Mails()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mailbox) as server:
        server.kept, server.trust, server.upgrade = kept, trust, upgrade
        kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Posts:
    """What a web server got, and what it answers."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)  #: answers instead of 204, used up one by one


@contextlib.contextmanager
def web_server(trust: ssl.SSLContext | None = None) -> Iterator[Posts]:
    """A web server that takes posts; with a certificate and key, over TLS."""
    kept = Posts()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            kept.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            kept.headers.append(dict(self.headers))
            status = kept.statuses.pop(0) if kept.statuses else 204
            self.send_response(status)
            if status in (301, 302, 307):
                self.send_header("Location", kept.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http{'s' if trust else ''}://127.0.0.1:{server.server_address[1]}/hook"
        if trust is not None:
            server.socket = trust.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for 127.0.0.1, and the file that makes it trusted."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "cert.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(public, private)
    return trust, public
