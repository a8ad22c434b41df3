"""From the confirming click to the last cancel accepted: Haltdesk beside a cold script and a warm client.

One simulated broker with 100 open orders (the modal is open, its figures are shown), at 0 and at 100 ms latency:
(a) a cold alpaca-py script that suspends and cancels; (b) the same bulk cancel in a warm alpaca-py client;
(c) Haltdesk, with its intent durable in SQLite before the first call. Beside the click's answer stands what a bare
endpoint takes that writes one row, in SQLite too, on the same server: the floor of this machine and its disk. Source of
the limits: the desk's issue on emergency actions.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from alpaca.trading.client import TradingClient

from tests.acceptance.trading_desk import INCIDENTS, TOKEN, TradingDesk, webhook
from tests.acceptance.trading_desk import alert as firing
from tests.benchmarks.clicks import ClickerProcess, confirmation
from tests.benchmarks.load import drive, request
from tests.benchmarks.webhooks import bodies, plain

ORDERS = 100
ROUNDS = 9
COLD_ROUNDS = 3
OPENED = 2  # calls that show a modal: it opens at once, and is updated when its figures are there

SCRIPT = """
import sys
from alpaca.trading.client import TradingClient
client = TradingClient(sys.argv[1], sys.argv[2], paper=True, url_override=sys.argv[3])
client.patch("/account/configurations", {"suspend_trade": True})
client.cancel_orders()
"""


@dataclass(frozen=True)
class Measured:
    """Medians, in seconds."""

    latency: float
    cold: float
    warm: float
    haltdesk: float
    click: float
    bare: float


def _fill(desk: TradingDesk) -> None:
    """100 fresh orders on an account that may trade."""
    desk.account.configure(suspend_trade=False)
    for order in desk.account.open_orders:
        desk.account.withdraw(order.id)
    for number in range(ORDERS):
        desk.account.add_order("AAPL", "buy", "1", limit_price=str(100 + number))


def _cold(desk: TradingDesk) -> float:
    _fill(desk)
    arguments = [desk.account.key_id, desk.account.secret, desk.broker.url]
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", SCRIPT, *arguments], check=True, timeout=60, env=_environment())
    return time.perf_counter() - began


def _environment() -> dict[str, str]:
    """A machine on which alpaca-py was imported before: cold means a new process, not a new installation."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _warm(desk: TradingDesk, client: TradingClient) -> float:
    _fill(desk)
    began = time.perf_counter()
    client.cancel_orders()
    return time.perf_counter() - began


def _haltdesk(desk: TradingDesk, clicker: ClickerProcess) -> tuple[float, float]:
    _fill(desk)
    accepted = threading.Event()
    at: list[float] = []

    def note(_: object) -> None:
        at.append(time.perf_counter())
        accepted.set()

    before = len(desk.slack.calls)
    desk.slack.click(INCIDENTS, desk.root()["ts"], "halt.open", "U0OPERATOR")
    desk.until(
        lambda: len(desk.slack.calls) >= before + OPENED and _quiet(desk),
        what="the modal with its figures",
        seconds=60,
    )
    desk.broker.on_request(1, note, method="DELETE", path=".*/orders", after=True)
    answered = clicker.send(confirmation("halt", uuid4().hex, incident=1))
    if not accepted.wait(30):
        raise RuntimeError("Haltdesk did not cancel within 30 s")
    seconds = at[0] - answered.began  # noted when the latency is over and the answer goes out
    desk.until(
        lambda: desk.api("/v1/trading-state")["broker"]["open_orders"] == 0 and _idle(desk),
        what="the halt to be proved",
        seconds=60,
    )
    desk.until(lambda: _quiet(desk), what="the last message to be delivered", seconds=60)
    return seconds, answered.seconds


def _idle(desk: TradingDesk) -> bool:
    return all(action["finished_at"] for action in desk.api("/v1/incidents/INC-1")["actions"])


def _quiet(desk: TradingDesk) -> bool:
    """Nothing was told to Slack for a second: the next click finds a desk at rest, as the first one does."""
    calls = desk.slack.calls
    return bool(calls) and time.time() - calls[-1].at > 1.5


def measure(latency: float) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with TradingDesk(path, f"sqlite:///{path / 'haltdesk.db'}") as desk:
            desk.start()
            desk.fire(webhook(firing("CircuitBreakerOpen")))
            desk.root()
            desk.broker.latency = latency
            _cold(desk)  # writes the bytecode
            cold = [_cold(desk) for _ in range(COLD_ROUNDS)]
            client = TradingClient(
                desk.account.key_id, desk.account.secret, paper=True, url_override=desk.broker.url
            )
            client.get_account()
            warm = [_warm(desk, client) for _ in range(ROUNDS)]
            ours, bare = [], []
            with (
                plain(f"sqlite:///{path / 'bare.db'}") as port,
                closing(ClickerProcess(desk.port)) as clicker,
            ):
                _haltdesk(desk, clicker)  # the modal's figures would have warmed the connections
                drive(port, _rows(port, 10), clients=1)
                for _ in range(ROUNDS):
                    # Both at rest: one row, then one click.
                    bare.append(drive(port, _rows(port, 1), clients=1).median)
                    ours.append(_haltdesk(desk, clicker))
    return Measured(
        latency=latency,
        cold=statistics.median(cold),
        warm=statistics.median(warm),
        haltdesk=statistics.median(one[0] for one in ours),
        click=statistics.median(one[1] for one in ours),
        bare=statistics.median(bare),
    )


def _rows(port: int, number: int) -> list[bytes]:
    return [request("/", body, token=TOKEN, port=port) for body in bodies(1, number)]


def run() -> bool:
    """Print the figures; false when one is over its limit."""
    kept = True
    print(f"Halt with {ORDERS} open orders: click to last cancel accepted (medians)")
    print(
        f"{'latency':>8} {'(a) cold':>10} {'(b) warm':>10} {'(c) ours':>10} {'click':>9} {'bare':>9}  ratio"
    )
    for latency in (0.0, 0.1):
        found = measure(latency)
        if latency == 0.0:
            ratio, limit, words = found.haltdesk / found.cold, 0.03, "(c)/(a)"
        else:
            ratio, limit, words = found.haltdesk / found.warm, 1.15, "(c)/(b)"
        fits = ratio <= limit and found.click <= 0.005
        kept = kept and fits
        print(
            f"{latency * 1000:>5.0f} ms {found.cold * 1000:>7.1f} ms {found.warm * 1000:>7.1f} ms "
            f"{found.haltdesk * 1000:>7.1f} ms {found.click * 1000:>6.1f} ms {found.bare * 1000:>6.1f} ms  "
            f"{words} {ratio:.3f}, at most {limit}; click at most 5 ms: {'kept' if fits else 'NOT KEPT'}"
        )
    return kept
