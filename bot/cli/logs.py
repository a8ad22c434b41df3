"""Logging to standard error: one line an event, times in UTC, no secrets (nothing that is logged holds one)."""

import logging
import sys
import time


def set_up(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These say at INFO what Haltdesk says itself, or every tick.
    for noisy in ("apscheduler", "urllib3", "slack_sdk", "slack_bolt", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
