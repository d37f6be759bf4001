"""What sign-in logs tell of the client: its name, program, system and address, without what tells of the person.

User agents may carry a language; only the words for the program and for the system are kept. A device name that is not
a host name (``Somebody's iPhone``) is left out: the sender's own number of the device stands for it.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.columns import addresses, each
from farmwatch.collectors.feeds.hosts import device_name
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import DeviceFact, Sighting, SignIn

__all__ = [
    "add_device_facts",
    "add_sign_ins",
    "chained",
    "device_id_of",
    "device_ids",
    "outer_addresses",
    "programs",
    "speaks",
    "systems",
]

_HOST = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}|[0-9.]+|[0-9a-f:.]*:[0-9a-f:.]*")
_PROGRAMS = (
    ("edge", ("edg/", "edga/", "edgios/", "edge")),
    ("opera", ("opr/", "opera")),
    ("samsung internet", ("samsungbrowser", "samsung internet")),
    ("firefox", ("firefox", "fxios/")),
    ("teams", ("teams",)),
    ("outlook", ("outlook",)),
    ("okta verify", ("okta-verify", "oktaverify", "okta verify")),
    ("chrome", ("chrome", "crios/")),
    ("internet explorer", ("msie ", "trident/", "internet explorer", "ie ")),
    ("safari", ("safari",)),
)  # the narrow ones first: nearly all user agents also name the browsers they wish to pass for
_SYSTEMS = (
    ("ios", ("iphone", "ipad", "ios", "cpu os ")),
    ("android", ("android",)),
    ("chromeos", ("cros ", "chrome os", "chromeos", "chrome_os")),
    ("windows", ("windows", "win32", "win64")),
    ("macos", ("mac os", "macos", "macintosh", "os x", "darwin", "mac ")),
    ("linux", ("linux", "ubuntu", "x11", "fedora", "debian")),
)
_PRODUCT = re.compile(r"([A-Za-z][A-Za-z .+_-]{1,39}?)(?:/|\s+v?[0-9]|$)")
_LANGUAGE = re.compile(r"[;( ]\s*[a-z]{2}[-_][A-Za-z]{2}\s*[;)]")
_INNER = tuple(
    ip_network(net)
    for net in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
_LONGEST_AGENT = 2048


def device_ids(names: pa.Array, fallback: pa.Array | None = None) -> pa.Array:
    """Device ids from host names: lower case, without domain; an address stays. Else the sender's number of the device.

    Args:
        names: host names, or what people call their device.
        fallback: the sender's number of it.
    """
    found = each(device_id_of, names)
    return found if fallback is None else pc.coalesce(found, fallback)


def device_id_of(name: str) -> str | None:
    """A host name by the one rule for it; no value for what is no host name."""
    found = device_name(name)
    return found if found is not None and _HOST.fullmatch(found) else None


def programs(values: pa.Array) -> pa.Array:
    """The program's name in a user agent or a browser field, lower case; nothing else of it."""
    return each(_program, values)


def _program(agent: str) -> str | None:
    text = agent[:_LONGEST_AGENT].lower()
    for name, signs in _PROGRAMS:
        if any(sign in text for sign in signs):
            return name
    product = _PRODUCT.match(text)
    word = product.group(1).strip() if product else ""
    return None if word in ("", "mozilla", "unknown") else word


def systems(values: pa.Array) -> pa.Array:
    """The operating system's name in a user agent or a system field: windows, macos, linux, ios, android, chromeos."""
    return each(_system, values)


def _system(agent: str) -> str | None:
    text = agent[:_LONGEST_AGENT].lower()
    return next((name for name, signs in _SYSTEMS if any(sign in text for sign in signs)), None)


def speaks(agents: pa.Array) -> int:
    """How many user agents carry a language, which is not kept."""
    told = each(lambda agent: _LANGUAGE.search(agent[:_LONGEST_AGENT]) is not None, agents, pa.bool_())
    return int(pc.sum(told).as_py() or 0)


def outer_addresses(values: pa.Array) -> pa.Array:
    """Addresses as the internet sees them; those of home networks, carriers' inner networks and links have no value."""
    return each(_outer, values)


def _outer(text: str) -> str | None:
    try:
        at = ip_address(text.strip())
    except ValueError:
        return None
    return None if any(at in net for net in _INNER if net.version == at.version) else str(at)


def chained(lists: pa.Array, beside: pa.Array) -> pa.Array:
    """Addresses of each list, comma separated, where there are others than the one beside it."""

    def joined(text: str) -> str | None:
        first, _, rest = text.partition("|")
        named = list(dict.fromkeys(filter(None, (_plain(part) for part in rest.split(",")))))
        return ",".join(named[:16]) if named and named != [first] else None

    texts = pc.binary_join(lists.cast(pa.list_(pa.string())), ",")
    return each(joined, pc.binary_join_element_wise(pc.fill_null(beside, ""), texts, "|"))


def _plain(text: str) -> str | None:
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        return None


def add_sign_ins(output: Output, columns: dict[str, Any], rows: NDArray[np.int64] | None = None) -> None:
    """Add sign-ins, and for those of a known device the address it was seen at.

    Args:
        output: takes the rows.
        columns: of :class:`~farmwatch.records.SignIn`; ``address`` as the sender spells it.
        rows: index of the record of each row.
    """
    columns["address"] = addresses(columns["address"])
    kept = output.add(SignIn, columns, rows)
    device = columns.get("device_id")
    if device is None or not len(kept):
        return
    outside = outer_addresses(columns["address"])
    both = pc.and_(pc.is_valid(device), pc.is_valid(outside)).to_numpy(zero_copy_only=False)
    seen = kept[both[kept]]
    if len(seen):
        at = pa.array(seen)
        record_id = columns.get("record_id")
        output.add(
            Sighting,
            {
                "device_id": device.take(at), "ts": columns["ts"].take(at), "kind": "public_ip",
                "record_id": None if record_id is None else record_id.take(at), "value": outside.take(at),
            },
            seen if rows is None else np.asarray(rows)[seen],
        )  # fmt: skip


def add_device_facts(output: Output, columns: dict[str, pa.Array], rows: NDArray[np.int64]) -> None:
    """Add what a sender says of devices, once in a stretch for each thing it says; rows without device are left out.

    Args:
        output: takes the rows.
        columns: arrays of :class:`~farmwatch.records.DeviceFact`.
        rows: index of the record of each row.
    """
    told = [values.to_pylist() for name, values in columns.items() if name not in ("ts", "record_id")]
    known = pc.and_(pc.is_valid(columns["device_id"]), pc.is_valid(columns["ts"])).to_pylist()
    first: dict[tuple[Any, ...], int] = {}
    for row, said in enumerate(zip(*told, strict=True)):
        if known[row]:
            first.setdefault(said, row)
    picked = np.array(list(first.values()), np.int64)
    at = pa.array(picked, pa.int64())
    output.add(DeviceFact, {name: values.take(at) for name, values in columns.items()}, rows[picked])
