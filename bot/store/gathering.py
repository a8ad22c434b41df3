"""What one transaction gathers for several use cases: rows to be written together, and answers read ahead."""

from collections.abc import Hashable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Insert, Update

from bot.store.prepared import run_for_each, without_waiting
from bot.store.rows import write_rows
from bot.store.tables import metadata

_ORDER: Mapping[Any, int] = {table: place for place, table in enumerate(metadata.sorted_tables)}


class _Unseen:
    """Stands for an answer that was not read ahead: None is an answer."""


UNSEEN: Final = _Unseen()


# By statement, and whether the rows refer to others of their own table.
_Rows = dict[tuple[Insert | Update, bool], list[Mapping[str, Any]]]


class Gathered:
    """Rows wait here by statement until they are written, each statement with all of its rows at once."""

    def __init__(self) -> None:
        self.ahead: dict[Hashable, Any] = {}
        self.for_good: dict[Hashable, Any] = {}
        self._rows: _Rows = {}
        self._places: dict[tuple[Insert | Update, bool, Hashable], int] = {}

    def put(
        self,
        statement: Insert | Update,
        values: Mapping[str, Any],
        key: Hashable,
        *,
        latest: str | None = None,
        refers: bool = False,
    ) -> None:
        rows = self._rows.setdefault((statement, refers), [])
        if key is not None:
            place = self._places.setdefault((statement, refers, key), len(rows))
            if place < len(rows):
                if latest is None or rows[place][latest] < values[latest]:
                    rows[place] = values
                return
        rows.append(values)

    def write(self, connection: Connection) -> None:
        """Write what waits. A row goes in after the rows that it refers to, whatever came first."""
        if not self._rows:
            return
        rows, self._rows = self._rows, {}
        self._places.clear()
        kinds = sorted(rows, key=lambda kind: (_ORDER[kind[0].table], kind[1]))
        with without_waiting(connection):
            for statement, refers in kinds:
                values = rows[statement, refers]
                if isinstance(statement, Insert):
                    write_rows(connection, statement, values)
                else:
                    run_for_each(connection, statement, values)
