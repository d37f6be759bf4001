"""DNS messages reduced to what rows are made of: names asked for, addresses answered."""

from __future__ import annotations

from typing import NamedTuple

from farmwatch.wire.protocols.dns import DnsMessage, answers_by_address

__all__ = ["QTYPES", "Lookup", "lookup"]

#: Record types by number, RFC 1035 section 3.2.2 and the IANA registry
QTYPES = {
    1: "A",
    2: "NS",
    5: "CNAME",
    6: "SOA",
    12: "PTR",
    15: "MX",
    16: "TXT",
    28: "AAAA",
    33: "SRV",
    65: "HTTPS",
    255: "ANY",
}
_MOST = 64  #: questions or addresses taken from one message; real answers hold a dozen


class Lookup(NamedTuple):
    """What rows are made of in one DNS message; names in lower case, without a final dot."""

    is_response: bool
    asked: tuple[tuple[str, str], ...]  #: name, type; of a query
    answers: tuple[tuple[str, str], ...]  #: address, name; of a response
    left_out: int  #: questions or addresses beyond the first 64

    def __len__(self) -> int:
        """How many facts it holds."""
        return len(self.asked) + len(self.answers)


def lookup(message: DnsMessage) -> Lookup:
    """What a query asks for, or the addresses a response gives."""
    if message.is_response:
        answers = answers_by_address(message)
        return Lookup(
            True,
            (),
            tuple((address, name.rstrip(".")) for address, name, _ in answers[:_MOST]),
            max(len(answers) - _MOST, 0),
        )
    asked = message.questions
    return Lookup(
        False,
        tuple((one.name.lower().rstrip("."), QTYPES.get(one.rtype, str(one.rtype))) for one in asked[:_MOST]),
        (),
        max(len(asked) - _MOST, 0),
    )
