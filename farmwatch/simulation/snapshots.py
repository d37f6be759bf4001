"""What agents on the device say of it: messages of farmwatch's own agent, and results of osquery."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.simulation.chunk import DAY_US, Chunk
from farmwatch.simulation.edid import edids
from farmwatch.simulation.hardware import plugged, screens
from farmwatch.simulation.lines import Events, concatenated, json_lines, once
from farmwatch.simulation.meetings import own_mac
from farmwatch.simulation.surroundings import gateway, local_address, neighbour, station, stations_known
from farmwatch.simulation.texts import dashed, hexed, joined, listed, macs, named, plain

__all__ = ["agent", "displays", "osquery"]

_MODELS = (
    ("Dell Inc.", "Latitude 7440", 0),
    ("LENOVO", "21HMCTO1WW", 0),
    ("HP", "HP EliteBook 840 14 inch G10 Notebook PC", 0),
    ("Microsoft Corporation", "Surface Laptop 5", 0),
    ("Apple Inc.", "MacBookPro18,3", 1),
    ("Apple Inc.", "Mac14,2", 1),
    ("LENOVO", "21CB", 2),
    ("Dell Inc.", "XPS 13 9310", 2),
)
_PLATFORMS = ("windows", "darwin", "linux")
_SYSTEMS = ("Microsoft Windows 11 Enterprise 10.0.26100", "macOS 15.6", "Ubuntu 24.04.3 LTS")


def _model(chunk: Chunk) -> NDArray[np.int64]:
    platform = chunk.of(chunk.world.platform)
    return np.select(
        [platform == 0, platform == 1],
        [chunk.world.dice.whole("laptop", 4, chunk.at), 4 + chunk.world.dice.whole("laptop", 2, chunk.at)],
        6 + chunk.world.dice.whole("laptop", 2, chunk.at),
    )


def _serials(chunk: Chunk, device: NDArray[np.int64]) -> pa.Array:
    return joined("SN", hexed(chunk.world.dice.raw("serial", chunk.at[device]), 8))


def _changes(chunk: Chunk, covered: NDArray[np.bool_], *, first: bool) -> Events:
    """Moments of messages: the first of a device, or those after it came to another link."""
    days = chunk.there & covered[:, None]
    seen = np.cumsum(days, axis=1)
    moved = np.zeros_like(days)
    moved[:, 1:] = chunk.link[:, 1:] != chunk.link[:, :-1]
    renamed = chunk.day == chunk.of(chunk.world.rename_day)[:, None]
    start = days & (seen == 1)
    which = start | (days & renamed) if first else days & moved & ~start & ~renamed
    return once(chunk, "message" if first else "moved", which, chunk.start + 5_000_000)


def agent(chunk: Chunk) -> pa.Array:
    """Messages of ``farmwatch agent``: everything at first, the network after each move."""
    whole = _changes(chunk, chunk.agent, first=True)
    net = _changes(chunk, chunk.agent, first=False)
    return concatenated([_message(whole, everything=True), _message(net, everything=False)])


def _message(at: Events, *, everything: bool) -> pa.Array:
    chunk, dice = at.chunk, at.chunk.world.dice
    if not len(at):
        return pa.array([], pa.string())
    pieces: list[pa.Array | str] = [
        '{"kind":"farmwatch-agent","version":1,"message_id":"',
        hexed(at.raw("message")),
        '","sequence":1,"device_id":"',
        at.names(),
        '","ts":"',
        at.iso(),
        '"',
    ]
    if everything:
        model = at.of(_model(chunk))
        boot = (at.ts - (at.share("up") * 4 * DAY_US).astype(np.int64)) // 1_000_000
        pieces += [
            ',"system":{"platform":"',
            named([_PLATFORMS[one[2]] for one in _MODELS], model),
            '","os":"',
            named([_SYSTEMS[one[2]] for one in _MODELS], model),
            '","vendor":"',
            named([one[0] for one in _MODELS], model),
            '","model":"',
            named([one[1] for one in _MODELS], model),
            '","serial":"',
            _serials(chunk, at.device),
            '","hardware_uuid":"',
            dashed(dice.raw("uuid", chunk.at[at.device])),
            '","boot_ts":',
            plain(boot),
            ',"macs":["',
            own_mac(chunk, at.device),
            '"]},"displays":[',
            _screens(at),
            "]",
        ]
    pieces += (
        [',"network":', _network(at), ',"power":{"on_mains":true}}\n']
        if everything
        else [',"network":', _network(at), "}\n"]
    )
    return joined(*pieces)


def _screens(at: Events) -> pa.Array:
    """EDIDs of the displays of each event's device."""
    chunk = at.chunk
    owners, texts = [], []
    for number, (word, model, has) in enumerate(screens(chunk)):
        rows = np.flatnonzero(at.of(has))
        if len(rows):
            bits = chunk.world.dice.raw(f"piece {word}", chunk.at[at.device[rows]])
            inside = word == "panel"
            connector = "card0-eDP-1" if inside else f"card0-DP-{1 + number % 4}"
            texts.append(
                joined(
                    f'{{"connector":"{connector}","internal":{str(inside).lower()},"edid":"', edids(model, bits), '"}'
                )
            )
            owners.append(rows)
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return listed(owner[order], len(at), pa.concat_arrays(texts).take(pa.array(order)))


def _network(at: Events) -> pa.Array:
    chunk = at.chunk
    own = local_address(chunk, at)
    mac = macs(gateway(chunk, at.of(chunk.link), at.of(chunk.kind)))
    medium = pa.array(np.where(at.of(chunk.wired), "wired", "wireless").tolist(), pa.string())
    near = []
    for which in range(3):
        found = neighbour(chunk, at, np.full(len(at), which))
        text = macs(found)
        near.append(
            joined(
                '{"oui":"',
                pc.utf8_slice_codeunits(text, 0, 8),
                '","hash":"',
                hexed(chunk.world.dice.raw("hidden", found.astype(np.int64))),
                '"}',
            )
        )
    hears = stations_known(chunk, at)
    stations = joined('"', macs(station(chunk, at)), '"')
    stations = pc.if_else(pa.array(hears), stations, "")
    first = pc.replace_substring_regex(own, r"\.\d+$", ".1")
    return joined(
        '{"gateways":[{"interface":"wlan0","medium":"',
        medium,
        '","address":"',
        first,
        '","mac":"',
        mac,
        '"}],"neighbours":[',
        near[0],
        ",",
        near[1],
        ",",
        near[2],
        '],"addresses":["',
        own,
        '"],"bssids":[',
        stations,
        "]}",
    )


def displays(chunk: Chunk) -> pa.Array:
    """Rows of ``displays`` of devices without the agent, as management software lists them."""
    parts = []
    for word, model, has in screens(chunk):
        days = (has & chunk.osquery)[:, None] & chunk.there
        at = once(chunk, f"screen {word}", days & (np.cumsum(days, axis=1) == 1), chunk.start)
        if not len(at):
            continue
        bits = chunk.world.dice.raw(f"piece {word}", chunk.at[at.device])
        apart = "#" in model.serial
        parts.append(
            json_lines(
                {
                    "device_id": at.names(), "ts": at.iso(), "connector": "internal" if word == "panel" else "external",
                    "internal": word == "panel", "vendor": model.vendor, "product_code": model.product,
                    "serial_text": hexed(bits, 8) if apart else model.serial or None,
                    "serial_number": model.number or None, "name": model.title or None, "week": model.week,
                    "year": model.year, "width": model.width, "height": model.height, "width_mm": model.width_mm,
                    "height_mm": model.height_mm,
                }
            )
        )  # fmt: skip
    return concatenated(parts)


def osquery(chunk: Chunk) -> pa.Array:
    """Osquery's results: the host, its USB devices, its battery."""
    at = _changes(chunk, chunk.osquery, first=True)
    if not len(at):
        return pa.array([], pa.string())
    model, dice = at.of(_model(chunk)), chunk.world.dice
    host = joined(
        '{"uuid":"',
        dashed(dice.raw("uuid", chunk.at[at.device])),
        '","hostname":"',
        at.names(),
        '.corp.example","hardware_vendor":"',
        named([one[0] for one in _MODELS], model),
        '","hardware_model":"',
        named([one[1] for one in _MODELS], model),
        '","hardware_serial":"',
        _serials(chunk, at.device),
        '","platform":"',
        named([_PLATFORMS[one[2]] for one in _MODELS], model),
        '","os":"',
        named([_SYSTEMS[one[2]] for one in _MODELS], model),
        '"}',
    )
    mains = pa.array(
        np.where(
            at.of(chunk.carried), np.where(at.share("mains") < 0.7, "AC Power", "Battery Power"), "AC Power"
        ).tolist()
    )
    worn = np.where(
        chunk.carried, 30 + dice.whole("cycles", 320, chunk.at), 3 + dice.whole("cycles", 320, chunk.at) // 20
    )
    charge = np.where(at.of(chunk.carried), 30 + at.whole("charge", 70), 100)
    battery = joined(
        '{"state":"', mains, '","percent_remaining":"', plain(charge), '","cycle_count":"', plain(at.of(worn)), '"}'
    )
    parts = [
        _result(at, "pack/farmwatch/fw_host", host),
        _result(at, "pack/farmwatch/fw_battery", battery),
        _result(at, "pack/farmwatch/fw_usb", _usb(at)),
    ]
    return concatenated(parts)


def _result(at: Events, name: str, rows: pa.Array) -> pa.Array:
    return joined(
        f'{{"name":"{name}","hostIdentifier":"', at.names(), '.corp.example","unixTime":', plain(at.ts // 1_000_000),
        ',"epoch":0,"counter":', plain(at.column), ',"numerics":false,"snapshot":[', rows, '],"action":"snapshot"}\n',
    )  # fmt: skip


def _usb(at: Events) -> pa.Array:
    """USB devices of each event's device as osquery lists them."""
    chunk = at.chunk
    owners, texts = [], []
    for number, (word, model, days) in enumerate(plugged(chunk)):
        rows = np.flatnonzero(at.of(days))
        if not len(rows):
            continue
        one = at.where(np.isin(np.arange(len(at)), rows))
        serial = model.serial
        if "#" in serial:
            before, _, after = serial.partition("#")
            told: pa.Array | str = joined(
                before, hexed(chunk.world.dice.raw(f"serial {word}", chunk.at[one.device]), 7), after
            )
        else:
            told = serial
        head = (
            f'{{"usb_address":"{number % 100}","usb_port":"{1 + number % 9}",'
            f'"vendor":"{model.maker}","vendor_id":"{model.vendor:04x}",'
            f'"version":"{model.revision:04x}","model":"{model.title}","model_id":"{model.product:04x}",'
            f'"class":"{int(model.device_class[:2], 16)}","removable":"{int(model.removable)}","serial":"'
        )
        line = joined(head, told, '"}')
        texts.append(line if isinstance(line, pa.Array) else pa.array([line.as_py()] * len(rows)))
        owners.append(rows)
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return listed(owner[order], len(at), pa.concat_arrays(texts).take(pa.array(order)))
