"""What farmwatch itself concluded and keeps in the store, to meet the telemetry of the same device."""

from __future__ import annotations

from datetime import datetime

from farmwatch.records.schema import Record, column

__all__ = ["ScannedDevice"]


class ScannedDevice(Record, table="scanned_devices", key=("device_id", "ts", "inputs")):
    """One device as one scan of captures judged it."""

    device_id: str = column("Host name in lower case without its domain, else link-layer address, else IP address.")
    ts: datetime = column("Last packet from or to it.")
    first_ts: datetime = column("First packet from or to it.")
    inputs: str = column("SHA-256 of the captures it was judged by, comma separated.")
    vantages: str = column("Where they were taken: host, lan, gateway or unknown, comma separated.")
    macs: str = column("Its link-layer addresses, comma separated; '' for none.")
    addresses: str = column("Its IP addresses, comma separated.")
    names: str = column("Its names, comma separated; '' for none.")
    driven: str = column("Level of the claim that somebody else drives it.")
    abroad: str = column("Level of the claim that this somebody is far away.")
    farm: str = column("Level of the claim that it is one of several in one place.")
    version: str = column("farmwatch that judged it.")
    document: str = column("Its part of the report as JSON (see 'farmwatch schema').")
