"""What a button's ack is measured beside: Bolt as it comes, with a listener that does nothing but ack.

The same server; started by `tests.benchmarks.ack` as a program of its own:
`python -m tests.benchmarks.default_ack PORT SIGNING_SECRET`.
"""

import re
import sys

from slack_bolt import Ack, App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_bolt.authorization import AuthorizeResult

from bot.server import serve


def _authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token="xoxb-none")


def _nothing(ack: Ack) -> None:
    ack()


def main(port: str, secret: str) -> None:
    app = App(signing_secret=secret, authorize=_authorize, process_before_response=False)
    app.action(re.compile("."))(_nothing)
    serve(SlackRequestHandler(app, path="/slack/events"), "127.0.0.1", int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
