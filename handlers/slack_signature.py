"""Slack's signature, checked before anything of a request is parsed. Source: Slack, "Verifying requests from Slack".

Bolt would check it only after it has parsed the body, and log whole bodies. Here a request without a fresh signature
is refused before its body is read; to have Bolt check it once more would only make a click wait.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from wsgiref.types import WSGIEnvironment

MAX_BODY = 1024 * 1024
FRESH_SECONDS = 300  # Slack's own advice against replays
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SMALL = 8192


class Refused(Exception):
    """`status` and `reason` (one of `handlers.refusals.REASONS`) of the refusal."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(text)
        self.status, self.reason = status, reason


class SlackSignature:
    """Checks requests with the app's signing secret. `now` is the desk's clock."""

    def __init__(self, secret: str, now: Callable[[], datetime]) -> None:
        self._secret, self._now = secret.encode(), now

    def check(self, environ: WSGIEnvironment) -> bool:
        """True: it is Slack's; the body is left in `environ` to be read again. Raises `Refused`.

        False: Slack only looks at the address and its certificate (`ssl_check`), which may come unsigned and wants
        a 200 and nothing else.
        """
        length = content_length(environ)
        given = str(environ.get("HTTP_X_SLACK_SIGNATURE", ""))
        timestamp = str(environ.get("HTTP_X_SLACK_REQUEST_TIMESTAMP", ""))
        signed = _SIGNATURE.fullmatch(given) is not None and self._fresh(timestamp)
        if not signed and length > _SMALL:
            raise _not_signed()
        body: bytes = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = BytesIO(body)
        if signed:
            told = hmac.new(self._secret, b"v0:%s:%s" % (timestamp.encode(), body), hashlib.sha256)
            if hmac.compare_digest(f"v0={told.hexdigest()}", given):
                return True
        elif b"ssl_check=1" in body.split(b"&"):
            return False
        raise _not_signed()

    def _fresh(self, timestamp: str) -> bool:
        if _TIMESTAMP.fullmatch(timestamp) is None:
            return False
        return abs(self._now().timestamp() - int(timestamp)) <= FRESH_SECONDS


def content_length(environ: WSGIEnvironment) -> int:
    """The length that the request claims, at most `MAX_BODY`; raises `Refused`."""
    claimed = str(environ.get("CONTENT_LENGTH") or "0")
    if not claimed.isascii() or not claimed.isdigit():
        raise Refused(400, "body", "Content-Length is no number")
    length = int(claimed[:20])
    if length > MAX_BODY:
        raise Refused(413, "too_large", f"the body is over {MAX_BODY} bytes")
    return length


def _not_signed() -> Refused:
    return Refused(401, "signature", "the signature is missing, old or not Slack's")
