"""Dissection: flows by their ends, header fields only."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmwatch.cli import dissect
from farmwatch.errors import DependencyError

PCAPS = Path(__file__).parent.parent.parent / "pcaps"


@pytest.mark.parametrize(
    ("text", "protocol", "ends"),
    [
        ("tcp/10.0.0.5:50111-198.51.100.7:443", "tcp", (("10.0.0.5", 50111), ("198.51.100.7", 443))),
        ("udp/[2001:db8::1]:5-[fe80::2]:6", "udp", (("2001:db8::1", 5), ("fe80::2", 6))),
        (" 10.0.0.5:1-10.0.0.6:2 ", None, (("10.0.0.5", 1), ("10.0.0.6", 2))),
    ],
)
def test_flows_are_read(text, protocol, ends):
    """Protocol optional, IPv6 in brackets."""
    assert dissect.parse_flow(text) == dissect.FlowFilter(protocol, ends)


@pytest.mark.parametrize(
    "text",
    ["", "S1", "tcp/10.0.0.5-10.0.0.6", "tcp/10.0.0.5:1-10.0.0.6:70000", "10.0.0.5:1-[::1]:2",
     "sctp/1.1.1.1:1-2.2.2.2:2", "tcp/10.0.0.5:1-10.0.0.6:2 || frame", "tcp/host:1-10.0.0.6:2",
     "10.0.0.999:1-10.0.0.6:2"],
)  # fmt: skip
def test_what_is_no_flow_is_none(text):
    """Names, mixed families and anything more than two ends are refused."""
    assert dissect.parse_flow(text) is None


@given(st.text())
def test_nothing_but_addresses_reaches_a_display_filter(text):
    """Any text gives no flow, or a filter of known words, addresses and numbers."""
    flow = dissect.parse_flow(text)
    if flow is not None:
        assert set(flow.display_filter()) <= set("abcdefghijklmnopqrstuvwxyz0123456789.:&|()= ")


def test_both_directions_are_selected():
    """The filter names each direction with its own ports."""
    flow = dissect.parse_flow("tcp/10.0.0.5:1-10.0.0.6:2")
    assert flow is not None
    assert "ip.src == 10.0.0.5 && tcp.srcport == 1 && ip.dst == 10.0.0.6 && tcp.dstport == 2" in flow.display_filter()
    assert "ip.src == 10.0.0.6 && tcp.srcport == 2 && ip.dst == 10.0.0.5 && tcp.dstport == 1" in flow.display_filter()


def test_missing_tshark_says_how_to_install_it(monkeypatch):
    """The message holds the commands."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    flow = dissect.FlowFilter("tcp", (("10.0.0.5", 1), ("10.0.0.6", 2)))
    with pytest.raises(DependencyError, match="apt install tshark"):
        list(dissect.dissect(Path("x.pcap"), flow, 1))


class Field:
    """A dissected field as pyshark gives it."""

    def __init__(self, name, showname):
        self.name, self.showname, self.show = name, showname, showname
        self.all_fields = [self]


class Layer:
    """A dissected layer as pyshark gives it."""

    def __init__(self, **fields):
        self._fields = {
            name.replace("__", "."): Field(name.replace("__", "."), shown) for name, shown in fields.items()
        }
        self.field_names = list(self._fields)

    def get_field(self, name):
        """One field."""
        return self._fields[name]


def test_keys_and_content_of_a_screen_protocol_are_not_shown():
    """Of VNC the handshake is shown, never a key or what was on the clipboard."""
    layer = Layer(
        vnc__server_proto_ver="Version: RFB 3.8", vnc__key="Key: a (0x61)", vnc__client_cut_text="Text: secret"
    )
    assert list(dissect._fields("vnc", layer)) == ["Version: RFB 3.8"]


def test_layers_nobody_named_are_not_shown():
    """Unknown layers may hold anything."""
    assert list(dissect._fields("telnet", Layer(telnet__data="Data: password"))) == []


@pytest.mark.parametrize(
    "name", ["tcp__payload", "tcp__segment_data", "tls__app_data", "dhcp__auth__secret", "http__cookie"]
)
def test_content_fields_of_known_layers_are_not_shown(name):
    """Payload, cookies and secrets are left out whatever the layer."""
    assert list(dissect._fields("tcp", Layer(**{name: "content"}))) == []


def test_long_byte_strings_are_given_by_length():
    """Bytes say how many they are, and a long value is cut."""
    shown = list(dissect._fields("tls", Layer(tls__random="Random: " + ":".join(["ab"] * 32), tls__x="y" * 900)))
    assert shown[0] == "Random: (32 bytes)"
    assert len(shown[1]) == 160


def test_facts_about_a_person_are_not_shown():
    """A keyboard layout in a remote-desktop handshake stays out."""
    layer = Layer(rdp__client__keyboard_layout="Keyboard layout: 1042", rdp__neg_type="Type: 1")
    assert list(dissect._fields("rdp", layer)) == ["Type: 1"]


@pytest.mark.needs("tshark")
def test_flow_of_a_packet_is_dissected():
    """A packet leads to its flow, the flow to all its packets with their fields."""
    capture = PCAPS / "farm-gateway.pcap"
    number = next(n for n in range(1, 400) if (dissect.flow_of_packet(capture, n) or FLOWLESS).protocol == "tcp")
    flow = dissect.flow_of_packet(capture, number)
    assert flow is not None
    packets = list(dissect.dissect(capture, flow, 5))
    assert number in [packet.number for packet in packets]
    assert all("tcp" in packet.layers for packet in packets)
    fields = dict(packets[0].fields)
    assert any("Source Port" in text for text in fields["tcp"])


FLOWLESS = dissect.FlowFilter(None, (("0.0.0.0", 0), ("0.0.0.0", 0)))
