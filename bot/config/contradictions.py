"""Settings that are each right and do not go together. Reads the text, so that other errors hide none."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bot.config import addresses
from bot.config.values import split_list

_BOOLEAN = TypeAdapter(bool)


def contradictions(values: Mapping[str, str], *, own_accounts: bool) -> Iterator[tuple[str, str]]:
    """(name, what is wrong) for settings by their names in the environment, empty ones left out.

    `own_accounts`: the policy names its broker accounts, so that those of the environment are not used.
    """
    if "SLACK_SIGNING_SECRET" not in values and "SLACK_APP_TOKEN" not in values:
        yield "SLACK_SIGNING_SECRET", "missing: without it Slack's requests cannot be told from others'"
    if "STAKEHOLDER_EMAILS" in values and "SMTP_URL" not in values:
        yield "SMTP_URL", "missing: STAKEHOLDER_EMAILS is set, and mail needs a server"
    if "HALTDESK_POLICY" in values and not Path(values["HALTDESK_POLICY"]).is_file():
        yield "HALTDESK_POLICY", "there is no such file"
    if not own_accounts:
        yield from _broker(values)


def nobody_may_act(values: Mapping[str, str]) -> bool:
    return not split_list(values.get("OPERATORS", ""))


def _broker(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, what in (("ALPACA_API_KEY", "API key"), ("ALPACA_SECRET_KEY", "secret key")):
        if name not in values:
            yield name, f"missing: the {what} of the broker account"
    said_live = _true(values.get("ALPACA_LIVE", "false"))
    try:
        address = addresses.broker_api(values.get("ALPACA_API_URL", addresses.PAPER_API))
    except ValueError:
        return  # the setting's own check names it
    at_live = addresses.is_live_broker(address)
    if at_live and said_live is False:
        yield "ALPACA_LIVE", "ALPACA_API_URL is the live broker: say that it is meant"
    if said_live and address == addresses.PAPER_API:
        # Someone who believes to be live and is not would halt the wrong account.
        yield (
            "ALPACA_API_URL",
            "ALPACA_LIVE is true, but this is Alpaca's paper address; remove one of the two",
        )
    if (at_live or said_live) and nobody_may_act(values):
        yield "OPERATORS", "a live account needs people who may act"


def _true(text: str) -> bool | None:
    """None when it is neither true nor false, which the setting's own check names."""
    try:
        return _BOOLEAN.validate_python(text)
    except ValidationError:
        return None
