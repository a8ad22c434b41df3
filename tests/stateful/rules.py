"""The rules of the design as invariants: they hold after every step of a desk, whatever the step was."""

from collections import Counter

from hypothesis.stateful import RuleBasedStateMachine, invariant
from sqlalchemy import select

from bot.domain.words import AlertStatus, TradingState
from bot.services import auditing
from bot.store import accounts, alerts, incidents, tables
from bot.store.database import Database
from tests.fixtures.pictures import marked_twice
from tests.stateful.desk import ACCOUNT, MortalDesk


class Rules(RuleBasedStateMachine):
    """`told`: alerts that were answered with 200. `forced`: incidents resolved against obstacles, by a person."""

    mortal: MortalDesk
    database: Database
    told: set[tuple[str, str]]
    was_open: set[int]
    forced: set[int]

    @invariant()
    def nothing_is_lost(self) -> None:
        table = tables.alerts
        with self.database.read() as unit:
            stored = Counter(
                map(tuple, unit.connection.execute(select(table.c.fingerprint, table.c.starts_at)))
            )
        assert set(stored.values()) <= {1}
        assert {(print_, at.isoformat()) for print_, at in stored} == self.told

    @invariant()
    def nothing_stands_twice(self) -> None:
        # The same words may have two reasons here: a reminder after a reopening, or further alerts of one name.
        assert marked_twice(self.mortal.slack) == []
        table = tables.incidents
        with self.database.read() as unit:
            query = select(table.c.group_key).where(table.c.status == "open", table.c.group_key.is_not(None))
            assert set(Counter(unit.connection.execute(query).scalars()).values()) <= {1}

    @invariant()
    def nothing_firing_is_resolved_by_itself(self) -> None:
        with self.database.read() as unit:
            now_open = set(incidents.open_numbers(unit))
            for number in self.was_open - now_open - self.forced:
                assert alerts.counts(unit, number)[AlertStatus.FIRING] == 0, f"INC-{number} resolved itself"
        self.was_open, self.forced = now_open, set()

    @invariant()
    def nobody_is_reminded_oftener_than_asked(self) -> None:
        table = tables.timeline
        with self.database.read() as unit:
            counted = Counter(map(tuple, unit.connection.execute(select(table.c.incident_id, table.c.kind))))
        for (number, kind), times in counted.items():
            if kind == "AcknowledgementOverdue":
                asked = 1 + counted[number, "SeverityRaised"] + counted[number, "IncidentReopened"]
                assert times <= asked, f"INC-{number} was reminded {times} times, asked {asked} times"

    @invariant()
    def halted_is_what_the_broker_said(self) -> None:
        with self.database.read() as unit:
            account = accounts.get(unit, ACCOUNT)
            rows = unit.connection.execute(select(tables.actions)).all()
        assert account is not None
        if account.state is TradingState.HALTED:
            assert self.mortal.account.suspended
            assert not self.mortal.account.open_orders
            proofs = [
                row.evidence["proof"]["second_empty_at"]
                for row in rows
                if row.kind == "halt" and row.status == "done"
            ]
            assert proofs
            assert all(proofs)
        if not rows:
            assert not self.mortal.account.suspended
            assert [one for one in self.mortal.simulator.requests if one.method != "GET"] == []
        assert len({row.request_key for row in rows}) == len(rows)

    @invariant()
    def the_record_is_whole(self) -> None:
        verdict = auditing.verify(self.database)
        assert verdict.intact, verdict
