"""What tools, KVMs, VPNs, meeting services and places look like: data files and matchers. Imports only ``errors``.

``load_knowledge()`` gives a ``Knowledge``; its ``match_…`` methods answer which entries a name, certificate, port,
address or device field points to, how surely, and of what it is a sign.
"""

from __future__ import annotations

from farmwatch.knowledge.entries import (
    Entry,
    Fact,
    Grade,
    Kind,
    Layer,
    Match,
    Side,
    Sign,
    StunBeacon,
    TunnelMtu,
)
from farmwatch.knowledge.matching import Knowledge, knowledge_version, load_knowledge
from farmwatch.knowledge.suffixes import registrable_domain

__all__ = [
    "Entry",
    "Fact",
    "Grade",
    "Kind",
    "Knowledge",
    "Layer",
    "Match",
    "Side",
    "Sign",
    "StunBeacon",
    "TunnelMtu",
    "knowledge_version",
    "load_knowledge",
    "registrable_domain",
]
