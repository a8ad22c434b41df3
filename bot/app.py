"""The composition root: the one place that knows every part, and puts them together from the configuration."""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

from prometheus_client import CollectorRegistry

from bot.adapters.alertmanager import Alertmanager
from bot.adapters.alpaca.broker import AlpacaBroker
from bot.adapters.bounded import StillRunning, bounded
from bot.adapters.commands import LocalCommands
from bot.adapters.journal import Journal
from bot.adapters.ledgers import open_ledgers
from bot.adapters.prometheus import Prometheus
from bot.adapters.slack import SlackChat
from bot.application import Application
from bot.checks import BACKLOG_AGE_WARNS, common_checks
from bot.config.configuration import Configuration
from bot.config.policy import Policy
from bot.domain.actions import ActionRequest
from bot.domain.words import ActionKind
from bot.engine.approver import Approver
from bot.engine.channel_catch_up import ChannelCatchUp
from bot.engine.deliverer import Deliverer
from bot.engine.emergency import Emergency
from bot.engine.engine import Engine
from bot.engine.figures import FiguresFetcher
from bot.engine.identity import SlackIdentity
from bot.engine.memory import Memory
from bot.engine.modals import Modals
from bot.engine.perform import performers
from bot.engine.runner import Runner
from bot.engine.scheduled import ScheduledReconciliation
from bot.engine.timepiece import SystemTime
from bot.measures import Measures
from bot.metrics import HaltdeskMetrics
from bot.ports.chat import ChatError
from bot.ports.ledger import Ledger
from bot.ports.record import ActionRecord
from bot.readiness import Readiness
from bot.rendering.render import Make, Renderer
from bot.services import relating
from bot.services.actions.desk_commands import DeskCommands, tell_in_thread
from bot.services.actions.standing import StoredStanding
from bot.services.actions.tools import ActionTools, Limits
from bot.services.alert_sources import AlertSources
from bot.services.audit_watch import AuditWatch
from bot.services.backfill import Backfill
from bot.services.desk import Channels, Desk, DeskAccount
from bot.services.drift import DriftWatch
from bot.services.health.broker import BrokerCheck
from bot.services.health.callables import CallableCheck
from bot.services.people import People
from bot.services.projection import read
from bot.services.told import follows
from bot.services.traders import Traders
from bot.store.database import Database, DatabaseError, UnitOfWork
from bot.store.messages import Message
from handlers import slack_app
from handlers.alertmanager import AlertmanagerWebhook
from handlers.api import Api
from handlers.context import Services
from handlers.monitor import Monitor
from handlers.refusals import Refusals
from handlers.slack_signature import SlackSignature
from handlers.web import Web

log = logging.getLogger(__name__)

TOLD_WITHIN = 2.0  # seconds for the database to take a word for the thread


def build(configuration: Configuration, *, process: str | None = None) -> Application:
    """Put Haltdesk together. Nothing is contacted and nothing started here; errors are the configuration's."""
    settings, policy = configuration.settings, configuration.policy
    time = SystemTime()
    database = Database(settings.database_url.get_secret_value())
    registry = CollectorRegistry()
    measures = Measures(registry)
    measures.watch_database(database.engine)
    chat = SlackChat(
        settings.slack_bot_token.get_secret_value(), settings.slack_api_url, observe=measures.slack
    )
    identity = SlackIdentity(chat, team_id=settings.slack_team_id, app_id=settings.slack_app_id)
    desk = Desk(
        database=database,
        policy=policy,
        channels=Channels(settings.incident_channel, settings.notice_channel, settings.channel(drill=True)),
        accounts=tuple(DeskAccount(account.name, account.paper) for account in configuration.accounts),
        now=time.now,
        renderer=Renderer(),
        operators=frozenset(settings.operators),
        approvers=frozenset(settings.approvers),
        primary_operator=settings.primary_operator,
        workspace_url=identity.workspace_url,
        asks_alertmanager=settings.alertmanager_url is not None,
        asks_prometheus=settings.prometheus_url is not None,
    )
    people = People(desk)
    brokers = {
        account.name: AlpacaBroker(
            account.name,
            account.api_key,
            account.secret_key.get_secret_value(),
            account.url,
            account.paper,
            observe=measures.broker,
        )
        for account in configuration.accounts
    }
    ledgers: Mapping[str, Ledger] = {}
    if settings.ledger_url is not None:
        token = settings.ledger_token.get_secret_value() if settings.ledger_token else None
        ledgers = open_ledgers(
            settings.ledger_url.get_secret_value(), settings.ledger_query, token, list(brokers)
        )
    thresholds, limits = policy.thresholds, _limits(policy)

    def tools_for(account: str, record: ActionRecord) -> ActionTools:
        picture = fetcher.picture(account)
        return ActionTools(brokers[account], ledgers.get(account), record, time, thresholds, limits, picture)

    fetcher = FiguresFetcher(desk, brokers.__getitem__, ledgers.get)

    traders = Traders(desk)
    checks = {
        name: [
            BrokerCheck(broker, time),
            *common_checks(configuration, desk, chat, time),
            CallableCheck("trader", partial(traders.check, name)),
        ]
        for name, broker in brokers.items()
    }
    name = process or f"{os.uname().nodename}-{os.getpid()}-{uuid4().hex[:8]}"
    journal = Journal(settings.journal_path)
    say = partial(_say, chat, desk.channels)
    commands = DeskCommands(policy.desk_commands, LocalCommands(), time, partial(_tell, desk, say))
    perform = performers(
        tools_for,
        lambda account: checks[account],
        time,
        lambda request: StoredStanding(desk, journal, request),
        commands,
    )
    perform = {kind: measures.performing(one, time) for kind, one in perform.items()}
    # A modal waits for its figures, and must not wait for itself; nor for what waits for the database.
    background = ThreadPoolExecutor(max_workers=16, thread_name_prefix="background")
    recording = ThreadPoolExecutor(max_workers=4, thread_name_prefix="recording")
    fetching = ThreadPoolExecutor(max_workers=32, thread_name_prefix="figures")
    modals = Modals(chat, desk.renderer, fetcher, fetching)
    approver = Approver(desk, brokers.__getitem__, modals.whisper)
    emergency = Emergency(desk, journal, perform, time, say=say)
    runner = Runner(desk, journal, perform, time, name=name)

    def shown(unit: UnitOfWork, message: Message) -> Make:
        return read(unit, desk, message)

    drift_watch = DriftWatch(desk, brokers, lambda: emergency.busy or not journal.empty)
    audit_watch = AuditWatch(desk)
    backfill = Backfill(
        desk,
        AlertSources(
            policy,
            Alertmanager(settings.alertmanager_url) if settings.alertmanager_url else None,
            Prometheus(settings.prometheus_url) if settings.prometheus_url else None,
            time,
        ),
    )
    scheduled = ScheduledReconciliation(
        desk,
        brokers,
        perform[ActionKind.RECONCILE],
        before_open=policy.schedule.reconcile_before_open,
        after_close=policy.schedule.reconcile_after_close,
    )
    engine = Engine(
        desk,
        Deliverer(
            database,
            chat,
            shown,
            time,
            name=name,
            fallbacks=settings.fallback_channels,
            follows=follows(desk),
        ),
        runner,
        emergency,
        time,
        chores={
            "identity": (30.0, identity.learn),
            "people": (300.0, partial(people.refresh, chat)),
            "approvals": (1.0, approver.run_once),
            "channel": (60.0, ChannelCatchUp(desk, chat, identity.app_id).run_once),
            **(_schedule(scheduled) if ledgers else {}),
            "relating": (1.0, partial(relating.run_once, desk)),
            "audit": (60.0, audit_watch.run_once),
            "backfill": (min(5.0, policy.alerting.compare_every.total_seconds()), backfill.run_once),
            "linking": (5.0, partial(relating.link_once, desk)),
            "drift": (policy.drift.every.total_seconds(), drift_watch.run_once),
            "memory": (60.0, Memory(lambda: runner.busy or emergency.busy).give_back),
        },
        kept=measures.kept,
    )
    services = Services(
        desk=desk,
        people=people,
        chat=chat,
        modals=modals,
        emergency=emergency,
        background=background,
        recording=recording,
        approver=approver.run_once,
        team_id=identity.team_id,
        app_id=identity.app_id,
    )
    secret = settings.slack_signing_secret
    bolt = slack_app.build(services, client=chat.client)
    readiness = Readiness(desk, lambda: identity.error, lambda: engine.pulses, BACKLOG_AGE_WARNS)
    registry.register(HaltdeskMetrics(desk, lambda: engine.pulses, readiness, audit_watch, journal))
    api = Api(
        desk,
        settings.api_token.get_secret_value() if settings.api_token else None,
        readiness,
        registry,
        traders,
        journal,
    )
    webhook = AlertmanagerWebhook(desk, settings.alertmanager_token.get_secret_value(), measures.alerts)
    refusals = Refusals(
        policy.refusals.at_most, policy.refusals.within.total_seconds(), counted=measures.refused
    )
    signature = SlackSignature(secret.get_secret_value(), desk.now) if secret is not None else None
    web = Web(
        None if settings.socket_mode else bolt, webhook, api, signature, refusals, observed=measures.request
    )
    return Application(
        configuration=configuration,
        desk=desk,
        time=time,
        chat=chat,
        people=people,
        identity=identity,
        engine=engine,
        emergency=emergency,
        bolt=bolt,
        web=web,
        monitor=Monitor(api),
        readiness=readiness,
        checks=checks,
        brokers=brokers,
        perform=perform,
        journal=journal,
        approver=approver,
        drift_watch=drift_watch,
        commands=commands,
    )


def _schedule(scheduled: ScheduledReconciliation) -> dict[str, tuple[float, Callable[[], object]]]:
    """The chores of the scheduled reconciliation; the calendar is asked again every hour."""
    return {"calendar": (3600.0, scheduled.plan), "scheduled": (15.0, scheduled.run_once)}


def _say(chat: SlackChat, channels: Channels, text: str, drill: bool) -> None:
    """A plain word in the channel, when the database cannot carry it. Best effort: the broker comes first."""
    channel = channels.drills if drill else channels.incidents
    text = f"DRILL · {text}" if drill else text
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def post() -> None:
        try:
            chat.post(channel, safe[:3000], [])
        except ChatError as failure:
            log.error("the channel could not be told (%s): %s", failure, text)

    threading.Thread(target=post, name="say", daemon=True).start()


def _tell(desk: Desk, say: Callable[[str, bool], None], request: ActionRequest, text: str) -> None:
    """What a desk's command came to after the result: into the thread; without the database, into the channel."""
    try:
        if request.id:  # 0: acted on without the database
            bounded(lambda: tell_in_thread(desk, request, text), TOLD_WITHIN, "command told")
            return
    except (DatabaseError, LookupError, StillRunning) as failure:
        log.warning("the thread could not be told (%s): %s", type(failure).__name__, text)
    say(text, request.drill)


def _limits(policy: Policy) -> Limits:
    halt = policy.halt
    return Limits(
        first_run=halt.time_budget.total_seconds(),
        call=halt.call_timeout.total_seconds(),
        proof_gap=halt.readings_apart.total_seconds(),
        pause=halt.readings_apart.total_seconds(),
        first_look=halt.look_again_after.total_seconds(),
        longest_look=halt.look_again_at_most.total_seconds(),
    )
