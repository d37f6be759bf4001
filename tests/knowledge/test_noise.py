from __future__ import annotations

import pytest

from farmwatch.knowledge import Grade, Side, Sign
from farmwatch.knowledge.noise import grade_host, grade_path, grade_port, grade_program


@pytest.mark.parametrize(
    ("text", "value", "sign", "grade", "alone"),
    [
        ("agents.acme-rmm.com", "agents.acme-rmm.com", Sign.PRESENCE, Grade.MEDIUM, True),
        ("*.acme-rmm.com", "*.acme-rmm.com", Sign.PRESENCE, Grade.LOW, True),
        ("acme-rmm.com", "*.acme-rmm.com", Sign.PRESENCE, Grade.LOW, False),
        ("acme.co.kr", "*.acme.co.kr", Sign.PRESENCE, Grade.LOW, False),
        ("*.cell-1.acme.co.kr", "*.cell-1.acme.co.kr", Sign.PRESENCE, Grade.MEDIUM, True),
        ("relay-[a-f0-9]{8}.net.acme.com:443", "relay-[a-f0-9]{8}.net.acme.com", Sign.SESSION, Grade.MEDIUM, True),
        ("turn.acme.com", "turn.acme.com", Sign.SESSION, Grade.MEDIUM, True),
        ("relaxed.acme.com", "relaxed.acme.com", Sign.PRESENCE, Grade.MEDIUM, True),
        ("https://API.acme.com/v1/x", "api.acme.com", Sign.PRESENCE, Grade.MEDIUM, True),
        ("*set.me", "*.set.me", Sign.PRESENCE, Grade.LOW, True),
    ],
)
def test_hosts_worth_keeping_are_graded(text: str, value: str, sign: Sign, grade: Grade, alone: bool) -> None:
    graded = grade_host(text)
    assert (graded.value, graded.sign, graded.grade, graded.alone) == (value, sign, grade, alone)
    assert (graded.side is Side.RELAY) == (sign is Sign.SESSION)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("user_managed", "not a host name"),
        ("<operator-configured GLPI server>", "not a host name"),
        ("136.243.104.235", "not a host name"),
        ("2001:db8::1", "not a host name"),
        ("*.-dms.zoho.com.cn", "not a host name"),
        ("", "not a host name"),
        ("*.com", "not a host name"),
        ("github.com", "cloud or public service"),
        ("*.amazonaws.com", "cloud or public service"),
        ("a1-backend-packages.s3.amazonaws.com", "cloud or public service"),
        ("google.com", "cloud or public service"),
        ("crossloop.en.softonic.com", "cloud or public service"),
        ("www.acme.com", "web site"),
        ("docs.acme.com", "web site"),
        ("support.acme.com", "web site"),
        ("download.acme.com", "web site"),
        ("my-sharepoint-inc.com", "host of attackers"),
    ],
)
def test_noise_is_left_out_with_a_reason(text: str, reason: str) -> None:
    graded = grade_host(text)
    assert graded.value == ""
    assert reason in graded.reason


def test_hosts_of_dual_use_software_are_left_out() -> None:
    assert grade_host("sync.acme.com", dual_use=True).value == ""


def test_ports_half_the_net_uses_are_left_out() -> None:
    assert grade_port("5938").value == "tcp/5938"
    assert not grade_port("5938").alone
    for text in ("443", "80", "22", "1000-65535", "0", "70000", "x", ""):
        assert grade_port(text).value == "", text


def test_program_names() -> None:
    assert grade_program(r"C:\Windows\Action1\action1_agent.exe").value == "action1_agent.exe"
    assert grade_program("wec_launcher_[a-Z0-9]*_.exe").value == "wec_launcher_*_.exe"
    assert not grade_program("rd.exe").alone
    for text in ("libeay32.dll", "*.exe", "requires sign up", "<org>Agent.exe", ""):
        assert grade_program(text).value == "", text


def test_folders_every_computer_has_are_left_out() -> None:
    assert grade_path(r"C:\Program Files (x86)\Acme Remote\\*").value == "*/Program Files (x86)/Acme Remote/*"
    assert grade_path(r"%localappdata%\Acme\Log\*").value == "*/Acme/Log/*"
    assert grade_path(r"C:\Users\alice\AppData\Local\Acme\x.log").value == "*/Users/*/AppData/Local/Acme/x.log"
    assert grade_path("~/Library/Logs/com.acme/").value == "*/Library/Logs/com.acme/*"
    for text in (r"C:\Windows\System32\*", "/var/log/system.log", "https://acme.com/x", "acme.exe", ""):
        assert grade_path(text).value == "", text
