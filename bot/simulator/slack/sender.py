"""Sending signed requests to the bot, as Slack does: signature v0, an answer within 3 s, or none."""

import hashlib
import hmac
import http.client
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from bot.simulator.slack.records import Answer, SentRequest

ACK_SECONDS = 3.0
EVENTS_PATH = "/slack/events"
FORM = "application/x-www-form-urlencoded"


class Sender:
    """Posts to the bot's base URL. Signed with the machine's time: the bot compares it with its own.

    `patience`: seconds within which an answer must come.
    """

    def __init__(self, app_url: str | None, signing_secret: str) -> None:
        self.app_url = app_url
        self.signing_secret = signing_secret
        self.patience = ACK_SECONDS

    def send(
        self,
        body: str,
        content_type: str = FORM,
        *,
        secret: str | None = None,
        timestamp: int | None = None,
        path: str = EVENTS_PATH,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Post a body with a signature. Never raises for what the bot does: the answer says it."""
        if self.app_url is None:
            raise RuntimeError("the simulator does not know the bot's address: set app_url first")
        request = SentRequest(path, body, content_type)
        stamp = str(int(time.time()) if timestamp is None else timestamp)
        digest = hmac.new(
            (self.signing_secret if secret is None else secret).encode(),
            f"v0:{stamp}:{body}".encode(),
            hashlib.sha256,
        ).hexdigest()
        all_headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
            "Connection": "close",
            **(headers or {}),
        }
        base = urlsplit(self.app_url)
        connection = http.client.HTTPConnection(
            base.hostname or "127.0.0.1", base.port, timeout=self.patience
        )
        began = time.monotonic()
        try:
            connection.request("POST", base.path.rstrip("/") + path, body.encode(), all_headers)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except TimeoutError:
            return Answer(0, time.monotonic() - began, "", request, self._too_late)
        except (OSError, http.client.HTTPException) as error:
            why = f"the connection failed: {type(error).__name__}"
            return Answer(0, time.monotonic() - began, "", request, why)
        finally:
            connection.close()
        seconds = time.monotonic() - began
        if seconds > self.patience:
            return Answer(0, seconds, text, request, self._too_late)
        return Answer(response.status, seconds, text, request, None, dict(response.getheaders()))

    @property
    def _too_late(self) -> str:
        return f"no answer within {self.patience:g} s"

    def again(self, answer: Answer, number: int = 1, reason: str = "http_timeout") -> Answer:
        """The same request once more, marked as a retry and freshly signed."""
        sent = answer.request
        return self.send(sent.body, sent.content_type, path=sent.path, headers=retry_headers(number, reason))


def retry_headers(number: int | None, reason: str = "http_timeout") -> dict[str, str]:
    if number is None:
        return {}
    return {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
