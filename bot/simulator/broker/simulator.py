"""The stand-in broker: accounts behind Alpaca's Trading API v2 on a loopback port."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from bot.simulator.broker import routes
from bot.simulator.broker.account import Account, Figure
from bot.simulator.broker.answers import panel_of
from bot.simulator.broker.corporate import SplitRecord
from bot.simulator.broker.faults import Faults, Sent, encoded
from bot.simulator.broker.limits import RateLimit
from bot.simulator.broker.market import Market, Mode
from bot.simulator.broker.requests_seen import Request, RequestsSeen
from bot.simulator.broker.serving import BrokerServer, Incoming
from bot.simulator.broker.wire import Refusal, Reply, invalid

START_CASH = Decimal(100_000)
POLL_SECONDS = 0.1


def _utc_now() -> datetime:
    return datetime.now(UTC)


class BrokerSimulator:
    """A broker of its own: `start`, point a client at `url` with an account's key pair, `stop`.

    `clock` gives aware UTC times and rules all inside: stamps, pending cancels, the rate limit's minute.
    `latency` is real seconds before each answer. `market` "exchange" keeps the exchange's hours.
    """

    def __init__(
        self,
        port: int = 0,
        clock: Callable[[], datetime] = _utc_now,
        latency: float = 0.0,
        requests_per_minute: int | None = 200,
        market: Mode = "open",
    ) -> None:
        self.latency = latency
        self.clock = clock
        self.market = Market(clock, market)
        self._changed = threading.Condition(threading.RLock())
        self.faults = Faults(lambda: clock().timestamp(), self._changed)
        self._seen = RequestsSeen(self._changed)
        self._per_minute = requests_per_minute
        self._accounts: dict[str, Account] = {}
        self._limits: dict[str, RateLimit] = {}
        self._port = port
        self._server: BrokerServer | None = None
        self._thread: threading.Thread | None = None
        self._released = threading.Event()

    def __enter__(self) -> "BrokerSimulator":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen. After a `stop` the port is the same: the broker is back where it was."""
        if self._server is not None:
            raise RuntimeError("the stand-in broker is running already")
        self._released = threading.Event()
        self._server = BrokerServer(self._port, self._respond, self._released)
        self._port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="broker-simulator", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and break what is open; hangs end. Does nothing when not running."""
        server, thread, self._server, self._thread = self._server, self._thread, None, None
        if server is None or thread is None:
            return
        self._released.set()
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
        server.break_connections()

    @property
    def url(self) -> str:
        """The root, as `ALPACA_API_URL` and alpaca-py's `base_url` want it (they add `/v2`)."""
        return f"http://127.0.0.1:{self._port}"

    def account(self, name: str = "paper", cash: Figure = START_CASH) -> Account:
        """The account of this name, opened with `cash` when there is none yet."""
        with self._changed:
            if name not in self._accounts:
                number = f"PA3F{sum(name.encode()) % 10000:04d}{len(self._accounts) + 1:04d}"
                self._accounts[name] = Account(name, number, self.market, self._changed, Decimal(cash))
                self._limits[name] = RateLimit(self._per_minute)
            return self._accounts[name]

    @property
    def accounts(self) -> tuple[Account, ...]:
        with self._changed:
            return tuple(self._accounts.values())

    def panel_of(self, name: str) -> dict[str, Any]:
        """What a page shows of an account: name, number, suspension, equity, orders, positions, as text."""
        with self._changed:
            account = self.account(name)
            account.settle()
            return panel_of(account)

    @property
    def requests(self) -> tuple[Request, ...]:
        """Every call that arrived, oldest first."""
        return self._seen.seen

    def forget_requests(self) -> None:
        self._seen.forget()

    def set_price(self, symbol: str, price: Figure) -> None:
        """Move the market; every order that the price reaches executes, in every account."""
        with self._changed:
            self.market.move(symbol, Decimal(price))
            self._changed.notify_all()

    def split(self, symbol: str, new: Figure, old: Figure, on: date) -> None:
        """Turn every `old` units held into `new`, in all accounts, the price with them; on record from then on."""
        with self._changed:
            record = SplitRecord(symbol, Decimal(old), Decimal(new), on)
            asset = self.market.list_asset(symbol)
            price = self.market.price(asset)
            for account in self._accounts.values():
                held = account.book.holdings.get(asset.key)
                if held is not None:
                    held.split(record.factor)
            if price is not None:
                self.market.list_asset(symbol, price / record.factor)
            self.market.splits.append(record)
            self._changed.notify_all()

    def on_request(
        self,
        n: int,
        act: Callable[[Request], None],
        *,
        method: str = "*",
        path: str = ".*",
        after: bool = False,
    ) -> None:
        """Run `act` once, at the n-th fitting call from now: before its effect, or after it but unanswered.

        It runs in the thread of that call and may block, stop the client, or use the controls.
        """
        self._seen.on(n, act, method, path, after)

    def wait_for(self, predicate: Callable[[], bool], timeout: float = 5.0) -> None:
        """Wait until it holds; looked at on every call, answer and control.

        Raises TimeoutError, with the last calls, when it does not hold within `timeout` seconds.
        """
        with self._changed:
            if self._changed.wait_for(predicate, timeout):
                return
            last = "; ".join(str(request) for request in self._seen.seen[-8:]) or "none"
        raise TimeoutError(f"the broker was not in the awaited state after {timeout:g} s; last calls: {last}")

    def _respond(self, incoming: Incoming) -> Sent:
        account, refused = self._known(incoming)
        request = Request(
            index=0,
            method=incoming.method,
            path=incoming.path,
            query=incoming.query,
            body=_decoded(incoming.payload),
            at=self.clock(),
            key=incoming.key,
            account=account.name if account is not None else None,
        )
        before, after = self._seen.arrive(request)
        for hook in before:
            hook.act(request)
        if self.latency > 0:
            self._released.wait(self.latency)
        sent = self._outcome(request, incoming, account, refused)
        for hook in after:
            hook.act(request)
        self._seen.answered(request, sent.status or None)
        return sent

    def _outcome(
        self, request: Request, incoming: Incoming, account: Account | None, refused: Refusal | None
    ) -> Sent:
        with self._changed:
            fault = self.faults.draw(request.method, request.path, request.account)
            if fault is not None and not fault.lets_happen:
                return self.faults.spoil(fault, Sent())
            whole = self._done(request, incoming, account, refused)
            self._changed.notify_all()
            return whole if fault is None else self.faults.spoil(fault, whole)

    def _done(
        self, request: Request, incoming: Incoming, account: Account | None, refused: Refusal | None
    ) -> Sent:
        """Let the call take effect; its whole answer."""
        if account is None or refused is not None:
            return encoded((refused or _not_authorized()).reply, {})
        limit = self._limits[account.name]
        if not limit.take(self.clock().timestamp()):
            return encoded(Reply(429, {"code": 42910000, "message": "rate limit exceeded"}), limit.headers())
        account.settle()
        try:
            if incoming.payload and request.body is None:
                raise invalid("request body format is invalid")
            reply = routes.answer(
                lambda parts: routes.Ask(account, self.market, parts, request.query, request.body),
                request.method,
                request.path,
            )
        except Refusal as refusal:
            reply = refusal.reply
        return encoded(reply, limit.headers())

    def _known(self, incoming: Incoming) -> tuple[Account | None, Refusal | None]:
        """The account of the key pair; a refusal when there is none, or when the pair is revoked."""
        if not incoming.key or not incoming.secret:
            return None, _not_authorized()
        for account in self.accounts:
            if account.key_id == incoming.key:
                if account.secret != incoming.secret:
                    return None, Refusal(403, 40310000, "forbidden.")
                return account, _not_authorized() if account.revoked else None
        return None, Refusal(403, 40310000, "forbidden.")


def _not_authorized() -> Refusal:
    return Refusal(401, 40110000, "request is not authorized")


def _decoded(payload: bytes) -> Any:
    """The JSON of a request; None when there is none, or none that can be read."""
    try:
        return json.loads(payload) if payload else None
    except ValueError:
        return None
