"""The feeds as a whole: taken by the collectors, the same for one seed, true to the truth."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re

import pytest

from farmwatch.errors import SimulationError
from farmwatch.simulation.fleet import FEEDS, simulate, write_fleet
from farmwatch.simulation.parameters import Parameters
from tests.simulation.fleets import COVERED, UNTIL, fleet, lines_of, read, tables_of, truths

KINDS = {"entra": "entra-signin", "windows": "windows-events"}
BANNED = re.compile(
    rb'"(?:user_?name|display_?name|first_?name|last_?name|full_?name|nationality|citizenship|ethnicity|race|religion|'
    rb'language|locale|keyboard_?layout|preferredLocale|clientAppLocale|gender|birth\w*|age|accent|photo)"\s*:\s*"([^"]*)"',
    re.IGNORECASE,
)


def test_every_feed_is_recognised_and_nothing_is_rejected():
    """Each part is told by its content, each record used."""
    seen = set()
    for part in fleet(farms=12, **COVERED).parts():
        account, tables = read(part)
        assert account.kind == KINDS.get(part.feed, part.feed), part.name
        assert (account.error, account.rejected, account.faults) == ("", 0, []), part.name
        assert account.used == account.records > 0, part.name
        assert tables
        seen.add(part.feed)
    assert seen == {*FEEDS, "roster", "anydesk"}


@pytest.mark.parametrize("seed", [2, 3])
def test_extreme_assumptions_are_taken_too(seed):
    """Numbers drawn beyond those tuned on make sound feeds."""
    for part in simulate(Parameters.drawn(seed), 150, seed=seed, until=UNTIL, farms=8, days=3).parts():
        account, _ = read(part)
        assert (account.error, account.rejected) == ("", 0), part.name


@pytest.mark.parametrize(("devices", "days", "farms"), [(1, 1, 0), (2, 1, 1), (7, 60, 2)])
def test_smallest_fleets(devices, days, farms):
    """One device, one day, no farm; and the longest window."""
    for part in fleet(devices, days=days, farms=farms).parts():
        account, _ = read(part)
        assert (account.error, account.rejected) == ("", 0), part.name


def test_equal_seeds_give_equal_bytes():
    """A digest of all parts repeats, and another seed has another."""

    def digest(seed):
        found = hashlib.sha256()
        for part in fleet(150, seed=seed).parts():
            found.update(part.name.encode() + part.data)
        return found.hexdigest()

    assert digest(4) == digest(4)
    assert digest(4) != digest(5)


def test_rows_do_not_depend_on_the_size_of_parts():
    """The same lines come out of parts of any size."""
    simulation = fleet(60)
    whole = lines_of(simulation)
    for size in (7, 37):
        found = {}
        for part in simulation.parts(devices=size):
            found.setdefault(part.feed, []).extend(part.data.splitlines())
        assert {feed: sorted(lines) for feed, lines in found.items()} == whole


def test_truth_and_roster_speak_of_the_same_devices():
    """One line each; the driven are as many as the farms have, no farm without two states of truth."""
    simulation = fleet(500, farms=9)
    roster = next(part for part in simulation.parts() if part.feed == "roster")
    rows = list(csv.DictReader(io.StringIO(roster.data.decode())))
    truth = truths(simulation)
    assert [row["device"] for row in rows] == list(truth)
    assert len({row["person"] for row in rows}) == 500 - sum(
        "second-device" in row["confusers"] for row in truth.values()
    )
    for row in truth.values():
        assert (row["driven"] == "1") == bool(row["farm_id"]) == bool(row["setup"])
        assert not (row["evasions"] and row["driven"] == "0")
    assert len({row["farm_id"] for row in truth.values()} - {""}) == 9


def test_telemetry_speaks_only_of_devices_of_the_roster():
    """Device ids of all tables are those of the truth, or a device's name before its renaming."""
    simulation = fleet(300, farms=5, renamed=0.1, **COVERED)
    truth = truths(simulation)
    old = {name.replace("acme-lt-", "acme-new-") for name, row in truth.items() if "renamed" in row["confusers"]}
    for name, table in tables_of(simulation).items():
        ids = {one for one in table.column("device_id").to_pylist() if one is not None and one.startswith("acme")}
        assert ids <= truth.keys() | old, name
    assert old


def test_nothing_about_a_person_is_in_any_feed():
    """Fields that carry names or languages do not occur, but for host names and names of products."""
    allowed = {b"Okta Verify"}
    for part in fleet(300, **COVERED).parts():
        told = {value for value in BANNED.findall(part.data) if value not in allowed}
        assert {value for value in told if not re.fullmatch(rb"acme-(lt|new)-\d{6}|App \d+|user\d{6}|", value)} == set()


def test_accounts_are_numbers():
    """Every account is user and six digits of a domain that does not exist."""
    for part in fleet(200, **COVERED).parts():
        found = set(re.findall(rb"[\w.+-]+@[\w.-]+", part.data))
        assert all(re.fullmatch(rb"user\d{6}@acme\.example", one) for one in found)


def test_written_fleet(tmp_path):
    """Files lie where ingest finds them, packed; truth, profile and card beside; never over other feeds."""
    simulation = fleet(120, farms=3)
    write_fleet(simulation, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "card.json",
        "card.txt",
        "feeds",
        "profile.toml",
        "truth.csv",
    ]
    assert len((tmp_path / "truth.csv").read_text().splitlines()) == 121
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["driven"] == int(simulation.world.driven.sum())
    assert {one["name"] for one in card["assumptions"]} >= {"couple", "ip_churn_month"}
    assert "judged" in (tmp_path / "card.txt").read_text()
    with pytest.raises(SimulationError, match="holds feeds already"):
        write_fleet(simulation, tmp_path)


@pytest.mark.parametrize("compression", ["zst", "gz", "none"])
def test_written_files_repeat(tmp_path, compression):
    """The same bytes in the same files, whatever the number of threads."""
    digests = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        write_fleet(fleet(100, feeds=("dns", "roster", "okta")), folder, compression=compression, workers=workers)
        digests.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"evasions": ("invisible",)}, "evasion"),
        ({"feeds": ("carrier-pigeon",)}, "feed"),
        ({"devices": 0}, "device"),
        ({"days": 61}, "days"),
    ],
)
def test_what_cannot_be_made_is_said(wrong, said):
    """Unknown words and amounts are refused with what is expected."""
    with pytest.raises(SimulationError, match=said):
        fleet(**({"devices": 10} | wrong))


def test_base_rate_decides_how_many_are_driven():
    """Without a number of farms, the share of driven devices is the base rate, to one device."""
    simulation = simulate(Parameters(base_rate=0.02), 2000, until=UNTIL)
    assert int(simulation.world.driven.sum()) == 40


def test_detail_scales_routine_rows_only():
    """Half the detail, half the lookups; farms leave what they leave."""
    full, half = (lines_of(fleet(200, detail=detail, farms=4, **COVERED)) for detail in (1.0, 0.5))
    assert len(half["dns"]) == pytest.approx(len(full["dns"]) / 2, rel=0.1)
    assert len(half["remote_tool_log"]) == len(full["remote_tool_log"])
