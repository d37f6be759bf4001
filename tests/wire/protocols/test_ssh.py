"""SSH banners, key exchange offers, HASSH, and the server found by content."""

from __future__ import annotations

import hashlib
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.ssh import decode_kexinit, decode_ssh, decode_ssh_banner

LISTS = [
    "curve25519-sha256,ext-info-c",
    "ssh-ed25519",
    "aes128-ctr",
    "aes256-ctr",
    "hmac-sha2-256",
    "hmac-sha1",
    "none",
    "zlib",
    "",
    "",
]
CAPTURES = [
    "positive/FoxIO-LLC+ja4/pcap/ssh-r.pcap",
    "confusable/FoxIO-LLC+ja4/pcap/ssh2.pcapng",
    "confusable/zeek+zeek/testing/btest/Traces/ssh/single-conn.pcap",
    "confusable/zeek+zeek/testing/btest/Traces/ssh/sshguess.pcap",
    "confusable/cisco+mercury/unit_tests/pcaps/ssh_frag.pcap",
    "confusable/the-tcpdump-group+tcpdump/tests/ssh.pcap",
]


def kexinit(lists=LISTS):
    payload = b"\x14" + bytes(range(16))
    for text in lists:
        payload += len(text).to_bytes(4, "big") + text.encode()
    return payload + b"\0" * 5


def packet(payload):
    padding = 8 - (len(payload) + 5) % 8 + 4
    return (len(payload) + padding + 1).to_bytes(4, "big") + bytes((padding,)) + payload + b"\0" * padding


def head(software, *payloads):
    return b"SSH-2.0-" + software + b"\r\n" + b"".join(packet(payload) for payload in payloads)


def test_banner_gives_version_and_software_without_the_comment():
    banner = decode_ssh_banner(b"SSH-2.0-OpenSSH_9.6p1 Ubuntu-3\r\nrest")
    assert (banner.protocol, banner.software, banner.end) == ("2.0", "OpenSSH_9.6p1", 32)


def test_lines_before_the_banner_are_skipped_up_to_4_kib():
    assert decode_ssh_banner(b"hello\r\nworld\r\nSSH-1.99-x\n").protocol == "1.99"
    with pytest.raises(DecodeError):
        decode_ssh_banner(b"x" * 5000 + b"\nSSH-2.0-late\r\n")


def test_unfinished_or_overlong_banner_is_refused():
    for data in (b"", b"SSH-2.0-abc", b"SSH-2.0-" + b"a" * 300 + b"\r\n", b"SMTP"):
        with pytest.raises(DecodeError):
            decode_ssh_banner(data)


def test_control_characters_in_the_software_are_written_out():
    assert decode_ssh_banner(b"SSH-2.0-a\x1b[2J\r\n").software == "a\\x1b[2J"


def test_hassh_is_the_md5_of_the_senders_own_direction():
    offer = decode_kexinit(kexinit())
    client = "curve25519-sha256,ext-info-c;aes128-ctr;hmac-sha2-256;none"
    server = "curve25519-sha256,ext-info-c;aes256-ctr;hmac-sha1;zlib"
    assert offer.hassh() == hashlib.md5(client.encode()).hexdigest()
    assert offer.hassh_server() == hashlib.md5(server.encode()).hexdigest()


@pytest.mark.parametrize("cut", [0, 1, 16, 20, 40, 100])
def test_truncated_kexinit_is_refused(cut):
    with pytest.raises(DecodeError):
        decode_kexinit(kexinit()[:cut])


def test_name_list_with_terminal_codes_is_refused():
    with pytest.raises(DecodeError):
        decode_kexinit(kexinit(["a\x1b[31mb", *LISTS[1:]]))


def test_extension_marker_names_the_client_whoever_dialled():
    session = decode_ssh(head(b"OpenSSH_9.6", kexinit(["k,ext-info-s", *LISTS[1:]])), head(b"x", kexinit()))
    assert (session.server_side, session.reversed, session.server_evidence) == (0, True, "extension marker")


def test_key_exchange_message_30_comes_from_the_client():
    plain = ["k", *LISTS[1:]]
    session = decode_ssh(head(b"a", kexinit(plain), b"\x1f"), head(b"b", kexinit(plain), b"\x1e"))
    assert (session.server_side, session.server_evidence) == (0, "key exchange")
    assert session.hassh == decode_kexinit(kexinit(plain)).hassh()


def test_rsa_key_exchange_turns_message_30_around():
    rsa = ["rsa2048-sha256", *LISTS[1:]]
    assert decode_ssh(head(b"a", kexinit(rsa), b"\x1f"), head(b"b", kexinit(rsa), b"\x1e")).server_side == 1


def test_banners_alone_do_not_tell_the_server():
    session = decode_ssh(b"SSH-2.0-OpenSSH_9.9\r\n", b"SSH-2.0-OpenSSH_for_Windows_9.5\r\n")
    assert session.server_side is None
    assert session.keystroke_obfuscation


def test_old_openssh_on_either_side_cannot_hide_keystrokes():
    assert not decode_ssh(b"SSH-2.0-OpenSSH_9.4\r\n", b"SSH-2.0-OpenSSH_9.9\r\n").keystroke_obfuscation


def test_neither_end_speaking_ssh_is_refused():
    with pytest.raises(DecodeError):
        decode_ssh(b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n")


def test_reverse_ssh_capture_has_its_server_at_the_tcp_initiator(flows_of, golden):
    (flow,) = flows_of("positive/zeek+zeek/testing/btest/Traces/ssh/reverse-ssh.pcap")
    session = decode_ssh(flow.head(0), flow.head(1))
    assert flow.ends[0][0] == "0a000001"
    assert session.server_side == 0
    golden("ssh_reverse", session)


def test_ssh_1_server_is_known_by_its_key_message(flows_of):
    servers = [
        session
        for flow in flows_of("confusable/FoxIO-LLC+ja4/pcap/sshv1.pcap")
        if flow.proto == "tcp" and (flow.head(0).startswith(b"SSH-") or flow.head(1).startswith(b"SSH-"))
        for session in [decode_ssh(flow.head(0), flow.head(1))]
    ]
    assert [(session.server_side, session.server_evidence) for session in servers] == [(1, "ssh1 key")]


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("name", CAPTURES)
def test_hassh_equals_tsharks(name, corpus: Path, flows_of):
    """Wireshark computes HASSH from the same lists; both counts of every value must agree."""
    command = [
        "tshark",
        "-r",
        str(corpus / name),
        "-T",
        "fields",
        "-e",
        "ssh.kex.hassh",
        "-e",
        "ssh.kex.hasshserver",
        "-Y",
        "ssh",
    ]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    wanted = Counter(value for line in lines for value in line.split("\t") if value)
    got: Counter[str] = Counter()
    for flow in flows_of(name):
        if flow.proto == "tcp" and b"SSH-" in (flow.head(0)[:4], flow.head(1)[:4]):
            session = decode_ssh(flow.head(0), flow.head(1))
            got.update(value for value in (session.hassh, session.hassh_server) if value)
    assert wanted
    assert got == wanted
