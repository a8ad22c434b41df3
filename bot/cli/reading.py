"""`haltdesk status` and `haltdesk postmortem`: what is on record."""

import json
import os
import sys

from bot.app import build
from bot.cli.exits import DONE, FAILED, UNKNOWN, USAGE
from bot.config.configuration import load_configuration
from bot.domain.incident import parse_incident_key
from bot.services import queries, views
from bot.services.actions.figures import live_figures
from bot.store import actions, incidents
from bot.store.database import DatabaseError


def status(*, as_json: bool) -> int:
    """Accounts as the broker shows them now beside the record, open incidents, and what is under way.

    Works without the database: what the broker says is shown all the same. Exit 3 when a part was not learned.
    """
    application = build(load_configuration(os.environ))
    known = True
    found: dict[str, object] = {}
    try:
        try:
            found["accounts"] = queries.trading_states(application.desk, application.journal)
            found["incidents"] = [
                one for one in queries.incident_list(application.desk) if one["status"] == "open"
            ]
            with application.desk.database.read() as unit:
                found["under_way"] = [
                    {"id": one.id, "kind": one.kind.value, "account": one.account, "status": one.status.value}
                    for one in actions.unended(unit)
                ]
            found["not_delivered"] = application.not_ready().get("delivery")
        except DatabaseError as failure:
            known = False
            found["database"] = f"does not answer: {type(failure).__name__}"
        live = {}
        for name, broker in application.brokers.items():
            figures = live_figures(broker, None, 5.0, now=application.desk.now())
            known = known and figures.error is None
            live[name] = {
                "suspended": figures.suspended,
                "open_orders": figures.open_orders,
                "positions": figures.positions,
                "market_open": figures.market_open,
                "not_learned": figures.errors,
            }
        found["broker"] = live
    finally:
        application.desk.database.dispose()
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _print(found)
    return DONE if known else UNKNOWN


def _print(found: dict[str, object]) -> None:
    recorded = {one["account"]: one for one in found.get("accounts", [])}  # type: ignore[attr-defined]
    for name, live in found["broker"].items():  # type: ignore[attr-defined]
        record = recorded.get(name)
        state = record["state"] if record else "not on record"
        suspended = {True: "suspended", False: "not suspended", None: "suspension not learned"}
        orders = (
            "open orders not learned" if live["open_orders"] is None else f"{live['open_orders']} open orders"
        )
        print(f"{name}: {state}; at the broker now {suspended[live['suspended']]}, {orders}")
        for what, why in live["not_learned"].items():
            print(f"  {what}: {why}")
    if "database" in found:
        print(f"database {found['database']}")
    for one in found.get("incidents", []):  # type: ignore[attr-defined]
        print(f"{one['severity']} {one['key']} {one['title']} · {one['phase']}")
    for one in found.get("under_way", []):  # type: ignore[attr-defined]
        print(f"under way: {one['kind']} on {one['account']} ({one['status']})")
    if found.get("not_delivered"):
        print(f"Slack: {found['not_delivered']}")


def postmortem(key: str) -> int:
    """Print the draft, made from the record as it is now."""
    number = parse_incident_key(key)
    if number is None:
        print(f"{key!r} is not an incident; write INC-1 or the like", file=sys.stderr)
        return USAGE
    desk = (application := build(load_configuration(os.environ))).desk
    try:
        with desk.database.read() as unit:
            if incidents.get(unit, number) is None:
                print(f"there is no incident {key}", file=sys.stderr)
                return FAILED
            print(desk.renderer.postmortem_markdown(views.postmortem_view(unit, desk, number)))
    except DatabaseError as failure:
        print(f"the database does not answer: {failure}", file=sys.stderr)
        return FAILED
    finally:
        application.desk.database.dispose()
    return DONE
