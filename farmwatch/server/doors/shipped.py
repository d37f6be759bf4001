"""What the look-alike doors share: a request's wrapped records sorted out, taken in, and an answer for each record."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from farmwatch.collectors.feeds.contract import Fault
from farmwatch.server.envelopes import Batch, Wrapped, sort_out
from farmwatch.server.ingest import Facts, Receipt
from farmwatch.server.problems import Refusal

if TYPE_CHECKING:
    from farmwatch.server.service import Service
    from farmwatch.store.state import Sender

__all__ = ["Outcome", "json_values", "take_in"]

_UNKNOWN = "no feed recognises it; name its kind (source type, index or attribute), see GET /v1/ingest"
_PASSING, _TOO_LARGE = 500, 413  # statuses for which a whole request is refused
_UNKNOWN_KIND = "unknown"  # what such records are filed under among the rejects


@dataclass(slots=True)
class Outcome:
    """What became of a request's records."""

    records: int = 0
    rejected: int = 0
    reasons: dict[int, str] = field(default_factory=dict)  #: by number of the record, those rejected that are known
    counts: Counter[str] = field(default_factory=Counter)  #: reasons, for a summary


def json_values(text: str, limit: int) -> list[object]:
    """JSON values laid end to end, with or without space, commas or an array around them.

    Raises:
        Refusal: 400 it is not JSON; 413 there are too many.
    """
    decoder, at, values = json.JSONDecoder(), 0, list[object]()
    while True:
        while at < len(text) and text[at] in " \t\r\n,\ufeff":
            at += 1
        if at == len(text):
            return values
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            said = getattr(error, "msg", "nested too deep")
            raise Refusal(400, f"not JSON at character {at}: {said}", reason="json", record=len(values) + 1) from error
        values.extend(value if isinstance(value, list) else [value])
        if len(values) > limit:
            raise Refusal(413, f"more than {limit} records in one body", reason="too_many_rows", limit=limit)


async def take_in(service: Service, wrapped: Sequence[Wrapped], token: Sender, name: str, request: str) -> Outcome:
    """Take in the records of one request; when this returns, their rows and rejects are durable.

    Args:
        service: The server.
        wrapped: The records, numbered from 1.
        token: Whose request it is; records of kinds it may not send are rejected.
        name: What they came in, kept with rejects.
        request: Id of the request.

    Raises:
        Refusal: nothing can be taken now.
    """
    outcome = Outcome(len(wrapped))
    only = token.kinds[0] if len(token.kinds) == 1 else None
    batches, unknown = await service.ingest.work(sort_out, wrapped, only)
    faults = [Fault(one.fault or _UNKNOWN, one.number) for one in unknown]
    allowed = []
    for batch in batches:
        if token.may_send(batch.kind):
            allowed.append(batch)
        else:
            faults += [Fault(f"this token may not send {batch.kind}", number) for number in batch.numbers]
    receipts = await asyncio.gather(
        *(
            service.ingest.accept(batch.kind, batch.body, token.name, Facts(request, name, batch.device_id))
            for batch in allowed
        ),
        return_exceptions=True,
    )
    for batch, receipt in zip(allowed, receipts, strict=True):
        if isinstance(receipt, BaseException):
            if not isinstance(receipt, Refusal) or receipt.status >= _PASSING or receipt.status == _TOO_LARGE:
                raise receipt  # sent again, those that were taken are known by their keys
            faults += [Fault(receipt.detail, number) for number in batch.numbers]
        elif receipt.error:  # documents behind the one that could not be read
            faults += [Fault(f"not read: {receipt.error}", number) for number in batch.numbers[receipt.records :]]
    if faults:
        await service.ingest.keep_rejects(faults, _UNKNOWN_KIND, token.name, Facts(request, name))
    await service.ingest.work(_tell, outcome, faults, list(zip(allowed, receipts, strict=True)))
    return outcome


def _tell(outcome: Outcome, faults: Sequence[Fault], taken: Sequence[tuple[Batch, Receipt | BaseException]]) -> None:
    """Note what was rejected of a request, by the numbers its sender knows."""
    for fault in faults:
        _note(outcome, fault, [fault.offset or 0])
    for batch, receipt in taken:
        if isinstance(receipt, BaseException):
            continue
        for fault in receipt.faults:
            if not fault.row_only:
                lines = fault.others or (fault.offset or 0,)
                _note(outcome, fault, [batch.numbers[line - 1] for line in lines if 0 < line <= len(batch.numbers)])


def _note(outcome: Outcome, fault: Fault, numbers: Sequence[int]) -> None:
    outcome.rejected += fault.count
    outcome.counts[fault.reason] += fault.count
    for number in numbers:
        outcome.reasons[number] = fault.reason
