from __future__ import annotations

import csv
import json
import threading
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.lab.hand import run, scenarios
from tests.lab.hand.ground import Label
from tests.lab.hand.tools import TOOLS
from tests.lab.hand.ways import EVASIONS, WAYS


def test_the_core_has_every_tool_way_distance_and_evasion() -> None:
    """The selection leaves nothing of the matrix out: each value of each axis is in it."""
    core = scenarios.core().values()
    control = [scenario for scenario in core if scenario.group == "controlled"]
    assert {scenario.tool for scenario in control} == {tool.name for tool in TOOLS}
    assert {scenario.way for scenario in control} == set(WAYS)
    assert {scenario.legs.far_ms for scenario in control} == set(scenarios.FAR)
    assert {scenario.evasion for scenario in core if scenario.group == "evasion"} == set(EVASIONS)
    assert {scenario.legs.loss for scenario in control} == set(scenarios.LOSS)
    assert {scenario.tool for scenario in core if scenario.group == "controlling"} == {tool.name for tool in TOOLS}
    assert {scenario.tool for scenario in core if scenario.group == "lawful"} == {tool.name for tool in TOOLS}
    assert {"controlled", "controlling", "lawful", "evasion", "stepping"} == {scenario.group for scenario in core}


def test_the_core_is_part_of_the_whole() -> None:
    """Each selected scenario can be named on the command line, and means the same there."""
    every = scenarios.every()
    assert all(every[name] == scenario for name, scenario in scenarios.core().items())
    assert all(name == scenario.name for name, scenario in every.items())


def test_scenarios_have_seeds_and_lines_of_their_own() -> None:
    """Seeds follow from names; two scenarios of the core hardly ever share one."""
    core = list(scenarios.core().values())
    assert [scenario.seed for scenario in core] == [scenario.seed for scenario in scenarios.core().values()]
    assert len({scenario.seed for scenario in core}) >= len(core) - 1


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A folder with one scenario's truth, as the recorder writes it, and a capture beside it."""
    scenario = next(iter(scenarios.core().values()))
    label = Label("10.0.0.1:5900", "10.0.0.2:*", "controlled", transport_rtt_ms=8.5, keys=31)
    labels = [{"group": ""} | asdict(one) for one in (label, replace(label, vantage="gateway"))]
    truth = {"scenario": asdict(scenario), "seed": scenario.seed, "seconds": scenario.seconds, "labels": labels}
    (tmp_path / f"{scenario.name}.json").write_text(json.dumps(truth))
    (tmp_path / f"{scenario.name}.pcap").touch()
    return tmp_path


def test_labels_have_a_row_for_each_flow_and_vantage(recorded: Path) -> None:
    """Rows carry the scenario's line, the capture of their vantage, and nothing where there is no loop."""
    assert run.write_labels(recorded) == 2
    with (recorded / "labels.csv").open() as table:
        one, two = csv.DictReader(table)
    scenario = next(iter(scenarios.core().values()))
    assert tuple(one) == run.COLUMNS
    assert one["file"] == f"{scenario.name}.pcap"
    assert two["file"] == f"{scenario.name}.gateway.pcap"
    assert one["loop_rtt_ms"] == ""
    assert (one["transport_rtt_ms"], one["keys"], one["group"]) == ("8.5", "31", scenario.group)
    assert float(one["far_ms"]) == scenario.legs.far_ms


def test_a_capture_is_made_again_only_when_its_description_changed(recorded: Path) -> None:
    """What is in the folder is left alone, unless the scenario now means something else."""
    scenario = next(iter(scenarios.core().values()))
    assert run.cached(scenario, recorded)
    assert not run.cached(replace(scenario, seconds=scenario.seconds + 1), recorded)
    (recorded / f"{scenario.name}.pcap").unlink()
    assert not run.cached(scenario, recorded)


def test_two_runners_do_not_record_one_scenario_at_once(tmp_path: Path) -> None:
    """While one runner holds a scenario, another waits; other scenarios go on."""
    one, two = list(scenarios.core().values())[:2]
    entered = threading.Event()

    def other() -> None:
        with run.alone(two, tmp_path), run.alone(one, tmp_path):
            entered.set()

    with run.alone(one, tmp_path):
        waiting = threading.Thread(target=other)
        waiting.start()
        assert not entered.wait(0.3)
    assert entered.wait(5)
    waiting.join()
