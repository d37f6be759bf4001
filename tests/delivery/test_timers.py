"""Timers: every word arrives as it was given, whatever starts it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from xml.etree import ElementTree as ET

import pytest

from farmwatch.delivery.failing import DeliveryError
from farmwatch.delivery.timers import Every, Timer, cron_line, systemd_units, task_xml

ODD = (
    "/opt/my tools/farmwatch",
    "report",
    "--output",
    '/srv/it\'s 100% $HOME "x" \\n',
    "--mail-to",
    "a@b.org",
    "",
    ";&|",
)
SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def timer(*commands, every=Every.DAILY, at="06:30"):
    return Timer.of(every, at, commands or (("farmwatch", "assess"), ("farmwatch", "report", "--since-last")))


@pytest.mark.parametrize("at", ["24:00", "6.30", "06:60", "", "06:30:00", "-1:00"])
def test_times_are_checked(at):
    """What is no time of day is refused before anything is written."""
    with pytest.raises(DeliveryError, match="06:30"):
        timer(at=at)


@pytest.mark.parametrize("word", ["a\nOnCalendar=*", "a\x00b", "\u202e"])
def test_line_breaks_are_refused(word):
    """They would start a line of their own in a unit or a crontab."""
    with pytest.raises(DeliveryError, match="cannot hold"):
        timer(("farmwatch", word))


def test_systemd_units_say_when_and_what():
    """A service that runs once and a timer that catches up after a night off."""
    units = systemd_units(timer())
    assert "OnCalendar=*-*-* 06:30:00\nPersistent=true" in units["farmwatch-daily.timer"]
    service = units["farmwatch-daily.service"]
    assert service.index("ExecStart=farmwatch assess") < service.index("ExecStart=farmwatch report --since-last")
    assert "OnCalendar=Mon *-*-* 06:30:00" in systemd_units(timer(every=Every.WEEKLY))["farmwatch-weekly.timer"]


def test_systemd_words_are_quoted():
    """Percent signs and dollars are doubled; quotes and backslashes escaped inside double quotes."""
    (line,) = [
        one for one in systemd_units(timer(ODD))["farmwatch-daily.service"].splitlines() if one.startswith("ExecStart")
    ]
    assert line == (
        'ExecStart="/opt/my tools/farmwatch" report --output "/srv/it\'s 100%% $$HOME \\"x\\" \\\\n" '
        '--mail-to a@b.org "" ";&|"'
    )


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_units(tmp_path):
    """Its own check has nothing to say."""
    for name, text in systemd_units(timer(("/bin/true", "a b%$\"'\\"))).items():
        (tmp_path / name).write_text(text)
    (tmp_path / "run").mkdir(mode=0o700)
    units = [str(tmp_path / f"farmwatch-daily.{kind}") for kind in ("service", "timer")]
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", *units],
        capture_output=True, text=True, check=False, env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path / "run")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "farmwatch" not in done.stderr


def test_cron_gives_the_shell_the_same_words():
    """As cron reads the line: up to the first bare percent sign, with escaped ones made bare; then as sh splits it."""
    line = cron_line(timer(("true",), ("printf", "%s\\0", *ODD)))
    assert line.startswith("30 6 * * * ")
    command = line.rstrip("\n").split(" ", 5)[5].replace(r"\%", "%")
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == list(ODD)
    assert cron_line(timer(every=Every.WEEKLY, at="7:05")).startswith("5 7 * * 1 ")


def test_cron_stops_after_a_failed_assessment():
    """A report of yesterday's assessment is not today's."""
    command = cron_line(timer(("false",), ("echo", "reported"))).rstrip("\n").split(" ", 5)[5]
    assert subprocess.run(["sh", "-c", command], capture_output=True, check=False).stdout == b""


def test_a_line_cron_would_cut_is_refused():
    """Half a command is worse than none."""
    with pytest.raises(DeliveryError, match="characters"):
        cron_line(timer(("farmwatch", "x" * 1000)))


def windows_words(line: str) -> list[str]:
    """A command line taken apart as CommandLineToArgvW does."""
    words, word, quoted, begun, slashes = [], "", False, False, 0
    for char in line:
        if char == "\\":
            slashes += 1
            begun = True
            continue
        if char == '"':
            word += "\\" * (slashes // 2)
            if slashes % 2:
                word += '"'
            else:
                quoted = not quoted
            slashes, begun = 0, True
            continue
        word += "\\" * slashes
        slashes = 0
        if char in " \t" and not quoted:
            if begun:
                words.append(word)
            word, begun = "", False
        else:
            word += char
            begun = True
    return [*words, word + "\\" * slashes] if begun else words


def cmd_runs(arguments: str, variables: dict[str, str]) -> list[tuple[str, str]]:
    """What cmd.exe starts while each succeeds: the program it looks for, and the command line this gets.

    Variables come first, then carets and quotes, as it does. A program ends at the first blank outside quotes, and a
    quote with a caret in front is none.
    """
    switches, _, line = arguments.partition(' "')
    assert switches == "/d /v:off /s /c"
    assert line.endswith('"')
    line = re.sub("%([^%]+)%", lambda found: variables.get(found[1], found[0]), line[:-1])
    lines, programs, ended, quoted, literal = [""], [""], False, False, False
    for number, char in enumerate(line):
        if not quoted and char in " \t" and programs[-1]:
            ended = True
        if literal or (quoted and char != '"'):
            lines[-1] += char
            programs[-1] += char if not ended else ""
            literal = False
        elif char == "^":
            literal = True
        elif char == "&":
            if line[number - 1] != "&":
                assert line[number + 1] == "&"
                lines.append("")
                programs.append("")
                ended = False
        else:
            assert char not in "|<>()"
            quoted ^= char == '"'
            lines[-1] += char
            programs[-1] += char if not ended and char not in ' \t"' else ""
    assert not quoted
    return [(program, one.strip()) for program, one in zip(programs, lines, strict=True)]


def windows_task(made) -> tuple[str, str]:
    """Command and arguments of a task's only action."""
    (action,) = ET.fromstring(task_xml(made).encode("utf-16")).iter(f"{SPACE}Exec")
    return action.find(f"{SPACE}Command").text, action.find(f"{SPACE}Arguments").text


def test_windows_gets_the_same_words():
    """XML, cmd.exe and the rules of Windows programs; a path that ends in a backslash does not eat its quote."""
    odd = (
        r"C:\Program Files\farmwatch\farmwatch.exe",
        *ODD[1:],
        "C:\\reports dir\\",
        "<&>",
        "50%HOME%",
        "a^b!c",
        "(x)",
    )
    command, arguments = windows_task(timer(odd, ("farmwatch", "report", "&& del")))
    assert command == r"%SystemRoot%\System32\cmd.exe"
    first, second = cmd_runs(arguments, {"HOME": "elsewhere", "ComSpec": "x"})
    assert (first[0], windows_words(first[1])) == (odd[0], list(odd))
    assert (second[0], windows_words(second[1])) == ("farmwatch", ["farmwatch", "report", "&& del"])


@pytest.mark.parametrize(
    "program",
    [
        r"C:\Program Files\farmwatch\farmwatch.exe",
        r"C:\Users\Jane Doe\AppData\Local\Programs\farmwatch.exe",
        r"C:\Program Files (x86)\R&D ^1!\50%\farmwatch.exe",
        r"C:\farmwatch\farmwatch.exe",
    ],
)
def test_windows_finds_programs_with_blanks_in_their_path(program):
    """Of both commands: the shell looks for the whole path, and the program gets its own words."""
    commands = ((program, "assess", "--store", r"C:\Users\Jane Doe\my store"), (program, "report", "50% of %HOME%"))
    _, arguments = windows_task(timer(*commands))
    runs = cmd_runs(arguments, {"HOME": "elsewhere"})
    assert [(found, tuple(windows_words(line))) for found, line in runs] == [(program, one) for one in commands]


@pytest.mark.parametrize("program", [r"C:\%HOME%\farmwatch.exe", 'C:\\a" & del "\\farmwatch.exe'])
def test_a_program_cmd_would_misread_is_refused(program):
    """Between quotes nothing keeps a variable or a quote from meaning something."""
    with pytest.raises(DeliveryError, match="cannot start a program"):
        task_xml(timer((program, "assess")))


def test_windows_stops_after_a_failed_assessment():
    """One action for both: a task's second action runs whatever the first ended in."""
    _, arguments = windows_task(timer())
    assert arguments == '/d /v:off /s /c ""farmwatch" assess && "farmwatch" report --since-last"'


def test_a_line_cmd_would_cut_is_refused():
    """As with cron."""
    with pytest.raises(DeliveryError, match="8191"):
        task_xml(timer(("farmwatch", "x" * 8200)))


def test_the_context_of_a_task_names_its_principal():
    """Task Scheduler's schema: Context is the id of one of the principals."""
    root = ET.fromstring(task_xml(timer()).encode("utf-16"))
    (actions,) = root.iter(f"{SPACE}Actions")
    assert [one.get("id") for one in root.iter(f"{SPACE}Principal")] == [actions.get("Context")]
    assert root.find(f".//{SPACE}LogonType").text == "InteractiveToken"


def test_windows_tasks_say_when():
    """Every day, or on Mondays, and after a night off as soon as possible."""
    daily, weekly = (ET.fromstring(task_xml(timer(every=every)).encode("utf-16")) for every in Every)
    assert daily.find(f".//{SPACE}StartBoundary").text == "2026-01-05T06:30:00"
    assert daily.find(f".//{SPACE}ScheduleByDay") is not None
    assert weekly.find(f".//{SPACE}Monday") is not None
    assert daily.find(f".//{SPACE}StartWhenAvailable").text == "true"
