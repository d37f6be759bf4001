"""The access points a Linux system is connected to, over generic netlink: /proc and /sys do not name them.

Sources: Linux include/uapi/linux/netlink.h, genetlink.h and nl80211.h (family ``nl80211``). Two questions are asked,
both answered from the kernel's memory without any radio traffic: what kind of interface it is (GET_INTERFACE) and,
where it is a station, who its one peer is (GET_STATION): the access point.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator

from farmwatch.agent.probe import UnavailableError

__all__ = ["access_points"]

_GENERIC = 16  # NETLINK_GENERIC
_CONTROL = 0x10  # GENL_ID_CTRL
_GET_FAMILY, _FAMILY_ID, _FAMILY_NAME = 3, 1, 2  # CTRL_CMD_GETFAMILY and its attributes
_GET_INTERFACE, _GET_STATION = 5, 17  # NL80211_CMD_…
_IFINDEX, _IFTYPE, _MAC = 3, 5, 6  # NL80211_ATTR_…
_STATION = 2  # NL80211_IFTYPE_STATION
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300  # NLM_F_…
_ERROR, _DONE = 0x2, 0x3  # NLMSG_…
_WAIT_S = 2.0
_MOST_MESSAGES = 256
_BUFFER = 1 << 16


def access_points(interfaces: list[str]) -> tuple[str, ...]:
    """Addresses of the access points that these wireless interfaces are connected to.

    Raises:
        UnavailableError: the kernel does not answer.
    """
    found: list[str] = []
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _GENERIC) as link:
            link.settimeout(_WAIT_S)
            link.bind((0, 0))
            family = _family(link)
            for name in interfaces:
                index = struct.pack("=I", socket.if_nametoindex(name))
                about = _ask(link, family, _GET_INTERFACE, {_IFINDEX: index}, _ACK)
                if not any(attributes.get(_IFTYPE) == struct.pack("=I", _STATION) for attributes in about):
                    continue  # an access point of its own has stations as peers: other people's devices
                peers = _ask(link, family, _GET_STATION, {_IFINDEX: index}, _DUMP)
                found += [peer[_MAC].hex(":") for peer in peers if len(peer.get(_MAC, b"")) == 6]
    except OSError as error:
        raise UnavailableError(f"the kernel does not tell the access point: {error.strerror or error}") from error
    return tuple(dict.fromkeys(found))


def _family(link: socket.socket) -> int:
    """Number of the nl80211 family in this kernel.

    Raises:
        OSError: it has none.
    """
    for attributes in _ask(link, _CONTROL, _GET_FAMILY, {_FAMILY_NAME: b"nl80211\0"}, _ACK):
        if len(number := attributes.get(_FAMILY_ID, b"")) == 2:
            return int.from_bytes(number, sys.byteorder)
    raise OSError("no nl80211 in this kernel")


def _ask(
    link: socket.socket, family: int, command: int, attributes: dict[int, bytes], flags: int
) -> list[dict[int, bytes]]:
    """Attributes of each answer to one question.

    Raises:
        OSError: the kernel refuses it, or does not come to an end.
    """
    body = struct.pack("=BBH", command, 1, 0) + b"".join(_attribute(kind, value) for kind, value in attributes.items())
    link.send(struct.pack("=IHHII", 16 + len(body), family, _REQUEST | flags, 1, 0) + body)
    answers: list[dict[int, bytes]] = []
    for _ in range(_MOST_MESSAGES):
        for kind, payload in _messages(link.recv(_BUFFER)):
            if kind == _DONE:
                return answers
            if kind == _ERROR:
                code = struct.unpack_from("=i", payload)[0] if len(payload) >= 4 else 0
                if code:
                    raise OSError(-code, f"netlink error {-code}")
                return answers
            answers.append(dict(_attributes(payload[4:])))
    raise OSError("netlink does not come to an end")


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and payload of each message of one read."""
    at = 0
    while at + 16 <= len(data):
        size, kind = struct.unpack_from("=IH", data, at)
        if size < 16 or at + size > len(data):
            return
        yield kind, data[at + 16 : at + size]
        at += size + -size % 4


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type (without its flag bits) and value of each attribute."""
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        if size < 4 or at + size > len(data):
            return
        yield kind & 0x3FFF, data[at + 4 : at + size]
        at += size + -size % 4
