"""Logging of every command that logs: to standard error, with every secret of the configuration covered."""

from collections.abc import Iterator

from pydantic import SecretStr

from bot.config.configuration import Configuration
from bot.logs import set_up


def set_up_for(configuration: Configuration, level: str | None = None) -> None:
    """`level` instead of the setting's, for commands whose answer is what they print."""
    settings = configuration.settings
    set_up(level or settings.log_level, settings.log_format, _secrets(configuration))


def _secrets(configuration: Configuration) -> Iterator[str]:
    for name in type(configuration.settings).model_fields:
        value = getattr(configuration.settings, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
    for account in configuration.accounts:
        yield account.api_key
        yield account.secret_key.get_secret_value()
