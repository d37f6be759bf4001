"""Senders that people run, as they are packaged: what they deliver is stored once."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess

import pytest

from farmwatch.store import open_store
from tests.server.serving import serving, token, until

ROWS = 500


def row(number):
    return {"table": "dns", "device_id": "lt-1", "ts": "2026-11-01T12:00:00Z", "name": f"n{number}.example"}


def names(store):
    return [one["name"] for one in open_store(store).query("SELECT name FROM dns").to_pylist()]


SYSLOG_NG = """@version: 3.38
options {{ stats-freq(0); }};
source rows {{ file("{folder}/rows.json" flags(no-parse) follow-freq(1)); }};
destination farmwatch {{
  http(
    url("{url}/v1/ingest/dns")
    method("POST")
    headers("Authorization: Bearer {token}", "Content-Type: application/x-ndjson")
    body("$MSG")
    delimiter("\\n")
    batch-lines(100)
    batch-timeout(500)
    retries(10)
  );
}};
log {{ source(rows); destination(farmwatch); }};
"""


@pytest.mark.needs("syslog-ng")
def test_syslog_ng_delivers_a_file(tmp_path):
    """Its http() destination in batches of lines, as docs/senders/syslog.md has it."""
    store = tmp_path / "store"
    shown = token(store)
    (tmp_path / "rows.json").write_text("".join(json.dumps(row(number)) + "\n" for number in range(ROWS)))
    with serving(store, "--commit-after", "0.1") as served:
        conf = tmp_path / "syslog-ng.conf"
        conf.write_text(SYSLOG_NG.format(folder=tmp_path, url=served.url, token=shown))
        sender = subprocess.Popen(
            [
                shutil.which("syslog-ng"), "--foreground", "--no-caps", "--stderr", "--cfgfile", conf,
                "--persist-file", tmp_path / "persist", "--control", tmp_path / "ctl", "--pidfile", tmp_path / "pid",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            until(lambda: len(names(store)) >= ROWS, 60)
        finally:
            sender.send_signal(signal.SIGTERM)
            said = sender.communicate(timeout=20)[1]
    served.process.stderr.close()
    assert sorted(names(store)) == sorted(row(number)["name"] for number in range(ROWS)), said


@pytest.mark.needs("curl")
def test_curl_delivers_a_packed_file(tmp_path):
    """The example of the help text, packed."""
    store = tmp_path / "store"
    shown = token(store)
    path = tmp_path / "rows.json"
    path.write_text("".join(json.dumps(row(number)) + "\n" for number in range(ROWS)))
    subprocess.run(["gzip", path], check=True)
    with serving(store, "--commit-after", "0.1") as served:
        done = subprocess.run(
            [
                "curl", "--silent", "--show-error", "--fail", "-H", f"Authorization: Bearer {shown}",
                "-H", "Content-Encoding: gzip", "--data-binary", f"@{path}.gz", f"{served.url}/v1/ingest/dns",
            ],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout)["used"] == ROWS
        until(lambda: len(names(store)) == ROWS)
    served.process.stderr.close()
