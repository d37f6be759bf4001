"""Cases on a terminal: order, wording and escaping."""

from __future__ import annotations

from farmwatch.analysis.scoring import assess_device
from farmwatch.records import CaseState, Claim, Decision, Device, Evidence, Family, Finding, Outcome, Standing, Telling
from farmwatch.reports.case_page import CaseFile, decision_sentence, list_cases, show_case, urgency
from farmwatch.reports.page import Page
from farmwatch.reports.reading import proof


def finding(decibans=30.0, **values) -> Finding:
    """One hit."""
    return Finding("a.b", Family.HARDWARE, Claim.DRIVEN, Outcome.HIT, decibans, values.pop("summary", "seen"), **values)


def standing(device="lt", *findings, state=CaseState.OPEN, **values) -> Standing:
    """A device with findings in a state."""
    states = {Claim.DRIVEN: state, Claim.ABROAD: CaseState.QUIET, Claim.FARM: CaseState.QUIET}
    return Standing(device, assess_device(findings, 1e-2), findings, states=states, **values)


def shown(draw, *arguments) -> str:
    """A page as plain text on one line."""
    page = Page(width=100, color=False, ascii_only=True)
    draw(page, *arguments)
    return " ".join(page.render().split())


def test_need_orders_cases():
    """Strong before review, new evidence before what is merely open, open before decided."""
    review, strong = finding(12.0), finding(24.0, conclusive=True)
    more = finding(24.0, group="x")
    ordered = [
        standing("a", strong, more),
        standing("b", review, state=CaseState.NEW_EVIDENCE),
        standing("c", more),
        standing("d", review),
        standing("e", strong, more, state=CaseState.CONFIRMED),
        standing("f", state=CaseState.DISMISSED),
        standing("g", state=CaseState.QUIET),
    ]
    given = ordered[::-1]
    assert sorted(given, key=urgency) == ordered


def test_the_list_says_what_is_new_first():
    """What opened a dismissed case again, then the rest; three findings, and how many more."""
    new = finding(20.0, summary="a new thing")
    rest = [finding(summary=f"thing {number}") for number in range(4)]
    text = shown(list_cases, [standing("lt", *rest, new, state=CaseState.NEW_EVIDENCE, new=(new,))])
    assert "* new: a new thing * thing 0 * thing 1 and 2 findings more" in text


def test_the_list_tells_findings_in_the_order_of_reports():
    """Those that carry the verdict, each cause once; the rest after them."""
    same = finding(22.0, summary="the same cause again", group="kvm", grade="g1")
    heavy, light = (
        finding(24.0, summary="heavy", group="kvm", grade="g1"),
        finding(6.0, summary="light", group="x", grade="g2"),
    )
    one = standing("lt", heavy, same, light)
    report = Device("lt", (), (), (), one.assessment, (), one.findings)
    assert [told.summary for told in proof(report)] == ["heavy", "light"]
    assert "* heavy * light * the same cause again" in shown(list_cases, [one])


def test_hostile_text_steers_no_terminal():
    """Device names, summaries, reasons and records are written out."""
    evil = "\x1b]0;x\x07\u202e"
    decision = Decision(evil, Claim.DRIVEN, "dismissed", evil, evil, "2026-03-09T00:00:00Z", about=evil)
    told = (Telling(evil, evil, None, 2, (evil,), evil),)
    one = finding(summary=evil, observed=evil, benign=(evil,), telling=told, rows=(Evidence("flows", 0, (1, 2)),))
    case = CaseFile(standing(evil, one, farm_id=evil), "x", "y", evil, (decision,), (evil,), (evil,), (evil,))
    for text in (shown(show_case, case), shown(list_cases, [case.standing], [decision])):
        assert text.isprintable()
        assert "\\x1b]0;x\\x07" in text


def test_evidence_of_captures_and_other_devices_is_named():
    """Packets of a capture; rows of another device say whose they are."""
    told = (Telling("usb_devices", "2026-03-09T00:00:00Z", None, 1, (), "lt-2"),)
    one = finding(telling=told, rows=(Evidence("flows", 3, (7, 9)),))
    text = shown(show_case, CaseFile(standing("lt", one), "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z", "r"))
    assert "rows: usb_devices of lt-2, 2026-03-09 00:00:00 UTC, 1 row" in text
    assert "capture: flows of input 3 of its scan, packets 7, 9" in text


def test_a_decision_says_how_far_it_reaches():
    """Scope, ending and every device are in the sentence."""
    decision = Decision(
        "*", Claim.FARM, "dismissed", "one office", "ana", "2026-03-09T08:00:00Z", detector="farm.site", grade="3",
        about="gateway", until="2026-04-01T00:00:00Z",
    )  # fmt: skip
    assert decision_sentence(decision) == (
        'ana dismissed farm on every device (findings of farm.site, grade 3, that say "gateway", until '
        "2026-04-01 00:00:00 UTC) on 2026-03-09 08:00:00 UTC: one office"
    )
