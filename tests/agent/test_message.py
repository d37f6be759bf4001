"""Messages: what changed, everything after an hour, reasons for what is missing, and nothing personal."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from farmwatch.agent import message as message_module
from farmwatch.agent.linux import LinuxProbe
from farmwatch.agent.message import Messages, encode
from farmwatch.agent.spool import Losses
from tests.agent.tree import PCI, gadget, laptop, write


@pytest.fixture
def root(tmp_path):
    return laptop(tmp_path)


@pytest.fixture
def messages(root):
    return Messages(LinuxProbe(root), "LT-1", b"key")


def made(messages, **given):
    return json.loads(encode(messages.make(given.get("windows", []), given.get("losses", Losses()), {})))


def test_first_message_has_everything(messages):
    """All sections, and the reason for the one that cannot be read."""
    first = made(messages)
    assert {"system", "usb", "hid", "displays", "power", "network", "sockets"} <= first.keys()
    assert (first["kind"], first["version"], first["device_id"], first["sequence"]) == ("farmwatch-agent", 1, "LT-1", 1)
    assert first["not_available"] == {"bssids": "no wireless interface"}
    assert re.fullmatch(r"[0-9a-f]{32}", first["message_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["ts"])


def test_nothing_personal(messages):
    """No user folder, no name of a wireless mouse, no neighbour's address, no machine id."""
    text = json.dumps(made(messages))
    for hidden in ("anna", "Anna", "ab:cd:ef", "AB:CD:EF", "0123456789abcdef0123456789abcdef"):
        assert hidden not in text


def test_only_what_changed(messages, root):
    """A second look at the same device says nothing; a changed section is there whole."""
    made(messages)
    assert not {"system", "usb", "displays", "power", "sockets", "not_available"} & made(messages).keys()
    write(root, "proc/acpi/button/lid/LID0/state", "state:      open")
    third = made(messages)
    assert third["power"]["lid_closed"] is False
    assert "displays" not in third


def test_another_access_point_is_news(root):
    """Roaming changes the network section, whatever else stayed."""

    class Roaming(LinuxProbe):
        def bssids(self):
            return tuple(seen)

    seen = ["02:00:5e:00:00:01"]
    messages = Messages(Roaming(root), "d", b"k")
    assert made(messages)["network"]["bssids"] == seen
    assert "network" not in made(messages)
    seen[0] = "02:00:5e:00:00:02"
    assert made(messages)["network"]["bssids"] == seen


def test_sleep_is_told(root):
    """When the clock that stands still while asleep fell behind, the next message says by how much."""

    class Sleeping(LinuxProbe):
        def system(self):
            return replace(super().system(), asleep_s=asleep[0])

    asleep = [7]
    messages = Messages(Sleeping(root), "d", b"k")
    assert "sleep" not in made(messages)
    asleep[0] += 1
    assert "sleep" not in made(messages)
    asleep[0] += 3600
    assert made(messages)["sleep"] == {"for_s": 3600}
    assert "sleep" not in made(messages)


def test_everything_again_after_an_hour(messages, monkeypatch):
    """Whoever lost a message knows the device again an hour later."""
    made(messages)
    later = message_module.time.monotonic() + 3601
    monkeypatch.setattr(message_module.time, "monotonic", lambda: later)
    assert {"system", "usb", "displays"} <= made(messages).keys()


def test_coming_and_going(messages, root):
    """A device that is pulled is told as removed, one that comes as attached, each once."""
    made(messages)
    for path in sorted((root / "sys/bus/usb/devices").iterdir()):
        path.unlink()
    assert [fact["event"] for fact in made(messages)["usb"]] == ["removed"]
    assert "usb" not in made(messages)
    for path in sorted((root / "sys/bus/hid/devices").glob("0003*")):
        path.unlink()
    for path in sorted((root / PCI).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    gadget(root)
    assert [fact["event"] for fact in made(messages)["usb"]] == ["attached"]
    assert "usb" not in made(messages)


def test_a_device_that_became_another(messages, root):
    """The same port with another serial number: one went, one came."""
    made(messages)
    write(root, f"{PCI}/1-2/serial", "OTHER")
    assert [(fact["event"], fact["serial"]) for fact in made(messages)["usb"]] == [
        ("removed", "CAFEBABE"),
        ("attached", "OTHER"),
    ]


def test_a_message_that_was_not_kept(messages):
    """After it is forgotten the next one tells everything again."""
    made(messages)
    messages.forget()
    assert {"system", "usb", "displays"} <= made(messages).keys()


def test_losses_are_told(messages):
    """In every message from then on, as a sum over the life of the spool."""
    assert "lost" not in made(messages)
    assert made(messages, losses=Losses(3, 900))["lost"] == {"messages": 3, "bytes": 900}


def test_an_empty_machine_gives_reasons(tmp_path):
    """Where nothing can be read, each section says why."""
    first = json.loads(encode(Messages(LinuxProbe(tmp_path), "d", b"k").make([], Losses(), {"input": "none"})))
    assert first["not_available"].keys() == {"input", "usb", "hid", "displays", "power", "sockets", "bssids"}


def test_messages_are_one_line_of_ascii(messages, root):
    """Whatever a device calls itself."""
    write(root, f"{PCI}/1-2/product", "Tastatur ü\u2028\x1b".encode())
    data = encode(messages.make([], Losses(), {}))
    assert data.isascii()
    assert b"\n" not in data
