"""What stands after a storm: alerts on record, incidents, Slack's calls, the memory of a process."""

from collections import Counter
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from bot.config.policy import load_policy
from bot.services.desk import Channels, Desk, DeskAccount
from bot.simulator.slack import SlackSimulator
from bot.store import tables
from bot.store.database import Database
from tests.acceptance.storms.storm import Identity, Storm
from tests.acceptance.trading_desk import INCIDENTS, STAKEHOLDERS, TradingDesk
from tests.fixtures.pictures import standing
from tests.fixtures.rendering import shared_renderer


def reading(desk: TradingDesk) -> Desk:
    """A second pair of eyes on the desk's database, for reading only."""
    return Desk(
        database=Database(desk.database_url),
        policy=load_policy(desk.policy),
        channels=Channels(INCIDENTS, STAKEHOLDERS, "C0DRILLS"),
        accounts=(DeskAccount("main", paper=True),),
        now=datetime.now,  # never asked: pictures are taken as of a message's own moment
        renderer=shared_renderer(),
        operators=frozenset({"U0OPERATOR", "U0ENGINEER"}),
        approvers=frozenset({"U0APPROVER", "U0ENGINEER"}),
    )


def missing(desk: Desk, *storms: Storm) -> list[str]:
    """Alerts that were answered with 200 and are not on record exactly so; and what nobody sent."""
    stored: Counter[Identity] = Counter()
    found: dict[Identity, str] = {}
    homeless = []
    with desk.database.read() as unit:
        table = tables.alerts
        columns = (table.c.fingerprint, table.c.starts_at, table.c.status, table.c.incident_id)
        for print_, started, status, incident in unit.connection.execute(select(*columns)):
            stored[print_, started] += 1
            found[print_, started] = str(status)
            if incident is None:
                homeless.append(f"{print_} belongs to no incident")
    told = {identity: status for storm in storms for identity, status in storm.stands.items()}
    newest: dict[str, datetime] = {}
    for print_, started in told:
        newest[print_] = max(started, newest.get(print_, started))
    # One that began anew fires no longer under its older start, though nobody said so.
    told = {one: status if one[1] == newest[one[0]] else "resolved" for one, status in told.items()}
    wrong = [f"{one} stands {times} times" for one, times in stored.items() if times > 1]
    wrong += [f"{one} should be {status}" for one, status in told.items() if found.get(one) != status]
    wrong += [f"{one} was never sent" for one in found.keys() - told.keys()]
    return wrong + homeless


def split(desk: Desk) -> list[str]:
    """Alert groups whose alerts are spread over several incidents."""
    with desk.database.read() as unit:
        table = tables.alerts
        query = select(table.c.group_key, table.c.incident_id).distinct()
        groups = Counter(key for key, incident in unit.connection.execute(query) if incident is not None)
    return [f"{key}: {number} incidents" for key, number in groups.items() if number != 1]


def backlog(desk: Desk) -> int:
    """Messages that Slack does not show as they should be."""
    table = tables.messages
    with desk.database.read() as unit:
        query = select(table.c.id).where(table.c.shown < table.c.wanted)
        return len(unit.connection.execute(query).all())


def calls_by_incident(desk: Desk, slack: SlackSimulator, *, taken: bool = False) -> Counter[int]:
    """Calls that brought an incident's messages to Slack, the refused and spoiled ones too unless only `taken`."""
    table = tables.messages
    with desk.database.read() as unit:
        query = select(table.c.channel, table.c.ts, table.c.nonce, table.c.incident_id)
        rows = unit.connection.execute(query).all()
    by_place = {(channel, ts): incident for channel, ts, _, incident in rows}
    by_nonce = {nonce: incident for _, _, nonce, incident in rows}
    made: Counter[int] = Counter()
    for call in slack.calls:
        if call.method not in ("chat.postMessage", "chat.update") or (taken and call.error is not None):
            continue
        mark = ((call.args.get("metadata") or {}).get("event_payload") or {}).get("nonce")
        incident = by_nonce.get(str(mark)) or by_place.get((call.args.get("channel"), call.args.get("ts")))
        if incident is not None:
            made[incident] += 1
    return made


def said(slack: SlackSimulator, words: str) -> Counter[str]:
    """How often these words are said, by thread."""
    return Counter(str(one.get("thread_ts")) for one in standing(slack) if words in slack.text_of(one))


def memory(pid: int) -> float:
    """Resident memory of a process, in MiB. Source: proc(5)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"process {pid} has no memory: it has ended")
