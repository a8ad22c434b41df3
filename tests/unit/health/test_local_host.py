"""The machine as it is read: the disk of the database's folder, memory of machine and container."""

import os
import shutil
from pathlib import Path

from bot.adapters.host import LocalHost

MEMINFO = "MemTotal:        8000000 kB\nMemAvailable:    2000000 kB\nHugePages_Total: 0\n"


def machine(root: Path, meminfo: str | None = MEMINFO, **cgroup: str) -> LocalHost:
    (root / "proc").mkdir()
    (root / "cgroup").mkdir()
    if meminfo is not None:
        (root / "proc" / "meminfo").write_text(meminfo)
    for name, text in cgroup.items():
        (root / "cgroup" / name.replace("_", ".")).write_text(text)
    return LocalHost(root, root / "proc", root / "cgroup")


def test_the_disk_is_read_where_the_database_is_or_will_be(tmp_path: Path) -> None:
    here = LocalHost(tmp_path).disk()
    to_come = LocalHost(tmp_path / "not" / "made" / "yet").disk()
    assert 0 < here.available <= here.total
    assert here.total == to_come.total
    assert abs(here.available - shutil.disk_usage(tmp_path).free) < 2**30


def test_the_machines_memory_without_a_container(tmp_path: Path) -> None:
    room = machine(tmp_path).memory()
    assert room is not None
    assert (room.total, room.available) == (8_000_000 * 1024, 2_000_000 * 1024)


def test_a_tighter_container_counts_and_its_droppable_cache_is_available(tmp_path: Path) -> None:
    host = machine(
        tmp_path,
        memory_max="1000000000\n",
        memory_current="900000000\n",
        memory_stat="anon 1\ninactive_file 300000000\n",
    )
    room = host.memory()
    assert room is not None
    assert (room.total, room.available) == (1_000_000_000, 400_000_000)


def test_a_container_without_a_limit_is_the_machine(tmp_path: Path) -> None:
    room = machine(tmp_path, memory_max="max\n", memory_current="1\n", memory_stat="").memory()
    assert room is not None
    assert room.total == 8_000_000 * 1024


def test_a_system_that_tells_nothing_is_none(tmp_path: Path) -> None:
    assert machine(tmp_path, meminfo=None).memory() is None


def test_the_load_is_that_of_the_processors_one_may_use(tmp_path: Path) -> None:
    load = LocalHost(tmp_path).load()
    assert load is not None
    assert 1 <= load.processors <= (os.cpu_count() or 1)
    assert load.one_minute >= 0
