"""Lines of a terminal page: escaped, wrapped, indented, coloured."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmwatch.reports.page import MIN_WIDTH, Page

SGR = re.compile(r"\x1b\[[0-9;]*m")


def page(width=80, color=False, ascii_only=False):
    """A page as the tests need it."""
    return Page(width=width, color=color, ascii_only=ascii_only)


def test_paragraphs_wrap_under_their_text():
    """Continuation lines begin under the text behind the label."""
    shown = page(60)
    shown.say("word " * 30, indent=2, label="Next 1.")
    lines = shown.render().splitlines()
    assert lines[0].startswith("  Next 1. word")
    assert all(line.startswith("          word") for line in lines[1:])
    assert max(map(len, lines)) <= 60


@given(st.text(max_size=400), st.text(max_size=30), st.integers(0, 200), st.booleans())
def test_no_text_steers_the_terminal_or_leaves_its_width(text, label, width, ascii_only):
    """Whatever a name holds, lines stay within the width and hold only what is printable."""
    shown = page(width, ascii_only=ascii_only)
    shown.say(text, indent=2, label=label, style="strong")
    shown.row(text, [("driven: ", "STRONG", "strong"), ("farm: ", "clear", "clear")], indent=2)
    for line in shown.render().splitlines():
        assert line.isprintable()
        assert len(line) <= max(width, MIN_WIDTH)


@given(st.text(max_size=200), st.text(max_size=20))
def test_colour_adds_sequences_and_nothing_else(text, label):
    """Without its colour sequences a coloured page is the plain page."""
    plain, colored = page(), page(color=True)
    for target in (plain, colored):
        target.say(text, label=label, style="review")
        target.row("title", [("driven: ", "clear", "clear")])
    assert SGR.sub("", colored.render()) == plain.render()


def test_levels_move_to_their_own_line_where_there_is_no_room():
    """A long heading never pushes the levels off the screen."""
    shown = page(80)
    shown.row("x" * 60, [("driven: ", "STRONG", "strong"), ("abroad: ", "not enough data", "clear")], indent=2)
    lines = shown.render().splitlines()
    assert lines[0] == "x" * 60
    assert lines[1] == "  driven: STRONG   abroad: not enough data"


def test_commands_are_never_wrapped():
    """A command to be copied stays on one line."""
    shown = page(60)
    shown.verbatim("farmwatch inspect " + "a" * 200)
    assert len(shown.render().splitlines()) == 1


@pytest.mark.parametrize("width", [0, 60, 80, 132, 1000])
def test_lines_have_no_trailing_blanks(width):
    """Nothing invisible is at the end of a line."""
    shown = page(width)
    shown.say("a  b " * 40)
    shown.blank()
    shown.blank()
    shown.say("end")
    text = shown.render()
    assert not re.search(r"[ ]+\n", text)
    assert "\n\n\n" not in text
