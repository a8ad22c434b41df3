"""Nothing but the clocks and the adapters reads the machine's time of day: whoever needs it is given the desk's."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]

# The desk's own clock, APScheduler's first tick, the world outside, and the trader, on a machine of its own.
# A pulse watches real threads, for /metrics.
CLOCKS = (
    "bot/engine/timepiece.py",
    "bot/engine/clock.py",
    "bot/engine/pulse.py",
    "bot/adapters/",
    "bot/simulator/",
    "bot/gate.py",
)
READS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
}


def reads_of_the_clock(source: str) -> list[tuple[int, str]]:
    """Line and name of each use of the machine's time of day, called or handed on."""
    tree = ast.parse(source)
    modules = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            last = ast.unparse(node.value).rpartition(".")[2]
            name = f"{modules.get(last, last)}.{node.attr}"
            if name in READS:
                found.append((node.lineno, name))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("func.now", "func.current_timestamp"):
            found.append((node.lineno, ast.unparse(node)))
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            found += [(node.lineno, f"time.{one.name}") for one in node.names if f"time.{one.name}" in READS]
    return found


def test_it_sees_what_it_looks_for() -> None:
    source = (
        "import time as wall\nimport datetime as dt\nfrom datetime import datetime\nfrom time import time_ns\n"
        "wall.time()\ndatetime.now(None)\ndt.datetime.now\nf(clock=wall.time)\nwall.monotonic()\n"
    )
    assert sorted(reads_of_the_clock(source)) == [
        (4, "time.time_ns"),
        (5, "time.time"),
        (6, "datetime.now"),
        (7, "datetime.now"),
        (8, "time.time"),
    ]


def test_only_the_clocks_read_the_time_of_day() -> None:
    read = {
        f"{path.relative_to(ROOT)}:{line} {name}"
        for folder in ("bot", "handlers")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not str(path.relative_to(ROOT)).startswith(CLOCKS)
        for line, name in reads_of_the_clock(path.read_text(encoding="utf-8"))
    }
    assert read == set()
