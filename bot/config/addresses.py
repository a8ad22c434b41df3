"""Checks on addresses and tokens, each giving back the value in the form that the rest of Haltdesk relies on.

No message here repeats the value: it may hold a password.
"""

from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

PAPER_API = "https://paper-api.alpaca.markets"
LIVE_API = "https://api.alpaca.markets"
_LIVE_HOST = "api.alpaca.markets"


def http(text: str) -> str:
    """An http or https address, without its trailing slash."""
    parts = _split(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    if parts.query or parts.fragment:
        raise ValueError("must be an address without ? or #")
    return text.rstrip("/")


def slack_api(text: str) -> str:
    """Slack's Web API; the SDK joins method names to it, so it ends in a slash."""
    return http(text) + "/"


def broker_api(text: str) -> str:
    """The broker's trading API. A trailing /v2 goes, because alpaca-py adds it."""
    address = http(text).removesuffix("/v2").rstrip("/")
    parts = _split(address)
    if is_live_broker(address) and parts.scheme != "https":
        raise ValueError("the live broker must be reached over https://")
    host = (parts.hostname or "").rstrip(".")
    if f"{parts.scheme}://{host}" == PAPER_API:
        return PAPER_API
    return address


def is_live_broker(address: str) -> bool:
    """True when the address is Alpaca's live one, however it is spelt (capitals, port, a dot at the end)."""
    return (_split(address).hostname or "").rstrip(".").lower() == _LIVE_HOST


def database(secret: SecretStr) -> SecretStr:
    """Haltdesk's own database, as an SQLAlchemy address: an SQLite file, or PostgreSQL through psycopg 3."""
    address = _with_driver(secret.get_secret_value())
    scheme, _, rest = address.partition("://")
    if scheme == "sqlite":
        if rest.strip("/") in ("", ":memory:") or "mode=memory" in rest:
            raise ValueError("must be a file: a database in memory forgets every incident on restart")
        if not rest.startswith("/"):
            raise ValueError("an SQLite address has three slashes before a file: sqlite:///haltdesk.db")
    elif scheme != "postgresql+psycopg":
        raise ValueError("must be an sqlite:/// file or a postgresql:// address")
    elif not rest.rpartition("@")[2].partition("?")[0].partition("/")[2]:
        raise ValueError("must name the database after the host")
    return SecretStr(address)


def ledger(secret: SecretStr) -> SecretStr:
    """Where the desk keeps its positions: any address with a scheme. The adapter says what it reads."""
    address = _with_driver(secret.get_secret_value())
    if "://" not in address or not address.partition("://")[0]:
        raise ValueError(
            "must be an address such as postgresql://..., sqlite:///..., file:///... or https://..."
        )
    return SecretStr(address)


def smtp(secret: SecretStr) -> SecretStr:
    """A mail server: smtp (STARTTLS when offered) or smtps (TLS from the first byte)."""
    parts = _split(secret.get_secret_value())
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("must be an smtp:// or smtps:// address")
    return secret


def bot_token(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().startswith("xoxb-"):
        raise ValueError("this is no bot token: a bot token starts with xoxb-")
    return secret


def app_token(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().startswith("xapp-"):
        raise ValueError("this is no app-level token: an app-level token starts with xapp-")
    return secret


def _with_driver(address: str) -> str:
    """Platforms hand out postgres://, which SQLAlchemy refuses; psycopg 3 is the driver that is installed."""
    scheme, separator, rest = address.partition("://")
    return f"postgresql+psycopg://{rest}" if separator and scheme in ("postgres", "postgresql") else address


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port  # a port that is no number is found only when it is asked for
    except ValueError:
        raise ValueError("is not an address that can be read") from None
    return parts
