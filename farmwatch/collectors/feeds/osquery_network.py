"""Sockets, interfaces, neighbours and names in osquery's tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.columns import (
    addresses,
    each,
    file_names,
    filled,
    first_of,
    hardware_addresses,
    lowered,
    masked_paths,
    times,
    whole,
)
from farmwatch.collectors.feeds.osquery_rows import UNSPECIFIED, Rows, mapped, mask, medium_of, of_protocol
from farmwatch.records import DeviceFact, DeviceLocation, DnsLookup, Sighting, Socket

__all__ = [
    "gateways", "interfaces", "listeners", "lookups", "neighbours", "open_sockets", "socket_events", "wifi",
]  # fmt: skip

_SOCKET_STATES = {
    "listen": "listening", "syn_sent": "attempted", "syn_recv": "attempted", "syn_received": "attempted",
    "time_wait": "closed", "close": "closed", "closed": "closed", "fin_wait1": "closed", "fin_wait2": "closed",
    "fin_wait_1": "closed", "fin_wait_2": "closed", "last_ack": "closed", "closing": "closed",
}  # fmt: skip
_SOCKET_ACTIONS = {
    "connect": "connected", "accept": "accepted", "accept4": "accepted", "bind": "listening", "listen": "listening",
    "close": "closed",
}  # fmt: skip
_NO_ADDRESS = pa.array(["", "0.0.0.0", "::", "*", "0", "::ffff:0.0.0.0"])  # noqa: S104 - not bound to either
_LOCAL = r"^(127\.|::1$|fe80:|169\.254\.)"


def _behind(rows: Rows) -> dict[str, Any]:
    path = filled(rows["path"])
    return {
        "process": file_names(first_of(path, rows["name"], rows["process_name"])),
        "path": masked_paths(path),
        "pid": whole(rows["pid"]),
        "proto": of_protocol(rows["protocol"]),
    }


def open_sockets(rows: Rows) -> None:
    """``process_open_sockets``: connections, and sockets that wait."""
    local_p, remote_p = _ports(rows["local_port"]), _ports(rows["remote_port"])
    far = pc.is_in(pc.utf8_trim_whitespace(pc.fill_null(rows["remote_address"], "")), _NO_ADDRESS)
    remote = pc.if_else(far, pa.scalar(None, pa.string()), addresses(rows["remote_address"]))
    told = mapped(rows["state"], _SOCKET_STATES, lambda _: None)
    state = pc.if_else(pc.is_null(remote), "listening", pc.fill_null(told, "connected"))
    state = pc.if_else(pa.array(rows.removed), "closed", state)
    unix = mask(pc.and_(pc.is_null(local_p), pc.is_null(remote_p)))
    rows.unneeded(unix, "socket without a port")
    rows.add(
        Socket,
        {
            **_behind(rows), "state": state, "local_h": addresses(rows["local_address"]), "local_p": local_p,
            "remote_h": remote, "remote_p": pc.if_else(pc.is_null(remote), pa.scalar(None, pa.int64()), remote_p),
        },
        ~unix,
    )  # fmt: skip


def socket_events(rows: Rows) -> None:
    """``socket_events``: what programs did with sockets."""
    state = mapped(rows["action"], _SOCKET_ACTIONS, lambda _: None)
    status = lowered(rows["status"])
    failed = pc.or_(
        pc.fill_null(pc.equal(status, "failed"), False), pc.fill_null(pc.equal(rows["success"], "0"), False)
    )
    pending = pc.fill_null(pc.is_in(status, pa.array(["in_progress", "no_client"])), False)
    state = pc.if_else(pc.and_(pending, pc.equal(state, "connected")), "attempted", state)
    state = pc.if_else(pc.and_(failed, pc.is_valid(state)), "failed", state)
    local_p, remote_p = _ports(rows["local_port"]), _ports(rows["remote_port"])
    keep = pc.and_(pc.is_valid(state), pc.or_(pc.is_valid(local_p), pc.is_valid(remote_p)))
    used = mask(keep)
    rows.unneeded(~used, "socket event of another kind")
    far = pc.is_in(pc.utf8_trim_whitespace(pc.fill_null(rows["remote_address"], "")), _NO_ADDRESS)
    rows.add(
        Socket,
        {
            **_behind(rows), "ts": first_of(times(rows["time"]), rows.time()), "state": state,
            "local_h": addresses(rows["local_address"]), "local_p": local_p,
            "remote_h": pc.if_else(far, pa.scalar(None, pa.string()), addresses(rows["remote_address"])),
            "remote_p": remote_p, "outbound": pc.if_else(
                pc.is_in(lowered(rows["action"]), pa.array(["connect"])), True, pa.scalar(None, pa.bool_())
            ),
        },
        used,
    )  # fmt: skip


def listeners(rows: Rows) -> None:
    """``listening_ports``."""
    port = _ports(rows["port"])
    used = mask(pc.is_valid(port))
    rows.unneeded(~used, "socket without a port")
    state = pc.if_else(pa.array(rows.removed), "closed", "listening")
    values = {**_behind(rows), "state": state, "local_h": addresses(rows["address"]), "local_p": port}
    rows.add(Socket, values, used)


def _ports(values: pa.Array) -> pa.Array:
    numbers = whole(values)
    sound = pc.and_(pc.greater(numbers, 0), pc.less(numbers, 65536))
    return pc.if_else(sound, numbers, pa.scalar(None, pa.int64()))


def interfaces(rows: Rows) -> None:
    """``interface_details`` and ``interface_addresses``: the device's own addresses, and its resolvers on Windows."""
    mac, address = hardware_addresses(rows["mac"]), addresses(rows["address"])
    local = pc.fill_null(pc.match_substring_regex(address, _LOCAL), False)
    address = pc.if_else(local, pa.scalar(None, pa.string()), address)
    medium, interface = medium_of(rows["type"]), filled(first_of(rows["friendly_name"], rows["interface"]))
    near = mask(pc.is_valid(address))
    known = near | mask(pc.is_valid(mac))
    shared = {"kind": "local_ip", "value": address, "interface": interface, "medium": medium}
    rows.add(Sighting, shared, near)
    rows.add(DeviceFact, {"macs": mac, "addresses": address}, known)
    listed = rows["dns_server_search_order"]
    served = [
        (position, part.strip())
        for position, text in enumerate(listed.to_pylist())
        if text
        for part in text.split(",")[:8]
    ]
    if served:
        server = addresses(pa.array([text for _, text in served], pa.string()))
        good = mask(pc.is_valid(server))
        positions = np.array([position for position, _ in served])[good]
        values = {"kind": "dns_server", "value": server.filter(pa.array(good))}
        _several(rows, Sighting, values, positions)
        known[positions] = True
    rows.unneeded(~known, "interface without an address of its own")


def _several(rows: Rows, record: type[Any], values: dict[str, Any], positions: NDArray[Any]) -> None:
    """Table rows of which one result row may give several: values are of the table rows, not of the result rows."""
    origin = rows.where[positions]
    base = {name: column.take(pa.array(origin)) for name, column in rows.base.items()}
    rows.output.add(record, {**base, **values}, origin)


def gateways(rows: Rows) -> None:
    """``routes``: the default one, with the gateway's link-layer address where the query joined it."""
    target = pc.utf8_trim_whitespace(pc.fill_null(rows["destination"], ""))
    default = pc.is_in(target, pa.array(["0.0.0.0", "default", "::", "0.0.0.0/0", "::/0"]))  # noqa: S104 - a route
    wide = pc.or_(pc.is_null(rows["netmask"]), pc.is_in(pc.utf8_trim_whitespace(rows["netmask"]), pa.array(["0", ""])))
    gateway, mac = addresses(rows["gateway"]), hardware_addresses(rows["gateway_mac"])
    none = pc.is_in(gateway, UNSPECIFIED)
    usable = pc.and_(pc.and_(default, wide), pc.invert(pc.fill_null(none, False)))
    at = mask(pc.and_(usable, pc.is_valid(gateway)))
    by = mask(pc.and_(usable, pc.is_valid(mac)))
    interface = filled(rows["interface"])
    rows.add(Sighting, {"kind": "gateway_ip", "value": gateway, "interface": interface}, at)
    rows.add(Sighting, {"kind": "gateway_mac", "value": mac, "oui": _oui(mac), "interface": interface}, by)
    rows.unneeded(~(at | by), "route that is not the default one")


def neighbours(rows: Rows) -> None:
    """``arp_cache``: who else is in the network, hidden."""
    mac = hardware_addresses(rows["mac"])
    many = pc.match_substring_regex(mac, "^.[13579bdf]")  # the group bit: multicast is nobody's address
    near = mask(pc.fill_null(pc.invert(many), False))
    rows.unneeded(~near, "neighbour without an address")
    rows.add(
        Sighting,
        {
            "kind": "neighbour",
            "value": rows.context.hide_all(mac),
            "oui": _oui(mac),
            "interface": filled(rows["interface"]),
        },
        near,
    )


def _oui(macs: pa.Array) -> pa.Array:
    return pc.utf8_slice_codeunits(macs, 0, 8)


def wifi(rows: Rows) -> None:
    """``wifi_status``: the access point it uses, and the country the radio was told."""
    bssid, country = hardware_addresses(rows["bssid"]), pc.utf8_upper(filled(rows["country_code"]))
    known = mask(pc.is_valid(bssid))
    place = pc.fill_null(pc.match_substring_regex(country, "^[A-Z]{2}$"), False)
    placed = mask(pc.and_(place, pc.not_equal(country, "XX")))
    rows.add(
        Sighting,
        {
            "kind": "bssid",
            "value": bssid,
            "oui": _oui(bssid),
            "interface": filled(rows["interface"]),
            "medium": "wireless",
        },
        known,
    )
    rows.add(DeviceLocation, {"method": "wifi country code", "place_country": country}, placed)
    rows.unneeded(~(known | placed), "no wireless network")


def lookups(rows: Rows) -> None:
    """``dns_cache`` and ``dns_lookup_events``."""
    path = filled(rows["path"])
    name = pc.utf8_rtrim(lowered(rows["name"]), ".")
    rows.add(
        DnsLookup,
        {
            "ts": first_of(times(first_of(rows["time"], rows["datetime"])), rows.time()),
            "name": name,
            "qtype": pc.utf8_upper(filled(rows["type"])),
            "process": file_names(path),
            "path": masked_paths(path),
            "answers": each(_answers, rows["response"]),
        },
    )


def _answers(text: str) -> str | None:
    parts = [part.strip() for part in text[:4096].replace(",", ";").split(";")]
    found = [value for value in addresses(pa.array(parts, pa.string())).to_pylist() if value]
    return ",".join(dict.fromkeys(found[:8])) or None
