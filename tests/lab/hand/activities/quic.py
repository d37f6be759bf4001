"""The site over HTTP/3: ``quic ADDRESS CERTIFICATE KEY SEED`` serves port 443 until ended."""

from __future__ import annotations

import asyncio
import sys

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent

from tests.lab.hand.activities.routes import Partner, answer


class Site(QuicConnectionProtocol):
    """One browser's connection."""

    partner: Partner

    def quic_event_received(self, event: QuicEvent) -> None:
        """Answer requests as they come."""
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
            self.tasks: set[asyncio.Task[None]] = set()
        elif not hasattr(self, "http"):
            return
        for part in self.http.handle_event(event):
            if isinstance(part, HeadersReceived):
                path = dict(part.headers)[b":path"].decode()
                task = asyncio.create_task(self._answer(part.stream_id, path))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    async def _answer(self, stream: int, path: str) -> None:
        kind, body = await answer(path, self.partner)
        head = [(b":status", b"200"), (b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        self.http.send_headers(stream, head)
        self.http.send_data(stream, body, end_stream=True)
        self.transmit()


async def _main(address: str, certificate: str, key: str, seed: int) -> None:
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False, idle_timeout=120)
    configuration.load_cert_chain(certificate, key)
    Site.partner = Partner(seed + 1)
    typing = asyncio.create_task(Site.partner.type())
    await serve(address, 443, configuration=configuration, create_protocol=Site)
    await typing


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:4], int(sys.argv[4])))
