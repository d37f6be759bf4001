"""Running a server: the socket, TLS, signals, and ending so that nothing is left half done."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator

import uvicorn

from farmwatch.errors import ProfileError
from farmwatch.server.app import create_app
from farmwatch.server.protocol import bounded
from farmwatch.server.service import Service, open_service
from farmwatch.server.settings import Settings

__all__ = ["configured", "serve"]

_LOG = logging.getLogger("farmwatch.server")
_BACKLOG = 1024
_SWITCH_S = 0.001  # a thread that waits for the interpreter gets it this soon; acknowledgements wait for it


def serve(settings: Settings, say: Callable[[str], None]) -> bool:
    """Serve until SIGTERM or SIGINT.

    On the first signal nothing new is taken, requests in hand are answered, and the log is committed, within
    ``settings.drain_s``; what is not committed then is by the next start. A second signal ends at once; what was
    acknowledged is in the log.

    Args:
        settings: The server.
        say: Told where it listens, and what is left at the end.

    Returns:
        Whether everything was committed.

    Raises:
        ProfileError: the address, certificate or key cannot be used.
        StoreError: the store or the log cannot be used.
    """
    tls = _tls(settings)
    listener = _listener(settings.host, settings.port)
    with contextlib.closing(listener):
        service = open_service(settings)
        sys.setswitchinterval(_SWITCH_S)
        with _logging():
            left = _run(settings, service, listener, tls, say)
    if left:
        say(f"{left} segments of the log are not committed yet; the next start does that")
    return not left


def _run(
    settings: Settings,
    service: Service,
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    say: Callable[[str], None],
) -> int:
    config = configured(service)
    config.ssl = tls
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    line = f"listening on {'https' if tls else 'http'}://{shown}:{port}, store {settings.store}"
    server = _Server(config, service, lambda: say(line))
    try:
        server.run([listener])
    finally:
        began = server.ending_since or time.monotonic()
        left = service.finish(max(1.0, settings.drain_s - (time.monotonic() - began)))
    return left


def configured(service: Service) -> uvicorn.Config:
    """How uvicorn serves: one HTTP implementation with bounds, nothing that trusts headers."""
    config = uvicorn.Config(
        create_app(service).state.guarded,
        http=bounded(service.settings.limits),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(service.settings.limits.keep_alive_s),
        timeout_graceful_shutdown=max(1, int(service.settings.drain_s / 2)),
        backlog=_BACKLOG,
    )
    config.load()
    return config


class _Server(uvicorn.Server):
    """Uvicorn, but ending with the exit code of the command instead of by the signal."""

    def __init__(self, config: uvicorn.Config, service: Service, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._service, self._listening = service, listening
        self.ending_since: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so: from then on signals are taken, too."""
        await super().startup(sockets)
        self._listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ended)
        yield  # they go on to be taken until the log is committed: a second one then ends the process

    def _ended(self, number: int, _frame: object) -> None:
        if self.ending_since is not None:
            _LOG.warning("ended at once by a second signal; what was acknowledged is in the log")
            logging.shutdown()
            os._exit(0 if number == signal.SIGTERM else 130)
        self.ending_since = time.monotonic()
        self._service.draining = True
        self.should_exit = True


def _listener(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        ProfileError: the address is not of this machine, or in use.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        advice = {
            errno.EADDRINUSE: "the port is in use: end what uses it, or name another with --listen",
            errno.EACCES: "not allowed: ports below 1024 need CAP_NET_BIND_SERVICE",
            errno.EADDRNOTAVAIL: "this machine does not have that address",
        }.get(error.errno or 0, error.strerror or str(error))
        raise ProfileError(f"--listen {host}:{port}", [advice]) from error
    listener.setblocking(False)
    return listener


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.2 and later (osquery's clients speak 1.2 only); none without a certificate.

    Raises:
        ProfileError: the certificate or key cannot be used.
    """
    if settings.cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.cert, settings.key, password=lambda: "")
    except ssl.SSLError as error:
        raise ProfileError(
            str(settings.cert),
            [
                f"certificate and key cannot be used ({error.reason or error}); expected: PEM files that belong "  # noqa: ISC004
                "together, the key without a password"
            ],
        ) from error
    except OSError as error:
        raise ProfileError(str(error.filename or settings.cert), [error.strerror or str(error)]) from error
    return context


@contextlib.contextmanager
def _logging() -> Iterator[None]:
    """Warnings and errors on standard error, one line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    root = logging.getLogger()
    root.addHandler(handler)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.removeHandler(handler)
