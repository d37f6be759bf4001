"""What a device sees around it: gateways, access points, neighbours, addresses, its position."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farmwatch.simulation.chunk import HOME, HOTEL, MOBILE, OFFICE, SPACE, Chunk
from farmwatch.simulation.lines import Events, concatenated, events, json_lines
from farmwatch.simulation.texts import hexed, ipv4, ipv6, macs
from farmwatch.simulation.towns import cities

__all__ = ["gateway", "local_address", "location", "neighbour", "sightings", "station", "stations_known"]

Ints = NDArray[np.int64]
_ROUTERS = (0x50C7BF, 0xA040A0, 0x04D4C4, 0x149182, 0x3894ED, 0xF0F249, 0x9CC9EB, 0xC8D719, 0x60D02C, 0x4CED24)
_ACCESS_POINTS = (0xF09FC2, 0x00A742, 0x6CB2AE, 0x24F27F)
_STICKS = (0x001E10, 0x0C5B8F, 0x344B50)
_THINGS = (0x3C0754, 0xF4F5D8, 0x001788, 0x5CAAFD, 0x641CAE, 0x8CF5A3, 0xA4C138, 0x001132, 0x30055C)
_BOARDS = (0xB827EB, 0xDCA632, 0xE45F01, 0xD83ADD, 0x2CCF67)
_BOXES = {0: 0xDCA632, 1: 0x305253, 2: 0x48DA35, 3: 0x9483C4, 4: 0x04C98B, 5: 0xE45F01}  # by KVM model
_LAPTOPS = (0xF4D488, 0x8C1645, 0x40A8F0, 0xA4C3F0, 0x3C58C2)
_LOCAL_BIT = 0x020000000000


def _mac(chunk: Chunk, name: str, makers: tuple[int, ...], *keys: Any) -> NDArray[np.uint64]:
    """Link-layer addresses of one of some makers."""
    bits = chunk.world.dice.raw(name, *keys)
    maker = np.array(makers, np.uint64)[(bits % np.uint64(len(makers))).astype(np.int64)]
    return np.asarray(maker << np.uint64(24) | (bits >> np.uint64(40)))


def gateway(chunk: Chunk, link: NDArray[Any], kind: NDArray[Any]) -> NDArray[np.uint64]:
    """Address of the gateway on a link; a phone makes one up, a stick has a maker."""
    stick = (link >= 1 << 40) & (kind != MOBILE)
    found = np.where(kind == OFFICE, _mac(chunk, "switch", _ACCESS_POINTS, link), _mac(chunk, "router", _ROUTERS, link))
    found = np.where(stick, _mac(chunk, "stick", _STICKS, link), found)
    phone = (chunk.world.dice.raw("phone", link) & np.uint64(0xFCFFFFFFFFFF)) | np.uint64(_LOCAL_BIT)
    return np.where(kind == MOBILE, phone, found)


def station(chunk: Chunk, at: Events) -> NDArray[np.uint64]:
    """Address of the access point a device is on: at home mostly the same one, elsewhere whichever is near."""
    link, kind, site = at.of(chunk.link), at.of(chunk.kind), at.of(chunk.site)
    radio = chunk.world.dice.whole("radio", 2, chunk.at[at.device])
    moves = at.of(chunk.carried) & (at.share("roams") < 0.1)
    home = _mac(chunk, "bssid", _ROUTERS, link, np.where(moves, 1 - radio, radio))
    many = np.select([kind == OFFICE, kind == HOTEL], [24, 10], 4)
    shared = _mac(chunk, "ap", _ACCESS_POINTS, site, chunk.world.dice.whole("near", many, *at.keys()))
    found = np.where((kind == OFFICE) | (kind == HOTEL) | (kind == SPACE), shared, home)
    hidden = at.of(chunk.evades("random-bssid"))
    made_up = chunk.world.dice.raw("changing ap", chunk.at[at.device], at.day)
    changing = (made_up & np.uint64(0xFCFFFFFFFFFF)) | np.uint64(_LOCAL_BIT)
    return np.where(hidden | (kind == MOBILE), changing, found)


def stations_known(chunk: Chunk, at: Events) -> NDArray[np.bool_]:
    """Whether the device hears access points at all: not on a cable, not on a stick."""
    return np.asarray(~at.of(chunk.wired) & ~at.of(chunk.evades("lte-sticks")))


def neighbour(chunk: Chunk, at: Events, which: Ints) -> NDArray[np.uint64]:
    """Address of another thing on the link; the first of a farm's are its boxes."""
    link, kind = at.of(chunk.link), at.of(chunk.kind)
    found = _mac(chunk, "thing", _THINGS, link, which)
    found = np.where(kind == OFFICE, _mac(chunk, "desk", _LAPTOPS, link, which), found)
    foreign = _mac(chunk, "other laptop", _LAPTOPS, link, which)
    box = at.of(chunk.of(chunk.world.model))
    own = np.array([_BOXES.get(number, 0) for number in range(-1, len(_BOXES))], np.uint64)[box + 1]
    boxed = own << np.uint64(24) | (chunk.world.dice.raw("box", chunk.at[at.device]) >> np.uint64(40))
    driven = at.of(chunk.driven) & (kind == HOME) & ~at.of(chunk.evades("lte-sticks"))
    found = np.where(driven, foreign, found)
    tinkerer = chunk.world.dice.whether("board at home", 0.03, link) & (kind == HOME) & (which == 0)
    found = np.where(tinkerer, _mac(chunk, "board", _BOARDS, link, which), found)
    board = driven & (which == 0) & at.of(chunk.hand("arp-bus", "zoom-control"))
    found = np.where(board, _mac(chunk, "board", _BOARDS, link, which), found)
    return np.where(
        (driven | at.of(chunk.has("kvm-hobbyist"))) & (which == 0) & (box >= 0) & (box < 4 + 2), boxed, found
    )


def local_address(chunk: Chunk, at: Events) -> pa.Array:
    """Address on the link, its first three parts the link's."""
    net, host = _inner(chunk, at)
    return ipv4(net + host)


def _inner(chunk: Chunk, at: Events) -> tuple[Ints, Ints]:
    link, kind = at.of(chunk.link), at.of(chunk.kind)
    third = chunk.world.dice.pick("subnet", (30, 40, 5, 5, 3, 3, 3, 2), link)
    homes = np.array([0, 1, 2, 50, 86, 100, 178, 254])[third]
    net = np.where(
        kind == OFFICE, (10 << 24) + (20 << 16) + (link % 250 << 8), (192 << 24) + (168 << 16) + (homes << 8)
    )
    net = np.where(kind == MOBILE, (172 << 24) + (20 << 16) + (10 << 8), net)
    return net, 20 + chunk.world.dice.whole("lease", 220, chunk.at[at.device], link)


def sightings(chunk: Chunk) -> pa.Array:
    """Rows of farmwatch's own table ``sightings``: what a sensor of the company's told of where the device is."""
    given = chunk.world.parameters
    days = chunk.there & (chunk.worked | chunk.awake[:, None]) & chunk.feed("sensor", given.sensor_feed)[:, None]
    seen = events(chunk, "sensor", 2.0, days)
    medium = pa.array(np.where(seen.of(chunk.wired), "wired", "wireless").tolist(), pa.string())
    base = {"device_id": seen.names(), "ts": seen.iso()}
    mac = macs(gateway(chunk, seen.of(chunk.link), seen.of(chunk.kind)))
    net, _ = _inner(chunk, seen)
    parts = [
        json_lines({**base, "kind": "public_ip", "value": ipv4(seen.of(chunk.address))}),
        json_lines({**base, "kind": "gateway_mac", "value": mac, "oui": _oui(mac), "medium": medium}),
        json_lines({**base, "kind": "gateway_ip", "value": ipv4(net + 1), "medium": medium}),
        json_lines({**base, "kind": "local_ip", "value": local_address(chunk, seen), "medium": medium}),
        json_lines({**base, "kind": "dns_server", "value": ipv4(net + 1)}),
    ]
    six = seen.where(seen.of(chunk.six))
    inside = chunk.world.dice.raw("iid", chunk.at[six.device], six.day)
    prefix = chunk.world.dice.raw("prefix", six.of(chunk.site))
    parts.append(
        json_lines({"device_id": six.names(), "ts": six.iso(), "kind": "public_ip", "value": ipv6(prefix, inside)})
    )
    heard = seen.where(stations_known(chunk, seen))
    mac = macs(station(chunk, heard))
    parts.append(
        json_lines(
            {
                "device_id": heard.names(), "ts": heard.iso(), "kind": "bssid", "value": mac, "oui": _oui(mac),
                "medium": "wireless",
            }
        )
    )  # fmt: skip
    for which in range(3):
        near = seen.where(seen.slot == 0)
        mac = macs(neighbour(chunk, near, np.full(len(near), which)))
        hidden = hexed(
            chunk.world.dice.raw("hidden", neighbour(chunk, near, np.full(len(near), which)).astype(np.int64))
        )
        parts.append(
            json_lines(
                {"device_id": near.names(), "ts": near.iso(), "kind": "neighbour", "value": hidden, "oui": _oui(mac)}
            )
        )
    return concatenated(parts)


def _oui(mac: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.utf8_slice_codeunits(mac, 0, 8)


def location(chunk: Chunk) -> pa.Array:
    """Rows of ``location``: position by Wi-Fi, within a kilometre of the town's place."""
    given = chunk.world.parameters
    days = chunk.worked & chunk.feed("location", given.location_feed)[:, None]
    told = events(chunk, "position", 1.0, days)
    town, site = told.of(chunk.town), told.of(chunk.site)
    dice = chunk.world.dice
    latitude = cities().latitude[town] + dice.normal("north", 0, 0.08, site) + 0.001 * told.share("n")
    longitude = cities().longitude[town] + dice.normal("east", 0, 0.1, site) + 0.001 * told.share("e")
    country = pa.array(cities().countries).take(pa.array(town))
    return json_lines(
        {
            "device_id": told.names(), "ts": told.iso(), "method": "wifi", "latitude": np.round(latitude, 4),
            "longitude": np.round(longitude, 4), "accuracy_m": np.round(30 + 200 * told.share("radius"), 1),
            "place_country": country,
        }
    )  # fmt: skip
