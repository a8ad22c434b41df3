"""`haltdesk audit verify` and `haltdesk audit export`: the record that cannot be changed without being found out."""

import json
import os
import re
import sys

from bot.cli.exits import DONE, FAILED, USAGE
from bot.config.configuration import load_configuration
from bot.domain.audit import BEGINNING
from bot.services import auditing
from bot.store.database import Database, DatabaseError


def _database() -> Database:
    return Database(load_configuration(os.environ).settings.database_url.get_secret_value())


def _away(failure: DatabaseError) -> int:
    print(f"The audit cannot be read: {failure}. Mend DATABASE_URL or the database.", file=sys.stderr)
    return FAILED


def verify(*, expect_last: str | None, as_json: bool) -> int:
    """Exit 0 when the chain is intact; 1 when it is not, with the first entry that is not as it was written."""
    if expect_last is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", expect_last):
        print("--expect-last takes the 64 hexadecimal digits that `audit verify` printed", file=sys.stderr)
        return USAGE
    database = _database()
    try:
        verdict = auditing.verify(database, expect_last=expect_last.lower() if expect_last else None)
    except DatabaseError as failure:
        return _away(failure)
    finally:
        database.dispose()
    if as_json:
        found = {
            "intact": verdict.intact,
            "entries": verdict.entries,
            "last_hash": verdict.last_hash,
            "first_fault": verdict.at_seq,
            "fault": verdict.fault,
        }
        print(json.dumps(found, indent=2))
    elif verdict.intact:
        print(f"The audit is intact: {verdict.entries} entries, the last hash is {verdict.last_hash}.")
        if verdict.last_hash != BEGINNING and expect_last is None:
            print("Keep that hash elsewhere: with --expect-last a chain cut off at its end is found too.")
    else:
        print(f"The audit is NOT intact: {verdict.fault}.")
        print(f"Intact until entry {verdict.entries}. Compare with a backup or an earlier export.")
    return DONE if verdict.intact else FAILED


def export() -> int:
    """One JSON object a line, oldest first."""
    database = _database()
    try:
        with database.read() as unit:
            for entry in auditing.export(unit):
                print(json.dumps(entry, ensure_ascii=False))
    except DatabaseError as failure:
        return _away(failure)
    finally:
        database.dispose()
    return DONE
