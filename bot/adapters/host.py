"""The machine's disk, memory and load, read from the operating system without another library."""

import os
from pathlib import Path

from bot.ports.host import Load, Room

_KIB = 1024


class LocalHost:
    """The machine that this process runs on. `folder` is where the database lies; it may not exist yet."""

    def __init__(
        self, folder: Path, proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")
    ) -> None:
        self._folder = folder
        self._proc = proc
        self._cgroup = cgroup

    def disk(self) -> Room:
        """The disk as df counts it: what is kept for root is neither used nor available. Raises `OSError`."""
        place = self._folder.absolute()
        # A database that was not made yet will lie on the disk of the nearest folder that exists.
        place = next((path for path in (place, *place.parents) if path.exists()), place)
        seen = os.statvfs(place)
        used = (seen.f_blocks - seen.f_bfree) * seen.f_frsize
        available = seen.f_bavail * seen.f_frsize
        return Room(total=used + available, available=available)

    def memory(self) -> Room | None:
        """The tighter of the machine's memory and the container's limit; None where neither is told."""
        machine = self._machine_memory()
        container = self._container_memory()
        known = [room for room in (machine, container) if room is not None]
        return min(known, key=lambda room: room.available) if known else None

    def load(self) -> Load | None:
        try:
            one, five, _ = os.getloadavg()
        except OSError:  # the system does not say; documented for os.getloadavg
            return None
        return Load(one, five, _processors())

    def _machine_memory(self) -> Room | None:
        try:
            text = (self._proc / "meminfo").read_text()
        except FileNotFoundError:  # not Linux
            return None
        fields = {}
        for line in text.splitlines():
            name, _, rest = line.partition(":")
            figure = rest.split()
            if figure and figure[0].isdigit():
                fields[name] = int(figure[0]) * _KIB
        total, available = fields.get("MemTotal"), fields.get("MemAvailable")
        return Room(total, available) if total is not None and available is not None else None

    def _container_memory(self) -> Room | None:
        """cgroup v2. Page cache that can be dropped is counted as available, as MemAvailable does."""
        try:
            limit = (self._cgroup / "memory.max").read_text().strip()
            used = int((self._cgroup / "memory.current").read_text())
            statistics = (self._cgroup / "memory.stat").read_text()
        except FileNotFoundError:  # no cgroup v2, or its root, which has no limit
            return None
        if not limit.isdigit():  # "max": no limit
            return None
        droppable = 0
        for line in statistics.splitlines():
            name, _, figure = line.partition(" ")
            if name == "inactive_file" and figure.isdigit():
                droppable = int(figure)
        total = int(limit)
        return Room(total, max(0, total - used + min(droppable, used)))


def _processors() -> int:
    """How many processors this process may use (a container may be given fewer than there are)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
