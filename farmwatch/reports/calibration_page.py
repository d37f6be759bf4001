"""The card of measured weights for a terminal: what was measured, how well it holds, what an alarm is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from farmwatch.reports import wording
from farmwatch.reports.page import Page

__all__ = ["show_card"]


def show_card(page: Page, card: Mapping[str, Any]) -> None:
    """A card as :func:`farmwatch.analysis.fleet.measuring.measure` makes it."""
    page.say(f"Weights measured on {card['source']}, up to {card['date']}", style="bold")
    for fleet in card["fleets"]:
        lost = f", {fleet['not_assessed']:,} labelled ones not in it" if fleet["not_assessed"] else ""
        page.say(
            f"{fleet['devices']:,} devices assessed: {fleet['driven']:,} driven, {fleet['benign']:,} benign, "
            f"{fleet['in_farms']:,} in farms, {fleet['unlabelled']:,} without a label{lost}",
            indent=2, label=f"{fleet['name']}:", hang=4,
        )  # fmt: skip
    for claim, judged in card["claims"].items():
        page.blank()
        _claim(page, claim, judged, card["split"])
    page.blank()
    _grades(page, card["grades"])
    page.blank()
    for limit in card["limits"]:
        page.say(limit, label="Limit:", hang=2)


def _claim(page: Page, claim: str, judged: Mapping[str, Any], split: str) -> None:
    page.say(
        f"{judged['driven']:,} devices for which it holds, {judged['benign']:,} others; judged on {split}s that "
        f"nothing was measured on, in {judged['folds']} rounds",
        label=f"{claim.capitalize()}:", style="bold", hang=2,
    )  # fmt: skip
    if judged["method"] == "Platt":
        worth = f"a sum of weights is worth {judged['slope']:.2f} of itself and {judged['offset']:+.1f} decibans"
    else:
        worth = "a sum of weights is worth what a rising curve says (isotonic regression)"
    page.say(worth, indent=2)
    held, own = judged["reliability"], judged["own_weights"]
    page.say(
        f"calibration error {held['ece']:.4f} (with the detectors' own weights {own['ece']:.4f}), largest gap of a bin "
        f"{held['largest_gap']:.3f} ({own['largest_gap']:.3f}), Brier {held['brier']:.4f} ({own['brier']:.4f}), "
        f"log-loss {held['log_loss']:.4f} ({own['log_loss']:.4f}), at a prevalence of {judged['prevalence']:.2g}",
        indent=2, hang=4,
    )  # fmt: skip
    _columns(
        page,
        ("predicted", "came true", "devices", ""),
        [
            (
                f"{one['predicted']:.3f}", f"{one['came_true']:.3f}", f"{one['devices']:,}",
                "#" * round(20 * one["came_true"]),
            )
            for one in held["bins"]
        ],
    )  # fmt: skip
    page.say("What an alarm is worth: share of right ones by prevalence, measured (and at least)", indent=2)
    shares = list(judged["thresholds"][0]["right"])
    _columns(
        page,
        ("prior", "level", "decibans", "recall", "false alarms", *(f"right at {share}" for share in shares)),
        [
            (
                f"{row['prior']:g}", row["level"], f"{row['decibans']:.1f}", f"{row['recall']:.2f}",
                f"{row['false_alarms'][0]:,} of {row['false_alarms'][1]:,}",
                *(f"{one['measured']:.3f} ({one['at_least']:.3f})" for one in row["right"].values()),
            )
            for row in judged["thresholds"]
        ],
    )  # fmt: skip
    told = judged["follow_up"]
    page.say(
        f"to follow up with at most {told['false_share_allowed']:.0%} false on average (Benjamini-Hochberg over "
        f"conformal p-values): {told['devices']:,} devices, {told['of_driven']:,} of them right; no p-value can be "
        f"below {told['least_p_value']:.2g}",
        indent=2, hang=4,
    )  # fmt: skip


def _grades(page: Page, grades: Sequence[Mapping[str, Any]]) -> None:
    page.say("Weights in decibans: own, measured, 90 % interval, on how many devices", style="bold")
    listed = sorted(grades, key=lambda one: (one["claim"], -(one["decibans"] or 0), one["detector"], one["grade"]))
    _columns(
        page,
        ("detector", "grade", "claim", "own", "measured", "interval", "driven", "others"),
        [
            (
                one["detector"], one["grade"], one["claim"], wording.decibans(one["own"]),
                "-" if one["decibans"] is None else wording.decibans(one["decibans"]),
                f"{one['low']:+.1f} to {one['high']:+.1f}",
                f"{one['driven'][0]:,}/{one['driven'][1]:,}", f"{one['benign'][0]:,}/{one['benign'][1]:,}",
            )
            for one in listed
        ],
    )  # fmt: skip
    for one in listed:
        if one["note"]:
            page.say(one["note"], indent=2, label=f"{one['detector']} {one['grade']}:", hang=4, style="dim")


def _columns(page: Page, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns in line, however wide: they can be copied."""
    shown = [[page.text(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[number]) for row in shown) for number in range(len(heads))]
    for row in shown:
        page.verbatim("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
