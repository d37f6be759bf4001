"""The bytes benchmark packets carry: one flat array, and where each kind of message stands in it."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from tests.lab import hello, names

RANDOM_BYTES = 4 << 20
"""Size of the region encrypted payloads are cut from."""


MESSAGES = (
    "tls client", "tls server", "tls finish", "http request", "http response", "quic client", "quic server",
    "dns query", "dns answer", "ntp", "chatter",
    "ssh banner", "ssh server banner", "ssh kex", "ssh server kex", "ssh share", "ssh server share", "ssh new keys",
    "rfb banner", "rfb types", "rfb choice", "rfb result", "rfb init", "rfb key",
    "rdp request", "rdp confirm", "rdp hello", "rdp flight", "rdp finish", "rdp server finish",
)  # fmt: skip
"""Kinds of message in the pool; a position in this tuple is the message's number in the kernels."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Payload bytes and the tables that point into them.

    ``rows`` is int64 (n, 3): offset and length of one message, and the length of a random body that follows it.
    ``kinds`` is int64 (len(MESSAGES), 2): first row and number of rows of each kind of message.
    ``records_at`` and ``random_at`` are regions of RANDOM_BYTES: full TLS records, and plain random bytes.
    """

    data: np.ndarray
    rows: np.ndarray
    kinds: np.ndarray
    random_at: int
    records_at: int


class _Builder:
    """Appends blobs to one growing buffer."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0

    def add(self, blob: bytes) -> tuple[int, int]:
        """Store a blob and return (offset, length)."""
        at = self.size
        self.parts.append(blob)
        self.size += len(blob)
        return at, len(blob)


WORDS = (
    "alder", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty", "knoll", "larch", "maple",
    "north", "ocean", "plain", "quarry", "ridge",
)  # fmt: skip


def hosts(count: int) -> list[str]:
    """Return made-up host names under the reserved .example and .test suffixes (RFC 2606)."""
    kinds = ("www", "api", "cdn", "mail", "static", "login", "img", "files")
    return [
        f"{kinds[i % 8]}.{WORDS[i % 18]}-{WORDS[(i // 18) % 18]}.{('example', 'test')[i % 2]}" for i in range(count)
    ]


def _dns(hosts_: list[str], rng: random.Random) -> tuple[list[bytes], list[bytes]]:
    queries, answers = [], []
    for i, name in enumerate(hosts_):
        value = f"2001:db8:5::{i:x}" if i % 2 else f"203.0.113.{i % 254 + 1}"
        number = rng.getrandbits(16)
        queries.append(names.query(name, names.AAAA if i % 2 else names.A, number))
        answers.append(names.answer(name, [value], number, alias=f"edge{i}.cdn.example" if i % 3 else None))
    return queries, answers


def _chatter(rng: random.Random) -> list[bytes]:
    out = []
    for i in range(8):
        mac = bytes.fromhex("f4d488") + rng.randbytes(3)
        wanted = (1, 3, 6, 15, 31, 33, 43, 44, 46, 47)
        out.append(names.dhcp(3, mac, i, hostname=f"ACME-LT-{i:04d}", vendor="MSFT 5.0", wanted=wanted))
        out.append(names.announcement(names.service("_ipp._tcp", f"Printer {i}", f"printer{i}", 631, "10.20.3.9")))
        out.append(names.nbns_query(f"ACME-FS{i}", 0x20, i))
        unique = f"0000000{i}-1111-2222-3333-444444444444"
        out.append(names.ssdp_notify("http://10.20.3.9:80/", "bench/1.0 UPnP/1.0", "upnp:rootdevice", unique))
    return out


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _ssh_packet(payload: bytes) -> bytes:
    """Frame a payload as an unencrypted SSH binary packet (RFC 4253 section 6)."""
    padding = 4 + (4 - (len(payload) + 1)) % 8
    return (len(payload) + 1 + padding).to_bytes(4, "big") + bytes([padding]) + payload + bytes(padding)


def _sessions(rng: random.Random) -> dict[str, list[bytes]]:
    """Opening messages of SSH, VNC and RDP sessions."""
    lists = (b"curve25519-sha256,ecdh-sha2-nistp256,ext-info-c", b"ssh-ed25519,rsa-sha2-512")
    ciphers, macs = b"chacha20-poly1305@openssh.com,aes128-ctr,aes256-gcm@openssh.com", b"hmac-sha2-256-etm@openssh.com"
    names = (*lists, ciphers, ciphers, macs, macs, b"none", b"none", b"", b"")
    init = b"\x14" + rng.randbytes(16) + b"".join(_string(one) for one in names) + b"\0" * 5
    share, host_key = rng.randbytes(32), b"ssh-ed25519" + rng.randbytes(36)
    reply = b"\x1f" + _string(host_key) + _string(share) + _string(host_key)
    desk = hello.certificate("desk7.corp.example", "Example Corp", 7)
    return {
        "ssh banner": [b"SSH-2.0-OpenSSH_9.6\r\n"],
        "ssh server banner": [b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"],
        "ssh kex": [_ssh_packet(init)],
        "ssh server kex": [_ssh_packet(init)],
        "ssh share": [_ssh_packet(b"\x1e" + _string(share))],
        "ssh server share": [_ssh_packet(reply) + _ssh_packet(b"\x15")],
        "ssh new keys": [_ssh_packet(b"\x15")],
        "rfb banner": [b"RFB 003.008\n"],
        "rfb types": [b"\1\1"],
        "rfb choice": [b"\1"],
        "rfb result": [b"\0\0\0\0"],
        "rfb init": [bytes.fromhex("07800438 20180001 00ff00ff00ff 100800 000000 00000004 64657374")],
        "rfb key": [bytes((4, 1, 0, 0, 0, 0, 0, key)) for key in range(97, 123)],
        "rdp request": [bytes.fromhex("030000130ee000000000000100080003000000")],
        "rdp confirm": [bytes.fromhex("030000130ed000001234000200080002000000")],
        "rdp hello": [hello.client_hello("desk7.corp.example", rng, alpn=(), browser=False)],
        "rdp flight": [hello.server_flight12(rng, (desk,))],
        "rdp finish": [hello.client_finish12(rng)],
        "rdp server finish": [hello.server_finish12(rng)],
    }


def build(seed: int) -> Pool:
    """Build the payload pool; the same seed gives the same bytes."""
    rng = random.Random(seed)
    sites = hosts(512)
    add = _Builder()
    certificates = [
        hello.certificate(name, "Example Trust", i, ("Example CA", "Example Trust"))
        for i, name in enumerate(sites[:64])
    ]
    tls_client = [hello.client_hello(name, rng, browser=i % 4 != 0, pq=i % 2 == 1) for i, name in enumerate(sites)]
    flights = [hello.server_flight13(rng, 2200 + 40 * i) for i in range(48)]
    flights += [hello.server_flight12(rng, (one,)) for one in certificates[:16]]
    get = "GET /{0} HTTP/1.1\r\nHost: {1}\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"
    requests = [get.format(f"item/{i}", name).encode() for i, name in enumerate(sites)]
    bodies = [int(rng.lognormvariate(9, 1.5)) for _ in range(64)]
    page = "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\nETag: {}\r\n\r\n"
    responses = [page.format(size, i).encode() for i, size in enumerate(bodies)]
    quic_client, quic_server = [], []
    for name in sites[:128]:
        dcid = rng.randbytes(8)
        message = hello.client_hello_message(name, rng, alpn=("h3",), quic=True)
        quic_client.append(hello.quic_initial(message, dcid, b""))
        quic_server.append(
            hello.quic_initial(hello.server_hello_message(rng), b"", rng.randbytes(8), key_dcid=dcid, server=True)
        )
    queries, answers = _dns(sites, rng)
    records_at = add.size
    while add.size < RANDOM_BYTES:
        add.add(hello.record(23, rng.randbytes(16384)))
    random_at = add.size
    add.add(rng.randbytes(RANDOM_BYTES))
    messages = {
        "tls client": tls_client,
        "tls server": flights,
        "tls finish": [hello.client_finish13(rng)],
        "http request": requests,
        "http response": responses,
        "quic client": quic_client,
        "quic server": quic_server,
        "dns query": queries,
        "dns answer": answers,
        "ntp": [b"\x23".ljust(48, b"\0")],
        "chatter": _chatter(rng),
        **_sessions(rng),
    }
    rows: list[tuple[int, int, int]] = []
    kinds = []
    for name in MESSAGES:
        kinds.append((len(rows), len(messages[name])))
        follow = bodies if name == "http response" else [0] * len(messages[name])
        rows += [(*add.add(blob), body) for blob, body in zip(messages[name], follow, strict=True)]
    data = np.frombuffer(b"".join(add.parts), dtype=np.uint8)
    return Pool(data, np.array(rows, np.int64), np.array(kinds, np.int64), random_at=random_at, records_at=records_at)
