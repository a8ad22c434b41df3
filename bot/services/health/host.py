"""The machine's health: room on the database's disk, memory, load."""

from dataclasses import dataclass

from bot.domain.health import Component, ComponentStatus
from bot.ports.host import Host, Room

_MIB = 1024 * 1024


@dataclass(frozen=True)
class DiskCheck:
    """The disk of the database's folder. Shares are of 1; `least` is in bytes, whatever the share."""

    host: Host
    warn_share: float = 0.90
    fail_share: float = 0.97
    least: int = 200 * _MIB
    name: str = "disk"

    def run(self, limit_seconds: float) -> Component:
        try:
            room = self.host.disk()
        except OSError as error:
            return _unreadable(self.name, error)
        threshold = (
            f"warns from {self.warn_share:.0%}, fails from {self.fail_share:.0%} or below {_size(self.least)}"
        )
        status = _status(room, self.warn_share, self.fail_share, self.least)
        advice = "Make room on the database's disk: when it is full, nothing more can be recorded."
        return _component(self.name, status, room, threshold, advice)


@dataclass(frozen=True)
class MemoryCheck:
    """The memory that can still be taken, of the machine or of the container."""

    host: Host
    warn_share: float = 0.90
    fail_share: float = 0.97
    name: str = "memory"

    def run(self, limit_seconds: float) -> Component:
        try:
            room = self.host.memory()
        except OSError as error:
            return _unreadable(self.name, error)
        if room is None:
            return Component(self.name, ComponentStatus.OFF, "this system does not tell its memory")
        threshold = f"warns from {self.warn_share:.0%}, fails from {self.fail_share:.0%}"
        status = _status(room, self.warn_share, self.fail_share, 0)
        advice = "Look at which process takes the memory: the system may end one, this one included."
        return _component(self.name, status, room, threshold, advice)


@dataclass(frozen=True)
class LoadCheck:
    """The load average over five minutes for each processor.

    High load makes late, so it never fails, only warns.
    """

    host: Host
    warn_per_processor: float = 2.0
    name: str = "load"

    def run(self, limit_seconds: float) -> Component:
        try:
            load = self.host.load()
        except OSError as error:
            return _unreadable(self.name, error)
        if load is None:
            return Component(self.name, ComponentStatus.OFF, "this system does not tell its load")
        high = load.five_minutes / load.processors >= self.warn_per_processor
        plural = "" if load.processors == 1 else "s"
        return Component(
            self.name,
            ComponentStatus.WARN if high else ComponentStatus.OK,
            f"{load.five_minutes:.2f} over 5 min on {load.processors} processor{plural}",
            f"warns from {self.warn_per_processor:g} for each processor",
            "Look at which process takes the processors: actions may be late." if high else None,
        )


def _status(room: Room, warn: float, fail: float, least: int) -> ComponentStatus:
    if room.used_share >= fail or room.available < least:
        return ComponentStatus.FAIL
    return ComponentStatus.WARN if room.used_share >= warn else ComponentStatus.OK


def _component(name: str, status: ComponentStatus, room: Room, threshold: str, advice: str) -> Component:
    # Rounded down: 89.6 % must not read as the 90 % from which it would warn.
    figure = f"{int(room.used_share * 100)} % used, {_size(room.available)} left"
    return Component(name, status, figure, threshold, None if status is ComponentStatus.OK else advice)


def _unreadable(name: str, error: OSError) -> Component:
    why = error.strerror or type(error).__name__
    return Component(
        name,
        ComponentStatus.UNKNOWN,
        f"could not be read: {why}",
        None,
        f"Look at the machine's {name} by hand.",
    )


def _size(count: int) -> str:
    if count >= 1024 * _MIB:
        return f"{count / (1024 * _MIB):.1f} GiB"
    return f"{count / _MIB:.0f} MiB"
