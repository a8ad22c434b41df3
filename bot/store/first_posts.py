"""New messages that are this process's to post from the moment they are written.

An incident's first message is claimed, and noted as about to be posted, by the very commit that opens the incident:
at the worst minute of the week nobody waits for a second one. What it shows is read in that transaction too, and put
into words while the disk keeps it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.store.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class Taken:
    """What the message is written with, as `deliveries.take` would write it. Nobody else's claim is called `by`."""

    by: str
    at: datetime
    until: datetime


class Poster(Protocol):
    """Whoever posts in this process."""

    def take(self, channel: str, at: datetime) -> Taken | None:
        """Promise to post a new message in `channel` at once; None when it has to wait its turn with the others."""

    def make_ready(self, unit: "UnitOfWork", key: str, taken: Taken) -> None:
        """The message is about to be committed: read what it shows. It must not be posted before it is handed over.

        Raises the database's error, and no other. Not called where nobody could do the transaction again without it.
        """

    def hand_over(self, key: str, taken: Taken) -> None:
        """The message is in the database. Must not block."""

    def drop(self, taken: Taken) -> None:
        """The message that was made ready was not committed. Must not block."""
