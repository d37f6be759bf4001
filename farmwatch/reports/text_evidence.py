"""The terminal's long form: sessions, every finding whatever its outcome, and the chain from prior to level."""

from __future__ import annotations

from collections.abc import Sequence

from farmwatch.records.finding import Claim, Finding, Outcome
from farmwatch.records.report import ClaimAssessment, Device, Report
from farmwatch.reports import reading, wording
from farmwatch.reports.page import Page

__all__ = ["chain", "device", "finding", "inputs", "lans"]


def device(page: Page, found: Device, report: Report, *, packets: bool) -> None:
    """The whole evidence about one device; with ``packets`` the rows that prove each finding."""
    sessions = reading.ordered_sessions(found)
    if sessions:
        page.say(f"Sessions ({len(sessions)})", indent=2, style="bold")
    for session in sessions:
        page.say(wording.session_sentence(session), indent=4, label=f"{session.session_id}:", hang=6)
        for basis in wording.measured(session):
            page.say(basis, indent=6, style="dim")
        if packets:
            place = f"{session.protocol} {session.local} to {session.remote}, {wording.plural(session.flows, 'flow')}"
            reason = f"; role: {session.role_reason}" if session.role_reason else ""
            page.say(f"{place}{_packets(report, session.input, session.packets)}{reason}", indent=6, style="dim")
    told = _told_once(reading.by_outcome(found, Outcome.HIT))
    for heading, sign in (("Speaks for it", 1), ("Speaks against it", -1), ("Seen, weighs nothing", 0)):
        alike = [answers for answers in told if _sign(answers) == sign]
        if alike:
            page.say(f"{heading} ({len(alike)})", indent=2, style="bold")
        for answers in alike:
            finding(page, answers[0], report, packets=packets, others=answers[1:])
    for outcome, heading in ((Outcome.CLEAR, "Looked at and clear"), (Outcome.NO_DATA, "No data")):
        findings = reading.by_outcome(found, outcome)
        if findings:
            page.say(f"{heading} ({len(findings)})", indent=2, style="bold")
        if not packets:
            _folded(page, findings)
            continue
        for answers in _told_once(findings):
            finding(page, answers[0], report, packets=packets, others=answers[1:])
    for claim, assessed in reading.claims(found):
        chain(page, claim, assessed)


def _told_once(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of one detector that say the same about several claims, together; in the order given."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for found in findings:
        groups.setdefault((found.detector, found.summary, found.observed), []).append(found)
    return list(groups.values())


def _sign(answers: Sequence[Finding]) -> int:
    """1 where any of some findings speaks for its claim, else -1 where any speaks against it, else 0."""
    weights = [found.decibans for found in answers]
    return 1 if max(weights) > 0 else -1 if min(weights) < 0 else 0


def _folded(page: Page, findings: Sequence[Finding]) -> None:
    """Findings that say nothing, one line per claim: how many detectors, and which."""
    for claim in Claim:
        names = sorted({found.detector for found in findings if found.claim is claim})
        if names:
            page.say(f"{wording.plural(len(names), 'check')}: {', '.join(names)}", indent=4, label=f"{claim}:", hang=6)


def finding(page: Page, found: Finding, report: Report, *, packets: bool, others: Sequence[Finding] = ()) -> None:
    """One finding: weight, detector, what was seen and what would be normal.

    Args:
        page: Where to write.
        found: The finding.
        report: The report it is from, which names the inputs.
        packets: Whether to show the rows that prove it.
        others: The same finding about other claims, named beside the first.
    """
    weighing = [one for one in (found, *others) if one.outcome is not Outcome.HIT or one.decibans]
    weights = f"{', '.join(_weighed(one) for one in weighing)}; " if weighing else ""
    page.say(found.summary, indent=4, label=f"{found.detector} [{weights}{found.family}]:", hang=6)
    if found.outcome is Outcome.HIT:
        for label, text in (("seen:", found.observed), ("normal:", found.expected)):
            if text and text != found.summary:
                page.say(text, indent=6, label=label, style="dim")
        if found.benign:
            page.say("; ".join(found.benign), indent=6, label="benign:", style="dim")
    if packets:
        for row in found.rows:
            page.say(f"table {row.table}{_packets(report, row.input, row.packets)}", indent=6, style="dim")


def _weighed(found: Finding) -> str:
    """A finding's claim with its weight, where it has one."""
    silent = found.outcome is Outcome.NO_DATA or not found.decibans
    return str(found.claim) if silent else f"{found.claim} {wording.decibans(found.decibans)}"


def _packets(report: Report, number: int, packets: tuple[int, ...]) -> str:
    """Where packets are: file and numbers, as a display filter understands them; of a sensor's logs the lines."""
    known = report.inputs[number] if 0 <= number < len(report.inputs) else None
    path = known.path if known else f"input {number}"
    numbers = ", ".join(map(str, packets))
    what = "line" if known is not None and reading.is_logs(known) else "packet"
    return f", {path} {what} {numbers}" if packets else f", {path}"


def chain(page: Page, claim: Claim, assessed: ClaimAssessment) -> None:
    """From prior to level: each weight, what it rests on, and what would overturn the result."""
    odds = f"{wording.decibans(assessed.decibans)} decibans, {wording.percent(assessed.probability)}"
    nothing = "" if assessed.weights else "; prior only, nothing weighed"
    page.say(
        f"{assessed.level}: {odds}{nothing}",
        indent=2,
        label=f"{str(claim).capitalize()}:",
        style=str(assessed.level),
    )
    if assessed.weights:
        _weights(page, assessed)
    for label, text in (
        ("families:", ", ".join(assessed.families)),
        ("why:", assessed.reason),
        ("would overturn it:", assessed.overturn),
    ):
        if text:
            page.say(text, indent=4, label=label, hang=6)


def _weights(page: Page, assessed: ClaimAssessment) -> None:
    """Prior, each weight with what it rests on, and their sum."""
    page.say(
        f"{wording.decibans(assessed.prior_decibans):>7}  prior: how rare this is before looking", indent=4, hang=13
    )
    for weight in assessed.weights:
        amount = wording.decibans(weight.decibans)
        if weight.counted:
            page.say(
                f"{amount:>7}  {weight.detector}; {wording.origin(weight.source, weight.reason)}",
                indent=4,
                hang=13,
            )
        else:
            page.say(
                f"{f'({amount})':>8} {weight.detector}, not added: a stronger one of the same cause"
                f"{f' ({weight.group})' if weight.group else ''} counts",
                indent=4,
                hang=13,
                style="dim",
            )
    page.say(f"{wording.decibans(assessed.decibans):>7}  sum", indent=4)


def inputs(page: Page, report: Report) -> None:
    """Every input with its fingerprint."""
    page.blank()
    page.say("Inputs", style="bold")
    for number, entry in enumerate(report.inputs):
        state = "unreadable" if entry.error is not None else "complete" if entry.complete else "DAMAGED"
        page.say(
            f"{entry.path}: {wording.kind(entry)}, {wording.amount(entry)}, {wording.size(entry.bytes)}, "
            f"{wording.plural(entry.flows, 'flow')}, vantage {wording.VANTAGE[entry.vantage]}, {state}",
            indent=2,
            label=f"{number}.",
        )
        if entry.first_ts and entry.last_ts:
            page.say(wording.span(entry.first_ts, entry.last_ts), indent=5, style="dim")
        page.say(f"sha256 {entry.sha256}", indent=5, style="dim")
        for loss in wording.losses(entry):
            page.say(f"not used: {loss}", indent=5)


def lans(page: Page, report: Report) -> None:
    """Who was on each local network."""
    for lan in report.lans:
        page.blank()
        page.say(f"Local network {lan.lan_id}, gateway {lan.gateway or 'not seen'}", style="bold")
        for host in lan.hosts:
            macs = [wording.short_mac(mac) if host.role == "neighbour" else mac for mac in host.macs[:2]]
            facts = [*host.names[:2], *host.ips[:3], *macs, host.vendor or "", host.note]
            page.say(", ".join(fact for fact in facts if fact), indent=2, label=f"{host.role}:", hang=4)
