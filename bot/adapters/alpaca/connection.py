"""One connection to Alpaca: alpaca-py's RESTClient with time limits, no retries, errors by kind.

alpaca-py sets no timeout anywhere, repeats POST and DELETE on 429 and 504 by itself, and takes a redirect
for success; here each request is sent once and its answer is judged before alpaca-py sees it.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import requests
from alpaca.common.rest import RESTClient

from bot.ports.broker import BrokerAnswerUnreadable, BrokerRefused, BrokerTimeout, BrokerUnavailable

LONGEST_MESSAGE = 160
EARLIEST_EPOCH = 1_000_000_000  # a larger X-RateLimit-Reset is an epoch, a smaller one a span in seconds


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer, and for a whole call with everything in it."""

    connect: float = 2.0
    read: float = 5.0
    whole: float = 8.0


class Connection:
    """One keep-alive connection, used by one thread at a time. Never puts a key into an error."""

    def __init__(
        self,
        root: str,
        api_key: str,
        secret_key: str,
        epoch: Callable[[], float] = time.time,
        version: str = "v2",
    ) -> None:
        self._client = RESTClient(
            base_url=root, api_key=api_key, secret_key=secret_key, api_version=version, raw_data=True
        )
        self._client._retry = 0  # `retry_attempts=0` is ignored by alpaca-py
        self._send = self._client._session.request
        self._secrets = tuple(secret for secret in (api_key, secret_key) if secret)
        self._epoch = epoch
        self._what = ""
        self._limits = Timeouts()
        # alpaca-py calls the session's `request` for every verb: the one place where limits can be set.
        cast(Any, self._client._session).request = self._judged

    def call(self, what: str, verb: str, path: str, data: Any, limits: Timeouts) -> Any:
        """Send one request; returns the decoded JSON, or None for an empty body. Raises `BrokerError`."""
        self._what, self._limits = what, limits
        try:
            return getattr(self._client, verb)(path, data)
        except UnicodeEncodeError:
            raise BrokerUnavailable(
                what, "the API key holds characters that cannot be sent", may_have_acted=False
            ) from None
        except (ValueError, RecursionError):  # not JSON, or numbers and depths that no answer of this API has
            raise BrokerAnswerUnreadable(
                what, "the answer was not JSON (a page of a proxy, perhaps)", may_have_acted=True
            ) from None

    def close(self) -> None:
        self._client._session.close()

    def _judged(self, method: str, url: str, **options: Any) -> requests.Response:
        what, limits = self._what, self._limits
        options["timeout"] = (limits.connect, limits.read)
        options["allow_redirects"] = False
        try:
            response = self._send(method, url, **options)
        except requests.ConnectTimeout:
            raise BrokerTimeout(
                what, f"no connection in {limits.connect:g} s", may_have_acted=False
            ) from None
        except requests.Timeout:
            raise BrokerTimeout(what, f"no answer in {limits.read:g} s", may_have_acted=True) from None
        except requests.exceptions.ChunkedEncodingError:
            raise BrokerAnswerUnreadable(what, "the answer broke off", may_have_acted=True) from None
        except requests.ConnectionError as error:
            raise _connection_failed(what, limits, error) from None
        except requests.exceptions.ContentDecodingError:
            raise BrokerAnswerUnreadable(
                what, "the answer could not be unpacked", may_have_acted=True
            ) from None
        except requests.RequestException as error:
            raise BrokerUnavailable(
                what, f"could not be sent ({type(error).__name__})", may_have_acted=False
            ) from None
        self._judge(what, response)
        return response

    def _judge(self, what: str, response: requests.Response) -> None:
        status = response.status_code
        if 200 <= status < 300:
            return
        if status < 400:
            raise BrokerAnswerUnreadable(
                what, f"redirected ({status}), not an answer of this API", may_have_acted=True
            )
        code, message = _error_body(response)
        for secret in self._secrets:
            message = message.replace(secret, "[key]")
        detail = f": {message}" if message else ""
        if status == 429:
            wait = _retry_after(response, self._epoch())
            raise BrokerUnavailable(
                what, "rate limit (429)", status=429, retry_after=wait, may_have_acted=False
            )
        if status >= 500:
            raise BrokerUnavailable(
                what,
                f"broker error {status}{detail}",
                status=status,
                retry_after=_retry_after(response, self._epoch()),
            )
        raise BrokerRefused(what, status, code, message)


def _connection_failed(
    what: str, limits: Timeouts, error: requests.ConnectionError
) -> BrokerUnavailable | BrokerTimeout:
    """Tell a refused connection (nothing was sent) from one that broke (something may have been)."""
    text = repr(error)
    if "Read timed out" in text:  # a timeout in the middle of a body comes as a ConnectionError
        return BrokerTimeout(what, f"no full answer in {limits.read:g} s", may_have_acted=True)
    if "NameResolutionError" in text or "getaddrinfo" in text:
        return BrokerUnavailable(what, "the broker's name could not be resolved", may_have_acted=False)
    if (
        "NewConnectionError" in text
        or "SSLError" in text
        or isinstance(error, requests.exceptions.ProxyError)
    ):
        return BrokerUnavailable(what, "no connection to the broker", may_have_acted=False)
    return BrokerUnavailable(what, "the connection broke", may_have_acted=True)


def _error_body(response: requests.Response) -> tuple[int | None, str]:
    """Code and message of an error answer; none from a body that is not this API's JSON."""
    try:
        body = json.loads(response.content)
    except ValueError:
        return None, ""
    if not isinstance(body, dict):
        return None, ""
    code = body.get("code")
    message = body.get("message")
    text = " ".join(message.split()) if isinstance(message, str) else ""
    return code if isinstance(code, int) else None, text[:LONGEST_MESSAGE]


def _retry_after(response: requests.Response, now: float) -> float | None:
    """Seconds to wait, by `Retry-After` (a span) or `X-RateLimit-Reset` (an epoch), if told."""
    for name in ("Retry-After", "X-RateLimit-Reset"):
        try:
            number = float(response.headers.get(name, ""))
        except ValueError:
            continue
        if number != number or number < 0:
            continue
        return max(0.0, number - now) if number >= EARLIEST_EPOCH else number
    return None
