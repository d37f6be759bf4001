"""``farmwatch simulate``."""

from __future__ import annotations

import csv
import json

import pytest

from farmwatch.cli.exits import Exit


def test_a_fleet_goes_through_ingest_whole(cli, tmp_path):
    """What is written is taken in: no record rejected, no file unknown."""
    ran = cli("simulate", tmp_path / "fleet", "--devices", "60", "--farms", "2", "--until", "2026-03-09", "--days", "3")
    assert ran.code == Exit.OK
    assert "60 devices" in ran.err
    taken = cli("ingest", tmp_path / "fleet" / "feeds", "--store", tmp_path / "store", "--json", "--quiet")
    assert taken.code == Exit.OK
    document = json.loads(taken.out)
    assert sum(one["rejected"] for one in document["inputs"]) == 0
    assert all(one["kind"] and not one["error"] for one in document["inputs"])
    assert document["stored"]["roster"] == 60


def test_options_reach_the_fleet(cli, tmp_path):
    """Farms, evasions, feeds, amount and assumptions as asked; the card says so."""
    ran = cli(
        "simulate", tmp_path / "fleet", "--devices", "80", "--farms", "3", "--evasion", "none", "--evasion",
        "router-vpn", "--feeds", "dns", "--feeds", "roster", "--rows-per-device", "52", "--parameters", "4", "--quiet",
    )  # fmt: skip
    assert (ran.code, ran.err) == (Exit.OK, "")
    card = json.loads((tmp_path / "fleet" / "card.json").read_text())
    numbers = {one["name"]: one["value"] for one in card["assumptions"]}
    assert (card["farms"], card["evasions_of_all"], card["feeds"]) == (3, ["router-vpn"], ["dns", "roster"])
    assert numbers["detail"] == pytest.approx(0.1)
    assert numbers["evade_lte"] == 0
    assert sorted(path.name for path in (tmp_path / "fleet" / "feeds").iterdir()) == ["dns", "roster.csv"]
    truth = list(csv.DictReader((tmp_path / "fleet" / "truth.csv").read_text().splitlines()))
    assert {row["evasions"] for row in truth if row["driven"] == "1"} == {"router-vpn"}


@pytest.mark.parametrize(
    "wrong",
    [
        ("--evasion", "invisible"), ("--feeds", "pigeons"), ("--compression", "rar"), ("--days", "0"),
        ("--farms", "2", "--base-rate", "0.1"), ("--until", "yesterday"),
    ],
)  # fmt: skip
def test_wrong_usage_is_said(cli, tmp_path, wrong):
    """Nothing is written, and the code is that of wrong usage."""
    ran = cli("simulate", tmp_path / "fleet", "--devices", "10", *wrong)
    assert ran.code == Exit.USAGE
    assert not (tmp_path / "fleet").exists()


def test_no_fleet_over_another(cli, tmp_path):
    """A folder with feeds is left as it is."""
    cli("simulate", tmp_path / "fleet", "--devices", "10", "--feeds", "roster")
    again = cli("simulate", tmp_path / "fleet", "--devices", "10", "--feeds", "roster")
    assert again.code == Exit.USAGE
    assert "holds feeds already" in again.err
