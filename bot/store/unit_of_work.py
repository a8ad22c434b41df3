"""One transaction: what use cases read and write in it, and what is to be done when it has committed."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection, Insert, Table, Update
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.store import prepared
from bot.store.first_posts import Poster, Taken
from bot.store.gathering import UNSEEN, Gathered
from bot.store.prepared import Statement
from bot.store.rows import write_rows

Wake = Literal["deliverer", "runner", "clock"]
NOTHING: Mapping[str, Any] = {}


class UnitOfWork:
    """One transaction. `wake` names the background pieces that have work once it has committed.

    `afterwards` is done when it has, `otherwise` when it was rolled back, `closings` right before.

    One that gathers (for many webhooks in one commit) keeps what is `put` until somebody looks: whoever takes
    `connection` finds everything written, and what was read ahead is forgotten, for it may be changed now.
    """

    def __init__(
        self, connection: Connection, *, gathers: bool = False, poster: Poster | None = None
    ) -> None:
        self._connection = connection
        self._poster = poster
        self._taken: dict[str, Taken] = {}
        self.gathered = Gathered() if gathers else None
        self.dialect = connection.dialect.name
        self.wakes: set[Wake] = set()
        self.afterwards: list[Callable[[], None]] = []
        self.otherwise: list[Callable[[], None]] = []
        self.closings: list[Callable[[], None]] = []

    @property
    def connection(self) -> Connection:
        if self.gathered is not None:
            self.gathered.write(self._connection)
            self.gathered.ahead.clear()
        return self._connection

    def all(self, statement: Statement, given: Mapping[str, Any] = NOTHING) -> list[Any]:
        """Every row of a statement's answer, as named tuples. The statement is one that is made once, and kept."""
        return prepared.ask(self.connection, statement, given)

    def first(self, statement: Statement, given: Mapping[str, Any] = NOTHING) -> Any:
        """The first row of the answer, None when there is none. See `all`."""
        rows = prepared.ask(self.connection, statement, given)
        return rows[0] if rows else None

    def value(self, statement: Statement, given: Mapping[str, Any] = NOTHING) -> Any:
        """The first value of the first row, None when there is none. See `all`."""
        rows = prepared.ask(self.connection, statement, given)
        return rows[0][0] if rows else None

    def run(self, statement: Statement, given: Mapping[str, Any] = NOTHING) -> int:
        """Run a statement that answers with no rows; how many it touched. See `all`."""
        return prepared.run(self.connection, statement, given)

    def put(
        self,
        statement: Insert | Update,
        values: Mapping[str, Any],
        *,
        key: Hashable = None,
        latest: str | None = None,
        refers: bool = False,
    ) -> None:
        """Write a row that nothing in the rest of this use case needs to be told of.

        `key`: a later row of the same key takes this one's place, if it is not written yet; with `latest` the one
        stays whose value under that name is the greater. An upsert needs it: two rows of a batch must not be one of
        the table. `refers`: to another row of the same table, which goes in first.
        """
        if self.gathered is not None:
            self.gathered.put(statement, values, key, latest=latest, refers=refers)
        elif isinstance(statement, Insert):
            write_rows(self._connection, statement, [values])
        else:
            prepared.run(self._connection, statement, values)

    def put_all(self, statement: Insert, rows: Sequence[Mapping[str, Any]]) -> None:
        if self.gathered is not None:
            for row in rows:
                self.gathered.put(statement, row, None)
        elif rows:
            write_rows(self._connection, statement, rows)

    def foresee(self, answers: Mapping[Hashable, Any], *, for_good: bool = False) -> None:
        """Keep what use cases will ask for in this transaction, until somebody takes `connection`.

        `for_good`: even then, because nothing that is done in this transaction can change it.
        """
        if self.gathered is not None:
            kept = self.gathered.for_good if for_good else self.gathered.ahead
            kept.update(answers)

    def foreseen(self, what: Hashable, *, once: bool = False) -> Any:
        """What was kept for this question, else `UNSEEN`; with `once` it serves this time only."""
        if self.gathered is None:
            return UNSEEN
        ahead = self.gathered.ahead
        if what in self.gathered.for_good:
            return self.gathered.for_good[what]
        return ahead.pop(what, UNSEEN) if once else ahead.get(what, UNSEEN)

    def wake(self, piece: Wake) -> None:
        self.wakes.add(piece)

    def then(self, what: Callable[[], None]) -> None:
        """Do this right after the commit, before anybody is woken. Not done when it is rolled back."""
        self.afterwards.append(what)

    def take_new(self, key: str, channel: str, at: datetime) -> None:
        """Have the new message `key` posted by this process at once, if it posts and has a turn in `channel`."""
        if self._poster is None or key in self._taken:
            return
        taken = self._poster.take(channel, at)
        if taken is not None:
            self._taken[key] = taken
            self.then(partial(self._poster.hand_over, key, taken))
            if self.gathered is not None:  # then each use case is done again by itself, should this fail
                self.before_commit(partial(self._poster.make_ready, self, key, taken))
                self.otherwise.append(partial(self._poster.drop, taken))

    def taken(self, key: str) -> Taken | None:
        """The claim that the new message `key` is written with, if it has one."""
        return self._taken.get(key)

    def before_commit(self, what: Callable[[], None]) -> None:
        """Do this at the very end of the transaction: for a lock that everybody needs, taken after every other one."""
        self.closings.append(what)

    def insert(self, table: Table) -> SqliteInsert | PostgresInsert:
        """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update` on either database."""
        return postgres_insert(table) if self.dialect == "postgresql" else sqlite_insert(table)
