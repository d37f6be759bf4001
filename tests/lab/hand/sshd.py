"""An SSH server in a namespace, and the options a client reaches it with."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.lab.net import Lab


def serve(lab: Lab, short: str, *, port: int = 22, command: str | None = None, gateway: bool = False) -> list[str]:
    """Start an SSH server; returns the client's options without the port.

    ``command`` is all a login may run; ``gateway`` lets forwarded ports be reached from outside.
    """
    key, config = lab.folder / "key", lab.folder / f"sshd_{short}_{port}"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    lines = [f"Port {port}", f"HostKey {key}", f"AuthorizedKeysFile {key}.pub", "StrictModes no", "UsePAM no"]
    lines += ["PidFile none", "PermitRootLogin prohibit-password", f"GatewayPorts {'yes' if gateway else 'no'}"]
    lines += ["Subsystem sftp internal-sftp", *([f"ForceCommand {command}"] if command else [])]
    config.write_text("\n".join(lines) + "\n")
    lab.start(short, "/usr/sbin/sshd", "-D", "-e", "-f", str(config))
    lab.listening(short, port)
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "User=root")
    return [part for option in options for part in ("-o", option)] + ["-i", str(key), "-F", "none"]
