"""Gathers what the gates of a resume are decided on: from the record, and the broker's latest orders."""

from collections.abc import Collection, Mapping
from datetime import datetime

from bot.adapters.bounded import Pending, StillRunning
from bot.domain.incident import incident_key
from bot.domain.resuming import Activity, Facts, Firing, Reconciled
from bot.domain.words import ActionKind, ActionStatus, TradingState
from bot.ports.broker import Broker, BrokerError, Fill
from bot.ports.record import Clock
from bot.services.actions.drills import state_in_drill
from bot.store import accounts, action_history, actions, alerts
from bot.store.database import UnitOfWork

ASKED_WITHIN = 5.0  # seconds for each call
OPEN_WITHIN = 10.0  # for all pages of the open orders
# Fewer orders than Alpaca's default page are all there are, whatever the server made of the limit that it was given.
SURELY_ALL = 50
IN_THE_WAY = (ActionKind.HALT, ActionKind.CANCEL, ActionKind.RESUME, ActionKind.FLATTEN)


def state_of(unit: UnitOfWork, account: str, *, drill_incident: int | None) -> TradingState:
    """The state from which the account is resumed: the one on record; in a drill, the drill's own.

    An account that the broker calls suspended is resumed from halted, whatever the record says: after "suspend
    only", say, or when somebody suspended it elsewhere.
    """
    if drill_incident is not None:
        return state_in_drill(unit, drill_incident, account)
    record = accounts.get(unit, account)
    if record is None:
        return TradingState.NORMAL
    return TradingState.HALTED if record.suspended else record.state


def facts(
    unit: UnitOfWork,
    account: str,
    *,
    wanted_from: TradingState,
    drill_incident: int | None,
    version: int | None = None,
    activity: Activity | None = None,
    overridden: Collection[int] = (),
) -> Facts:
    """`version`: the account's when it was asked; None when it is being asked just now."""
    record = accounts.get(unit, account)
    real = record.state if record is not None else TradingState.NORMAL
    halt = action_history.newest(unit, ActionKind.HALT, account)
    halted_at = halt.finished_at if halt is not None else None
    if halted_at is None and record is not None and real is TradingState.HALTED:
        halted_at = record.since
    return Facts(
        state=state_of(unit, account, drill_incident=drill_incident),
        wanted_from=wanted_from,
        changed_since_asked=version is not None and record is not None and record.version != version,
        halted_at=halted_at,
        reconciled=reconciled(unit, account),
        activity=activity,
        firing=firing(unit, drill_incident=drill_incident),
        overridden=frozenset(overridden),
        under_way=under_way(unit, account),
        real_state=real,
        in_drill=drill_incident is not None,
    )


def under_way(unit: UnitOfWork, account: str) -> tuple[str, ...]:
    return tuple(
        f"{one.kind.verb.lower()} (action {one.id}, {one.status})"
        for one in actions.unended(unit, account=account)
        if one.kind in IN_THE_WAY
    )


def reconciled(unit: UnitOfWork, account: str) -> Reconciled | None:
    """The newest reconciliation that has ended, however it ended: a failed one undoes the clean one before it."""
    action = action_history.newest(unit, ActionKind.RECONCILE, account)
    if action is None or action.finished_at is None:
        return None
    run = action.evidence.get("run")
    found: Mapping[str, object] = run if isinstance(run, Mapping) else {}
    clean = action.status is ActionStatus.DONE and found.get("clean") is True and not found.get("error")
    if clean:
        ours, theirs = found.get("ledger_positions"), found.get("broker_positions")
        counts = f" ({ours} positions in the ledger, {theirs} at the broker)" if ours is not None else ""
        words = f"reconciliation clean{counts}"
    else:
        words = action.headline or f"it ended {action.status}"
    # A result that came by way of the journal was recorded later than it was had: its own time is the one that counts.
    finished_at = min(action.finished_at, _told(found.get("finished_at")) or action.finished_at)
    return Reconciled(action.requested_at, finished_at, clean, words.rstrip("."))


def _told(at: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(at) if isinstance(at, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def firing(unit: UnitOfWork, *, drill_incident: int | None) -> tuple[Firing, ...]:
    """The alerts that speak against resuming: the desk's own; in a drill, those of that drill."""
    return tuple(
        Firing(
            alert.id,
            alert.name,
            alert.severity,
            incident_key(alert.incident_id) if alert.incident_id is not None else None,
        )
        for alert, of_drill in alerts.firing(unit)
        if (alert.incident_id == drill_incident if drill_incident is not None else not of_drill)
    )


def latest_activity(broker: Broker, now: Clock) -> Activity:
    """When the account's orders moved last, in the desk's own time. Never raises for a broker that is away.

    It looks at the newest 500 orders by submission. When there may be more, an older one can have moved as well: then
    every open order is looked at, and the newest fills of any order. (What is left out is an old order that ended
    without a fill, which moves no position.) Unless all of that was seen, nothing is known.

    The broker's clock is read beside them, so that clocks that differ do not make old orders look new, or new ones old.
    """
    try:
        orders = broker.list_latest_orders(within=ASKED_WITHIN)
        clock = broker.read_clock(within=ASKED_WITHIN)
        read_at = now()  # after the answer: what the call took makes orders look newer, never older
        fills: tuple[Fill, ...] = ()
        if len(orders) >= SURELY_ALL:
            listing = Pending(lambda: broker.list_open_orders(within=ASKED_WITHIN), "open orders")
            fills = broker.list_latest_fills(within=ASKED_WITHIN)
            still_open = listing.result(OPEN_WITHIN)
            if not still_open.complete:
                return Activity(error=f"not every open order could be seen: {still_open.note}")
            orders = (*orders, *still_open.orders)
    except BrokerError as failure:
        return Activity(error=failure.last_word)
    except StillRunning:
        return Activity(error=f"the open orders could not all be listed in {OPEN_WITHIN:g} s")
    moved = [(order.moved_at, f"{order.symbol} {order.side} {order.status}") for order in orders]
    known = [(at, words) for at, words in moved if at is not None]
    if len(known) < len(moved):
        return Activity(error="the broker gave orders without a time")
    known += [(fill.at, f"{fill.symbol} {fill.side} filled") for fill in fills]
    if not known:
        return Activity()
    at, words = max(known, key=lambda pair: pair[0])
    ours: datetime = at if clock.at is None else at + (read_at - clock.at)
    return Activity(ours, f"{words} at {ours:%H:%M:%S} UTC")
