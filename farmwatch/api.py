"""The public API behind ``farmwatch.scan``, ``farmwatch.collect`` and ``farmwatch.assess``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias, cast

from farmwatch.analysis.assess import assess as assess_tables
from farmwatch.analysis.profile import Profile, load_profile
from farmwatch.collectors.captures import Collected, collect_capture
from farmwatch.collectors.paths import SensorLogs, Source, expand
from farmwatch.engine import InProcess, executor, ordered
from farmwatch.knowledge import Knowledge, load_knowledge
from farmwatch.records import Report, Tables

__all__ = ["assess", "collect", "scan"]

Progress: TypeAlias = Callable[[str, int], None]  #: name of the input, stored bytes of it read so far


def scan(
    sources: Source | Iterable[Source],
    *,
    profile: Profile | Path | str | None = None,
    knowledge: Sequence[Path | str] = (),
    progress: Progress | None = None,
    jobs: int = 1,
) -> Report:
    """Judge captures and the logs of network sensors.

    Args:
        sources: captures in any mixture: files, folders (read at any depth), patterns such as ``site-*.pcap``, ``-``
            for standard input, and binary file objects. Each file is one input, once, in the order given; one path
            alone may stand without a list. Zeek and Suricata logs may stand among them; those of one folder are one
            input.
        profile: what the company declares of itself, or the TOML file that holds it.
        knowledge: own knowledge files, merged over the shipped ones in order.
        progress: called while reading.
        jobs: processes to read files with; 0 for one per processor. Progress is told only for 1.

    Returns:
        The report. Inputs that cannot be read are in it with their ``error``; nothing is raised for them.

    Raises:
        ProfileError: the profile breaks its rules.
        KnowledgeError: a knowledge file breaks its rules.
    """
    declared = _profile(profile)
    known = load_knowledge([Path(path) for path in knowledge])
    return _assess(collect(sources, progress=progress, jobs=jobs), declared, known)


def collect(sources: Source | Iterable[Source], *, progress: Progress | None = None, jobs: int = 1) -> Tables:
    """Read captures into tables, without judging them; arguments as for :func:`scan`."""
    alone = isinstance(sources, str | Path) or hasattr(sources, "read")
    listed = expand(cast("Iterable[Source]", [sources] if alone else sources))
    streams = any(not isinstance(source, str | Path | SensorLogs) or str(source) == "-" for source in listed)
    logs = (source for source in listed if isinstance(source, SensorLogs))
    streams |= any(not isinstance(file, str | Path) for one in logs for file in one.files)
    with InProcess() if streams else executor(jobs, len(listed)) as runner:
        watched = progress if isinstance(runner, InProcess) else None
        arguments = [(source, number, _watch(watched, str(source))) for number, source in enumerate(listed)]
        collected = list(ordered(runner, _collect_one, arguments))
    return Tables().joined(*(one.tables for one in collected))


def assess(
    tables: Tables, *, profile: Profile | Path | str | None = None, knowledge: Sequence[Path | str] = ()
) -> Report:
    """Judge tables that :func:`collect` made."""
    return _assess(tables, _profile(profile), load_knowledge([Path(path) for path in knowledge]))


def _collect_one(source: Source, number: int, progress: Callable[[int], None] | None) -> Collected:
    if isinstance(source, SensorLogs):
        from farmwatch.collectors.sensor_logs import collect_logs  # loads pyarrow, which captures do not need

        return collect_logs(source, number, progress=progress)
    return collect_capture(source, number, progress=progress)


def _watch(progress: Progress | None, name: str) -> Callable[[int], None] | None:
    return None if progress is None else lambda done: progress(name, done)


def _profile(profile: Profile | Path | str | None) -> Profile:
    if profile is None:
        return Profile()
    return profile if isinstance(profile, Profile) else load_profile(Path(profile))


def _assess(tables: Tables, profile: Profile, known: Knowledge) -> Report:
    from farmwatch import __version__

    return assess_tables(tables, known, profile, version=__version__)
