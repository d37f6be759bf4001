"""``farmwatch report`` of a store: formats, what was reported last, delivery, timers."""

from __future__ import annotations

import csv
import io
import json
import threading
from datetime import timedelta

import jsonschema
import pytest

from farmwatch.cli import morning as cli_morning
from farmwatch.cli.exits import Exit
from farmwatch.store import open_store
from tests.delivery import servers
from tests.reports.morning import fleet_rows as fr
from tests.reports.morning.kept import put, store_of


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    """The made-up assessments are of this morning; nobody waits between attempts."""
    monkeypatch.setattr(cli_morning, "_OLD", timedelta(days=36500))
    monkeypatch.setattr("farmwatch.delivery.failing.PAUSES_S", ())
    monkeypatch.setattr(
        "farmwatch.delivery.failing.tried.__kwdefaults__", {"pauses": (), "sleep": lambda seconds: None}
    )


@pytest.fixture
def store(tmp_path):
    return store_of(tmp_path / "store", 120)


@pytest.fixture
def mails(monkeypatch):
    """A mail server that the environment names."""
    with servers.mail_server() as kept:
        for key, value in {
            "HOST": "127.0.0.1",
            "PORT": str(kept.port),
            "TLS": "none",
            "FROM": "fw@example.org",
        }.items():
            monkeypatch.setenv(f"FARMWATCH_SMTP_{key}", value)
        yield kept


@pytest.fixture
def posts():
    with servers.web_server() as kept:
        yield kept


def tomorrow(store, *, devices=("lap-00000",)):
    """One more assessment, a day later, in which some devices ask."""
    names = [f"lap-{number:05d}" for number in range(120)]
    stands = {device: fr.standing(device, fr.KVM, fr.TOOLS, fr.CLUMPS) for device in devices}
    return put(store, fr.rows(names, stands, until=fr.UNTIL + timedelta(days=1)))


def test_text_is_the_default(cli, store):
    """What to do first is the first line."""
    ran = cli("report", "--store", store.place.url)
    assert ran.code == Exit.OK
    assert ran.out.startswith("Start with lap-00000: strong, new.")


def test_every_format_in_one_go(cli, store, tmp_path):
    """A file each, named after the assessment's end; what is in them fits together."""
    ran = cli("report", "--store", store.place.url, "--since", "7d", "--format", "text,html,json,csv", "--output",
              tmp_path / "new" / "reports")  # fmt: skip
    assert ran.code == Exit.OK
    files = {path.suffix: path for path in (tmp_path / "new" / "reports").iterdir()}
    assert files.keys() == {".txt", ".html", ".json", ".csv"}
    assert {path.stem for path in files.values()} == {"farmwatch-morning-20260309T060000Z"}
    document = json.loads(files[".json"].read_text())
    jsonschema.validate(document, json.loads(cli("schema", "morning").out))
    rows = list(csv.DictReader(io.StringIO(files[".csv"].read_text())))
    assert rows[0]["device_id"] == document["new_or_worse"][0]["device_id"] == "lap-00000"
    assert "lap-00000" in files[".html"].read_text()


def test_same_store_same_files(cli, store, tmp_path):
    """Byte by byte."""
    for folder in ("a", "b"):
        cli("report", "--store", store.place.url, "--format", "text,html,json,csv", "-o", tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.mark.needs("chromium")
def test_pdf_to_a_file(cli, store, tmp_path):
    """Printed by a browser."""
    assert cli("report", "--store", store.place.url, "-f", "pdf", "-o", tmp_path / "m.pdf").code == Exit.OK
    assert (tmp_path / "m.pdf").read_bytes().startswith(b"%PDF-")


def test_pdf_without_a_browser_names_other_ways(cli, store, tmp_path, monkeypatch):
    """A needed program is missing: code 4, and what can be done."""
    monkeypatch.setenv("FARMWATCH_BROWSER", "/no/such")
    ran = cli("report", "--store", store.place.url, "-f", "pdf", "-o", tmp_path / "m.pdf")
    assert ran.code == Exit.CONFIG
    assert "apt install chromium" in ran.err
    assert not (tmp_path / "m.pdf").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--format", "html,doc"),
        ("--format", "html,json"),
        ("--format", "pdf"),
        ("--since", "soon"),
        ("--since", "7d", "--since-last"),
        ("-o", "/no/such/folder/x.html"),
        ("--install-timer", "hourly", "--mail-to", "a@b.org"),
        ("--install-timer", "daily"),
        ("--install-timer", "daily", "--mail-to", "a@b.org"),
        ("--install-timer", "daily", "--webhook", "https://b.org/", "--assess-with", "'"),
    ],
)
def test_wrong_usage(cli, store, options):
    """Said before any work, with the option's name."""
    ran = cli("report", "--store", store.place.url, *options)
    assert ran.code == Exit.USAGE
    assert ran.out == ""


def test_options_of_the_morning_are_refused_for_saved_reports(cli, saved):
    """A saved report has no night before it."""
    ran = cli("report", saved, "--since-last")
    assert ran.code == Exit.USAGE
    assert "not for a saved report" in ran.err


def test_no_assessment_is_code_5(cli, tmp_path):
    """An empty store says what to run."""
    open_store(tmp_path / "empty")
    ran = cli("report", "--store", tmp_path / "empty")
    assert ran.code == Exit.NOTHING
    assert "farmwatch assess" in ran.err


def test_fail_on_counts_what_asks(cli, store):
    """For pipelines; with --only-changes only what is new or worse."""
    assert cli("report", "--store", store.place.url, "-q", "--fail-on", "strong").code == Exit.FINDINGS
    tomorrow(store)
    assert cli("report", "--store", store.place.url, "-q", "--fail-on", "review").code == Exit.FINDINGS
    assert cli("report", "--store", store.place.url, "-q", "--fail-on", "review", "--only-changes").code == Exit.OK


# --- once per assessment ---------------------------------------------------------------------------------------------


def test_since_last_reports_an_assessment_once(cli, store, tmp_path):
    """The second run makes nothing; the next assessment is compared with the one reported."""
    first = cli("report", "--store", store.place.url, "--since-last", "-o", tmp_path / "1.txt")
    again = cli("report", "--store", store.place.url, "--since-last", "-o", tmp_path / "2.txt")
    assert (first.code, again.code) == (Exit.OK, Exit.OK)
    assert (tmp_path / "1.txt").exists()
    assert not (tmp_path / "2.txt").exists()
    assert "reported already" in again.err
    tomorrow(store)
    cli("report", "--store", store.place.url, "--since-last", "-o", tmp_path / "3.txt")
    assert "Compared with the assessment of 2026-03-09 06:00:00 UTC" in (tmp_path / "3.txt").read_text()


def test_each_series_has_its_own_last(cli, store):
    """A weekly report is not swallowed by the daily ones."""
    cli("report", "--store", store.place.url, "--since-last", "--series", "daily")
    assert cli("report", "--store", store.place.url, "--since-last", "--series", "weekly").out


def test_two_at_once_give_one_report(store, mails):
    """Two timers of the same minute: one mail."""
    from farmwatch.cli.morning import Delivery, MorningFormat, Wanted, report_morning
    from farmwatch.cli.streams import Color

    wanted = Wanted(store.place.url, None, True, "morning", None, (MorningFormat.JSON,), None, None,
                    Delivery(mail_to=("soc@example.org",)), None, True, 0, Color.NEVER)  # fmt: skip
    threads = [threading.Thread(target=report_morning, args=(wanted,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(mails.messages) == 1


def test_what_could_not_be_delivered_is_made_again(cli, store, mails, posts):
    """The mail went out, the webhook failed: the next run tells the webhook and does not mail again."""
    options = ("--since-last", "-o", "/dev/null", "--mail-to", "soc@example.org", "--webhook", posts.url)
    posts.statuses[:] = [404]
    failed = cli("report", "--store", store.place.url, *options)
    assert failed.code == Exit.PARTIAL
    assert "404" in failed.err
    assert (len(mails.messages), len(posts.bodies)) == (1, 1)
    assert cli("report", "--store", store.place.url, *options).code == Exit.OK
    assert (len(mails.messages), len(posts.bodies)) == (1, 2)
    assert "reported already" in cli("report", "--store", store.place.url, *options).err
    assert (len(mails.messages), len(posts.bodies)) == (1, 2)


def test_a_crash_before_delivery_repeats_it(cli, store, monkeypatch, mails):
    """Nothing is noted before it is done."""
    from farmwatch.reports.morning import text

    options = ("--since-last", "-f", "json", "-o", "/dev/null", "--mail-to", "soc@example.org")
    with monkeypatch.context() as broken:
        broken.setattr(text, "render", lambda *given, **named: 1 / 0)
        assert cli("report", "--store", store.place.url, *options).code == Exit.BUG
    assert mails.messages == []
    assert cli("report", "--store", store.place.url, *options).code == Exit.OK
    assert len(mails.messages) == 1


def test_only_changes_tells_nobody_of_a_quiet_night(cli, store, mails, posts):
    """And does tell of one that is not; the quiet night is noted as reported."""
    options = (
        "--since-last",
        "-o",
        "/dev/null",
        "--mail-to",
        "soc@example.org",
        "--webhook",
        posts.url,
        "--only-changes",
    )
    cli("report", "--store", store.place.url, *options)
    assert (len(mails.messages), len(posts.bodies)) == (1, 1)
    tomorrow(store)
    quiet = cli("report", "--store", store.place.url, *options)
    assert "nobody is told" in quiet.err
    assert (len(mails.messages), len(posts.bodies)) == (1, 1)
    assert "reported already" in cli("report", "--store", store.place.url, *options).err


def test_an_old_assessment_is_no_report_of_this_morning(cli, store, monkeypatch):
    """Nothing new because nothing ran: the document itself says so, in every form and by whichever way it is made."""
    monkeypatch.setattr(cli_morning, "_OLD", timedelta(hours=36))
    said = "the newest assessment ends at 2026-03-09 06:00 UTC"
    for options in (("--format", "json"), ("--format", "html"), ("--since-last",)):
        ran = cli("report", "--store", store.place.url, *options)
        assert ran.code == Exit.OK
        assert "does 'farmwatch assess' still run?" in ran.err
        assert said in ran.out
    again = cli("report", "--store", store.place.url, "--since-last")
    assert again.code == Exit.OK
    assert said in again.err


def test_a_mail_of_an_old_assessment_says_so(cli, store, mails, monkeypatch):
    """In its subject too, which is what is read first."""
    monkeypatch.setattr(cli_morning, "_OLD", timedelta(hours=36))
    cli("report", "--store", store.place.url, "--mail-to", "soc@example.org")
    (message,) = mails.messages
    assert "old assessment" in str(message)


def test_a_timer_at_no_time_of_day_is_a_wrong_use(cli, store, tmp_path):
    """Nothing to deliver was tried."""
    ran = cli("report", "--store", store.place.url, "--install-timer", "daily", "--at", "25:00", "-o", tmp_path)
    assert ran.code == Exit.USAGE
    assert "no time of day" in ran.err


def test_commands_name_the_store_where_it_is_not_the_default(cli, store, monkeypatch):
    """A decision copied from the report goes to the store the report is of."""
    assert f"farmwatch case show lap-00000 --store {store.place.url}" in cli("report", "--store", store.place.url).out
    monkeypatch.setenv("FARMWATCH_STORE", store.place.url)
    assert "--store" not in cli("report").out


def test_mail_settings_are_checked_before_the_work(cli, store, monkeypatch):
    """A report that nobody can be sent is not made."""
    monkeypatch.setenv("FARMWATCH_SMTP_HOST", "mail.example.org")
    monkeypatch.delenv("FARMWATCH_SMTP_FROM", raising=False)
    ran = cli("report", "--store", store.place.url, "--mail-to", "soc@example.org")
    assert ran.code == Exit.CONFIG
    assert "from: is missing" in ran.err
    assert ran.out == ""


# --- timers ----------------------------------------------------------------------------------------------------------


def test_a_timer_is_shown_and_nothing_written(cli, store, tmp_path, monkeypatch):
    """The default is a look at what would be written, with full paths."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    ran = cli("report", "--store", "store", "--install-timer", "daily", "--at", "05:15", "--kind", "systemd",
              "--output", "my reports", "--format", "html,csv", "--only-changes",
              "--assess-with", "--geo '/a b.mmdb'")  # fmt: skip
    assert ran.code == Exit.OK
    assert '--geo "/a b.mmdb"' in ran.out
    assert "OnCalendar=*-*-* 05:15:00" in ran.out
    assert f'--output "{tmp_path}/my reports"' in ran.out
    assert f"assess -q --since 7d --store {tmp_path}/store" in ran.out
    assert "--since-last --series daily" in ran.out
    assert not (tmp_path / "config").exists()


def test_a_timer_s_commands_are_understood(cli, store, tmp_path, monkeypatch):
    """What cron would run is run: assess fails for want of telemetry, the report is made."""
    import shlex
    import subprocess
    import sys

    line = cli("report", "--store", store.place.url, "--install-timer", "weekly", "--kind", "cron", "-f", "json",
               "--output", tmp_path / "a b.json").out  # fmt: skip
    command = line.rstrip("\n").split(" ", 5)[5].replace(r"\%", "%")
    assess, report = command.split(" && ")
    words = shlex.split(assess)
    done = subprocess.run(
        [sys.executable, "-m", "farmwatch", *words[words.index("assess") :]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == Exit.NOTHING, done.stderr
    assert "no telemetry" in done.stderr
    assert cli(*shlex.split(report)[shlex.split(report).index("report") :]).code == Exit.OK
    assert json.loads((tmp_path / "a b.json").read_text())["run"]["devices"] == 119


def test_cron_lines_replace_the_one_of_before(cli, store, tmp_path, monkeypatch):
    """--write adds a line to the user's crontab once; other lines stay."""
    tab = tmp_path / "crontab.txt"
    tab.write_text("MAILTO=me\n0 4 * * * backup\n")
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = "-l" ]; then /bin/cat "{tab}"; exit; fi\n'
        f'/bin/cat > "{tab}.new"; /bin/mv "{tab}.new" "{tab}"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    for at in ("06:30", "07:45"):
        ran = cli("report", "--store", store.place.url, "--install-timer", "daily", "--at", at, "--kind", "cron",
                  "-o", tmp_path, "-f", "html", "--write")  # fmt: skip
        assert ran.code == Exit.OK, ran.err
    lines = tab.read_text().splitlines()
    assert lines[:2] == ["MAILTO=me", "0 4 * * * backup"]
    assert next(line for line in lines if " assess " in line).startswith("45 7 * * * ")
    assert sum(" assess " in line for line in lines) == 1


def test_systemd_units_are_written_and_switched_on(cli, store, tmp_path, monkeypatch):
    """--write puts them where a user's systemd looks, and tells it."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/calls"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    ran = cli(
        "report", "--store", store.place.url, "--install-timer", "weekly", "--at", "07:00", "-o", tmp_path, "--write"
    )
    assert ran.code == Exit.OK, ran.err
    written = {path.name: path.read_text() for path in (tmp_path / "config" / "systemd" / "user").iterdir()}
    assert written.keys() == {"farmwatch-weekly.service", "farmwatch-weekly.timer"}
    assert "OnCalendar=Mon *-*-* 07:00:00" in written["farmwatch-weekly.timer"]
    assert (tmp_path / "calls").read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now farmwatch-weekly.timer",
    ]


def test_a_failing_systemctl_is_reported(cli, store, tmp_path, monkeypatch):
    """What it said, and a code."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    ran = cli("report", "--store", store.place.url, "--install-timer", "daily", "-o", tmp_path, "--write")
    assert ran.code == Exit.PARTIAL
    assert "Failed to connect to bus" in ran.err


def test_windows_tasks_are_xml(cli, store):
    """For schtasks /XML."""
    from xml.etree import ElementTree as ET

    ran = cli("report", "--store", store.place.url, "--install-timer", "daily", "--kind", "windows", "--webhook",
              "https://hooks.example.org/x?a=1&b=2")  # fmt: skip
    words = [one.text for one in ET.fromstring(ran.out.encode("utf-16")).iter() if one.tag.endswith("Arguments")]
    assert "https://hooks.example.org/x?a=1&b=2" in words[1]
