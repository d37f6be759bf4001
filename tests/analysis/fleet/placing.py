"""A place database and rows that have to do with places: documentation addresses in known cities."""

from __future__ import annotations

import pyarrow as pa

from farmwatch.records import DeviceLocation, RosterEntry, Sighting, SignIn
from tests.analysis.fleet.fleets import at

PHOENIX, PHOENIX_TOO, PHOENIX_MOBILE = "198.51.100.1", "198.51.100.2", "198.51.100.3"
SEATTLE, DALLAS = "198.51.100.10", "198.51.100.20"
CARRIERS_SEATTLE = ("198.51.100.11", "198.51.100.12", "198.51.100.13")
DANDONG, DANDONG_MOBILE, SHENYANG = "203.0.113.1", "203.0.113.2", "203.0.113.3"
LONDON, LISBON = "203.0.113.10", "203.0.113.20"
VPN_DALLAS, VPN_PHOENIX, CLOUD, RELAY, STARLINK = "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"
ASTRILL, NOWHERE = "192.0.2.6", "192.0.2.99"

_US = {"country": "US", "radius_km": 50.0}
PHOENIX_AT = {"place": "Phoenix, US", "place_country": "US", "latitude": 33.45, "longitude": -112.07}
_PHOENIX = _US | {"latitude": 33.45, "longitude": -112.07}
_DANDONG = {"country": "CN", "latitude": 40.13, "longitude": 124.39, "radius_km": 100.0}
_DALLAS = _US | {"latitude": 32.78, "longitude": -96.8}
_KNOWN = {
    PHOENIX: _PHOENIX | {"as_org": "Cox Communications", "asn": 22773},
    PHOENIX_TOO: _PHOENIX | {"as_org": "CenturyLink", "asn": 209},
    PHOENIX_MOBILE: _PHOENIX | {"as_org": "T-Mobile USA", "asn": 21928},
    SEATTLE: _US | {"latitude": 47.61, "longitude": -122.33, "as_org": "Comcast", "asn": 7922},
    **{
        address: _US | {"latitude": 47.61, "longitude": -122.33, "as_org": name, "asn": asn}
        for address, (name, asn) in zip(
            CARRIERS_SEATTLE,
            (("AT&T Mobility", 20057), ("T-Mobile USA", 21928), ("Verizon Wireless", 22394)),
            strict=True,
        )
    },
    DALLAS: _DALLAS | {"as_org": "Charter", "asn": 11427},
    DANDONG: _DANDONG | {"as_org": "CHINA UNICOM", "asn": 4837},
    SHENYANG: _DANDONG | {"latitude": 41.8, "longitude": 123.4, "as_org": "CHINA UNICOM", "asn": 4837},
    DANDONG_MOBILE: _DANDONG | {"as_org": "China Mobile", "asn": 9808},
    LONDON: {"country": "GB", "latitude": 51.5, "longitude": -0.12, "radius_km": 50.0, "as_org": "BT", "asn": 2856},
    LISBON: {"country": "PT", "latitude": 38.72, "longitude": -9.14, "radius_km": 50.0, "as_org": "MEO", "asn": 3243},
    VPN_DALLAS: _DALLAS | {"as_org": "PacketHub S.A.", "asn": 207137},
    VPN_PHOENIX: _PHOENIX | {"as_org": "M247 Europe SRL", "asn": 9009},
    CLOUD: {"country": "IE", "latitude": 53.35, "longitude": -6.26, "radius_km": 50.0, "asn": 16509},
    RELAY: {"country": "CA", "latitude": 43.7, "longitude": -79.4, "radius_km": 50.0, "as_org": "Akamai", "asn": 36183},
    STARLINK: {"country": "DE", "latitude": 50.1, "longitude": 8.7, "radius_km": 50.0, "asn": 14593},
    ASTRILL: _DALLAS | {"as_org": "Astrill Systems Corp", "asn": 64500},
}  # fmt: skip


class FixedGeo:
    """Knows the addresses above."""

    def lookup(self, addresses):
        """As :meth:`farmwatch.analysis.fleet.geo.GeoDatabase.lookup`."""
        names = ("country", "latitude", "longitude", "radius_km", "asn", "as_org")
        columns = {name: [_KNOWN.get(one, {}).get(name) for one in addresses] for name in names}
        kinds = (pa.string(), pa.float64(), pa.float64(), pa.float64(), pa.int64(), pa.string())
        arrays = [pa.array(columns[name], kind) for name, kind in zip(names, kinds, strict=True)]
        return pa.table([pa.array(addresses, pa.string()), *arrays], names=["address", *names])

    def notes(self, until):
        """Nothing: it is never out of date."""
        return ()


GEO = FixedGeo()


def seen(device, address, day, hour=12.0):
    """The device's own agent reports a public address."""
    return Sighting(device_id=device, ts=at(day, hour), kind="public_ip", value=address)


def sign_in(account, address, day, hour=12.0, **values):
    """A sign-in of an account that succeeded."""
    given = {"device_id": None, "provider": "okta", "event": "sign-in", "outcome": "success", "interactive": True}
    given |= {"record_id": f"{account}/{address}/{day}/{hour}"} | values
    return SignIn(ts=at(day, hour), account=account, address=address, **given)


def holder(device, person, *accounts, **values):
    """The roster's row of a device; from home in Phoenix unless said otherwise."""
    given = PHOENIX_AT | values
    return RosterEntry(device_id=device, ts=at(-60), person=person, accounts=",".join(accounts) or None, **given)


def located(device, latitude, longitude, day, hour=12.0, *, accuracy_m=50.0, method="wifi", **values):
    """The device's own positioning."""
    return DeviceLocation(device_id=device, ts=at(day, hour), method=method, latitude=latitude, longitude=longitude,
                          accuracy_m=accuracy_m, **values)  # fmt: skip
