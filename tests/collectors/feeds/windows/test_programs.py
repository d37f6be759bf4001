"""Programs, services and software in Windows' logs."""

from __future__ import annotations

import pytest

from farmwatch.collectors.feeds.windows.programs import program_of
from farmwatch.records import DnsLookup, Process, Service, Socket, Software
from tests import windows_log
from tests.collectors.feeds.golden import account, parsed, rows

KIND = "windows-events"


def told(*cases):
    return parsed(KIND, windows_log.lines(windows_log.dump, windows_log.events(cases)))


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ('"C:\\Program Files\\A B\\a.exe" --service x', "C:\\Program Files\\A B\\a.exe"),
        ("C:\\Program Files\\A B\\a.exe --service x", "C:\\Program Files\\A B\\a.exe"),
        ("\\??\\C:\\drivers\\x.SYS", "\\??\\C:\\drivers\\x.SYS"),
        ("%systemroot%\\system32\\svchost.exe -k netsvcs", "%systemroot%\\system32\\svchost.exe"),
        ("tool --config a.exe.txt", "tool"),
        ("", None),
        ('""', None),
    ],
)
def test_the_program_of_a_command_line(command, program):
    """Without arguments, which may hold keys and passwords."""
    assert program_of(command) == program


def test_a_process_keeps_no_values():
    """Option names and link schemes only; the hash is the SHA-256 among those given."""
    (row,) = rows(told((windows_log.SYSMON, 1, windows_log.PROCESS, {})), Process)
    assert (row["arguments"], row["sha256"]) == ("--service --password", "ab" * 32)
    assert row["path"] == "C:\\Users\\*\\AppData\\Roaming\\Tool\\AnyDesk.exe"


@pytest.mark.parametrize("number", [1, 4688])
def test_a_process_without_a_name_is_rejected(number):
    """Which program it was is the least."""
    provider = windows_log.SYSMON if number == 1 else windows_log.SECURITY
    rejects, _, _ = account(told((provider, number, {"ProcessId": "4"}, {})))
    assert rejects[0][0].endswith("names no program")


def test_who_opened_a_connection():
    """The far end is the destination of what this device opened and the source of what it accepted."""
    out, into = windows_log.SOCKET, {**windows_log.SOCKET, "Initiated": "false"}
    first, second = rows(told((windows_log.SYSMON, 3, out, {}), (windows_log.SYSMON, 3, into, {})), Socket)
    assert (first["remote_h"], first["remote_p"], first["state"]) == ("198.51.100.20", 443, "connected")
    assert (second["remote_h"], second["local_p"], second["state"]) == ("192.0.2.14", 443, "accepted")
    assert second["remote_name"] == "lt-014.corp.example"


def test_answers_to_a_name():
    """At most eight, without record types and mapped prefixes."""
    many = ";".join(f"::ffff:198.51.100.{n}" for n in range(20))
    (row, bare) = rows(
        told(
            (windows_log.SYSMON, 22, {"QueryName": "A.example.", "QueryResults": f"type:  5 B.example;{many}"}, {}),
            (windows_log.SYSMON, 22, {"QueryName": "b.example", "QueryResults": "-"}, {}),
        ),
        DnsLookup,
    )
    assert row["name"] == "a.example"
    assert row["answers"].split(",") == ["b.example", *(f"198.51.100.{n}" for n in range(7))]
    assert "answers" not in bare


def test_services_say_how_they_start():
    """As a number in the Security log, in words in the System log."""
    found = rows(
        told(
            (windows_log.SECURITY, 4697, {"ServiceName": "a", "ServiceStartType": "3"}, {}),
            (("Service Control Manager", "System"), 7045, {"ServiceName": "b", "StartType": "Manuell"}, {}),
        ),
        Service,
    )
    assert [row["start_mode"] for row in found] == ["demand start", "Manuell"]


def test_installed_software():
    """From a package's event, and from a sentence in any language."""
    found = rows(
        told(
            (("MsiInstaller", "Application"), 1033, ["Tool", "1.2", "1031", "0", "Maker", "(NULL)"], {}),
            (("MsiInstaller", "Application"), 11707, ["Produit : Tool Two -- Installation terminée."], {}),
        ),
        Software,
    )
    assert [(row["name"], row.get("version"), row.get("publisher")) for row in found] == [
        ("Tool", "1.2", "Maker"), ("Tool Two", None, None),
    ]  # fmt: skip
