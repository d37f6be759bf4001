"""Who came in: logs of remote tools, remote desktop of Windows, and what a roster declares."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.simulation.chunk import ANONYMOUS, COMPANY, FOREIGN, HOUR_US, Chunk, block_address
from farmwatch.simulation.lines import Events, concatenated, events, json_lines, once
from farmwatch.simulation.power import windows_fed, windows_power
from farmwatch.simulation.texts import hexed, ipv4, iso, joined, numbered, plain
from farmwatch.simulation.toolkit import TOOLS, Use, uses, visits
from farmwatch.simulation.towns import ABROAD, cities, offsets
from farmwatch.simulation.world import World

__all__ = ["anydesk", "remote_tool_log", "roster", "windows_events"]


def _logged(chunk: Chunk) -> Iterator[tuple[int, Use]]:
    covered = chunk.feed("tool logs", chunk.world.parameters.tool_log_feed)[:, None]
    for number, use in enumerate(uses(chunk)):
        if TOOLS[use.tool].logs or use.tool == "chrome-remote-desktop":
            days = use.days & covered
            if days.any() and (use.incoming or use.outgoing):
                yield number, Use(use.tool, days, use.installed, use.incoming, use.attended, use.outgoing, use.stays)


def _far(at: Events, use: Use) -> tuple[pa.Array, pa.Array]:
    """Number and address of the far end: of farms a few hands abroad, of people a help desk or their own home."""
    chunk, dice = at.chunk, at.chunk.world.dice
    farm = at.of(chunk.of(chunk.world.farm))
    who = np.where(
        farm >= 0, (1 << 33) + farm * 4 + dice.whole("hand", 2, chunk.at[at.device]), at.device + chunk.first
    )
    helper = dice.whole("helper", 40, chunk.at[at.device], at.day)
    who = np.where((farm < 0) & use.attended, (1 << 34) + helper, who)
    number = plain(100_000_000 + (dice.raw("far id", who) % np.uint64(899_999_999)).astype(np.int64))
    abroad = block_address(FOREIGN, at.of(chunk.abroad) * 4096 + 300 + farm % 500)
    home = at.of(chunk.address)
    vpn = block_address(ANONYMOUS, dice.whole("hand exit", 45, farm) * 16 + 3)
    own = np.where(dice.whether("hand hidden", 0.5, farm), vpn, abroad)
    return number, ipv4(np.where(farm >= 0, own, np.where(use.attended, block_address(COMPANY, helper), home)))


def anydesk(chunk: Chunk) -> list[tuple[str, pa.Array]]:
    """AnyDesk's ``ad_svc.trace`` of each device that has one: its name, and the lines."""
    found: dict[int, list[tuple[int, str]]] = {}
    for number, use in _logged(chunk):
        if use.tool != "anydesk":
            continue
        at = visits(chunk, number, use)
        far, address = _far(at, use)
        stamps = [
            iso(at.ts + step, end="", between=" ").to_pylist() for step in (0, 100_000, 300_000, 900_000, 2_500_000)
        ]
        seen = ipv4(at.of(chunk.address)).to_pylist()
        lasts = iso(at.ts + ((0.3 + 3 * at.share("lasts")) * HOUR_US).astype(np.int64), end="", between=" ").to_pylist()
        auth = "Authenticated by local user." if use.attended else "Authenticated with permanent token."
        rows = zip(
            at.device.tolist(), at.ts.tolist(), far.to_pylist(), address.to_pylist(), seen, lasts, *stamps, strict=True
        )
        for device, ts, peer, host, outside, end, *times in rows:
            steps = (
                (times[0], "lsvc", "anynet.relay_conn", f"External address: {outside}:51234."),
                (times[1], "lsvc", "anynet.any_socket", f"Accept request from {peer} (via relay)."),
                (times[2], "lsvc", "anynet.relay_conn", f"Logged in from {host}:61230 on relay 5e8a7c21."),
                (times[3], "back", "app.backend_session", f"Incoming session request: - ({peer})"),
                (times[4], "back", "app.session", f"3: {auth}"),
                (end, "back", "app.backend_session", "Session closed by remote side: user_request"),
            )
            lines = "".join(
                f"   info {moment}       {part}   2104   3120    12                {where} - {text}\n"
                for moment, part, where, text in steps
            )
            found.setdefault(device, []).append((ts, lines))
    names = chunk.names.to_pylist()
    return [(names[device], pa.array([text for _, text in sorted(rows)])) for device, rows in sorted(found.items())]


def remote_tool_log(chunk: Chunk) -> pa.Array:
    """Rows of ``remote_tool_log``: tools whose logs are collected by other means, and what devices drive."""
    parts = []
    for number, use in _logged(chunk):
        if use.outgoing:
            at = events(chunk, f"outgoing {number}", use.outgoing, use.days & chunk.worked, routine=False)
            parts.append(_rows(at, use, "outgoing"))
        elif use.tool != "anydesk":
            parts.append(_rows(visits(chunk, number, use), use, "incoming"))
    return concatenated(parts)


def _rows(at: Events, use: Use, direction: str) -> pa.Array:
    incoming = direction == "incoming"
    far, address = _far(at, use)
    lasts = at.ts + ((0.2 + 3 * at.share("lasts")) * HOUR_US).astype(np.int64)
    crd = use.tool == "chrome-remote-desktop"
    stated = incoming and use.tool != "teamviewer"  # its list of connections does not say who let them in
    return json_lines(
        {
            "device_id": at.names(), "ts": at.iso(), "record_id": hexed(at.raw("record")), "tool": use.tool,
            "event": "session", "direction": direction, "far_id": None if crd else far,
            "far_h": address if incoming and use.tool == "rustdesk" else None,
            "auth": ("user" if use.attended else "password") if stated else None,
            "unattended": (not use.attended) if stated else None, "ended": iso(lasts),
            "mode": "RemoteControl", "via_relay": True,
        }
    )  # fmt: skip


# --- Windows ----------------------------------------------------------------------------------------------------------

_RDP = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS"
_SECURITY = "Microsoft-Windows-Security-Auditing"


def windows_events(chunk: Chunk) -> pa.Array:
    """Windows events as Winlogbeat sends them: power, logons, remote desktop."""
    fed = windows_fed(chunk)
    parts = [
        _beats(at, provider, number, channel, data) for provider, number, channel, at, data in windows_power(chunk)
    ]
    person = chunk.worked & fed[:, None] & ~chunk.driven[:, None]
    logon = once(chunk, "logon", person, chunk.start + 1_000_000)
    user = pc.replace_substring(logon.take(chunk.accounts), "@acme.example", "")
    console = joined(
        '{"TargetUserSid":"S-1-5-21-1-2-3-1107","TargetUserName":"',
        user,
        '","TargetLogonId":"0x',
        hexed(logon.raw("id"), 6),
        '","LogonType":"2","IpAddress":"127.0.0.1","IpPort":"0"}',
    )
    parts.append(_beats(logon, _SECURITY, 4624, "Security", console))
    driven = chunk.hand("rdp")[:, None] & chunk.worked & fed[:, None]
    support = (
        chunk.has("own-remote")[:, None] & chunk.worked & fed[:, None] & (chunk.of(chunk.world.platform) == 0)[:, None]
    )
    for name, days, far in (("rdp", driven, True), ("own rdp", support, False)):
        at = events(chunk, name, 1.4 if far else 0.5, days, routine=False)
        if not len(at):
            continue
        inner = ipv4(
            (192 << 24) + (168 << 16) + (1 << 8) + 10 + chunk.world.dice.whole("helper box", 40, chunk.at[at.device])
        )
        port = plain(50_000 + at.whole("port", 9000))
        zone = np.array([one[4] for one in ABROAD])[at.of(chunk.abroad)]
        hours = plain(zone) if far else _own_hours(at)
        parts += [
            _beats(
                at, _RDP, 131, f"{_RDP}/Operational", joined('{"ConnType":"TCP","ClientIP":"', inner, ":", port, '"}')
            ),
            _beats(
                at.at(at.ts + 900_000), _RDP, 104, f"{_RDP}/Operational", joined('{"TimezoneBiasHour":"', hours, '"}')
            ),
        ]
        account = pc.replace_substring(at.take(chunk.accounts), "@acme.example", "")
        parts.append(
            _beats(
                at.at(at.ts + 1_500_000),
                _SECURITY,
                4624,
                "Security",
                joined(
                    '{"TargetUserSid":"S-1-5-21-1-2-3-1107","TargetUserName":"',
                    account,
                    '","TargetLogonId":"0x',
                    hexed(at.raw("id"), 6),
                    '","LogonType":"10","IpAddress":"',
                    inner,
                    '","IpPort":"',
                    port,
                    '"}',
                ),
            )
        )
    return concatenated(parts)


def _own_hours(at: Events) -> pa.Array:
    world = at.chunk.world
    return plain(offsets(world.first_day, world.days)[at.of(at.chunk.town), at.column] // 60)


def _beats(at: Events, provider: str, number: int, channel: str, data: pa.Array | str) -> pa.Array:
    if not len(at):
        return pa.array([], pa.string())
    record = plain((at.raw(f"record {number}") >> np.uint64(24)).astype(np.int64))
    return joined(
        '{"@timestamp":"',
        at.iso(),
        f'","winlog":{{"provider_name":"{provider}","channel":"{channel}","event_id":"{number}","record_id":',
        record,
        ',"computer_name":"',
        at.names(),
        '.corp.example","event_data":',
        data,
        f'}},"event":{{"code":"{number}","kind":"event","provider":"{provider}"}}}}\n',
    )


# --- roster -----------------------------------------------------------------------------------------------------------

ROSTER_HEADER = (
    "device,person,place,country,latitude,longitude,site,household,travel,accommodation,issued,approved_tools,accounts,"
    "from\n"
)


def roster(world: World) -> pa.Array:
    """The roster as CSV: without the header, a line a device."""
    town, dice = cities(), world.dice
    declared = world.declared_city
    first = np.datetime64(0, "D")
    names = Chunk(world, 0, world.count).names
    issued = (first + world.issued_day).astype(str)
    latitude = np.round(town.latitude[declared] + dice.normal("home north", 0, 0.1, world.declared_home), 2)
    longitude = np.round(town.longitude[declared] + dice.normal("home east", 0, 0.12, world.declared_home), 2)
    site = np.where(
        world.office >= 0, np.char.add("office-", (world.office - world.office.min(initial=0)).astype(str)), ""
    )
    household = np.where(world.household >= 0, np.char.add("H", world.household.astype(str)), "")
    trips = []
    away = world.trip_declared
    for start, end, place in zip(
        world.trip_first[away].tolist(), world.trip_last[away].tolist(), world.trip_site[away].tolist(), strict=True
    ):
        trips.append(f"{first + start}/{first + end} {town.names[int(world.site_city[place])].replace(',', '')}")
    travel = np.full(world.count, "", object)
    travel[away] = trips
    helper = world.traits["helpdesk"]
    tools = np.where(helper, '"ninjaone,teamviewer,anydesk"', '"ninjaone,teamviewer"')
    accommodation = np.where(world.traits["accommodation"], "yes", "no")

    def text(values: object) -> pa.Array:
        return pa.array(np.asarray(values).astype(str).tolist(), pa.string())

    places = pa.array([f'"{name}"' if "," in name else name for name in town.names]).take(pa.array(declared))
    return joined(
        names,
        ",",
        numbered("P", world.holder, 6),
        ",",
        places,
        ",",
        pa.array(town.countries).take(pa.array(declared)),
        ",",
        plain(latitude),
        ",",
        plain(longitude),
        ",",
        text(site),
        ",",
        text(household),
        ",",
        text(travel),
        ",",
        text(accommodation),
        ",",
        text(issued),
        ",",
        text(tools),
        ",",
        numbered("user", world.holder, 6),
        "@acme.example,",
        text(issued),
        "\n",
    )
