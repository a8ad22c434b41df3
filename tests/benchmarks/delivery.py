"""30 alert groups at once through a Slack that takes one message a second: how long, and how many calls.

Each group is an incident with a root and a checklist, so 60 posts. Source of the limits: the desk's issue on storms.
"""

import tempfile
import time
from pathlib import Path

from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, webhook
from tests.acceptance.trading_desk import alert as firing

GROUPS = 30
TIME_LIMIT = 1.1
CALL_LIMIT = 1.05
PATIENCE = 150.0  # seconds


def _shown(desk: TradingDesk, what: int) -> bool:
    found = desk.slack.messages(INCIDENTS)
    return len(found) + sum(one.get("reply_count", 0) for one in found) >= what


def run() -> bool:
    """Print the figures; false when one is over its limit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with TradingDesk(path, f"sqlite:///{path / 'haltdesk.db'}") as desk:
            desk.slack.pace("chat.postMessage", 1.0)
            desk.start()
            began = time.monotonic()
            for number in range(GROUPS):
                desk.fire(webhook(firing(f"Alert{number}")))
            desk.slack.wait_for(
                lambda: len(desk.slack.messages(INCIDENTS)) >= GROUPS, timeout=PATIENCE, what="every incident"
            )
            roots = time.monotonic() - began
            desk.slack.wait_for(lambda: _shown(desk, 2 * GROUPS), timeout=PATIENCE, what="every checklist")
            whole = time.monotonic() - began
            calls = len(desk.slack.calls_of("chat.postMessage"))
    needed, needed_in_all = GROUPS - 1, 2 * GROUPS - 1
    each = calls / (2 * GROUPS)
    kept = roots <= TIME_LIMIT * needed and whole <= TIME_LIMIT * needed_in_all and each <= CALL_LIMIT
    print(f"{GROUPS} alert groups through a Slack that takes one message a second")
    print(
        f"incidents {roots:.1f} s of {needed} s needed, with checklists {whole:.1f} s of {needed_in_all} s"
        f" (at most {TIME_LIMIT} x); {each:.3f} calls a delivery, at most {CALL_LIMIT}:"
        f" {'kept' if kept else 'NOT KEPT'}"
    )
    return kept
