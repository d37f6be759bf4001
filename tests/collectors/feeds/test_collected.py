"""Collections of Velociraptor as a whole: each file knows what the whole is of."""

from __future__ import annotations

import json
import zipfile

from farmwatch.collectors.feeds.collected import Collection, collection_of
from farmwatch.collectors.feeds.opening import Input, inputs, opened, sample_of
from farmwatch.collectors.feeds.registry import kind_of
from farmwatch.intake import Intake

KIND = "velociraptor"
PROCESS = {"Pid": 7, "Name": "AnyDesk.exe", "CommandLine": "AnyDesk.exe --backend", "Exe": "C:\\AnyDesk.exe"}


def test_a_collection_is_taken_in_whole(tmp_path):
    """Each file of an archive, or of an unpacked one, is recognised, and knows its device and time from the whole."""
    files = {
        "client_info.json": {
            "Hostname": "LT-7.corp.example",
            "Fqdn": "LT-7.corp.example",
            "OS": "windows",
            "BuildTime": "x",
        },
        "collection_context.json": {
            "session_id": "F.1",
            "artifacts_with_results": [],
            "create_time": 1793534400 * 10**9,
        },
        "results/Windows.System.Pslist.json": PROCESS,
        "results/Windows.Network.NetstatEnriched%2FNetstat.json": {
            "Pid": 1,
            "SrcIP": "::",
            "SrcPort": 22,
            "Type": "TCP",
        },
        "log.json": {"_ts": 1, "level": "INFO", "message": "x"},
    }
    archive, folder = tmp_path / "anything.zip", tmp_path / "unpacked"
    with zipfile.ZipFile(archive, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, json.dumps(content) + "\n")
        packed.writestr("results/Windows.System.Pslist.json.index", b"\0" * 16)
        packed.extractall(folder)
    for source in (archive, folder):
        for one in inputs([source]):
            with opened(one) as stream:
                assert kind_of(sample_of(stream, one.name)).kind == KIND
        with Intake(None) as intake:
            accounts = list(intake.take([source]))
        assert not [one.error for one in accounts if one.error]
        assert intake.stored == {"processes": 1, "sockets": 1, "devices": 1}


def test_uploads_know_their_device(tmp_path):
    """A tool's own log inside a collection, which names no device, is of the collection's."""
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("client_info.json", json.dumps({"Hostname": "LT-7", "Fqdn": "LT-7.x", "BuildTime": "x"}))
        packed.writestr("uploads/auto/C%3A/Users/x/AppData/Roaming/AnyDesk/connection_trace.txt",
                        "Incoming    2026-10-31, 14:02    User    221436813    221436813\r\n")  # fmt: skip
    with Intake(None) as intake:
        accounts = {one.name.rsplit("/", 1)[-1]: one for one in intake.take([archive])}
    assert accounts["connection_trace.txt"].kind == "anydesk"
    assert intake.stored["remote_tool_log"] == 1


def test_an_archive_that_is_none_is_no_collection(tmp_path):
    """A damaged archive, or one without client_info, says nothing, and nothing breaks."""
    broken, other = tmp_path / "a.zip", tmp_path / "b.zip"
    broken.write_bytes(b"PK\x03\x04" + b"\0" * 30)
    with zipfile.ZipFile(other, "w") as packed:
        packed.writestr("client_info.json", "[1,")
    torn = tmp_path / "c.zip"
    with zipfile.ZipFile(torn, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("client_info.json", json.dumps({"Hostname": "x" * 5000}))
    bent = bytearray(torn.read_bytes())
    bent[46:56] = b"\xff" * 10  # within the packed bytes
    torn.write_bytes(bent)
    for path in (broken, other, torn):
        assert collection_of(Input(f"{path}!x", path, "x")) is None
    assert collection_of(Input("-")) is None
    named = tmp_path / "Collection-lt-3-2026-11-01T10_11_12Z.zip"
    named.write_bytes(b"")
    found = collection_of(Input(f"{named}!x", named, "x"))
    assert isinstance(found, Collection)
    assert (found.device_id, found.at.hour) == ("lt-3", 10)
