"""The command: where it listens, whom it refuses to serve, TLS, and how it ends."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import ipaddress
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from farmwatch.server.settings import is_loopback
from farmwatch.store import open_store
from tests.server.serving import serving, start, token
from tests.server.test_hostile_requests import INGEST, ROW


def run(*arguments: str) -> subprocess.CompletedProcess:
    """A farmwatch command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "farmwatch", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A certificate for 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "farmwatch test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def test_tls_from_1_2_on(tmp_path, pair):
    """Clients of TLS 1.2, as osquery's are, and 1.3 come in, older ones do not, plain HTTP gets no answer."""
    store = tmp_path / "store"
    secret = token(store)
    with serving(store, "--cert", str(pair[0]), "--key", str(pair[1])) as served:
        assert served.url.startswith("https://")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=str(pair[0]))
            context.minimum_version = context.maximum_version = version
            connection = http.client.HTTPSConnection("127.0.0.1", served.port, context=context, timeout=20)
            with contextlib.closing(connection):
                connection.request("POST", INGEST, ROW, {"Authorization": f"Bearer {secret}"})
                assert connection.getresponse().status == 200
        if shutil.which("openssl"):
            old = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{served.port}", "-tls1_1", "-cipher", "ALL@SECLEVEL=0"],
                input="", capture_output=True, text=True, timeout=20, check=False,
            )  # fmt: skip
            assert old.returncode != 0
            assert "Cipher is (NONE)" in old.stdout or "unsupported" in old.stderr
        assert not served.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 200")
        assert served.stop() == 0


def test_only_this_machine_unless_it_is_safe():
    """A token must not cross a network in the clear: other addresses need a certificate, or a proxy that has one."""
    for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:8470", "example.org:8470"):
        refused = run("serve", "--listen", address)
        assert refused.returncode == 2
        assert "--behind-proxy" in refused.stderr
    for address in ("127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"):
        assert is_loopback(address)
    for address in ("0.0.0.0", "::", "10.0.0.1", "example.org", "127.0.0.1.example.org", ""):
        assert not is_loopback(address)


@pytest.mark.parametrize("address", ["8470", "127.0.0.1", ":8470", "127.0.0.1:x", "127.0.0.1:70000", "127.0.0.1:-1"])
def test_an_address_that_is_none_is_wrong_usage(address):
    """The message says what one looks like."""
    refused = run("serve", "--listen", address)
    assert refused.returncode == 2
    assert "HOST:PORT" in refused.stderr


def test_a_port_in_use_is_said(tmp_path):
    """Exit code 4 and what to do; the log of the server that runs is not touched."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = run("serve", "--store", str(tmp_path / "s"), "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert refused.returncode == 4
    assert "in use" in refused.stderr
    assert "--listen" in refused.stderr
    assert run("serve", "--store", str(tmp_path / "s"), "--listen", "192.0.2.1:0", "--behind-proxy").returncode == 4


def test_certificates_that_cannot_be_used_are_said(tmp_path, pair):
    """Not there: exit code 2, as for every file named; not PEM, or not belonging together: 4; with the file's name."""
    (tmp_path / "no.pem").write_text("no certificate")
    for cert, key, code in (
        (tmp_path / "none.pem", pair[1], 2),
        (tmp_path / "no.pem", pair[1], 4),
        (pair[0], tmp_path / "no.pem", 4),
    ):
        refused = run(
            "serve", "--store", str(tmp_path / "s"), "--listen", "127.0.0.1:0", "--cert", str(cert), "--key", str(key)
        )
        assert refused.returncode == code, refused
        assert ".pem" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert run("serve", "--cert", str(pair[0])).returncode == 2


def test_a_store_that_cannot_be_used_is_said(tmp_path):
    """A folder with other things in it, a file, a log another server has: exit code 5 and what to do."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    for store in (tmp_path / "other", tmp_path / "other" / "letter.txt"):
        refused = run("serve", "--store", str(store), "--listen", "127.0.0.1:0")
        assert refused.returncode == 5, refused
        assert "farmwatch:" in refused.stderr
        assert "Traceback" not in refused.stderr
    with serving(tmp_path / "store"):
        refused = run("serve", "--store", str(tmp_path / "store"), "--listen", "127.0.0.1:0")
    assert refused.returncode == 5
    assert "another server" in refused.stderr


def test_a_signal_ends_it_at_once_when_nothing_is_to_do(tmp_path):
    """SIGTERM and SIGINT end an idle server with 0, also where a client keeps a connection."""
    for number in (signal.SIGTERM, signal.SIGINT):
        with serving(tmp_path / "store") as served, socket.create_connection(("127.0.0.1", served.port)):
            began = time.monotonic()
            served.process.send_signal(number)
            assert served.process.wait(20) == 0
            assert time.monotonic() - began < 10
            served.listener.join()


def test_a_second_signal_does_not_wait(tmp_path):
    """A slow request holds the end up; a second SIGTERM does not wait for it. What was acknowledged is kept."""
    store = tmp_path / "store"
    secret = token(store)
    with serving(store, "--drain", "60", "--commit-after", "3600") as served:
        assert served.ask("POST", INGEST, ROW, token=secret).status == 200
        with socket.create_connection(("127.0.0.1", served.port)) as slow:
            head = f"POST {INGEST} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\nContent-Length: 100\r\n\r\n"
            slow.sendall(head.encode())
            time.sleep(0.5)
            served.process.send_signal(signal.SIGTERM)
            time.sleep(1)
            assert served.process.poll() is None
            served.process.send_signal(signal.SIGTERM)
            assert served.process.wait(5) == 0
            served.listener.join()
    with serving(store) as served:
        assert served.stop() == 0
    assert open_store(store).query("select count(*) as n from dns").to_pylist() == [{"n": 1}]


def test_a_request_in_hand_is_answered_at_the_end(tmp_path):
    """A body that is on its way when SIGTERM comes is taken in, answered and committed."""
    store = tmp_path / "store"
    secret = token(store)
    with serving(store) as served:
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
            head = (
                f"POST {INGEST} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\n"
                f"Content-Length: {len(ROW)}\r\n\r\n"
            )
            connection.sendall(head.encode() + ROW[:10])
            time.sleep(0.5)
            served.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            connection.sendall(ROW[10:])
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        assert served.process.wait(30) == 0
        served.listener.join()
    assert open_store(store).query("select count(*) as n from dns").to_pylist() == [{"n": 1}]


def test_ipv6_is_served(tmp_path):
    """An address in brackets."""
    process = start(tmp_path / "store", "--listen", "[::1]:0")
    try:
        assert process.url.startswith("http://[::1]:")
        with contextlib.closing(http.client.HTTPConnection("::1", process.port, timeout=20)) as connection:
            connection.request("GET", "/healthz")
            assert json.loads(connection.getresponse().read()) == {"status": "ok"}
    finally:
        process.kill()


def test_tokens_are_made_listed_and_revoked(tmp_path):
    """The token is on standard output alone; the list never shows it; a revoked one is said so."""
    store = str(tmp_path / "store")
    made = run("token", "add", "zeek-1", "--kind", "dns", "--store", store)
    secret = made.stdout.strip()
    assert (made.returncode, secret.startswith("fw_"), "\n" in secret) == (0, True, False)
    assert run("token", "add", "zeek-1", "--store", store).returncode == 5
    assert run("token", "add", "other", "--kind", "dsn", "--store", store).returncode == 2
    listed = run("token", "list", "--store", store)
    assert listed.stdout.split("\t")[:3] == ["zeek-1", "holds", "dns"]
    assert secret not in listed.stdout
    assert run("token", "revoke", "zeek-1", "--store", store).returncode == 0
    assert run("token", "list", "--store", store).stdout.split("\t")[1] == "revoked"
    assert run("token", "revoke", "zeek-1", "--store", store).returncode == 5
    assert secret.encode() not in b"".join(
        path.read_bytes() for path in (tmp_path / "store").iterdir() if path.is_file()
    )


def test_units_are_printed():
    """A systemd unit and a container file that run this command."""
    unit = run("serve", "--print-unit", "systemd")
    assert unit.returncode == 0
    assert "ExecStart=" in unit.stdout
    assert "farmwatch serve" in unit.stdout
    assert "ENTRYPOINT" in run("serve", "--print-unit", "container").stdout


@pytest.mark.needs("systemd-analyze")
def test_the_unit_is_sound_and_shut_tight(tmp_path):
    """Systemd finds no fault in the unit, and rates what it may do as little."""
    unit = tmp_path / "farmwatch.service"
    unit.write_text(run("serve", "--print-unit", "systemd").stdout.replace("/usr/local/bin/farmwatch", sys.executable))
    checked = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert "farmwatch.service" not in checked.stderr, checked.stderr
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert rated.returncode == 0, rated.stdout[-2000:]
