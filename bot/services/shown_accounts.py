"""Every open incident shows the accounts: when one changes, all of them are brought up to date."""

from datetime import datetime

from bot.store import accounts, incidents, messages
from bot.store.accounts import AccountRecord
from bot.store.database import UnitOfWork


def refresh_if_changed(unit: UnitOfWork, name: str, before: AccountRecord | None, at: datetime) -> bool:
    """Ask for the newest version of what shows the account `name`, if it shows otherwise than `before`.

    In the transaction of the change, at its end: the incidents are locked, lowest number first, because whoever
    changes an incident holds it while he asks for its messages.
    """
    after = accounts.get(unit, name)
    if after is None or (before is not None and _shown(before) == _shown(after)):
        return False
    incidents.lock_open(unit)
    messages.refresh_of_open(unit, roots="root", others=("phase", "triage"), at=at)
    return True


def _shown(record: AccountRecord) -> tuple[object, ...]:
    """What a reader sees of it. The time of the last look alone is no news."""
    return record.state, record.account_number, record.suspended, record.open_orders
