"""A small site and the resolver that knows it, for recording an ordinary browser.

``python -m tests.lab.website https ADDRESS CERTIFICATE KEY`` serves pages with pictures;
``python -m tests.lab.website dns ADDRESS SITE`` answers A questions for names under ``.example`` with the site's
address and says of every other name that it does not exist.
"""

from __future__ import annotations

import http.server
import random
import socket
import ssl
import struct
import sys

from tests.lab import names


class Pages(http.server.BaseHTTPRequestHandler):
    """Pages of text with eight pictures each; sizes depend on the path alone."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Serve a page, or random bytes for a picture."""
        rng = random.Random(self.path)
        if self.path.endswith(".jpg"):
            body, kind = rng.randbytes(rng.randrange(2000, 30000)), "image/jpeg"
        else:
            images = "".join(f'<img src="/{rng.randrange(10**6)}.jpg">' for _ in range(8))
            body, kind = f"<html><title>Page</title>{images}<p>{'word ' * 400}</html>".encode(), "text/html"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve_pages(address: str, certificate: str, key: str) -> None:
    """Serve HTTPS on port 443 until ended."""
    server = http.server.ThreadingHTTPServer((address, 443), Pages)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


def serve_names(address: str, site: str) -> None:
    """Answer DNS on UDP port 53 until ended."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind((address, 53))
        while True:
            question, peer = door.recvfrom(512)
            at, labels = 12, []
            while question[at]:
                labels.append(question[at + 1 : at + 1 + question[at]].decode("ascii", "replace"))
                at += 1 + question[at]
            name, kind = ".".join(labels), struct.unpack_from("!H", question, at + 1)[0]
            number, known = struct.unpack_from("!H", question)[0], name.endswith(".example")
            if kind != names.A or not known:
                head = struct.pack("!HHHHHH", number, 0x8180 if known else 0x8183, 1, 0, 0, 0)
                door.sendto(head + question[12 : at + 5], peer)
            else:
                door.sendto(names.answer(name, [site], number), peer)


if __name__ == "__main__":
    if sys.argv[1] == "https":
        serve_pages(*sys.argv[2:5])
    else:
        serve_names(*sys.argv[2:4])
