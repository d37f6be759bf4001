"""``usb_seen``, ``usb_things`` and ``screens``: what is plugged into each device, reduced to a few rows.

A feed tells the same keyboard every hour; what it says is the same each time. So rows are first grouped by everything
they say (``usb_seen``, ``screens``), which no later step has to do again, and then by product (``usb_things``): Windows
tells each interface of a composite device in a row of its own, macOS each HID interface, Linux the device as a whole.

Feeds of events tell an arrival once and nothing afterwards. Therefore what is listed as *present* counts in the window,
and what came, went or got a driver counts for the thirty days up to its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["make_screens", "make_usb_seen", "make_usb_things"]

#: Bit of the day in the thirty days up to ``until``: days are counted without keeping them.
_DAY = "1::BIGINT << CAST(greatest(0, least(62, date_diff('day', $until::TIMESTAMPTZ, ts) + 62)) AS INTEGER)"

_RAW = (
    "device_id, vendor_id, product_id, manufacturer, product, serial, bcd_device, bcd_usb, device_class, interfaces, "
    "interface_strings, hid_reports, hid_kinds, speed_mbps, max_power_ma, attributes, removable, class_name"
)
_USB = f"{_RAW}, bus, part, storage, scsi_vendor, scsi_product"


def make_usb_seen(fleet: Fleet) -> None:
    """Make ``usb_seen``: a row for everything a device says of one USB device, with when and how often it said so."""
    fleet.make(
        "usb_seen",
        rf"""
        WITH raw AS (
            SELECT {_RAW}, instance_path, parent, min(ts) AS first, max(ts) AS last, count(*) AS n,
                   min(record_id) AS record_id, bit_or({_DAY}) AS days,
                   bit_or(CASE WHEN event = 'present' THEN {_DAY} ELSE 0 END) AS present_days,
                   count(*) FILTER (event IN ('attached', 'removed')) AS moves
            FROM usb_devices_30d WHERE ts >= $since::TIMESTAMPTZ OR event <> 'present'
            GROUP BY {_RAW}, instance_path, parent
        ), told AS (
            SELECT *, upper(split_part(instance_path, '\', 1)) AS bus,
                   regexp_matches(instance_path, '(?i)[&]MI_[0-9a-f]') AS part,
                   CASE WHEN instance_path ILIKE 'USBSTOR%' THEN upper(split_part(instance_path, '\', 2)) END AS unit
            FROM raw
        ), named AS (
            SELECT * REPLACE (
                       CASE WHEN vendor_id IS NULL AND unit IS NOT NULL THEN
                           try_cast('0x' || nullif(regexp_extract(parent, '(?i)VID_([0-9a-f]{{4}})', 1), '') AS BIGINT)
                       ELSE vendor_id END AS vendor_id,
                       CASE WHEN product_id IS NULL AND unit IS NOT NULL THEN
                           try_cast('0x' || nullif(regexp_extract(parent, '(?i)PID_([0-9a-f]{{4}})', 1), '') AS BIGINT)
                       ELSE product_id END AS product_id),
                   unit IS NOT NULL OR coalesce(class_name IN ('DiskDrive', 'CDROM', 'drive'), false) AS storage
            FROM told
        ), all_told AS (
            SELECT *,
                   CASE WHEN storage THEN
                       coalesce(nullif(replace(regexp_extract(unit, 'VEN_([^&]*)', 1), '_', ' '), ''), manufacturer)
                   END AS scsi_vendor,
                   CASE WHEN storage THEN
                       coalesce(nullif(replace(regexp_extract(unit, 'PROD_([^&]*)', 1), '_', ' '), ''), product)
                   END AS scsi_product
            FROM named
        )
        SELECT {_USB}, min(first) AS first, max(last) AS last, sum(n)::BIGINT AS n, min(record_id) AS record_id,
               bit_or(days) AS days, bit_or(present_days) AS present_days, sum(moves)::BIGINT AS moves
        FROM all_told GROUP BY {_USB}
        """,
    )


def make_usb_things(fleet: Fleet) -> None:
    """Make ``usb_things``: a row for each product (``vendor_id``, ``product_id``) that hangs or hung on a device.

    What it can do is told by its interfaces, its HID applications or the system's class, whichever a feed has:
    ``keyboard``, ``mouse`` (relative), ``pointer`` (absolute), ``pen`` (digitizer or touch), ``storage``, ``network``,
    ``audio``, ``video``, ``hub``. ``whole`` says that all interfaces were told at once.
    """
    listed = "',' || lower(interfaces)"
    kinds = "',' || lower(hid_kinds) || ','"
    name = "coalesce(lower(class_name), '')"

    def told(*likes: str, also: str = "false") -> str:
        tests = " OR ".join(f"coalesce({like}, false)" for like in likes)
        return f"bool_or({tests} OR {also})"

    fleet.make(
        "usb_things",
        f"""
        SELECT device_id, vendor_id, product_id,
               {told(f"{kinds} LIKE '%,keyboard,%'", f"{listed} LIKE '%,030101%'", also=f"{name} = 'keyboard'")}
                   AS keyboard,
               {told(f"{listed} LIKE '%,030101%'")} AS boot_keyboard,
               {told(f"{kinds} LIKE '%,mouse,%'", f"{listed} LIKE '%,030102%'", also=f"{name} = 'mouse'")} AS mouse,
               {told(f"{kinds} LIKE '%,pointer,%'")} AS pointer,
               {told(f"{kinds} LIKE '%,digitizer,%'", f"{kinds} LIKE '%,touch,%'")} AS pen,
               {told(f"{listed} LIKE '%,08%'", also="storage")} AS storage,
               {
            told(
                f"{listed} LIKE '%,e00103%'",
                f"{listed} LIKE '%,0206%'",
                f"{listed} LIKE '%,020d%'",
                f"{listed} LIKE '%,020c%'",
                f"{listed} LIKE '%,ef0401%'",
                also=f"{name} = 'net'",
            )
        } AS network,
               {told(f"{listed} LIKE '%,01%'", also=f"{name} = 'media'")} AS audio,
               {told(f"{listed} LIKE '%,0e%'", also=f"{name} IN ('camera', 'image')")} AS video,
               {told("device_class LIKE '09%'", f"{listed} LIKE '%,09%'")} AS hub,
               {told("',' || lower(interface_strings) || ',' LIKE '%,hid interface,%'")} AS gadget_text,
               bool_or(interfaces IS NOT NULL AND NOT coalesce(part, false)) AS whole,
               bool_or(hid_kinds IS NOT NULL) AS kinds_told,
               bool_or(coalesce({name} LIKE '%injected%', false)) AS virtual,
               bool_and(coalesce(removable = false, false)
                        OR coalesce({name} LIKE 'hid i2c%', false)) AS inside,
               max(manufacturer) AS manufacturer, max(product) AS product, max(serial) AS serial,
               count(DISTINCT serial) AS serials, bool_or(bus <> '') AS windows,
               max(bcd_device) AS bcd_device, max(bcd_usb) AS bcd_usb, max(max_power_ma) AS max_power_ma,
               max(attributes) AS attributes, max(speed_mbps) AS speed_mbps, max(device_class) AS device_class,
               max(interfaces) AS interfaces, max(hid_reports) AS hid_reports, max(hid_kinds) AS hid_kinds,
               min(first) AS first, max(last) AS last, sum(n)::BIGINT AS n, min(record_id) AS record_id,
               bit_or(days) AS days, bit_or(present_days) AS present_days, sum(moves)::BIGINT AS moves
        FROM usb_seen WHERE vendor_id IS NOT NULL AND product_id IS NOT NULL
        GROUP BY device_id, vendor_id, product_id
        """,
    )


_SCREEN = (
    "device_id, internal, vendor, product_code, serial_number, serial_text, name, week, year, width, height, "
    "width_mm, height_mm, pixel_clock_khz, max_pixel_clock_mhz, extensions, extensions_present, edid_sha256, "
    "extension_sha256, sound"
)


def make_screens(fleet: Fleet) -> None:
    """Make ``screens``: a row for everything a device says of one display in the thirty days up to ``until``."""
    fleet.make(
        "screens",
        f"""
        SELECT {_SCREEN}, min(ts) AS first, max(ts) AS last, count(*) AS n, min(record_id) AS record_id,
               max(refresh_hz) AS refresh_hz, max(connector) AS connector,
               bit_or({_DAY}) AS days
        FROM displays_30d GROUP BY {_SCREEN}
        """,
    )
