"""Certificates to trust: a file that holds none is a wrong setting, not a server that is away."""

from __future__ import annotations

import pytest

from farmwatch.delivery.failing import DeliveryError, PassingError
from farmwatch.delivery.trust import trusted
from tests.delivery import servers


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_a_file_without_certificates_is_refused_for_good(tmp_path, text):
    """Trying again would not mend it."""
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DeliveryError, match=r"ca\.pem: no certificates") as refused:
        trusted(path)
    assert not isinstance(refused.value, PassingError)


def test_certificates_of_a_file_are_the_only_ones(tmp_path):
    """One is named, one is trusted."""
    _, public = servers.certificate(tmp_path)
    assert len(trusted(public).get_ca_certs()) == 1
