"""What one transaction gathers for several use cases: rows to be written together, and answers read ahead."""

from collections.abc import Hashable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Insert, Update

from bot.store.rows import write_rows
from bot.store.tables import metadata

_ORDER = metadata.sorted_tables


class _Unseen:
    """Stands for an answer that was not read ahead: None is an answer."""


UNSEEN: Final = _Unseen()


class Gathered:
    """Rows wait here by statement until they are written, each statement with all of its rows at once."""

    def __init__(self) -> None:
        self.ahead: dict[Hashable, Any] = {}
        self.for_good: dict[Hashable, Any] = {}
        self._rows: dict[Insert | Update, list[Mapping[str, Any]]] = {}
        self._places: dict[tuple[Insert | Update, Hashable], int] = {}

    def put(self, statement: Insert | Update, values: Mapping[str, Any], key: Hashable) -> None:
        rows = self._rows.setdefault(statement, [])
        if key is not None:
            place = self._places.setdefault((statement, key), len(rows))
            if place < len(rows):
                rows[place] = values
                return
        rows.append(values)

    def write(self, connection: Connection) -> None:
        """Write what waits. A row goes in after the rows that it refers to, whatever came first."""
        if not self._rows:
            return
        rows, self._rows = self._rows, {}
        self._places.clear()
        for table in _ORDER:
            for statement, values in rows.items():
                if statement.table is not table:
                    continue
                if isinstance(statement, Insert):
                    write_rows(connection, statement, values)
                else:
                    connection.execute(statement, values)
