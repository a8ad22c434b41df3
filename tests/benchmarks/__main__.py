"""`make bench`: every benchmark, its figures side by side; exit 1 when one is over its limit."""

import sys

from tests.benchmarks import halt_latency

if __name__ == "__main__":
    sys.exit(0 if halt_latency.run() else 1)
