"""The health checks of this desk: what the configuration names, and this host."""

from datetime import timedelta
from functools import partial
from pathlib import Path

from bot.adapters.alertmanager import Alertmanager
from bot.adapters.host import LocalHost
from bot.adapters.prometheus import Prometheus
from bot.adapters.slack import SlackChat
from bot.config.configuration import Configuration
from bot.domain.health import Component, ComponentStatus
from bot.engine.timepiece import SystemTime
from bot.ports.health import HealthCheck
from bot.services.desk import Desk
from bot.services.health.alerting import AlertmanagerCheck
from bot.services.health.callables import CallableCheck, ReachCheck
from bot.services.health.host import DiskCheck, LoadCheck, MemoryCheck
from bot.services.health.metrics import FeedCheck, PrometheusCheck
from bot.store import messages

BACKLOG_WARNS = 50
BACKLOG_AGE_WARNS = timedelta(minutes=2)


def common_checks(
    configuration: Configuration, desk: Desk, chat: SlackChat, time: SystemTime
) -> list[HealthCheck]:
    """Every check but the broker's and the trader's, which each account has its own of."""
    settings, feed = configuration.settings, configuration.policy.health.data_feed
    metrics = Prometheus(settings.prometheus_url) if settings.prometheus_url else None
    alerting = Alertmanager(settings.alertmanager_url) if settings.alertmanager_url else None
    folder = Path(desk.database.url.database or ".").parent if desk.database.sqlite else Path()
    host = LocalHost(folder if folder.is_dir() else Path())

    def ask_database(seconds: float) -> str:
        desk.database.ping()
        return f"{desk.database.url.get_backend_name()} answers"

    def ask_slack(seconds: float) -> str:
        told = chat.identity()
        return f"answers as {told.user_id or 'this bot'}"

    return [
        PrometheusCheck(metrics, time),
        FeedCheck(metrics, feed.promql, time, feed.warn_after, feed.fail_after),
        AlertmanagerCheck(alerting, time),
        ReachCheck("database", ask_database, time, "Look at the database's own log and its disk."),
        ReachCheck("Slack", ask_slack, time, "See status.slack.com; the command line works without Slack."),
        CallableCheck("Haltdesk backlog", partial(_backlog, desk)),
        DiskCheck(host),
        MemoryCheck(host),
        LoadCheck(host),
    ]


def _backlog(desk: Desk, seconds: float) -> Component:
    with desk.database.read() as unit:
        waiting, oldest = messages.backlog(unit)
        stuck = messages.count_in_trouble(unit)
    age = desk.now() - oldest if oldest is not None else timedelta()
    late = waiting > BACKLOG_WARNS or age > BACKLOG_AGE_WARNS
    advice = "Slack is slow or away; Haltdesk catches up by itself." if late else None
    if stuck:
        advice = f"Slack refuses {stuck} messages; `haltdesk status` and /readyz say why."
    return Component(
        name="Haltdesk backlog",
        status=ComponentStatus.WARN if late or stuck else ComponentStatus.OK,
        figure=f"{waiting} messages wait, the oldest {max(0, round(age.total_seconds()))} s"
        + (f"; {stuck} refused" if stuck else ""),
        threshold=f"{BACKLOG_WARNS} messages, {BACKLOG_AGE_WARNS.total_seconds():.0f} s",
        advice=advice,
    )
