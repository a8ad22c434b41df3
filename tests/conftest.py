"""What every test may ask for: databases of both kinds, the real programs, and a fence around the machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.databases import lay, migrate_once
from tests.fixtures.loopback import allow_loopback_only
from tests.fixtures.postgres import RealPostgres
from tests.fixtures.programs import require


@pytest.fixture(scope="session", autouse=True)
def _on_this_machine_only() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        allow_loopback_only(patch)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[RealPostgres]:
    """One PostgreSQL for this test process, so that processes side by side do not meet. No test may stop it."""
    server = RealPostgres(quick=True)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def own_postgres_server() -> Iterator[RealPostgres]:
    """A PostgreSQL for one test alone, which may stop and start it."""
    server = RealPostgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: RealPostgres) -> str:
    """A database with the newest schema, for copying: nobody stays connected to it."""
    url = postgres_server.fresh_database()
    migrate_once(url)
    return url


@pytest.fixture
def postgres_url(postgres_server: RealPostgres, migrated_postgres: str) -> Iterator[str]:
    """The SQLAlchemy URL of a database on PostgreSQL with the newest schema and nothing in it."""
    url = postgres_server.fresh_database(like=migrated_postgres)
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def empty_postgres_url(postgres_server: RealPostgres) -> Iterator[str]:
    """The SQLAlchemy URL of a database on PostgreSQL without any table."""
    url = postgres_server.fresh_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The SQLAlchemy URL of an SQLite file with the newest schema and nothing in it."""
    url = f"sqlite:///{tmp_path / 'haltdesk.db'}"
    lay(url)
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database with the newest schema and nothing in it; the test runs once on each kind."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table; the test runs once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'haltdesk.db'}"
    return str(request.getfixturevalue("empty_postgres_url"))


@pytest.fixture(scope="session")
def prometheus_binary() -> Path:
    return require("prometheus")


@pytest.fixture(scope="session")
def alertmanager_binary() -> Path:
    return require("prometheus-alertmanager", "alertmanager")


@pytest.fixture(scope="session")
def chromium_binary() -> Path:
    """Whoever asks for it expects things of a page: each within a minute, for machines that are slow."""
    from playwright.sync_api import expect

    expect.set_options(timeout=60_000)
    return require("chromium", "chromium-browser", "google-chrome")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes minutes runs only when it is asked for by its mark (`make storm`)."""
    if "full" in config.option.markexpr:
        return
    left_out = [item for item in items if "full" in item.keywords]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
