"""What Haltdesk is measured beside: an endpoint that writes one row an alert with SQLAlchemy Core, and commits.

The same server with the same threads, the same database with the same settings. Started by `tests.benchmarks.webhooks`
as a program of its own: `python -m tests.benchmarks.plain_endpoint DATABASE_URL PORT TOKEN`.
"""

import json
import sys

from sqlalchemy import JSON, Column, Integer, MetaData, String, Table, Text, insert
from werkzeug.wrappers import Request, Response

from bot.server import serve
from bot.store.database import Database

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
    def __init__(self, database: Database, token: str) -> None:
        self._database, self._expected = database, f"Bearer {token}"
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
        with self._database.begin() as unit:
            unit.connection.execute(self._insert, values)
        return Response("stored\n")


def main(database_url: str, port: str, token: str) -> None:
    database = Database(database_url)
    metadata.create_all(database.engine)
    # As Haltdesk itself does: a thread that wants the processor gets it soon.
    sys.setswitchinterval(0.0005)
    serve(PlainEndpoint(database, token), "127.0.0.1", int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
