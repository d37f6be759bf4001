"""Which values of a community list are no sign of a tool being used, and how the rest are graded.

The rule, in order, for a host name of a tool:

1. not a name: an address, a placeholder (``<operator's server>``, ``user_managed``) or a malformed name: left out;
2. a cloud, content network or public service anybody uses: left out;
3. the vendor's shop window (first label ``www``, ``docs``, ``support``, ``download`` …, see ``domains.WEB_LABELS``) or
   a host attackers ran when the tool was reported: left out;
4. software that brings no foreign hand in (kind ``admin``): left out;
5. the bare domain somebody registered: kept as a wildcard below it, presence, low, never alone, because lists give it
   where only the vendor's site is known;
6. a wildcard over a registered domain: presence, low;
7. a host that calls itself relay, TURN, STUN, signalling or rendezvous: session, medium, at the relay's side;
8. any other host: presence, medium.

A port is left out where half the net uses it; a program's or folder's name where many products have one like it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from farmwatch.knowledge.domains import WEB_LABELS, domain_fault, normal_domain
from farmwatch.knowledge.entries import Grade, Side, Sign
from farmwatch.knowledge.generic import shared_host, under_shared_domain
from farmwatch.knowledge.suffixes import registrable_domain

__all__ = ["GradedValue", "grade_host", "grade_path", "grade_port", "grade_program"]

_ADDRESS = re.compile(r"[0-9.]+\Z|[0-9a-f]*:[0-9a-f:]*\Z")
_RELAY_LABEL = re.compile(r"(relay|turn|stun|rendezvous|signal|signaling|signalling|router)([0-9*?\[.-]|\Z)")
#: Hosts LOLRMM lists because attackers ran them: signs of one old intrusion, not of the tool.
_ATTACKERS = frozenset(
    {
        "c.mid.al", "cloud-233f9.firebaseapp.com", "cloud-ed980.firebaseapp.com", "dronemaker.org", "gd.bj2.xyz",
        "microuptime.com", "my-sharepoint-inc.com", "my1cloudlive.com", "my2cloudlive.com", "mymeetinggoogle.com",
        "rism.pages.dev", "telesupportgroup.com", "web-16fe.app", "checkip.zmazonaws.com",
    }
)  # fmt: skip
_COMMON_PORTS = frozenset({21, 22, 25, 53, 80, 123, 135, 139, 161, 443, 445, 3478, 5000, 8000, 8080, 8443})
_EXTENSION = re.compile(r"\.(cfg|conf|config|db|dll|exe|ini|json|log|msi|sys|txt|xml)\Z")
_COMMON_FOLDERS = frozenset(
    {
        "appdata", "application data", "application support", "applications", "bin", "cache", "common files", "config",
        "containers", "data", "documents", "downloads", "drivers", "etc", "home", "installer", "launchagents",
        "launchdaemons", "lib", "library", "local", "local settings", "locallow", "log", "logs", "microsoft", "opt",
        "packages", "preferences", "prefetch", "private", "program files", "program files (x86)", "programdata",
        "programs", "public", "roaming", "root", "run", "sbin", "share", "start menu", "startup", "support", "system",
        "system.log", "system32", "systemd", "syswow64", "tasks", "temp", "tmp", "user", "users", "usr", "var",
        "windows", "winevt",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GradedValue:
    """A value worth keeping, or the reason why it is not."""

    value: str  #: normalised; empty where it is left out
    reason: str = ""  #: why it is left out
    sign: Sign = Sign.PRESENCE
    grade: Grade = Grade.MEDIUM
    side: Side = Side.ANY
    alone: bool = True


def grade_host(text: str, *, dual_use: bool = False) -> GradedValue:
    """Judge a host name that a list gives for a tool.

    Args:
        text: the name as listed; ``https://``, paths and ports around it are taken off.
        dual_use: the tool brings no foreign hand in.
    """
    host = re.sub(r"^\w+://", "", text.strip().lower()).split("/", 1)[0]
    host = normal_domain(re.sub(r":\d{1,5}$", "", host))
    host = re.sub(r"^\*(?=[a-z0-9])(?=[^.]*\.[a-z]+$)", "*.", host)  # "*set.me" is meant as "*.set.me"
    if not host or _ADDRESS.match(host) or domain_fault(host):
        return GradedValue("", "not a host name")
    if shared_host(host) or under_shared_domain(host):
        return GradedValue("", "cloud or public service anybody uses")
    if host in _ATTACKERS:
        return GradedValue("", "host of attackers, not of the vendor")
    if host.split(".", 1)[0] in WEB_LABELS:
        return GradedValue("", "vendor's web site, documents or download")
    if dual_use:
        return GradedValue("", "software that brings no foreign hand in")
    bare = host.removeprefix("*.")
    registered = registrable_domain(bare)
    if bare == registered:
        only_apex = bare == host
        return GradedValue("*." + bare, grade=Grade.LOW, alone=not only_apex)
    if _RELAY_LABEL.match(bare):
        return GradedValue(host, sign=Sign.SESSION, side=Side.RELAY)
    return GradedValue(host)


def grade_port(text: str) -> GradedValue:
    """Judge a port number; lists rarely say the transport, so it is taken as TCP."""
    if not text.strip().isdecimal() or not 0 < int(text) <= 0xFFFF:
        return GradedValue("", "not a single port")
    if int(text) in _COMMON_PORTS:
        return GradedValue("", "port half the net uses")
    return GradedValue(f"tcp/{int(text)}", grade=Grade.LOW, alone=False)


def grade_program(text: str) -> GradedValue:
    """Judge an executable's name; folders before it are taken off."""
    name = re.split(r"[\\/]", text.strip().lower())[-1]
    name = re.sub(r"\*+", "*", re.sub(r"\[[^\]]*\]\*?", "*", name))
    if not name.endswith((".exe", ".app")) or "<" in name:
        return GradedValue("", "not a program's name")
    stem = re.sub(r"[*?]", "", name.rpartition(".")[0])
    if len(stem) < 2:
        return GradedValue("", "name that fits anything")
    return GradedValue(name, alone=len(stem) > 3)


def grade_path(text: str) -> GradedValue:
    """Judge a folder or file; drive, user and variables become ``*``."""
    path = re.sub(r"<[^>]*>|%[^%/\\]*%|\[[^\]]*\]", "*", text.strip().strip('"')).replace("\\", "/")
    path = re.sub(r"/+", "/", path)
    path = re.sub(r"/users/[^/*]+/", "/Users/*/", path, flags=re.IGNORECASE)
    path = re.sub(r"^(([a-z]:|~|\*)/)+", "*/", path, flags=re.IGNORECASE)
    path = re.sub(r"\*+", "*", path + ("*" if path.endswith("/") else ""))
    own = [
        part
        for part in path.lower().split("/")
        if part not in _COMMON_FOLDERS and len(re.sub(r"[^a-z]", "", _EXTENSION.sub("", part))) >= 4
    ]
    if "/" not in path or "://" in text or not own:
        return GradedValue("", "folders every computer has")
    return GradedValue(path, grade=Grade.LOW)
