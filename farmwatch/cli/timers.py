"""``farmwatch report --install-timer``: what starts assessment and report, shown or put in its place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.models import TyperPath

from farmwatch.cli.exits import Exit
from farmwatch.cli.streams import Color, talk, write_result
from farmwatch.delivery.failing import DeliveryError
from farmwatch.delivery.timers import Every, Kind, Timer, cron_line, systemd_units, task_xml
from farmwatch.store.place import default_store, place_of

if TYPE_CHECKING:
    from farmwatch.cli.morning import Wanted

__all__ = ["default_kind", "install_timer", "timer_commands"]

_SECONDS = 60
_WRONG_USE: type[Exception] = typer.BadParameter.__bases__[0]  # a class that typer itself gives no name
_NOT_BY_ITSELF = {
    "store": "--store is that of the report, for both",
    "dry_run": "--dry-run keeps nothing, and the report would be of an assessment of before",
    "fail_on": "--fail-on would stop the report where something is found",
}
_SERIES = "morning"  # of reports somebody asks for; those of a timer are called as often as it makes them
_CRON_MARK = "# farmwatch, "  # line before ours in a crontab, so that it is replaced and not doubled


def default_kind() -> Kind:
    """What this machine most likely has."""
    if sys.platform == "win32":
        return Kind.WINDOWS
    return Kind.SYSTEMD if shutil.which("systemctl") else Kind.CRON


def timer_commands(
    every: Every, kind: Kind, wanted: Wanted, form: str, assessing: Sequence[str] = ()
) -> tuple[tuple[str, ...], ...]:
    """The two commands of a morning: assess the days, then report what changed since the last report.

    With ``--since`` each report is of that time instead, whatever was reported before. Folders and files are written
    out in full: timers start elsewhere.

    Args:
        every: how often; names the series of reports that was given no name.
        kind: what starts them.
        wanted: the report as it was asked for.
        form: its formats as they were written.
        assessing: more options of the assessment, as somebody typed them.

    Raises:
        typer.BadParameter: the report would go nowhere, mail needs what a timer has not, an option means nothing
            without somebody there, or ``farmwatch assess`` would not take its options.
    """
    _check_report(wanted)
    delivery = wanted.delivery
    if wanted.output is None and not delivery.wanted and wanted.html is None:
        raise typer.BadParameter(
            "say where the report goes: --output FOLDER, --mail-to or --webhook", param_hint="--install-timer"
        )
    if delivery.mail_to and delivery.smtp is None:
        raise typer.BadParameter(
            "a timer has not your environment: name the mail server in a file, with --smtp", param_hint="--mail-to"
        )
    program = _program()
    nowhere = () if kind is Kind.WINDOWS else ("--output", "/dev/null")  # Task Scheduler keeps no output
    where = ("--store", place_of(wanted.store or default_store()).url)
    weights = _file("--weights", wanted.weights)
    to = _file("--output", wanted.output) if wanted.output is not None else nowhere
    report = (
        *(*_changes(every, wanted), *where, "--format", form, *to, *_file("--html", wanted.html)),
        *(*weights, *_file("--smtp", delivery.smtp), *_file("--webhook-secret", delivery.webhook_secret)),
        *_file("--ca-file", delivery.ca_file),
        *(word for whom in delivery.mail_to for word in ("--mail-to", whom)),
        *(("--webhook", delivery.webhook) if delivery.webhook else ()),
        *(("--only-changes",) if delivery.only_changes else ()),
        *(("--quiet",) if wanted.quiet else ()),
    )
    days = "7d" if every is Every.DAILY else "14d"
    return (
        (*program, "assess", "-q", "--since", days, *where, *weights, *nowhere, *_assess_words(assessing)),
        (*program, "report", *report),
    )


def _check_report(wanted: Wanted) -> None:
    """Refuse what a report by itself has no use for.

    Raises:
        typer.BadParameter: it was given; says which option.
    """
    useless = {
        "--fail-on": (wanted.fail_on is not None, "is for pipelines: nobody reads the exit code of a timer's report"),
        "--verbose": (wanted.verbose > 0, "is for a report you ask for: those of a timer have their usual length"),
        "--color": (wanted.color is not Color.AUTO, "is for terminals, and a timer has none"),
        "--since-last": (wanted.since_last and wanted.span is not None, "and --since exclude each other"),
        "--series": (
            wanted.series != _SERIES and wanted.span is not None,
            "is of reports since the last one, and does not go with --since",
        ),
    }
    for option, (given, why) in useless.items():
        if given:
            raise typer.BadParameter(f"{option} {why}", param_hint="--install-timer")


def _changes(every: Every, wanted: Wanted) -> tuple[str, ...]:
    """Since when a timer's reports tell changes."""
    if wanted.span is not None:
        return ("--since", _span_word(wanted.span))
    return ("--since-last", "--series", str(every) if wanted.series == _SERIES else wanted.series)


def _span_word(span: timedelta) -> str:
    """A stretch of time as options take it, in the largest unit of which it is a whole number."""
    for unit, size in {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}.items():
        if not span % size:
            return f"{span // size}{unit}"
    return f"{span.total_seconds():f}s"


def _assess_words(given: Sequence[str]) -> tuple[str, ...]:
    """Options of ``farmwatch assess`` as a timer can give them: taken by the command itself, files named in full.

    Raises:
        typer.BadParameter: the command would not take them, or they do not go with a report by itself.
    """
    from farmwatch.cli.assess import assess, look_at_values

    alone = typer.Typer(add_completion=False)
    alone.command("assess")(assess)
    command = typer.main.get_command(alone)
    try:
        parser = command.make_parser(command.make_context("assess", []))
        values, more, _ = parser.parse_args(list(given))
        _check_by_itself(values, more, {one.name for one in command.params})
        words = tuple(word for one in command.params for word in _words_of(one, values.get(one.name or "")))
        taken = command.make_context("assess", list(words)).params  # looks at every value, and whether files are there
        look_at_values(taken["since"], taken["until"], taken["prior"], now=datetime.now(UTC))
    except typer.BadParameter as error:
        raise typer.BadParameter(error.format_message(), param_hint="--assess-with") from error
    except _WRONG_USE as error:
        said = f"{str(error).rstrip('.')}; 'farmwatch assess --help' lists the options"
        raise typer.BadParameter(said, param_hint="--assess-with") from error
    return words


def _check_by_itself(values: Mapping[str, Any], more: Sequence[str], known: set[str | None]) -> None:
    if more:
        raise typer.BadParameter(f"{more[0]!r} is no option of 'farmwatch assess'")
    for name in values:
        if name not in known or name in _NOT_BY_ITSELF:
            raise typer.BadParameter(_NOT_BY_ITSELF.get(name, f"--{name} makes no assessment"))


def _words_of(option: Any, value: Any) -> tuple[str, ...]:
    """An option with its values as they were typed, files in full; nothing where it was not given."""
    name = str(option.opts[0])
    if value is None:
        return ()
    if option.is_flag:
        return (name,)
    if option.count:
        return (name,) * int(value)
    each = value if option.multiple else [value]
    if isinstance(option.type, TyperPath):
        each = [one if one == "-" else str(Path(one).expanduser().absolute()) for one in each]
    return tuple(word for one in each for word in (name, one))


def _file(option: str, path: Path | None) -> tuple[str, ...]:
    return () if path is None else (option, str(path.expanduser().absolute()))


def _program() -> tuple[str, ...]:
    """How this farmwatch is started: its script, else this Python."""
    script = Path(sys.argv[0])
    if script.name in ("farmwatch", "farmwatch.exe") and script.is_file():
        return (str(script.absolute()),)
    found = shutil.which("farmwatch")
    return (str(Path(found).absolute()),) if found else (sys.executable, "-m", "farmwatch")


def install_timer(timer: Timer, kind: Kind, *, write: bool) -> Exit:
    """Show what starts the report, or put it in its place.

    Args:
        timer: what is to run, and when.
        kind: by what.
        write: put it in its place instead of showing it.

    Raises:
        typer.BadParameter: it cannot be put there.
        DeliveryError: the program that takes it fails.
    """
    if kind is Kind.SYSTEMD:
        units = systemd_units(timer)
        folder = _unit_folder()
        if not write:
            write_result("\n".join(f"# {folder / name}\n{text}" for name, text in units.items()), None)
            talk("this is what --write would write; then: systemctl --user daemon-reload, and")
            talk(f"systemctl --user enable --now {timer.name}.timer")
            return Exit.OK
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in units.items():
            write_result(text, folder / name)
            talk(f"wrote {folder / name}")
        _run("systemctl", "--user", "daemon-reload")
        _run("systemctl", "--user", "enable", "--now", f"{timer.name}.timer")
        talk("it runs while you are logged in; 'loginctl enable-linger' lets it run always")
        return Exit.OK
    if kind is Kind.CRON:
        line = cron_line(timer)
        if not write:
            write_result(line, None)
            talk("this is the line that --write adds to your crontab (crontab -e)")
            return Exit.OK
        _add_to_crontab(timer, line)
        return Exit.OK
    task = task_xml(timer)
    if not write:
        write_result(task, None)
        talk(f"this is the task that --write makes: schtasks /Create /TN {timer.name} /XML FILE /F")
        return Exit.OK
    with tempfile.TemporaryDirectory() as made:
        path = Path(made, "task.xml")
        path.write_text(task, encoding="utf-16")  # with a byte order mark, as schtasks wants it
        _run("schtasks", "/Create", "/TN", timer.name, "/XML", str(path), "/F")
    talk(f"made the task {timer.name}")
    return Exit.OK


def _unit_folder() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "systemd" / "user"


def _add_to_crontab(timer: Timer, line: str) -> None:
    """Add a line to the user's crontab, in the place of the one that was added before."""
    listed = subprocess.run(_found("crontab", "-l"), capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 (no shell)
    before = listed.stdout.decode("utf-8", "surrogateescape") if listed.returncode == 0 else ""
    mark = f"{_CRON_MARK}{timer.every}"
    kept: list[str] = []
    skip = False
    for each in before.splitlines():
        if not skip and each != mark:
            kept.append(each)
        skip = each == mark
    whole = "\n".join([*kept, mark, line])
    done = subprocess.run(  # noqa: S603 (no shell)
        _found("crontab", "-"), input=whole.encode("utf-8", "surrogateescape"), capture_output=True, timeout=_SECONDS,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise DeliveryError(f"crontab does not take the line: {done.stderr.decode('utf-8', 'replace').strip()[:200]}")
    talk("added to your crontab; 'crontab -l' shows it")


def _found(program: str, *arguments: str) -> list[str]:
    path = shutil.which(program)
    if path is None:
        raise typer.BadParameter(f"{program} is not on this machine; --kind names another way", param_hint="--kind")
    return [path, *arguments]


def _run(program: str, *arguments: str) -> None:
    """Run a program of the system that must succeed."""
    done = subprocess.run(_found(program, *arguments), capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 (no shell)
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[:300]
        raise DeliveryError(f"{program} {' '.join(arguments)}: exit code {done.returncode}: {said}")
