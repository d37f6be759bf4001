"""Bodies: unpacked as they say, never further than allowed, and text in UTF-8."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
import zstandard

from farmwatch.server.bodies import to_utf8, unpacked
from farmwatch.server.problems import Refusal
from tests.server.test_hostile_requests import INGEST, ROW

TEXT = ROW * 3000
RAW = zlib.compressobj(wbits=-15)
PACKED = {
    "gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "zstd": zstandard.compress(TEXT),
}


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        *((data, encoding) for encoding, data in PACKED.items()),
        (RAW.compress(TEXT) + RAW.flush(), "deflate"),
        (gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:]) + bytes(10), "gzip"),
        (zstandard.compress(TEXT[:1000]) + zstandard.compress(TEXT[1000:]), "zstd"),
        (zstandard.ZstdCompressor(write_content_size=False).compress(TEXT), "zstd"),
        (zstandard.ZstdCompressor(level=22).compress(TEXT), "zstd"),
    ],
)
def test_packed_bodies_come_out_whole(data, encoding):
    """Every form in use, several members and frames too."""
    assert unpacked(data, encoding, len(TEXT), 250) == TEXT


@pytest.mark.parametrize("encoding", PACKED)
def test_the_limit_is_the_last_byte_allowed(encoding):
    """As large as the limit is taken, a byte more is refused."""
    assert len(unpacked(PACKED[encoding], encoding, len(TEXT), 250)) == len(TEXT)
    with pytest.raises(Refusal) as refused:
        unpacked(PACKED[encoding], encoding, len(TEXT) - 1, 250)
    assert (refused.value.status, refused.value.reason) == (413, "too_large")


@pytest.mark.parametrize("encoding", PACKED)
def test_what_shrinks_beyond_belief_is_refused(encoding):
    """Above a mebibyte the ratio is bounded, below it is not."""
    large = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}[encoding](bytes(3 << 20))
    with pytest.raises(Refusal) as refused:
        unpacked(large, encoding, 64 << 20, 250)
    assert refused.value.reason == "ratio"
    small = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}[encoding](bytes(1 << 20))
    assert len(unpacked(small, encoding, 64 << 20, 250)) == 1 << 20


@pytest.mark.parametrize("encoding", PACKED)
def test_cut_and_changed_bodies_are_refused(encoding):
    """A body cut anywhere is 400, never a part of itself."""
    data = PACKED[encoding]
    for length in (0, 1, 5, len(data) // 2, len(data) - 1):
        with pytest.raises(Refusal) as refused:
            unpacked(data[:length], encoding, 1 << 20, 250)
        assert refused.value.status == 400


@pytest.mark.parametrize(
    ("text", "charset", "sent"),
    [
        ("ä€", "utf-8", "ä€".encode()),
        ("ä", "cp1252", b"\xe4"),
        ("ä€", "utf-16-le", "ä€".encode("utf-16-le")),
        ("ä€", "utf-8", "ä€".encode("utf-16")),
    ],
)
def test_other_character_sets_become_utf8(text, charset, sent):
    """Those a header names, and UTF-16 by its mark."""
    assert to_utf8(sent, charset, 100).decode() == text


def test_a_body_in_a_character_set_it_does_not_have_is_refused():
    """What cannot be decoded is 400; what grows beyond the limit is 413."""
    with pytest.raises(Refusal) as refused:
        to_utf8(b"\x00\xd8", "utf-16-le", 100)
    assert refused.value.status == 400
    with pytest.raises(Refusal) as refused:
        to_utf8(b"\xe4" * 60, "cp1252", 100)
    assert refused.value.status == 413


@pytest.mark.parametrize("encoding", PACKED)
def test_packed_rows_are_taken_in(served, encoding):
    """What a sender packed is read like what it did not pack."""
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}[encoding](ROW * 3)
    answer = served.ask("POST", INGEST, packed, token=served.secret, headers={"Content-Encoding": encoding})
    assert json.loads(answer.body)["used"] == 3


def test_an_array_is_taken_in_like_lines(served):
    """Both shapes of JSON, and objects over several lines."""
    rows = [json.loads(ROW) | {"record_id": str(number)} for number in range(5)]
    for body in (json.dumps(rows), json.dumps(rows, indent=2), "\n".join(map(json.dumps, rows))):
        account = json.loads(served.ask("POST", INGEST, body, token=served.secret).body)
        assert (account["records"], account["used"], account["error"]) == (5, 5, None)
    assert served.service.ingest.settle()
    assert served.service.store.query("select count(*) as n from dns").to_pylist() == [{"n": 5}]


def test_an_account_is_given_of_every_record(served):
    """Used, rejected with reason and place, fields left out; rejects are kept as rows."""
    odd = b'{"device_id":"b","ts":"2026-03-04T10:00:00","name":"x","answers_count":7}\n'
    answer = served.ask(
        "POST", INGEST, ROW + b"no json\n" + b'{"ts":"2026-03-04T10:00:00"}\n' + odd, token=served.secret
    )
    account = json.loads(answer.body)
    assert (account["records"], account["used"], account["rejected"], account["not_needed"]) == (4, 2, 2, 0)
    assert account["dropped_fields"] == {"answers_count": 1}
    assert [fault["record"] for fault in account["faults"]] == [2, 3]
    assert account["accepted_at"].endswith("Z")
    assert served.service.ingest.settle()
    kept = served.service.store.query('select "offset", reason, sender, input_name from feed_rejects order by 1')
    assert kept["offset"].to_pylist() == [2, 3]
    assert set(kept["input_name"].to_pylist()) == {"POST /v1/ingest/dns"}
