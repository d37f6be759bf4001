"""The laptop as a server of something other than its desktop: the hardest of what is not remote control.

Somebody in the office works against a database, a site under development, a file server, or a monitoring agent on the
laptop: small requests come in at a person's pace and bursts go out. Nobody's hand is on the laptop: role *none*.
"""

from __future__ import annotations

import os
import pwd
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab import typist
from tests.lab.hand import sshd
from tests.lab.hand.activities import browser, shells, site
from tests.lab.hand.ground import Ground, Label
from tests.lab.net import Lab

_QUERIES = (
    "table a;",
    "select * from b limit 9;",
    "\\d a",
    "select count(*) from b;",
    "\\dt",
    "select now();",
    "table c;",
)


def _newest_postgres() -> Path:
    """Return the server program, which Debian keeps off the PATH."""
    found = [Path(named)] if (named := shutil.which("postgres")) else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise OSError("PostgreSQL's server is not installed")
    return found[-1].resolve()


@contextmanager
def _database(lab: Lab, short: str, address: str, seed: int) -> Iterator[None]:
    """Run PostgreSQL on an address of a namespace; it refuses to run as root, so its folder belongs to another user."""
    postgres = _newest_postgres()
    home = Path(tempfile.mkdtemp(prefix="farmwatch-database-"))
    user = pwd.getpwnam("postgres")
    os.chown(home, user.pw_uid, user.pw_gid)
    as_user = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    rng = random.Random(seed)
    try:
        make = [
            *as_user,
            str(postgres.with_name("initdb")),
            "-D",
            str(home / "data"),
            "-A",
            "trust",
            "-U",
            "desk",
            "-N",
        ]
        subprocess.run(make, check=True, capture_output=True, cwd=home)
        with (home / "data" / "pg_hba.conf").open("a") as access:
            access.write("host all all 0.0.0.0/0 trust\n")
        settings = (f"listen_addresses={address}", "unix_socket_directories=", "fsync=off", "ssl=off")
        options = [part for setting in settings for part in ("-c", setting)]
        job = lab.start(short, *as_user, str(postgres), "-D", str(home / "data"), *options)
        lab.listening(short, 5432)
        tables = "".join(
            f"create table {name} as select i, md5(i::text) as v from generate_series(1, {rng.randrange(5, 60)}) i;"
            for name in "abc"
        )
        lab.run(short, "psql", "-h", address, "-U", "desk", "-c", tables, "postgres")
        yield
        job.terminate()
        job.wait(20)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _ask(ground: Ground, short: str, address: str, seconds: float, seed: int) -> None:
    """Type queries into psql in a namespace, at a person's pace."""
    rng, pauses = random.Random(seed), typist.keys(seed)

    def write(terminal: int) -> None:
        end = time.monotonic() + seconds
        while True:
            for letter in rng.choice(_QUERIES) + "\n":
                time.sleep(next(pauses)[0])
                if time.monotonic() >= end:
                    return
                os.write(terminal, letter.encode())

    command = ("psql", "-X", "-n", "-P", "pager=off", "-h", address, "-U", "desk", "postgres")
    shells.typed(ground.lab, short, seconds, write, *command)


def database_client(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Type queries into an office database with psql: each line's end sends one, results come in."""
    with _database(ground.lab, "w", ground.office, seed):
        _ask(ground, "l", ground.office, seconds, seed)
    return []


def database_server(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Serve a database that somebody in the office types queries into: looks like being driven, and is not."""
    with _database(ground.lab, "l", ground.laptop, seed):
        _ask(ground, "w", ground.laptop, seconds, seed)
    return []


def development_site(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Serve a site under development to a colleague who reads page after page in a browser."""
    site.start(ground.lab, "l", ground.laptop, seed)
    browser.open_browser(ground, "w", "read", ground.laptop)
    time.sleep(seconds)
    return []


def development_search(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Serve a search-as-you-type page to a colleague who types in it: a request comes in for each key."""
    site.start(ground.lab, "l", ground.laptop, seed)
    display = browser.open_browser(ground, "w", "search", ground.laptop)
    browser.type_on(ground, "w", display, seconds, seed)
    return []


def development_chat(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Serve a chat application to a colleague who types in it: a WebSocket message comes in for each key."""
    site.start(ground.lab, "l", ground.laptop, seed)
    display = browser.open_browser(ground, "w", "edit", ground.laptop)
    browser.type_on(ground, "w", display, seconds, seed)
    return []


_SHARE = """[global]
workgroup = LAB
server role = standalone server
smb ports = 445
disable netbios = yes
map to guest = Bad User
guest account = root
private dir = {folder}
lock directory = {folder}
state directory = {folder}
cache directory = {folder}
pid directory = {folder}
ncalrpc dir = {folder}/rpc
log file = {folder}/smbd.log
load printers = no
[work]
path = {folder}/work
guest ok = yes
read only = no
"""


def _share(lab: Lab, short: str, seed: int) -> None:
    folder, rng = lab.folder / "samba", random.Random(seed)
    (folder / "work").mkdir(parents=True)
    for number in range(60):
        (folder / "work" / f"report-{number}.txt").write_bytes(rng.randbytes(rng.randrange(300, 90_000)))
    config = lab.folder / "smb.conf"
    config.write_text(_SHARE.format(folder=folder))
    lab.start(short, "/usr/sbin/smbd", "-F", "--no-process-group", "-s", str(config))
    lab.listening(short, 445)


def _use_share(ground: Ground, short: str, address: str, seconds: float, seed: int) -> None:
    lab, rng = ground.lab, random.Random(seed)
    config = lab.folder / "smb.conf"
    job = lab.start(short, "smbclient", "-N", "-s", str(config), f"//{address}/work", stdin=subprocess.PIPE)
    assert job.stdin is not None
    pipe = job.stdin
    time.sleep(1)

    def look(turn: int) -> None:
        name = f"report-{rng.randrange(60)}.txt"
        line = ("ls", f"get {name} {lab.folder}/fetched", "ls", f"put {lab.folder}/smb.conf new-{turn}")[
            rng.randrange(4)
        ]
        pipe.write(line.encode() + b"\n")
        pipe.flush()

    shells.repeat(seconds, rng, (0.3, 3), look)


def file_server(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Serve a folder by SMB to somebody in the office who lists, opens and saves at a person's pace."""
    _share(ground.lab, "l", seed)
    _use_share(ground, "w", ground.laptop, seconds, seed)
    return []


def file_share(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Use a shared folder of the office by SMB."""
    _share(ground.lab, "w", seed)
    _use_share(ground, "l", ground.office, seconds, seed)
    return []


def snmp_polled(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Be polled by a monitoring server: an SNMP walk with large answers every five to ten seconds."""
    lab, config = ground.lab, ground.lab.folder / "snmpd.conf"
    config.write_text(f"agentAddress udp:{ground.laptop}:161\nrocommunity public\n")
    lab.start("l", "/usr/sbin/snmpd", "-f", "-C", "-c", str(config), "-Lo", "-p", str(lab.folder / "snmpd.pid"))
    lab.listening("l", 161)
    walk = ("snmpbulkwalk", "-v2c", "-c", "public", "-Cr25", ground.laptop)

    def poll(_: int) -> None:
        for table in ("1.3.6.1.2.1.2", "1.3.6.1.2.1.4", "1.3.6.1.2.1.6", "1.3.6.1.2.1.31"):
            lab.run("w", *walk, table)

    shells.repeat(seconds, random.Random(seed), (5, 10), poll)
    return []


def metrics_scraped(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Be scraped by a monitoring server: a request for some tens of kilobytes of metrics every five seconds."""
    lab, port = ground.lab, f"{ground.laptop}:9100"
    lab.start("l", "prometheus-node-exporter", f"--web.listen-address={port}")
    lab.listening("l", 9100)
    last = max(2, int(seconds / 5))
    lab.run(
        "w",
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "--rate",
        "12/m",
        f"http://{port}/metrics?n=[1-{last}]",
        timeout=seconds + 60,
    )
    return []


def remote_jobs(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Be managed from the office by SSH: a configuration run logs in, runs a command, leaves; nobody types."""
    options, rng = sshd.serve(ground.lab, "l"), random.Random(seed)
    commands = ("uptime", "ls -l /usr/lib", "cat /etc/services", "df")
    shells.repeat(
        seconds, rng, (0.5, 4), lambda _: ground.lab.run("w", "ssh", *options, ground.laptop, rng.choice(commands))
    )
    return []


def files_fetched(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Have a folder fetched by an office server with rsync over SSH into the laptop, again and again."""
    options, rng, folder = sshd.serve(ground.lab, "l"), random.Random(seed), ground.lab.folder
    tree = folder / "tree"
    tree.mkdir()
    for number in range(80):
        (tree / f"{number}.txt").write_bytes(rng.randbytes(rng.randrange(200, 12_000)))

    def fetch(_: int) -> None:
        (tree / f"{rng.randrange(80)}.txt").write_bytes(rng.randbytes(9_000))
        ground.lab.run(
            "w",
            "rsync",
            "-a",
            "--bwlimit=500",
            "-e",
            " ".join(["ssh", *options]),
            f"{ground.laptop}:{tree}/",
            f"{folder}/copy/",
        )

    shells.repeat(seconds, rng, (1, 5), fetch)
    return []
