"""The second reading of a capture, as tables, and what is said when there is none."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from farmwatch.collectors import captures, second
from farmwatch.collectors.captures import collect_capture
from farmwatch.collectors.second import read_again
from farmwatch.records import SERIES_LEFT_UNREAD, CaptureInput, Flow, FlowSeries, Reject, SeriesFlow
from farmwatch.wire.series import SeriesLimits
from farmwatch.wire.spool import Readings
from tests.wire.second_pass import Once

PCAPS = Path(__file__).parents[2] / "pcaps"
DRIVEN = PCAPS / "vnc-relayed.pcap"
OFFICE = PCAPS / "office.pcap"


def columns(table):
    return {name: table[name].tolist() for name in table.record.columns}


def reasons(tables):
    return [reason for reason in tables[Reject]["reason"].tolist() if "hand" in reason]


def test_series_of_a_session():
    """One row per data packet of the session, sizes adding up to what was sent once; the flow is described once."""
    tables = collect_capture(DRIVEN, 2).tables
    [flow], [about] = tables[Flow].rows(), tables[SeriesFlow].rows()
    series = tables[FlowSeries]
    assert (about.flow, about.packet, about.rows, about.left_out) == (0, 1, len(series), 0)
    assert set(series["input"].tolist()) == {2}
    for side, name in enumerate(("orig", "resp")):
        own = series.where(series["side"] == side)
        assert len(own) <= getattr(flow, f"{name}_data_pkts")
        again = getattr(flow, f"{name}_bytes") - own["size"].sum()
        assert 0 <= again <= 1448 * flow.retransmitted
    assert np.all(np.diff(series["ts"]) >= np.timedelta64(0))
    assert series["n"].tolist() == list(range(len(series)))


def test_every_way_of_reading_gives_the_same_series(tmp_path):
    """A file, gzip, an object that winds back, a stream that does not."""
    packed = tmp_path / "office.pcap.gz"
    packed.write_bytes(gzip.compress(OFFICE.read_bytes()))
    sources = [OFFICE, packed, io.BytesIO(OFFICE.read_bytes()), Once(OFFICE.read_bytes())]
    found = [collect_capture(source, 0).tables for source in sources]
    assert len(found[0][FlowSeries]) > 500
    for tables in found[1:]:
        for record in (FlowSeries, SeriesFlow):
            assert columns(tables[record]) == columns(found[0][record])


def test_a_damaged_capture_is_read_the_same_way_twice(tmp_path):
    """Reading catches on again at the same packets behind damage, so that the series are there."""
    data = bytearray(DRIVEN.read_bytes())
    for place in (len(data) // 3, len(data) // 2):
        data[place : place + 40] = b"\xff" * 40
    path = tmp_path / "damaged.pcap"
    path.write_bytes(data[:-50])
    for mode in ("interpreted", "compiled"):
        tables = collect_capture(path, 0, mode=mode).tables
        assert not tables[CaptureInput].row(0).complete
        assert reasons(tables) == []
        assert len(tables[FlowSeries]) > 500


def test_a_stream_too_long_to_keep_is_said(monkeypatch):
    """No series, a reject in plain words with the flows concerned, and the input is not complete."""
    monkeypatch.setattr(captures, "Readings", lambda source: Readings(source, most_spooled=1000))
    tables = collect_capture(Once(DRIVEN.read_bytes()), 0).tables
    assert (len(tables[FlowSeries]), len(tables[SeriesFlow])) == (0, 0)
    [reason] = reasons(tables)
    assert "read only once" in reason
    assert not tables[CaptureInput].row(0).complete
    assert len(tables[Flow]) == 1


def test_a_stream_without_a_hand_needs_no_second_reading(monkeypatch):
    """Nothing is missed where nothing was wanted."""
    monkeypatch.setattr(captures, "Readings", lambda source: Readings(source, most_spooled=1000))
    tables = collect_capture(Once((PCAPS / "web.pcap").read_bytes()), 0).tables
    assert reasons(tables) == []
    assert tables[CaptureInput].row(0).complete


@pytest.mark.parametrize("what", ["shorter", "other", "gone", "no capture"])
def test_a_file_that_changed_between_the_readings(tmp_path, monkeypatch, what):
    """Flows that were not found again as they were have no series; a reject says so; nothing is raised."""
    path = tmp_path / "some.pcap"
    data = OFFICE.read_bytes()
    path.write_bytes(data)

    def change(*arguments, **named):
        if what == "shorter":
            path.write_bytes(data[: len(data) // 2])
        elif what == "other":
            path.write_bytes(DRIVEN.read_bytes())
        elif what == "gone":
            path.unlink()
        else:
            path.write_bytes(b"my notes")
        return read_again(*arguments, **named)

    whole = collect_capture(path, 0).tables
    monkeypatch.setattr(captures, "read_again", change)
    tables = collect_capture(path, 0).tables
    [reason] = reasons(tables)
    assert "another one" in reason or "second reading failed" in reason
    assert len(tables[SeriesFlow]) < len(whole[SeriesFlow])
    assert not tables[CaptureInput].row(0).complete
    assert len(tables[Flow]) == len(whole[Flow])


def test_a_file_that_grows_is_no_change(tmp_path, monkeypatch):
    """A capture still being written has the same packets as far as they were read."""
    path = tmp_path / "some.pcap"
    data = DRIVEN.read_bytes()
    path.write_bytes(data)

    def grow(*arguments, **named):
        with path.open("ab") as file:
            file.write(data[24:])
        return read_again(*arguments, **named)

    whole = collect_capture(path, 0).tables
    monkeypatch.setattr(captures, "read_again", grow)
    tables = collect_capture(path, 0).tables
    assert columns(tables[FlowSeries]) == columns(whole[FlowSeries])
    assert reasons(tables) == []


def test_flows_beyond_the_limit_are_counted(monkeypatch):
    """More candidates than one run looks at: the rest is said by number."""
    from farmwatch.collectors.candidates import candidate_flows

    monkeypatch.setattr(captures, "candidate_flows", lambda flows: candidate_flows(flows, most=2))
    tables = collect_capture(OFFICE, 0).tables
    rejects = dict(zip(tables[Reject]["reason"].tolist(), tables[Reject]["count"].tolist(), strict=True))
    assert rejects[f"{SERIES_LEFT_UNREAD}, being more than one run looks at"] == 8
    assert len(tables[SeriesFlow]) == 2


def test_rows_left_out_are_recorded(monkeypatch):
    """Flows with more rows than there is room for say how many are missing."""
    real = second.read_series
    limits = SeriesLimits(rows_per_flow=100)
    monkeypatch.setattr(second, "read_series", lambda *given, **named: real(*given, **{**named, "limits": limits}))
    whole = collect_capture(DRIVEN, 0)
    [about] = whole.tables[SeriesFlow].rows()
    assert about.rows == 100
    assert about.left_out > 1000


def test_progress_goes_up_to_the_size(tmp_path):
    """Both readings together: never backwards, never beyond the file, at its size in the end."""
    told = []
    collect_capture(OFFICE, 0, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == OFFICE.stat().st_size
    assert any(0.8 * told[-1] < one < told[-1] for one in told) or len(told) < 6


def test_an_interrupt_ends_the_second_reading(monkeypatch):
    """Ctrl-C is not swallowed."""

    def stop(*_given, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(second, "read_series", stop)
    with pytest.raises(KeyboardInterrupt):
        collect_capture(DRIVEN, 0)
