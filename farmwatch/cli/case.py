"""``farmwatch case``: what needs a person, why, and what people decided."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from farmwatch.cli.case_desk import command, open_case_store, open_desk
from farmwatch.cli.store import StoreOption
from farmwatch.cli.streams import Color, can_show, talk, use_color, width, write_result

if TYPE_CHECKING:
    from farmwatch.cli.case_desk import Desk
    from farmwatch.records import Decision
    from farmwatch.reports.page import Page

__all__ = ["HELP", "app"]

HELP = """List what needs a person, show why, and keep what people decide, with reasons.

A decision acts at once on the stored result and is never changed, only followed by another. Dismissing explains what
is there now: another detector, grade, product or farm opens the case again. With --detector, --cause or --about it
explains later findings of that kind too.

\b
Examples:
  farmwatch case list
  farmwatch case show lt-0142
  farmwatch case dismiss lt-0142 --reason "help desk session, ticket 4711"
  farmwatch case dismiss lt-0142 --cause kvm --until 2026-12-31 --reason "lab bench, KVM of the team"
  farmwatch case dismiss '*' --detector usb.mouse --about "Dell dock" --reason "every dock of this model does that"
  farmwatch case confirm lt-0142 --reason "courier photo shows the KVM"
  farmwatch case audit"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)


class _Level(StrEnum):
    """Levels to list."""

    STRONG = "strong"
    REVIEW = "review"
    CLEAR = "clear"


class _State(StrEnum):
    """States to list."""

    OPEN = "open"
    NEW_EVIDENCE = "new-evidence"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


class _ClaimName(StrEnum):
    """Claims to decide about."""

    DRIVEN = "driven"
    ABROAD = "abroad"
    FARM = "farm"


class _Together(StrEnum):
    """What devices have in common that a decision holds for."""

    HOUSEHOLD = "household"
    SITE = "site"
    FARM = "farm"


DeviceArgument = Annotated[str, typer.Argument(metavar="DEVICE", help="A device id, as 'farmwatch case list' has it.")]
ShownArgument = Annotated[
    str, typer.Argument(metavar="DEVICE|FARM", help="A device id, or a farm id as a report has it.")
]
DecidedArgument = Annotated[
    str, typer.Argument(metavar="DEVICE", help="A device id; '*' for every device, with --detector or --cause.")
]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why. Kept with the decision.")]
WhoOption = Annotated[
    str | None, typer.Option("--who", metavar="NAME", help="Who decides. Default: the user logged in.")
]
ClaimOption = Annotated[
    list[_ClaimName] | None,
    typer.Option("--claim", help="Which claim; repeatable. Default: those that ask for a person."),
]
DetectorOption = Annotated[
    str | None, typer.Option("--detector", metavar="ID", help="Only findings of this detector, also later ones.")
]
GradeOption = Annotated[
    str | None, typer.Option("--grade", metavar="GRADE", help="With --detector: only of this grade.")
]
CauseOption = Annotated[
    str | None, typer.Option("--cause", metavar="CAUSE", help="Only findings of this cause, also later ones.")
]
AboutOption = Annotated[
    str | None,
    typer.Option("--about", metavar="TEXT", help="Only findings that say this, such as a tool; also later ones."),
]
TogetherOption = Annotated[
    _Together | None,
    typer.Option(
        "--with",
        help="Also for the devices of its household, site or farm, where they ask for a person; with farm: "
        "only about the farm, unless --claim says more.",
    ),
]
WeightsOption = Annotated[
    Path | None, typer.Option("--weights", metavar="JSON", help="Weights that 'farmwatch calibrate' measured.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Write the result as JSON.")]


def _who(given: str | None) -> str:
    """Who decides.

    Raises:
        typer.BadParameter: nobody is named and the system does not know.
    """
    if given is not None:
        return given
    unknown = typer.BadParameter("the system does not say who you are; name yourself", param_hint="--who")
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        raise unknown from error
    if not user.strip():
        raise unknown
    return user


def _page() -> Page:
    from farmwatch.reports.page import Page

    return Page(width=width(sys.stdout), color=use_color(Color.AUTO, sys.stdout), ascii_only=not can_show(sys.stdout))


def _write(text: str) -> None:
    write_result(text, None, encoding=sys.stdout.encoding or "ascii")


def _write_json(value: Any) -> None:
    from farmwatch.reports.escape import json_text

    _write(json_text(json.dumps(value, indent=1)) + "\n")


@app.command("list")
def list_cases(
    level: Annotated[_Level | None, typer.Option("--level", help="Only of this level, or above it.")] = None,
    state: Annotated[
        list[_State] | None,
        typer.Option("--state", help="Only in this state; repeatable. Default: all but dismissed."),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Only what did not ask for a person before.")] = False,
    store: StoreOption = None,
    weights: WeightsOption = None,
    as_json: AsJson = False,
) -> None:
    """List cases, those first that need a person most."""
    from farmwatch.records import CaseState, Level
    from farmwatch.reports.case_page import level_of, list_cases, urgency

    desk = open_desk(store, weights)
    every = desk.standings()
    wanted = {str(one).replace("-", " ") for one in state or (_State.OPEN, _State.NEW_EVIDENCE, _State.CONFIRMED)}
    order = [Level.STRONG, Level.REVIEW, Level.CLEAR, Level.NOT_ENOUGH_DATA]
    shown = [
        one
        for one in every.values()
        if one.state is not CaseState.QUIET
        and str(one.state).removesuffix(" after a dismissal") in wanted
        and (level is None or order.index(level_of(one)) <= order.index(Level(level)))
    ]
    if new:
        before = desk.asked_before()
        shown = [one for one in shown if one.device_id not in before]
    shown.sort(key=urgency)
    everywhere = desk.everywhere()
    if as_json:
        from farmwatch.reports.document import plain

        _write_json(
            {
                "run_id": desk.kept.run["run_id"],
                "cases": [{"level": str(level_of(one)), "state": str(one.state), **plain(one)} for one in shown],
                "everywhere": [plain(one) for one in everywhere],
            }
        )
        return
    page = _page()
    list_cases(page, shown, everywhere)
    if shown or everywhere:
        _write(page.render())
    dismissed = sum(one.state is CaseState.DISMISSED for one in every.values())
    talk(
        f"{len(shown)} of {sum(one.state is not CaseState.QUIET for one in every.values())} cases, "
        f"{dismissed} dismissed; assessment {desk.kept.run['run_id']}"
    )


@app.command("show")
def show(
    device: ShownArgument, store: StoreOption = None, weights: WeightsOption = None, as_json: AsJson = False
) -> None:
    """Show one case: its chain of evidence, decisions, what was not looked at, what to do next; or a farm."""
    from farmwatch.reports.case_page import FarmFile, show_case, show_farm

    desk = open_desk(store, weights)
    farm_id = desk.farm_id(device)
    shown = desk.case(desk.known(device)) if farm_id is None else desk.farm(farm_id)
    if as_json:
        from farmwatch.reports.document import plain

        _write_json(plain(shown))
        return
    page = _page()
    if isinstance(shown, FarmFile):
        show_farm(page, shown)
    else:
        show_case(page, shown)
    _write(page.render())


@app.command("confirm")
def confirm(
    device: DeviceArgument,
    reason: ReasonOption,
    claim: ClaimOption = None,
    who: WhoOption = None,
    store: StoreOption = None,
    weights: WeightsOption = None,
    as_json: AsJson = False,
) -> None:
    """Mark a case as what it looks like."""
    _decide(device, "confirmed", reason, who, claim, store, weights, as_json=as_json)


@app.command("dismiss")
def dismiss(
    device: DecidedArgument,
    reason: ReasonOption,
    claim: ClaimOption = None,
    detector: DetectorOption = None,
    grade: GradeOption = None,
    cause: CauseOption = None,
    about: AboutOption = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Holds in assessments that end before then.")
    ] = None,
    together: TogetherOption = None,
    who: WhoOption = None,
    store: StoreOption = None,
    weights: WeightsOption = None,
    as_json: AsJson = False,
) -> None:
    """Explain what was found; without a scope only what is there now."""
    scope = {"detector": detector, "grade": grade, "cause": cause, "about": about}
    _decide(device, "dismissed", reason, who, claim, store, weights, scope=scope, until=until, together=together,
            as_json=as_json)  # fmt: skip


@app.command("reopen")
def reopen(
    device: DecidedArgument,
    reason: ReasonOption,
    claim: ClaimOption = None,
    detector: DetectorOption = None,
    grade: GradeOption = None,
    cause: CauseOption = None,
    about: AboutOption = None,
    who: WhoOption = None,
    store: StoreOption = None,
    weights: WeightsOption = None,
    as_json: AsJson = False,
) -> None:
    """Undo decisions: all about the claim, or the suppression that is named the same way."""
    scope = {"detector": detector, "grade": grade, "cause": cause, "about": about}
    _decide(device, "open", reason, who, claim, store, weights, scope=scope, as_json=as_json)


@app.command("note")
def note(
    device: DeviceArgument,
    reason: ReasonOption,
    claim: ClaimOption = None,
    who: WhoOption = None,
    store: StoreOption = None,
    weights: WeightsOption = None,
    as_json: AsJson = False,
) -> None:
    """Add a remark; it changes nothing."""
    _decide(device, "note", reason, who, claim, store, weights, as_json=as_json)


def _decide(
    device: str,
    state: str,
    reason: str,
    who: str | None,
    claims: Sequence[_ClaimName] | None,
    url: str | None,
    weights: Path | None,
    *,
    as_json: bool,
    scope: Mapping[str, Any] | None = None,
    until: str | None = None,
    together: _Together | None = None,
) -> None:
    """Keep what somebody decided, and say what follows from it."""
    from farmwatch.analysis.fleet.deciding import UndecidableError, decisions_for
    from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
    from farmwatch.records import EVERY_DEVICE, Claim, Decision

    for value, option in (
        (reason, "--reason"), (who, "--who"), *((text, f"--{name}") for name, text in (scope or {}).items()),
    ):  # fmt: skip
        if value is not None and not value.strip():
            raise typer.BadParameter("must say something", param_hint=option)
    decider = _who(who)
    desk = open_desk(url, weights)
    name = EVERY_DEVICE if device == EVERY_DEVICE and scope is not None else desk.known(device)
    draft = Decision(
        name, Claim.DRIVEN, state, reason, decider, "", until=desk.ending(until), run_id=desk.kept.run["run_id"],
        **(scope or {}),
    )  # fmt: skip
    desk.check_scope(draft.detector, draft.grade)
    if not claims:  # one who names the claim may mean what is yet to come
        desk.check_cause(draft.cause)
    if name == EVERY_DEVICE and state == "dismissed" and not draft.scoped:
        raise typer.BadParameter("for every device, name --detector, --cause or --about", param_hint="DEVICE")
    members = [name, *(desk.beside(name, together) if together else ())]
    standing = {} if name == EVERY_DEVICE else desk.standings(members)
    about = [Claim(one) for one in claims or ()]
    if name == EVERY_DEVICE and draft.scoped and not about:
        about += desk.claims_anywhere(draft)
    said = reason if together is None else f"{reason} (with the {together} of {name})"
    made: list[Decision] = []
    left: list[str] = []  # devices with nothing to decide
    for member in members:
        beside = member != name
        chosen = about or ([Claim.FARM] if beside and together is _Together.FARM else [])
        try:
            found = decisions_for(
                replace(draft, device_id=member, reason=said), standing.get(member),
                claims=chosen, beside=beside, detectors=FLEET_DETECTORS,
            )  # fmt: skip
        except UndecidableError as error:
            if not beside:
                instead = f": {command(url, *error.instead)}" if error.instead else ""
                raise typer.BadParameter(f"{error}{instead}", param_hint="DEVICE") from error
            found = []
        made += found
        left += [] if found else [member]
    if left:
        talk(f"left as they are, for nothing about them asks for this decision: {', '.join(left)}")
    if who is None and decider == "root":
        talk("decided as root; --who names somebody else")
    added = desk.store.state.cases.add(made, seen=None if state == "note" else desk.seen)
    _tell(desk, added, as_json=as_json)


def _tell(desk: Desk, added: Sequence[Decision], *, as_json: bool) -> None:
    """What was kept, and how the devices stand now."""
    from farmwatch.records import EVERY_DEVICE
    from farmwatch.reports.case_page import decision_sentence, level_of

    devices = list(dict.fromkeys(one.device_id for one in added))
    after = replace(desk, decisions=(*desk.decisions, *added)).standings(
        None if EVERY_DEVICE in devices else devices
    )  # fmt: skip
    if as_json:
        from farmwatch.reports.document import plain

        _write_json(
            {
                "decisions": [plain(one) for one in added],
                "now": {name: str(one.state) for name, one in after.items() if name in devices},
            }
        )
        return
    page = _page()
    for one in added:
        page.say(decision_sentence(one), label=f"{one.device_id}:", hang=2)
        if one.covers:
            kinds = ", ".join(dict.fromkeys(f"{kind.detector} {kind.grade}".strip() for kind in one.covers))
            page.say(f"explains {kinds}; anything else opens the case again", indent=2, style="dim")
    if EVERY_DEVICE in devices and any(one.state == "open" for one in added):
        held = replace(desk, decisions=(*desk.decisions, *added)).everywhere()
        undone = [one for one in desk.everywhere() if one not in held]
        for one in undone:
            page.say(decision_sentence(one), indent=2, label="undone:", hang=4)
        if not undone:
            page.say("nothing that held for every device is undone by it", indent=2)
    elif EVERY_DEVICE in devices:
        count = sum(any(by in added for _, by in one.suppressed) for one in after.values())
        page.say(f"explains findings on {count:,} devices of the last assessment", indent=2)
    else:
        for name in devices:
            if name in after:
                page.say(f"{name}: {after[name].state}, {level_of(after[name])}", label="Now", hang=2)
    _write(page.render())


@app.command("audit")
def audit(
    device: Annotated[str | None, typer.Argument(metavar="[DEVICE]", help="Only about this device.")] = None,
    store: StoreOption = None,
    as_json: AsJson = False,
) -> None:
    """List who did what and when, oldest first; tab-separated."""
    from farmwatch.reports.escape import terminal

    entries = open_case_store(store).state.cases.audit(device)
    if as_json:
        _write_json([asdict(one) for one in entries])
        return
    plain = not can_show(sys.stdout)
    _write(
        "".join(
            "\t".join(
                terminal(part, ascii_only=plain) for part in (one.ts, one.who, one.action, one.subject, one.detail)
            )
            + "\n"
            for one in entries
        )
    )
    if not entries:
        talk("nothing is in the audit" + (f" about {device}" if device else ""))
