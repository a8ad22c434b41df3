"""A storm of alerts against a Slack that refuses half of the calls: all stored, all shown, few calls, flat memory."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.storms import afterwards
from tests.acceptance.storms.storm import Storm, send
from tests.acceptance.trading_desk import TradingDesk
from tests.fixtures.pictures import differing, doubled

AVERAGE_CALLS = 15  # to Slack, an incident and storm; source: the desk's issue on storms
# MiB: what the first storm may leave behind (SQLite's caches fill, too), and what each later one may add.
GROWTH, MORE = 55.0, 15.0
GIVEN_BACK = 90.0  # seconds; Haltdesk hands free memory back once a minute


@dataclass(frozen=True)
class Scale:
    """`over`: seconds in which the storm comes. `delivered`: seconds that Slack's pace allows for the rest.

    `taken`: calls for any one incident that Slack took, in one storm: where half is refused, half of what it may cost.
    `calls`: with the refused ones. How often in a row one message is refused is chance, which no sender can bound: of
    a hundred incidents with four calls that were taken, one has more than 15 in all in four storms of five.
    """

    alerts: int
    groups: int
    over: float
    retry_after: int
    delivered: float
    taken: int
    calls: int
    storms: int


# Few incidents share Slack's pace and a refusal is over at once, so each of them has more calls than in the full storm.
SOME = Scale(alerts=1_500, groups=8, over=5, retry_after=0, delivered=60, taken=15, calls=30, storms=2)
# 100 incidents have 200 messages or a few more at one a second a channel, every second one refused for a second.
ALL = Scale(alerts=10_000, groups=100, over=55, retry_after=1, delivered=900, taken=7, calls=25, storms=3)


@pytest.mark.timeout(3_600)
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
            Storm(alerts=scale.alerts, groups=scale.groups, seed=4, number=number)
            for number in range(scale.storms)
        ]
        eyes = afterwards.reading(desk)
        before, before_taken = Counter[int](), Counter[int]()
        resident = [afterwards.memory(desk.process.pid)]
        for number, storm in enumerate(storms, start=1):
            told = send(storm, lambda: [desk.url], over=scale.over)
            assert told.answers == {200: told.webhooks}
            assert afterwards.missing(eyes, *storms[:number]) == []
            desk.until(lambda: afterwards.backlog(eyes) == 0, what="Slack", seconds=scale.delivered)
            most = resident[-1] + (GROWTH if number == 1 else MORE)
            process = desk.process.pid
            desk.until(
                lambda: afterwards.memory(process) < most,  # noqa: B023 (asked within this turn of the loop)
                what=f"its memory to be under {most:.0f} MiB",
                seconds=GIVEN_BACK,
            )
            resident.append(afterwards.memory(process))

            # One incident a group, each shown as the database has it, each with few calls.
            assert afterwards.split(eyes) == []
            assert len(desk.api("/v1/incidents")["incidents"]) == scale.groups
            wrong = differing(eyes, desk.slack)
            assert not wrong, "\n".join(wrong[:5])
            assert doubled(desk.slack) == []
            calls = afterwards.calls_by_incident(eyes, desk.slack)
            taken = afterwards.calls_by_incident(eyes, desk.slack, taken=True)
            assert len(calls) == scale.groups
            new, new_taken = calls - before, taken - before_taken
            before, before_taken = calls, taken
            average = sum(new.values()) / scale.groups
            print(
                f"storm {number}: {scale.alerts} alerts in {told.webhooks} webhooks over {told.seconds:.1f} s;"
                f" calls an incident: {average:.1f} on average, {max(new.values())} at most,"
                f" of them taken {max(new_taken.values())} at most;"
                f" resident {resident[-1]:.0f} MiB, {resident[0]:.0f} before"
            )
            assert average <= AVERAGE_CALLS
            assert max(new_taken.values()) <= scale.taken
            assert max(new.values()) <= scale.calls
        eyes.database.dispose()
