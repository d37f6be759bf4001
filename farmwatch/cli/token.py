"""``farmwatch token``: who may send."""

from __future__ import annotations

import difflib
import sys
from typing import Annotated

import typer

from farmwatch.cli.options import StoreOption
from farmwatch.cli.streams import talk, write_result

__all__ = ["HELP", "app"]

HELP = "Make, list and revoke the tokens that senders show to 'farmwatch serve'."
_OTHER_KINDS = ("captures", "metrics")  # what a token may be for beside the kinds of feeds

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the sender is called; kept with its rows.")],
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help="Only this; again for more. A feed's kind, captures or metrics."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Make a token. It is shown this once, on standard output."""
    from farmwatch.collectors.feeds.registry import FEEDS
    from farmwatch.store import open_store

    known = [*(feed.kind for feed in FEEDS), *_OTHER_KINDS]
    for one in kind or []:
        if one not in known:
            near = difflib.get_close_matches(one, known, 3)
            raise typer.BadParameter(
                f"no kind {one!r}"
                + (f"; did you mean {' or '.join(near)}?" if near else "; 'farmwatch feeds' lists them"),
                param_hint="--kind",
            )
    token = open_store(store).state.add_token(name, kind or [])
    write_result(f"{token}\n", None)
    talk("shown this once; senders give it as 'Authorization: Bearer TOKEN'")


@app.command("list")
def list_all(store: StoreOption = None) -> None:
    """List tokens: name, state, kinds, made, last used; tab-separated."""
    from farmwatch.reports.escape import terminal
    from farmwatch.store import open_store

    lines = [
        "\t".join(
            (
                terminal(sender.name), "revoked" if sender.revoked else "holds", ",".join(sender.kinds) or "all kinds",
                sender.created, sender.last_used or "never used",
            )
        )
        for sender in open_store(store, make=False).state.tokens()
    ]  # fmt: skip
    write_result("".join(f"{line}\n" for line in lines), None, encoding=sys.stdout.encoding or "ascii")
    if not lines:
        talk("no tokens; 'farmwatch token add NAME' makes one")


@app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The sender.")],
    store: StoreOption = None,
) -> None:
    """Make a token worthless; a running server notices within seconds."""
    from farmwatch.store import open_store

    open_store(store, make=False).state.revoke_token(name)
    talk(f"{name} is let in no more")


@app.command("hosts")
def hosts(store: StoreOption = None) -> None:
    """List hosts that osquery enrolled: name, enrolled, last seen; tab-separated."""
    from farmwatch.reports.escape import terminal
    from farmwatch.store import open_store

    listed = open_store(store, make=False).state.enrolments()
    lines = [f"{terminal(one.host_identifier)}\t{one.enrolled}\t{one.last_seen}\n" for one in listed]
    write_result("".join(lines), None, encoding=sys.stdout.encoding or "ascii")
    if not listed:
        talk("no hosts have enrolled")


@app.command("unenrol")
def unenrol(
    host: Annotated[str, typer.Argument(metavar="HOST", help="As 'farmwatch token hosts' lists it.")],
    store: StoreOption = None,
) -> None:
    """Let an osquery host in no more; revoking the token it enrolled with does not do that."""
    from farmwatch.errors import StoreError
    from farmwatch.store import open_store

    if not open_store(store, make=False).state.unenrol(host):
        raise StoreError(f"no host {host!r} is enrolled; 'farmwatch token hosts' lists those that are")
    talk(f"{host} is let in no more, until it enrols again with a token that holds")
