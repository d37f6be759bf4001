"""A flood of made-up senders is cut, said, and cannot push out the devices that matter."""

from __future__ import annotations

import numpy as np

from farmwatch.analysis import crowd
from farmwatch.analysis.assess import assess
from farmwatch.analysis.crowd import CROWDED, limit_devices
from farmwatch.analysis.identity import Host, Hosts
from farmwatch.analysis.profile import Profile
from farmwatch.collectors.captures import collect_capture
from farmwatch.knowledge import load_knowledge
from tests.fuzz.hostile import pcap, udp4


def hosts(*own: Host) -> Hosts:
    """Hosts that take part in no flow."""
    for number, host in enumerate(own):
        host.role, host.device_id = "device", f"d{number:02}"
    nobody = np.empty(0, np.int64)
    return Hosts(list(own), nobody, nobody, {}, {})


def test_remote_control_then_names_then_flows_decide_who_is_judged():
    """Thousands of strangers cannot push out the device that is being driven, nor the one with a name."""
    strangers = [Host(0, f"s{number}", None, orig_flows=3) for number in range(10)]
    busy, named = Host(0, "busy", None, orig_flows=9), Host(0, "named", None, names={"laptop": 0})
    driven = Host(1, "driven", None, remote_control=True)
    found = hosts(*strangers, busy, named, driven)
    rejects = limit_devices(found, 3)
    assert {host.key for host in found.hosts if host.device_id} == {"busy", "named", "driven"}
    assert {host.role for host in strangers} == {"neighbour"}
    assert [(row.input, row.reason, row.count) for row in rejects.rows()] == [(0, CROWDED, 10)]


def test_few_devices_are_all_judged():
    """Below the limit nothing changes and nothing is said."""
    found = hosts(Host(0, "a", None), Host(0, "b", None))
    assert len(limit_devices(found, 2)) == 0
    assert all(host.device_id for host in found.hosts)


def test_flood_makes_the_input_incomplete_and_is_noted(monkeypatch, tmp_path):
    """The report says how many devices were not judged; its input does not count as complete."""
    monkeypatch.setattr(crowd.limit_devices, "__defaults__", (5,))
    path = tmp_path / "flood.pcap"
    frames = [
        udp4(f"10.0.0.{number}", "93.184.216.34", 5000, 443, b"x", mac=b"\x00\x00\x5e\x77\x00" + bytes([number]))
        for number in range(1, 13)
    ]
    path.write_bytes(pcap(frames))
    report = assess(collect_capture(path, 0).tables, load_knowledge(), Profile(), version="")
    assert len(report.devices) == 5
    [entry] = report.inputs
    assert not entry.complete
    assert entry.rejects[CROWDED] == 7
    assert any(f"{path.name}: 7 more devices than the " in note for note in report.notes)
