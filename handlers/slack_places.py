"""How many of Slack's requests may be in hand at once, so that none of them takes the place of a halt.

A listener that reads the database waits as long as the database hangs, and with it the thread that it was given.
Halt and cancel do not: they go on without the database, and need no place.
"""

from collections.abc import Mapping
from typing import Any

from slack_bolt import App, BoltRequest, BoltResponse

from bot.engine.emergency import POSSIBLE
from handlers.places import Places

SLACK = 16
SOCKET_THREADS = 48  # in Socket Mode, where all threads are Slack's: so many are left as over HTTP

_EMERGENCIES = frozenset(f"{kind}.{step}" for kind in POSSIBLE for step in ("open", "confirm")) | {
    f"/{kind}" for kind in POSSIBLE
}


def asked(body: Mapping[str, Any]) -> str | None:
    """What was pressed, submitted or written, as its Slack id."""
    pressed = (body.get("actions") or [{}])[0].get("action_id")
    told = pressed or (body.get("view") or {}).get("callback_id") or body.get("command") or body.get("type")
    return str(told)[:80] if told else None


class PlacedApp(App):
    """A Bolt app that takes in so much at once, over HTTP as over Socket Mode, and halts and cancels beyond it.

    What gets no place is answered 503, and not looked at: Slack shows the person who pressed that it failed, and
    sends an event again.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._places = Places(SLACK)

    def dispatch(self, req: BoltRequest) -> BoltResponse:
        if (asked(req.body) or "").partition(":")[0] in _EMERGENCIES:
            return super().dispatch(req)
        with self._places.one() as held:
            if held:
                return super().dispatch(req)
        return BoltResponse(status=503, body="Haltdesk has too much in hand; send it again")
