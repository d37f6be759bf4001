"""Where input comes from: ``input_sources`` says what each input device is, ``input_days`` what it did by UTC day.

The agent names an input device by its vendor and product id. Which of them a remote hand can reach is decided by where
it hangs: a keyboard controller or an I2C touchpad is soldered in; what hangs on USB may be a box that types for
somebody else, also one that copies the ids of a built-in device, so of several readings the one from outside holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from farmwatch.knowledge.entries import Kind

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = [
    "excused", "kvm_approved", "make_excused", "make_input_days", "make_input_sources", "make_kvm_approved",
]  # fmt: skip

_FEWEST_PRESSES = 20  #: of a window that the agent looks for a grid in (docs/evidence.md, M16)
_MOST = 1_000_000  #: of anything in a window: more is no count of input
_APPROVED = "the roster approves a remote KVM on it"
_CLIENT_GRID_MS = 16.5  #: from here on a grid is a screen's or a program's: USB and keyboards scan every 1 to 16 ms


def make_input_sources(fleet: Fleet) -> None:
    """Make ``input_sources(device_id, input_device, role, box)``.

    ``role`` is ``injected`` (no hardware behind it), ``built in``, ``usb``, ``bluetooth`` or ``unknown``; ``box`` says
    that the USB device is keyboard and absolute pointer in one. Vendors 0001 and 0002 are the kernel's own numbers for
    keyboards and touchpads on the keyboard controller (Linux drivers/input: atkbd, psmouse), 0000 its firmware keys.
    """
    fleet.make(
        "input_sources",
        """
        WITH inputs AS (
            SELECT DISTINCT device_id, lower(input_device) AS input_device FROM input_timing_30d
        ), attached AS (
            SELECT device_id, printf('%04x:%04x', vendor_id, product_id) AS input_device,
                   bool_or(NOT coalesce(class_name LIKE 'hid %', false) AND removable IS DISTINCT FROM false)
                       AS plugged,
                   bool_or(coalesce(class_name LIKE 'hid bluetooth%', false)) AS bluetooth,
                   bool_or(coalesce(class_name LIKE 'hid i2c%', false) OR coalesce(NOT removable, false)) AS fixed,
                   bool_or(coalesce(hid_kinds LIKE '%keyboard%' AND hid_kinds LIKE '%pointer%', false)) AS box
            FROM usb_devices_30d
            WHERE vendor_id BETWEEN 0 AND 65535 AND product_id BETWEEN 0 AND 65535
                  AND device_id IN (SELECT device_id FROM inputs)
            GROUP BY ALL
        )
        SELECT device_id, input_device, coalesce(box AND plugged, false) AS box,
               CASE WHEN input_device = 'injected' THEN 'injected'
                    WHEN plugged THEN 'usb'
                    WHEN bluetooth THEN 'bluetooth'
                    WHEN fixed OR substr(input_device, 1, 5) IN ('0000:', '0001:', '0002:') THEN 'built in'
                    ELSE 'unknown' END AS role
        FROM inputs LEFT JOIN attached USING (device_id, input_device)
        """,
    )


def make_input_days(fleet: Fleet) -> None:
    """Make ``input_days``, one row a device, input device and UTC day of the window.

    Columns: ``device_id, input_device, role, box, day, windows, presses, clicks, moves`` (without windows of a
    jiggler), ``jiggling`` (windows), ``lossy`` (windows with lost reports), and of windows without losses
    ``sound_presses, clumped, clumps, stalls, tested`` (presses in windows with enough of them to show a grid) and
    ``gridded`` (those on the grid of a screen or program).
    """
    fleet.make(
        "input_days",
        f"""
        WITH told AS (
            SELECT device_id, lower(input_device) AS input_device, CAST(ts AS DATE) AS day,
                   {_counted("presses")}, {_counted("clicks")}, {_counted("moves")}, {_counted("clumps")},
                   {_counted("clumped_presses")}, {_counted("stalls")}, coalesce(lost_reports, 0) > 0 AS lossy,
                   jiggle_period_s IS NOT NULL AS jiggling,
                   coalesce(lattice_ms BETWEEN {_CLIENT_GRID_MS} AND 1000, false) AS grid
            FROM input_timing
        ), days AS (
            SELECT device_id, input_device, day, count(*) AS windows, sum(presses) AS presses, sum(clicks) AS clicks,
                   coalesce(sum(moves) FILTER (NOT jiggling), 0) AS moves, count(*) FILTER (jiggling) AS jiggling,
                   count(*) FILTER (lossy) AS lossy, coalesce(sum(presses) FILTER (NOT lossy), 0) AS sound_presses,
                   coalesce(sum(clumped_presses) FILTER (NOT lossy), 0) AS clumped,
                   coalesce(sum(clumps) FILTER (NOT lossy), 0) AS clumps,
                   coalesce(sum(stalls) FILTER (NOT lossy), 0) AS stalls,
                   coalesce(sum(presses) FILTER (NOT lossy AND presses >= {_FEWEST_PRESSES}), 0) AS tested,
                   coalesce(sum(presses) FILTER (NOT lossy AND presses >= {_FEWEST_PRESSES} AND grid), 0) AS gridded
            FROM told GROUP BY ALL
        )
        SELECT days.*, role, box FROM days JOIN input_sources USING (device_id, input_device)
        """,
    )


def _counted(column: str) -> str:
    """A column of counts without what no window can hold."""
    return f"least(greatest(coalesce({column}, 0), 0), {_MOST}) AS {column}"


def make_excused(fleet: Fleet) -> None:
    """Make ``excused(device_id, reason)``: devices whose unusual input the roster explains.

    That is an arrangement at work, or a remote KVM that the roster approves for this device.
    """
    fleet.make(
        "excused",
        f"""
        SELECT device_id, CASE WHEN accommodation THEN 'the roster says that an arrangement explains unusual input'
                               ELSE '{_APPROVED}' END AS reason
        FROM owners LEFT JOIN kvm_approved AS k USING (device_id) WHERE accommodation OR k.device_id IS NOT NULL
        """,
    )


def make_kvm_approved(fleet: Fleet) -> None:
    """Make ``kvm_approved(device_id)``: devices on which the roster approves a remote KVM."""
    fleet.make(
        "kvm_approved",
        "SELECT device_id FROM owners WHERE list_has_any(approved_tools, $kvms)",
        kvms=sorted(entry.id for entry in fleet.knowledge.entries.values() if entry.kind is Kind.KVM),
    )


def kvm_approved(fleet: Fleet) -> dict[str, str]:
    """Devices on which the roster approves a remote KVM, and that as the reason why they are not judged by one."""
    rows = fleet.rows("SELECT device_id FROM kvm_approved ORDER BY device_id")
    return {row["device_id"]: _APPROVED for row in rows}


def excused(fleet: Fleet) -> dict[str, str]:
    """Devices whose unusual input the roster explains, and that as the reason why they are not judged by it."""
    rows = fleet.rows("SELECT device_id, reason FROM excused ORDER BY device_id")
    return {row["device_id"]: row["reason"] for row in rows}
