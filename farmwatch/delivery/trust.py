"""Which servers are believed: the system's certificates, or those of a file."""

from __future__ import annotations

import ssl
from pathlib import Path

from farmwatch.delivery.failing import DeliveryError

__all__ = ["trusted"]


def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """What a connection checks the server's certificate by.

    Args:
        ca_file: certificates to trust, PEM; None for the system's.

    Raises:
        DeliveryError: the file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise DeliveryError(f"{ca_file}: no certificates to trust: {error}") from error
