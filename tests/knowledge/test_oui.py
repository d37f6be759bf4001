from __future__ import annotations

from pathlib import Path

import pytest

from farmwatch.errors import KnowledgeError
from farmwatch.knowledge import Knowledge, load_knowledge
from farmwatch.knowledge.oui import (
    MakerNames,
    _ieee_files,
    _name_by_interface,
    _name_in_list,
    hex_address,
    locally_administered,
    prefixes,
)


@pytest.mark.parametrize("mac", ["04:C9:8B:1a:00:01", "04-c9-8b-1a-00-01", "04c9.8b1a.0001", "04C98B1A0001"])
def test_addresses_are_read_in_all_usual_spellings(knowledge: Knowledge, mac: str) -> None:
    assert hex_address(mac) == "04c98b1a0001"
    assert [match.id for match in knowledge.match_oui(mac)] == ["tinypilot"]


@pytest.mark.parametrize(
    ("mac", "ids", "alone"),
    [
        ("30:52:53:12:34:56", ["jetkvm"], True),
        ("48:da:35:6d:12:34", ["nanokvm"], True),
        ("48:da:35:7d:12:34", [], None),
        ("04:c9:8b:2a:00:01", [], None),
        ("94:83:c4:00:00:01", ["comet"], False),
        ("88:a2:9e:00:00:01", ["raspberry-pi"], False),
        ("8c:1f:64:34:ab:cd", ["raspberry-pi"], False),
        ("8c:1f:64:34:bb:cd", [], None),
        ("70:b3:d5:24:80:01", [], None),
        ("32:52:53:12:34:56", [], None),
        ("02:00:00:00:00:01", [], None),
        ("ff:ff:ff:ff:ff:ff", [], None),
        ("31:52:53:12:34:56", [], None),
        ("30:52:53", [], None),
        ("zz:52:53:12:34:56", [], None),
    ],
)
def test_prefixes_of_24_28_and_36_bits(knowledge: Knowledge, mac: str, ids: list[str], alone: bool | None) -> None:
    """Locally administered and multicast addresses belong to nobody."""
    matches = knowledge.match_oui(mac)
    assert [match.id for match in matches] == ids
    assert {match.alone for match in matches} == ({alone} if ids else set())


def test_the_local_bit_is_told() -> None:
    assert locally_administered("02:00:00:00:00:01")
    assert not locally_administered("30:52:53:00:00:01")
    assert not locally_administered("nonsense")
    assert prefixes("02:00:00:00:00:01") == ()


def test_makers_come_from_the_shipped_list(knowledge: Knowledge) -> None:
    assert "Raspberry Pi" in knowledge.maker("b8:27:eb:00:00:01")
    assert knowledge.maker("02:00:00:00:00:01") == ""
    assert knowledge.maker("48:da:35:6d:00:01") == "", "a block sold on in pieces names no maker"


def test_the_short_way_into_the_list_agrees_with_netaddr() -> None:
    files = _ieee_files()
    assert files is not None, "netaddr keeps its list elsewhere: names still come, but slowly"
    for prefix in ("000000", "b827eb", "001074", "000d5d", "305253", "9483c4", "f4d488", "00005e", "fcfc48", "123456"):
        assert _name_in_list(prefix, *files) == _name_by_interface(prefix), prefix


def test_ieee_lists_of_the_user_override_it(tmp_path: Path) -> None:
    large, small = tmp_path / "oui.csv", tmp_path / "mam.csv"
    header = "Registry,Assignment,Organization Name,Organization Address\n"
    large.write_text(header + 'MA-L,B827EB,"New Owner, Inc.",Somewhere\nMA-L,48DA35,IEEE Registration Authority,x\n')
    small.write_text(header + "MA-M,48DA356,Shenzhen Sipeed,y\nMA-S,8C1F6434A,Nine Digits,z\n")
    knowledge = load_knowledge(ieee_lists=[large, small])
    assert knowledge.maker("b8:27:eb:00:00:01") == "New Owner, Inc."
    assert knowledge.maker("48:da:35:6d:00:01") == "Shenzhen Sipeed"
    assert knowledge.maker("8c:1f:64:34:a0:01") == "Nine Digits"
    assert knowledge.maker("48:da:35:7d:00:01") == ""


def test_a_file_that_is_no_ieee_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "oui.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(KnowledgeError, match="expected the IEEE columns"):
        MakerNames([path])
    path.write_text("Assignment,Organization Name\nXYZ,A\n12345,B\nAABBCC,C\n")
    with pytest.raises(KnowledgeError) as caught:
        MakerNames([path])
    assert len(caught.value.faults) == 2
    with pytest.raises(KnowledgeError, match="cannot be read"):
        MakerNames([tmp_path / "missing.csv"])
