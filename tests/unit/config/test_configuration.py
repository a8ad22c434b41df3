"""Settings, policy and accounts together: one look, one list of everything to mend."""

from pathlib import Path

import pytest

from bot.config.configuration import load_configuration
from bot.config.problems import ConfigurationError

DESK = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_SIGNING_SECRET": "s",
    "INCIDENT_CHANNEL": "C0INCIDENTS",
    "ALERTMANAGER_TOKEN": "t",
}
MAIN = {"ALPACA_API_KEY": "PK1", "ALPACA_SECRET_KEY": "hunter2"}
TWO_ACCOUNTS = """
[[accounts]]
name = "equities"
api_key_env = "EQUITIES_KEY"
secret_key_env = "EQUITIES_SECRET"

[[accounts]]
name = "options"
api_key_env = "OPTIONS_KEY"
secret_key_env = "OPTIONS_SECRET"
url = "https://api.alpaca.markets"
live = true
"""


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def names(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(environ)
    assert "hunter2" not in str(caught.value)
    return [problem.name for problem in caught.value.problems]


def test_one_account_comes_from_the_environment() -> None:
    configuration = load_configuration(DESK | MAIN)
    (account,) = configuration.accounts
    assert (account.name, account.api_key, account.paper) == ("main", "PK1", True)
    assert account.secret_key.get_secret_value() == "hunter2"
    assert configuration.account("main") == account
    assert configuration.policy_path is None
    with pytest.raises(KeyError):
        configuration.account("options")


def test_several_accounts_come_from_the_policy_and_their_keys_from_the_environment() -> None:
    Path("haltdesk.toml").write_text(TWO_ACCOUNTS)
    keys = {"EQUITIES_KEY": "E", "EQUITIES_SECRET": "es", "OPTIONS_KEY": "O", "OPTIONS_SECRET": "os"}
    configuration = load_configuration(DESK | keys | {"OPERATORS": "U1"})
    assert [(a.name, a.api_key, a.live) for a in configuration.accounts] == [
        ("equities", "E", False),
        ("options", "O", True),
    ]
    assert any("Real money: options" in caution for caution in configuration.cautions())


def test_missing_keys_of_accounts_and_operators_of_a_live_one_are_named() -> None:
    Path("haltdesk.toml").write_text(TWO_ACCOUNTS)
    assert names(DESK | {"EQUITIES_KEY": "E"}) == [
        "EQUITIES_SECRET",
        "OPTIONS_KEY",
        "OPTIONS_SECRET",
        "OPERATORS",
    ]


def test_mistakes_in_the_file_and_in_the_environment_are_told_together() -> None:
    Path("desk.toml").write_text('[halt]\ntime_budgt = "9s"')
    assert names({"HALTDESK_POLICY": "desk.toml", **MAIN}) == [
        "desk.toml: halt.time_budgt",
        "SLACK_BOT_TOKEN",
        "INCIDENT_CHANNEL",
        "ALERTMANAGER_TOKEN",
        "SLACK_SIGNING_SECRET",
    ]


def test_a_policy_that_is_named_and_not_there_is_an_error() -> None:
    assert names(DESK | MAIN | {"HALTDESK_POLICY": "gone.toml"}) == ["HALTDESK_POLICY"]


def test_the_env_file_beside_is_read_and_may_name_the_policy() -> None:
    Path("desk.toml").write_text('[notices]\nresolution_delay = "1h"')
    settings = DESK | MAIN | {"HALTDESK_POLICY": "desk.toml"}
    Path(".env").write_text("\n".join(f"{name}={value}" for name, value in settings.items()))
    configuration = load_configuration({})
    assert configuration.policy_path == Path("desk.toml")
    assert configuration.policy.resolution_delay.total_seconds() == 3600


def test_what_is_allowed_and_should_be_known_is_told() -> None:
    bare = "\n".join(load_configuration(DESK | MAIN).cautions())
    for name in ("OPERATORS", "APPROVERS", "LEDGER_URL", "API_TOKEN", "PROMETHEUS_URL", "ALERTMANAGER_URL"):
        assert name in bare
    full = {
        "OPERATORS": "U1",
        "APPROVERS": "U1,U2",
        "LEDGER_URL": "sqlite:///ledger.db",
        "API_TOKEN": "a",
        "PROMETHEUS_URL": "http://127.0.0.1:9090",
        "ALERTMANAGER_URL": "http://127.0.0.1:9093",
    }
    assert load_configuration(DESK | MAIN | full).cautions() == ()


@pytest.mark.parametrize(
    ("ledger", "told"),
    [
        ({"LEDGER_URL": "sqlite:///ledger.db"}, True),
        ({"LEDGER_URL": "sqlite:///ledger.db", "LEDGER_QUERY": "SELECT symbol, book AS account FROM positions"}, False),
        ({"LEDGER_URL": "sqlite:///ledger.db", "LEDGER_QUERY": "SELECT * FROM positions"}, False),
        ({"LEDGER_URL": "file:///srv/positions.csv"}, False),
    ],
)  # fmt: skip
def test_with_several_accounts_a_query_that_names_none_is_told(ledger: dict[str, str], told: bool) -> None:
    Path("haltdesk.toml").write_text(TWO_ACCOUNTS)
    keys = {"EQUITIES_KEY": "E", "EQUITIES_SECRET": "es", "OPTIONS_KEY": "O", "OPTIONS_SECRET": "os"}
    cautions = "\n".join(load_configuration(DESK | keys | {"OPERATORS": "U1"} | ledger).cautions())
    assert ("LEDGER_QUERY gives no column account" in cautions) is told
