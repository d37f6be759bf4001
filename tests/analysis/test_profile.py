"""What a company may declare, and what it may not."""

from __future__ import annotations

import ipaddress

import pytest

from farmwatch.analysis.profile import BANNED_KEYS, DEFAULT_PRIOR, DeviceProfile, Profile, load_profile
from farmwatch.errors import ProfileError

FULL = """
[company]
cidrs = ["10.20.0.0/16", "2001:db8:20::/48"]
domains = ["*.ACME.example.", "acme.test"]
approved_tools = ["TeamViewer"]
[sites]
local = ["192.0.2.0/24"]
[scan]
vantage = "gateway"
devices = ["F4:D4:88:01:02:03"]
prior = 0.01
[[device]]
match = ["ACME-LT-0142", "10.0.0.5"]
place = "Phoenix, US"
max_rtt_ms = 60
latitude = 33.4
longitude = -112
"""


def written(tmp_path, text):
    path = tmp_path / "acme.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(tmp_path, text):
    with pytest.raises(ProfileError) as caught:
        load_profile(written(tmp_path, text))
    return caught.value.faults


def test_a_full_profile(tmp_path):
    """Everything that can be declared arrives, in the spelling used for comparing."""
    profile = load_profile(written(tmp_path, FULL))
    assert profile.company_cidrs == (ipaddress.ip_network("10.20.0.0/16"), ipaddress.ip_network("2001:db8:20::/48"))
    assert profile.company_domains == ("acme.example", "acme.test")
    assert profile.approved_tools == {"teamviewer"}
    assert profile.local_cidrs == (ipaddress.ip_network("192.0.2.0/24"),)
    assert (profile.vantage, profile.prior) == ("gateway", 0.01)
    assert profile.only_devices == ("f4:d4:88:01:02:03",)
    assert profile.devices == (DeviceProfile(("acme-lt-0142", "10.0.0.5"), "Phoenix, US", 60.0, (33.4, -112.0)),)


def test_an_empty_profile_is_the_default(tmp_path):
    assert load_profile(written(tmp_path, "")) == Profile()
    assert Profile().prior == DEFAULT_PRIOR


def test_every_fault_is_listed_at_once(tmp_path):
    """One run names all of them, with where and what was expected."""
    found = faults(
        tmp_path,
        '[company]\ncidrs = ["10.0.0.0/99"]\ndomains = "acme"\n[scan]\nvantage = "moon"\nprior = 2\n[extra]\na = 1\n'
        "[[device]]\nmatch = []\nmax_rtt_ms = -1\nplace = 3\n[sites]\nremote = []\n",
    )
    for part in (
        "10.0.0.0/99",
        "company.domains",
        "moon",
        "scan.prior",
        "[extra]",
        "match",
        "max_rtt_ms",
        "place",
        "remote",
    ):
        assert any(part in fault for fault in found), part


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("latitude = 33.4", "belong together"),
        ("longitude = 10", "belong together"),
        ("latitude = 91\nlongitude = 0", "between -90 and 90"),
        ("latitude = 0\nlongitude = -180.5", "between -180 and 180"),
        ("latitude = nan\nlongitude = 0", "latitude"),
        ('latitude = "33.4"\nlongitude = 0', "latitude"),
        ("latitude = true\nlongitude = 0", "latitude"),
    ],
)
def test_half_a_place_or_one_not_on_earth(tmp_path, lines, said):
    """Coordinates are both given, as numbers of degrees."""
    assert any(said in fault for fault in faults(tmp_path, f'[[device]]\nmatch = ["a"]\n{lines}\n'))


def test_coordinates_at_the_edge_of_the_map(tmp_path):
    profile = load_profile(written(tmp_path, '[[device]]\nmatch = ["a"]\nlatitude = -90\nlongitude = 180\n'))
    assert profile.devices[0].coordinates == (-90.0, 180.0)


@pytest.mark.parametrize("key", sorted(BANNED_KEYS))
def test_facts_about_a_person_are_refused(tmp_path, key):
    """Nationality, language, keyboard layout and their like are never an input."""
    assert any("person" in fault for fault in faults(tmp_path, f'[company]\n{key} = "x"\n'))


@pytest.mark.parametrize("text", ["[company", "\x00"])
def test_a_file_that_is_no_toml(tmp_path, text):
    assert "TOML" in faults(tmp_path, text)[0]


def test_a_missing_file(tmp_path):
    with pytest.raises(ProfileError, match="not a readable"):
        load_profile(tmp_path / "none.toml")


@pytest.mark.parametrize("section", ["company = 1", "device = 1"])
def test_sections_of_the_wrong_shape(tmp_path, section):
    assert faults(tmp_path, section)


def test_the_command_line_adds_to_the_profile():
    """Networks, domains and tools are told apart; options go on top of the file."""
    base = Profile(vantage="lan", only_devices=("a",))
    profile = base.with_options(
        devices=["B"], sites=["192.0.2.0/24"], corporate=["10.20.0.0/16", "acme.example", "AnyDesk"], vantage="host"
    )
    assert profile.company_cidrs == (ipaddress.ip_network("10.20.0.0/16"),)
    assert profile.company_domains == ("acme.example",)
    assert profile.approved_tools == {"anydesk"}
    assert profile.only_devices == ("a", "b")
    assert profile.vantage == "host"
    assert base.with_options().vantage == "lan"


def test_command_line_faults_are_listed_together():
    with pytest.raises(ProfileError) as caught:
        Profile().with_options(sites=["here"], vantage="moon")
    assert len(caught.value.faults) == 2


def test_expectations_match_any_identifier():
    """The first entry that names one of a device's addresses, MACs or names, in any case."""
    profile = Profile(devices=(DeviceProfile(("acme-lt-0142",), "Phoenix"), DeviceProfile(("10.0.0.5",), "Boston")))
    assert profile.expectation(["10.0.0.5", "ACME-LT-0142"]).place == "Phoenix"
    assert profile.expectation(["10.0.0.9"]) is None
