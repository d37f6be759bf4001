"""``farmwatch report`` of a store: formats, what was reported last, delivery, timers."""

from __future__ import annotations

import csv
import io
import json
import threading
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default

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
    """Nothing new because nothing ran: whoever asks is told so, also with -q and where nothing is made."""
    monkeypatch.setattr(cli_morning, "_OLD", timedelta(hours=36))
    for options in (("--format", "json"), ("-q",), ("--since-last",), ("--since-last",)):
        ran = cli("report", "--store", store.place.url, *options)
        assert ran.code == Exit.OK
        assert "warning: the newest assessment ends at 2026-03-09 06:00 UTC; does 'farmwatch assess'" in ran.err
        assert "still run?" not in ran.out


@pytest.mark.parametrize(
    "form", ["text", "html", "json", "csv", pytest.param("pdf", marks=pytest.mark.needs("chromium"))]
)
def test_documents_know_no_clock(cli, store, tmp_path, monkeypatch, form):
    """On the morning itself and years later: the same bytes, which say until when was assessed."""
    made = []
    for days in (0, 4000):
        now = fr.UNTIL + timedelta(hours=1, days=days)
        clock = type("Clock", (datetime,), {"now": classmethod(lambda cls, tz=None, now=now: now.astimezone(tz))})
        monkeypatch.setattr(cli_morning, "datetime", clock)
        monkeypatch.setattr(cli_morning, "_OLD", timedelta(hours=36))
        path = tmp_path / f"{days}.{form}"
        ran = cli("report", "--store", store.place.url, "-f", form, "-o", path)
        assert ran.code == Exit.OK, ran.err
        assert ("still run?" in ran.err) == bool(days)
        made.append(path.read_bytes())
    assert made[0] == made[1]
    if form in ("text", "html", "json"):
        assert b"9 Mar 2026" in made[0] or b"2026-03-09T06:00:00Z" in made[0]


def test_a_mail_of_an_old_assessment_says_so(cli, store, mails, monkeypatch):
    """In its subject, which is what is read first, and its first line; the page beside it is the document."""
    monkeypatch.setattr(cli_morning, "_OLD", timedelta(hours=36))
    cli("report", "--store", store.place.url, "--mail-to", "soc@example.org")
    (raw,) = mails.messages
    got = message_from_bytes(raw, policy=default)
    assert "old assessment" in got["Subject"]
    assert got.get_body(("plain",)).get_content().startswith("WARNING: the newest assessment ends at 2026-03-09 06:00")
    assert "still run?" not in next(iter(got.iter_attachments())).get_content()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("secret", "at least 16 bytes"), ("open", "chmod 600"), ("trust", "no certificates to trust"),
     ("url", "would be sent in the clear"), ("address", "no mail address"), ("password", "holds no password")],
)  # fmt: skip
def test_nobody_is_told_where_a_setting_is_wrong(cli, store, tmp_path, monkeypatch, mails, posts, wrong, said):
    """Every setting of every way is looked at before the first is used: code 4, and no report is made."""
    secret, trust, password = (tmp_path / name for name in ("secret", "ca.pem", "password"))
    secret.write_text("" if wrong == "secret" else "0123456789abcdef")
    secret.chmod(0o644 if wrong == "open" else 0o600)
    trust.write_text("no certificate")
    password.touch(0o600)
    if wrong == "password":
        monkeypatch.setenv("FARMWATCH_SMTP_USER", "u")
        monkeypatch.setenv("FARMWATCH_SMTP_PASSWORD_FILE", str(password))
    ran = cli(
        "report", "--store", store.place.url, "--webhook-secret", secret,
        "--mail-to", "soc@exa mple" if wrong == "address" else "soc@example.org",
        "--webhook", "http://example.org/" if wrong == "url" else posts.url,
        *(("--ca-file", trust) if wrong == "trust" else ()),
    )  # fmt: skip
    assert (ran.code, ran.out) == (Exit.CONFIG, "")
    assert said in ran.err
    assert (mails.messages, posts.bodies) == ([], [])


def test_an_assessment_that_is_current_again_is_told_once(cli, store, tmp_path):
    """Told, another of the same time told, asked for again: what changed back is told once more."""
    from farmwatch.records import FleetRun, RepeatedRun, Table
    from farmwatch.records.arrow import to_arrow

    def told(number):
        path = tmp_path / f"{number}.json"
        assert cli("report", "--store", store.place.url, "--since-last", "-f", "json", "-o", path).code == Exit.OK
        return json.loads(path.read_text()) if path.exists() else None

    names = [f"lap-{number:05d}" for number in range(120)]
    until = fr.UNTIL + timedelta(days=1)
    first = put(store, fr.rows(names[:119], {}, until=until))
    assert told(1)["run"]["run_id"] == first
    again = RepeatedRun(run_id=first, ts=until, asked=until + timedelta(days=1))
    other = put(store, fr.rows(names, {"lap-00000": fr.standing("lap-00000", fr.KVM, fr.TOOLS)}, until=until))
    assert store.read(FleetRun, since=until).num_rows == 2
    assert told(2)["before"]["run_id"] == first
    store.append({RepeatedRun: to_arrow(Table.from_rows(RepeatedRun, [again]))}, feed="assess", sender="t",
                 received=until)  # fmt: skip
    back = told(3)
    assert (back["run"]["run_id"], back["before"]["run_id"]) == (first, other)
    assert told(4) is None


def test_a_timer_at_no_time_of_day_is_a_wrong_use(cli, store, tmp_path):
    """Nothing to deliver was tried."""
    ran = cli("report", "--store", store.place.url, "--install-timer", "daily", "--at", "25:00", "-o", tmp_path)
    assert ran.code == Exit.USAGE
    assert "no time of day" in ran.err


def test_commands_name_the_store_where_it_is_not_the_default(cli, store, monkeypatch):
    """A decision copied from the report goes to the store the report is of."""
    assert f"farmwatch case show lap-00000 --store {store.place.url}" in cli("report", "--store", store.place.url).out
    monkeypatch.setenv("FARMWATCH_STORE", store.place.url)
    assert store.place.url not in cli("report").out


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
    (tmp_path / "a b.mmdb").touch()
    ran = cli("report", "--store", "store", "--install-timer", "daily", "--at", "05:15", "--kind", "systemd",
              "--output", "my reports", "--format", "html,csv", "--only-changes",
              "--assess-with", "--geo 'a b.mmdb'")  # fmt: skip
    assert ran.code == Exit.OK
    assert f'--geo "{tmp_path}/a b.mmdb"' in ran.out
    assert "OnCalendar=*-*-* 05:15:00" in ran.out
    assert f'--output "{tmp_path}/my reports"' in ran.out
    assert f"assess -q --since 7d --store {tmp_path}/store" in ran.out
    assert "--since-last --series daily" in ran.out
    assert not (tmp_path / "config").exists()


def test_options_of_the_assessment_are_written_out(cli, store, tmp_path, monkeypatch):
    """Timers start elsewhere: every file is named in full, everything else stays as it was typed."""
    monkeypatch.chdir(tmp_path)
    for name in ("city.mmdb", "asn.mmdb", "p.toml"):
        (tmp_path / name).touch()
    ran = cli("report", "--store", "store", "--install-timer", "daily", "--kind", "cron", "-o", ".", "--assess-with",
              "--geo city.mmdb --profile=p.toml --geo ./asn.mmdb --since 30d -vv --all --prior 0.001 -o -")  # fmt: skip
    assert ran.code == Exit.OK, ran.err
    words = ran.out.split(" && ")[0].split("--output /dev/null ")[1]
    assert words == (
        f"--since 30d --profile {tmp_path}/p.toml --geo {tmp_path}/city.mmdb --geo {tmp_path}/asn.mmdb --prior 0.001 "
        "--all --output - --verbose --verbose"
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "--since-last --series daily"),
        (("--since-last",), "--since-last --series daily"),
        (("--series", "night"), "--since-last --series night"),
        (("--since-last", "--series", "two words"), "--since-last --series 'two words'"),
        (("--since", "7d"), "--since 7d"),
        (("--since", "4w"), "--since 28d"),
        (("--since", "36h"), "--since 36h"),
        (("--since", "90min"), "--since 90m"),
        (("--since", "90.5s"), "--since 90.500000s"),
    ],
)
def test_a_timer_tells_changes_since_when_it_was_asked_to(cli, store, tmp_path, given, words):
    """Since its own last report unless a time is given; the command it starts takes that."""
    import shlex

    ran = cli("report", "--store", store.place.url, "--install-timer", "daily", "--kind", "cron", "-o", tmp_path,
              "-f", "json", *given)  # fmt: skip
    assert ran.code == Exit.OK, ran.err
    report = ran.out.split(" && ")[1]
    assert f" report {words} --store " in report
    assert cli(*shlex.split(report)[shlex.split(report).index("report") :]).code == Exit.OK
    assert len(list(tmp_path.glob("farmwatch-morning-*.json"))) == 1


def test_a_timer_keeps_how_the_report_is_made(cli, store, tmp_path, monkeypatch):
    """Weights are for both commands, and so is silence."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.json").touch()
    ran = cli("report", "--store", store.place.url, "--install-timer", "daily", "--kind", "cron", "-o", "r",
              "--weights", "w.json", "--html", "x.html", "-q")  # fmt: skip
    assert ran.code == Exit.OK, ran.err
    assess, report = ran.out.split(" && ")
    assert f"--weights {tmp_path}/w.json" in assess
    assert f"--html {tmp_path}/x.html --weights {tmp_path}/w.json --quiet" in report


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--fail-on", "strong"), "--fail-on is for pipelines"),
        (("-v",), "--verbose is for a report you ask for"),
        (("--color", "always"), "--color is for terminals"),
        (("--since", "7d", "--series", "night"), "--series is of reports since the last one"),
        (("--since", "7d", "--since-last"), "one of --since and --since-last"),
    ],
)
def test_what_a_timer_has_no_use_for_is_refused(cli, store, tmp_path, given, said):
    """Nothing that was asked for is dropped in silence."""
    ran = cli("report", "--store", store.place.url, "--install-timer", "daily", "--kind", "cron", "-o", tmp_path,
              *given)  # fmt: skip
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert said in " ".join(ran.err.split())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--bogus 1", "--bogus"),
        ("--geo none.mmdb", "none.mmdb' does not exist"),
        ("--geo", "--geo"),
        ("report", "'report' is no option"),
        ("--since soon", "'soon'"),
        ("--prior 2", "between 0 and 1"),
        ("--format pdf", "'pdf'"),
        ("--fail-on strong", "would stop the report"),
        ("--dry-run", "keeps nothing"),
        ("--store elsewhere", "that of the report"),
        ("--help", "makes no assessment"),
    ],
)
def test_options_the_assessment_would_not_take_are_refused(cli, store, tmp_path, given, said):
    """Before anything is installed, not in the first night."""
    ran = cli("report", "--store", store.place.url, "--install-timer", "daily", "--kind", "cron", "-o", tmp_path,
              "--assess-with", given)  # fmt: skip
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert "--assess-with" in ran.err
    assert said in ran.err


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
    (line,) = [one.text for one in ET.fromstring(ran.out.encode("utf-16")).iter() if one.tag.endswith("Arguments")]
    assert "--webhook https://hooks.example.org/x?a=1^&b=2" in line.split(" && ")[1]
