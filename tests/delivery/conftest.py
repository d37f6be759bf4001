"""A made-up fleet's morning report, and servers to deliver it to."""

from __future__ import annotations

import pytest

from tests.delivery import servers
from tests.reports.morning import fleet_rows


@pytest.fixture(scope="session")
def morning():
    return fleet_rows.morning(300)


@pytest.fixture
def mails():
    with servers.mail_server() as kept:
        yield kept


@pytest.fixture
def posts():
    with servers.web_server() as kept:
        yield kept
