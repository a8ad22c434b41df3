"""`make bench`: every benchmark, its figures side by side; exit 1 when one is over its limit."""

import sys

from tests.benchmarks import confirmations, delivery, halt_latency

if __name__ == "__main__":
    kept = [benchmark.run() for benchmark in (halt_latency, confirmations, delivery)]
    sys.exit(0 if all(kept) else 1)
