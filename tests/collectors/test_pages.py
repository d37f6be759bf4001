"""What is kept of clear web pages."""

from __future__ import annotations

import pytest

from farmwatch.records import Http
from tests.lab.frames import Host

from .conftest import FAR, FAR6, LAPTOP, LAPTOP6

CAMERA = Host("52:00:00:00:00:02", "10.0.0.9")
REQUEST = b"GET /people/jane.doe@example.org HTTP/1.1\r\nHost: www.example\r\nUser-Agent: curl/8\r\n\r\n"
BODY = b"<html><head><title>Letter to Jane</title></head></html>"


def page(capture, ends, request=REQUEST, body=BODY):
    answer = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
    capture.talk(80, request, answer + body, ends=ends)
    [row] = capture.tables()[Http].rows()
    return row


@pytest.mark.parametrize("ends", [(LAPTOP, FAR), (LAPTOP6, FAR6)], ids=["ipv4", "ipv6"])
def test_what_people_read_on_the_internet_is_not_kept(capture, ends):
    row = page(capture, ends)
    assert (row.method, row.host, row.status, row.server) == ("GET", "www.example", 200, "nginx")
    assert (row.path, row.title) == (None, None)
    assert "curl" not in repr(row)


def test_a_page_on_the_own_network_tells_devices_apart(capture):
    row = page(capture, (LAPTOP, CAMERA), b"GET /index.html HTTP/1.1\r\nHost: 10.0.0.9\r\n\r\n")
    assert (row.path, row.title) == ("/index.html", "Letter to Jane")


def test_a_known_product_shows_wherever_it_is(capture):
    """A KVM that somebody put on the internet."""
    row = page(capture, (LAPTOP, FAR), b"GET / HTTP/1.1\r\nHost: k\r\n\r\n", b"<title>PiKVM Index</title>")
    assert row.title == "PiKVM Index"
