"""What is read of the machine that Haltdesk runs on."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Room:
    """A resource of which `total` bytes exist and `available` bytes can still be taken."""

    total: int
    available: int

    @property
    def used_share(self) -> float:
        return 1 - self.available / self.total if self.total > 0 else 1.0


@dataclass(frozen=True)
class Load:
    """The load average over one and five minutes, and the processors that may be used."""

    one_minute: float
    five_minutes: float
    processors: int


class Host(Protocol):
    """The machine. What this system does not tell is None; what cannot be read raises `OSError`."""

    def disk(self) -> Room:
        """The disk that holds the database's folder."""

    def memory(self) -> Room | None:
        """The machine's memory, or the container's when its limit is tighter."""

    def load(self) -> Load | None:
        """The load average."""
