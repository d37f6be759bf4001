"""What is known of devices: from a labelled list, or from what people decided about them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from farmwatch.analysis.fleet.labelled import Label
from farmwatch.errors import ProfileError
from farmwatch.records import CaseState, Claim, Standing

__all__ = ["labels_of_decisions", "read_truth"]

_WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_UNDECIDED = frozenset({CaseState.OPEN, CaseState.NEW_EVIDENCE})
_MOST_BYTES = 1 << 30
_MOST_FAULTS = 20


def read_truth(path: Path) -> dict[str, Label]:
    """Labels from a CSV file with a header: ``device_id``, ``driven`` (1 or 0), and if known ``farm_id`` and ``setup``.

    Other columns are ignored. A device may be there once.

    Raises:
        ProfileError: the file cannot be read or breaks these rules; the first twenty faults are listed.
    """
    faults: list[str] = []
    found: dict[str, Label] = {}
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ProfileError(str(path), ["larger than 1 GiB"])
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in ("device_id", "driven") if name not in (reader.fieldnames or ())]
            if missing:
                raise ProfileError(str(path), [f"line 1: expected a header with {' and '.join(missing)}"])
            for row in reader:
                fault = _take(row, found)
                if fault and len(faults) < _MOST_FAULTS:
                    faults.append(f"line {reader.line_num}: {fault}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ProfileError(str(path), [f"not a readable CSV file: {error}"]) from error
    if not faults and not found:
        faults.append("no device is in it")
    if faults:
        raise ProfileError(str(path), faults)
    return found


def _take(row: Mapping[str, str | None], found: dict[str, Label]) -> str:
    """Note the label of a row; what is wrong with it, or ''."""
    device = (row.get("device_id") or "").strip()
    driven = _WORDS.get((row.get("driven") or "").strip().lower())
    if not device:
        return "no device_id"
    if driven is None:
        return f"driven is {str(row.get('driven'))[:40]!r}; expected 1 or 0"
    if device in found:
        return f"{device[:80]} is there twice"
    found[device] = Label(driven, (row.get("farm_id") or "").strip() or None, (row.get("setup") or "").strip() or None)
    return ""


def labels_of_decisions(devices: Iterable[str], standings: Mapping[str, Standing]) -> dict[str, Label]:
    """Labels from what people decided: confirmed is driven, dismissed is not, and neither is what asks for nobody.

    Devices that ask for a person and of which nobody confirmed anything have no label. Confirmed farms count as farms.
    What was confirmed by proof from outside counts as much as what evidence showed: it alone tells what is missed. Of a
    device with one claim confirmed, claims that nobody decided are not known: it is not innocent of them.

    Args:
        devices: all devices of an assessment.
        standings: how those with findings or decisions stand.
    """
    found: dict[str, Label] = {}
    for device in devices:
        standing = standings.get(device)
        states = dict(standing.states) if standing else {}
        proven = CaseState.CONFIRMED in states.values()
        if not proven and _UNDECIDED & set(states.values()):
            continue
        driven = _known(states.get(Claim.DRIVEN), proven=proven)
        in_farm = _known(states.get(Claim.FARM), proven=proven)
        farm = (standing.farm_id or "not named") if standing is not None and in_farm else None
        found[device] = Label(driven, farm, farm_known=in_farm is not None)
    return found


def _known(state: CaseState | None, *, proven: bool) -> bool | None:
    """Whether a claim is true, by what became of it; None where that is not known.

    Args:
        state: of the claim.
        proven: somebody confirmed another claim about the device.
    """
    if state is CaseState.CONFIRMED:
        return True
    return None if proven and state is not CaseState.DISMISSED else False
