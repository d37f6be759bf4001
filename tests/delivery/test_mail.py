"""Mail: what goes out, by which settings, and what happens when it does not."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest

from farmwatch.delivery import mail
from farmwatch.delivery.failing import DeliveryError, PassingError
from farmwatch.errors import ProfileError
from farmwatch.reports.morning.html import render as page_of
from farmwatch.reports.morning.text import render as text_of
from tests.delivery import servers
from tests.reports.morning import fleet_rows

WHOM = ("soc@example.org", "night@example.org")
AT_ONCE = {"pauses": (0.0, 0.0), "sleep": lambda seconds: None}


def settings(mails, **more):
    given = {"HOST": "127.0.0.1", "PORT": str(mails.port), "TLS": "none", "FROM": "farmwatch@example.org", **more}
    return mail.smtp_server(None, {f"FARMWATCH_SMTP_{key}": value for key, value in given.items()})


def made(morning):
    return mail.message(morning, text_of(morning), page_of(morning), "farmwatch@example.org", WHOM)


def test_it_arrives_with_text_and_page(mails, morning):
    """Text to read at once, the page beside it, both whole."""
    mail.send(settings(mails), made(morning), WHOM, **AT_ONCE)
    (raw,) = mails.messages
    assert mails.recipients == [list(WHOM)]
    got = message_from_bytes(raw, policy=default)
    assert got["Subject"] == "farmwatch 9 Mar 2026: 9 new, 1 worse, 2 still open"
    assert got["To"] == "soc@example.org, night@example.org"
    text, page = got.get_body(("plain",)).get_content(), next(iter(got.iter_attachments()))
    assert text.replace("\r\n", "\n") == text_of(morning)
    assert page.get_content_type() == "text/html"
    assert page.get_payload(decode=True).decode().replace("\r\n", "\n") == page_of(morning)


def test_headers_name_no_device(morning):
    """They are shown on locked screens and kept in logs; a hostile name is not in them."""
    headers = " ".join(f"{key}: {value}" for key, value in made(morning).items())
    assert "lap-" not in headers
    assert "script" not in headers


def test_the_same_report_has_the_same_id(morning):
    """A reader who gets it twice sees it once."""
    assert made(morning)["Message-ID"] == made(morning)["Message-ID"]


@pytest.mark.parametrize(
    "address",
    [
        "a@b.org\r\nBcc: x@y.org",
        "a@b.org, c@d.org",
        "a b@c.org",
        "@b.org",
        "a@",
        "a@b..org",
        "<a@b.org>",
        "",
        "a@b.org\n",
    ],
)
def test_addresses_cannot_carry_headers(address):
    """A line break or a second address is refused."""
    with pytest.raises(DeliveryError, match="no mail address"):
        mail.addresses([address])


def test_run_ids_cannot_carry_headers(morning):
    """What comes from a store is not trusted either."""
    odd = replace(morning, run=replace(morning.run, run_id="x\r\nBcc: y@z.org"))
    got = mail.message(odd, "t", "<p>", "farmwatch@example.org", WHOM)
    assert got["Bcc"] is None
    assert "\n" not in str(got["Message-ID"])


def test_a_busy_server_is_asked_again(mails, morning):
    """4xx passes; the mail goes out once."""
    mails.greetings[:] = [b"421 busy", b"421 busy"]
    mail.send(settings(mails), made(morning), WHOM, **AT_ONCE)
    assert len(mails.messages) == 1
    assert mails.connections == 3


def test_a_server_that_stays_away_is_an_error(mails, morning):
    """After the last pause it is over, and says where and why."""
    mails.greetings[:] = [b"421 busy"] * 9
    with pytest.raises(PassingError, match=rf"127\.0\.0\.1:{mails.port}: 421 busy"):
        mail.send(settings(mails), made(morning), WHOM, **AT_ONCE)


def test_refusal_is_final(mails, morning):
    """5xx is not tried again: the server said what it thinks."""
    mails.greetings[:] = [b"554 no"]
    with pytest.raises(DeliveryError, match="554 no"):
        mail.send(settings(mails), made(morning), WHOM, **AT_ONCE)
    assert mails.connections == 1


def test_a_refused_recipient_is_told(mails, morning):
    """The others have it; that one has not."""
    mails.refuse = frozenset({"night@example.org"})
    with pytest.raises(DeliveryError, match=r"refuses night@example\.org; the others have it"):
        mail.send(settings(mails), made(morning), WHOM, **AT_ONCE)
    assert mails.recipients == [["soc@example.org"]]


def test_starttls_is_asked_for_and_not_given_up(mails, morning):
    """A server without it gets nothing: the report would cross the network in the clear."""
    server = settings(mails, TLS="starttls")
    with pytest.raises(DeliveryError, match="STARTTLS"):
        mail.send(server, made(morning), WHOM, **AT_ONCE)
    assert mails.messages == []


@pytest.mark.parametrize("kind", ["tls", "starttls"])
def test_over_tls_with_a_login(tmp_path, morning, kind):
    """The password comes from its file and goes out encrypted only."""
    trust, public = servers.certificate(tmp_path)
    password = tmp_path / "password"
    password.write_text("s3cret\n")
    password.chmod(0o600)
    with servers.mail_server(trust, upgrade=kind == "starttls") as kept:
        server = settings(kept, TLS=kind, USER="fw", PASSWORD_FILE=str(password), CA_FILE=str(public))
        mail.send(server, made(morning), WHOM, **AT_ONCE)
    assert kept.logins == [b"\0fw\0s3cret"]
    assert len(kept.messages) == 1


@pytest.mark.parametrize("kind", ["tls", "starttls"])
def test_a_certificate_nobody_trusts_gets_nothing(tmp_path, morning, kind):
    """Neither the report nor the password; and it is not tried again, for it would stay so."""
    trust, _ = servers.certificate(tmp_path)
    with servers.mail_server(trust, upgrade=kind == "starttls") as kept:
        with pytest.raises(DeliveryError, match="no trusted TLS"):
            mail.send(settings(kept, TLS=kind), made(morning), WHOM, **AT_ONCE)
        assert kept.connections == 1
    assert kept.messages == []


def test_settings_by_file_and_environment(tmp_path):
    """The environment goes before the file; ports follow from the kind of TLS."""
    path = tmp_path / "mail.toml"
    path.write_text('[smtp]\nhost = "mail.example.org"\nfrom = "a@example.org"\ntls = "tls"\n')
    assert mail.smtp_server(path, {}).port == 465
    assert mail.smtp_server(path, {"FARMWATCH_SMTP_TLS": "starttls"}).port == 587
    assert mail.smtp_server(path, {"FARMWATCH_SMTP_HOST": "other"}).host == "other"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('host = "h"\nfrom = "a@b.org"\ntls = "none"', "in the clear"),
        ('host = "h"\nfrom = "a@b.org"\ncolour = 1', "colour: not a setting"),
        ('host = "h"\nfrom = "nobody"', "no mail address"),
        ('from = "a@b.org"', "host: is missing"),
        ('host = "h"\nfrom = "a@b.org"\nport = "x"', "port: expected int"),
        ('host = "h"\nfrom = "a@b.org"\nport = 70000', "port: 70000"),
        ('host = "h"\nfrom = "a@b.org"\nuser = "u"', "password_file: is missing"),
        ('host = "h"\nfrom = "a@b.org"\npassword = "p"', "instead of a password"),
        ("host = ", "cannot be read"),
    ],
)
def test_wrong_settings_are_named(tmp_path, text, said):
    """What is wrong, where, and what is expected."""
    path = tmp_path / "mail.toml"
    path.write_text(f"[smtp]\n{text}\n")
    with pytest.raises(ProfileError, match=said):
        mail.smtp_server(path, {})


def test_passwords_that_others_can_read_are_refused(tmp_path):
    """The file is its owner's alone."""
    path = tmp_path / "password"
    path.write_text("s3cret\n")
    server = mail.SmtpServer("h", 587, "starttls", "a@b.org", "u", path)
    path.chmod(0o644)
    with pytest.raises(DeliveryError, match="chmod 600"):
        server.password()
    path.chmod(0o600)
    assert server.password() == "s3cret"


def test_very_large_pages_stay_behind(monkeypatch):
    """A mail that every server refuses helps nobody; the text goes out alone."""
    monkeypatch.setattr(mail, "_MOST_BYTES", 10)
    got = mail.message(fleet_rows.morning(20, farm=False), "text", "<p>long page", "a@b.org", WHOM)
    assert not list(got.iter_attachments())
