"""``farmwatch agent``: the small collector on a laptop."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farmwatch.cli.amounts import seconds, size_bytes
from farmwatch.cli.exits import Exit
from farmwatch.cli.options import input_file
from farmwatch.cli.streams import talk, write_result

if TYPE_CHECKING:
    from farmwatch.agent.run import Collector

__all__ = ["HELP", "agent"]

_INTERVAL_S = 60.0
_MAX_SPOOL = 64_000_000  # bytes

HELP = """Tell a farmwatch server what other agents on this laptop cannot see.

Report descriptors of keyboards and pointers, the USB tree, EDIDs of displays, power and lid, gateway and hashed
neighbours, sockets with their programs, and how input comes in: counts and shapes of timing, never a key. Messages wait
on disk until the server has them. Run it as root to see all processes and input devices.

\b
Examples:
  farmwatch agent --dry-run --once --pretty
  farmwatch agent --server https://farmwatch.example --token-file /etc/farmwatch/token
"""  #: text of ``farmwatch agent --help``


def agent(
    server: Annotated[
        str | None, typer.Option("--server", metavar="URL", help="Server to send to; https, or http on this machine.")
    ] = None,
    token_file: Annotated[
        Path | None, input_file("--token-file", metavar="FILE", help="File that holds the sender's token.")
    ] = None,
    ca_file: Annotated[
        Path | None, input_file("--ca-file", metavar="FILE", help="Certificate authorities instead of the system's.")
    ] = None,
    device_id: Annotated[
        str | None,
        typer.Option("--device-id", metavar="ID", help="Its name in other feeds. Default: from the machine id."),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option("--interval", metavar="TIME", parser=seconds, help="Time between messages. Default: 60s."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="One message, then end.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be sent; send nothing.")] = False,
    pretty: Annotated[bool, typer.Option("--pretty", help="With --dry-run: indented for reading.")] = False,
    spool: Annotated[
        Path | None, typer.Option("--spool", metavar="FOLDER", help="Where messages wait. Default: the state folder.")
    ] = None,
    max_spool: Annotated[
        int | None,
        typer.Option("--max-spool", metavar="SIZE", parser=size_bytes, help="Room for them. Default: 64MB."),
    ] = None,
    neighbour_key: Annotated[
        Path | None,
        input_file(
            "--neighbour-key", metavar="FILE",
            help="Secret shared by the company's agents: the same neighbour looks the same to all. Default: the token.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Collect from this device and send, until stopped."""
    import threading

    from farmwatch.agent.message import Messages
    from farmwatch.agent.probe import probe_for
    from farmwatch.agent.run import Collector, default_spool, run_agent, stop_on_signals
    from farmwatch.agent.sender import Server
    from farmwatch.agent.spool import Spool

    if not dry_run and (server is None or token_file is None):
        raise typer.BadParameter("needs --server and --token-file, or --dry-run", param_hint="agent")
    if interval is not None and interval < 1:
        raise typer.BadParameter("at least one second", param_hint="--interval")
    probe = probe_for(sys.platform)
    messages = Messages(
        probe,
        device_id or probe.device_id(),
        _key(neighbour_key or token_file, "--neighbour-key" if neighbour_key else "--token-file"),
    )
    collector = Collector(probe, messages, interval or _INTERVAL_S)
    stop = threading.Event()
    if server is None or token_file is None or dry_run:
        _show(collector, stop, once=once, pretty=pretty)
        return
    target = Server(server, token_file, ca_file)
    target.check()
    folder = spool or default_spool()
    store = Spool(folder, max_spool or _MAX_SPOOL)
    try:
        with stop_on_signals(stop):
            sender = run_agent(collector, store, target, once=once, stop=stop)
        left = store.batch(1)
    finally:
        store.close()
    if left is not None:
        talk(f"messages wait in {folder}; the server last said: {sender.last_said or 'nothing'}")
        if once:
            raise typer.Exit(Exit.NOTHING)


def _show(collector: Collector, stop: object, *, once: bool, pretty: bool) -> None:
    """Print messages instead of sending them."""
    import threading

    from farmwatch.agent.run import stop_on_signals
    from farmwatch.agent.spool import Losses

    assert isinstance(stop, threading.Event)

    def show(message: bytes) -> bool:
        text = json.dumps(json.loads(message), indent=1) if pretty else message.decode("ascii")
        write_result(text + "\n", None)
        return True

    if once:
        show(collector.once(Losses()))
        return
    with stop_on_signals(stop):
        collector.run(show, Losses, stop)


def _key(path: Path | None, option: str) -> bytes:
    """What neighbours are hidden with; without a file, a secret of this run."""
    import hashlib
    import secrets

    if path is None:
        return secrets.token_bytes(32)
    try:
        return hashlib.sha256(b"farmwatch neighbours\0" + path.read_bytes().strip()).digest()
    except OSError as error:
        raise typer.BadParameter(f"cannot read {path}: {error.strerror}", param_hint=option) from error
