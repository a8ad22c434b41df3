"""An incident's first message is claimed and noted by the commit that opens it, and posted without a further one."""

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError

from bot.engine.claims import LEASE
from bot.rendering.models import IncidentView
from bot.rendering.render import Rendered
from bot.services import intake, views
from bot.services.desk import Desk
from bot.store import messages
from bot.store.database import UnitOfWork
from bot.store.messages import Message
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess
from tests.integration.intake.test_grouped_commits import told, until


@pytest.fixture
def posting(desk: DeskInProcess) -> DeskInProcess:
    """A desk whose deliverer posts what is new, as it does in a process that runs."""
    desk.database.poster = desk.deliverer
    return desk


def root(desk: DeskInProcess, number: int = 1) -> Message:
    with desk.database.read() as unit:
        found = messages.by_key(unit, f"incident:{number}:root")
    assert found is not None
    return found


def test_it_is_claimed_and_noted_when_it_is_written(posting: DeskInProcess) -> None:
    began = posting.time.now()
    assert posting.post(webhook(alert("OrderRejects"))).status_code == 200
    written = root(posting)
    assert written.claimed_by is not None
    assert written.posting_since == began
    assert posting.deliverer.run_once(posting.time.now())
    (shown,) = posting.slack.messages(INCIDENTS)
    assert "OrderRejects" in posting.slack.text_of(shown)
    assert not posting.slack.calls_of("conversations.history")  # nobody had to ask whether it is there
    delivered = root(posting)
    assert (delivered.ts, delivered.shown, delivered.claimed_by) == (shown["ts"], delivered.wanted, None)
    posting.deliver()
    assert len(posting.slack.messages(INCIDENTS)) == 1
    assert len(posting.slack.thread(INCIDENTS, shown["ts"])) == 1


def test_no_other_process_posts_it_meanwhile(posting: DeskInProcess) -> None:
    posting.post(webhook(alert("OrderRejects")))
    other = posting.new_deliverer()
    assert not other.run_once(posting.time.now())
    assert posting.deliverer.run_once(posting.time.now())
    assert len(posting.slack.messages(INCIDENTS)) == 1


def test_the_process_dies_before_it_has_posted_it(posting: DeskInProcess) -> None:
    posting.post(webhook(alert("OrderRejects")))
    posting.deliverer = posting.new_deliverer()  # knows nothing of what was handed over
    posting.database.poster = posting.deliverer
    posting.time.move(LEASE.total_seconds() + 1)
    posting.deliver()
    assert posting.slack.calls_of("conversations.history")  # it may have been posted
    assert len(posting.slack.messages(INCIDENTS)) == 1


def test_the_process_dies_when_it_has_posted_it(
    posting: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    posting.post(webhook(alert("OrderRejects")))
    with monkeypatch.context() as patched:
        patched.setattr(posting.deliverer, "_record", killed)
        with pytest.raises(Killed):
            posting.deliverer.run_once(posting.time.now())
    posting.deliverer = posting.new_deliverer()
    posting.time.move(LEASE.total_seconds() + 1)
    posting.deliver()
    (shown,) = posting.slack.messages(INCIDENTS)
    assert len(posting.slack.thread(INCIDENTS, shown["ts"])) == 1


def test_one_that_comes_too_late_leaves_it_to_whoever_has_it_now(posting: DeskInProcess) -> None:
    """It was held up for longer than its claim: by then it is another's, who has looked for it and posted it."""
    posting.post(webhook(alert("OrderRejects")))
    posting.time.move(LEASE.total_seconds() + 1)
    other = posting.new_deliverer()
    while other.run_once(posting.time.now()):
        posting.time.move(2)
    assert len(posting.slack.messages(INCIDENTS)) == 1
    posting.deliver()
    assert len(posting.slack.messages(INCIDENTS)) == 1


def test_in_a_storm_the_others_wait_their_turn(posting: DeskInProcess) -> None:
    """Where something was posted a moment ago others wait, and the most urgent of them goes first."""
    groups = [told(f"Alert{number}", group=f"g-{number}") for number in range(10)]
    intake.receive_all(posting.desk, groups)
    assert [root(posting, number).claimed_by is not None for number in range(1, 11)] == [True] + [False] * 9
    for number in range(10, 20):
        posting.post(webhook(alert(f"Alert{number}"), group=f"g-{number}"))
        assert root(posting, number + 1).claimed_by is None
    posting.deliver()
    texts = [posting.slack.text_of(one) for one in posting.slack.messages(INCIDENTS)]
    assert len(texts) == len(set(texts)) == 20


def test_while_slack_is_away_nothing_is_promised(posting: DeskInProcess) -> None:
    posting.slack.faults.add("*", status=503)
    for name in ("OrderRejects", "DataFeedStale", "LatencyHigh"):
        posting.post(webhook(alert(name), group=name))
    posting.deliver(for_seconds=60)
    posting.time.move(600)
    posting.post(webhook(alert("DiskFull"), group="disk"))
    assert root(posting, 4).claimed_by is None
    posting.slack.faults.clear()
    posting.time.move(60)
    posting.deliver()
    assert len(posting.slack.messages(INCIDENTS)) == 4


def test_what_was_not_committed_is_not_posted(posting: DeskInProcess) -> None:
    with pytest.raises(KeyError), posting.database.begin(gathers=True) as unit:  # noqa: PT012
        intake.receive_in(unit, posting.desk, told("OrderRejects", group="g"))
        raise KeyError
    assert not posting.deliverer.run_once(posting.time.now())
    posting.post(webhook(alert("DiskFull"), group="disk"))
    posting.deliver()
    (shown,) = posting.slack.messages(INCIDENTS)
    assert "DiskFull" in posting.slack.text_of(shown)


def test_two_webhooks_of_a_new_group_in_one_commit(posting: DeskInProcess) -> None:
    """The second one only adds to it; what it says is in the first post."""
    groups = [told("OrderRejects", group="g"), told("OrderRejects", "DiskFull", group="g")]
    intake.receive_all(posting.desk, groups)
    assert root(posting).claimed_by is not None
    assert posting.deliverer.run_once(posting.time.now())
    (shown,) = posting.slack.messages(INCIDENTS)
    assert "DiskFull" in posting.slack.text_of(shown)
    assert root(posting).shown == root(posting).wanted


def test_a_database_that_is_away_for_a_moment_costs_no_lease(
    posting: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an incident that is opened by itself, what it shows is read after the commit."""
    intake.receive(posting.desk, told("OrderRejects", group="g"))
    with monkeypatch.context() as patched:
        patched.setattr(posting.database, "read", away)
        with pytest.raises(OperationalError):
            posting.deliverer.run_once(posting.time.now())
    assert posting.deliverer.run_once(posting.time.now())
    assert len(posting.slack.messages(INCIDENTS)) == 1


def away(*_: object) -> None:
    raise OperationalError("SELECT", {}, ConnectionError())


def test_what_it_shows_is_read_before_the_commit(
    posting: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    posting.post(webhook(alert("OrderRejects"), alert("DiskFull")))
    with monkeypatch.context() as patched:
        patched.setattr(posting.database, "read", away)
        assert posting.deliverer.run_once(posting.time.now())
    (shown,) = posting.slack.messages(INCIDENTS)
    assert "OrderRejects" in posting.slack.text_of(shown)
    assert "DiskFull" in posting.slack.text_of(shown)


class Beginning:
    """A deliverer that begins before the transaction has ended: `delivered` is what came of it."""

    def __init__(self, desk: DeskInProcess, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk = desk
        self.delivered: list[bool] = []
        self._rendered = threading.Event()
        self._render = desk.desk.renderer.incident_root
        monkeypatch.setattr(desk.desk.renderer, "incident_root", self._seen)

    def _seen(self, view: IncidentView) -> Rendered:
        made = self._render(view)
        self._rendered.set()
        return made

    def begin(self) -> None:
        """Returns when the message is in words: nothing is posted as long as the transaction is open."""
        run_once = self.desk.deliverer.run_once
        threading.Thread(
            target=lambda: self.delivered.append(run_once(self.desk.time.now())), daemon=True
        ).start()
        assert self._rendered.wait(30)
        threading.Event().wait(0.2)
        assert not self.delivered
        assert not self.desk.slack.calls_of("chat.postMessage")


def test_it_is_posted_when_it_is_committed_and_not_before(
    posting: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    beginning = Beginning(posting, monkeypatch)
    with posting.database.begin(gathers=True) as unit:
        intake.receive_in(unit, posting.desk, told("OrderRejects", group="g"))
        unit.before_commit(beginning.begin)
    until(lambda: bool(beginning.delivered))
    assert beginning.delivered == [True]
    assert len(posting.slack.messages(INCIDENTS)) == 1


def test_what_was_made_ready_and_rolled_back_is_not_posted(
    posting: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.deliverer.NOTED_FOR", 90)  # it is told, and need not wait for that
    beginning = Beginning(posting, monkeypatch)
    with pytest.raises(KeyError), posting.database.begin(gathers=True) as unit:  # noqa: PT012
        intake.receive_in(unit, posting.desk, told("OrderRejects", group="g"))
        unit.before_commit(beginning.begin)
        unit.before_commit(lambda: {}["the end of the transaction fails"])
    until(lambda: bool(beginning.delivered))
    assert beginning.delivered == [False]
    assert not posting.slack.calls_of("chat.postMessage")
    posting.post(webhook(alert("DiskFull"), group="disk"))
    posting.deliver()
    (shown,) = posting.slack.messages(INCIDENTS)
    assert "DiskFull" in posting.slack.text_of(shown)


def test_a_commit_that_takes_very_long_keeps_nobody(
    posting: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.deliverer.NOTED_FOR", 0.05)
    delivered: list[bool] = []
    with posting.database.begin(gathers=True) as unit:
        intake.receive_in(unit, posting.desk, told("OrderRejects", group="g"))
        unit.before_commit(lambda: delivered.append(posting.deliverer._new_one()))
    assert delivered == [False]
    monkeypatch.undo()
    assert posting.deliverer.run_once(posting.time.now())
    posting.deliver()
    assert len(posting.slack.messages(INCIDENTS)) == 1


def test_what_it_shows_cannot_be_read(posting: DeskInProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """No alert is refused for that, and no other message waits for it; it is posted once it can be read."""

    def broken(unit: UnitOfWork, desk: Desk, number: int) -> IncidentView:
        if number == 1:
            raise ValueError("a row that this version does not know")
        return view(unit, desk, number)

    view = views.incident_view
    with monkeypatch.context() as patched:
        patched.setattr("bot.services.views.incident_view", broken)
        assert posting.post(webhook(alert("OrderRejects"))).status_code == 200
        with pytest.raises(ValueError, match="a row"):
            posting.deliverer.run_once(posting.time.now())
        posting.time.move(30)
        posting.post(webhook(alert("DiskFull"), group="disk"))
        assert posting.deliverer.run_once(posting.time.now())
        (shown,) = posting.slack.messages(INCIDENTS)
        assert "DiskFull" in posting.slack.text_of(shown)
    posting.time.move(LEASE.total_seconds() + 1)
    posting.deliver()
    assert len(posting.slack.messages(INCIDENTS)) == 2


def test_what_it_shows_cannot_be_put_into_words(
    posting: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of Haltdesk's own, before anybody knows whether it will be committed."""

    def broken(view: IncidentView) -> Rendered:
        raise RecursionError

    with monkeypatch.context() as patched:
        patched.setattr(posting.desk.renderer, "incident_root", broken)
        assert posting.post(webhook(alert("OrderRejects"))).status_code == 200
        with pytest.raises(RecursionError):
            posting.deliverer.run_once(posting.time.now())
        assert not posting.deliverer.posts_new
        assert not posting.deliverer.run_once(posting.time.now())
    posting.time.move(LEASE.total_seconds() + 1)
    posting.deliver()
    assert len(posting.slack.messages(INCIDENTS)) == 1


def test_a_database_that_fails_what_is_read_before_the_commit(
    posting: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL the transaction is lost with it: each webhook is stored by itself, and read afterwards."""

    def failing(unit: UnitOfWork, *_: object) -> None:
        unit.connection.execute(text("SELECT 1 / 0"))  # which SQLite takes
        raise DataError("SELECT 1 / 0", {}, ValueError())

    with monkeypatch.context() as patched:
        patched.setattr("bot.services.views.incident_view", failing)
        assert posting.post(webhook(alert("OrderRejects"))).status_code == 200
    posting.deliver()
    assert len(posting.slack.messages(INCIDENTS)) == 1
