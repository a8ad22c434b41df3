"""`haltdesk migrate`, `check` and `manifest`: what is done before and beside the work."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.app import build
from bot.application import Application
from bot.cli.exits import DONE, FAILED
from bot.config.configuration import load_configuration
from bot.domain.health import ComponentStatus
from bot.manifest import slack_manifest
from bot.ports.chat import ChatError
from bot.services.actions.health import measure
from bot.store import messages
from bot.store import migrate as schema
from bot.store.database import Database, DatabaseError

WITHIN = 5.0


def migrate() -> int:
    configuration = load_configuration(os.environ)
    database = Database(configuration.settings.database_url.get_secret_value())
    try:
        changed = schema.upgrade(database)
    except DatabaseError as failure:
        print(f"The database cannot be migrated: {failure}. Mend DATABASE_URL or the database.")
        return FAILED
    finally:
        database.dispose()
    print(f"The schema is {schema.newest()}" + (" now." if changed else " already."))
    return DONE


def manifest(url: str | None) -> int:
    print(json.dumps(slack_manifest(url), indent=2))
    return DONE


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `mend` says what to do when it failed."""

    name: str
    ok: bool
    seen: str
    mend: str = ""


def check(*, as_json: bool) -> int:
    """Reach everything that the configuration names. Exit 1 when something that Haltdesk needs does not work."""
    configuration = load_configuration(os.environ)  # raises with every problem at once
    application = build(configuration)
    try:
        findings = [Finding("configuration", True, "complete"), *_findings(application)]
        cautions = [*configuration.cautions(), *_tried_again(application, findings)]
    finally:
        application.desk.database.dispose()
    if as_json:
        print(json.dumps({"findings": [vars(one) for one in findings], "cautions": cautions}, indent=2))
    else:
        for one in findings:
            print(f"{'ok  ' if one.ok else 'FAIL'}  {one.name}: {one.seen}")
            if not one.ok and one.mend:
                print(f"      {one.mend}")
        for caution in cautions:
            print(f"note  {caution}")
    return DONE if all(one.ok for one in findings) else FAILED


def _findings(application: Application) -> Iterator[Finding]:
    settings = application.configuration.settings
    yield _tried(
        "schema",
        lambda: _schema(application.desk.database),
        "Run `haltdesk migrate` (and `haltdesk run` does so by itself).",
    )
    for channel in dict.fromkeys(
        (
            settings.incident_channel,
            settings.notice_channel,
            settings.channel(drill=True),
            *settings.fallback_channels,
        )
    ):
        yield _tried(
            f"channel {channel}",
            lambda channel=channel: application.chat.channel_name(channel),  # type: ignore[misc]
            "Invite the bot (/invite @Haltdesk) and give the channel's id, from its About tab.",
        )
    asked: set[str] = set()
    for checks in application.checks.values():
        # What is shared by the accounts is asked once.
        fresh = [one for one in checks if one.name not in asked]
        asked |= {one.name for one in fresh}
        for component in measure(fresh, WITHIN):
            ok = component.status in (ComponentStatus.OK, ComponentStatus.OFF, ComponentStatus.WARN)
            yield Finding(component.name, ok, component.figure, component.advice or "")


def _tried_again(application: Application, findings: list[Finding]) -> Iterator[str]:
    """When all is well, what Slack refused before is tried again at once by the Haltdesk that runs."""
    if not all(one.ok for one in findings):
        return
    try:
        with application.desk.database.begin() as unit:
            stuck = messages.count_in_trouble(unit)
            messages.try_again(unit, application.desk.now())
            unit.wake("deliverer")
    except DatabaseError as failure:
        yield f"messages that Slack refused are not tried again: {type(failure).__name__}"
        return
    if stuck:
        yield f"{stuck} messages that Slack refused are tried again now"


def _schema(database: Database) -> str:
    schema.require_newest(database)
    return f"is {schema.newest()}"


def _tried(name: str, look: Callable[[], str], mend: str) -> Finding:
    try:
        return Finding(name, True, look())
    except (ChatError, DatabaseError, schema.SchemaBehind) as failure:
        return Finding(name, False, str(failure)[:300], mend)
