"""``farmwatch serve``: take in what senders deliver over HTTP."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farmwatch.cli.exits import EXIT_HELP
from farmwatch.cli.options import StoreOption, input_file
from farmwatch.cli.streams import talk, write_result

if TYPE_CHECKING:
    from farmwatch.server.settings import Settings

__all__ = ["HELP", "serve"]

HELP = f"""Take in records over HTTP: each request is answered when its rows are durable.

\b
Start here:
  farmwatch token add firewall-zeek
  farmwatch serve
  curl -H "Authorization: Bearer TOKEN" --data-binary @conn.log http://127.0.0.1:8470/v1/ingest/zeek

\b
For other machines, with a certificate, or behind a proxy that has one:
  farmwatch serve --listen 0.0.0.0:8470 --cert server.pem --key server.key
  farmwatch serve --listen 10.0.0.5:8470 --behind-proxy
  farmwatch serve --print-unit systemd > /etc/systemd/system/farmwatch.service

Every address but /healthz needs a token; /docs lists them, /metrics counts. SIGTERM ends it when everything taken is
committed; killed, it loses nothing that was acknowledged.

{EXIT_HELP}
"""

_MIB = 1 << 20


class Unit(StrEnum):
    """What ``--print-unit`` prints."""

    SYSTEMD = "systemd"
    CONTAINER = "container"


def serve(
    store: StoreOption = None,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Address to listen on; port 0 takes a free one.")
    ] = "127.0.0.1:8470",
    cert: Annotated[
        Path | None, input_file("--cert", metavar="FILE", help="TLS certificate with its chain, PEM.")
    ] = None,
    key: Annotated[Path | None, input_file("--key", metavar="FILE", help="Its private key, PEM, no password.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="Plain HTTP on an address others reach: a proxy does TLS.")
    ] = False,
    log_dir: Annotated[
        Path | None,
        typer.Option(
            "--log-dir", metavar="FOLDER", help="Rows until they are committed. Default: ingest-log beside the state."
        ),
    ] = None,
    capture_dir: Annotated[
        Path | None,
        typer.Option("--capture-dir", metavar="FOLDER", help="Uploaded captures. Default: captures beside the state."),
    ] = None,
    max_body: Annotated[
        int, typer.Option("--max-body", metavar="MIB", min=1, max=1024, help="Largest body, packed and unpacked.")
    ] = 32,
    max_rows: Annotated[
        int, typer.Option("--max-rows", metavar="N", min=1, max=5_000_000, help="Most records in one body.")
    ] = 250_000,
    max_pending: Annotated[
        int, typer.Option("--max-pending", metavar="MIB", min=1, help="Most that may wait for being committed.")
    ] = 2048,
    min_free: Annotated[
        int, typer.Option("--min-free", metavar="MIB", min=0, help="Disk space left free; below it, senders wait.")
    ] = 256,
    max_connections: Annotated[
        int, typer.Option("--max-connections", metavar="N", min=1, help="Most connections at once.")
    ] = 2000,
    rate: Annotated[
        int, typer.Option("--rate", metavar="MIB", min=0, help="Most a second for each token, unpacked; 0: no limit.")
    ] = 64,
    threads: Annotated[int, typer.Option("--threads", metavar="N", min=1, max=64, help="Threads that parse.")] = 2,
    commit_after: Annotated[
        float, typer.Option("--commit-after", metavar="SECONDS", min=0.05, help="Rows are in the store this soon.")
    ] = 1.0,
    upkeep: Annotated[
        float,
        typer.Option("--upkeep", metavar="MINUTES", min=0, help="How often small files are joined; 0: never."),
    ] = 10.0,
    drain: Annotated[
        float, typer.Option("--drain", metavar="SECONDS", min=1, help="Time to commit the rest after SIGTERM.")
    ] = 30.0,
    print_unit: Annotated[
        Unit | None, typer.Option("--print-unit", help="Print a systemd unit or a container file, and end.")
    ] = None,
) -> None:
    """Take in records over HTTP."""
    if print_unit is not None:
        from farmwatch.server.packaging import text_of

        write_result(text_of(print_unit), None)
        return
    host, port = _address(listen)
    from farmwatch.server.settings import Limits, LogLimits, Settings, is_loopback

    if (cert is None) != (key is None):
        raise typer.BadParameter("--cert and --key go together", param_hint="--cert")
    if not (is_loopback(host) or cert is not None or behind_proxy):
        raise typer.BadParameter(
            f"{host} is reached by other machines and tokens would cross the network in the clear: give --cert and "
            "--key, or --behind-proxy where a proxy does TLS",
            param_hint="--listen",
        )
    from farmwatch.server.running import serve as run
    from farmwatch.store.place import default_store, place_of

    chosen = store or default_store()
    beside = place_of(chosen).state_folder
    settings = Settings(
        chosen, log_dir or beside / "ingest-log", capture_dir or beside / "captures", host, port, cert, key,
        threads=threads, drain_s=drain, upkeep_s=60 * upkeep,
        limits=Limits(
            body_bytes=max_body * _MIB, body_rows=max_rows, connections=max_connections, rate_bytes_s=rate * _MIB,
            in_flight_bytes=max(256, 4 * max_body) * _MIB,
        ),
        log=LogLimits(pending_bytes=max_pending * _MIB, free_bytes=min_free * _MIB, segment_s=commit_after),
    )  # fmt: skip
    _hint(settings)
    run(settings, talk)


def _hint(settings: Settings) -> None:
    """Say how to let somebody in, where nobody may come in yet."""
    from farmwatch.store import open_store

    if not any(sender.revoked is None for sender in open_store(settings.store).state.tokens()):
        talk(f"nobody has a token yet: 'farmwatch token add NAME --store {settings.store}' makes one")


def _address(text: str) -> tuple[str, int]:
    """Host and port of ``--listen``.

    Raises:
        typer.BadParameter: it is none.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or not host:
        raise typer.BadParameter(
            f"{text!r}: expected HOST:PORT, such as 127.0.0.1:8470 or [::1]:8470", param_hint="--listen"
        )
    return host.strip("[]"), int(port)
