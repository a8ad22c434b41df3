"""`haltdesk halt`, `cancel`, `reconcile`, `health`: straight to the broker, with the record wherever it can go."""

import getpass
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from bot.app import build
from bot.application import Application
from bot.cli.exits import DONE, FAILED, UNKNOWN, USAGE
from bot.cli.logs import set_up_for
from bot.cli.on_record import RecordedLooks
from bot.config.configuration import load_configuration
from bot.domain.actions import ActionResult
from bot.domain.words import ActionKind, ActionStatus

LONGEST = 120.0  # seconds in all; what is not proved by then is named, and a running Haltdesk goes on looking


def act(
    command: str,
    *,
    accounts: list[str] | None,
    reason: str,
    suspend_only: bool,
    confirmed: bool,
    as_json: bool,
) -> int:
    """Run one action on each account, side by side, and print the evidence."""
    configuration = load_configuration(os.environ)
    set_up_for(configuration, "ERROR")
    application = build(configuration)
    kind = ActionKind(command)
    known = [account.name for account in application.desk.accounts]
    chosen = accounts or known
    unknown = [name for name in chosen if name not in known]
    if unknown:
        print(f"no account is named {', '.join(unknown)}; there is: {', '.join(known)}", file=sys.stderr)
        return USAGE
    if (
        not confirmed
        and kind in (ActionKind.HALT, ActionKind.CANCEL)
        and not _asked(application, kind, chosen)
    ):
        print("Nothing was done.", file=sys.stderr)
        return USAGE
    try:
        results, recorded = _run(application, kind, chosen, reason=reason, suspend_only=suspend_only)
    finally:
        application.desk.database.dispose()
    _print(results, recorded, as_json=as_json)
    return _exit(results)


def _asked(application: Application, kind: ActionKind, chosen: list[str]) -> bool:
    """Ask at the terminal; without one, `--yes` must say it."""
    if not sys.stdin.isatty():
        print(f"Give --yes to {kind.verb.lower()} without being asked.", file=sys.stderr)
        return False
    labels = [
        f"{account.name} ({'paper' if account.paper else 'LIVE'})"
        for account in application.desk.accounts
        if account.name in chosen
    ]
    return input(f"{kind.verb} on {', '.join(labels)}? Type yes: ").strip().lower() == "yes"


def _run(
    application: Application, kind: ActionKind, chosen: list[str], *, reason: str, suspend_only: bool
) -> tuple[dict[str, ActionResult], dict[str, str]]:
    """The results by account, and for a look where it stands on record; a halt's record is in the journal at least."""
    by = f"{getpass.getuser()} (command line)"
    params = {"suspend_only": True} if suspend_only else {}
    if kind in (ActionKind.HALT, ActionKind.CANCEL):
        emergency = application.emergency
        key = f"cli:{uuid4().hex}"
        emergency.alone(kind, chosen, reason=reason, by=by, request_key=key, params=params)
        emergency.wait(LONGEST)
        application.bring_in_journal()
        return dict(emergency.results), {}
    looks = RecordedLooks(application, kind, reason=reason, by=by)
    with ThreadPoolExecutor(max_workers=len(chosen)) as pool:
        looked = dict(zip(chosen, pool.map(looks.look, chosen), strict=True))
    return {name: one.result for name, one in looked.items()}, {
        name: one.recorded for name, one in looked.items()
    }


def _print(results: dict[str, ActionResult], recorded: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        body = {
            name: {
                "status": result.status.value,
                "proved": result.proved,
                "headline": result.headline,
                "next_step": result.next_step,
                "unconfirmed": [vars(order) for order in result.unconfirmed],
                "evidence": dict(result.evidence),
                **({"recorded": recorded[name]} if name in recorded else {}),
            }
            for name, result in results.items()
        }
        print(json.dumps(body, indent=2))
        return
    for name, result in results.items():
        print(f"{name}: {result.headline}")
        for order in result.unconfirmed:
            print(f"  {order.id} {order.symbol} {order.side} {order.qty}: {order.why}")
        if result.next_step:
            print(f"  {result.next_step}")
        run = result.evidence.get("run")
        for note in run.get("notes", ()) if isinstance(run, dict) else ():
            print(f"  {note}")
        proof = result.evidence.get("proof")
        if result.proved and isinstance(proof, dict):
            readings = f"{proof.get('first_empty_at')} and {proof.get('second_empty_at')}"
            print(f"  proof: suspended {proof.get('suspend_trade')}, no live order at {readings}")
        if name in recorded:
            print(f"  on record: {recorded[name]}")


def _exit(results: dict[str, ActionResult]) -> int:
    statuses = {result.status for result in results.values()}
    if statuses == {ActionStatus.DONE}:
        unclean = any(
            isinstance(run := result.evidence.get("run"), dict) and not run.get("clean")
            for result in results.values()
        )
        return FAILED if unclean else DONE
    if statuses == {ActionStatus.FAILED}:
        return FAILED
    return UNKNOWN
