"""How many of Slack's requests may be in hand at once, so that none of them takes the place of a halt.

A listener that reads the database waits as long as the database hangs, and with it the thread that it was given.
Halt and cancel do not: they go on without the database, and need no place.
"""

from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App, BoltRequest, BoltResponse

from bot.engine.emergency import POSSIBLE
from bot.ports.about import about
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

    `foreign` answers what is not meant for this app, and is None for what is. What gets no place is answered 503, and
    not looked at: Slack shows the person who pressed that it failed, and sends an event again.
    """

    def __init__(self, foreign: Callable[[Mapping[str, Any]], BoltResponse | None], **settings: Any) -> None:
        super().__init__(**settings)
        self._foreign, self._places = foreign, Places(SLACK)

    def dispatch(self, req: BoltRequest) -> BoltResponse:
        body, what = req.body, asked(req.body)
        with about(slack=what, by=(body.get("user") or {}).get("id") or body.get("user_id")):
            # Here, and not as Bolt's middleware: Bolt makes thirty arguments for each, and a click waits for that.
            refusal = self._foreign(body)
            if refusal is not None:
                return refusal
            if (what or "").partition(":")[0] in _EMERGENCIES:
                return super().dispatch(req)
            with self._places.one() as held:
                if held:
                    return super().dispatch(req)
        return BoltResponse(status=503, body="Haltdesk has too much in hand; send it again")
