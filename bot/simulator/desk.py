"""The stand-in desk beside the stand-in Slack: broker, ledger and alerts to show, scenarios to start."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bot.simulator.alertmanager import AlertGroup, WebhookSender
from bot.simulator.broker import Account, BrokerSimulator
from bot.simulator.broker.answers import money
from bot.simulator.broker.wire import text
from bot.simulator.ledger import LedgerSimulator
from bot.simulator.scenarios import SCENARIOS, Scenario, Stage, set_stage

CLEARS = ":clears"


class MarketDesk:
    """Plays the world around the bot. The bot may come later (`connect`): the page is up first."""

    def __init__(
        self,
        broker: BrokerSimulator,
        ledger: LedgerSimulator,
        account: str = "main",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._broker = broker
        self._account = broker.account(account)
        self._ledger = ledger
        self._clock = clock
        self._sender: WebhookSender | None = None
        self._groups: dict[str, AlertGroup] = {}
        self._one_at_a_time = threading.Lock()  # two clicks at once are two scenarios, one after the other
        set_stage(self._stage())

    @property
    def account(self) -> Account:
        return self._account

    def connect(self, bot_url: str, token: str) -> None:
        """Send webhooks there from now on."""
        self._sender = WebhookSender(bot_url, token)

    def stop(self) -> None:
        if self._sender is not None:
            self._sender.stop()

    def panel(self) -> dict[str, Any]:
        """Accounts with orders and positions, the ledger's rows, and the alerts, as text to show."""
        return {
            "accounts": [self._broker.panel_of(account.name) for account in self._broker.accounts],
            "ledger": [
                {
                    "symbol": row.symbol,
                    "qty": text(row.qty),
                    "avg_price": "" if row.avg_price is None else money(row.avg_price),
                }
                for row in self._ledger.rows()
            ],
            "alerts": [
                {
                    "name": alert.name,
                    "status": alert.status,
                    "since": (alert.ends_at or alert.starts_at).isoformat(),
                }
                for group in list(self._groups.values())
                for alert in group.alerts
            ],
        }

    def scenarios(self) -> list[dict[str, str]]:
        """Each scenario, followed by the one that clears it."""
        listed: list[dict[str, str]] = []
        for scenario in SCENARIOS:
            listed.append({"id": scenario.id, "title": scenario.title, "description": scenario.description})
            listed.append(
                {
                    "id": scenario.id + CLEARS,
                    "title": f"{scenario.title}: clears",
                    "description": scenario.cleared,
                }
            )
        return listed

    def run_scenario(self, scenario_id: str) -> None:
        """Change the desk and send the alerts. While its alerts fire, a scenario only sends them again.

        Raises KeyError for an unknown id, RuntimeError when there is no bot or nothing to clear, and
        `WebhookRefused` when the bot does not take the alerts. The desk has changed then all the same, and to
        run the scenario again sends them again.
        """
        scenario = _named(scenario_id.removesuffix(CLEARS))
        if self._sender is None:
            raise RuntimeError("The bot is not up yet. Try again in a moment.")
        with self._one_at_a_time:
            if scenario_id.endswith(CLEARS):
                self._clear(scenario)
            else:
                self._fire(scenario)
            group = self._groups[scenario.id]
        self._sender.send(group)

    def _fire(self, scenario: Scenario) -> None:
        group = self._groups.get(scenario.id)
        if group is None or not group.firing:
            labels = {"account": self._account.name, **scenario.group_labels}
            self._groups[scenario.id] = AlertGroup(labels, scenario.break_it(self._stage()))

    def _clear(self, scenario: Scenario) -> None:
        group = self._groups.get(scenario.id)
        if group is None:
            raise RuntimeError(f'There is nothing to clear: start "{scenario.title}" first.')
        if group.firing:
            scenario.mend(self._stage())
            now = self._clock()
            for alert in group.alerts:
                alert.ends_at = alert.ends_at or now

    def _stage(self) -> Stage:
        return Stage(self._account, self._ledger, self._clock())


def _named(scenario_id: str) -> Scenario:
    for scenario in SCENARIOS:
        if scenario.id == scenario_id:
            return scenario
    raise KeyError(scenario_id)
