"""A mail server and a web server on loopback that keep what they are given, and fail as told."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Mails:
    """What a mail server got, and what it answers."""

    port: int = 0
    messages: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    greetings: list[bytes] = field(default_factory=list)  #: answers instead of 220, used up one by one
    refuse: frozenset[str] = frozenset()
    connections: int = 0


@contextlib.contextmanager
def mail_server() -> Iterator[Mails]:
    """A mail server that speaks enough of RFC 5321."""
    kept = Mails()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            kept.connections += 1
            if kept.greetings:
                self.wfile.write(kept.greetings.pop(0) + b"\r\n")
                return
            self.wfile.write(b"220 here\r\n")
            whom: list[str] = []
            while line := self.rfile.readline():
                word = line.split(b" ")[0].strip().upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = []
                    while (each := self.rfile.readline()) not in (b".\r\n", b""):
                        lines.append(each.removeprefix(b"."))
                    kept.messages.append(b"".join(lines))
                    kept.recipients.append(whom)
                    self.wfile.write(b"250 taken\r\n")
                elif word == b"RCPT":
                    address = line.partition(b"<")[2].partition(b">")[0].decode()
                    if address in kept.refuse:
                        self.wfile.write(b"550 nobody here\r\n")
                    else:
                        whom.append(address)
                        self.wfile.write(b"250 ok\r\n")
                elif word == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                else:
                    self.wfile.write(b"250 ok\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
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
def web_server() -> Iterator[Posts]:
    """A web server that takes posts."""
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
        kept.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()
