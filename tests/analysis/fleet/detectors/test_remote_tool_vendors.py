"""RemoteToolVendors: hit, near miss, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.remote_tool_vendors import RemoteToolVendors
from farmwatch.analysis.profile import Profile
from farmwatch.records import DnsLookup, PowerEvent, Process, Software
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = RemoteToolVendors()


def process(name, day=1.0, **values):
    return Process(device_id="lt-1", ts=at(day), event="running", name=name, **values)


def test_two_makers_tools_days_apart():
    """Chrome Remote Desktop laid over AnyDesk, twenty days later."""
    finding = judged(DETECTOR, [process("anydesk.exe", -16), process("remoting_host.exe", 4)]).hits["lt-1"][0]
    assert finding.grade == "used"
    assert "20.0 days apart: AnyDesk, Chrome Remote Desktop" in finding.summary


def test_one_of_them_only_installed_weighs_less():
    """Software that nobody starts may be left over."""
    rows = [process("anydesk.exe"), Software(device_id="lt-1", ts=at(1), kind="program", name="TeamViewer 15")]
    assert answers(DETECTOR, rows) == {"lt-1": "present"}


def test_two_products_of_one_maker_are_one():
    """Seen by several names, still one maker."""
    rows = [process("anydesk.exe"), DnsLookup(device_id="lt-1", ts=at(2), name="boot.net.anydesk.com")]
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_a_technicians_approved_tools_are_clear():
    """Many tools, all approved; one more that is not makes one maker, not two."""
    rows = [process(name) for name in ("anydesk.exe", "teamviewer_service.exe", "rustdesk.exe")]
    approved = Profile(approved_tools=frozenset({"anydesk", "teamviewer"}))
    assert answers(DETECTOR, rows, profile=approved) == {"lt-1": "clear"}
    assert answers(DETECTOR, rows) == {"lt-1": "used"}


def test_viewers_and_weak_facts_do_not_count():
    """A folder name and the system's own client beside one tool."""
    rows = [
        process("anydesk.exe"),
        process("mstsc.exe"),
        process("a.exe", path="C:\\Program Files (x86)\\RemotePC\\a.exe"),
    ]
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_without_programs_there_is_no_data():
    """Nothing to look at is not clear."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}
