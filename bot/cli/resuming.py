"""`haltdesk resume`: asks for a stage and says what stands against it. A second person approves it in Slack."""

import getpass
import json
import os
import re
import sys
from uuid import uuid4

from bot.app import build
from bot.application import Application
from bot.cli.exits import FAILED, UNKNOWN, USAGE
from bot.cli.logs import set_up_for
from bot.config.configuration import load_configuration
from bot.domain.words import ActionKind
from bot.services.approvals import ask, stage_words
from bot.store import approvals, migrate
from bot.store.approvals import Approval, ApprovalStatus
from bot.store.database import DatabaseError

LOOKS = 100
BETWEEN = 0.2  # seconds


USER = re.compile(r"[UW][A-Za-z0-9_-]{1,40}")


def resume(*, accounts: list[str] | None, reason: str, asked_as: str | None, as_json: bool) -> int:
    """Record a request for each account. Never resumes by itself: exit 3 when it waits for its approval."""
    configuration = load_configuration(os.environ)
    set_up_for(configuration, "ERROR")
    application = build(configuration)
    known = [account.name for account in application.desk.accounts]
    chosen = accounts or known
    unknown = [name for name in chosen if name not in known]
    if unknown:
        print(f"no account is named {', '.join(unknown)}; there is: {', '.join(known)}", file=sys.stderr)
        return USAGE
    if not reason.strip():
        print("Give --reason: the approver reads it, and it is kept.", file=sys.stderr)
        return USAGE
    # Of the person's own shell, never of the .env that everybody shares.
    user = asked_as or os.environ.get("HALTDESK_USER", "").strip() or None
    if user is not None and not USER.fullmatch(user):
        print(
            f"{user!r} is no Slack user id: it starts with U or W (profile, Copy member ID).", file=sys.stderr
        )
        return USAGE
    try:
        return _ask(application, chosen, reason.strip()[:1000], user, as_json=as_json)
    except (DatabaseError, migrate.SchemaBehind) as failure:
        print(
            f"The database does not answer ({type(failure).__name__}), so nothing was asked: resuming waits for it, "
            "because nobody could approve it or see what stands against it. Halting works without it.",
            file=sys.stderr,
        )
        return FAILED
    finally:
        application.desk.database.dispose()


def _ask(
    application: Application, chosen: list[str], reason: str, asked_as: str | None, *, as_json: bool
) -> int:
    migrate.require_newest(application.desk.database)
    application.prepare()
    asked = ask(
        application.desk,
        ActionKind.RESUME,
        chosen,
        reason=reason,
        by=f"{getpass.getuser()} (command line)",
        request_key=f"cli:{uuid4().hex}",
        asked_as=asked_as,
    )
    found = {one.account: _checked(application, one.number) for one in asked if one.number is not None}
    refusals = {one.account: one.refusal for one in asked if one.refusal}
    if as_json:
        print(json.dumps({**{name: _shown(one) for name, one in found.items()}, **refusals}, indent=2))
    else:
        for name, one in found.items():
            _print(name, one)
        if found and asked_as is None:
            print(
                "Who asks is not known in Slack: name yourself with --as, so that another person must approve."
            )
        for refusal in refusals.values():
            print(refusal, file=sys.stderr)
    waiting = [one for one in found.values() if not one.status.ended]
    return UNKNOWN if waiting else FAILED


def _checked(application: Application, number: int) -> Approval:
    """The request when its gates have been checked, here or by a Haltdesk that runs."""
    found = _get(application, number)
    for _ in range(LOOKS):
        if found.status is not ApprovalStatus.CHECKING:
            break
        application.approver.run_once()
        found = _get(application, number)
        if found.status is ApprovalStatus.CHECKING and application.time.wait(BETWEEN):
            break
    return found


def _get(application: Application, number: int) -> Approval:
    with application.desk.database.read() as unit:
        found = approvals.get(unit, number)
    assert found is not None  # written by this very process
    return found


def _shown(found: Approval) -> dict[str, object]:
    return {
        "request": found.id,
        "incident": f"INC-{found.incident_id}",
        "stage": {name: found.params.get(name) for name in ("from", "to")},
        "asked_as": found.asked_as,
        "status": found.status.value,
        "decision": found.decision,
        "expires_at": found.expires_at.isoformat(),
        "gates": [dict(gate) for gate in found.gates],
    }


def _print(name: str, found: Approval) -> None:
    what = f"{name}: {stage_words(found.kind, found.params)}"
    if found.status.ended:
        print(f"{what} was refused: {found.decision}")
    else:
        until = f"{found.expires_at:%H:%M:%S} UTC"
        print(f"{what} is asked, waiting for approval in Slack (INC-{found.incident_id}) until {until}.")
    for gate in found.gates:
        mark = {True: "met", False: "NOT met", None: "not known"}[gate.get("met")]
        print(f"  {gate.get('name')}: {mark}, {gate.get('text')}")
