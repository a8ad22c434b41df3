"""One ledger for several accounts: each is held against its own rows, and a row of nobody's is no break and no halt."""

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bot.adapters.alpaca.broker import AlpacaBroker
from bot.adapters.ledgers import AccountLedger, open_ledgers
from bot.app import build
from bot.config.configuration import load_configuration
from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.brokerage import Position
from bot.domain.reconciliation import LedgerPosition
from bot.domain.words import ActionKind, ActionStatus
from bot.engine.record import Unrecorded
from bot.ports.ledger import Ledger, LedgerError
from bot.services.actions.reconcile import run_reconcile
from tests.unit.actions.desk import TEN, Account, Books, asked, tools_for

AT = TEN.isoformat()
COLUMNS = "symbol, qty, avg_price, updated_at"
BOTH = ("equities", "options")
HELD = {"equities": ("AAPL", "10"), "options": ("MSFT", "5")}


def database(folder: Path, *rows: tuple[str, ...]) -> str:
    path = folder / "ledger.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE positions ({COLUMNS}, account)")
        connection.executemany("INSERT INTO positions VALUES (?, ?, ?, ?, ?)", rows)
    connection.close()
    return f"sqlite:///{path}"


def file(folder: Path, *rows: tuple[str, ...]) -> str:
    path = folder / "positions.csv"
    lines = [f"{COLUMNS}, account".replace(" ", ""), *(",".join(row) for row in rows)]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path.as_uri()


OF_BOTH = [(symbol, qty, "100", AT, name) for name, (symbol, qty) in HELD.items()]
QUERY = f"SELECT {COLUMNS}, account FROM positions"


def reconciled(ledgers: Mapping[str, Ledger], name: str) -> ActionResult:
    broker = Account()
    broker.hold(*HELD[name])
    return run_reconcile(asked(ActionKind.RECONCILE), tools_for(broker, ledgers[name]))


@pytest.mark.parametrize("kept", [database, file])
@pytest.mark.parametrize("name", BOTH)
def test_each_account_is_held_against_its_own_rows(tmp_path: Path, name: str, kept: object) -> None:
    url = database(tmp_path, *OF_BOTH) if kept is database else file(tmp_path, *OF_BOTH)
    result = reconciled(open_ledgers(url, QUERY, None, BOTH), name)
    assert result.headline == "Clean: 1 in the ledger, 1 at the broker, no break above tolerance."


@pytest.mark.parametrize("rows", [OF_BOTH, []])
def test_a_query_that_gives_no_account_fails_the_run_and_says_what_to_write(
    tmp_path: Path, rows: list[tuple[str, ...]]
) -> None:
    """Also while the ledger is empty: an empty answer of a query that cannot tell is not a clean book."""
    ledgers = open_ledgers(database(tmp_path, *rows), f"SELECT {COLUMNS} FROM positions", None, BOTH)
    result = reconciled(ledgers, "equities")
    assert result.status is ActionStatus.FAILED
    run = result.evidence["run"]
    assert (run["breaks"], run["halt"], run["clean"]) == ([], False, False)
    assert (
        "LEDGER_QUERY gives no column account; it must give symbol, qty, avg_price, updated_at, account"
        in (result.headline)
    )
    assert "each row must name its own, as haltdesk.toml does" in result.headline


@pytest.mark.parametrize(
    ("account", "word"),
    [
        ("", r"row 3 \(TSLA\): it names no account, and there are several; .* one of: equities, options"),
        ("futures", r"row 3 \(TSLA\): no account is named 'futures'; .* haltdesk.toml: equities, options"),
    ],
)
def test_a_row_of_no_known_account_fails_the_run_of_every_account(
    tmp_path: Path, account: str, word: str
) -> None:
    url = file(tmp_path, *OF_BOTH, ("TSLA", "1", "200", AT, account))
    for ledger in open_ledgers(url, "", None, BOTH).values():
        with pytest.raises(LedgerError, match=word):
            ledger.positions()


def row(account: str | None) -> LedgerPosition:
    return LedgerPosition("AAPL", Decimal(10), None, datetime(2026, 11, 20, tzinfo=UTC), account)


def test_one_account_alone_needs_no_column_and_must_be_the_one_that_it_names() -> None:
    for named in (None, "main"):
        assert len(AccountLedger(Books([row(named)]), "main", ("main",)).positions()) == 1
    with pytest.raises(LedgerError, match="no account is named 'PA3F'"):
        AccountLedger(Books([row("PA3F")]), "main", ("main",)).positions()


POLICY = "".join(
    f'[[accounts]]\nname = "{name}"\napi_key_env = "{name.upper()}_KEY"\nsecret_key_env = "{name.upper()}_SECRET"\n'
    for name in BOTH
)


def test_haltdesk_put_together_reconciles_each_account_with_its_own_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the schedule does it: with the whole ledger, each account's positions were missing at the other's broker."""
    (tmp_path / "haltdesk.toml").write_text(POLICY)
    environment = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": "s",
        "INCIDENT_CHANNEL": "C0INCIDENTS",
        "ALERTMANAGER_TOKEN": "t",
        **{f"{name.upper()}_{what}": "k" for name in BOTH for what in ("KEY", "SECRET")},
        "HALTDESK_POLICY": str(tmp_path / "haltdesk.toml"),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'haltdesk.db'}",
        "JOURNAL_PATH": str(tmp_path / "journal.jsonl"),
        "LEDGER_URL": database(tmp_path, *OF_BOTH),
        "LEDGER_QUERY": QUERY,
    }

    def held(broker: AlpacaBroker, *, within: float | None = None) -> tuple[Position, ...]:
        symbol, qty = HELD[broker.account]
        return (Position(symbol, Decimal(qty), Decimal(100), Decimal(100)),)

    monkeypatch.setattr(AlpacaBroker, "list_positions", held)
    application = build(load_configuration(environment))
    for name in BOTH:
        request = ActionRequest(
            0, ActionKind.RECONCILE, name, "scheduled", "haltdesk", application.desk.now()
        )
        result = application.perform[ActionKind.RECONCILE](request, Unrecorded(), None)
        run = result.evidence["run"]
        assert [one["kind"] for one in run["breaks"] if one["kind"] != "stale position"] == []
        assert run["halt"] is False
    application.desk.database.dispose()
