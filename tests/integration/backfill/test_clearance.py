"""An incident resolves by itself when all alerts have cleared, by the full definition and on fresh word only."""

from datetime import timedelta

import pytest

from bot.domain.words import IncidentStatus, Phase
from bot.services import checklist
from bot.services.checklist import advance, toggle
from bot.services.incidents import resolve
from bot.services.views import phase_view
from tests.integration.backfill.conftest import ComparedDesk
from tests.integration.backfill.world import Alert

OPERATOR = "U0OPERATOR"


def at_resolution(desk: ComparedDesk) -> Alert:
    """An incident of one alert, of which only the clearing is awaited."""
    alert = desk.world.fire("FeedStale")
    desk.post(desk.world.body(alert))
    desk.compare()
    for phase in (Phase.TRIAGE, Phase.DIAGNOSIS, Phase.MITIGATION):
        advance(desk.desk, 1, phase, OPERATOR, "known trouble")
    incident = desk.incidents()[0]
    assert incident.phase is Phase.RESOLUTION
    for item in desk.desk.policy.items_for(Phase.RESOLUTION, incident.severity):
        toggle(desk.desk, 1, item.key, OPERATOR, done=True)
    return alert


def is_open(desk: ComparedDesk) -> bool:
    return desk.incidents()[0].status is IncidentStatus.OPEN


def note(desk: ComparedDesk) -> str:
    with desk.database.read() as unit:
        lines = phase_view(unit, desk.desk, 1, Phase.RESOLUTION).lines
    return next(line.note or "" for line in lines if line.key == "resolution.alerts_cleared")


def test_it_resolves_when_both_have_been_asked_anew(desk: ComparedDesk) -> None:
    alert = at_resolution(desk)
    assert is_open(desk)
    desk.world.clear(alert)
    desk.post(desk.world.body(alert))
    assert is_open(desk)  # a minute ago Alertmanager had it
    desk.time.move(5)
    assert desk.backfill.run_once()  # asked for by the resolution: not a minute later
    assert not is_open(desk)


def test_alertmanager_itself_says_that_what_it_left_out_is_over(desk: ComparedDesk) -> None:
    """Its webhooks leave alerts out (`max_alerts`); the list that a comparison asks it for does not."""
    alert = at_resolution(desk)
    desk.world.clear(alert)
    desk.post(desk.world.body(alert) | {"truncatedAlerts": 50})
    desk.compare(minutes=2)
    assert not is_open(desk)


def test_another_alert_of_nobodys_incident_is_in_the_way(desk: ComparedDesk) -> None:
    alert = at_resolution(desk)
    other = desk.world.fire("DiskFull")
    other.muted = "silenced"
    desk.world.clear(alert)
    desk.post(desk.world.body(alert))
    desk.compare(minutes=3)
    assert is_open(desk)
    assert "Alertmanager has 1 alert (DiskFull (silenced)) firing." in note(desk)
    refused = resolve(desk.desk, 1, OPERATOR)
    assert any("DiskFull" in obstacle for obstacle in refused.obstacles)
    desk.world.clear(other)
    desk.compare()
    assert not is_open(desk)


def test_an_alert_of_another_incident_is_not(desk: ComparedDesk) -> None:
    alert = at_resolution(desk)
    other = desk.world.fire("DiskFull")
    desk.post(desk.world.body(other))
    desk.world.clear(alert)
    desk.post(desk.world.body(alert))
    desk.compare()
    assert not is_open(desk)


@pytest.mark.parametrize("trouble", ["alertmanager", "prometheus", "rules", "restart", "stale"])
def test_without_the_word_of_all_it_stays_open_and_says_why(desk: ComparedDesk, trouble: str) -> None:
    alert = at_resolution(desk)
    desk.world.clear(alert)
    desk.world.alertmanager_away = trouble == "alertmanager"
    desk.world.prometheus_away = trouble == "prometheus"
    desk.world.rule_health = "err" if trouble == "rules" else "ok"
    if trouble == "restart":
        desk.world.alertmanager_started = desk.time.now()
    desk.compare()
    if trouble == "stale":
        desk.time.move(121)
    desk.post(desk.world.body(alert))
    word = {
        "alertmanager": "Alertmanager could not be asked",
        "prometheus": "Prometheus could not be asked",
        "rules": "rules are not all healthy",
        "restart": "may not have heard",
        "stale": "were last asked 2 min ago",
    }[trouble]
    assert is_open(desk)
    assert word in note(desk)
    assert any(word in obstacle for obstacle in resolve(desk.desk, 1, OPERATOR).obstacles)
    # In the end all are heard, and nobody needs to press anything.
    desk.world.alertmanager_away = desk.world.prometheus_away = False
    desk.world.rule_health = "ok"
    desk.world.alertmanager_started = desk.time.now() - timedelta(hours=1)
    desk.compare()
    assert not is_open(desk)


def test_a_person_may_resolve_with_a_reason(desk: ComparedDesk) -> None:
    at_resolution(desk)
    desk.world.prometheus_away = True
    desk.compare()
    assert resolve(desk.desk, 1, OPERATOR, "Prometheus is being moved").refusal is None
    assert not is_open(desk)


def test_the_note_says_on_whose_word(desk: ComparedDesk) -> None:
    alert = at_resolution(desk)
    toggle(desk.desk, 1, "resolution.alerts_cleared", OPERATOR, done=False)
    desk.world.clear(alert)
    desk.post(desk.world.body(alert))
    desk.compare()
    assert note(desk) == (
        "none firing on record. Alertmanager has no firing alert. Prometheus has no firing alert."
    )
    assert checklist.toggle(desk.desk, 1, "resolution.alerts_cleared", OPERATOR).refusal is None
    assert not is_open(desk)
