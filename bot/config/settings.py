"""Settings from the environment and `.env`: what differs from one machine to the next, and every secret."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from dotenv import dotenv_values
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from bot.config import addresses
from bot.config.contradictions import contradictions
from bot.config.problems import ConfigurationError, Problem
from bot.config.values import ChannelName, EmailList, LogFormat, LogLevel, PersonList

DEFAULT_LEDGER_QUERY = "SELECT symbol, qty, avg_price, updated_at FROM positions"


def _field(default: Any, help_text: str, example: str) -> Any:
    return Field(default, description=help_text, examples=[example])


class Settings(BaseSettings):
    """Every setting, checked. Its name is the field's in capitals; errors suggest the example."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    slack_bot_token: Annotated[SecretStr, AfterValidator(addresses.bot_token)] = _field(
        ..., "the bot token of the Slack app (OAuth & Permissions)", "xoxb-1234-5678-abcd"
    )
    slack_signing_secret: SecretStr | None = _field(
        None, "the signing secret of the Slack app (Basic Information)", "0123456789abcdef0123456789abcdef"
    )
    slack_app_token: Annotated[SecretStr, AfterValidator(addresses.app_token)] | None = _field(
        None, "the app-level token; when it is set, Socket Mode is used", "xapp-1-A012-3456-abcd"
    )
    slack_api_url: Annotated[str, AfterValidator(addresses.slack_api)] = _field(
        "https://slack.com/api/", "where Slack's Web API is", "https://slack.com/api/"
    )
    slack_team_id: str | None = _field(None, "the only workspace to listen to", "T012AB3CD")
    slack_app_id: str | None = _field(None, "the only Slack app to listen to", "A012AB3CD")
    incident_channel: ChannelName = _field(..., "the channel in which incidents open", "C0INCIDENTS")
    stakeholder_channel: ChannelName | None = _field(
        None, "the channel for notices to stakeholders; the incident channel when absent", "C0STAKEHOLDERS"
    )
    drill_channel: ChannelName | None = _field(
        None, "the channel for drills; the incident channel when absent", "C0DRILLS"
    )
    fallback_channel: ChannelName | None = _field(
        None,
        "the channel for messages that another channel does not take (archived, the app not invited)",
        "C0FALLBACK",
    )
    operators: Annotated[PersonList, NoDecode] = _field(
        (), "who may act: user ids or user group ids, separated by commas", "U012AB3CD,S012AB3CD"
    )
    approvers: Annotated[PersonList, NoDecode] = _field(
        (), "who may approve: user ids or user group ids, separated by commas", "U012AB3CD,U034EF5GH"
    )
    alpaca_api_key: str | None = _field(None, "the API key of the broker account", "PK0123456789ABCDEFGH")
    alpaca_secret_key: SecretStr | None = _field(None, "the secret key of the broker account", "abcdEFGH0123")
    alpaca_api_url: Annotated[str, AfterValidator(addresses.broker_api)] = _field(
        addresses.PAPER_API, "where the broker's trading API is", addresses.PAPER_API
    )
    alpaca_live: bool = _field(False, "say true when the account holds real money", "true")
    prometheus_url: Annotated[str, AfterValidator(addresses.http)] | None = _field(
        None, "where Prometheus is", "http://127.0.0.1:9090"
    )
    alertmanager_url: Annotated[str, AfterValidator(addresses.http)] | None = _field(
        None, "where Alertmanager is", "http://127.0.0.1:9093"
    )
    alertmanager_token: SecretStr = _field(
        ...,
        "the bearer token that Alertmanager must send with each webhook",
        "paste-the-output-of-openssl-rand-hex-32",
    )
    api_token: SecretStr | None = _field(
        None, "the bearer token that programs must send to /v1", "paste-the-output-of-openssl-rand-hex-32"
    )
    database_url: Annotated[SecretStr, AfterValidator(addresses.database)] = _field(
        SecretStr("sqlite:///haltdesk.db"),
        "Haltdesk's own database",
        "postgresql://haltdesk@127.0.0.1/haltdesk",
    )
    ledger_url: Annotated[SecretStr, AfterValidator(addresses.ledger)] | None = _field(
        None, "the desk's own positions, to reconcile against", "postgresql://reader@127.0.0.1/trading"
    )
    ledger_query: str = _field(
        DEFAULT_LEDGER_QUERY,
        "the query for symbol, qty, avg_price, updated_at, and account with several accounts",
        DEFAULT_LEDGER_QUERY,
    )
    ledger_token: SecretStr | None = _field(
        None, "the bearer token for a LEDGER_URL that is an HTTP address", "paste-the-token-of-the-ledger"
    )
    smtp_url: Annotated[SecretStr, AfterValidator(addresses.smtp)] | None = _field(
        None, "the mail server for notices", "smtps://user:password@mail.example.com:465"
    )
    stakeholder_emails: Annotated[EmailList, NoDecode] = _field(
        (), "who gets notices by mail, separated by commas", "risk@example.com,desk@example.com"
    )
    primary_operator: str | None = _field(
        None, "the first person to call, as it should read in the contacts", "the desk, +1 555 0100"
    )
    journal_path: Path = _field(
        Path("haltdesk-journal.jsonl"),
        "the file that keeps records while the database is silent",
        "halt.jsonl",
    )
    host: str = _field("127.0.0.1", "the address to listen on", "127.0.0.1")
    port: int = Field(8080, ge=1, le=65535, description="the port to listen on", examples=["8080"])
    haltdesk_policy: Path | None = _field(
        None, "the desk's haltdesk.toml; ./haltdesk.toml when absent and there is one", "haltdesk.toml"
    )
    log_level: LogLevel = _field("INFO", "how much is logged", "INFO")
    log_format: LogFormat = _field("text", "how: text (logfmt) or json, one line a record either way", "json")
    worker_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="the port on which `haltdesk worker` answers /healthz, /readyz and /metrics; none when absent",
        examples=["8081"],
    )

    @property
    def socket_mode(self) -> bool:
        return self.slack_app_token is not None

    @property
    def notice_channel(self) -> str:
        """Where notices to stakeholders go."""
        return self.stakeholder_channel or self.incident_channel

    @property
    def fallback_channels(self) -> tuple[str, ...]:
        """Where messages go, in this order, when their own channel does not take them."""
        named = (self.fallback_channel, self.incident_channel, self.stakeholder_channel)
        return tuple(channel for channel in named if channel is not None)

    def channel(self, drill: bool) -> str:
        """Where an incident opens; drills have their own channel when there is one."""
        return (self.drill_channel or self.incident_channel) if drill else self.incident_channel

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment is handed to `load`, so that a test never sees the machine's own."""
        return (init_settings,)


def load(environ: Mapping[str, str], env_file: Path | None = None, *, own_accounts: bool = False) -> Settings:
    """Settings from `environ` and, beneath it, `env_file` (absent is fine). An empty value counts as not set.

    `own_accounts` is true when the policy names its broker accounts, so that ALPACA_API_KEY is not needed.
    Raises `ConfigurationError` with every problem at once.
    """
    return from_values(read_values(environ, env_file), own_accounts=own_accounts)


def read_values(environ: Mapping[str, str], env_file: Path | None = None) -> dict[str, str]:
    """The environment over the file, stripped, without empty values. `$` in the file means itself."""
    values: dict[str, str | None] = {}
    if env_file is not None and env_file.is_file():
        values.update(dotenv_values(env_file, interpolate=False))
    values.update(environ)
    return {name: value.strip() for name, value in values.items() if value is not None and value.strip()}


def from_values(values: Mapping[str, str], *, own_accounts: bool = False) -> Settings:
    """Settings from names and values as `read_values` gives them. Raises `ConfigurationError`."""
    known = {name: values[name.upper()] for name in Settings.model_fields if name.upper() in values}
    problems: list[Problem] = []
    settings: Settings | None = None
    try:
        settings = Settings(**known)  # type: ignore[arg-type]  # text, which the fields' validators turn into types
    except ValidationError as error:
        problems += _problems_of(error)
    for name, what in contradictions(values, own_accounts=own_accounts):
        problems.append(Problem(name, what, _example(name, values)))
    if problems or settings is None:
        # Raised outside the handler: the chain would show pydantic's error, which may hold values.
        raise ConfigurationError(problems)
    return settings


def _problems_of(error: ValidationError) -> Iterator[Problem]:
    for detail in error.errors(include_url=False, include_input=False):
        cause = detail.get("ctx", {}).get("error")
        name = str(detail["loc"][0]).upper()
        what = str(cause) if cause else detail["msg"][:1].lower() + detail["msg"][1:]
        if detail["type"] == "missing":
            what = f"missing: {Settings.model_fields[name.lower()].description}"
        yield Problem(name, what, _example(name, {}))


def _example(name: str, values: Mapping[str, str]) -> str:
    if name == "ALPACA_API_URL" and "ALPACA_LIVE" in values:
        return f"{name}={addresses.LIVE_API}"
    examples = Settings.model_fields[name.lower()].examples or [""]
    return f"{name}={examples[0]}"
