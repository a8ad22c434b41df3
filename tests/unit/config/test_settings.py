"""The settings of a machine: what is missing or wrong is named, all of it, and no secret is ever shown."""

from pathlib import Path

import pytest

from bot.config.problems import ConfigurationError
from bot.config.settings import Settings, load

DESK = {
    "SLACK_BOT_TOKEN": "xoxb-bot-token-secret",
    "SLACK_SIGNING_SECRET": "signing-secret",
    "INCIDENT_CHANNEL": "C0INCIDENTS",
    "ALERTMANAGER_TOKEN": "alertmanager-secret",
    "ALPACA_API_KEY": "PK0123456789",
    "ALPACA_SECRET_KEY": "alpaca-secret",
}


def problems(environ: dict[str, str]) -> dict[str, str]:
    """Name -> the line of the error."""
    with pytest.raises(ConfigurationError) as caught:
        load(environ)
    return {problem.name: str(problem) for problem in caught.value.problems}


def test_a_small_paper_desk_needs_six_settings_and_gets_sensible_others() -> None:
    settings = load(DESK)
    assert (settings.host, settings.port, settings.log_level) == ("127.0.0.1", 8080, "INFO")
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.alpaca_api_url == "https://paper-api.alpaca.markets"
    assert settings.database_url.get_secret_value() == "sqlite:///haltdesk.db"
    assert settings.journal_path == Path("haltdesk-journal.jsonl")
    assert settings.operators == ()
    assert not settings.alpaca_live
    assert not settings.socket_mode


def test_an_empty_environment_is_told_everything_that_is_missing_at_once() -> None:
    found = problems({})
    assert set(found) == set(DESK)
    assert all("missing" in line for line in found.values())
    assert found["INCIDENT_CHANNEL"].endswith("write e.g. INCIDENT_CHANNEL=C0INCIDENTS")


def test_wrong_missing_and_contradicting_settings_are_told_together() -> None:
    found = problems(
        {
            "SLACK_BOT_TOKEN": "xapp-wrong-kind",
            "PORT": "80800",
            "OPERATORS": "U012AB3CD, @trader",
            "LOG_LEVEL": "loud",
            "ALPACA_LIVE": "maybe",
            "PROMETHEUS_URL": "prometheus:9090",
            "STAKEHOLDER_EMAILS": "risk@example.com",
            "HALTDESK_POLICY": "no-such-file.toml",
        }
    )
    missing = {"SLACK_SIGNING_SECRET", "INCIDENT_CHANNEL", "ALERTMANAGER_TOKEN", "SMTP_URL"}
    keys = {"ALPACA_API_KEY", "ALPACA_SECRET_KEY"}
    wrong = {"SLACK_BOT_TOKEN", "PORT", "OPERATORS", "LOG_LEVEL", "ALPACA_LIVE", "PROMETHEUS_URL"}
    assert set(found) == missing | keys | wrong | {"HALTDESK_POLICY"}
    assert "'@trader' is no Slack id" in found["OPERATORS"]


def test_no_secret_is_in_an_error_nor_in_what_is_printed() -> None:
    wrong = {
        **DESK,
        "SLACK_BOT_TOKEN": "hunter2",
        "SLACK_APP_TOKEN": "hunter2",
        "DATABASE_URL": "mysql://desk:hunter2@db/desk",
        "LEDGER_URL": "hunter2",
        "SMTP_URL": "ftp://desk:hunter2@mail",
        "ALPACA_API_URL": "https://desk:hunter2@[broken",
        "PROMETHEUS_URL": "http://desk:hunter2@prometheus:port",
    }
    with pytest.raises(ConfigurationError) as caught:
        load(wrong)
    assert len(caught.value.problems) == 7
    assert "hunter2" not in str(caught.value)
    # Nothing beneath it either, which a traceback would show.
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None

    secrets = (DESK[name] for name in DESK if name.endswith(("TOKEN", "SECRET", "SECRET_KEY")))
    settings = load(DESK | {"DATABASE_URL": "postgresql://desk:hunter2@db/desk"})
    for secret in (*secrets, "hunter2"):
        assert secret not in repr(settings)
        assert secret not in str(settings)
        assert secret not in settings.model_dump_json()


def test_lists_are_separated_by_commas_and_may_be_written_loosely() -> None:
    settings = load(DESK | {"OPERATORS": " U012AB3CD ,S34EF5GH, ,U012AB3CD,", "APPROVERS": "W1"})
    assert settings.operators == ("U012AB3CD", "S34EF5GH")
    assert settings.approvers == ("W1",)


def test_an_empty_setting_counts_as_not_set() -> None:
    settings = load(DESK | {"SLACK_APP_TOKEN": "", "PROMETHEUS_URL": "  ", "PORT": ""})
    assert (settings.slack_app_token, settings.prometheus_url, settings.port) == (None, None, 8080)


def test_the_environment_wins_over_the_file_whose_dollars_mean_themselves(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    lines = [f"{name}={value}" for name, value in DESK.items() if name != "ALERTMANAGER_TOKEN"]
    env_file.write_text("\n".join([*lines, "ALERTMANAGER_TOKEN=pa$$HOME${PATH}", "PORT=9000", "HOST=::1"]))
    settings = load({"PORT": "9001"}, env_file)
    assert (settings.port, settings.host) == (9001, "::1")
    assert settings.alertmanager_token.get_secret_value() == "pa$$HOME${PATH}"


def test_a_file_that_is_absent_is_no_error(tmp_path: Path) -> None:
    assert load(DESK, tmp_path / ".env").port == 8080


def test_socket_mode_needs_no_signing_secret() -> None:
    environ = {name: value for name, value in DESK.items() if name != "SLACK_SIGNING_SECRET"}
    assert load(environ | {"SLACK_APP_TOKEN": "xapp-1-A-2"}).socket_mode
    assert set(problems(environ)) == {"SLACK_SIGNING_SECRET"}


LIVE = ["https://api.alpaca.markets", "https://API.Alpaca.Markets:443/", "https://api.alpaca.markets./v2"]


@pytest.mark.parametrize("url", LIVE)
def test_the_live_broker_must_be_said_and_needs_named_operators(url: str) -> None:
    live = DESK | {"ALPACA_API_URL": url}
    assert set(problems(live)) == {"ALPACA_LIVE", "OPERATORS"}
    assert set(problems(live | {"ALPACA_LIVE": "false", "OPERATORS": "U1"})) == {"ALPACA_LIVE"}
    assert set(problems(live | {"ALPACA_LIVE": "true", "OPERATORS": " , "})) == {"OPERATORS"}
    assert load(live | {"ALPACA_LIVE": "true", "OPERATORS": "U1"}).alpaca_live


@pytest.mark.parametrize("url", ["http://127.0.0.1:8090", "https://api.alpaca.markets.example.com"])
def test_any_other_broker_is_paper_unless_it_is_said_to_be_live(url: str) -> None:
    other = DESK | {"ALPACA_API_URL": url}
    assert not load(other).alpaca_live
    assert set(problems(other | {"ALPACA_LIVE": "true"})) == {"OPERATORS"}
    assert load(other | {"ALPACA_LIVE": "true", "OPERATORS": "U1"}).alpaca_live


def test_live_with_the_paper_address_is_refused_because_it_would_halt_the_wrong_account() -> None:
    found = problems(DESK | {"ALPACA_LIVE": "true", "OPERATORS": "U1"})
    assert set(found) == {"ALPACA_API_URL"}
    assert found["ALPACA_API_URL"].endswith("write e.g. ALPACA_API_URL=https://api.alpaca.markets")


def test_the_live_broker_is_never_spoken_to_in_the_clear() -> None:
    found = problems(DESK | {"ALPACA_API_URL": "http://api.alpaca.markets", "ALPACA_LIVE": "true"})
    assert "https" in found["ALPACA_API_URL"]


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("slack_api_url", "http://127.0.0.1:8091/api", "http://127.0.0.1:8091/api/"),
        ("slack_api_url", "http://127.0.0.1:8091/api//", "http://127.0.0.1:8091/api/"),
        ("alpaca_api_url", "https://paper-api.alpaca.markets/v2/", "https://paper-api.alpaca.markets"),
        ("prometheus_url", "http://127.0.0.1:9090/prom/", "http://127.0.0.1:9090/prom"),
    ],
)
def test_addresses_are_brought_into_one_form(name: str, written: str, meant: str) -> None:
    assert getattr(load(DESK | {name.upper(): written}), name) == meant


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_postgres_address_of_any_spelling_goes_through_psycopg(scheme: str) -> None:
    settings = load(DESK | {"DATABASE_URL": f"{scheme}://desk:pw@db:5432/desk?sslmode=require"})
    meant = "postgresql+psycopg://desk:pw@db:5432/desk?sslmode=require"
    assert settings.database_url.get_secret_value() == meant


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://db/desk", "postgresql://db", "desk.db"]
)
def test_a_database_that_would_forget_or_cannot_work_is_refused(url: str) -> None:
    assert set(problems(DESK | {"DATABASE_URL": url})) == {"DATABASE_URL"}


def test_notices_and_drills_go_to_the_incident_channel_until_they_have_their_own() -> None:
    alone, full = load(DESK), load(DESK | {"STAKEHOLDER_CHANNEL": "C0BOARD", "DRILL_CHANNEL": "C0DRILLS"})
    assert (alone.notice_channel, alone.channel(drill=True)) == ("C0INCIDENTS", "C0INCIDENTS")
    assert (full.notice_channel, full.channel(drill=True)) == ("C0BOARD", "C0DRILLS")
    assert full.channel(drill=False) == "C0INCIDENTS"


def test_the_machines_own_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1234")
    monkeypatch.setenv("ALPACA_LIVE", "true")
    settings = load(DESK)
    assert (settings.port, settings.alpaca_live) == (8080, False)


def test_every_setting_has_help_and_an_example_to_write() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.examples, name
