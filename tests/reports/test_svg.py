"""Pictures: well formed, complete, escaped, for none, one and hundreds of sessions."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from farmwatch.records.report import Lan, LanHost, Level
from farmwatch.reports import svg

NS = "{http://www.w3.org/2000/svg}"


def parsed(picture):
    """The picture as XML; ill-formed markup fails here."""
    return ET.fromstring(picture)


def bars(picture):
    """Session bars of a timeline."""
    return [rect for rect in parsed(picture).iter(f"{NS}rect") if rect.get("class", "").startswith("bar")]


def busy(sample, count, remotes):
    """A device with many sessions, every fifth of no length."""
    first = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    sessions = []
    for number in range(count):
        start = first + timedelta(minutes=17 * number)
        end = start if number % 5 == 0 else start + timedelta(minutes=12)
        sessions.append(
            sample.session(
                number,
                start=start.isoformat(),
                end=end.isoformat(),
                remote_name=f"host-{number % remotes}.example",
            )
        )
    return replace(sample.strong_device(), sessions=tuple(sessions))


@pytest.mark.parametrize("count", [1, 2, 200])
@pytest.mark.parametrize("remotes", [1, 7, 150])
def test_timeline_shows_every_session_within_the_picture(sample, count, remotes):
    """One bar per session, none thinner than can be seen, none outside."""
    picture = svg.timeline(busy(sample, count, remotes))
    shown = bars(picture)
    assert len(shown) == count
    for bar in shown:
        assert float(bar.get("width")) >= 3
        assert float(bar.get("x")) >= 240 - 0.1
        assert float(bar.get("x")) + float(bar.get("width")) <= svg.WIDTH


def test_timeline_of_nothing_is_no_picture(sample):
    """No session, or none with a time, draws nothing."""
    assert svg.timeline(replace(sample.strong_device(), sessions=())) == ""
    odd = sample.session(start="not a time")
    assert svg.timeline(replace(sample.strong_device(), sessions=(odd,))) == ""


def test_timeline_of_one_moment_has_an_axis(sample):
    """A single session of no length is drawn on a minute around it."""
    moment = sample.session(end="2026-11-23T14:02:05.120000Z")
    picture = svg.timeline(replace(sample.strong_device(), sessions=(moment,)))
    assert len(bars(picture)) == 1
    assert "14:02:00" in picture
    assert ">2026-11-23<" in picture


@pytest.mark.parametrize(("hours", "most"), [(0.01, 9), (1, 9), (30, 9), (24 * 400, 9), (24 * 36500, 9)])
def test_time_axis_is_never_crowded(sample, hours, most):
    """From seconds to a century there are at most nine ticks and at least one."""
    start = datetime(1970, 1, 2, tzinfo=UTC)
    end = start + timedelta(hours=hours)
    device = replace(sample.strong_device(), sessions=(sample.session(start=start.isoformat(), end=end.isoformat()),))
    ticks = [
        text
        for text in parsed(svg.timeline(device)).iter(f"{NS}text")
        if ":" in (text.text or "") and len(text.text) <= 8
    ]
    assert 1 <= len(ticks) <= most


def test_clock_running_backwards_is_drawn_as_a_moment(sample):
    """An end before its start does not give a bar of negative width."""
    device = replace(sample.strong_device(), sessions=(sample.session(end="2026-11-23T13:00:00Z"),))
    assert float(bars(svg.timeline(device))[0].get("width")) >= 3


def test_round_trips_show_dot_interval_and_distance(sample):
    """Transport as a dot, loop as a diamond, kilometres over the milliseconds."""
    picture = svg.round_trips(sample.strong_device())
    tree = parsed(picture)
    assert len(list(tree.iter(f"{NS}circle"))) == 2
    assert len(list(tree.iter(f"{NS}polygon"))) == 1
    assert "5,000 km" in picture
    assert "anywhere" in picture


def test_round_trips_of_nothing_is_no_picture(sample):
    """Sessions without any round trip draw nothing."""
    assert svg.round_trips(sample.review_device()) == ""


@pytest.mark.parametrize("rtt", [0.0, 0.004, 1.0, 99.0, 12_000.0])
def test_round_trips_of_any_size_have_a_scale(sample, rtt):
    """From nothing to seconds the dots are inside the picture."""
    device = replace(
        sample.strong_device(),
        sessions=(sample.session(transport_rtt_ms=rtt, loop_rtt_ms=None, loop_rtt_interval_ms=None),),
    )
    (dot,) = parsed(svg.round_trips(device)).iter(f"{NS}circle")
    assert 240 <= float(dot.get("cx")) <= svg.WIDTH


def test_network_map_shows_gateway_devices_and_kvms(sample):
    """Every host is there, the KVM by a shape of its own."""
    picture = svg.lan_map(sample.report().lans[0])
    tree = parsed(picture)
    kinds = [part.get("class") for part in tree.iter() if (part.get("class") or "").startswith("host")]
    assert sorted(kinds) == ["host device", "host gateway", "host infrastructure", "host kvm", "host neighbour"]
    assert "PiKVM by mDNS" in picture
    assert "3c:5a:b4:11:22:33" not in picture


@pytest.mark.parametrize("count", [0, 1, 5, 300])
def test_network_map_of_any_size_is_bounded(count):
    """An empty network has a gateway mark, a large one says how many hosts were left out."""
    hosts = tuple(LanHost((), (f"10.0.{n // 250}.{n % 250}",), (), None, "neighbour") for n in range(count))
    picture = svg.lan_map(Lan("l", 0, None, hosts))
    assert float(parsed(picture).get("viewBox").split()[3]) < 3000
    assert ("more hosts" in picture) == (count > 36)
    assert "gateway not seen" in picture


def test_hostile_names_stay_text(sample):
    """No name becomes an element or an attribute of the picture."""
    device = replace(sample.quiet_device(1, Level.CLEAR), names=(sample.HOSTILE[1],), sessions=tuple(
        sample.session(number, tool_name=name, remote_name=name, session_id=name)
        for number, name in enumerate(sample.HOSTILE)
    ))  # fmt: skip
    hosts = tuple(LanHost((name,), (name,), (name,), name, name, name) for name in sample.HOSTILE)
    for picture in (svg.timeline(device), svg.round_trips(device), svg.lan_map(Lan(sample.HOSTILE[0], 0, None, hosts))):
        tags = {part.tag.removeprefix(NS) for part in parsed(picture).iter()}
        assert tags <= {"svg", "text", "line", "rect", "title", "circle", "polygon"}
        attributes = {name for part in parsed(picture).iter() for name in part.attrib}
        assert not {name for name in attributes if name.startswith("on")}
        assert all(char.isprintable() for char in picture)


def test_sessions_months_apart_have_an_axis_each(sample):
    """A session of minutes is as wide as its own period, however far the next one is away."""
    sessions = tuple(
        sample.session(n, start=f"2026-{month:02}-23T14:00:00Z", end=f"2026-{month:02}-23T15:00:00Z")
        for n, month in enumerate((1, 6, 11), 1)
    )
    picture = svg.timeline(replace(sample.strong_device(), sessions=sessions))
    assert re.findall(r'<rect [^>]*width="([0-9.]+)"', picture) == ["700"] * 3
    for month in ("01", "06", "11"):
        assert f">2026-{month}-23<" in picture
