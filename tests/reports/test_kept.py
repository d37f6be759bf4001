"""Devices of a report as rows for the store."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

import farmwatch
from farmwatch.records import ScannedDevice
from farmwatch.records.arrow import to_arrow
from farmwatch.reports.document import dumps
from farmwatch.reports.kept import device_rows


@pytest.fixture(scope="module")
def report(request):
    return farmwatch.scan(request.config.rootpath / "pcaps" / "vnc-relayed.pcap")


def test_every_device_seen_in_time_has_its_row(report):
    """With its part of the report and the checksums of what it rests on."""
    rows = device_rows(report)
    assert len(rows) == len(report.devices) > 0
    for row, device in zip(rows.rows(), report.devices, strict=True):
        assert row.device_id == device.device_id.lower().split(".")[0] or row.device_id in device.ips
        assert row.inputs == report.inputs[0].sha256
        assert row.driven == device.assessment.driven.level
        whole = json.loads(dumps(report))["devices"]
        assert json.loads(row.document) == next(one for one in whole if one["device_id"] == device.device_id)


def test_the_same_report_gives_the_same_rows(report):
    """So that keeping it twice keeps it once."""
    assert to_arrow(device_rows(report)).equals(to_arrow(device_rows(report)))
    assert isinstance(to_arrow(device_rows(report)), pa.Table)
    assert device_rows(report).record is ScannedDevice
