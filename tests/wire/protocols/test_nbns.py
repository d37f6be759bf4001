"""NetBIOS decoders: hand-made messages, tshark's reading of real ones, one golden capture.

Goldens are remade with ``FARMWATCH_GOLDEN=write pytest tests/wire``.
"""

from __future__ import annotations

import re
import struct

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.nbns import NetbiosName, parse_nbdgm, parse_nbns

CAPTURES = (
    "negative/ntop+nDPI/tests/cfgs/default/pcap/netbios.pcap",
    "negative/arkime+arkime/tests/pcap/nbns.pcap",
    "negative/the-tcpdump-group+tcpdump/tests/eapon1.pcap",
)
DATAGRAM_CAPTURES = (
    "negative/arkime+arkime/tests/pcap/nbns.pcap",
    "negative/cisco+mercury/unit_tests/pcaps/smb.pcap",
    "negative/the-tcpdump-group+tcpdump/tests/eapon1.pcap",
)


def encoded(name, suffix, scope=b""):
    raw = name.encode().ljust(15, b" ") + bytes([suffix])
    half = b"".join(bytes([0x41 + (byte >> 4), 0x41 + (byte & 15)]) for byte in raw)
    return b"\x20" + half + scope + b"\0"


def shown(name: NetbiosName) -> str:
    """A name the way tshark writes it, without the words it adds for known suffixes."""
    scope = f".{name.scope}" if name.scope else ""
    if name.suffix == 3:  # we keep no messenger names; see plain()
        return "<03>"
    spelled = re.sub(r"\\x([0-9a-f]{2})", r"<\1>", name.name)
    return f"{spelled}<{name.suffix:02x}>{scope}"


def plain(text: str) -> str:
    """Tshark's name without its explanation of the suffix and without zero padding."""
    text = text.split(" (", maxsplit=1)[0]
    if text.endswith("<03>"):
        return "<03>"
    return re.sub(r"[ ]*(<00>)*(<[0-9a-f]{2}>)(\..*)?$", r"\2\3", text)


def compare(layers):
    """Every sound name service message, column by column."""
    compared = 0
    for layer in layers:
        if layer.broken:
            continue
        parsed = parse_nbns(layer.raw)
        records = (*parsed.answers, *parsed.additionals)
        found = {
            "id": parsed.transaction_id,
            "response": parsed.is_response,
            "opcode": parsed.opcode,
            "names": [shown(name) for name, _ in parsed.questions] + [shown(record.name) for record in records],
            "addresses": [address for record in records for address, _ in record.addresses],
            "nodes": [name.name for record in records for name, _ in record.node_names if name.suffix != 3],
            "mac": next((record.mac for record in records if record.mac), ""),
        }
        expected = {
            "id": layer.number("nbns_id"),
            "response": layer.one("nbns_flags_response"),
            "opcode": layer.number("nbns_flags_opcode"),
            "names": [plain(name) for name in layer.all("nbns_name")],
            "addresses": layer.all("nbns_addr"),
            "nodes": [
                name
                for name, raw in zip(layer.all("nbns_netbios_name"), layer.all("nbns_netbios_name_raw"), strict=True)
                if not raw.endswith("03")
            ],
            "mac": layer.one("nbns_unit_id").replace("00:00:00:00:00:00", ""),
        }
        differences = {
            column: (found[column], expected[column]) for column in found if found[column] != expected[column]
        }
        assert not differences, f"frame {layer.frame}: {differences}"
        compared += 1
    return compared


def compare_datagrams(layers):
    """Every sound datagram with names, column by column."""
    compared = 0
    for layer in layers:
        if layer.broken or not layer.all("nbdgm_source_name"):
            continue
        parsed = parse_nbdgm(layer.rest)
        found = (parsed.source_ip, shown(parsed.source), shown(parsed.destination))
        expected = (
            layer.one("nbdgm_src_ip"),
            plain(layer.one("nbdgm_source_name")),
            plain(layer.one("nbdgm_destination_name")),
        )
        assert found == expected, f"frame {layer.frame}"
        compared += 1
    return compared


def announcement(kind=1, name=b"ACME-LT-1", master=b"PC7\0"):
    browse = (
        bytes([kind, 0])
        + bytes(4)
        + name.ljust(16, b"\0")
        + b"\x0a\0"
        + struct.pack("<I", 0x1003)
        + b"\x0f\x01\x55\xaa"
    )
    browse += master if kind == 12 else b"a comment\0"
    mailslot = b"\\MAILSLOT\\BROWSE\0"
    words = bytes(18) + struct.pack("<HH", 0, 0) + struct.pack("<HH", len(browse), 32 + 1 + 34 + 2 + len(mailslot))
    words = words.ljust(34, b"\0")
    smb = (b"\xffSMB\x25" + bytes(27)) + b"\x11" + words + b"\0\0" + mailslot + browse
    return b"\x11\x02\0\1\x0a\0\0\5\0\x8a" + bytes(4) + encoded("ACME-LT-1", 0) + encoded("ACME", 0x1D) + smb


def test_query_names_what_is_sought():
    """Name, suffix byte and scope of a question are read; the padding is not part of the name."""
    payload = (
        struct.pack("!6H", 7, 0x0110, 1, 0, 0, 0) + encoded("ACME", 0x1C, b"\x04corp") + struct.pack("!HH", 0x20, 1)
    )
    parsed = parse_nbns(payload)
    assert (parsed.is_response, parsed.opcode, parsed.broadcast) == (False, 0, True)
    assert parsed.questions == ((NetbiosName("ACME", 0x1C, "corp"), 0x20),)


def test_registration_gives_the_address_and_group_flag():
    """A registration names its address in the additional record and whether the name is a group's."""
    record = b"\xc0\x0c" + struct.pack("!HHIH", 0x20, 1, 300, 6) + b"\x80\0\x0a\0\0\5"
    payload = struct.pack("!6H", 7, 0x2910, 1, 0, 0, 1) + encoded("ACME", 0) + struct.pack("!HH", 0x20, 1) + record
    parsed = parse_nbns(payload)
    assert (parsed.opcode, parsed.additionals[0].name.name) == (5, "ACME")
    assert parsed.additionals[0].addresses == (("10.0.0.5", True),)


def test_node_status_lists_names_and_hardware():
    """A node status answer tells the computer, its workgroup and its hardware address."""
    nodes = b"ACME-LT-1".ljust(15) + b"\0\x04\0" + b"ACME".ljust(15) + b"\0\x84\0"
    data = b"\x02" + nodes + bytes.fromhex("02005e100001") + bytes(40)
    payload = (
        struct.pack("!6H", 7, 0x8400, 0, 1, 0, 0) + encoded("*", 0) + struct.pack("!HHIH", 0x21, 1, 0, len(data)) + data
    )
    record = parse_nbns(payload).answers[0]
    assert [(name.name, name.suffix, group) for name, group in record.node_names] == [
        ("ACME-LT-1", 0, False),
        ("ACME", 0, True),
    ]
    assert record.mac == "02:00:5e:10:00:01"


def test_messenger_names_are_not_kept():
    """Suffix 0x03 is registered for the person signed in, so its name never leaves the decoder."""
    payload = struct.pack("!6H", 7, 0x2910, 1, 0, 0, 0) + encoded("PERSON", 3) + struct.pack("!HH", 0x20, 1)
    assert parse_nbns(payload).questions == ((NetbiosName("", 3, ""), 0x20),)
    nodes = b"\x01" + b"PERSON".ljust(15) + b"\x03\x04\0"
    answer = encoded("*", 0) + struct.pack("!HHIH", 0x21, 1, 0, len(nodes)) + nodes
    assert "PERSON" not in repr(parse_nbns(struct.pack("!6H", 7, 0x8400, 0, 1, 0, 0) + answer))


def test_host_announcement_names_the_computer():
    """A host announcement gives computer, type bits and system version; the typed comment is not kept."""
    parsed = parse_nbdgm(announcement())
    assert (parsed.source_ip, parsed.source.name, parsed.destination) == (
        "10.0.0.5",
        "ACME-LT-1",
        NetbiosName("ACME", 0x1D, ""),
    )
    assert parsed.announcement is not None
    assert (parsed.announcement.kind, parsed.announcement.name, parsed.announcement.server_type) == (
        1,
        "ACME-LT-1",
        0x1003,
    )
    assert (parsed.announcement.os_major, parsed.announcement.os_minor) == (10, 0)
    assert "comment" not in repr(parsed)


def test_domain_announcement_names_the_group_and_its_master():
    """A domain announcement gives the domain or workgroup and the computer that speaks for it."""
    parsed = parse_nbdgm(announcement(12, b"ACME"))
    assert parsed.announcement is not None
    assert (parsed.announcement.name, parsed.announcement.master) == ("ACME", "PC7")


def test_cut_announcement_keeps_the_names():
    """A datagram cut inside its mailslot still gives both names; cut inside its names it is refused."""
    whole = announcement()
    assert parse_nbdgm(whole[:120]).announcement is None
    for end in range(82):
        with pytest.raises(DecodeError):
            parse_nbdgm(whole[:end])


@pytest.mark.parametrize(
    "name",
    [
        b"\xc0\x0c",
        b"\x20" + b"A" * 31,
        b"\x20" + b"Z" * 32 + b"\0",
        b"\x03abc\0",
        b"\x20" + b"A" * 32 + b"\x7f" + b"a" * 60,
    ],
)
def test_impossible_names_are_refused(name):
    """A pointer to itself, a short or not encoded name and a bad scope are errors."""
    with pytest.raises(DecodeError):
        parse_nbns(struct.pack("!6H", 7, 0x0110, 1, 0, 0, 0) + name + b"\0\x20\0\1")


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", CAPTURES)
def test_agrees_with_tshark(tshark_layers, capture):
    """Names, addresses and node lists equal tshark's."""
    assert compare(tshark_layers(capture, "nbns")) > 0


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", DATAGRAM_CAPTURES)
def test_datagrams_agree_with_tshark(tshark_layers, capture):
    """Sender and both names of datagrams equal tshark's."""
    assert compare_datagrams(tshark_layers(capture, "nbdgm")) > 0


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", DATAGRAM_CAPTURES)
def test_announcements_agree_with_tshark(tshark_layers, capture):
    """Announced computers and groups equal tshark's."""
    browsers = {layer.frame: layer for layer in tshark_layers(capture, "browser") if not layer.broken}
    kinds = {frame: layer.number("browser_command") for frame, layer in browsers.items()}
    datagrams = {
        layer.frame: parse_nbdgm(layer.rest).announcement for layer in tshark_layers(capture, "nbdgm", "browser")
    }
    announced = [frame for frame, kind in kinds.items() if kind in (1, 12, 15)]
    assert announced
    for frame in announced:
        layer, found = browsers[frame], datagrams[frame]
        assert found is not None
        assert (found.kind, found.name, found.server_type, found.os_major) == (
            kinds[frame],
            layer.one("browser_server"),
            layer.number("browser_server_type"),
            layer.number("browser_os_major"),
        )
        assert found.master == layer.one("browser_mb_server")


@pytest.mark.needs("tshark")
def test_golden_capture(tshark_layers, names_golden):
    """Computers and groups of one capture do not change unseen."""
    rows = []
    for layer in tshark_layers(CAPTURES[1], "nbns"):
        parsed = parse_nbns(layer.raw)
        answers = [(shown(record.name), record.addresses) for record in (*parsed.answers, *parsed.additionals)]
        rows.append([parsed.opcode, [shown(name) for name, _ in parsed.questions], answers])
    for layer in tshark_layers(CAPTURES[1], "nbdgm"):
        datagram = parse_nbdgm(layer.rest)
        found = datagram.announcement
        said = [found.kind, found.name, found.master, found.server_type] if found else None
        rows.append([shown(datagram.source), shown(datagram.destination), said])
    names_golden("nbns", rows)
