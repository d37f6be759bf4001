"""A /sys, /proc and /etc of a laptop, written to a folder: what the kernel's documentation says each file holds."""

from __future__ import annotations

from pathlib import Path

from tests.wire.hardware.devices import (
    ABSOLUTE_POINTER,
    BOOT_MOUSE,
    KERNEL_KEYBOARD,
    PIKVM_EDID,
    Function,
    usb,
)

GADGET_USB = usb(
    0x1D6B, 0x0104,
    [Function((3, 1, 1), 5, report_bytes=63), Function((3, 0, 0), 6, report_bytes=len(ABSOLUTE_POINTER), country=33)],
)  # fmt: skip
LETTERS = "10000 7 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe"  # capability bitmap of a full keyboard
PCI = "sys/devices/pci0000:00/0000:00:14.0/usb1"


def write(root: Path, path: str, value: str | bytes) -> None:
    """One file with its folders."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(value if isinstance(value, bytes) else f"{value}\n".encode())


def lines(*texts: str) -> str:
    """A table of the kernel's."""
    return "\n".join(texts)


def link(root: Path, path: str, target: str) -> None:
    """A symbolic link inside the tree, relative as the kernel's are."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / target).mkdir(parents=True, exist_ok=True)
    (root / path).symlink_to(root / target)


def gadget(root: Path) -> None:
    """A remote-control box on port 2 with keyboard and absolute pointer."""
    place = f"{PCI}/1-2"
    for name, value in {
        "idVendor": "1d6b", "idProduct": "0104", "manufacturer": "PiKVM", "product": "PiKVM Composite Device",
        "serial": "CAFEBABE", "speed": "480", "removable": "removable",
    }.items():  # fmt: skip
        write(root, f"{place}/{name}", value)
    write(root, f"{place}/descriptors", GADGET_USB)
    link(root, "sys/bus/usb/devices/1-2", place)
    for number, descriptor in enumerate((KERNEL_KEYBOARD, ABSOLUTE_POINTER)):
        write(root, f"{place}/1-2:1.{number}/interface", "HID Interface")
        hid = f"{place}/1-2:1.{number}/0003:1D6B:0104.000{number + 1}"
        write(root, f"{hid}/report_descriptor", descriptor)
        write(root, f"{hid}/uevent", "HID_NAME=PiKVM PiKVM Composite Device")
        link(root, f"sys/bus/hid/devices/0003:1D6B:0104.000{number + 1}", hid)
    link(root, "sys/bus/usb/devices/usb1", PCI)
    link(root, "sys/bus/usb/devices/1-2:1.0", f"{place}/1-2:1.0")


def event(root: Path, number: int, device: str, bus: str, ids: tuple[str, str], bits: dict[str, str]) -> None:
    """One event node of a device below /sys/devices."""
    place = f"sys/devices/{device}/input/input{number}"
    write(root, f"{place}/id/bustype", bus)
    write(root, f"{place}/id/vendor", ids[0])
    write(root, f"{place}/id/product", ids[1])
    for kind in ("key", "rel", "abs"):
        write(root, f"{place}/capabilities/{kind}", bits.get(kind, "0"))
    link(root, f"{place}/event{number}/device", place)
    link(root, f"sys/class/input/event{number}", f"{place}/event{number}")


def laptop(root: Path) -> Path:
    """A laptop with a panel, a box on HDMI and USB, a Bluetooth mouse, a made-up keyboard, lid, battery and network."""
    gadget(root)
    mouse = "sys/devices/virtual/misc/uhid/0005:004C:0269.0003"
    write(root, f"{mouse}/report_descriptor", BOOT_MOUSE)
    write(root, f"{mouse}/uevent", "HID_NAME=Anna's Mouse")
    link(root, "sys/bus/hid/devices/0005:004C:0269.0003", mouse)
    made = "sys/devices/virtual/misc/uhid/0006:1234:5678.0004"
    write(root, f"{made}/report_descriptor", KERNEL_KEYBOARD)
    link(root, "sys/bus/hid/devices/0006:1234:5678.0004", made)
    for connector, status, edid in (
        ("card0-eDP-1", "connected", b""),
        ("card0-HDMI-A-1", "connected", PIKVM_EDID),
        ("card0-DP-1", "disconnected", b""),
    ):
        write(root, f"sys/class/drm/{connector}/status", status)
        write(root, f"sys/class/drm/{connector}/edid", edid)
    for supply, values in {
        "AC": {"type": "Mains", "online": "1"},
        "BAT0": {"type": "Battery", "present": "1", "capacity": "80", "cycle_count": "3", "status": "Not charging"},
        "hidpp_battery_0": {"type": "Battery", "scope": "Device", "capacity": "50"},
    }.items():
        for name, value in values.items():
            write(root, f"sys/class/power_supply/{supply}/{name}", value)
    write(root, "proc/acpi/button/lid/LID0/state", "state:      closed")
    event(root, 0, "platform/i8042/serio0", "0011", ("0001", "0001"), {"key": LETTERS})
    event(root, 1, "pci0000:00/usb1/1-2/1-2:1.1/0003:1D6B:0104.0002", "0003", ("1d6b", "0104"),
          {"key": "ff0000 0 0 0 0", "abs": "3", "rel": "900"})  # fmt: skip
    event(
        root, 2, "virtual/misc/uhid/0005:004C:0269.0003", "0005", ("004c", "0269"), {"key": "70000 0 0 0 0", "rel": "3"}
    )
    event(root, 3, "virtual", "0006", ("1234", "5678"), {"key": LETTERS})
    event(root, 4, "LNXSYSTM:00/PNP0C0C:00", "0019", ("0000", "0001"), {"key": "10000000000000 0"})  # power button
    write(root, "etc/machine-id", "0123456789abcdef0123456789abcdef")
    write(root, "etc/os-release", 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"')
    write(root, "proc/stat", "cpu  1 2 3\nbtime 1790924400\nprocesses 5")
    for name, value in {"sys_vendor": "LENOVO", "product_name": "21CB", "product_serial": "Default string",
                        "product_uuid": "4C4C4544-0042-4A10-8052-B4C04F4D3132"}.items():  # fmt: skip
        write(root, f"sys/class/dmi/id/{name}", value)
    network(root)
    return root


def network(root: Path) -> None:
    """One wired interface with a gateway, two neighbours and a tunnel; sockets of two programs."""
    write(root, "sys/devices/pci0000:00/net/eth0/address", "F4:D4:88:00:11:19")
    write(root, "sys/devices/pci0000:00/net/eth0/type", "1")
    link(root, "sys/class/net/eth0", "sys/devices/pci0000:00/net/eth0")
    write(root, "sys/devices/virtual/net/tun0/address", "")
    write(root, "sys/devices/virtual/net/tun0/type", "65534")
    link(root, "sys/class/net/tun0", "sys/devices/virtual/net/tun0")
    write(root, "proc/net/route", lines(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
        "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0",
        "tun0\t00000000\t0100000A\t0003\t0\t0\t50\t00000000\t0\t0\t0",
        "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0",
    ))  # fmt: skip
    write(root, "proc/net/arp", lines(
        "IP address       HW type     Flags       HW address            Mask     Device",
        "192.168.1.1      0x1         0x2         94:83:c4:00:00:01     *        eth0",
        "192.168.1.20     0x1         0x2         30:52:53:AB:CD:EF     *        eth0",
        "192.168.1.21     0x1         0x0         00:00:00:00:00:00     *        eth0",
    ))  # fmt: skip
    write(root, "proc/net/fib_trie", lines(
        "Main:", "  +-- 0.0.0.0/0 3 0 5", "     |-- 192.168.1.57", "        /32 host LOCAL", "     |-- 127.0.0.1",
        "        /32 host LOCAL", "     |-- 192.168.1.255", "        /32 link BROADCAST",
    ))  # fmt: skip
    write(root, "proc/net/if_inet6", "fd000000000000000000000000000002 02 40 00 80     eth0\n"
          "fe800000000000000000000000000001 02 40 20 80     eth0")  # fmt: skip
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    rest = "00000000:00000000 00:00000000 00000000  1000        0"
    write(root, "proc/net/tcp", lines(
        head,
        f"   0: 00000000:170C 00000000:0000 0A {rest} 111 1 0 100 0 0 10 0",
        f"   1: 3901A8C0:C3C0 076433C6:01BB 01 {rest} 222 1 0 20 4 30 10 -1",
        f"   2: 0100007F:1F90 0100007F:C000 01 {rest} 333 1 0 20 4 30 10 -1",
        f"   3: 3901A8C0:C3C2 076433C6:01BB 06 {rest} 0 1 0 20 4 30 10 -1",
    ))  # fmt: skip
    write(root, "proc/net/tcp6", lines(
        head, f"   0: 0000000000000000FFFF00003901A8C0:0016 0000000000000000FFFF0000076433C6:D431 01 {rest} 444 1 0 0",
    ))  # fmt: skip
    write(root, "proc/net/udp", lines(head, f"  10: 00000000:14E9 00000000:0000 07 {rest} 555 2 0 0"))
    write(root, "proc/net/udp6", head)
    for pid, exe, inodes in ((900, "/home/anna/bin/x11vnc", (111,)), (812, "/usr/bin/anydesk", (222, 444))):
        (root / f"proc/{pid}/fd").mkdir(parents=True)
        (root / f"proc/{pid}/exe").symlink_to(exe)
        write(root, f"proc/{pid}/comm", exe.rpartition("/")[2])
        for number, inode in enumerate(inodes):
            (root / f"proc/{pid}/fd/{number}").symlink_to(f"socket:[{inode}]")
        (root / f"proc/{pid}/fd/9").symlink_to("/dev/null")
