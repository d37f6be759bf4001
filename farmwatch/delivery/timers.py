r"""What starts the morning report by itself: a systemd user timer, a line for cron, or a Windows task.

Each of them has its own rules for words with spaces in them, which are kept here: systemd expands ``%`` and ``$``
(systemd.service(5), "COMMAND LINES"), cron ends a line at ``%`` (crontab(5)), Windows programs take apart one string
(``CommandLineToArgvW``) after its shell looked at it, and Task Scheduler wants XML.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from xml.sax.saxutils import escape

from farmwatch.delivery.failing import DeliveryError

__all__ = ["Every", "Kind", "Timer", "cron_line", "systemd_units", "task_xml"]

_AT = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_PLAIN = re.compile(r"[A-Za-z0-9_@+=:,./-]+")
_CRON_LONGEST = 998  # Debian's and ISC cron cut lines of more
_CMD_LONGEST = 8191  # what cmd.exe reads of a command line
_CMD_SPECIAL = re.compile(r'[()%!^"<>&|]')
_START_DAY = "2026-01-05"  # a Monday; a task needs a first day, which may lie in the past


class Every(StrEnum):
    """How often."""

    DAILY = "daily"
    WEEKLY = "weekly"


class Kind(StrEnum):
    """By what."""

    SYSTEMD = "systemd"
    CRON = "cron"
    WINDOWS = "windows"


@dataclass(frozen=True, slots=True)
class Timer:
    """What is to run, and when."""

    every: Every
    hour: int
    minute: int
    commands: tuple[tuple[str, ...], ...]  #: run one after the other; the next only if the last ended well

    @classmethod
    def of(cls, every: Every, at: str, commands: Sequence[Sequence[str]]) -> Timer:
        """A timer at a local time such as ``06:30``.

        Raises:
            DeliveryError: it is no time, or a word cannot stand in a unit, a crontab or a task.
        """
        found = _AT.fullmatch(at)
        if found is None:
            raise DeliveryError(f"{at!r} is no time of day; write 06:30")
        for word in (word for command in commands for word in command):
            if not word.isprintable():
                raise DeliveryError(f"{word!r}: a timer cannot hold line breaks or unseen characters")
        return cls(every, int(found[1]), int(found[2]), tuple(tuple(command) for command in commands))

    @property
    def name(self) -> str:
        """What units and tasks are called."""
        return f"farmwatch-{self.every}"


def systemd_units(timer: Timer) -> dict[str, str]:
    """Unit files of a user's systemd by name."""
    day = "Mon " if timer.every is Every.WEEKLY else ""
    lines = "\n".join(f"ExecStart={' '.join(map(_systemd_word, command))}" for command in timer.commands)
    service = (
        "[Unit]\nDescription=farmwatch: assess the fleet and report\nWants=network-online.target\n"
        f"After=network-online.target\n\n[Service]\nType=oneshot\n{lines}\nUMask=0077\nNice=10\n"
    )
    calendar = f"{day}*-*-* {timer.hour:02d}:{timer.minute:02d}:00"
    unit = (
        f"[Unit]\nDescription=farmwatch, {timer.every}\n\n[Timer]\nOnCalendar={calendar}\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )
    return {f"{timer.name}.service": service, f"{timer.name}.timer": unit}


def _systemd_word(word: str) -> str:
    """A word of a command line of a unit: specifiers and variables are written out, quotes and backslashes escaped."""
    plain = word.replace("%", "%%").replace("$", "$$")
    if _PLAIN.fullmatch(plain.replace("%%", "").replace("$$", "") or "-") and word:
        return plain
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def cron_line(timer: Timer) -> str:
    """A line of a user's crontab.

    Raises:
        DeliveryError: it would be longer than cron reads.
    """
    day = "1" if timer.every is Every.WEEKLY else "*"
    shell = " && ".join(shlex.join(command) for command in timer.commands)
    line = f"{timer.minute} {timer.hour} * * {day} {shell}".replace("%", r"\%")
    if len(line) > _CRON_LONGEST:
        raise DeliveryError(f"the line for cron would have {len(line)} characters, of which it reads {_CRON_LONGEST}")
    return line + "\n"


def task_xml(timer: Timer) -> str:
    """A task of the Windows Task Scheduler (schema 1.2), for ``schtasks /Create /XML``.

    A task would run its second action whatever the first ended in. The commands are therefore one action of the
    system's shell, which stops after one that fails. They run as the user who makes the task, while logged in.

    Raises:
        DeliveryError: the line would be longer than the shell reads, or it would read another program.
    """
    schedule = (
        "<ScheduleByWeek><WeeksInterval>1</WeeksInterval><DaysOfWeek><Monday /></DaysOfWeek></ScheduleByWeek>"
        if timer.every is Every.WEEKLY
        else "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>"
    )
    return (
        '<?xml version="1.0" encoding="UTF-16"?>\n'
        '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\n'
        f"  <RegistrationInfo><Description>farmwatch, {timer.every}</Description></RegistrationInfo>\n"
        f"  <Triggers><CalendarTrigger><StartBoundary>{_START_DAY}T{timer.hour:02d}:{timer.minute:02d}:00"
        f"</StartBoundary>{schedule}</CalendarTrigger></Triggers>\n"
        '  <Principals><Principal id="Author"><LogonType>InteractiveToken</LogonType>'
        "<RunLevel>LeastPrivilege</RunLevel></Principal></Principals>\n"
        "  <Settings><MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>"
        "<StartWhenAvailable>true</StartWhenAvailable></Settings>\n"
        r'  <Actions Context="Author"><Exec><Command>%SystemRoot%\System32\cmd.exe</Command>'
        f"<Arguments>{escape(_cmd_arguments(timer.commands))}</Arguments></Exec></Actions>\n</Task>\n"
    )


def _cmd_arguments(commands: Sequence[Sequence[str]]) -> str:
    """Commands for ``cmd.exe``, one after the other while they succeed.

    The program is in plain quotes: its name would else end at the first blank. In what follows every character that
    means something to the shell has a caret in front, quotes too: it then takes nothing for quoted, and what programs
    get is what ``CommandLineToArgvW`` understands. A variable between percent signs would need a caret at the end of
    its name, which none has. ``/s`` makes it drop the outermost quotes and nothing else, ``/v:off`` leaves exclamation
    marks alone.

    Raises:
        DeliveryError: the line would be longer than the shell reads, or it would read another program.
    """
    line = " && ".join(map(_cmd_command, commands))
    whole = f'/d /v:off /s /c "{line}"'
    if len(whole) > _CMD_LONGEST:
        raise DeliveryError(
            f"the line for cmd.exe would have {len(whole)} characters, of which it reads {_CMD_LONGEST}"
        )
    return whole


def _cmd_command(command: Sequence[str]) -> str:
    program, *arguments = command
    if '"' in program or program.count("%") > 1:  # no caret helps between quotes
        raise DeliveryError(
            f"{program}: cmd.exe cannot start a program with quotes or several percent signs in its path"
        )
    escaped = _CMD_SPECIAL.sub(r"^\g<0>", subprocess.list2cmdline(arguments))
    return f'"{program}" {escaped}'
