"""What Haltdesk is measured beside: an endpoint that writes one row an alert with SQLAlchemy Core, and commits.

The same server with the same threads, the same database with the same settings; SQLAlchemy as it is, with nothing of
Haltdesk's store. Started by `tests.benchmarks.webhooks` as a program of its own:
`python -m tests.benchmarks.plain_endpoint DATABASE_URL PORT TOKEN`.
"""

import json
import sqlite3
import sys

from sqlalchemy import (
    JSON,
    Column,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
)
from werkzeug.wrappers import Request, Response

from bot.server import THREADS, serve

metadata = MetaData()
rows = Table(
    "plain_alerts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", String(128), nullable=False),
    Column("starts_at", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("annotations", JSON, nullable=False),
    Column("group_key", Text, nullable=False),
)


class PlainEndpoint:
    def __init__(self, engine: Engine, token: str) -> None:
        self._engine, self._expected = engine, f"Bearer {token}"
        self._insert = insert(rows)

    @Request.application
    def __call__(self, request: Request) -> Response:
        if request.headers.get("Authorization") != self._expected:
            return Response("no token\n", status=401)
        body = json.loads(request.get_data())
        values = [
            {
                "fingerprint": alert["fingerprint"],
                "starts_at": alert["startsAt"],
                "status": alert["status"],
                "name": alert["labels"]["alertname"],
                "labels": alert["labels"],
                "annotations": alert["annotations"],
                "group_key": body["groupKey"],
            }
            for alert in body["alerts"]
        ]
        with self._engine.begin() as connection:
            connection.execute(self._insert, values)
        return Response("stored\n")


def _durable(connection: sqlite3.Connection, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")


def main(database_url: str, port: str, token: str) -> None:
    engine = create_engine(database_url, pool_size=THREADS)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _durable)
    metadata.create_all(engine)
    # As Haltdesk itself does: a thread that wants the processor gets it soon.
    sys.setswitchinterval(0.0005)
    serve(PlainEndpoint(engine, token), "127.0.0.1", int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
