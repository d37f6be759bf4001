"""A small virtual machine with a distribution's kernel, where this machine's own kernel lacks a driver.

It boots in seconds, sees the whole file system of this machine through a read-only overlay, runs one command and ends.
The kernel is a package unpacked into a folder, named by ``FARMWATCH_VM_KERNEL``::

    apt-get download linux-image-6.1.0-56-amd64 && dpkg -x linux-image-*.deb /var/tmp/fw-kernel
    FARMWATCH_VM_KERNEL=/var/tmp/fw-kernel pytest tests/agent/test_devices.py

It is emulated (TCG), not virtualised: a machine inside a virtual machine often cannot be, and a minute is enough.

Programs: qemu-system-x86_64, busybox (static), cpio.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PROGRAMS", "Machine", "Ran", "kernel_folder"]

PROGRAMS = ("qemu-system-x86_64", "busybox", "cpio")
_BOOT_MODULES = (
    "virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "netfs", "fscache",
    "9pnet", "9pnet_virtio", "9p", "overlay",
)  # fmt: skip
_INIT = """#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in {modules}; do insmod /mod/$module.ko || echo "no $module"; done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,ro,cache=loose host /ro
mount -t tmpfs tmpfs /rw; mkdir /rw/up /rw/work
mount -t overlay overlay -o lowerdir=/ro,upperdir=/rw/up,workdir=/rw/work /new
mkdir -p /new/lib/modules /new{out}
mount --bind /new{kernel}/lib/modules /new/lib/modules
mount -t 9p -o trans=virtio,version=9p2000.L out /new{out}
mount -t proc proc /new/proc; mount -t sysfs sys /new/sys; mount -t devtmpfs dev /new/dev
mount -t tmpfs tmpfs /new/run
chroot /new /bin/busybox sh {out}/run.sh > /new{out}/stdout 2> /new{out}/stderr
echo $? > /new{out}/code
sync; poweroff -f
"""


@dataclass(frozen=True)
class Ran:
    """How a command in the machine ended."""

    code: int
    stdout: str
    stderr: str
    console: str


def kernel_folder() -> Path | None:
    """The folder of the unpacked kernel package; None where none is named or it holds no kernel."""
    named = os.environ.get("FARMWATCH_VM_KERNEL")
    folder = Path(named) if named else None
    return folder if folder and list(folder.glob("boot/vmlinuz-*")) else None


class Machine:
    """A machine that is booted for one script."""

    def __init__(self, kernel: Path, folder: Path, devices: Sequence[str] = ()) -> None:
        """``folder`` is shared with the machine at the same path; ``devices`` are QEMU's ``-device`` values."""
        self.kernel = kernel.resolve()
        self.folder = folder.resolve()
        self.devices = devices

    def run(self, script: str, timeout: float = 300) -> Ran:
        """Boot, run a shell script as root, end; its ``modprobe`` is busybox's."""
        (self.folder / "run.sh").write_text(f"modprobe() {{ busybox modprobe $1; }}\nset -e\n{script}\n")
        image = self.folder / "initramfs"
        self._make_image(image)
        (boot,) = self.kernel.glob("boot/vmlinuz-*")
        command = [
            "qemu-system-x86_64", "-accel", "tcg", "-m", "1536", "-smp", "1", "-display", "none", "-vga", "none",
            "-no-reboot", "-nic", "none", "-serial", "stdio", "-monitor", "none",
            "-kernel", str(boot), "-initrd", str(image), "-append", "console=ttyS0 quiet panic=-1",
            "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
            "-virtfs", f"local,path={self.folder},mount_tag=out,security_model=none",
        ]  # fmt: skip
        for device in self.devices:
            command += ["-device", device]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
        console = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")

        def text(name: str) -> str:
            path = self.folder / name
            return path.read_text("utf-8", "replace") if path.exists() else ""

        return Ran(int(text("code") or -1), text("stdout"), text("stderr"), console)

    def _make_image(self, image: Path) -> None:
        """The first file system: busybox, the modules to reach this machine's files, and a script."""
        (modules,) = self.kernel.glob("lib/modules/*")
        if not (modules / "modules.dep").exists():
            subprocess.run(["busybox", "depmod", "-b", self.kernel, modules.name], check=True)
        root = self.folder / "root"
        for name in ("bin", "mod", "new", "proc", "sys", "dev", "ro", "rw"):
            (root / name).mkdir(parents=True, exist_ok=True)
        (root / "bin/busybox").write_bytes(Path("/bin/busybox").read_bytes())
        (root / "bin/busybox").chmod(0o755)
        for module in _BOOT_MODULES:
            (found,) = modules.rglob(f"{module}.ko")
            (root / "mod" / found.name).write_bytes(found.read_bytes())
        init = root / "init"
        init.write_text(
            _INIT.format(
                modules=" ".join(_BOOT_MODULES), out=shlex.quote(str(self.folder)), kernel=shlex.quote(str(self.kernel))
            )
        )
        init.chmod(0o755)
        names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
        with image.open("wb") as file:
            subprocess.run(
                ["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, input=names.encode(), stdout=file, check=True
            )
