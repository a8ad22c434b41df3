"""Everything that a desk can configure, read and checked in one go: settings, policy, broker accounts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bot.config import settings as settings_module
from bot.config.contradictions import nobody_may_act
from bot.config.policy import Policy, load_policy
from bot.config.problems import ConfigurationError, Problem
from bot.config.settings import Settings

DEFAULT_POLICY = Path("haltdesk.toml")
MAIN_ACCOUNT = "main"


@dataclass(frozen=True)
class Account:
    """A broker account with its keys. `live` is true for real money; everything else is paper."""

    name: str
    api_key: str
    secret_key: SecretStr
    url: str
    live: bool

    @property
    def paper(self) -> bool:
        return not self.live


@dataclass(frozen=True)
class Configuration:
    """What Haltdesk runs with: one account or more. `policy_path` is the desk's own file, if there is one."""

    settings: Settings
    policy: Policy
    accounts: tuple[Account, ...]
    policy_path: Path | None

    def account(self, name: str) -> Account:
        """Raises KeyError when there is no such account."""
        for account in self.accounts:
            if account.name == name:
                return account
        raise KeyError(name)

    def cautions(self) -> tuple[str, ...]:
        """What is allowed and should be known at start-up, each with what to do about it."""
        return tuple(_cautions(self.settings, self.accounts))


def load_configuration(environ: Mapping[str, str], env_file: Path | None = Path(".env")) -> Configuration:
    """Reads `environ`, `env_file` (absent is fine) and the policy.

    The policy is HALTDESK_POLICY, else ./haltdesk.toml if it exists, else the shipped one.
    Raises `ConfigurationError` with every problem of all of them at once.
    """
    values = settings_module.read_values(environ, env_file)
    problems: list[Problem] = []
    path = _policy_path(values)
    policy: Policy | None = None
    settings: Settings | None = None
    try:
        policy = load_policy(path if path is not None and path.is_file() else None)
    except ConfigurationError as error:
        problems += error.problems
    # With a policy that cannot be read, nobody knows whether it names accounts: keys are then not asked for.
    own_accounts = policy is None or bool(policy.accounts)
    try:
        settings = settings_module.from_values(values, own_accounts=own_accounts)
    except ConfigurationError as error:
        problems += error.problems
    if policy is not None and policy.accounts:
        problems += _account_problems(policy, values)
    if problems or settings is None or policy is None:
        raise ConfigurationError(dict.fromkeys(problems))
    return Configuration(settings, policy, tuple(_accounts(settings, policy, values)), path)


def _policy_path(values: Mapping[str, str]) -> Path | None:
    if "HALTDESK_POLICY" in values:
        return Path(values["HALTDESK_POLICY"])
    return DEFAULT_POLICY if DEFAULT_POLICY.is_file() else None


def _account_problems(policy: Policy, values: Mapping[str, str]) -> Iterator[Problem]:
    asked: set[str] = set()
    for account in policy.accounts:
        for variable in (account.api_key_env, account.secret_key_env):
            if variable not in values and variable not in asked:
                asked.add(variable)
                yield Problem(variable, f'missing: a key of the account "{account.name}"', f"{variable}=...")
    if any(account.live for account in policy.accounts) and nobody_may_act(values):
        yield Problem("OPERATORS", "a live account needs people who may act", "OPERATORS=U012AB3CD,S012AB3CD")


def _accounts(settings: Settings, policy: Policy, values: Mapping[str, str]) -> Iterator[Account]:
    for entry in policy.accounts:
        secret = SecretStr(values[entry.secret_key_env])
        yield Account(entry.name, values[entry.api_key_env], secret, entry.url, entry.live)
    if not policy.accounts:
        if settings.alpaca_api_key is None or settings.alpaca_secret_key is None:
            raise AssertionError("settings without accounts must have the pair of keys")
        yield Account(
            MAIN_ACCOUNT,
            settings.alpaca_api_key,
            settings.alpaca_secret_key,
            settings.alpaca_api_url,
            settings.alpaca_live,
        )


def _cautions(settings: Settings, accounts: tuple[Account, ...]) -> Iterator[str]:
    if not settings.operators:
        yield "OPERATORS is empty: anyone in the workspace may act on these paper accounts. Name who may."
    groups = any(person.startswith("S") for person in settings.approvers)
    if len(settings.approvers) < 2 and not groups:
        yield "APPROVERS names fewer than two people: resuming takes a second person, so name two or more."
    if settings.ledger_url is None:
        yield "LEDGER_URL is not set: positions cannot be reconciled, so nothing can be shown to be clean."
    elif len(accounts) > 1 and _names_no_account(
        settings.ledger_url.get_secret_value(), settings.ledger_query
    ):
        yield (
            "LEDGER_QUERY gives no column account: with several accounts each row must name its own, so none can be "
            "reconciled. Write: SELECT symbol, qty, avg_price, updated_at, account FROM ..."
        )
    if settings.api_token is None:
        yield "API_TOKEN is not set: /v1 answers 403, and traders cannot ask for the trading state."
    if settings.prometheus_url is None:
        yield "PROMETHEUS_URL is not set: metrics cannot be checked, and missed alerts not found."
    if settings.alertmanager_url is None:
        yield "ALERTMANAGER_URL is not set: silenced alerts are not known, so all clear is never said."
    live = [account.name for account in accounts if account.live]
    if live:
        yield f"Real money: {', '.join(live)}. Halts and cancels act on live orders."


def _names_no_account(url: str, query: str) -> bool:
    """Whether a query of a database surely gives no such column; a file or an HTTP address has no query."""
    database = url.partition(":")[0].lower() not in ("file", "http", "https")
    return database and "account" not in query.lower() and "*" not in query
