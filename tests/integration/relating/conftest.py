"""A desk in this process, on either database, whose Slack has said its address."""

from collections.abc import Iterator

import pytest

from bot.simulator.slack import SlackSimulator
from tests.integration.relating.related import Floor


@pytest.fixture
def floor(database_url: str) -> Iterator[Floor]:
    with SlackSimulator() as slack:
        found = Floor(database_url, slack)
        yield found
        found.close()
