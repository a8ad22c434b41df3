"""A desk in this process, on either database, and what other apps post into its channel."""

from collections.abc import Iterator

import pytest

from bot.simulator.slack import SlackSimulator
from tests.fixtures.desk_in_process import DeskInProcess


@pytest.fixture
def desk(database_url: str) -> Iterator[DeskInProcess]:
    with SlackSimulator() as slack:
        found = DeskInProcess(database_url, slack)
        yield found
        found.close()
