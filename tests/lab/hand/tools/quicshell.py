"""A terminal over QUIC: a server that joins a pseudo-terminal with one stream, and a client that sends each key on it.

Each key is a datagram with a stream's frame; the other end acknowledges datagrams by some of its own, in which nothing
is carried. As a program: ``python -m tests.lab.hand.tools.quicshell serve PORT CERTIFICATE KEY COMMAND...`` and
``view ADDRESS PORT``, the latter on a terminal in raw mode.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import ssl
import struct
import sys
import termios

from aioquic.asyncio import connect, serve
from aioquic.quic.configuration import QuicConfiguration

PROTOCOL = "shell"
CHUNK = 65536
HELLO = b"\n"
"""What the client says first, since a stream is not there before something was said on it; the prompt ignores it."""


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: list[str]) -> None:
    """Run a command on a terminal of its own for one stream, until either has ended."""
    loop, (ours, theirs) = asyncio.get_running_loop(), pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))
    job = await asyncio.create_subprocess_exec(
        *command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)

    def take() -> None:
        try:
            writer.write(os.read(ours, CHUNK))
        except OSError:  # EIO: nobody holds the other end any more
            loop.remove_reader(ours)

    loop.add_reader(ours, take)
    try:
        while keys := await reader.read(CHUNK):
            os.write(ours, keys)
    finally:
        loop.remove_reader(ours)
        if job.returncode is None:
            job.terminate()
        await job.wait()
        os.close(ours)


async def host(port: int, certificate: str, key: str, command: list[str]) -> None:
    """Serve the terminal to whoever comes."""
    settings = QuicConfiguration(is_client=False, alpn_protocols=[PROTOCOL])
    settings.load_cert_chain(certificate, key)
    joined: set[asyncio.Task[None]] = set()

    def opened(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(_join(reader, writer, command))
        joined.add(task)
        task.add_done_callback(joined.discard)

    await serve("0.0.0.0", port, configuration=settings, stream_handler=opened)
    await asyncio.Event().wait()


async def view(address: str, port: int) -> None:
    """Send each key that is typed here, show what comes."""
    settings = QuicConfiguration(is_client=True, alpn_protocols=[PROTOCOL], verify_mode=ssl.CERT_NONE)
    async with connect(address, port, configuration=settings) as line:
        reader, writer = await line.create_stream()
        writer.write(HELLO)
        asyncio.get_running_loop().add_reader(0, lambda: writer.write(os.read(0, CHUNK)))
        while text := await reader.read(CHUNK):
            os.write(1, text)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        if sys.argv[1] == "serve":
            asyncio.run(host(int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:]))
        else:
            asyncio.run(view(sys.argv[2], int(sys.argv[3])))
