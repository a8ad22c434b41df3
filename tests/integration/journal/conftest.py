"""A desk on each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.journal.away import AwayDesk, away_desk


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[AwayDesk]:
    with away_desk(database_url, tmp_path) as found:
        yield found
