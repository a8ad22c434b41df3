"""Fifty people confirm at once while Slack is slow: who asks what, and how long each waits for the acknowledgement."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from tests.acceptance.trading_desk import TradingDesk, alert, webhook
from tests.benchmarks.clicks import Clicker, confirmation

PEOPLE = 50


@dataclass(frozen=True)
class Waited:
    """Seconds to each acknowledgement, shortest first."""

    acks: tuple[float, ...]

    @property
    def median(self) -> float:
        return self.acks[len(self.acks) // 2]

    @property
    def longest(self) -> float:
        return self.acks[-1]


def prepared(desk: TradingDesk, *, slack: float) -> None:
    """A running desk with one incident, known to everybody, and a Slack that takes `slack` seconds a call from now."""
    desk.start()
    assert desk.fire(webhook(alert("CircuitBreakerOpen"))).status_code == 200
    desk.reply("Triage")
    if slack:
        desk.slack.faults.add("*", delay=slack)


def all_confirm(desk: TradingDesk, kind: str, *, round_number: int = 0) -> Waited:
    """Everybody presses at the same moment, each in a modal of their own. A press that is not acknowledged raises."""
    together = threading.Barrier(PEOPLE)

    def press(number: int) -> float:
        with closing(Clicker(desk.port)) as person:
            together.wait(30)
            nonce = f"{kind}-{round_number}-{number}"
            return person.send(confirmation(kind, nonce, reason=f"person {number}")).seconds

    with ThreadPoolExecutor(PEOPLE) as people:
        return Waited(tuple(sorted(people.map(press, range(PEOPLE)))))
