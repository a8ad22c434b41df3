"""`make bench`: every benchmark, its figures side by side; exit 1 when one is over its limit."""

import sys

from tests.benchmarks import (
    ack,
    confirmations,
    delivery,
    first_call,
    halt_latency,
    old_incidents,
    startup,
    webhooks,
)

ALL = (halt_latency, webhooks, first_call, ack, confirmations, delivery, old_incidents, startup)

if __name__ == "__main__":
    kept = [one.run() for one in ALL]
    sys.exit(0 if all(kept) else 1)
