"""HTTP questions that end: no redirect followed, no body without a bound, no wait past one deadline."""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from bot.adapters.bounded import StillRunning, bounded
from bot.domain.redacted import redacted
from bot.ports.answers import AnswerError, FailureKind

MOST_BYTES = 32 * 1024 * 1024
_PIECE = 64 * 1024
_GRACE_SECONDS = 0.25


class BoundedSession(requests.Session):
    """A session whose every request is read completely before `request` returns, within one deadline.

    requests' own timeout starts anew with each piece that arrives, so a server that sends a byte now and
    then holds a caller for ever. Here the whole answer has `limit_seconds`. Raises the given subclass of
    `AnswerError` for whatever is no plain answer: a failed connection, a redirect (a login page, most
    likely), or a body over the bound. Use it for one question at a time.
    """

    def __init__(
        self,
        system: str,
        error: type[AnswerError],
        limit_seconds: float,
        token: str | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        super().__init__()
        self._system = system
        self._error = error
        self._limit = limit_seconds
        self._most_bytes = most_bytes
        self._deadline = time.monotonic() + limit_seconds
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    # requests declares some twenty keyword parameters; the two that matter here are overruled, the rest
    # passed on.
    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._late()
        kwargs |= {"allow_redirects": False, "timeout": left, "stream": True}

        def ask() -> requests.Response:
            response = super(BoundedSession, self).request(method, url, *args, **kwargs)
            with response:
                # What requests itself would put there; now it is read within the deadline.
                response._content = self._read(response)
            return response

        try:
            # The sockets' own limit comes first, as a rule; looking up a name and slow headers know no limit.
            response = bounded(ask, left + _GRACE_SECONDS, f"question to {self._system}")
        except StillRunning as failure:
            raise self._late() from failure
        except requests.RequestException as failure:
            raise self._told(failure) from failure
        if response.is_redirect or 300 <= response.status_code < 400:
            raise self._error(
                FailureKind.REDIRECTED,
                f"{self._system} answered with a redirect ({response.status_code}) to "
                f"{redacted(response.headers.get('Location', 'nowhere'), 100)}: a login page or a moved "
                "address. Set the address that answers itself.",
            )
        return response

    def _read(self, response: requests.Response) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while True:  # bounded by the deadline and by the size
            if time.monotonic() > self._deadline:
                raise self._late()
            try:
                # read1 gives what has arrived instead of waiting for a full piece
                piece = response.raw.read1(_PIECE, decode_content=True)
            except (HTTPError, OSError) as failure:
                if isinstance(failure, ReadTimeoutError | TimeoutError):
                    raise self._late() from failure
                raise self._error(
                    FailureKind.MALFORMED,
                    f"{self._system}'s answer broke off after {size} bytes: {redacted(str(failure), 100)}.",
                ) from failure
            if not piece:
                return b"".join(pieces)
            size += len(piece)
            if size > self._most_bytes:
                raise self._error(
                    FailureKind.TOO_LARGE, f"{self._system}'s answer is larger than {self._most_bytes} bytes."
                )
            pieces.append(piece)

    def _late(self) -> AnswerError:
        return self._error(FailureKind.TIMEOUT, f"{self._system} gave no answer in {self._limit:g} s.")

    def _told(self, failure: requests.RequestException) -> AnswerError:
        if isinstance(failure, requests.Timeout):
            return self._late()
        return self._error(
            FailureKind.UNREACHABLE, f"{self._system} could not be reached: {redacted(_cause(failure), 120)}."
        )


def _cause(failure: BaseException) -> str:
    """The innermost words ("Connection refused"), without requests' wrapping, which repeats the whole
    address.
    """
    innermost: BaseException = failure
    for _ in range(10):
        inner = innermost.__cause__ or innermost.__context__
        if inner is None:
            break
        innermost = inner
    words = getattr(innermost, "strerror", None) or str(innermost)
    return str(words) or type(innermost).__name__


def decoded(response: requests.Response, system: str, error: type[AnswerError]) -> Any:
    """The body as JSON when the status is 200, else the error that it stands for.

    Both systems say in JSON what was wrong with a question (`error`, or a bare string, or `message`); those
    words are passed on, cut.
    """
    status = response.status_code
    if status != 200:
        raise error(
            _kind_of(status), f"{system} answered {status}: {_words(response) or 'without a reason'}."
        )
    text = response.content
    if text.lstrip()[:1] == b"<":
        raise error(
            FailureKind.NOT_JSON, f"{system} answered with an HTML page: is a proxy or a login before it?"
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as failure:
        cut = text.lstrip()[:1] in (b"{", b"[")
        kind = FailureKind.MALFORMED if cut else FailureKind.NOT_JSON
        raise error(kind, f"{system}'s answer is not whole JSON ({len(text)} bytes).") from failure


def _kind_of(status: int) -> FailureKind:
    match status:
        case 401 | 403:
            return FailureKind.REFUSED
        case 404:
            return FailureKind.NOT_FOUND
        case 408 | 504:
            return FailureKind.TIMEOUT
        case _ if 400 <= status < 500:
            return FailureKind.REJECTED
        case _ if status >= 500:
            return FailureKind.SERVER
    return FailureKind.MALFORMED


def _words(response: requests.Response) -> str:
    text = response.content[:20_000]
    if text.lstrip()[:1] == b"<":
        return "with an HTML page"
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return redacted(text.decode("utf-8", "replace"), 160).rstrip(".")
    if isinstance(body, Mapping):
        body = body.get("error") or body.get("message") or ""
    return redacted(body if isinstance(body, str) else "", 160).rstrip(".")


def base_of(url: str, setting: str) -> str:
    """`url` without its last slash; ValueError, naming the setting, when it is no http address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{setting} must be an address like http://host:port, and is {redacted(url, 80)!r}.")
    if parts.query or parts.fragment:
        raise ValueError(f"{setting} must not have a query or a fragment: {redacted(url, 80)!r}.")
    return url.rstrip("/")
