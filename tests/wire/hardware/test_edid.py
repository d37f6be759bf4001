"""EDID decoder: documented displays, edid-decode's reading of the same bytes, and what does not fit the standard."""

from __future__ import annotations

import hashlib
import random
import re
import subprocess

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.hardware.edid import RangeLimits, Timing, decode_edid
from tests.wire.hardware.devices import (
    COMET_CTA,
    COMET_EDID,
    JETKVM_EDID,
    NANOKVM_EDID,
    PIKVM_EDID,
    TINYPILOT_EDID,
    cta,
    data_block,
    edid,
    timing,
    with_checksum,
)

DOCUMENTED = {
    "pikvm": (PIKVM_EDID, ("LNX", 0x7773, "PiKVM V4 Plus", 0x01010101, 35, 2016, (1920, 1080, 60.0))),
    "jetkvm": (JETKVM_EDID, ("TSB", 0x8801, "T749-fHD720", 0x88888800, 28, 2011, (1920, 1080, 60.0))),
    "tinypilot": (TINYPILOT_EDID, ("TSB", 0x9876, "TinyPilot", 0x88888800, 45, 2020, (1920, 1080, 30.0))),
    "nanokvm": (NANOKVM_EDID, ("SPD", 0x3301, "NanoKVM", 0x15, 30, 2025, (1920, 1080, 60.0))),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_identity_of_documented_boxes(name):
    """Vendor, product, name, serial, date and preferred mode come out as documented."""
    data, expected = DOCUMENTED[name]
    seen = decode_edid(data)
    mode = (seen.preferred.width, seen.preferred.height, round(seen.preferred.refresh_hz, 1))
    assert (
        seen.vendor_id, seen.product_code, seen.name, seen.serial_number, seen.week, seen.year, mode
    ) == expected  # fmt: skip
    assert seen.checksum_ok


def test_base_block_in_full():
    """Size, rates, texts, hashes and the extension of PiKVM's default."""
    seen = decode_edid(PIKVM_EDID)
    assert (seen.width_mm, seen.height_mm, seen.version, seen.digital, seen.interface) == (530, 300, "1.3", True, "")
    assert seen.range_limits == RangeLimits(50, 75, 30, 80, 150)
    assert seen.serial_text == "CAFEBABE"
    assert seen.sha256 == hashlib.sha256(PIKVM_EDID[:128]).hexdigest()
    (extension,) = seen.extensions
    assert extension.sha256 == hashlib.sha256(PIKVM_EDID[128:]).hexdigest()
    assert (extension.tag, extension.checksum_ok, extension.cta.hdmi, extension.cta.audio) == (2, True, True, True)
    assert (extension.cta.vics, extension.cta.physical_address, extension.cta.max_tmds_mhz) == (
        (16, 4, 3),
        "1.0.0.0",
        225,
    )


def test_announced_extension_that_is_not_there():
    """JetKVM's old default announces one extension and carries none."""
    seen = decode_edid(JETKVM_EDID)
    assert (seen.extensions_announced, len(seen.extensions)) == (1, 0)


def test_fixed_block_of_the_comet():
    """The block Comet appends is sound by its own documented checksum, and always has the same hash."""
    assert COMET_CTA[-1] == 0xC0
    (extension,) = decode_edid(COMET_EDID).extensions
    assert extension.checksum_ok
    assert extension.sha256 == hashlib.sha256(COMET_CTA).hexdigest()
    assert (extension.cta.physical_address, extension.cta.vics, extension.cta.max_tmds_mhz) == ("1.0.0.0", (), 0)


def test_interface_is_named_from_version_1_4_on():
    """Byte 20 carries the interface only in EDID 1.4."""
    assert decode_edid(edid("DEL", 1, "A", version=4, definition=0xA5)).interface == "displayport"
    assert decode_edid(edid("DEL", 1, "A", version=4, definition=0xA2)).interface == "hdmi-a"
    assert decode_edid(edid("DEL", 1, "A", version=3, definition=0xA5)).interface == ""
    assert not decode_edid(edid("DEL", 1, "A", definition=0x0E)).digital


def test_model_year_has_no_week():
    """Week 255 says that the year is the model's."""
    seen = decode_edid(edid("DEL", 1, "A", week=255, year=2019))
    assert (seen.week, seen.year, seen.model_year) == (0, 2019, True)


def test_wrong_checksum_is_a_fact():
    """One flipped byte is told per block and loses nothing else."""
    bent = bytearray(PIKVM_EDID)
    bent[30] ^= 1
    seen = decode_edid(bytes(bent))
    assert not seen.checksum_ok
    assert seen.extensions[0].checksum_ok
    assert seen.name == "PiKVM V4 Plus"


def test_hdmi_forum_block_and_extension_timings():
    """A faster clock in HDMI 2.0's block wins; timings behind the data blocks are read."""
    block = cta(
        data_block(3, b"\x03\x0c\x00\x21\x00\x00\x44"),
        data_block(3, b"\xd8\x5d\xc4\x01\x78\x00"),
        data_block(2, bytes([97, 193])),
        timings=[timing("2560x1440@60")],
    )
    (extension,) = decode_edid(edid("DEL", 1, "A", extensions=[block])).extensions
    assert extension.cta.max_tmds_mhz == 600
    assert extension.cta.physical_address == "2.1.0.0"
    assert extension.cta.vics == (97, 193)
    assert extension.cta.timings[0] == Timing(2560, 1440, 59.951, 241_500, interlaced=False)


def test_other_extensions_keep_tag_and_hash():
    """A DisplayID block is not read, but named and hashed."""
    (extension,) = decode_edid(edid("DEL", 1, "A", extensions=[with_checksum(b"\x70\x13")])).extensions
    assert (extension.tag, extension.cta, extension.checksum_ok) == (0x70, None, True)


def test_names_are_safe_to_show():
    """Control characters in a display's name are spelled out."""
    assert decode_edid(edid("DEL", 1, "a\x1b[2J")).name == "a\\x1b[2J"


@pytest.mark.parametrize("data", [b"", PIKVM_EDID[:127], b"\x01" + PIKVM_EDID[1:]])
def test_no_edid(data):
    """Too short, or another header."""
    with pytest.raises(DecodeError, match="EDID"):
        decode_edid(data)


@pytest.mark.needs("edid-decode")
@pytest.mark.parametrize("data", [data for data, _ in DOCUMENTED.values()] + [COMET_EDID], ids=[*DOCUMENTED, "comet"])
def test_agrees_with_edid_decode(data):
    """The reference program reads the same values out of the same bytes."""
    text = subprocess.run(
        ["edid-decode", "-"], input=data, capture_output=True, timeout=30, check=False
    ).stdout.decode()
    seen = decode_edid(data)

    def one(pattern: str) -> str:
        found = re.search(pattern, text)
        return found[1].strip() if found else ""

    assert one(r"Manufacturer: (\w+)") == seen.vendor_id
    assert int(one(r"Model: (\d+)")) == seen.product_code
    assert int(one(r"Serial Number: (\d+)")) == seen.serial_number
    assert re.search(rf"Made in: week {seen.week} of {seen.year}", text)
    assert one(r"Display Product Name: '([^']*)'") == seen.name
    assert one(r"Display Product Serial Number: '([^']*)'") == seen.serial_text
    assert int(one(r"Extension blocks: (\d+)") or 0) == seen.extensions_announced
    dtd = re.search(r"DTD 1: +(\d+)x(\d+) +([\d.]+) Hz.*?([\d.]+) MHz \((\d+) mm x (\d+) mm\)", text)
    assert (int(dtd[1]), int(dtd[2])) == (seen.preferred.width, seen.preferred.height)
    assert float(dtd[3]) == pytest.approx(seen.preferred.refresh_hz, abs=0.001)
    assert float(dtd[4]) * 1000 == pytest.approx(seen.preferred.pixel_clock_khz)
    assert (int(dtd[5]), int(dtd[6])) == (seen.width_mm, seen.height_mm)
    limits = re.search(r"(\d+)-(\d+) Hz V, (\d+)-(\d+) kHz H, max dotclock (\d+) MHz", text)
    assert tuple(map(int, limits.groups())) == (
        seen.range_limits.min_vertical_hz,
        seen.range_limits.max_vertical_hz,
        seen.range_limits.min_horizontal_khz,
        seen.range_limits.max_horizontal_khz,
        seen.range_limits.max_pixel_clock_mhz,
    )
    for extension in seen.extensions:
        assert one(r"Source physical address: ([\d.]+)") == extension.cta.physical_address
        assert [int(vic) for vic in re.findall(r"VIC +(\d+):", text)] == list(extension.cta.vics)
        assert int(one(r"Maximum TMDS clock: (\d+)") or 0) == extension.cta.max_tmds_mhz


def test_any_bytes_give_a_value_or_decode_error():
    """10,000 mutated EDIDs: never another exception."""
    rng = random.Random(1)
    sources = [data for data, _ in DOCUMENTED.values()] + [COMET_EDID]
    values = 0
    for _ in range(10_000):
        data = bytearray(rng.choice(sources))
        for _ in range(rng.choice((1, 4, 32))):
            data[rng.randrange(8 if rng.random() < 0.95 else 0, len(data))] = rng.choice((0, 255, rng.randrange(256)))
        data = data[: rng.randrange(len(data))] if rng.random() < 0.1 else data
        try:
            values += decode_edid(bytes(data)).year >= 1990
        except DecodeError:
            continue
    assert values > 5000
