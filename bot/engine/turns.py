"""When a message may go out: the turns of posts, edits and looks at Slack's pace."""

from collections.abc import Collection
from dataclasses import dataclass

from bot.engine.pace import EARLY, Pace
from bot.ports.record import Timepiece
from bot.store.messages import Message

# chat.update and the reading of channels are in Slack's tier 3: 50 a minute for the whole app, with a short burst.
TIER_3 = 50 / 60
FURTHER_TRY = 5.0  # seconds that a plainer form of a message waits for its turn at most
APP = "app"


@dataclass(frozen=True)
class Turn:
    """The turns of one kind of call at one place."""

    pace: Pace
    place: str
    time: Timepiece

    def take(self) -> float:
        """Take a turn: 0, or the seconds until there is one."""
        return self.pace.take(self.place, self.time.monotonic())

    def take_at_rest(self) -> bool:
        """Take a turn if nobody else can be waiting for one."""
        return self.pace.take_at_rest(self.place, self.time.monotonic())

    def wait(self) -> bool:
        """The last moments before the turn, when all that comes before the call is done.

        False when the turn is gone: Slack has asked for a pause meanwhile.
        """
        wait = self.pace.sending(self.place, self.time.monotonic())
        if wait > 2 * EARLY:
            return False
        if wait > 0:
            self.time.wait(wait)
        return True

    def again(self) -> None:
        """Before a further try of the same message: at most a turn's time."""
        wait = self.pace.sending(self.place, self.time.monotonic(), at_most=FURTHER_TRY)
        self.time.wait(min(wait, FURTHER_TRY))

    def bar(self, seconds: float) -> None:
        """Slack has asked for a pause."""
        self.pace.bar(self.place, self.time.monotonic(), seconds)

    def went_well(self) -> None:
        self.pace.went_well(self.place, self.time.monotonic())


class Turns:
    """Those of this process, which knows nothing of others' turns. Thread-safe."""

    def __init__(self, time: Timepiece, *, posts: Pace | None = None) -> None:
        self._time = time
        self._posts = posts or Pace(per_second=1.0, burst=3)
        self._edits_of_one = Pace(per_second=1.0, burst=3)
        self._edits = Pace(per_second=TIER_3, burst=20)
        self.edit = Turn(self._edits, APP, time)
        self.look = Turn(Pace(per_second=TIER_3, burst=5), APP, time)

    def post(self, channel: str) -> Turn:
        return Turn(self._posts, channel, self._time)

    def take(self, message: Message, channel: str, now: float) -> tuple[float, float]:
        """Take the turn of a message: 0, or the seconds until there is one; and those that it is put off.

        It is not put off beyond its own edits' pace: the most urgent one must get the next turn.
        """
        if message.ts is None:
            return self._posts.take(channel, now), 0.0
        wait = self._edits_of_one.take(f"{message.channel}:{message.ts}", now)
        return wait or self._edits.take(APP, now), wait

    def closed(self, now: float) -> tuple[Collection[str], bool]:
        """The channels in which nothing may be posted now; and whether anything may be edited."""
        return self._posts.closed(now), not self._edits.closed(now)

    def opens(self, now: float) -> list[float]:
        """In how many seconds each of what is closed may be used again."""
        return [*self._posts.closed(now).values(), *self._edits.closed(now).values()]
