"""The morning report by mail: text to read on a phone, the page beside it.

Where the server is comes from a TOML file or the environment; the password from a file of its own, never from a command
line, which every user of a machine can read. Headers are made by :mod:`email` with a policy that refuses line breaks.
"""

from __future__ import annotations

import os
import re
import smtplib
import ssl
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from farmwatch.delivery.failing import DeliveryError, PassingError, tried
from farmwatch.delivery.trust import trusted
from farmwatch.errors import ProfileError
from farmwatch.records.morning import Morning
from farmwatch.reports.escape import ascii_text
from farmwatch.reports.morning import saying

__all__ = ["SmtpServer", "addresses", "message", "send", "smtp_server"]

_TIMEOUT_S = 30.0
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_FIELDS = {"host": str, "port": int, "tls": str, "user": str, "password_file": str, "from": str, "ca_file": str}
_TLS = ("starttls", "tls", "none")
_PREFIX = "FARMWATCH_SMTP_"
_MOST_BYTES = 20 * 1024 * 1024  # many servers refuse more


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail goes out."""

    host: str
    port: int
    tls: str  #: starttls, tls (from the first byte) or none
    sender: str
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None

    def password(self) -> str:
        """The password, read when it is needed.

        Raises:
            DeliveryError: it cannot be read, is empty, or others could read it too.
        """
        if self.password_file is None:
            return ""
        try:
            if os.name == "posix" and self.password_file.stat().st_mode & 0o077:
                raise DeliveryError(f"{self.password_file}: others may read the password; chmod 600 it")
            found = self.password_file.read_text("utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            raise DeliveryError(f"{self.password_file}: the password cannot be read: {error}") from error
        if not found:
            raise DeliveryError(f"{self.password_file}: holds no password")
        return found


def smtp_server(path: Path | None, environment: Mapping[str, str]) -> SmtpServer:
    """The mail server by a file's table ``[smtp]`` and the environment, which goes before it.

    Keys are host, port (587; 465 for tls, 25 for none), tls (starttls, tls or none), user, password_file, from and
    ca_file; in the environment ``FARMWATCH_SMTP_HOST`` and so on.

    Args:
        path: TOML file; none for the environment alone.
        environment: of the process.

    Raises:
        ProfileError: a key is missing, unknown or wrong; all of them are told.
    """
    where = str(path) if path is not None else f"environment ({_PREFIX}HOST, …)"
    raw = dict(_file(path)) if path is not None else {}
    for key in _FIELDS:
        if given := environment.get(_PREFIX + key.upper()):
            raw[key] = int(given) if key == "port" and given.isascii() and given.isdigit() else given
    faults = [f"{key}: not a setting of mail; there are {', '.join(_FIELDS)}" for key in sorted(raw.keys() - _FIELDS)]
    faults += [f"{key}: expected {kind.__name__}" for key, kind in _FIELDS.items()
               if key in raw and (not isinstance(raw[key], kind) or isinstance(raw[key], bool))]  # fmt: skip
    faults += [f"{key}: is missing" for key in ("host", "from") if not raw.get(key)]
    tls = raw.get("tls", "starttls")
    if tls not in _TLS:
        faults.append(f"tls: {tls!r} is none of {', '.join(_TLS)}")
    elif tls == "none" and raw.get("host") not in _LOCAL:
        faults.append("tls: none would send the report in the clear; it is for a mail server on this machine only")
    if isinstance(raw.get("from"), str) and not _ADDRESS.fullmatch(raw["from"]):
        faults.append(f"from: {raw['from']!r} is no mail address")
    if raw.get("user") and not raw.get("password_file"):
        faults.append("password_file: is missing; a file that only its owner may read")
    if faults:
        raise ProfileError(where, faults)
    port = raw.get("port", {"starttls": 587, "tls": 465, "none": 25}[tls])
    if not 0 < port < 65536:
        raise ProfileError(where, [f"port: {port} is none"])
    return SmtpServer(
        raw["host"], port, tls, raw["from"], raw.get("user", ""),
        Path(raw["password_file"]).expanduser() if raw.get("password_file") else None,
        Path(raw["ca_file"]).expanduser() if raw.get("ca_file") else None,
    )  # fmt: skip


def _file(path: Path) -> Mapping[str, Any]:
    try:
        whole = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ProfileError(str(path), [f"cannot be read: {error}"]) from error
    table = whole.get("smtp", {})
    if not isinstance(table, dict) or "password" in table:
        raise ProfileError(str(path), ["expected a table [smtp], with password_file instead of a password"])
    return table


def addresses(given: Sequence[str]) -> tuple[str, ...]:
    """Mail addresses somebody typed.

    Raises:
        DeliveryError: one is none, as with a line break or a second address in it.
    """
    for one in given:
        if not _ADDRESS.fullmatch(one) or ".." in one:
            raise DeliveryError(f"{one!r} is no mail address; write name@example.org, and --mail-to again for another")
    return tuple(dict.fromkeys(given))


def message(
    morning: Morning, text: str, html: str | None, sender: str, recipients: Sequence[str], *, warning: str = ""
) -> EmailMessage:
    """The mail: counts in the subject, the text, the page as an attachment.

    The subject names no device: it is shown on locked screens. The message id is made of what was compared with
    what, so that a mail that is sent twice is known for one by many readers.

    Args:
        morning: the report.
        text: it as text.
        html: it as a page; None for no attachment.
        sender: whom it is from.
        recipients: to whom.
        warning: what takes the worth from it at the time of sending; first line of the text, and said in the subject.
    """
    made = EmailMessage(policy=SMTP)
    made["Subject"] = _subject(morning, old=bool(warning))
    made["From"] = Address("farmwatch", addr_spec=sender)
    made["To"] = ", ".join(recipients)
    made["Message-ID"] = f"<{_word(morning.report_id)}.morning@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    made.set_content(f"WARNING: {warning}\n\n{text}" if warning else text)
    if html is not None:
        page = html.encode()
        if len(page) <= _MOST_BYTES:
            made.add_attachment(page, maintype="text", subtype="html", filename=f"{_word(morning.run.run_id)}.html")
    return made


def _subject(morning: Morning, *, old: bool) -> str:
    told = [f"{count} {word}" for word, count in saying.headline(morning)[:3]]
    aged = ", old assessment" if old else ""
    return ascii_text(f"farmwatch {saying.day(morning.run.until)}{aged}: {', '.join(told)}")


def _word(text: str) -> str:
    """A text of letters, digits, dots and dashes only."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", text)


def send(server: SmtpServer, mail: EmailMessage, recipients: Sequence[str], **retrying: Any) -> None:
    """Hand a mail to the server; all recipients or none.

    Args:
        server: where mail goes out.
        mail: what goes out.
        recipients: to whom.
        retrying: how often and how long to wait, see :func:`~farmwatch.delivery.failing.tried`.

    Raises:
        DeliveryError: the server refused it, or could not be reached.
    """
    tried(lambda: _send(server, mail, recipients), **retrying)


def _send(server: SmtpServer, mail: EmailMessage, recipients: Sequence[str]) -> None:
    where = f"mail server {server.host}:{server.port}"
    connection: smtplib.SMTP
    try:
        trust = trusted(server.ca_file)
        if server.tls == "tls":
            connection = smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT_S, context=trust)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT_S)
        with connection:
            if server.tls == "starttls":
                connection.starttls(context=trust)
            if server.user:
                connection.login(server.user, server.password())
            refused = connection.send_message(mail, server.sender, list(recipients))
    except ssl.SSLError as error:
        raise DeliveryError(f"{where}: no trusted TLS: {error}") from error
    except smtplib.SMTPResponseException as error:
        said = ascii_text(bytes(error.smtp_error).decode("utf-8", "replace")
                          if isinstance(error.smtp_error, bytes) else str(error.smtp_error))[:200]  # fmt: skip
        kind = PassingError if 400 <= error.smtp_code < 500 else DeliveryError
        raise kind(f"{where}: {error.smtp_code} {said}") from error
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        kind = PassingError if all(400 <= code < 500 for code in codes) else DeliveryError
        raise kind(f"{where}: refuses all recipients ({', '.join(map(str, codes))})") from error
    except smtplib.SMTPNotSupportedError as error:
        raise DeliveryError(f"{where}: {error}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise PassingError(f"{where}: {type(error).__name__}: {error}") from error
    if refused:
        raise DeliveryError(f"{where}: refuses {', '.join(sorted(refused))}; the others have it")
