"""Running the command line in this process, and the sample report for it."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

import farmwatch
from farmwatch.cli.main import run


@dataclass
class Ran:
    """What one run of the command line gave."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    """The module that builds sample reports; tests are not a package, so it is loaded by its path."""
    path = Path(__file__).parent.parent / "reports" / "sample.py"
    spec = importlib.util.spec_from_file_location("farmwatch_sample", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch):
    """No test depends on the terminal it is run from."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cli(capfdbinary):
    """A function that runs ``farmwatch`` with arguments and gives exit code, output and talk."""

    def call(*arguments: object) -> Ran:
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as ended:
            run([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return Ran(int(ended.value.code or 0), out.decode(), err.decode())

    return call


@pytest.fixture
def fake_scan(monkeypatch, sample):
    """Replaces the scan by one that gives the sample report; holds the arguments of its calls."""
    calls: list[dict[str, object]] = []

    def scan(sources, **options):
        calls.append({"sources": list(sources), **options})
        return sample.report()

    monkeypatch.setitem(farmwatch.__dict__, "scan", scan)
    return calls


@pytest.fixture
def saved(tmp_path, sample) -> Path:
    """The sample report as a JSON file."""
    from farmwatch.reports.document import dumps

    path = tmp_path / "saved.json"
    path.write_text(dumps(sample.report()), encoding="utf-8")
    return path


@pytest.fixture
def capture_file(tmp_path) -> Path:
    """A capture of one packet."""
    from farmwatch.cli.warmup import _pcap

    path = tmp_path / "one.pcap"
    path.write_bytes(_pcap())
    return path
