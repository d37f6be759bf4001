"""Nothing a stranger wrote can steer a terminal, a browser, a spreadsheet or a JSON reader."""

from __future__ import annotations

import html as stdlib_html
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmwatch.reports.escape import ascii_text, csv_cell, html_text, json_text, terminal, visible

BIDI = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)]
UNSEEN = [
    "\u200b",
    "\u200c",
    "\u200d",
    "\ufeff",
    "\u00ad",
    "\u2060",
    "\u3164",
    "\u2800",
    "\ufe0f",
    "\U000e0041",
    "\u115f",
]


@pytest.mark.parametrize("char", [*BIDI, *UNSEEN, "\x1b", "\x9b", "\x00", "\x7f", "\n", "\r", "\t", "\u2028", "\u00a0"])
def test_steering_and_unseen_characters_are_written_out(char):
    """Each dangerous character is shown by its number, not dropped and not passed on."""
    shown = visible(f"a{char}b")
    assert char not in shown
    assert shown.startswith("a\\")
    assert shown.endswith("b")
    assert f"{ord(char):x}" in shown


def test_ordinary_names_pass_unchanged():
    """Letters of any script, punctuation and single accents are a name, not an attack."""
    for name in ("ACME-LT-0142", "Büro-Rechner", "ноутбук", "東京-01", "DOMAIN\\host", "e\u0301", "a b"):
        assert visible(name) == name


def test_towers_of_combining_marks_are_cut():
    """Two marks on a letter stay, further ones are written out so that they cannot cover other lines."""
    shown = visible("a" + "\u0301" * 40)
    assert shown.startswith("a\u0301\u0301\\u0301")
    assert shown.count("\u0301") == 2


@given(st.text())
def test_terminal_text_is_one_printable_line(text):
    """Whatever goes in, one line of printable characters comes out."""
    assert terminal(text).isprintable()


@given(st.text())
def test_ascii_terminal_text_is_ascii(text):
    """On a terminal that shows ASCII only, nothing else is sent."""
    shown = terminal(text, ascii_only=True)
    assert shown.isascii()
    assert shown.isprintable()


def test_our_own_marks_have_plain_stand_ins():
    """Dashes, dots and arrows of the report stay readable in ASCII."""
    assert ascii_text("197\u2013211 \u2022 a \u2192 b \u2026 3 \u00d7") == "197-211 * a -> b ... 3 x"


@given(st.text())
def test_html_text_holds_no_markup(text):
    """No character that starts a tag, an attribute or an entity survives, and nothing is lost."""
    shown = html_text(text)
    assert not re.search(r"[<>\"']", shown)
    assert stdlib_html.unescape(shown) == visible(text)


@pytest.mark.parametrize(
    "cell",
    [
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "\n=1",
        "\uff1d1",
        "\u200b=1",
        "a|=1",
        "a| +1|b",
    ],
)
def test_formulas_are_defused_in_csv(cell):
    """A cell that a spreadsheet could calculate gets an apostrophe, also behind a bar or blanks."""
    for part in csv_cell(cell).split("|"):
        assert not re.match(r"(?:\s|\\x0[9ad]|\\u200b)*[=+\-@\uff1d]", part)
    assert "'" in csv_cell(cell)


def test_csv_leaves_ordinary_cells_alone():
    """Names and addresses are not touched."""
    for cell in ("LT-0142", "10.0.0.1|fe80::1", "a=b", "", "10-11"):
        assert csv_cell(cell) == cell


@given(st.text())
def test_csv_cells_are_printable_and_never_formulas(text):
    """No cell begins with a formula character, whatever the name."""
    shown = csv_cell(text)
    assert shown.isprintable()
    assert not shown.lstrip().startswith(("=", "+", "-", "@"))


@given(st.text())
def test_json_text_is_ascii_without_delete(text):
    """JSON on a terminal is plain ASCII and still says the same."""
    shown = json_text(json.dumps(text))
    assert shown.isascii()
    assert shown.isprintable()
    assert json.loads(shown) == text
