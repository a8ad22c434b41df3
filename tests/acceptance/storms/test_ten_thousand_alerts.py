"""A storm of alerts against a Slack that refuses half of the calls: all stored, all shown, few calls, flat memory."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.storms import afterwards
from tests.acceptance.storms.storm import Storm, send
from tests.acceptance.trading_desk import TradingDesk
from tests.fixtures.pictures import differing, doubled

AVERAGE_CALLS = 15  # to Slack, an incident and storm; source: the desk's issue on storms
GROWTH, MORE = 70.0, 30.0  # MiB: what the first storm may leave behind, and what a second one may add


@dataclass(frozen=True)
class Scale:
    """`over`: seconds in which the storm comes. `delivered`: seconds that Slack's pace allows for the rest.

    `calls`: to Slack, for any one incident.
    """

    alerts: int
    groups: int
    over: float
    retry_after: int
    delivered: float
    calls: int


# Few incidents share Slack's pace and a refusal is over at once, so each of them has more calls than in the full storm.
SOME = Scale(alerts=1_500, groups=8, over=5, retry_after=0, delivered=60, calls=30)
# 100 incidents have 200 messages or a few more at one a second a channel, every second one refused for a second.
ALL = Scale(alerts=10_000, groups=100, over=55, retry_after=1, delivered=900, calls=25)


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(
    "scale", [pytest.param(SOME, id="some"), pytest.param(ALL, id="ten thousand", marks=pytest.mark.full)]
)
def test_a_storm_while_slack_refuses_half_of_the_calls(scale: Scale, tmp_path: Path) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        for method in ("chat.postMessage", "chat.update"):
            desk.slack.faults.add(method, status=429, retry_after=scale.retry_after, probability=0.5)
        desk.start()
        assert desk.process is not None
        storms = [
            Storm(alerts=scale.alerts, groups=scale.groups, seed=4, number=number) for number in range(2)
        ]
        eyes = afterwards.reading(desk)
        made: list[int] = []
        resident = [afterwards.memory(desk.process.pid)]
        for number, storm in enumerate(storms, start=1):
            told = send(storm, lambda: [desk.url], over=scale.over)
            assert told.answers == {200: told.webhooks}
            assert afterwards.missing(eyes, *storms[:number]) == []
            desk.until(lambda: afterwards.backlog(eyes) == 0, what="Slack", seconds=scale.delivered)
            resident.append(afterwards.memory(desk.process.pid))

            # One incident a group, each shown as the database has it, each with few calls.
            assert afterwards.split(eyes) == []
            assert len(desk.api("/v1/incidents")["incidents"]) == scale.groups
            wrong = differing(eyes, desk.slack)
            assert not wrong, "\n".join(wrong[:5])
            assert doubled(desk.slack) == []
            calls = afterwards.calls_by_incident(eyes, desk.slack)
            assert len(calls) == scale.groups
            print(
                f"storm {number}: {scale.alerts} alerts in {told.webhooks} webhooks over {told.seconds:.1f} s;"
                f" calls an incident: {sum(calls.values()) / len(calls):.1f} on average, {max(calls.values())} at most;"
                f" resident {resident[-1]:.0f} MiB, {resident[0]:.0f} before"
            )
            made.append(max(calls.values()))
        assert sum(calls.values()) / len(calls) <= AVERAGE_CALLS * len(storms)
        assert made[0] <= scale.calls
        assert made[1] - made[0] <= scale.calls
        assert resident[1] - resident[0] < GROWTH
        assert resident[2] - resident[1] < MORE
        eyes.database.dispose()
