"""What an assessment of a fleet concluded and keeps in the store: runs, verdicts, hits and farms, one row each.

Hits are kept with the name of their weight, so that a change of weights, a decision of a person or an innocent
explanation acts on stored results without reading telemetry again.
"""

from __future__ import annotations

from datetime import datetime

from farmwatch.records.schema import Record, column

__all__ = ["DeviceHit", "DeviceVerdict", "FarmMember", "FleetRun", "FoundFarm", "RepeatedRun"]


class FleetRun(Record, table="fleet_runs", key=("run_id",)):
    """One assessment of a fleet."""

    run_id: str = column("Made of its time and of what it looked at: the same look has the same id.")
    ts: datetime = column("End of the time it looked at.")
    since: datetime = column("Start of the time it looked at.")
    devices: int = column("Devices it judged.")
    rows: int = column("Rows of telemetry in that time.")
    version: str = column("farmwatch that judged.")
    knowledge: str = column("Version of its knowledge.")
    weights: str = column("SHA-256 of the weights it used, first 16 hex digits.")
    prior: float = column("Probability of a driven device before any evidence.")
    coverage: str = column("Per detector how many devices it looked at and why not at the others, as JSON.")
    notes: str = column("Limits of the run that a reader must know, as a JSON list.")


class RepeatedRun(Record, table="repeated_runs", key=("run_id", "asked")):
    """An assessment asked for again after another one of the same time: it is the current one from then on."""

    run_id: str = column("The assessment.")
    ts: datetime = column("End of the time it looked at.")
    asked: datetime = column("When it was asked for again.")


class DeviceVerdict(Record, table="verdicts", key=("run_id", "device_id")):
    """One device in one assessment."""

    run_id: str = column("The assessment.")
    ts: datetime = column("End of the time it looked at.")
    device_id: str = column("The device.")
    driven: str = column("Level of the claim that somebody else drives it.")
    driven_decibans: float = column("Weight of that claim.", unit="dB")
    abroad: str = column("Level of the claim that this somebody is far away.")
    abroad_decibans: float = column("Weight of that claim.", unit="dB")
    farm: str = column("Level of the claim that it is one of several in one place.")
    farm_decibans: float = column("Weight of that claim.", unit="dB")
    farm_id: str | None = column("Farm it belongs to.", absent="none")
    hits: int = column("Findings about it.")
    not_looked_at: str = column("Ids of detectors that had nothing to look at, comma separated; '' for none.")


class DeviceHit(Record, table="hits", key=("run_id", "device_id", "detector", "grade", "summary")):
    """One finding about one device in one assessment."""

    run_id: str = column("The assessment.")
    ts: datetime = column("End of the time it looked at.")
    device_id: str = column("The device.")
    detector: str = column("Detector that found it.")
    grade: str = column("Which of the detector's weights it carries.")
    claim: str = column("driven, abroad or farm.")
    family: str = column("names, timing, hardware, identity or place.")
    cause: str = column("Cause it shares with others: of one cause only the strongest counts.")
    decibans: float = column("Weight as the detector gave it.", unit="dB")
    summary: str = column("What was found, in a sentence.")
    document: str = column("The finding as JSON (see 'farmwatch schema').")


class FoundFarm(Record, table="found_farms", key=("run_id", "farm_id")):
    """One group of devices that an assessment tied together."""

    run_id: str = column("The assessment.")
    ts: datetime = column("End of the time it looked at.")
    farm_id: str = column("Its id, kept from assessment to assessment.")
    level: str = column("Level of the claim that it is a farm.")
    decibans: float = column("Weight of that claim.", unit="dB")
    devices: int = column("How many devices belong to it.")
    summary: str = column("What ties them, in a sentence without names of devices.")
    document: str = column("Its assessment as JSON.")


class FarmMember(Record, table="farm_members", key=("run_id", "farm_id", "device_id", "attribute", "value")):
    """One device of a farm and one thing it shares with others of it."""

    run_id: str = column("The assessment.")
    ts: datetime = column("End of the time it looked at.")
    farm_id: str = column("The farm.")
    device_id: str = column("The device.")
    attribute: str = column("What is shared, such as gateway MAC.")
    value: str = column("Its value, as it is shown to people.")
    decibans: float = column("What sharing it weighs in this farm.", unit="dB")
