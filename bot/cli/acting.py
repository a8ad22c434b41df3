"""`haltdesk halt`, `cancel`, `reconcile`, `health`: straight to the broker, with the record wherever it can go."""

import getpass
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any
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
    began = application.time.monotonic()
    try:
        results, recorded = _run(application, kind, chosen, reason=reason, suspend_only=suspend_only)
        if not as_json:
            _print(results, recorded)
        _wait_for_commands(application, began)
        if as_json:
            print(json.dumps(_as_json(application, results, recorded), indent=2))
        else:
            _print_commands(application, chosen)
    finally:
        application.desk.database.dispose()
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
        return {name: emergency.results.get(name) or _without_result(kind, name) for name in chosen}, {}
    looks = RecordedLooks(application, kind, reason=reason, by=by)
    with ThreadPoolExecutor(max_workers=len(chosen)) as pool:
        looked = dict(zip(chosen, pool.map(looks.look, chosen), strict=True))
    return {name: one.result for name, one in looked.items()}, {
        name: one.recorded for name, one in looked.items()
    }


def _without_result(kind: ActionKind, name: str) -> ActionResult:
    """It broke off, or has not come to its first result in time: nobody may take that for done."""
    return ActionResult(
        ActionStatus.UNKNOWN,
        f"{kind.verb} gave no result: what was done at the broker is not known.",
        next_step="Look at the account in the broker's dashboard, and run this again.",
    )


def _wait_for_commands(application: Application, began: float) -> None:
    """The desk's own commands end with this program, so it waits for them, and brings in what they said."""
    time = application.time
    if application.commands.wait(0.0):
        return
    application.commands.wait(max(0.0, began + LONGEST - time.monotonic()))
    application.bring_in_journal()


def _as_json(
    application: Application, results: dict[str, ActionResult], recorded: dict[str, str]
) -> dict[str, Any]:
    return {
        name: {
            "status": result.status.value,
            "proved": result.proved,
            "headline": result.headline,
            "next_step": result.next_step,
            "unconfirmed": [vars(order) for order in result.unconfirmed],
            "evidence": dict(result.evidence),
            **({"recorded": recorded[name]} if name in recorded else {}),
            **({"commands": commands} if (commands := dict(application.commands.outcomes(name))) else {}),
        }
        for name, result in results.items()
    }


def _print_commands(application: Application, chosen: list[str]) -> None:
    for name in chosen:
        for command, words in application.commands.outcomes(name):
            print(f"{name}: the desk's command {command}: {' '.join(words.split())}")


def _print(results: dict[str, ActionResult], recorded: dict[str, str]) -> None:
    for name, result in results.items():
        print(f"{name}: {result.headline}")
        for order in result.unconfirmed:
            print(f"  {order.id} {order.symbol} {order.side} {order.qty}: {order.why}")
        if result.next_step:
            print(f"  {result.next_step}")
        run = result.evidence.get("run")
        for note in run.get("notes", ()) if isinstance(run, dict) else ():
            print(f"  {note}")
        proof = _proof(result)
        if proof:
            print(f"  proof: {proof}")
        if name in recorded:
            print(f"  on record: {recorded[name]}", flush=True)


def _proof(result: ActionResult) -> str | None:
    """What was read that proves it, with the times of the readings; None where nothing of the kind was read."""
    proof, suspension = result.evidence.get("proof"), result.evidence.get("suspension")
    if not result.proved or not isinstance(proof, dict):
        return None
    parts = []
    if isinstance(suspension, dict) and suspension.get("read") is True:
        parts.append("suspended True")
    if proof.get("first_empty_at") and proof.get("second_empty_at"):
        parts.append(f"no live order at {proof['first_empty_at']} and {proof['second_empty_at']}")
    elif proof.get("first_gone_at") and proof.get("second_gone_at"):
        times = f"{proof['first_gone_at']} and {proof['second_gone_at']}"
        parts.append(f"none of the orders open at the start is open at {times}")
    elif parts and isinstance(suspension, dict):
        parts.append(f"read at {suspension.get('at')}")
    return ", ".join(parts) or None


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
