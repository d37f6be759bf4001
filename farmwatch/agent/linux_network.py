"""Linux network facts from /proc/net and /proc/<pid>/fd: gateways, neighbours, addresses, sockets per process.

Sources: Linux Documentation/networking/proc_net_tcp.rst; proc(5); net/ipv4/arp.c and net/ipv4/fib_trie.c for
the columns of ``arp`` and ``route``; net/ipv6/addrconf.c for ``if_inet6``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from farmwatch.agent.facts import Gateway, Neighbour, SocketFact
from farmwatch.agent.sysfs import listed, raw, text

__all__ = ["addresses", "gateways", "hardware_addresses", "hidden", "masked_path", "neighbours", "socket_facts"]

_MAX_LINES = 20_000
_MAX_SOCKETS = 2000
_MAX_NEIGHBOURS = 1024
_NO_MAC = "00:00:00:00:00:00"
_UP_GATEWAY = 0x3  # RTF_UP | RTF_GATEWAY (include/uapi/linux/route.h)
_COMPLETE = 0x2  # ATF_COM (include/uapi/linux/if_arp.h)
_STATES = {0x01: "connected", 0x0A: "listening"}  # include/net/tcp_states.h; others are on their way in or out
_USER_FOLDER = re.compile(r"((?:^|/)(?:home|Users)/)[^/]+")


def gateways(root: Path) -> tuple[Gateway, ...]:
    """Default routes of IPv4 with the link address of each gateway, where the neighbour table has it."""
    known = {(interface, address): mac for interface, address, mac in _arp(root)}
    found = []
    for line in _lines(root / "proc/net/route"):
        columns = line.split("\t")
        if len(columns) < 8 or columns[1] != "00000000" or columns[7].strip() != "00000000":
            continue
        try:
            flags, address = int(columns[3], 16), _ipv4(columns[2])
        except ValueError:
            continue
        interface = columns[0].strip()
        if flags & _UP_GATEWAY == _UP_GATEWAY:
            found.append(Gateway(interface, address, known.get((interface, address), ""), _medium(root, interface)))
    return tuple(dict.fromkeys(found))


def neighbours(root: Path, key: bytes, leave_out: set[str]) -> tuple[Neighbour, ...]:
    """Other stations of the neighbour table, hashed with ``key``; gateways are given elsewhere."""
    found = [
        Neighbour(interface, mac[:8], hidden(mac, key)) for interface, _, mac in _arp(root) if mac not in leave_out
    ]
    return tuple(dict.fromkeys(sorted(found, key=lambda one: (one.interface, one.hash))))[:_MAX_NEIGHBOURS]


def hidden(mac: str, key: bytes) -> str:
    """HMAC-SHA256 of a link-layer address, first 16 hex digits: equal for equal addresses under one key."""
    return hmac.new(key, b"farmwatch neighbour\0" + mac.encode(), hashlib.sha256).hexdigest()[:16]


def hardware_addresses(root: Path) -> tuple[str, ...]:
    """Link-layer addresses of the device's own network hardware; bridges and tunnels have none of their own."""
    found = [
        text(path / "address").lower()
        for path in listed(root / "sys/class/net")
        if "/devices/virtual/" not in str(path.resolve())
    ]
    return tuple(
        mac for mac in dict.fromkeys(found) if re.fullmatch(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", mac) and mac != _NO_MAC
    )


def addresses(root: Path) -> tuple[str, ...]:
    """The device's own addresses of a scope wider than the link: IPv4 from the routing trie, IPv6 from if_inet6."""
    found: list[str] = []
    previous = ""
    for line in _lines(root / "proc/net/fib_trie"):
        entry = re.search(r"(?:\|--|\+--) (\d+\.\d+\.\d+\.\d+)", line)
        previous = entry[1] if entry else previous
        if "/32 host LOCAL" in line and not previous.startswith(("127.", "169.254.")):
            found.append(previous)
    for line in _lines(root / "proc/net/if_inet6"):
        columns = line.split()
        if len(columns) >= 4 and columns[3] == "00" and re.fullmatch("[0-9a-f]{32}", columns[0]):
            found.append(str(ip_address(bytes.fromhex(columns[0]))))
    return tuple(dict.fromkeys(found))[:64]


def socket_facts(root: Path) -> list[SocketFact]:
    """Listening and connected sockets, loopback connections left out, with their programs where those can be seen."""
    entries = [entry for name in ("tcp", "tcp6", "udp", "udp6") for entry in _sockets(root, name)][:_MAX_SOCKETS]
    holders = _holders(root, {inode for *_, inode in entries})
    facts = []
    for proto, state, local, remote, inode in entries:
        pid, process, path = holders.get(inode, (None, "", ""))
        far_h, far_p = remote if state == "connected" else ("", None)
        facts.append(SocketFact(proto, state, *local, far_h, far_p, pid, process, path))
    return list(dict.fromkeys(facts))


def masked_path(path: str) -> str:
    """A path with the user's folder as ``*``."""
    return _USER_FOLDER.sub(r"\1*", path)[:1024]


def _lines(path: Path) -> list[str]:
    return raw(path, 4 << 20).decode("utf-8", "replace").splitlines()[:_MAX_LINES]


def _arp(root: Path) -> Iterator[tuple[str, str, str]]:
    """Interface, IPv4 address and link-layer address of complete entries."""
    for line in _lines(root / "proc/net/arp")[1:]:
        columns = line.split()
        if len(columns) < 6 or columns[3].lower() == _NO_MAC or not re.fullmatch("0x[0-9a-f]+", columns[2]):
            continue
        if int(columns[2], 16) & _COMPLETE:
            yield columns[5], columns[0], columns[3].lower()


def _medium(root: Path, interface: str) -> str:
    path = root / "sys/class/net" / interface
    if (path / "wireless").exists() or (path / "phy80211").exists():
        return "wireless"
    if text(path / "type") in ("65534", "512", "776", "768"):  # none, PPP, SIT, tunnel (include/uapi/linux/if_arp.h)
        return "tunnel"
    return "wired" if path.exists() else ""


def _ipv4(word: str) -> str:
    return socket.inet_ntoa(int(word, 16).to_bytes(4, sys.byteorder))


def _endpoint(column: str) -> tuple[str, int]:
    """Address as 32-bit words of the machine's byte order, then the port."""
    address, _, port = column.partition(":")
    words = bytes.fromhex(address)
    if len(words) not in (4, 16):
        raise ValueError("neither IPv4 nor IPv6")
    if sys.byteorder == "little":
        words = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    plain = ip_address(words)
    return str(getattr(plain, "ipv4_mapped", None) or plain), int(port, 16)


def _sockets(root: Path, name: str) -> Iterator[tuple[str, str, tuple[str, int], tuple[str, int], int]]:
    """Protocol, state, both ends and inode of the sockets in one table."""
    proto = name.removesuffix("6")
    for line in _lines(root / "proc/net" / name)[1:]:
        columns = line.split()
        if len(columns) < 10:
            continue
        try:
            local, remote = _endpoint(columns[1]), _endpoint(columns[2])
            code, inode = int(columns[3], 16), int(columns[9])
        except ValueError:
            continue
        state = _STATES.get(code, "")
        if proto == "udp":
            state = "connected" if remote[1] else "listening"
        if state and not (state == "connected" and ip_address(remote[0]).is_loopback):
            yield proto, state, local, remote, inode


def _holders(root: Path, wanted: set[int]) -> dict[int, tuple[int, str, str]]:
    """Process number, program name and masked path by socket inode."""
    found: dict[int, tuple[int, str, str]] = {}
    for folder in listed(root / "proc"):
        if not folder.name.isdecimal():
            continue
        mine = [inode for link in listed(folder / "fd") if (inode := _inode(link)) in wanted and inode not in found]
        if mine:
            try:
                path = str((folder / "exe").readlink())
            except OSError:
                path = ""
            process = (path.rpartition("/")[2] or text(folder / "comm")).lower()
            found |= dict.fromkeys(mine, (int(folder.name), process, masked_path(path)))
    return found


def _inode(link: Path) -> int:
    try:
        target = str(link.readlink())
    except OSError:
        return -1
    return int(target[8:-1]) if target.startswith("socket:[") and target[8:-1].isdecimal() else -1
