"""DisplayContradiction: hit, near miss and no data for each grade."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.display_contradiction import DisplayContradiction
from farmwatch.records import Display, PowerEvent
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = DisplayContradiction()


def display(device="lt-x", **values):
    """A monitor of an ordinary model."""
    given = {
        "vendor": "DEL", "product_code": 0xA0C3, "name": "DELL P2422H", "serial_text": device, "width": 1920,
        "height": 1080, "width_mm": 527, "height_mm": 296, "extensions": 1, "extensions_present": 1,
        "extension_sha256": "ab" * 32, "sound": True,
    }  # fmt: skip
    return Display(device_id=device, ts=at(2), **(given | values))


def television(**values):
    """One of 32 inches, by HDMI."""
    given = {
        "vendor": "AAA", "product_code": 1, "name": "TV", "width": 1280, "height": 720, "refresh_hz": 60.0,
        "pixel_clock_khz": 74250, "width_mm": 698, "height_mm": 392, "connector": "card1-HDMI-A-1",
    }  # fmt: skip
    return display(**(given | values))


UNITS = [display(f"lt-{number:02}") for number in range(24)]


@pytest.mark.parametrize(
    ("row", "grade"),
    [
        (display(name="P2422"), "model"),
        (display(width_mm=480, height_mm=270), "model"),
        (display(vendor="GSV", product_code=0x0100), "maker"),
        (display(vendor="AAA", product_code=1, name="X", sound=False), "checksum"),
        (display(vendor="AAA", product_code=0x0100, name="X", week=8, year=2018), "template"),
        (display(vendor="AAA", product_code=1, name="X", width=1280, height=720, pixel_clock_khz=74250), "mode"),
        (display(vendor="AAA", product_code=1, name="X", refresh_hz=30.0, pixel_clock_khz=74250), "mode"),
        (television(connector="card1-DP-1"), "mode"),
        (television(refresh_hz=30.0), "mode"),
        (television(width_mm=None, height_mm=None), "mode"),
        (television(extensions=0, extensions_present=0, extension_sha256=None), "mode"),
        (television(width=640, height=480), "several"),
        (television(name="DELL TV"), "maker"),
        (display(extensions_present=0, extension_sha256=None, sound=False), "truncated"),
        (display(vendor="AAA", product_code=1, name="X", width_mm=400, height_mm=400), "size"),
        (display(vendor="AAA", product_code=1, name="X", width_mm=10, height_mm=6), "size"),
        (display(name="P2422", width_mm=400, height_mm=400), "several"),
    ],
)
def test_a_display_that_cannot_be_what_it_says_is_found(row, grade):
    """The fleet's own displays say what a model is like."""
    found = answers(DETECTOR, [*UNITS, row])
    assert found.pop("lt-x") == grade
    assert set(found.values()) == {"clear"}


@pytest.mark.parametrize(
    "row",
    [
        display(),
        display(extension_sha256="cd" * 32),
        display(vendor="GSM", product_code=0x5B08, name="LG Ultra HD"),
        display(vendor="HPN", product_code=1, name="HP E24 G5"),
        display(vendor="SAM", product_code=2, name="SMT", width_mm=1600, height_mm=900),
        display(internal=True, vendor="BOE", product_code=3, name="DELL", width_mm=1, height_mm=900),
        Display(device_id="lt-x", ts=at(2), vendor="DEL", product_code=0xA0C3),
        display(vendor="AAA", product_code=1, name="X", refresh_hz=59.94, pixel_clock_khz=148500),
        television(),
        television(refresh_hz=50.0, connector=None),
        display(vendor="AAA", product_code=1, name="X", width=1280, height=720),
        display(vendor="AAA", product_code=0x0100, name="X", week=9, year=2018),
    ],
    ids=[
        "same",
        "another input",
        "LG",
        "HP",
        "television",
        "built in",
        "Windows tells no more",
        "60 Hz",
        "720p television",
        "its 50 Hz",
        "mode in use",
        "another date",
    ],
)
def test_displays_that_fit_are_not(row):
    """Another input of a monitor has another second block; a television's size is a guess of the right shape."""
    assert answers(DETECTOR, [*UNITS, row])["lt-x"] == "clear"


def test_one_second_block_under_several_makers_is_odd():
    """A KVM adds its own block to whatever identity it copies; a common one is a common chip's."""
    block = {"extension_sha256": "ef" * 32, "product_code": 7}
    rows = [display(f"kv-{vendor}", vendor=vendor, name="M", **block) for vendor in ("BNQ", "PHL", "IVM")]
    assert set(answers(DETECTOR, [*UNITS, *rows]).values()) == {"clear", "block"}
    common = [display(f"cm-{number:02}", vendor=("BNQ", "PHL", "IVM")[number % 3], name="M", **block)
              for number in range(33)]  # fmt: skip
    assert set(answers(DETECTOR, common).values()) == {"clear"}


def test_a_feed_that_shortens_all_descriptions_says_nothing():
    """Where every display lacks its second block, it is the feed that did not read it."""
    rows = [display(f"lt-{number:02}", extensions_present=0, sound=False) for number in range(24)]
    assert set(answers(DETECTOR, rows).values()) == {"clear"}


def test_a_brand_sold_under_another_code_is_common():
    """A maker that sells its monitors under a bought company's code does so on many desks."""
    rows = [display(f"lt-{number:02}", vendor="QBL", name="BenQ GW") for number in range(12)]
    assert set(answers(DETECTOR, rows).values()) == {"clear"}
    assert judged(DETECTOR, rows[:1]).hits["lt-00"][0].grade == "maker"


def test_without_displays_there_is_no_data():
    """Nothing is known of a device that tells no display."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}
