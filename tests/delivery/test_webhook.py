"""The webhook: small, signed, only to where it may go."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from farmwatch.delivery import webhook
from farmwatch.delivery.failing import DeliveryError, PassingError
from tests.delivery import servers
from tests.reports.morning import fleet_rows as fr

AT_ONCE = {"pauses": (0.0, 0.0), "sleep": lambda seconds: None}


def test_it_says_how_many_and_which(posts, morning):
    """Counts, ids and levels; nothing of findings, people or places."""
    webhook.post(posts.url, webhook.body(morning), report_id=morning.report_id, **AT_ONCE)
    (said,) = [json.loads(body) for body in posts.bodies]
    assert said["counts"]["new"] == 9
    assert said["new_or_worse"][0] == {
        "device_id": "lap-00000", "change": "new", "level": "strong", "driven": "strong", "abroad": "clear",
        "farm": "clear", "farm_id": None,
    }  # fmt: skip
    text = posts.bodies[0].decode()
    for word in ("ann", "ticket", "PiKVM", "Austin", "person", "AnyDesk"):
        assert word not in text
    assert posts.headers[0]["Idempotency-Key"] == morning.report_id


def test_it_stays_small():
    """A thousand new devices are a hundred lines and a number."""
    names = [f"lap-{number}" for number in range(1000)]
    stands = {name: fr.standing(name, fr.KVM, fr.TOOLS) for name in names}
    said = json.loads(webhook.body(fr.build(fr.rows(names, stands), stands, None, {}, fr.fleet(20, farm=False)[4])))
    assert (len(said["new_or_worse"]), said["left_out"]) == (100, 900)


def test_a_signature_is_of_the_body(posts, morning, tmp_path):
    """The receiver can make it again with the shared secret."""
    path = tmp_path / "secret"
    path.write_bytes(b"0123456789abcdef0123\n")
    path.chmod(0o600)
    webhook.post(posts.url, webhook.body(morning), report_id="r", secret=webhook.read_secret(path), **AT_ONCE)
    expected = hmac.new(b"0123456789abcdef0123", posts.bodies[0], hashlib.sha256).hexdigest()
    assert posts.headers[0][webhook.SIGNATURE] == f"sha256={expected}"


@pytest.mark.parametrize(
    ("mode", "text", "said"), [(0o644, "0123456789abcdef", "chmod 600"), (0o600, "short", "16 bytes")]
)
def test_bad_secrets_are_refused(tmp_path, mode, text, said):
    """Read by others, or guessed in no time."""
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(DeliveryError, match=said):
        webhook.read_secret(path)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x", "ftp://example.org", "https://", "https://u:p@example.org/", "https://example.org:99999/",
        "https://exa mple.org/", "https://example.org/\r\nX: y", "file:///etc/passwd", "http://127.0.0.1.example.org/",
        "http://localhost:0/",
    ],
)  # fmt: skip
def test_only_https_or_this_machine(url):
    """Nothing crosses a network in the clear, nothing carries a password into logs."""
    with pytest.raises(DeliveryError):
        webhook.check(url)


@pytest.mark.parametrize("url", ["https://hooks.example.org/a/b?c=d", "http://127.0.0.1:8080/", "http://[::1]:1/"])
def test_what_may_be_posted_to(url):
    """HTTPS anywhere, HTTP on this machine."""
    assert webhook.check(url).geturl() == url


def test_https_only_to_whom_is_trusted(tmp_path):
    """With the certificate named it arrives; without it nothing does."""
    trust, public = servers.certificate(tmp_path)
    with servers.web_server(trust) as kept:
        webhook.post(kept.url, b"{}", report_id="r", ca_file=public, **AT_ONCE)
        with pytest.raises(DeliveryError, match="no trusted TLS"):
            webhook.post(kept.url, b"{}", report_id="r", **AT_ONCE)
    assert kept.bodies == [b"{}"]


def test_a_busy_server_is_asked_again(posts, morning):
    """5xx and 429 pass."""
    posts.statuses[:] = [503, 429]
    webhook.post(posts.url, b"{}", report_id="r", **AT_ONCE)
    assert len(posts.bodies) == 3


@pytest.mark.parametrize("status", [302, 307, 400, 401, 404, 410])
def test_other_answers_are_final(posts, status):
    """A redirect is not followed: it would carry the report elsewhere."""
    posts.statuses[:] = [status]
    with pytest.raises(DeliveryError, match=str(status)):
        webhook.post(posts.url, b"{}", report_id="r", **AT_ONCE)
    assert len(posts.bodies) == 1


def test_nobody_there_is_an_error():
    """After the last pause it is over."""
    with pytest.raises(PassingError, match="ConnectionRefusedError"):
        webhook.post("http://127.0.0.1:9/", b"{}", report_id="r", **AT_ONCE)
