"""`/readyz`: what keeps Haltdesk from doing its job, by component, with what to do. It answers in bounded time."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.adapters.bounded import StillRunning
from bot.adapters.one_at_a_time import OneAtATime
from bot.domain.redacted import redacted
from bot.domain.refusals import about_channel
from bot.engine.pulse import Pulse
from bot.services.desk import Desk
from bot.store import message_places, messages
from bot.store.database import DatabaseError
from bot.store.message_places import Moved

PATIENCE = 2.0  # seconds for the database; probes give up after some more
SILENT = 60.0  # seconds beyond its period after which a piece that does not even fail is missed

Backlog = tuple[int, str | None, int, datetime | None, list[Moved]]


class Readiness:
    """`slack_error`: why Slack does not say who Haltdesk is, if it does not. `pulses`: this process's pieces."""

    def __init__(
        self,
        desk: Desk,
        slack_error: Callable[[], str | None],
        pulses: Callable[[], Sequence[Pulse]],
        old: timedelta,
    ) -> None:
        self._desk, self._slack_error, self._pulses, self._old = desk, slack_error, pulses, old
        self._ask = OneAtATime(self._backlog, PATIENCE, "readiness")

    def __call__(self) -> dict[str, str]:
        """What is not ready, and what to do about it; empty when all is well."""
        missing = self._delivery()
        slack = self._slack_error()
        if slack is not None:
            missing["slack"] = (
                f"{redacted(slack)}: check SLACK_BOT_TOKEN and status.slack.com; halts work without Slack"
                " (`haltdesk halt`)"
            )
        for pulse in self._pulses():
            if pulse.last_error is not None:
                missing[pulse.name] = (
                    f"{redacted(pulse.last_error)}: it is tried again by itself; see the log"
                )
            elif pulse.silent_for() > SILENT + 3 * pulse.every:
                missing[pulse.name] = (
                    f"has not come to its end for {pulse.silent_for():.0f} s: restart this process; actions under"
                    " way are taken up again"
                )
        return missing

    def _delivery(self) -> dict[str, str]:
        try:
            refused, reason, waiting, oldest, moved = self._ask()
        except StillRunning:
            return {
                "database": f"does not answer within {PATIENCE:g} s: look at its own log, locks and disk; halts and"
                " cancels work without it"
            }
        except DatabaseError as failure:
            return {
                "database": f"{type(failure).__name__}: look at DATABASE_URL and the database's own log; halts and"
                " cancels work without it"
            }
        if refused:
            return {
                "delivery": f"Slack refuses {refused} messages, the first with"
                f" {redacted(reason or 'no reason')}: mend the channel or the app's rights"
                " (`haltdesk check`)"
            }
        if oldest is not None and self._desk.now() - oldest > self._old:
            return {
                "delivery": f"{waiting} messages wait, the oldest since {oldest.isoformat()}: Slack is slow or away,"
                " or no worker runs; they go out by themselves"
            }
        if moved:
            places = "; ".join(
                f"{one.channel} {about_channel(one.because)}: {one.count} messages went to {one.to}"
                for one in moved
            )
            return {"delivery": f"{places}. Mend the channel; the next message goes there by itself"}
        return {}

    def _backlog(self) -> Backlog:
        with self._desk.database.read() as unit:
            refused, first = messages.count_in_trouble(unit), messages.in_trouble(unit, limit=1)
            waiting, oldest = messages.backlog(unit)
            moved = list(message_places.moved(unit))
        return refused, first[0].last_error if first else None, waiting, oldest, moved
