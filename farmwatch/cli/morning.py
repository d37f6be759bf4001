"""The morning report on the command line: made once, written in formats, handed to people, noted as delivered."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from farmwatch.cli.exits import Exit
from farmwatch.cli.streams import Color, can_show, check_writable, talk, use_color, width, write_bytes, write_result

if TYPE_CHECKING:
    from farmwatch.morning import Chosen
    from farmwatch.records.morning import Morning
    from farmwatch.store import Store

__all__ = ["Delivery", "MorningFormat", "Wanted", "formats", "report_morning"]

_FILE_WIDTH = 100  # columns of text in a file or a mail
_LOCK_S = 900.0  # a report of a large fleet with mail takes a minute or two
_OLD = timedelta(hours=36)  # a newest assessment of before is no report of this morning


class MorningFormat(StrEnum):
    """What a morning report can be written as."""

    TEXT = "text"
    HTML = "html"
    JSON = "json"
    CSV = "csv"
    PDF = "pdf"


_SUFFIX = {MorningFormat.TEXT: "txt"}


@dataclass(frozen=True, slots=True)
class Delivery:
    """Whom a report is handed to."""

    mail_to: tuple[str, ...] = ()
    smtp: Path | None = None
    webhook: str | None = None
    webhook_secret: Path | None = None
    ca_file: Path | None = None
    only_changes: bool = False

    @property
    def wanted(self) -> bool:
        """Whether it goes to anybody."""
        return bool(self.mail_to or self.webhook)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for."""

    store: str | None
    span: timedelta | None
    since_last: bool
    series: str
    weights: Path | None
    forms: tuple[MorningFormat, ...]
    output: Path | None
    html: Path | None
    delivery: Delivery
    fail_on: str | None
    quiet: bool
    verbose: int
    color: Color


def formats(text: str) -> tuple[MorningFormat, ...]:
    """Formats of a list such as ``html,json``.

    Raises:
        typer.BadParameter: one of them is none.
    """
    found = []
    for name in text.split(","):
        try:
            found.append(MorningFormat(name.strip().lower()))
        except ValueError as error:
            known = ", ".join(MorningFormat)
            raise typer.BadParameter(f"{name.strip()!r} is none of {known}", param_hint="--format") from error
    return tuple(dict.fromkeys(found))


def report_morning(wanted: Wanted) -> Exit:
    """Make the report, write it, deliver it, and note that; the exit code that follows.

    Raises:
        typer.BadParameter: an output cannot be written.
        FarmwatchError: no assessment is kept, the store cannot be read, or a report cannot be made or delivered.
    """
    _check(wanted)
    from farmwatch.store import default_store, open_store

    store = open_store(wanted.store or default_store(), make=False)
    if not wanted.since_last:
        return _made(store, wanted, None)
    from filelock import FileLock, Timeout

    from farmwatch.errors import StoreError

    lock = FileLock(store.place.state_folder / "report.lock", timeout=_LOCK_S)
    try:
        with lock:
            return _made(store, wanted, _Series(store, wanted.series))
    except Timeout as error:
        raise StoreError(f"{lock.lock_file}: another report is being made for {_LOCK_S / 60:.0f} minutes") from error


def _check(wanted: Wanted) -> None:
    """Refuse what cannot work before an hour's work is done."""
    check_writable(wanted.html, [], "--html")
    output = wanted.output
    if MorningFormat.PDF in wanted.forms and output is None:
        raise typer.BadParameter("a PDF needs a file or folder", param_hint="--output")
    if len(wanted.forms) > 1:
        if output is None or (output.exists() and not output.is_dir()):
            raise typer.BadParameter("several formats need a folder", param_hint="--output")
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise typer.BadParameter(f"{output}: {error.strerror or error}", param_hint="--output") from error
    elif output is not None and not output.is_dir():
        check_writable(output, [], "--output")
    _check_delivery(wanted.delivery)


def _check_delivery(delivery: Delivery) -> None:
    """Look at every setting of every way before anybody is told anything.

    Raises:
        ProfileError: some of them cannot work; all of them are told.
    """
    from farmwatch.delivery import mail, webhook
    from farmwatch.delivery.failing import DeliveryError
    from farmwatch.delivery.trust import trusted
    from farmwatch.errors import ProfileError

    def mail_server() -> None:
        server = mail.smtp_server(delivery.smtp, os.environ)
        server.password()
        trusted(server.ca_file)

    looks: list[Callable[[], object]] = []
    if delivery.mail_to:
        looks += [lambda: mail.addresses(delivery.mail_to), mail_server]
    if url := delivery.webhook:
        looks += [lambda: webhook.check(url), lambda: trusted(delivery.ca_file)]
    if secret := delivery.webhook_secret:
        looks.append(lambda: webhook.read_secret(secret))
    faults: list[str] = []
    for look in looks:
        try:
            look()
        except (DeliveryError, ProfileError) as error:
            faults += str(error).splitlines()
    if faults:
        raise ProfileError("nothing was made or sent", faults)


class _Series:
    """Which assessment was reported last, and to whom of the current one already; in the store's state."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = f"report {name}"
        found = store.state.cursor(self._name)
        noted = json.loads(found) if found else {}
        self.last: str | None = noted.get("run_id")
        self._begun: str | None = noted.get("begun")
        self._told: list[str] = list(noted.get("told", ()))

    def told(self, run_id: str) -> frozenset[str]:
        """Who had this report already when something broke."""
        return frozenset(self._told) if self._begun == run_id else frozenset()

    def tell(self, run_id: str, whom: str) -> None:
        """Note that somebody has it."""
        self._told = sorted({*self.told(run_id), whom})
        self._begun = run_id
        self._write()

    def done(self, run_id: str) -> None:
        """Note that everybody has it."""
        self.last, self._begun, self._told = run_id, None, []
        self._write()

    def _write(self) -> None:
        self._store.state.set_cursor(
            self._name, json.dumps({"run_id": self.last, "begun": self._begun, "told": self._told})
        )


def _made(store: Store, wanted: Wanted, series: _Series | None) -> Exit:
    from farmwatch.analysis.fleet.weights import NO_WEIGHTS, Weights
    from farmwatch.morning import choose, morning_report

    chosen = choose(store, span=wanted.span, after=series.last if series is not None else None)
    stale = _stale(chosen, now=datetime.now(UTC))
    if stale:
        talk(f"warning: {stale}")
    if series is not None and series.last == chosen.latest["run_id"]:
        talk(f"assessment {series.last} was reported already; nothing is new since", quiet=wanted.quiet)
        return Exit.OK
    weights = Weights.load(wanted.weights) if wanted.weights is not None else NO_WEIGHTS
    morning = morning_report(store, chosen, weights=weights, named=_named(store))
    pages = _Pages(morning, wanted)
    pages.write()
    _deliver(morning, pages, wanted, series, stale)
    if series is not None:
        series.done(morning.run.run_id)
    return Exit.FINDINGS if _reaches(morning, wanted) else Exit.OK


def _stale(chosen: Chosen, *, now: datetime) -> str:
    """That the newest assessment is old, for whoever is told now; '' where it is not.

    It is of the clock, and therefore in no document: those say until when was assessed.
    """
    until = chosen.latest["ts"].astimezone(UTC)
    if now - until <= _OLD:
        return ""
    return f"the newest assessment ends at {until:%Y-%m-%d %H:%M} UTC; does 'farmwatch assess' still run?"


def _named(store: Store) -> str:
    """The store as printed commands must name it; '' where they take it by themselves."""
    from farmwatch.store.place import default_store, place_of

    return "" if place_of(default_store()).url == store.place.url else store.place.url


def _reaches(morning: Morning, wanted: Wanted) -> bool:
    """Whether a device is at the level that ends with code 1; with --only-changes a new or worse one."""
    if wanted.fail_on is None:
        return False
    cases = morning.new_or_worse if wanted.delivery.only_changes else (*morning.new_or_worse, *morning.still_open)
    return any(wanted.fail_on in ("review", str(case.level)) for case in cases)


class _Pages:
    """The report in its formats, each made once."""

    def __init__(self, morning: Morning, wanted: Wanted) -> None:
        self._morning = morning
        self._wanted = wanted
        self._html: str | None = None

    def html(self) -> str:
        """The page."""
        if self._html is None:
            from farmwatch.reports.morning.html import render

            self._html = render(self._morning)
        return self._html

    def text(self) -> str:
        """The text as files and mails have it."""
        from farmwatch.reports.morning.text import render

        return render(self._morning, width=_FILE_WIDTH, verbose=self._wanted.verbose)

    def write(self) -> None:
        """Write every format asked for."""
        wanted = self._wanted
        if wanted.html is not None:
            write_result(self.html(), wanted.html)
            talk(f"wrote {wanted.html}", quiet=wanted.quiet or str(wanted.html) == "-")
        for form in wanted.forms:
            path = self._path(form)
            if form is MorningFormat.PDF and path is not None:
                from farmwatch.reports.morning.pdf import render

                write_bytes(render(self.html(), self._morning.run.until), path)
            elif form is MorningFormat.TEXT and path is None:
                self._show()
            else:
                write_result(self._document(form), path)
            talk(f"wrote {path}", quiet=wanted.quiet or path is None or str(path) == "-")

    def _path(self, form: MorningFormat) -> Path | None:
        output = self._wanted.output
        if output is None or not output.is_dir():
            return output
        at = self._morning.run.until.replace("-", "").replace(":", "")
        return output / f"farmwatch-morning-{at}.{_SUFFIX.get(form, form)}"

    def _document(self, form: MorningFormat) -> str:
        from farmwatch.reports.morning import csv, document

        made: dict[MorningFormat, Callable[[], str]] = {
            MorningFormat.HTML: self.html,
            MorningFormat.TEXT: self.text,
            MorningFormat.JSON: lambda: document.dumps(self._morning),
            MorningFormat.CSV: lambda: csv.render(self._morning),
        }
        return made[form]()

    def _show(self) -> None:
        """The text, fitted to the terminal it goes to."""
        from farmwatch.reports.morning.text import render

        shown = render(
            self._morning,
            width=width(sys.stdout),
            verbose=self._wanted.verbose,
            color=use_color(self._wanted.color, sys.stdout),
            ascii_only=not can_show(sys.stdout),
        )
        write_result(shown, None, encoding=sys.stdout.encoding or "ascii")


def _deliver(morning: Morning, pages: _Pages, wanted: Wanted, series: _Series | None, warning: str) -> None:
    """Hand the report to people, each of them once."""
    delivery = wanted.delivery
    changed = bool(morning.new_or_worse) or any(farm.change in ("new", "worse") for farm in morning.farms)
    if not delivery.wanted:
        return
    if delivery.only_changes and not changed:
        talk("nothing is new or worse: nobody is told", quiet=wanted.quiet)
        return
    ways: list[tuple[str, Callable[[], None]]] = []
    if delivery.mail_to:
        ways.append(("mail", lambda: _mail(morning, pages, delivery, warning)))
    if delivery.webhook:
        ways.append(("webhook", lambda: _webhook(morning, delivery)))
    _each(ways, morning.run.run_id, wanted, series)


def _each(ways: Sequence[tuple[str, Callable[[], None]]], run_id: str, wanted: Wanted, series: _Series | None) -> None:
    """Every way is tried, also after one failed.

    Raises:
        DeliveryError: one of them failed; the others have the report.
    """
    from farmwatch.delivery.failing import DeliveryError

    told = series.told(run_id) if series is not None else frozenset()
    failures = []
    for name, send in ways:
        if name in told:
            continue
        try:
            send()
        except DeliveryError as error:
            failures.append(str(error))
            continue
        talk(f"delivered by {name}", quiet=wanted.quiet)
        if series is not None:
            series.tell(run_id, name)
    if failures:
        raise DeliveryError("\n".join(failures))


def _mail(morning: Morning, pages: _Pages, delivery: Delivery, warning: str) -> None:
    from farmwatch.delivery import mail

    server = mail.smtp_server(delivery.smtp, os.environ)
    whom = mail.addresses(delivery.mail_to)
    made = mail.message(morning, pages.text(), pages.html(), server.sender, whom, warning=warning)
    mail.send(server, made, whom)


def _webhook(morning: Morning, delivery: Delivery) -> None:
    from farmwatch.delivery import webhook

    secret = webhook.read_secret(delivery.webhook_secret) if delivery.webhook_secret is not None else None
    webhook.post(
        delivery.webhook or "", webhook.body(morning), report_id=morning.report_id, secret=secret,
        ca_file=delivery.ca_file,
    )  # fmt: skip
