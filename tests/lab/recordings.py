"""The recorded captures: real programs in namespaces, a seeded typist, and the truth measured beside them.

The stage is built the same way each time. A laptop (in 10.44.0.0/16) behind a home router, a relay (in
198.51.100.0/24) a short way off, and an operator (in 203.0.113.0/24) far from the relay. An office server (10.80.0.5)
stands behind the router's other side. Hardware and other addresses are the capture's own
(:data:`tests.lab.cast.STAGES`). Delays are one way and come from :mod:`tests.lab.link`; the capture is taken on the
laptop.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import net, sidecar, timed, typist
from tests.lab.cast import STAGES
from tests.lab.net import Lab
from tests.lab.sidecar import Device, Session, Sidecar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lab.cast import Actors

OFFICE = "10.80.0.5"


@dataclass(slots=True)
class Stage:
    """A lab with its actors in place, and what a recording notes down."""

    lab: Lab
    who: Actors
    seconds: float
    truth: dict[str, float] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)

    def type_on(self, short: str, display: int, seed: int) -> None:
        """Type into a display of a namespace for the stage's seconds and note how many keys went down."""
        log = self.lab.folder / "keys.json"
        self.lab.run(
            short, "python3", "-m", "tests.lab.typist", str(self.seconds), str(seed), str(log),
            env={"DISPLAY": f":{display}"}, timeout=self.seconds + 30,
        )  # fmt: skip
        self.truth["key_events"] = len(json.loads(log.read_text()))

    def desktop(self, short: str, *command: str) -> int:
        """Start an X server (default Xvfb) in a namespace and return its display number."""
        number = net.free_display()
        server = command or ("Xvfb", "-screen", "0", "1100x800x24", "-nolisten", "tcp")
        self.lab.start(short, server[0], f":{number}", *server[1:])
        net.wait_for(lambda: Path(f"/tmp/.X11-unix/X{number}").exists(), f"display {number}\n{self.lab.logs()}")
        return number

    def work(self, short: str, display: int) -> None:
        """Open what the person works in: a terminal that echoes, and a clock that moves by itself."""
        env = {"DISPLAY": f":{display}"}
        self.lab.start(short, "xclock", "-update", "1", "-geometry", "120x120-0+0", env=env)
        self.lab.start(short, "xterm", "-geometry", "90x30+0+0", "-T", "desk", "-e", "cat", env=env)
        time.sleep(1.0)
        self.focus(short, display, "^desk$")

    def focus(self, short: str, display: int, window: str) -> None:
        """Give a window the keyboard: there is no window manager to do it."""
        self.lab.run(
            short, "xdotool", "search", "--sync", "--onlyvisible", "--name", window, "windowfocus",
            env={"DISPLAY": f":{display}"},
        )  # fmt: skip


@contextmanager
def stage(
    who: Actors, seconds: float, near_ms: float = 5.0, far_ms: float = 95.0, office_ms: float = 10.0,
    jitter_ms: float = 0.5,
) -> Iterator[Stage]:  # fmt: skip
    """Set the stage: namespaces l (laptop), g (router), r (relay), o (operator), w (office), with one-way delays."""
    with Lab() as lab:
        for short, forward in (("l", False), ("g", True), ("r", True), ("o", False), ("w", False)):
            lab.namespace(short, forward=forward)
        lab.wire(("l", "eth0", f"{who.address}/24", who.laptop), ("g", "lan", f"{who.router}/24", who.gateway))
        lab.delay(("g", "wan", "198.51.100.1"), ("r", "tun0", who.relay), near_ms, jitter_ms)
        lab.delay(("r", "tun1", "203.0.113.1"), ("o", "tun0", who.operator), far_ms, jitter_ms)
        lab.delay(("g", "corp", "10.80.0.1"), ("w", "tun0", OFFICE), office_ms, jitter_ms)
        for short, via in (("l", who.router), ("r", "198.51.100.1"), ("o", "203.0.113.1"), ("w", "10.80.0.1")):
            lab.run(short, "ip", "route", "replace", "default", "via", via)
        lab.run("g", "ip", "route", "add", "203.0.113.0/24", "via", who.relay)
        play = Stage(lab, who, seconds)
        play.truth |= {
            "ping_relay_ms": lab.ping_ms("l", who.relay),
            "ping_operator_ms": lab.ping_ms("l", who.operator),
            "ping_office_ms": lab.ping_ms("l", OFFICE),
        }
        play.truth |= {
            "delay_near_ms": near_ms,
            "delay_far_ms": far_ms,
            "delay_office_ms": office_ms,
            "jitter_ms": jitter_ms,
        }
        play.tools |= net.versions(("tcpdump", "--version"))
        yield play


def _device(who: Actors, role: str, **expected: str) -> Device:
    # Nobody else is on the laptop's network: that it is no farm, or that none could be seen, are both right.
    return Device(who.address, who.laptop, "", role, **expected, farm="clear|not enough data")


def _session(who: Actors, remote: str, tool: str, role: str, truth: dict[str, float], end: str) -> Session:
    """Return a session with its true delays: transport to ``end``, and the loop to the person, who may be beyond it."""
    person = "operator" if end == "relay" else end
    return Session(who.address, remote, tool, role, truth[f"ping_{end}_ms"], truth[f"ping_{person}_ms"])


VIEWER = ("vncviewer", "-SecurityTypes", "None", "-RemoteResize=0", "-Log", "*:stderr:30")
XVNC = ("Xvnc", "-SecurityTypes", "None", "-geometry", "800x600", "-depth", "24", "-AlwaysShared")


def _drive_vnc(play: Stage, path: Path, target: str, *, reverse: bool = False) -> None:
    """Have the operator drive the laptop's desktop by VNC while the capture runs."""
    lab = play.lab
    desk = play.desktop("l", *XVNC, "-desktop", play.who.name, "-rfbport", "5900")
    lab.listening("l", 5900)
    play.work("l", desk)
    screen = play.desktop("o")
    capture = lab.capture("l", "eth0", path)
    env = {"DISPLAY": f":{screen}"}
    if reverse:
        lab.start("o", *VIEWER, "-listen", "5500", env=env)
        lab.listening("o", 5500)
        lab.run("l", "vncconfig", "-connect", f"{target}:5500", env={"DISPLAY": f":{desk}"})
    else:
        lab.start("o", *VIEWER, target, env=env)
    time.sleep(3.0)
    play.focus("o", screen, "TigerVNC")
    play.type_on("o", screen, seed=5)
    time.sleep(1.0)
    net.stop(capture)
    play.tools |= net.versions(("Xvnc", "-version"), ("vncviewer", "-h"))


def _relay(play: Stage, listen: int, target: str) -> None:
    """Start the relay: whoever connects to its port is joined to the target."""
    play.lab.start("r", "socat", f"TCP-LISTEN:{listen},fork,reuseaddr,nodelay", f"TCP:{target},nodelay")
    play.lab.listening("r", listen)
    play.tools |= net.versions(("socat", "-V"))


def vnc_relayed(path: Path, who: Actors, seconds: float = 75) -> Sidecar:
    """VNC through a relay: transport ends at the relay, the person is 200 ms away."""
    with stage(who, seconds, far_ms=95) as play:
        _relay(play, 5911, f"{who.address}:5900")
        _drive_vnc(play, path, "203.0.113.1::5911")
        truth, tools = play.truth, play.tools
    return Sidecar(
        summary="The laptop's desktop driven by VNC through a relay near it, by a person 200 ms beyond.",
        vantage="host", truth=truth, tools=tools,
        devices=[_device(who, "company laptop, driven by the operator behind the relay")],
        sessions=[_session(who, f"{who.relay}:*", "vnc", "controlled", truth, "relay")],
        must_find=["an incoming VNC session: the laptop is the RFB server", "transport RTT near 10 ms to the relay"],
        must_not_find=["the laptop as the controlling side", "a farm"],
    )  # fmt: skip


def vnc_helpdesk(path: Path, who: Actors) -> Sidecar:
    """VNC straight from a help desk 10 ms away."""
    with stage(who, 45, near_ms=2.5, far_ms=2.5) as play:
        _drive_vnc(play, path, f"{who.address}::5900")
        truth, tools = play.truth, play.tools
    return Sidecar(
        summary="A help desk 10 ms away drives the laptop's desktop by VNC, without a relay.",
        vantage="host", truth=truth, tools=tools,
        devices=[_device(who, "company laptop, helped by its own support desk", abroad="clear")],
        sessions=[_session(who, f"{who.operator}:*", "vnc", "controlled", truth, "operator")],
        must_find=["an incoming VNC session with a transport RTT of about 10 ms"],
        must_not_find=["a far operator: the hand is near", "a farm"],
    )  # fmt: skip


def vnc_reverse(path: Path, who: Actors) -> Sidecar:
    """VNC that the laptop itself dials: the operator's viewer listens."""
    with stage(who, 45, near_ms=5, far_ms=60) as play:
        _drive_vnc(play, path, who.operator, reverse=True)
        truth, tools = play.truth, play.tools
    return Sidecar(
        summary="The laptop dials a listening VNC viewer 130 ms away and is driven from there: "
        "who dials does not tell.",
        vantage="host", truth=truth, tools=tools,
        devices=[_device(who, "company laptop, driven over a connection it opened itself")],
        sessions=[_session(who, f"{who.operator}:5500", "vnc", "controlled", truth, "operator")],
        must_find=["VNC in which the laptop speaks first: it is the RFB server although it opened the connection"],
        must_not_find=["the laptop as the controlling side", "a farm"],
    )  # fmt: skip


def _drive_rdp(play: Stage, path: Path, host: str, viewer: str, target: str, *modes: str) -> None:
    """Have ``viewer`` drive the desktop of ``host`` by RDP while the capture runs on the laptop."""
    lab = play.lab
    desk = play.desktop(host, "Xvfb", "-screen", "0", "640x480x24", "-nolisten", "tcp")
    play.work(host, desk)
    lab.start(host, "freerdp-shadow-cli", "/port:3389", "-auth", "/sec:tls", env={"DISPLAY": f":{desk}"})
    lab.listening(host, 3389)
    screen = play.desktop(viewer)
    capture = lab.capture("l", "eth0", path)
    lab.start(
        viewer, "xfreerdp", f"/v:{target}", "/u:desk", "/p:desk", "/cert:ignore", *modes, "/sec:tls", "/size:640x480",
        env={"DISPLAY": f":{screen}"},
    )  # fmt: skip
    time.sleep(5.0)
    play.focus(viewer, screen, "FreeRDP")
    play.type_on(viewer, screen, seed=6)
    time.sleep(1.0)
    net.stop(capture)
    play.tools |= net.versions(("freerdp-shadow-cli", "/version"))


def rdp_relayed(path: Path, who: Actors) -> Sidecar:
    """RDP through a relay: the laptop is the RDP server."""
    with stage(who, 45, far_ms=60) as play:
        _relay(play, 3390, f"{who.address}:3389")
        _drive_rdp(play, path, "l", "o", "203.0.113.1:3390", "/gfx", "+gfx-progressive")
        truth, tools = play.truth, play.tools
    return Sidecar(
        summary="The laptop's desktop driven by RDP through a relay near it, by a person 130 ms beyond.",
        vantage="host", truth=truth, tools=tools,
        devices=[_device(who, "company laptop, driven by RDP")],
        sessions=[Session(who.address, f"{who.relay}:*", "rdp", "controlled", truth["ping_relay_ms"])],
        must_find=["an incoming RDP session: the laptop is the RDP server", "transport RTT near 10 ms to the relay"],
        must_not_find=["the laptop as the controlling side", "a farm"],
    )  # fmt: skip


def rdp_to_office(path: Path, who: Actors) -> Sidecar:
    """RDP from the laptop to a desktop in the office: the ordinary direction."""
    with stage(who, 45) as play:
        _drive_rdp(play, path, "w", "l", f"{OFFICE}:3389", "/gfx:RFX")
        truth, tools = play.truth, play.tools
    return Sidecar(
        summary="The laptop's own user drives a desktop in the office by RDP: the mirror image of being driven.",
        vantage="host", truth=truth, tools=tools,
        devices=[
            _device(who, "company laptop at work on an office desktop", driven="clear", abroad="clear")
        ],
        sessions=[_session(who, f"{OFFICE}:3389", "rdp", "controlling", truth, "office")],
        must_find=["an outgoing RDP session, role controlling"],
        must_not_find=["driven above clear: the laptop is the RDP client"],
    )  # fmt: skip


def _sshd(play: Stage, short: str, *, command: str | None = "cat", gateway: bool = False) -> list[str]:
    """Start an SSH server in a namespace; returns the client's options. ``command`` is all a login may run."""
    lab = play.lab
    key, config = lab.folder / "key", lab.folder / f"sshd_{short}"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    lines = [f"HostKey {key}", f"AuthorizedKeysFile {key}.pub", "StrictModes no", "UsePAM no", "PidFile none"]
    lines += ["PermitRootLogin prohibit-password", f"GatewayPorts {'yes' if gateway else 'no'}"]
    lines += ["Subsystem sftp internal-sftp"] + ([f"ForceCommand {command}"] if command else [])
    config.write_text("\n".join(lines) + "\n")
    lab.start(short, "/usr/sbin/sshd", "-D", "-e", "-f", str(config))
    lab.listening(short, 22)
    play.tools |= net.versions(("ssh", "-V"))
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "User=root")
    return [part for option in options for part in ("-o", option)] + ["-i", str(key), "-F", "none"]


def _type_over_ssh(play: Stage, short: str, *arguments: str) -> None:
    """Log in over SSH from a namespace and type into the remote terminal."""
    ours, theirs = pty.openpty()
    job = play.lab.start(short, "ssh", "-tt", *arguments, stdin=theirs)
    os.close(theirs)
    time.sleep(3.0)
    play.truth["key_events"] = typist.type_into_terminal(ours, play.seconds, seed=7)
    time.sleep(1.0)
    if job.poll() is not None:
        raise OSError(f"ssh ended early\n{play.lab.logs()}")
    net.stop(job)
    os.close(ours)


def ssh_into_laptop(path: Path, who: Actors) -> Sidecar:
    """SSH from a far operator into a server on the laptop."""
    with stage(who, 60, far_ms=35) as play:
        options = _sshd(play, "l")
        capture = play.lab.capture("l", "eth0", path)
        _type_over_ssh(play, "o", *options, who.address)
        net.stop(capture)
        truth, tools = play.truth, play.tools
    return Sidecar(
        summary="Somebody 80 ms away types into the laptop over SSH.",
        vantage="host", truth=truth, tools=tools,
        devices=[_device(who, "company laptop with an SSH server, typed into from far away")],
        sessions=[_session(who, f"{who.operator}:*", "ssh", "controlled", truth, "operator")],
        must_find=["keystroke-paced SSH coming in, transport RTT about 80 ms"],
        must_not_find=["the laptop as the controlling side", "a farm"],
    )  # fmt: skip


def ssh_from_laptop(path: Path, who: Actors) -> Sidecar:
    """SSH from the laptop to the office: the ordinary direction."""
    with stage(who, 60, office_ms=40) as play:
        options = _sshd(play, "w")
        capture = play.lab.capture("l", "eth0", path)
        _type_over_ssh(play, "l", *options, OFFICE)
        net.stop(capture)
        truth, tools = play.truth, play.tools
    return Sidecar(
        summary="The laptop's own user types on a server 80 ms away over SSH.",
        vantage="host", truth=truth, tools=tools,
        devices=[_device(who, "company laptop at work", driven="clear", abroad="clear")],
        sessions=[_session(who, f"{OFFICE}:22", "ssh", "controlling", truth, "office")],
        must_find=["keystroke-paced SSH going out, transport RTT about 80 ms"],
        must_not_find=["driven above clear: the laptop is the SSH client"],
    )  # fmt: skip


def ssh_reverse(path: Path, who: Actors) -> Sidecar:
    """SSH into the laptop through a tunnel it dialled itself (``ssh -R``)."""
    with stage(who, 60, far_ms=95) as play:
        _sshd(play, "l")
        options = _sshd(play, "r", command=None, gateway=True)
        capture = play.lab.capture("l", "eth0", path)
        play.lab.start("l", "ssh", "-N", "-R", "2222:127.0.0.1:22", *options, who.relay)
        play.lab.listening("r", 2222)
        _type_over_ssh(play, "o", *options, "-p", "2222", "203.0.113.1")
        net.stop(capture)
        truth, tools = play.truth, play.tools
    return Sidecar(
        summary="The laptop holds a reverse SSH tunnel to a relay; somebody 200 ms away types through it.",
        vantage="host", truth=truth, tools=tools,
        devices=[_device(who, "company laptop, typed into through its own outgoing SSH connection")],
        sessions=[_session(who, f"{who.relay}:22", "ssh", "controlled", truth, "relay")],
        must_find=["an outgoing SSH connection whose keystrokes come in"],
        must_not_find=["the laptop as the controlling side", "a farm"],
    )  # fmt: skip


def ssh_bulk(path: Path, who: Actors) -> Sidecar:
    """Files and a repository moved over SSH: nobody types."""
    with stage(who, 0, office_ms=10) as play:
        lab = play.lab
        options = _sshd(play, "w", command=None)
        data, repository = lab.folder / "data", lab.folder / "repository"
        data.write_bytes(bytes(range(256)) * 1200)
        here = str(repository)
        for step in (["init", "-q", here], ["-C", here, "add", "."], ["-C", here, "commit", "-qm", "a"]):
            if step[-1] == ".":
                (repository / "notes").write_bytes(data.read_bytes()[:90000])
            subprocess.run(["git", "-c", "user.name=lab", "-c", "user.email=lab@example.test", *step], check=True)
        capture = lab.capture("l", "eth0", path)
        lab.run("l", "scp", *options, str(data), f"{OFFICE}:{lab.folder}/up")
        lab.run("l", "scp", *options, f"{OFFICE}:{lab.folder}/up", str(lab.folder / "down"))
        clone, over = lab.folder / "clone", {"GIT_SSH_COMMAND": " ".join(["ssh", *options])}
        for _ in range(3):
            lab.run(
                "l",
                "git",
                "clone",
                "-q",
                f"{OFFICE}:{repository}",
                str(clone),
                env=over,
            )
            shutil.rmtree(clone)
            time.sleep(2.0)
        net.stop(capture)
        truth, tools = play.truth, play.tools
    return Sidecar(
        summary="Two file copies and three clones over SSH from the laptop to a server 20 ms away: nobody types.",
        vantage="host", truth=truth, tools=tools | net.versions(("git", "--version")),
        devices=[_device(who, "company laptop at work", driven="clear", abroad="clear")],
        sessions=[Session(who.address, f"{OFFICE}:22", "ssh", "controlling", truth["ping_office_ms"])],
        must_find=["SSH going out"],
        must_not_find=["keystroke-paced SSH: all of it is bulk", "driven above clear"],
    )  # fmt: skip


def web(path: Path, who: Actors) -> Sidecar:
    """An ordinary browser on an ordinary site, with its name lookups."""
    with stage(who, 0, office_ms=12) as play:
        lab = play.lab
        pair = str(lab.folder / "site.crt"), str(lab.folder / "site.key")
        subject = ["-subj", "/O=Example Site/CN=www.papertrade.example", "-days", "30"]
        make = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-out",
            pair[0],
            "-keyout",
            pair[1],
            *subject,
        ]
        subprocess.run(make, check=True, capture_output=True)
        lab.start("w", sys.executable, "-m", "tests.lab.website", "https", OFFICE, *pair)
        lab.listening("w", 443)
        lab.start("g", sys.executable, "-m", "tests.lab.website", "dns", who.router, OFFICE)
        lab.listening("g", 53)
        lab.resolver("l", who.router)
        capture = lab.capture("l", "eth0", path)
        for step, host in enumerate(("www.papertrade.example", "news.example", "shop.example")):
            lab.run("l", "curl", "-sk", "-o", "/dev/null", f"https://{host}/{step}")
            browser = ("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors")
            profile = f"--user-data-dir={lab.folder}/profile"
            lab.run(
                "l",
                *browser,
                profile,
                "--virtual-time-budget=4000",
                "--dump-dom",
                f"https://{host}/page{step}",
                env={"HOME": str(lab.folder)},
                timeout=90,
            )
            time.sleep(3.0)
        net.stop(capture)
        truth, tools = play.truth, play.tools
    return Sidecar(
        summary="A browser and curl fetch three sites over HTTPS, with their name lookups: no remote tool, no KVM.",
        vantage="host", truth=truth, tools=tools | net.versions(("chromium", "--version"), ("curl", "--version")),
        devices=[_device(who, "company laptop whose user reads the web", driven="clear", abroad="clear")],
        must_not_find=["anything above clear", "a remote-control session"],
    )  # fmt: skip


RECORDINGS: dict[str, Callable[[Path, Actors], Sidecar]] = {
    "vnc-relayed": vnc_relayed,
    "vnc-helpdesk": vnc_helpdesk,
    "vnc-reverse": vnc_reverse,
    "rdp-relayed": rdp_relayed,
    "rdp-to-office": rdp_to_office,
    "ssh-into-laptop": ssh_into_laptop,
    "ssh-from-laptop": ssh_from_laptop,
    "ssh-reverse": ssh_reverse,
    "ssh-bulk": ssh_bulk,
    "web": web,
    **{name: timed.recorder(excerpt) for name, excerpt in timed.EXCERPTS.items()},
}
"""Recorded captures by the name of their file."""


def record(name: str, folder: Path) -> Path:
    """Record one capture into a folder, with its sidecar."""
    path = folder / f"{name}.pcap"
    path.unlink(missing_ok=True)
    side = RECORDINGS[name](path, STAGES[name])
    side.stage = asdict(STAGES[name])
    side.origin, side.made_by = "lab-recorded", f"python -m tests.lab.build {name}"
    sidecar.write(side, path)
    return path
