"""Windows events cut out of XML."""

from __future__ import annotations

import io

import pytest

from farmwatch.collectors.feeds.windows.xml import LONGEST_EVENT, event_of_xml, xml_events
from farmwatch.errors import DecodeError, SourceError
from tests import windows_log


class Slow(io.BytesIO):
    """Gives a few bytes at a time."""

    def read(self, size=-1, /):
        """Some of it."""
        return super().read(min(size, 97) if size > 0 else 97)


def cut(data, stream=io.BytesIO, most=2000):
    """Event numbers of the events, and the faults with their places."""
    events, faults = [], []
    for lot, numbers, wrong in xml_events(stream(data), most):
        events += [(number, int(event.event_id)) for number, event in zip(numbers, lot, strict=True)]
        faults += [(fault.offset, fault.reason) for fault in wrong]
    return events, faults


def one(number):
    return f"<Event xmlns='x'><System><EventID>{number}</EventID></System></Event>".encode()


def test_events_in_a_document_on_lines_and_in_pieces():
    """Frames, declarations and line ends are no events; how the stream is cut makes no difference."""
    whole = b'\xef\xbb\xbf<?xml version="1.0"?>\r\n<Events a="b">' + one(1) + b"\n" + one(2) + b"</Events>\n" + one(3)
    assert cut(whole) == ([(1, 1), (2, 2), (3, 3)], [])
    assert cut(whole, Slow) == cut(whole)


def test_a_damaged_event_costs_itself():
    """Its neighbours come, with their numbers."""
    events, faults = cut(one(1) + b"<Event><System></Event>" + one(3))
    assert events == [(1, 1), (3, 3)]
    assert faults[0][0] == 2
    assert "not an event in XML" in faults[0][1]


def test_text_between_events_is_told():
    """Nothing vanishes in silence."""
    assert cut(one(1) + b"noise" + one(3)) == ([(1, 1), (3, 3)], [(2, "text that is no event")])
    assert cut(b"<html>" + b"x" * 3_000_000 + b"</html>")[1]


def test_an_event_that_does_not_end():
    """The end of the input ends it."""
    assert cut(one(1) + one(2)[:-9]) == ([(1, 1)], [(2, "an event that does not end")])


def test_an_event_without_end_does_not_fill_memory():
    """Beyond a mebibyte it is given up, and the next one is found."""
    events, faults = cut(b"<Event >" + b"x" * (3 * LONGEST_EVENT) + one(7))
    assert faults[0] == (1, "an event longer than 1024 KiB")
    assert events[-1][1] == 7


def test_entities_are_refused():
    """Neither what they say nor what they multiply to is read."""
    for text in (
        "<!DOCTYPE x [<!ENTITY a 'b'>]><Event><System><EventID>&a;</EventID></System></Event>",
        "<Event><System><EventID>&lol;</EventID></System></Event>",
    ):
        with pytest.raises(DecodeError):
            event_of_xml(text)


def test_depth_is_survived():
    """As deep as an event may be long."""
    (lot,) = xml_events(io.BytesIO(b"<Event >" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</Event>" + one(2)))
    assert [event.event_id for event in lot[0]] == [None, "2"]


def test_a_stream_that_breaks_off():
    """What came before is given, then the break is told."""

    class Broken(io.BytesIO):
        def read(self, size=-1, /):
            if data := super().read(size):
                return data
            raise EOFError("cut")

    lots = xml_events(Broken(one(1)))
    assert [event.event_id for event in next(lots)[0]] == ["1"]
    with pytest.raises(SourceError, match="breaks off"):
        next(lots)


def test_what_system_and_data_say():
    """All that an event is."""
    event = event_of_xml(windows_log.xml(windows_log.events()[26], culture="xx"))
    assert (event.provider, event.event_id, event.record_id) == (windows_log.RDP[0], "131", "1027")
    assert event.activity.strip("{}").lower() == windows_log.ACTIVITY
    assert event.data == {"ConnType": "TCP", "ClientIP": "203.0.113.50:61022", "Culture": "xx"}
    assert event_of_xml("<Event/>").event_id is None
