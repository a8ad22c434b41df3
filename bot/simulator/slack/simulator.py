"""The stand-in Slack: a server on the loopback address, and the person at the desk as methods."""

import threading
import time
from collections.abc import Callable
from typing import Any

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from bot.simulator.slack.api import WebApi
from bot.simulator.slack.faults import Fault, Faults
from bot.simulator.slack.looking import Looking
from bot.simulator.slack.methods.files import receive
from bot.simulator.slack.modals import ModalActing
from bot.simulator.slack.others import OtherApp, Others
from bot.simulator.slack.page.endpoints import Page
from bot.simulator.slack.records import Call, Desk
from bot.simulator.slack.sender import Sender
from bot.simulator.slack.webhooks import respond
from bot.simulator.slack.workspace import Workspace

CHANNELS = (
    ("C0INCIDENTS", "incidents"),
    ("C0STAKEHOLDERS", "stakeholders"),
    ("C0DRILLS", "drills"),
    ("C0GENERAL", "general"),
)
USERS = (
    ("U0OPERATOR", "operator"),
    ("U0APPROVER", "approver"),
    ("U0ENGINEER", "engineer"),
    ("U0OBSERVER", "observer"),
)
MAX_BODY_BYTES = 60_000_000


class _Handler(WSGIRequestHandler):
    """Quiet, and without Nagle's delay between headers and body."""

    disable_nagle_algorithm = True
    timeout = 60

    def log(self, type: str, message: str, *args: Any) -> None:
        """The calls are recorded; the terminal belongs to the demo."""

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        self.close_connection = True


class SlackSimulator(ModalActing, Others, Looking):
    """A Slack workspace for one bot.

    `app_url` is the bot's base URL (may be set later); `clock` gives seconds since 1970 and rules ts,
    triggers and paces. `events` names the Events API subscriptions ("message", "app_mention"); none at first.
    `desk` is shown on the page.
    """

    def __init__(
        self,
        *,
        app_url: str | None = None,
        bot_token: str = "xoxb-simulator",
        signing_secret: str = "simulator-signing-secret",
        team_id: str = "T0DESK",
        app_id: str = "A0HALTDESK",
        port: int = 0,
        clock: Callable[[], float] = time.time,
        channels: tuple[tuple[str, str], ...] = CHANNELS,
        users: tuple[tuple[str, str], ...] = USERS,
        desk: Desk | None = None,
    ) -> None:
        self.workspace = Workspace(
            clock=clock, team_id=team_id, app_id=app_id, bot_token=bot_token, channels=channels, users=users
        )
        self.sender = Sender(app_url, signing_secret)
        self.faults = Faults(clock)
        self.events: set[str] = set()
        self.apps: dict[str, OtherApp] = {}
        self._calls: list[Call] = []
        self._api = WebApi(self.workspace, self.faults, self._calls)
        self._page = Page(self, desk)
        self._port = port
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def app_url(self) -> str | None:
        return self.sender.app_url

    @app_url.setter
    def app_url(self, url: str | None) -> None:
        self.sender.app_url = url.rstrip("/") if url else None

    @property
    def desk(self) -> Desk | None:
        """What the page shows at its side; it may be put there while the page is open."""
        return self._page.desk

    @desk.setter
    def desk(self, desk: Desk | None) -> None:
        self._page.desk = desk

    @property
    def page_url(self) -> str:
        if self._server is None:
            raise RuntimeError("the simulator has no address before start()")
        return f"http://127.0.0.1:{self._server.port}/"

    @property
    def api_url(self) -> str:
        return self.page_url + "api/"

    @property
    def stopping(self) -> bool:
        return self.faults.released.is_set()

    def keep_time_by(self, clock: Callable[[], float]) -> None:
        """From now on `clock` (seconds since 1970) rules ts, triggers and paces: a test's hand-moved one."""
        self.workspace.clock = clock
        self.faults.keep_time_by(clock)

    def be_patient(self, seconds: float) -> None:
        """Wait so long for the bot's answers, and let triggers live so long: for tests on machines that are slow.

        Slack's limit for each is 3 s.
        """
        self.sender.patience = self.workspace.patience = seconds

    def pace(self, method: str, per_second: float) -> None:
        """Answer 429 to calls beyond `per_second` a channel; 0 lifts the limit."""
        self.faults.pace(method, per_second)

    def add_fault(self, method: str, **fault: Any) -> Fault:
        """See `Faults.add`."""
        return self.faults.add(method, **fault)

    def start(self) -> "SlackSimulator":
        """Listen on 127.0.0.1. Starting again after `stop` keeps the port and the workspace's content."""
        if self._server is not None:
            raise RuntimeError("the simulator is already running")
        self.faults.released.clear()
        self._server = make_server(
            "127.0.0.1", self._port, self._wsgi, threaded=True, request_handler=_Handler
        )
        self._port = self._server.port
        self.workspace.url = self.page_url
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="slack-simulator",
            daemon=True,
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening; whoever hangs in a fault or watches the page is let go. May be repeated."""
        self.faults.released.set()
        with self.workspace.change():
            server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def __enter__(self) -> "SlackSimulator":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wsgi(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        request.max_content_length = MAX_BODY_BYTES
        request.max_form_memory_size = MAX_BODY_BYTES
        try:
            response = self._route(request)
        except HTTPException as error:
            return error(environ, start_response)
        return response(environ, start_response)

    def _route(self, request: Request) -> Response:
        family, _, rest = request.path.lstrip("/").partition("/")
        if family == "api":
            return self._api(request, rest)
        if family == "services" and request.method == "POST":
            return self.incoming(request)
        if family == "respond":
            return respond(self.workspace, request, rest)
        if family == "upload" and request.method == "POST":
            if request.mimetype == "multipart/form-data":
                content = b"".join(part.read() for part in request.files.values())
            else:
                content = request.get_data()
            if receive(self.workspace, rest, content):
                return Response(f"OK - {len(content)}", content_type="text/plain")
            return Response("there is no such upload of this length", 400)
        if request.method not in ("GET", "POST", "HEAD"):
            raise NotFound
        return self._page(request, family, rest)
