"""A desk with a real database and the stand-in broker over HTTP; its engine is stepped by hand."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.adapters.journal import Journal
from bot.config.policy import load_policy
from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.alerts import AlertGroup, ReceivedAlert
from bot.domain.words import ActionKind, ActionStatus, AlertStatus, IncidentStatus, TradingState
from bot.engine.approver import Approver
from bot.engine.record import StoredRecord
from bot.services import approvals as service
from bot.services.actions import flatten, resume
from bot.services.actions.requests import conclude, confirm
from bot.services.actions.standing import StoredStanding
from bot.services.actions.tools import ActionTools
from bot.services.desk import Channels, Desk, DeskAccount
from bot.services.intake import receive
from bot.services.people import Permission
from bot.services.projection import read
from bot.store import accounts, actions, approvals, audit, incidents, messages, migrate, timeline
from bot.store.actions import ActionRecordRow
from bot.store.approvals import Approval
from bot.store.database import Database
from tests.fixtures.databases import lay
from tests.fixtures.rendering import shared_renderer
from tests.integration.broker.floor import PATIENT, Floor, floor

OPERATOR, APPROVER, OTHER = "U0OPERATOR", "U0APPROVER", "U0OTHER"
MAY, MAY_NOT = Permission(True), Permission(False, "Only approvers may do this.")


class Room:
    """Time is the floor's hand-moved clock, for the desk and the broker alike."""

    def __init__(self, floor: Floor, database_url: str, folder: Path, *, live: bool) -> None:
        self.floor, self.time = floor, floor.time
        floor.simulator.clock = floor.simulator.market.clock = floor.time.now
        self.journal = Journal(folder / "journal.jsonl")
        lay(database_url)
        self.database = Database(database_url)
        migrate.upgrade(self.database)
        self.desk = Desk(
            database=self.database,
            policy=load_policy(),
            channels=Channels("C0INCIDENTS", "C0STAKEHOLDERS", "C0DRILLS"),
            accounts=(DeskAccount("paper", not live),),
            now=floor.time.now,
            renderer=shared_renderer(),
        )
        with self.database.begin() as unit:
            accounts.ensure(unit, "paper", self.desk.now())
        self.whispers: list[tuple[str, str]] = []
        self.approver = Approver(
            self.desk, lambda name: floor.broker, lambda channel, user, text, ts: self._heard(user, text)
        )

    def _heard(self, user: str, text: str) -> None:
        self.whispers.append((user, text))

    # The desk's story

    def later(self, **span: float) -> None:
        self.time.seconds += timedelta(**span).total_seconds()

    def run(self, number: int, *, resumed: bool = False, outcome: ActionResult | None = None) -> ActionResult:
        """What the runner does with one action; halts and reconciliations are given their outcome."""
        action = self.action(number)
        result = outcome or self._perform(action, action.request(resumed=resumed))
        conclude(self.desk, action, result)
        return result

    def _perform(self, action: ActionRecordRow, request: ActionRequest) -> ActionResult:
        record = StoredRecord(self.desk, self.journal, action.id, action.request_key, self.time)
        tools = ActionTools(self.floor.broker, None, record, self.time)
        standing = StoredStanding(self.desk, self.journal, request)
        run = resume.run_resume if action.kind is ActionKind.RESUME else flatten.run_flatten
        return run(request, tools, standing)

    def confirm(self, kind: ActionKind, *, incident: int | None = None) -> int:
        key = f"{kind}-{self.time.seconds}-{incident}"
        found = confirm(
            self.desk, kind, ["paper"], reason="why", by=OPERATOR, request_key=key, incident_id=incident
        )
        return found[0].action_id

    def halt(self, *, incident: int | None = None) -> int:
        """A proved halt, with the broker in that state and its configuration saved."""
        number = self.confirm(ActionKind.HALT, incident=incident)
        before = dict(self.floor.account.configuration)
        self.floor.account.configure(suspend_trade=True)
        proved = ActionResult(ActionStatus.DONE, "Halted", evidence={"configuration_before": before})
        self.run(number, outcome=proved)
        self.later(seconds=30)
        return number

    def reconcile(self, clean: bool | None = True, *, incident: int | None = None) -> int:
        """A reconciliation that ended clean, with breaks, or (None) failed."""
        number = self.confirm(ActionKind.RECONCILE, incident=incident)
        self.later(seconds=1)
        run = {"clean": clean is True, "breaks": [], "ledger_positions": 2, "broker_positions": 2}
        status = ActionStatus.DONE if clean is not None else ActionStatus.FAILED
        words = {True: "Clean.", False: "3 breaks.", None: "Nothing was compared."}[clean]
        evidence: dict[str, Any] = {"run": run} if clean is not None else {}
        self.run(number, outcome=ActionResult(status, words, evidence=evidence))
        self.later(seconds=5)
        return number

    def halted_and_reconciled(self) -> None:
        self.halt()
        self.reconcile()

    def ask(self, kind: ActionKind = ActionKind.RESUME, by: str = OPERATOR, **more: Any) -> Approval:
        """Ask and have the gates checked."""
        key = f"ask-{self.time.seconds}-{by}"
        asked = service.ask(self.desk, kind, ["paper"], reason="fixed", by=by, request_key=key, **more)
        assert asked[0].number is not None, asked[0].refusal
        self.approver.run_once()
        return self.approval(asked[0].number)

    def approve(self, found: Approval, by: str = APPROVER, **more: Any) -> Approval:
        """Approve and have the gates checked again; a refusal to the person lands in `whispers`."""
        decided = service.approve(self.desk, found.id, by, more.pop("permission", MAY), **more)
        if decided.refusal:
            self.whispers.append((by, decided.refusal))
        self.approver.run_once()
        return self.approval(found.id)

    def resume(self, **more: Any) -> ActionResult:
        approved = self.approve(self.ask(**more))
        assert approved.action_id is not None, approved.decision
        return self.run(approved.action_id)

    def fire(self, name: str, sev: str = "SEV-1", status: AlertStatus = AlertStatus.FIRING) -> None:
        alert = ReceivedAlert(
            fingerprint=name.lower(),
            status=status,
            labels={"alertname": name, "sev": sev},
            annotations={"summary": "it is bad"},
            starts_at=self.desk.now(),
            ends_at=None,
            generator_url=None,
        )
        group = AlertGroup(group_key=name, group_labels={"alertname": name}, alerts=(alert,))
        receive(self.desk, group)

    # What is on record

    def approval(self, number: int) -> Approval:
        with self.database.read() as unit:
            found = approvals.get(unit, number)
        assert found is not None
        return found

    def action(self, number: int) -> ActionRecordRow:
        with self.database.read() as unit:
            found = actions.get(unit, number)
        assert found is not None
        return found

    @property
    def state(self) -> TradingState:
        with self.database.read() as unit:
            found = accounts.get(unit, "paper")
        assert found is not None
        return found.state

    @property
    def kinds(self) -> list[str]:
        """Every timeline entry of every incident, in order."""
        with self.database.read() as unit:
            return [
                entry.kind
                for incident in reversed(incidents.listed(unit, limit=50))
                for entry in timeline.of_incident(unit, incident.id)
            ]

    def shown(self, key: str) -> str:
        """All that a message shows, as one text."""
        with self.database.read() as unit:
            message = messages.by_key(unit, key)
            assert message is not None, f"no message {key}"
            rendered = read(unit, self.desk, message)()
        return f"{rendered.text} {rendered.blocks}"

    def unended(self, kind: ActionKind) -> Sequence[ActionRecordRow]:
        with self.database.read() as unit:
            return actions.unended(unit, kind=kind)

    @property
    def audited(self) -> list[str]:
        """The text of every entry of the audit, in order."""
        with self.database.read() as unit:
            return [entry.text for entry in audit.entries(unit)]

    @property
    def open_incidents(self) -> int:
        with self.database.read() as unit:
            return len(incidents.listed(unit, status=IncidentStatus.OPEN))


@contextmanager
def room(database_url: str, folder: Path, *, live: bool = False) -> Iterator[Room]:
    with floor(PATIENT) as stage:
        found = Room(stage, database_url, folder, live=live)
        try:
            yield found
        finally:
            found.database.dispose()
