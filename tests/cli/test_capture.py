"""``farmwatch capture``: limits, messages, and a real recording where it is allowed."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time

import pytest

from farmwatch.cli import capture as module
from farmwatch.cli.exits import Exit
from farmwatch.errors import SourceError


class Interface:
    """An interface that delivers what a test wants."""

    linktype = 1
    closed = False

    def __init__(self, packets):
        self._packets = packets

    def packets(self, duration):
        """The packets, then Ctrl-C where an exception is among them."""
        for packet in self._packets:
            if isinstance(packet, BaseException):
                raise packet
            yield packet, 1.5

    def close(self):
        """Let go."""
        self.closed = True


def test_recording_ends_with_ctrl_c_and_keeps_what_came(cli, monkeypatch, tmp_path):
    """Ctrl-C is the normal end; the file is complete."""
    interface = Interface([b"x" * 60, b"y" * 60, KeyboardInterrupt()])
    monkeypatch.setattr(module, "_Interface", lambda _name: interface)
    out = tmp_path / "c.pcap"
    ran = cli("capture", "-i", "eth0", "-o", out)
    assert ran.code == Exit.OK
    assert out.stat().st_size == 24 + 2 * 76
    assert f"2 packets in {out}" in ran.err
    assert ran.out == ""
    assert interface.closed


def test_scan_follows_with_its_own_exit_code(cli, monkeypatch, tmp_path, fake_scan):
    """``--scan`` shows the verdicts on what was recorded."""
    monkeypatch.setattr(module, "_Interface", lambda _name: Interface([b"x" * 60]))
    ran = cli("capture", "-i", "eth0", "-o", tmp_path / "c.pcap", "--scan", "-q")
    assert ran.out.startswith("5 devices:")
    assert ran.code == Exit.PARTIAL
    assert fake_scan[0]["sources"] == [str(tmp_path / "c.pcap")]


def test_size_limit_ends_the_recording(cli, monkeypatch, tmp_path):
    """``--max-size`` is in MB of a million bytes."""
    monkeypatch.setattr(module, "_Interface", lambda _name: Interface([b"x" * 984] * 5000))
    out = tmp_path / "c.pcap"
    cli("capture", "-i", "eth0", "-o", out, "--max-size", "1")
    assert 999_000 <= out.stat().st_size <= 1_000_000


def test_rotation_without_a_size_is_usage(cli, tmp_path):
    """Without a size no file is ever full."""
    ran = cli("capture", "-i", "eth0", "-o", tmp_path / "c.pcap", "--rotate", "3")
    assert ran.code == Exit.USAGE
    assert "--max-size" in ran.err


def test_missing_rights_are_said_with_the_cure(cli, monkeypatch, tmp_path):
    """Not privileged: what to run instead, and no empty file."""

    def refused(name):
        raise SourceError(name, 0, "not allowed to capture: run it with sudo")

    monkeypatch.setattr(module, "_Interface", refused)
    ran = cli("capture", "-i", "eth0", "-o", tmp_path / "c.pcap")
    assert ran.code == Exit.NOTHING
    assert "sudo" in ran.err
    assert not (tmp_path / "c.pcap").exists()


def test_unknown_interface_lists_those_there_are(cli, tmp_path):
    """A wrong name is answered with the right ones."""
    ran = cli("capture", "-i", "nosuch0", "-o", tmp_path / "c.pcap")
    assert ran.code == Exit.USAGE
    assert "there are" in ran.err


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="live capture needs root on Linux"
)
def test_real_interface_is_recorded(cli, tmp_path):
    """What goes over the loopback while recording is in the file."""
    mark = b"farmwatch loopback mark"

    def chatter():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(30):
                sender.sendto(mark, ("127.0.0.1", 9))
                time.sleep(0.2)

    thread = threading.Thread(target=chatter, daemon=True)
    thread.start()
    out = tmp_path / "lo.pcap"
    ran = cli("capture", "-i", "lo", "-o", out, "--duration", "2")
    thread.join()
    assert ran.code == Exit.OK, ran.err
    assert mark in out.read_bytes()
