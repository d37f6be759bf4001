"""Sign-ins and tunnels as Okta, Entra and a GlobalProtect firewall log them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.simulation.chunk import ANONYMOUS, AS_NAMES, CELLULAR, FOREIGN, HOUR_US, RELAY, Chunk, block_address
from farmwatch.simulation.lines import Events, concatenated, events, once
from farmwatch.simulation.texts import dashed, hexed, ipv4, ipv6, iso, joined, named, plain
from farmwatch.simulation.towns import ABROAD, cities, hubs

__all__ = ["entra", "globalprotect", "okta"]

_MINUTE_US = 60_000_000
_BLINK = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_BLINK}"
_MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Version/18.0 Safari/605.1.15"
_PHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {_WEBKIT} Mobile/15E148"
_AGENTS = (_WINDOWS, _MAC, _WINDOWS, _PHONE)
_SYSTEMS = ("Windows 11", "macOS 15.0", "Windows 11", "iOS 18.0")


@dataclass(frozen=True)
class _Signed:
    """Sign-ins from one kind of device."""

    at: Events
    address: pa.Array
    town: NDArray[np.int64]  #: number of the town; from 1000 on one of those abroad
    operator: NDArray[np.int64]
    client: NDArray[np.int64]  #: 0 Windows, 1 macOS, 2 Linux, 3 phone
    known: bool  #: the provider knows the device


def _from_device(at: Events, *, relayed: bool) -> _Signed:
    """From the laptop itself, over whatever way out it has."""
    chunk = at.chunk
    address = ipv4(at.of(chunk.address))
    six = at.of(chunk.six) & (at.share("six") < 0.5)
    if six.any():
        inside = chunk.world.dice.raw("iid", chunk.at[at.device], at.day)
        prefix = chunk.world.dice.raw("prefix", at.of(chunk.site))
        address = pc.if_else(pa.array(six), ipv6(prefix, inside), address)
    town, operator = at.of(chunk.told_town), at.of(chunk.operator)
    if relayed:
        hidden = at.of(chunk.has("private-relay")) & (at.share("relayed") < 0.7)
        relay = ipv4(block_address(RELAY, town * 32 + at.whole("relay", 24)))
        address = pc.if_else(pa.array(hidden), relay, address)
        operator = np.where(hidden, RELAY, operator)
    return _Signed(at, address, town, operator, at.of(chunk.of(chunk.world.platform)), known=True)


def _from_phone(at: Events) -> _Signed:
    """From the person's phone, over its own network."""
    chunk = at.chunk
    town = hubs()[at.of(chunk.town)]
    number = chunk.world.dice.whole("phone cell", 60, chunk.at[at.device], at.day)
    cell = ipv4((30 << 24) + (1 << 23) + town * 4096 + number)
    return _Signed(at, cell, town, np.full(len(at), CELLULAR), np.full(len(at), 3), known=False)


def _from_abroad(at: Events, *, known: bool) -> _Signed:
    """From where the hand is."""
    chunk = at.chunk
    where = at.of(chunk.abroad)
    address = ipv4(
        block_address(FOREIGN, where * 4096 + chunk.world.dice.whole("foreign line", 200, chunk.at[at.device]))
    )
    client = at.of(chunk.of(chunk.world.platform)) if known else np.zeros(len(at), np.int64)
    return _Signed(at, address, 1000 + where, np.full(len(at), FOREIGN), client, known=known)


def _from_vpn(at: Events) -> _Signed:
    """Through a VPN whose exit lies in the declared country."""
    chunk = at.chunk
    town = chunk.world.dice.whole("farm exit", 45, at.of(chunk.of(chunk.world.farm)))
    address = ipv4(block_address(ANONYMOUS, town * 16 + 9 + at.of(chunk.of(chunk.world.farm)) % 6))
    return _Signed(at, address, town, np.full(len(at), ANONYMOUS), at.of(chunk.of(chunk.world.platform)), known=True)


def _all(chunk: Chunk, provider: str, rate: float, *, relayed: bool) -> list[_Signed]:
    """Every sign-in of a provider's log, by where it came from."""
    given, dice = chunk.world.parameters, chunk.world.dice
    found = [_from_device(events(chunk, provider, rate, chunk.worked), relayed=relayed)]
    phone = events(chunk, f"{provider} phone", 0.4, chunk.worked & ~chunk.driven[:, None])
    found.append(_from_phone(phone))
    week = chunk.world.days / 7
    flap = chunk.driven & dice.whether("flap", given.vpn_flap * week, chunk.at)
    day = chunk.world.first_day + dice.whole("flap day", chunk.world.days, chunk.at)[:, None]
    days = flap[:, None] & (chunk.day == day) & chunk.worked
    moment = chunk.start + ((1 + 5 * dice.share("flap at", chunk.at[:, None], chunk.day)) * HOUR_US).astype(np.int64)
    before = once(chunk, f"{provider} before", days, moment)
    drop = before.at(before.ts + (40e6 + 80e6 * before.share("drop")).astype(np.int64))
    after = before.at(drop.ts + (60e6 + 150e6 * before.share("after")).astype(np.int64))
    names = [f"{provider} {part}" for part in ("before", "drop", "after")]
    before, drop, after = (replace(one, name=name) for one, name in zip((before, drop, after), names, strict=True))
    found += [_from_vpn(before), _from_abroad(drop, known=True), _from_vpn(after)]
    issued = chunk.of(chunk.world.issued_day)[:, None]
    fresh = chunk.driven & dice.whether("early foreign", given.early_foreign, chunk.at)
    early = fresh[:, None] & (chunk.day >= issued) & (chunk.day < issued + 2) & chunk.there
    found.append(_from_abroad(events(chunk, f"{provider} early", 1.5, early, routine=False), known=False))
    off = chunk.driven & dice.whether("off device", given.off_device, chunk.of(chunk.world.farm))
    found.append(
        _from_abroad(events(chunk, f"{provider} off", 0.4, off[:, None] & chunk.worked, routine=False), known=False)
    )
    return found


def _towns(town: NDArray[np.int64]) -> tuple[pa.Array, pa.Array, pa.Array, pa.Array]:
    """City, country, latitude and longitude as text."""
    known = cities()
    index = pa.array(np.where(town >= 1000, len(known.names) + town - 1000, town))
    names = [*(name.split(",")[0] for name in known.names), *(one[0] for one in ABROAD)]
    countries = [*known.countries, *(one[1] for one in ABROAD)]
    north = [*(f"{value:.2f}" for value in known.latitude.tolist()), *(f"{one[2]:.2f}" for one in ABROAD)]
    east = [*(f"{value:.2f}" for value in known.longitude.tolist()), *(f"{one[3]:.2f}" for one in ABROAD)]
    texts = (pa.array(values, pa.string()).take(index) for values in (names, countries, north, east))
    city, country, latitude, longitude = texts
    return city, country, latitude, longitude


def _factors(at: Events) -> pa.Array:
    """Number of the phone that confirms: in some farms one for all, with some people another's."""
    chunk, dice = at.chunk, at.chunk.world.dice
    farm = chunk.of(chunk.world.farm)
    together = chunk.driven & dice.whether("farm factor", chunk.world.parameters.farm_shared_factor, farm)
    owner = chunk.of(chunk.world.holder).copy()
    owner = np.where(chunk.has("shared-factor") & (owner > 0), owner - 1, owner)
    owner = np.where(together, (1 << 32) + farm, owner)
    return joined("opf", hexed(dice.raw("factor", at.of(owner)), 17 - 1))


def okta(chunk: Chunk) -> pa.Array:
    """Okta's System Log, one event a line."""
    return concatenated([_okta(signed) for signed in _all(chunk, "okta", 3.0, relayed=True)])


_KINDS = ("user.session.start", "user.authentication.sso", "user.authentication.auth_via_mfa", "user.session.end")


def _okta(signed: _Signed) -> pa.Array:
    at, chunk = signed.at, signed.at.chunk
    if not len(at):
        return pa.array([], pa.string())
    dice = chunk.world.dice
    kind = at.pick("kind", (25, 45, 25, 5))
    city, country, north, east = _towns(signed.town)
    anonymous = (signed.operator == ANONYMOUS) & (at.share("listed") < 0.8)
    factor = joined(
        '{"type":"AuthenticatorEnrollment","id":"', _factors(at), '","displayName":"Okta Verify"}',
    )  # fmt: skip
    application = joined(
        '{"type":"AppInstance","id":"0oa',
        hexed(at.whole("app", 12), 8),
        '","displayName":"App ',
        plain(at.whole("app", 12)),
        '"}',
    )
    target = pc.if_else(pa.array(kind == 2), factor, application)
    if signed.known:
        managed = '{"id":"guo'
        told = at.share("told") < 0.8
        number = hexed(dice.raw("okta device", chunk.at[at.device]), 16)
        device = joined(
            managed,
            number,
            '","name":"',
            at.names(),
            '","os_platform":"',
            named(("WINDOWS", "OSX", "LINUX", "IOS"), signed.client),
            '","managed":true,"registered":true}',
        )
        device = pc.if_else(pa.array(told), device, "null")
    else:
        device = pa.array(["null"] * len(at))
    token = dice.raw("browser", chunk.at[at.device], signed.client, 0 if signed.known else 1)
    number, operator = (
        pa.array(column).take(pa.array(signed.operator))
        for column in ([str(one[0]) for one in AS_NAMES], [one[1] for one in AS_NAMES])
    )
    return joined(
        '{"actor":{"id":"00u',
        hexed(dice.raw("actor", at.of(chunk.of(chunk.world.holder))), 16),
        '","type":"User","alternateId":"',
        at.take(chunk.accounts),
        '"},"client":{"userAgent":{"rawUserAgent":"',
        named(_AGENTS, signed.client),
        '","os":"',
        named(_SYSTEMS, signed.client),
        '"},"ipAddress":"',
        signed.address,
        '","geographicalContext":{"city":"',
        city,
        '","country":"',
        country,
        '","geolocation":{"lat":',
        north,
        ',"lon":',
        east,
        '}}},"device":',
        device,
        ',"authenticationContext":{"externalSessionId":"102',
        hexed(dice.raw("session", chunk.at[at.device], at.day, signed.client), 16),
        '"},"eventType":"',
        named(_KINDS, kind),
        '","outcome":{"result":"',
        pa.array(np.where(at.share("fails") < 0.02, "FAILURE", "SUCCESS").tolist()),
        '"},"published":"',
        at.iso(),
        '","securityContext":{"asNumber":',
        number,
        ',"asOrg":"',
        operator,
        '","isProxy":',
        pa.array(np.where(anonymous, "true", "false").tolist()),
        '},"debugContext":{"debugData":{"dtHash":"',
        hexed(token),
        '","risk":"{level=LOW}"}},"uuid":"',
        dashed(at.raw("uuid")),
        '","target":[',
        target,
        '],"request":{"ipChain":[{"ip":"',
        signed.address,
        '"}]}}\n',
    )


def entra(chunk: Chunk) -> pa.Array:
    """Sign-ins of Entra as Azure Monitor exports them, one a line."""
    return concatenated([_entra(signed) for signed in _all(chunk, "entra", 2.0, relayed=False)])


def _entra(signed: _Signed) -> pa.Array:
    at, chunk = signed.at, signed.at.chunk
    if not len(at):
        return pa.array([], pa.string())
    dice = chunk.world.dice
    city, country, north, east = _towns(signed.town)
    silent = at.share("silent") < 0.6
    category = pa.array(np.where(silent, "NonInteractiveUserSignInLogs", "SignInLogs").tolist(), pa.string())
    if signed.known:
        device = joined(
            '{"deviceId":"',
            dashed(dice.raw("entra device", chunk.at[at.device])),
            '","displayName":"',
            at.names(),
            '","operatingSystem":"',
            named(_SYSTEMS, signed.client),
            '","isCompliant":true,"isManaged":true,"trustType":"Azure AD joined"}',
        )
    else:
        device = joined(
            '{"deviceId":"","displayName":"","operatingSystem":"',
            named(_SYSTEMS, signed.client),
            '","isCompliant":false,"isManaged":false}',
        )
    return joined(
        '{"time":"',
        at.iso(),
        '","category":"',
        category,
        '","properties":{"id":"',
        dashed(at.raw("id")),
        '","createdDateTime":"',
        at.iso(),
        '","userPrincipalName":"',
        at.take(chunk.accounts),
        '","appDisplayName":"',
        named(("Office 365 Exchange Online", "Microsoft Teams", "Windows Sign In", "Azure Portal"), at.whole("app", 4)),
        '","ipAddress":"',
        signed.address,
        '","userAgent":"',
        named(_AGENTS, signed.client),
        '","isInteractive":',
        pa.array(np.where(silent, "false", "true").tolist()),
        ',"sessionId":"',
        dashed(dice.raw("entra session", chunk.at[at.device], at.day, signed.client)),
        '","autonomousSystemNumber":',
        pa.array([str(one[0]) for one in AS_NAMES]).take(pa.array(signed.operator)),
        ',"riskLevelDuringSignIn":"none","status":{"errorCode":',
        pa.array(np.where(at.share("fails") < 0.02, "50126", "0").tolist()),
        '},"deviceDetail":',
        device,
        ',"location":{"city":"',
        city,
        '","countryOrRegion":"',
        country,
        '","geoCoordinates":{"latitude":',
        north,
        ',"longitude":',
        east,
        '}},"authenticationAppDeviceDetails":{"deviceId":"',
        _factors(at),
        '"}}}\n',
    )


_STEPS = (("gateway-connected", "connected"), ("gateway-tunnel-latency", "host-info"), ("gateway-logout", "logout"))


def globalprotect(chunk: Chunk) -> pa.Array:
    """GlobalProtect logs of a firewall within syslog."""
    fed = chunk.feed("tunnel", chunk.world.parameters.vpn_feed)[:, None] & chunk.worked
    dice = chunk.world.dice
    up = once(
        chunk,
        "tunnel up",
        fed,
        chunk.start + (dice.share("connects", chunk.at[:, None], chunk.day) * 6 * _MINUTE_US).astype(np.int64),
    )
    beat = events(chunk, "tunnel beat", 3.0, fed)
    down = once(chunk, "tunnel down", fed, chunk.end)
    flap = chunk.driven & dice.whether("flap", chunk.world.parameters.vpn_flap * chunk.world.days / 7, chunk.at)
    day = chunk.world.first_day + dice.whole("flap day", chunk.world.days, chunk.at)[:, None]
    moment = chunk.start + ((1 + 5 * dice.share("flap at", chunk.at[:, None], chunk.day)) * HOUR_US).astype(np.int64)
    drop = once(chunk, "tunnel drop", fed & flap[:, None] & (chunk.day == day), moment + 70_000_000)
    parts = []
    for step, signed in (
        (0, _from_device(up, relayed=False)),
        (1, _from_device(beat, relayed=False)),
        (2, _from_device(down, relayed=False)),
        (0, _from_abroad(drop, known=True)),
    ):
        at = signed.at
        if not len(at):
            continue
        event, stage = _STEPS[step]
        wide = pc.match_substring(signed.address, ":")
        four, six = pc.if_else(wide, "0.0.0.0", signed.address), pc.if_else(wide, signed.address, "0.0.0.0")  # noqa: S104
        generated = iso(at.ts, end="", between=" ", seconds=True)
        _, country, _, _ = _towns(signed.town)
        account = pc.replace_substring(at.take(chunk.accounts), "@acme.example", "")
        parts.append(
            joined(
                "fw1 1,",
                generated,
                ",013101001305,GLOBALPROTECT,0,2561,",
                generated,
                ",vsys1,",
                event,
                ",",
                stage,
                ",,IPSec,acme\\",
                account,
                ",",
                country,
                ",",
                at.names(),
                ",",
                four,
                ",",
                six,
                ",",
                ipv4((10 << 24) + (64 << 16) + chunk.at[at.device] % (1 << 16)),
                ",0.0.0.0,",
                dashed(dice.raw("host", chunk.at[at.device])),
                ",SN",
                hexed(dice.raw("serial", chunk.at[at.device]), 8),
                ',6.2.4,Windows,"Microsoft Windows 11 Pro , 64-bit",1,,,"",success,,0,,0,GP_GW,',
                plain((at.raw("number") >> np.uint64(8)).astype(np.int64)),
                ",0x0,",
                at.iso(),
                ",manual,12,1,gw-a;12;1,gw-a,0,0,0,0,,fw1,1,\n",
            )
        )
    return concatenated(parts)
