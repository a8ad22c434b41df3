"""The same figures on a desk with 100,000 old incidents: nothing may grow slower because time has passed.

Each old incident is resolved, with an alert, three timeline entries and two messages that Slack shows. Source of the
limit: the desk's issue on storms.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from bot.store.database import Database
from tests.acceptance.trading_desk import TradingDesk, alert, webhook
from tests.benchmarks.ack import presses
from tests.benchmarks.webhooks import rate

OLD = 100_000
LIMIT = 1.2
ROUNDS = 5
WEBHOOKS = 400
ASKED = 10

# {numbers} gives 1 to OLD as n, on either database.
FILL = (
    """INSERT INTO incidents (id, title, severity, severity_reason, status, phase, group_key, opened_at,
        acknowledge_by, resolved_at, channel, drill)
        SELECT 10 + n, 'HighLatency: old', 'SEV-3', 'rule', 'resolved', 'post-incident', 'old-' || (n % 1000),
        :then, :then, :then, 'C0INCIDENTS', {no} FROM {numbers}""",
    """INSERT INTO alerts (incident_id, fingerprint, starts_at, status, ends_at, name, severity, severity_reason,
        summary, labels, annotations, group_key, ignored, first_seen_at, changed_at)
        SELECT 10 + n, 'old' || n, :then, 'resolved', :then, 'HighLatency', 'SEV-3', 'rule', 'old', '{{}}', '{{}}',
        'old-' || (n % 1000), {no}, :then, :then FROM {numbers}""",
    """INSERT INTO timeline (incident_id, at, kind, text, details)
        SELECT 10 + n, :then, 'AlertFired', 'old', '{{}}' FROM {numbers}
        CROSS JOIN (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) AS thrice""",
    """INSERT INTO phase_visits (incident_id, phase, entered_at)
        SELECT 10 + n, 'triage', :then FROM {numbers}""",
    """INSERT INTO deadlines (key, kind, incident_id, due_at, state, changed_at)
        SELECT 'old:' || n, 'acknowledge', 10 + n, :then, 'done', :then FROM {numbers}""",
    """INSERT INTO messages (key, view, incident_id, channel, broadcast, nonce, urgency, wanted, shown, ts, next_at,
        attempts, gave_up, created_at)
        SELECT 'old:' || n || ':' || m, 'root', 10 + n, 'C0INCIDENTS', {no}, 'old', 2, 3, 3, n || '.' || m, :then, 0,
        {no}, :then FROM {numbers} CROSS JOIN (SELECT 1 AS m UNION ALL SELECT 2) AS twice""",
)
NUMBERS = {
    "sqlite": f"""(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {OLD})
        SELECT n FROM c) AS c""",
    "postgresql": f"generate_series(1, {OLD}) AS c(n)",
}


def fill(database_url: str) -> None:
    """Put the old incidents in, behind the newest ones: their numbers are from 11 on."""
    database = Database(database_url)
    then = datetime.now(UTC) - timedelta(days=30)
    shown = then.replace(tzinfo=None).isoformat(" ", "microseconds") if database.sqlite else then
    with database.begin() as unit:
        for statement in FILL:
            made = statement.format(no="0" if database.sqlite else "false", numbers=NUMBERS[unit.dialect])
            unit.connection.execute(text(made), {"then": shown})
        if not database.sqlite:
            unit.connection.execute(
                text("SELECT setval('incidents_id_seq', (SELECT max(id) FROM incidents))")
            )
    database.dispose()


@contextmanager
def two_desks() -> Iterator[tuple[TradingDesk, TradingDesk]]:
    """A young one and one with the old incidents, both running."""
    with ExitStack() as stack:
        desks = []
        for old in (False, True):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            url = f"sqlite:///{folder / 'haltdesk.db'}"
            desk = stack.enter_context(TradingDesk(folder, url))
            desk.start()
            desk.fire(webhook(alert("CircuitBreakerOpen")))
            desk.root()
            if old:
                desk.kill()
                fill(url)
                desk.start()
            rate(desk.port, 1, WEBHOOKS // 4)
            desks.append(desk)
        yield desks[0], desks[1]


def _webhook(desk: TradingDesk) -> list[float]:
    return [1 / rate(desk.port, 1, WEBHOOKS)]


def _acks(desk: TradingDesk) -> list[float]:
    return presses(desk.port, desk.root()["ts"])


def _trading_state(desk: TradingDesk) -> list[float]:
    found = []
    for _ in range(ASKED):
        began = time.perf_counter()
        desk.api("/v1/trading-state")
        found.append(time.perf_counter() - began)
    return found


# Each gives seconds.
FIGURES: Mapping[str, Callable[[TradingDesk], list[float]]] = {
    "a webhook": _webhook,
    "an ack": _acks,
    "the trading state": _trading_state,
}


def run() -> bool:
    """Print the figures; false when one is over its limit. The desks take turns: a machine changes its speed."""
    print(f"With {OLD:,} old incidents (medians)")
    kept = True
    with two_desks() as (young, aged):
        for name, seconds_of in FIGURES.items():
            before: list[float] = []
            after: list[float] = []
            for _ in range(ROUNDS):
                before += seconds_of(young)
                after += seconds_of(aged)
            usual, late = statistics.median(before), statistics.median(after)
            fits = late / usual <= LIMIT
            kept = kept and fits
            print(
                f"{name}: {usual * 1000:.2f} ms, with old incidents {late * 1000:.2f} ms: {late / usual:.2f} x,"
                f" at most {LIMIT}: {'kept' if fits else 'NOT KEPT'}",
                flush=True,
            )
    return kept


if __name__ == "__main__":
    sys.exit(0 if run() else 1)
