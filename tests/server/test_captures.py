"""Captures are uploaded in pieces, survive interruptions, are checked, scanned apart and reported."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from farmwatch.store import open_store
from tests.server.conftest import CAPTURES
from tests.server.serving import until

PCAP = next((Path(__file__).parents[2] / "pcaps").rglob("*.pcap"))
START = "/v1/captures"


def begin(served, data: bytes, name: str = "case.pcap", **changes) -> str:
    """Begin an upload; its id."""
    facts = {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), **changes}
    answer = served.ask("POST", START, json.dumps(facts), token=served.secret)
    assert answer.status == 201, answer
    upload = json.loads(answer.body)["id"]
    assert answer.headers["location"] == f"{START}/{upload}"
    return upload


def piece(served, upload: str, offset: int, data: bytes, **more):
    """Send a piece."""
    return served.ask(
        "PATCH", f"{START}/{upload}", data, token=more.get("token", served.secret),
        headers={"Upload-Offset": str(offset)},
    )  # fmt: skip


def shown(served, upload: str) -> dict:
    """Its state."""
    return json.loads(served.ask("GET", f"{START}/{upload}", token=served.secret).body)


def test_a_capture_in_pieces_is_scanned(served, settings):
    """Begin, pieces, HEAD in between, finish: the report comes, its results are in the store, files are complete."""
    data = PCAP.read_bytes()
    upload = begin(served, data, "../../etc/evil name.pcap")
    middle = len(data) // 2
    assert json.loads(piece(served, upload, 0, data[:middle]).body)["received"] == middle
    answer = served.ask("HEAD", f"{START}/{upload}", token=served.secret)
    assert (answer.headers["upload-offset"], answer.headers["upload-length"]) == (str(middle), str(len(data)))
    assert served.ask("POST", f"{START}/{upload}/finish", token=served.secret).status == 409
    assert piece(served, upload, 0, data).status == 409
    assert piece(served, upload, middle, data[middle:] + b"more").status == 413
    done = int(served.ask("HEAD", f"{START}/{upload}", token=served.secret).headers["upload-offset"])
    assert piece(served, upload, done, data[done:]).status == 200
    assert served.ask("POST", f"{START}/{upload}/finish", token=served.secret).status == 200
    assert served.ask("POST", f"{START}/{upload}/finish", token=served.secret).status == 200  # asked again
    found = until(lambda: (now := shown(served, upload))["state"] in ("scanned", "failed") and now, 60)
    assert found["state"] == "scanned", found
    assert found["report"]["inputs"][0]["path"] == "../../etc/evil name.pcap"
    assert found["report"]["inputs"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    assert found["report"]["devices"]
    rows = open_store(settings.store).query("select sender, feed, inputs from scanned_devices").to_pylist()
    assert {(row["sender"], row["feed"]) for row in rows} == {("tester-0", "scan")}
    names = {path.name for path in Path(settings.capture_dir).rglob("*") if path.is_file()}
    assert names == {upload, f"{upload}.json"}
    assert served.ask("DELETE", f"{START}/{upload}", token=served.secret).status == 204
    assert served.ask("GET", f"{START}/{upload}", token=served.secret).status == 404
    assert not [path for path in Path(settings.capture_dir).rglob("*") if path.is_file()]


def test_a_wrong_sum_is_refused_and_deleted(served):
    """The SHA-256 decides; what came is deleted."""
    upload = begin(served, b"abc", sha256="0" * 64)
    assert piece(served, upload, 0, b"abc").status == 200
    answer = served.ask("POST", f"{START}/{upload}/finish", token=served.secret)
    assert (answer.status, json.loads(answer.body)["reason"]) == (422, "sha256")
    assert served.ask("HEAD", f"{START}/{upload}", token=served.secret).status == 404


def test_what_is_no_capture_fails_with_the_reason(served):
    """A scan that finds nothing readable says so; the server goes on."""
    data = b"this is no capture" * 100
    upload = begin(served, data)
    piece(served, upload, 0, data)
    served.ask("POST", f"{START}/{upload}/finish", token=served.secret)
    found = until(lambda: (now := shown(served, upload))["state"] in ("scanned", "failed") and now, 60)
    assert found["state"] == "failed"
    assert "case.pcap" in found["error"]
    assert found["report"] is None


def test_an_upload_goes_on_after_a_restart(inside):
    """A server that ends in the middle of an upload knows the next byte after its next start."""
    one = inside()
    data = os.urandom(3000)
    upload = begin(one, data)
    piece(one, upload, 0, data[:1000])
    one.end()
    with (one.service.settings.capture_dir / "incoming" / upload).open("ab") as file:
        file.write(b"came, but was never noted")
    two = inside()
    one.end, two.secret = lambda: None, one.secret
    assert two.ask("HEAD", f"{START}/{upload}", token=two.secret).headers["upload-offset"] == "1000"
    assert piece(two, upload, 1000, data[1000:]).status == 200
    assert two.ask("POST", f"{START}/{upload}/finish", token=two.secret).status == 200
    kept = two.service.settings.capture_dir / "captures" / upload
    assert kept.read_bytes() == data


def test_what_came_before_a_broken_connection_counts(served):
    """A piece that is cut off is kept as far as it came."""
    data = bytes(200_000)
    upload = begin(served, data)
    head = (
        f"PATCH {START}/{upload} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.secret}\r\n"
        f"Upload-Offset: 0\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    served.raw(head.encode() + data[:150_000], wait=0.5)

    def came() -> int:
        return int(served.ask("HEAD", f"{START}/{upload}", token=served.secret).headers["upload-offset"])

    until(came)
    assert 0 < came() <= 150_000
    assert piece(served, upload, came(), data[came() :]).status == 200


@pytest.mark.parametrize(
    "facts",
    [
        b"", b"[]", b"null", b'{"name":"x"}', b'{"name":"x","size":true,"sha256":"' + b"0" * 64 + b'"}', b"[" * 3000,
        json.dumps({"name": "", "size": 1, "sha256": "0" * 64}).encode(),
        json.dumps({"name": "a\nb", "size": 1, "sha256": "0" * 64}).encode(),
        json.dumps({"name": "x" * 256, "size": 1, "sha256": "0" * 64}).encode(),
        json.dumps({"name": "x", "size": 0, "sha256": "0" * 64}).encode(),
        json.dumps({"name": "x", "size": -1, "sha256": "0" * 64}).encode(),
        json.dumps({"name": "x", "size": 1, "sha256": "0" * 63}).encode(),
        json.dumps({"name": "x", "size": 1, "sha256": "../" * 21 + "0"}).encode(),
    ],
)  # fmt: skip
def test_what_cannot_be_is_not_begun(served, facts):
    """Names, sizes and sums that cannot be are refused with the reason."""
    answer = served.ask("POST", START, facts, token=served.secret)
    assert answer.status == 400
    assert json.loads(answer.body)["detail"]


def test_sizes_and_numbers_are_bounded(served):
    """Too large, or too many begun: refused with what may be; offsets that are no numbers are 400."""
    large = json.dumps({"name": "x", "size": CAPTURES.size_bytes + 1, "sha256": "0" * 64})
    assert served.ask("POST", START, large, token=served.secret).status == 413
    assert served.ask("POST", START, b"x" * 5000, token=served.secret).status == 413
    begun = [begin(served, b"abc") for _ in range(CAPTURES.open_uploads)]
    again = json.dumps({"name": "x", "size": 3, "sha256": "0" * 64})
    answer = served.ask("POST", START, again, token=served.secret)
    assert (answer.status, int(answer.headers["retry-after"]) > 0) == (429, True)
    for offset in ("-1", "x", "1e3", "9" * 50):
        headers = {"Upload-Offset": offset}
        answer = served.ask("PATCH", f"{START}/{begun[0]}", b"a", token=served.secret, headers=headers)
        assert answer.status in (400, 409), offset
    assert served.ask("PATCH", f"{START}/{begun[0]}", b"a", token=served.secret).status == 400


def test_captures_are_their_senders_own(served):
    """Another sender neither sees, nor continues, nor deletes an upload, and cannot tell it from none."""
    upload = begin(served, b"abc")
    other = served.service.state.add_token("other")
    for method, path in (("GET", ""), ("HEAD", ""), ("DELETE", ""), ("POST", "/finish")):
        assert served.ask(method, f"{START}/{upload}{path}", token=other).status == 404
    assert piece(served, upload, 0, b"abc", token=other).status == 404
    only = served.service.state.add_token("only-dns", ["dns"])
    assert served.ask("GET", f"{START}/{upload}", token=only).status == 403


def test_uploads_that_do_not_go_on_expire(inside, settings):
    """What was begun and left, and what was kept long enough, is deleted, and so are files nobody knows."""
    one = inside()
    old, kept = begin(one, b"abc"), begin(one, b"abc")
    stray = settings.capture_dir / "incoming" / ("f" * 32)
    stray.write_bytes(b"x")
    hours_ago = (datetime.now(UTC) - timedelta(hours=30)).timestamp()
    os.utime(stray, (hours_ago, hours_ago))
    with one.service.state.file.writing() as connection:
        connection.execute(
            "UPDATE uploads SET updated = ? WHERE id = ?",
            ((datetime.now(UTC) - timedelta(hours=30)).isoformat(), old),
        )
    one.service.uploads._clear()
    assert one.ask("HEAD", f"{START}/{old}", token=one.secret).status == 404
    assert one.ask("HEAD", f"{START}/{kept}", token=one.secret).status == 200
    assert [path.name for path in (settings.capture_dir / "incoming").iterdir()] == [kept]
