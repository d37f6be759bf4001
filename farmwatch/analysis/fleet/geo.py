"""Where addresses are, by a database the user supplies: MaxMind DB format (GeoLite2, DB-IP Lite, IPinfo and others).

Several files together: a city database says where, an ASN database who runs it, a privacy database (GeoIP2 Anonymous
IP, IPinfo privacy) whether it is a VPN or a data centre. What the first does not say, the next may. Field names by
https://maxmind.github.io/MaxMind-DB (format) and the vendors' samples:

========================  ==============================================================================================
GeoIP2, GeoLite2, DB-IP   ``country.iso_code``, ``location.latitude/longitude/accuracy_radius``, ``city.names.en``,
                          ``autonomous_system_number/organization``, ``traits``, ``connection_type``, ``is_…``
IPinfo                    ``country`` or ``country_code``, ``lat``, ``lng``, ``radius`` as text, ``asn`` as ``AS123``,
                          ``as_name`` or ``name``, ``vpn``, ``proxy``, ``tor``, ``relay``, ``hosting``, ``service``
ip-location-db            ``country_code``, ``latitude``, ``longitude``, ``city``
========================  ==============================================================================================

Files are mapped into memory, not read: a city database is tens of megabytes, of which a fleet's addresses touch little.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeAlias

import maxminddb
import pyarrow as pa

from farmwatch.errors import AssessmentError

__all__ = ["EARTH_KM", "GeoDatabase", "distance_sql", "placed"]

EARTH_KM = 6371.0
OLD_DAYS = 60.0  #: a database older than this is told of: a fifth of homes change address within a month (method h4)

_COLUMNS: tuple[tuple[str, pa.DataType], ...] = (
    ("country", pa.string()),
    ("latitude", pa.float64()),
    ("longitude", pa.float64()),
    ("radius_km", pa.float64()),
    ("city", pa.string()),
    ("asn", pa.int64()),
    ("as_org", pa.string()),
    ("kind", pa.string()),
)
_SCHEMA = pa.schema([("address", pa.string()), *_COLUMNS])
_ASN = re.compile(r"(?:AS)?(\d{1,10})", re.IGNORECASE)
_LONGEST = 200  #: of a text that is kept

Found: TypeAlias = dict[str, Any]


class GeoDatabase:
    """One or more databases; what the first does not say, the next may. Close it, or use it as a context."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the files.

        Raises:
            AssessmentError: one cannot be opened or is no MaxMind DB file; it is named.
        """
        self.paths = tuple(paths)
        self._open = contextlib.ExitStack()
        try:
            self._readers = [self._open.enter_context(_opened(path)) for path in self.paths]
        except AssessmentError:
            self._open.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        self._open.close()

    @property
    def built(self) -> dict[str, datetime]:
        """When each file was built, by its name."""
        return {
            path.name: datetime.fromtimestamp(reader.metadata().build_epoch, UTC)
            for path, reader in zip(self.paths, self._readers, strict=True)
        }

    def notes(self, until: datetime) -> tuple[str, ...]:
        """What a reader of places should know: files that were old at the end of the time looked at, in sentences."""
        ages = {name: (until - built).total_seconds() / 86400 for name, built in self.built.items()}
        return tuple(
            f"{name} was built {age:.0f} days before the end of the time looked at: its places may be out of date"
            for name, age in sorted(ages.items())
            if age > OLD_DAYS
        )

    def lookup(self, addresses: Sequence[str]) -> pa.Table:
        """What the files know of addresses.

        Columns ``address``, ``country`` (two letters), ``latitude``, ``longitude``, ``radius_km`` (within which the
        place is right, where the file says), ``city``, ``asn``, ``as_org`` and ``kind`` (vpn, hosting, mobile,
        satellite, relay, proxy), all but the first null where nothing is known. A text that is no address is left null.

        Raises:
            AssessmentError: a file is damaged.
        """
        rows = [self._find(address) for address in addresses]
        columns: list[pa.Array] = [pa.array(list(addresses), pa.string())]
        columns += [pa.array([row.get(name) for row in rows], kind) for name, kind in _COLUMNS]
        return pa.table(columns, schema=_SCHEMA)

    def _find(self, address: str) -> Found:
        found: Found = {}
        for path, reader in zip(self.paths, self._readers, strict=True):
            try:
                record = reader.get(address)
            except ValueError:  # no address, or of IPv6 in a database of IPv4
                continue
            except (maxminddb.InvalidDatabaseError, UnicodeDecodeError) as error:
                raise AssessmentError(f"{path}: damaged place database: {error}; get it again") from error
            if isinstance(record, Mapping):
                _merge(found, read_record(record))
        return found


def _merge(found: Found, more: Found) -> None:
    """Add what is not known yet; a place stays with its own radius and country."""
    if found.get("latitude") is not None or (
        "country" in found and more.get("country") not in (None, found["country"])
    ):
        for name in ("country", "latitude", "longitude", "radius_km", "city"):
            more.pop(name, None)
    for name, value in more.items():
        found.setdefault(name, value)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[maxminddb.Reader]:
    try:
        reader = maxminddb.open_database(str(path), maxminddb.MODE_AUTO)  # maps the file
    except OSError as error:
        raise AssessmentError(f"{path}: the place database cannot be opened: {error.strerror or error}") from error
    except (maxminddb.InvalidDatabaseError, ValueError, UnicodeDecodeError) as error:
        raise AssessmentError(f"{path}: not a MaxMind DB file (.mmdb): {error}") from error
    with contextlib.closing(reader):
        yield reader


def read_record(record: Mapping[str, Any]) -> Found:
    """What one record of a database says, whoever made it; values that make no sense are left out."""
    values: Found = {
        "country": _country(record), "asn": _asn(record),
        "as_org": _text(record, "autonomous_system_organization", "as_name", "as_organization", "organization", "isp")
        or _text(_inner(record, "traits"), "autonomous_system_organization", "organization", "isp")
        or (_text(record, "name") if "asn" in record else None),
        "kind": _kind(record), "city": _city(record),
    }  # fmt: skip
    place = _inner(record, "location") or record
    latitude, longitude = _number(place, "latitude", "lat"), _number(place, "longitude", "lng", "lon")
    if latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 180:
        values["latitude"], values["longitude"] = latitude, longitude
        radius = _number(place, "accuracy_radius", "radius")
        if radius is not None and radius >= 0:
            values["radius_km"] = radius
    return {name: value for name, value in values.items() if value is not None}


def _country(record: Mapping[str, Any]) -> str | None:
    inner = _inner(record, "country")
    code = _text(inner, "iso_code") if inner else _text(record, "country_code", "country")
    return code.upper() if code is not None and len(code) == 2 and code.isalpha() else None


def _city(record: Mapping[str, Any]) -> str | None:
    inner = _inner(record, "city")
    return _text(_inner(inner, "names"), "en") if inner else _text(record, "city")


def _asn(record: Mapping[str, Any]) -> int | None:
    for holder in (record, _inner(record, "traits")):
        for name in ("autonomous_system_number", "asn", "as_number"):
            value = holder.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 32:
                return value
            if isinstance(value, str) and (match := _ASN.fullmatch(value)) and 0 < int(match[1]) < 1 << 32:
                return int(match[1])
    return None


_KINDS: tuple[tuple[str, Callable[[Mapping[str, Any]], bool]], ...] = (
    ("relay", lambda said: _true(said, "relay")),
    ("vpn", lambda said: _true(said, "is_anonymous_vpn", "is_tor_exit_node", "vpn", "tor", "is_vpn", "is_tor")),
    ("proxy", lambda said: _true(said, "is_public_proxy", "is_residential_proxy", "proxy", "is_proxy")),
    ("hosting", lambda said: _true(said, "is_hosting_provider", "hosting", "is_hosting")
     or said.get("user_type") in ("hosting", "content_delivery_network")),
    ("satellite", lambda said: _true(said, "is_satellite_provider", "is_satellite") or _said(said, "satellite")),
    ("mobile", lambda said: _true(said, "is_mobile", "mobile") or _said(said, "cellular")),
)  # fmt: skip


def _kind(record: Mapping[str, Any]) -> str | None:
    holders = [record, *(inner for name in ("traits", "privacy", "anonymous") if (inner := _inner(record, name)))]
    return next((kind for kind, holds in _KINDS if any(holds(holder) for holder in holders)), None)


def _true(said: Mapping[str, Any], *names: str) -> bool:
    return any(said.get(name) is True or str(said.get(name)).lower() == "true" for name in names)


def _said(said: Mapping[str, Any], word: str) -> bool:
    return word in (str(said.get("user_type", "")).lower(), str(said.get("connection_type", "")).lower())


def _inner(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(record: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()[:_LONGEST]
    return None


def _number(record: Mapping[str, Any], *names: str) -> float | None:
    for name in names:
        value = record.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            continue
        try:
            number = float(value)
        except ValueError:
            continue
        if math.isfinite(number):
            return number
    return None


def distance_sql(one: str, other: str) -> str:
    """An SQL expression for the great-circle distance in km between the places of two tables.

    Args:
        one: name of a table with ``latitude`` and ``longitude`` in degrees.
        other: another one.
    """
    return (  # a hair below one, so that rounding takes no root or arc of more than one: 13 m for antipodes
        f"2 * {EARTH_KM} * asin(sqrt(0.999999999999 * (pow(sin(radians({other}.latitude - {one}.latitude) / 2), 2) "
        f"+ cos(radians({one}.latitude)) * cos(radians({other}.latitude)) "
        f"* pow(sin(radians({other}.longitude - {one}.longitude) / 2), 2))))"
    )


def placed(table: str) -> str:
    """An SQL condition: the coordinates of a table's row are there and make sense."""
    return f"(abs({table}.latitude) <= 90 AND abs({table}.longitude) <= 180)"
