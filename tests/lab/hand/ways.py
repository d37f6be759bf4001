"""How the person reaches the driven machine: straight, through a relay of some kind, or inside a tunnel.

A way is set up between the served desktop and the start of the viewer. It says where the viewer connects to, which
flows of the laptop's capture carry the session, and where their other end stands.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

from tests.lab import net
from tests.lab.hand import sshd
from tests.lab.hand.evade import Plan
from tests.lab.hand.ground import Ground
from tests.lab.hand.tool import Desk, Tool

RELAY_PORT, TLS_PORT, BROKER_PORT, REVERSE_PORT, VPN_PORT = 5911, 5443, 443, 5500, 51820
INSIDE = ("10.66.0.1", "10.66.0.2")
"""Tunnel addresses of the far end and of the laptop."""
EVASIONS = {"hold": "splice", "schedule": "splice", "pad": "tls", "constant": "tls", "chaff": "tls", "split": "tls"}
"""Evasions, and the way each is built on."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a way joins: the tool and its desktop, and the namespaces of the driven machine and of the viewer."""

    ground: Ground
    tool: Tool
    desk: Desk
    viewer: str
    seed: int = 1

    @property
    def driven(self) -> str:
        """Namespace of the driven machine."""
        return self.desk.namespace

    def address(self, short: str, *, seen_from: str) -> str:
        """Return the address of a namespace as another reaches it."""
        place = self.ground
        relay = place.relay_far if seen_from == "o" else place.relay
        return {"l": place.laptop, "r": relay, "o": place.operator, "w": place.office}[short]

    @property
    def protos(self) -> tuple[str, ...]:
        """Transport protocols the tool speaks."""
        return ("tcp", "udp") if self.tool.proto == "both" else (self.tool.proto,)


@dataclass(frozen=True, slots=True)
class Route:
    """Where the viewer connects to, and what the laptop's capture shows of it.

    ``flows`` are (protocol, remote "address:port"); ``end`` says where their other end stands: ``relay``, ``operator``
    or ``office``. An empty ``address`` makes the viewer listen on ``port``, and ``dial`` then has the driven machine
    dial it. ``local`` is the laptop's "address:port" in all flows.
    """

    address: str
    port: int
    flows: tuple[tuple[str, str], ...]
    end: str
    local: str
    dial: Callable[[], None] | None = None


def _flows(session: Session, address: str, port: str) -> tuple[tuple[str, str], ...]:
    return tuple((proto, f"{address}:{port}") for proto in session.protos)


def _local(session: Session, port: int | str = "*") -> str:
    return f"{session.ground.laptop}:{port}"


def direct(session: Session) -> Route:
    """Connect straight; the relay only routes."""
    target = session.address(session.driven, seen_from=session.viewer)
    port = session.tool.port
    if session.driven == "l":
        end = session.address(session.viewer, seen_from="l")
        return Route(target, port, _flows(session, end, "*"), "operator", _local(session, port))
    return Route(target, port, _flows(session, target, str(port)), "office", _local(session))


def _socat(session: Session, short: str, port: int, target: str, target_port: int) -> None:
    """Join who comes to a port of a namespace with a target, for each protocol the tool speaks."""
    lab = session.ground.lab
    for proto in session.protos:
        name, nodelay = (proto.upper() + "4", ",nodelay" if proto == "tcp" else "")
        arguments = f"{name}-LISTEN:{port},fork,reuseaddr{nodelay}", f"{name}:{target}:{target_port}{nodelay}"
        lab.start(short, "socat", *arguments)
    lab.listening(short, port)


def _through_relay(session: Session, *, local: int | str = "*", remote: int | str = "*") -> Route:
    """Return the route of a session that meets the relay at :data:`RELAY_PORT`."""
    address = session.address("r", seen_from=session.viewer)
    if session.driven == "l":
        flows = _flows(session, session.ground.relay, str(remote))
        return Route(address, RELAY_PORT, flows, "relay", _local(session, local))
    return Route(address, RELAY_PORT, _flows(session, session.ground.relay, str(RELAY_PORT)), "relay", _local(session))


def splice(session: Session) -> Route:
    """Join two connections, or forward datagrams, at the relay."""
    port = session.tool.port
    _socat(session, "r", RELAY_PORT, session.address(session.driven, seen_from="r"), port)
    return _through_relay(session, local=port)


def _certificate(session: Session, name: str) -> tuple[str, str]:
    """Make a certificate; returns the paths of certificate and key."""
    folder = session.ground.lab.folder
    paths = str(folder / f"{name}.crt"), str(folder / f"{name}.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-out", paths[0], "-keyout", paths[1], "-subj", f"/CN={name}.example"],
        check=True, capture_output=True,
    )  # fmt: skip
    return paths


def _stunnel(session: Session, short: str, name: str, *lines: str) -> None:
    lab = session.ground.lab
    path = lab.folder / f"stunnel-{name}.conf"
    options = ("socket = l:TCP_NODELAY=1", "socket = r:TCP_NODELAY=1")
    path.write_text("\n".join(("foreground = yes", "pid =", *options, f"[{name}]", *lines)) + "\n")
    lab.start(short, "stunnel4", str(path))


def tls(session: Session) -> Route:
    """Wrap the laptop's side in TLS: a wrapper on the driven machine, its counterpart at the relay.

    When the laptop is the viewer, the counterpart stands on the laptop and the office's wrapper at the other end.
    """
    certificate, key = _certificate(session, "relay")
    driven = session.driven
    _stunnel(
        session, driven, "inside", f"accept = {TLS_PORT}", f"connect = 127.0.0.1:{session.tool.port}",
        f"cert = {certificate}", f"key = {key}",
    )  # fmt: skip
    session.ground.lab.listening(driven, TLS_PORT)
    place = "r" if driven == "l" else "l"
    target = session.address(driven, seen_from=place)
    _stunnel(
        session, place, "outside", "client = yes", f"accept = {RELAY_PORT}", f"connect = {target}:{TLS_PORT}",
        "verifyChain = no",
    )  # fmt: skip
    session.ground.lab.listening(place, RELAY_PORT)
    if driven == "l":
        return _through_relay(session, local=TLS_PORT)
    flows = (("tcp", f"{target}:{TLS_PORT}"),)
    return Route("127.0.0.1", RELAY_PORT, flows, "office", _local(session))


def _broker(session: Session, evasion: str = "", *, plain: bool = False) -> Route:
    """Have an agent on the driven machine dial a broker at the relay."""
    lab = session.ground.lab
    certificate = ("", "") if plain else _certificate(session, "relay")
    address = session.address("r", seen_from=session.driven)
    plan = {"evasion": evasion, "listen": RELAY_PORT, "target": ("127.0.0.1", session.tool.port), "plain": plain}
    plan |= {"broker": (address, BROKER_PORT), "certificate": certificate, "seed": session.seed}
    for part, short in (("broker", "r"), ("agent", session.driven)):
        _evade(session, short, Plan(part=part, **plan))  # type: ignore[arg-type]
        if part == "broker":
            lab.listening(short, BROKER_PORT)
            lab.listening(short, RELAY_PORT)
    return _through_relay(session, remote=BROKER_PORT)


def _evade(session: Session, short: str, plan: Plan) -> None:
    session.ground.lab.start(short, sys.executable, "-m", "tests.lab.hand.evade", json.dumps(asdict(plan)))


def tls_dialled(session: Session) -> Route:
    """An agent on the driven machine dials a broker over TLS."""
    return _broker(session)


def reverse(session: Session) -> Route:
    """The driven machine dials out: the tool's own way through a relay, or an agent without TLS."""
    dialler = session.tool.reverse
    if dialler is None:
        return _broker(session, plain=True)
    lab, relay = session.ground.lab, session.address("r", seen_from=session.driven)
    _socat(session, "r", REVERSE_PORT, session.address(session.viewer, seen_from="r"), REVERSE_PORT)

    def dial() -> None:
        dialler(lab, session.driven, relay, REVERSE_PORT, session.desk)

    return Route("", REVERSE_PORT, _flows(session, relay, str(REVERSE_PORT)), "relay", _local(session), dial)


def evade(session: Session, evasion: str) -> Route:
    """Use an evading relay: see :mod:`tests.lab.hand.evade`."""
    if EVASIONS[evasion] == "tls":
        return _broker(session, evasion)
    target = session.address(session.driven, seen_from="r"), session.tool.port
    _evade(session, "r", Plan("splice", evasion, RELAY_PORT, target, seed=session.seed))
    session.ground.lab.listening("r", RELAY_PORT)
    return _through_relay(session, local=session.tool.port)


def _tunnel_route(session: Session, end: str, proto: str, port: int) -> Route:
    """Return the route through a VPN between the laptop and ``end``, and send the laptop's side of it inside."""
    address = session.address(end, seen_from="l")
    name = {"r": "relay", "o": "operator", "w": "office"}[end]
    inner = INSIDE[1] if session.driven == "l" else INSIDE[0]
    return Route(inner, session.tool.port, ((proto, f"{address}:{port}"),), name, _local(session))


def _end(session: Session, *, at_operator: bool) -> str:
    """Return where a VPN's far end stands."""
    if session.driven != "l":
        return session.driven
    return "o" if at_operator else "r"


def _wireguard(session: Session, *, at_operator: bool) -> Route:
    lab, end = session.ground.lab, _end(session, at_operator=at_operator)
    names = {short: f"wg{os.getpid() % 10**7}{short}" for short in ("l", end)}
    public = {}
    for short, name in names.items():
        key = lab.folder / f"{name}.key"
        key.touch(mode=0o600)
        key.write_text(lab.run(short, "wg", "genkey"))
        public[short] = lab.run(short, "sh", "-c", f"wg pubkey < {key}").strip()
    for short, other, mine, theirs in (("l", end, INSIDE[1], INSIDE[0]), (end, "l", INSIDE[0], INSIDE[1])):
        name = names[short]
        lab.start(short, "wireguard-go", "-f", name, env={"LOG_LEVEL": "error"})
        _wait_interface(session, short, name)
        peer = ["endpoint", f"{session.address(other, seen_from=short)}:{VPN_PORT}", "persistent-keepalive", "25"]
        lab.run(
            short, "wg", "set", name, "listen-port", str(VPN_PORT), "private-key", str(lab.folder / f"{name}.key"),
            "peer", public[other], "allowed-ips", "10.66.0.0/24,203.0.113.0/24", *peer,
        )  # fmt: skip
        lab.run(short, "ip", "addr", "add", mine, "peer", theirs, "dev", name)
        lab.run(short, "ip", "link", "set", name, "mtu", "1420", "up")
    if end == "r":
        lab.run("l", "ip", "route", "add", f"{session.ground.operator}/32", "dev", names["l"])
    lab.run("l", "ping", "-n", "-q", "-c", "5", "-i", "0.3", INSIDE[0])
    return _tunnel_route(session, end, "udp", VPN_PORT)


def _wait_interface(session: Session, short: str, name: str) -> None:
    lab = session.ground.lab
    net.wait_for(lambda: name in lab.run(short, "ip", "-br", "link"), f"interface {name}\n{lab.logs()}")


def wireguard(session: Session) -> Route:
    """WireGuard from the laptop to an exit at the relay; the viewer comes in through the exit."""
    return _wireguard(session, at_operator=False)


def wireguard_operator(session: Session) -> Route:
    """WireGuard between the laptop and the operator's own machine."""
    return _wireguard(session, at_operator=True)


def _openvpn(session: Session, proto: str) -> Route:
    lab, end = session.ground.lab, _end(session, at_operator=False)
    prints = {}
    for short in ("l", end):
        certificate, _ = _certificate(session, f"vpn-{short}")
        shown = ["openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256"]
        done = subprocess.run(shown, check=True, capture_output=True, text=True)
        prints[short] = done.stdout.strip().split("=", 1)[1]
    address = session.address(end, seen_from="l")
    roles = {
        end: ["--tls-server", "--dh", "none", "--proto", "udp" if proto == "udp" else "tcp-server"],
        "l": ["--tls-client", "--remote", address, "1194", "--proto", "udp" if proto == "udp" else "tcp-client"],
    }
    for short, other, mine, theirs in ((end, "l", INSIDE[0], INSIDE[1]), ("l", end, INSIDE[1], INSIDE[0])):
        bind = ["--nobind"] if short == "l" else ["--lport", "1194"]
        lab.start(
            short, "openvpn", "--dev", "tunvpn", "--dev-type", "tun", "--ifconfig", mine, theirs, *roles[short], *bind,
            "--cert", str(lab.folder / f"vpn-{short}.crt"), "--key", str(lab.folder / f"vpn-{short}.key"),
            "--peer-fingerprint", prints[other], "--verb", "1", "--keepalive", "10", "60",
            *(["--socket-flags", "TCP_NODELAY"] if proto == "tcp" else []),
        )  # fmt: skip
    _wait_interface(session, "l", "tunvpn")
    if end == "r":
        lab.run("l", "ip", "route", "add", f"{session.ground.operator}/32", "dev", "tunvpn")
    probe = ["ip", "netns", "exec", lab.names["l"], "ping", "-n", "-q", "-c", "1", "-W", "1", INSIDE[0]]
    net.wait_for(lambda: not subprocess.run(probe, check=False, capture_output=True).returncode, "OpenVPN", 30)
    return _tunnel_route(session, end, proto, 1194)


def openvpn(session: Session) -> Route:
    """OpenVPN over UDP from the laptop to an exit at the relay."""
    return _openvpn(session, "udp")


def openvpn_tcp(session: Session) -> Route:
    """OpenVPN over TCP from the laptop to an exit at the relay."""
    return _openvpn(session, "tcp")


def ssh_reverse(session: Session) -> Route:
    """The laptop holds an ``ssh -R`` to the relay; as the viewer it holds an ``ssh -L`` to the office instead."""
    lab = session.ground.lab
    here, port = ("r", 22) if session.driven == "l" else (session.driven, 2022)
    options = sshd.serve(lab, here, port=port, gateway=True)
    server = session.address(here, seen_from="l")
    forward = (
        ["-R", f"0.0.0.0:{RELAY_PORT}:127.0.0.1:{session.tool.port}"]
        if session.driven == "l"
        else ["-L", f"127.0.0.1:{RELAY_PORT}:127.0.0.1:{session.tool.port}"]
    )
    lab.start("l", "ssh", "-N", "-p", str(port), *forward, *options, server)
    if session.driven == "l":
        lab.listening("r", RELAY_PORT)
        return _through_relay(session, remote=port)
    lab.listening("l", RELAY_PORT)
    return Route("127.0.0.1", RELAY_PORT, (("tcp", f"{server}:{port}"),), "office", _local(session))


WAYS: dict[str, Callable[[Session], Route]] = {
    "direct": direct,
    "splice": splice,
    "tls": tls,
    "tls-dialled": tls_dialled,
    "reverse": reverse,
    "wireguard": wireguard,
    "wireguard-operator": wireguard_operator,
    "openvpn": openvpn,
    "openvpn-tcp": openvpn_tcp,
    "ssh-R": ssh_reverse,
}
"""Ways by name. The label of a way is the name without what follows ``tls-``, ``wireguard-``, ``openvpn-``."""
TCP_ONLY = frozenset({"tls", "tls-dialled", "reverse", "ssh-R"})


def label(way: str) -> str:
    """Return the word a table of results uses for a way: variants of one way share it."""
    return way if way == "ssh-R" else way.split("-", maxsplit=1)[0]
