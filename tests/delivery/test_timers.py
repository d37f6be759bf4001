"""Timers: every word arrives as it was given, whatever starts it."""

from __future__ import annotations

import os
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


def test_windows_gets_the_same_words():
    """XML and the rules of Windows programs; a path that ends in a backslash does not eat its quote."""
    odd = (r"C:\Program Files\farmwatch\farmwatch.exe", *ODD[1:], "C:\\reports dir\\", "<&>")
    root = ET.fromstring(task_xml(timer(odd)).encode("utf-16"))
    (action,) = root.iter(f"{SPACE}Exec")
    assert action.find(f"{SPACE}Command").text == odd[0]
    assert windows_words(action.find(f"{SPACE}Arguments").text) == list(odd[1:])


def test_windows_tasks_say_when():
    """Every day, or on Mondays, and after a night off as soon as possible."""
    daily, weekly = (ET.fromstring(task_xml(timer(every=every)).encode("utf-16")) for every in Every)
    assert daily.find(f".//{SPACE}StartBoundary").text == "2026-01-05T06:30:00"
    assert daily.find(f".//{SPACE}ScheduleByDay") is not None
    assert weekly.find(f".//{SPACE}Monday") is not None
    assert daily.find(f".//{SPACE}StartWhenAvailable").text == "true"
    assert len(list(daily.iter(f"{SPACE}Exec"))) == 2
