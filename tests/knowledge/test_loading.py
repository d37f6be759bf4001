from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import farmwatch.knowledge
from farmwatch.errors import KnowledgeError
from farmwatch.knowledge import Grade, Layer, Side, Sign, load_knowledge
from farmwatch.knowledge.loading import parse_conditions, parse_port, read_document

Write = Callable[..., Path]

_KEYS = {"entry", "fact", "id", "name", "kind", "layer", "values", "sign", "grade", "source", "alone", "disabled",
         "stun_beacon", "tunnel_mtu", "mtu", "port", "servers", "benign", "aliases"}  # fmt: skip

GOOD = """
[[entry]]
id = "acme-remote"
name = "Acme Remote"
kind = "remote_access"
vendor = "Acme"
unattended = true
aliases = ["acme rc"]
benign = ["Acme supports our printers"]

  [[entry.fact]]
  layer = "domain"
  values = ["*.relay.acme.example", "boot.acme.example"]
  sign = "session"
  grade = "high"
  side = "relay"
  source = "Acme firewall guide"
"""


def fact(layer: str, value: str, extra: str = "") -> str:
    """A file with one entry and one fact."""
    header = GOOD.split("  [[entry.fact]]", maxsplit=1)[0]
    return (
        f"{header}[[entry.fact]]\nlayer = '{layer}'\nvalues = ['{value}']\n"
        f"sign = 'presence'\ngrade = 'low'\nsource = 'test'\n{extra}"
    )


def faults(path: Path) -> tuple[str, ...]:
    with pytest.raises(KnowledgeError) as caught:
        read_document(path)
    assert caught.value.path == str(path)
    return caught.value.faults


def test_an_own_file_adds_an_entry(write: Write) -> None:
    own = load_knowledge([write(GOOD)])
    (match,) = own.match_domain("eu1.relay.acme.example")
    assert (match.id, match.sign, match.grade, match.side) == ("acme-remote", Sign.SESSION, Grade.HIGH, Side.RELAY)
    assert match.source == "Acme firewall guide"
    assert match.alone
    assert own.find("ACME RC") is own.complete["acme-remote"]


def test_a_later_file_overrides_fields_and_single_facts(write: Write) -> None:
    """Only what changes needs to be written; facts are added or, for the same layer and value, replaced."""
    later = """
        [[entry]]
        id = "acme-remote"
        unattended = false
        [[entry.fact]]
        layer = "domain"
        values = ["boot.acme.example"]
        sign = "web"
        grade = "low"
        source = "we asked"
        [[entry.fact]]
        layer = "port"
        values = ["tcp/4711"]
        sign = "session"
        grade = "low"
        source = "we asked"
    """
    own = load_knowledge([write(GOOD, "a.toml"), write(later, "b.toml")])
    assert own.entries["acme-remote"].unattended is False
    assert own.entries["acme-remote"].name == "Acme Remote"
    assert own.match_domain("boot.acme.example") == ()
    assert own.match_domain("x.relay.acme.example")
    assert [match.id for match in own.match_ports("tcp", 4711)] == ["acme-remote"]


def test_an_entry_can_be_switched_off(write: Write) -> None:
    """Also its endpoint facts, which are read later, and the beacon that names it."""
    own = load_knowledge([write('[[entry]]\nid = "pikvm"\ndisabled = true\n')])
    assert "pikvm" not in own.entries
    assert "pikvm" not in own.complete
    assert own.match_dhcp("pikvm") == ()
    assert "pikvm" not in {match.id for match in own.match_edid({"vendor": "LNX", "product": "7773"})}
    assert "pikvm" not in {beacon.entry for beacon in own.beacons}
    assert "pikvm" in load_knowledge().entries


def test_a_single_fact_can_be_switched_off(write: Write) -> None:
    text = """
        [[entry]]
        id = "anydesk"
        [[entry.fact]]
        layer = "domain"
        values = ["*.anydesk.com"]
        disabled = true
        [[entry.fact]]
        layer = "process"
        values = ["anydesk.exe"]
        disabled = true
    """
    own = load_knowledge([write(text)])
    assert own.match_domain("api.anydesk.com") == ()
    assert own.match_domain("boot.net.anydesk.com")
    assert own.match_process("AnyDesk.exe") == ()


def test_all_faults_of_a_file_are_reported_at_once(write: Write) -> None:
    """Each says where it is, what is wrong and what is expected."""
    text = """
        colour = "blue"
        [[entry]]
        id = "Bad Id"
        [[entry]]
        id = "one"
        name = ""
        kind = "spaceship"
        vendor = 5
        unattended = "yes"
        benign = []
        shoe_size = 42
        [[entry.fact]]
        layer = "domain"
        values = ["*.com", "ok.example.com", "UPPER.example.com"]
        sign = "maybe"
        grade = "high"
        source = "x"
        [[entry.fact]]
        layer = "port"
        values = ["tcp/99999"]
        sign = "session"
        grade = "high"
        source = ""
        [[entry.fact]]
        layer = "oui"
        values = ["04-c9-8b"]
        sign = "session"
        grade = "high"
        source = "x"
        [[entry]]
        id = "one"
        [[tunnel_mtu]]
        id = "t"
        mtu = 9
        grade = "high"
        source = "x"
    """
    found = faults(write(text))
    for part in (
        "top level: colour: is not a known field",
        "entry 1: id: is 'Bad Id', expected lower-case",
        "entry one: name: is missing or empty, expected text",
        "entry one: kind: is 'spaceship', expected one of remote_access, rmm",
        "entry one: vendor: is int, expected text",
        "entry one: unattended: is 'yes', expected true or false",
        "entry one: benign: is missing or empty, expected a list of texts",
        "entry one: shoe_size: is not a known field, expected one of",
        "entry one: fact 1: sign: is 'maybe', expected one of session, presence, web",
        "entry one: fact 2: source: is missing or empty, expected text",
        "entry one: fact 3: values: '04-c9-8b' expected a lower-case prefix",
        "entry one: id: appears twice in this file, expected once",
        "tunnel_mtu 1: mtu: is 9, expected a number from 576",
        "tunnel_mtu 1: name: is missing or empty, expected text",
    ):
        assert any(fault.startswith(part) for fault in found), (part, found)


def test_an_entry_without_an_id_is_checked_to_its_end(write: Write) -> None:
    """A missing id hides no other fault, nor does a bad layer hide a bad grade."""
    text = """
        [[entry]]
        name = "X"
        colour = "blue"
        [[entry.fact]]
        layer = "smell"
        values = ["x"]
        sign = "session"
        grade = "best"
        source = "x"
        [[entry.fact]]
        layer = "port"
        values = ["tcp/0"]
        sign = "session"
        grade = "best"
        source = "x"
    """
    found = faults(write(text))
    for part in (
        "entry 1: id: is missing",
        "entry 1: colour: is not a known field",
        "entry 1: fact 1: layer: is 'smell'",
        "entry 1: fact 1: grade: is 'best'",
        "entry 1: fact 2: grade: is 'best'",
        "entry 1: fact 2: values: 'tcp/0' expected tcp/5938",
    ):
        assert any(fault.startswith(part) for fault in found), (part, found)


@pytest.mark.parametrize(
    ("layer", "value", "part"),
    [
        ("domain", "*.com", "at least two plain DNS labels"),
        ("port", "tcp/0", "expected tcp/5938"),
        ("port", "udp/9-3", "expected tcp/5938"),
        ("oui", "04:c9", "expected a lower-case prefix"),
        ("favicon", "md5:xyz", "expected md5:<32 hex>"),
        ("ja4", "t13d1516h2", "expected a JA4"),
        ("payload", "RFB", "expected a dotted id"),
        ("network", "10.0.0.1/8", "has host bits set"),
        ("cert", "cn=x", "must be key=value"),
        ("usb", "vid=1d6b & colour=red", "must be key=value"),
        ("dhcp", "hostname=", "must be key=value"),
        ("process", " x.exe", "is empty or has spaces around it"),
    ],
)
def test_a_value_that_breaks_its_layers_syntax_is_a_fault(write: Write, layer: str, value: str, part: str) -> None:
    (found,) = faults(write(fact(layer, value)))
    assert repr(value) in found
    assert part in found


@pytest.mark.parametrize(
    ("layer", "value"),
    [
        ("port", "tcp/5938"),
        ("network", "52.112.0.0/14"),
        ("domain", "*.local.lan"),
        ("domain", "*.github.com"),
        ("domain", "*.s3.amazonaws.com"),
        ("domain", "stun.l.google.com"),
        ("domain", "cloudfront.net"),
        ("oui", "b8:27:eb"),
        ("oui", "02:00:00"),
        ("usb", "vid=1d6b & pid=0104"),
        ("usb", "vid=2341"),
        ("usb", "vid=1d6b & pid=0104 & serial=CAFEBABE"),
        ("usb", "serial=6b65796d696d6570690"),
        ("hid", "descriptor=81c9b5a7d7ecf4b9 & use=keyboard"),
        ("edid", "vendor=TSB & product=8888"),
        ("edid", "vendor=LNX"),
        ("mdns", "service=_https._tcp"),
        ("mdns", "host=*.local"),
        ("dhcp", "parameters=1,3,6"),
        ("dhcp", "hostname=*"),
        ("cert", "subject.cn=localhost"),
        ("cert", "subject.o=Internet Widgits Pty Ltd"),
        ("process", "connect.exe"),
        ("process", "*.exe"),
        ("alpn", "h2"),
        ("ja4", "t13d1516h2_8daaf6152771_02713d6af862"),
        ("http_title", "Login"),
        ("http_title", "*"),
        ("http_path", "/login"),
    ],
)
def test_nothing_generic_may_fire_by_itself(write: Write, layer: str, value: str) -> None:
    """Marked able to fire alone it is refused; unmarked it supports only."""
    (found,) = faults(write(fact(layer, value, "alone = true")))
    assert "may not fire by itself" in found
    assert "alone" in found
    own = load_knowledge([write(fact(layer, value))])
    (own_fact,) = own.complete["acme-remote"].facts
    assert not own_fact.alone


def test_a_program_that_starts_with_each_session_is_marked(write: Write) -> None:
    for extra, marked in (("", False), ("each_session = true", True)):
        own = load_knowledge([write(fact("process", "acme_visit.exe", extra))])
        assert own.complete["acme-remote"].facts[0].each_session is marked


def test_a_specific_fact_may_fire_alone_and_may_be_held_back(write: Write) -> None:
    for extra, fires in (("", True), ("alone = true", True), ("alone = false", False)):
        own = load_knowledge([write(fact("domain", "*.relay.acme.example", extra))])
        assert own.entries["acme-remote"].facts[0].alone is fires


@pytest.mark.parametrize("layer", ["process", "service", "package"])
def test_a_name_that_two_tools_claim_fires_alone_for_neither(write: Write, layer: str) -> None:
    """Whose program it is cannot be told; one claimed by one tool alone, or said twice of one tool, stays a finding."""
    first = fact(layer, "Twofold Remote")
    second = fact(layer, "twofold remote").replace("acme-remote", "other").replace("Acme Remote", "Other")
    both = load_knowledge([write(first), write(second, "second.toml")])
    for name in ("acme-remote", "other"):
        (one,) = both.facts_of(name, Layer(layer))
        assert not one.alone
    again = load_knowledge([write(first), write(fact(layer, "twofold remote"), "second.toml")])
    assert all(one.alone for one in again.facts_of("acme-remote", Layer(layer)))


def test_a_pattern_or_host_of_two_tools_is_not_a_shared_name(write: Write) -> None:
    """Hosts have rules of their own: a vendor's tools may share one."""
    first = fact("domain", "relay.acme.example")
    second = first.replace("acme-remote", "other").replace("Acme Remote", "Other")
    both = load_knowledge([write(first), write(second, "second.toml")])
    assert both.facts_of("acme-remote", Layer.DOMAIN)[0].alone


def test_a_new_entry_must_be_complete(write: Write) -> None:
    with pytest.raises(KnowledgeError, match="entry lone: benign: is missing, and no earlier file has it"):
        load_knowledge([write('[[entry]]\nid = "lone"\nname = "Lone"\n')])


def test_faults_of_several_files_come_together(write: Write) -> None:
    paths = [write('[[entry]]\nid = "A"\n', "a.toml"), write("x = 1\n", "b.toml")]
    with pytest.raises(KnowledgeError) as caught:
        load_knowledge(paths)
    assert any("a.toml: entry 1: id" in fault for fault in caught.value.faults)
    assert any("b.toml: top level: x" in fault for fault in caught.value.faults)


def test_a_beacon_or_tunnel_of_an_unknown_entry_is_a_fault(write: Write) -> None:
    text = "[[tunnel_mtu]]\nid='t'\nname='T'\nentry='nobody'\nmtu=1400\ngrade='low'\nsource='x'\n"
    with pytest.raises(KnowledgeError, match="entry nobody: is not known"):
        load_knowledge([write(text)])


@pytest.mark.parametrize("server", ["stun.acme.example", "stun.acme.example:0", ":3478", "stun.acme.example:99999"])
def test_a_beacons_server_is_a_host_and_a_port(write: Write, server: str) -> None:
    beacon = f"[[stun_beacon]]\nentry='pikvm'\nservers=['{server}']\nperiod_low_s=10\nperiod_high_s=60\n"
    with pytest.raises(KnowledgeError, match="expected host:port"):
        load_knowledge([write(f"{beacon}grade='low'\nsource='x'\n")])


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"\xff\xfe", "is not UTF-8"),
        (b"[[entry]", "is not TOML"),
        (b"entry = 3", "expected tables written"),
        (b"x = " + b"[" * 100_000, "is not TOML"),
    ],
)
def test_a_file_that_is_no_knowledge_at_all_is_refused(tmp_path: Path, data: bytes, part: str) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(data)
    assert any(part in fault for fault in faults(path))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in faults(tmp_path / "none.toml")[0]


def test_the_version_changes_with_the_content(write: Write) -> None:
    assert load_knowledge([write(GOOD)]).version != load_knowledge().version
    assert load_knowledge([write(GOOD)]).version == load_knowledge([write(GOOD)]).version


def test_values_are_taken_apart() -> None:
    assert parse_conditions("a=1 & b=x=y & c=p&q") == {"a": "1", "b": "x=y", "c": "p&q"}
    assert parse_port("udp/8801-8810") == ("udp", 8801, 8810)
    assert parse_port("tcp/22") == ("tcp", 22, 22)
    assert parse_port("sctp/22") is None


def test_facts_keep_their_layer_order_out_of_the_scan(write: Write) -> None:
    """Endpoint facts of an own file are known at once and stay out of the network matchers."""
    own = load_knowledge([write(fact("process", "acmerc.exe"))])
    assert [match.id for match in own.match_process(r"C:\Program Files\Acme\AcmeRC.exe")] == ["acme-remote"]
    assert own.facts_of("acme-remote", Layer.DOMAIN) == ()


_SHIPPED = (Path(farmwatch.knowledge.__file__).parent / "data" / "tunnel.toml").read_bytes()[:6000]


@given(st.lists(st.tuples(st.integers(0, len(_SHIPPED) - 1), st.binary(max_size=3)), min_size=1, max_size=8))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(damage: list[tuple[int, bytes]]) -> None:
    data = bytearray(_SHIPPED)
    for at, replacement in damage:
        data[at : at + len(replacement) + 1] = replacement
    with contextlib.suppress(KnowledgeError):
        read_document(Path("damaged.toml"), bytes(data))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(_KEYS)), inner, max_size=5),
        max_leaves=20,
    )
)
def test_values_of_any_type_in_any_place_are_faults_not_crashes(tree: object) -> None:
    """What TOML can hold is checked by type before it is used."""
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(KnowledgeError):
        patch.setattr("farmwatch.knowledge.loading.tomllib.loads", lambda _: tree if isinstance(tree, dict) else {})
        read_document(Path("odd.toml"), b"")
