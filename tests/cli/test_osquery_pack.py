"""``farmwatch osquery-pack``: what it prints."""

from __future__ import annotations

import json

import pytest

from farmwatch.cli.osquery_pack import PackFormat, osquery_pack
from farmwatch.collectors.feeds.osquery_pack import FORMATS, pack


@pytest.mark.parametrize("form", list(PackFormat), ids=lambda form: form.value)
def test_every_form_is_printed(form, capsys):
    """What is printed is the pack in that form and nothing else."""
    osquery_pack(form)
    assert capsys.readouterr().out == pack(form.value)


def test_the_default_is_a_pack_file(capsys):
    """Without options it is what osquery reads as a pack."""
    osquery_pack()
    assert "fw_host" in json.loads(capsys.readouterr().out)["queries"]
    assert {form.value for form in PackFormat} == set(FORMATS)
