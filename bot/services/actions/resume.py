"""Resume one account by one stage: tighten or restore, lift the suspension, and claim it only when it was read.

Rules: `design.md` (Trading state), `facts.md` (save the configuration before the first change and restore that,
never constants; read back after each change). A halt that comes meanwhile wins.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.domain.actions import ActionRequest, ActionResult, BrokerReading
from bot.domain.brokerage import Configuration
from bot.domain.halting import next_look
from bot.domain.stages import SUSPEND, difference, in_words, missing, wanted
from bot.domain.words import ActionStatus, StepStatus, TradingState
from bot.ports.broker import BrokerRefused
from bot.services.actions.evidence import looks_so_far, stamp
from bot.services.actions.run import Run
from bot.services.actions.standing import RecordAway, Standing
from bot.services.actions.suspending import Suspending
from bot.services.actions.tools import ActionTools
from bot.store.action_history import SAVE

# What the gates found holds for so long: after that nothing more is sent, only looked at.
GOOD_FOR = timedelta(minutes=2)
LOOKED_AT_FOR = timedelta(minutes=30)
ROUNDS = 3


def run_resume(request: ActionRequest, tools: ActionTools, standing: Standing) -> ActionResult:
    """One stage, `params["from"]` to `params["to"]`: DONE when every field and both flags were read back.

    The same after a crash (`request.resumed`): it begins with reading, and sends only what is still missing.
    FAILED when it is known not to have happened or a halt came; else WATCHING, and nothing is claimed.
    """
    return _Resume(request, tools, standing, None).go(ROUNDS)


def look_again(
    request: ActionRequest, tools: ActionTools, standing: Standing, previous: Mapping[str, Any]
) -> ActionResult:
    """Look again at a resume that is WATCHING; `previous` is its evidence."""
    return _Resume(request, tools, standing, previous).go(1)


class _Halted(Exception):
    """A halt came: it wins."""


class _Refused(Exception):
    """The broker said no to a change: it is known not to have happened."""


class _Resume:
    def __init__(
        self,
        request: ActionRequest,
        tools: ActionTools,
        standing: Standing,
        previous: Mapping[str, Any] | None,
    ) -> None:
        self.request, self.tools, self.standing = request, tools, standing
        self.previous: Mapping[str, Any] = previous or {}
        self.was = TradingState(request.params["from"])
        self.to = TradingState(request.params["to"])
        self.run = Run(tools, tools.limits.first_run if previous is None else tools.limits.look)
        self.suspending = Suspending(self.run)
        self.configuration: Configuration | None = None
        self.before: Mapping[str, Any] | None = None
        self.sent: list[str] = [str(one) for one in self.previous.get("sent") or ()]
        self.why = ""
        self.known = False  # whether the newest reading gave everything

    def go(self, rounds: int) -> ActionResult:
        """Read, send what is missing, read again: at most `rounds` times."""
        try:
            for place in range(rounds):
                if place and not self.run.pause(self.tools.limits.pause):
                    break
                if self._round():
                    self._halt_check()
                    return self._done()
        except RecordAway as away:
            self.known = False
            self.why = f"{away}; nothing more is sent until it is known whether a halt came"
        except _Halted as halted:
            return self._give_way(str(halted))
        except _Refused as refused:
            return self._failed(f"the broker refused it: {refused}")
        return self._open()

    def _round(self) -> bool:
        """True when the stage was read complete."""
        self.before = self.standing.configuration_before()
        if not self._read("look"):
            return False
        if self._missing_fields() == {} and self.suspending.suspension.read is False:
            return self._lifted()
        if self.run.now() - self.request.requested_at > GOOD_FOR:
            self.why = "too long ago was it approved: nothing more is sent"
            return False
        if not self._configure():
            return False
        return self._lift()

    # Reading

    def _read(self, name: str) -> bool:
        """Read configuration and account; False when one of them did not say."""
        run, broker = self.run, self.tools.broker
        run.step(name, StepStatus.STARTED, "reading the account and its configuration")
        setting = run.send(name, lambda s: broker.read_configuration(within=s))
        account = run.send(name, lambda s: broker.read_account(within=s))
        configuration = setting.answer()
        suspension = self.suspending.take_reading(configuration, account.answer())
        self.configuration = configuration.value
        flags = (suspension.suspend_trade, suspension.trade_suspended_by_user)
        self.known = known = configuration.value is not None and None not in flags
        run.step(name, StepStatus.OK if known else StepStatus.UNKNOWN, self.suspending.words)
        if not known:
            self.why = self.suspending.not_read or "the answer did not say"
        return known

    def _missing_fields(self) -> dict[str, Any]:
        now = self.configuration or {}
        return difference(wanted(self.to, now, self.before), now)

    def _lifted(self) -> bool:
        """Both flags off: one that is off while the other is on proves nothing."""
        suspension = self.suspending.suspension
        off = suspension.suspend_trade is False and suspension.trade_suspended_by_user is False
        if not off:
            self.why = f"the broker's two flags differ: {self.suspending.words}"
        return off

    # Changing

    def _halt_check(self) -> None:
        came = self.standing.halt_came()
        if came is not None:
            raise _Halted(came)

    def _configure(self) -> bool:
        """Tighten or restore, before the suspension goes: nothing may trade under the wrong settings."""
        changes = self._missing_fields()
        if not changes:
            return True
        if self.to is TradingState.RESTRICTED and self.before is None and self.configuration is not None:
            kept = dict(self.configuration)
            self.run.step(SAVE, StepStatus.OK, "the configuration before the change", {"configuration": kept})
            self.standing.keep_configuration(kept)
            self.before = self.standing.configuration_before()
            if self.before is None:
                raise RecordAway("what stood before the change could not be saved")
        self._send("configure", changes)
        if not self._read("configure-read-back"):
            return False
        left = self._missing_fields()
        if left:
            self.why = f"the broker does not show {in_words(left)}"
            self.run.step("configure-read-back", StepStatus.FAILED, self.why)
        return not left

    def _lift(self) -> bool:
        flags = self.suspending.suspension
        if flags.suspend_trade is False and flags.trade_suspended_by_user is False:
            return True
        if flags.suspend_trade is not False:
            self._send("lift", {SUSPEND: False})
        if not self._read("lift-read-back"):
            return False
        left = self._missing_fields()
        if left:
            self.why = f"the broker does not show {in_words(left)} any more"
        return self._lifted() and not left

    def _send(self, name: str, changes: Mapping[str, Any]) -> None:
        """One change. What it came to is not taken from its answer: that is read."""
        self._halt_check()
        words = in_words(changes)
        self.run.step(name, StepStatus.STARTED, f"setting {words}", {"changes": dict(changes)})
        broker = self.tools.broker
        answer = self.run.ask(name, lambda s: broker.change_configuration(changes, within=s))
        self.sent.append(words)
        self.run.step(name, answer.status, f"setting {words}: {answer.word}, {answer.seconds:.2f} s")
        if isinstance(answer.error, BrokerRefused):
            raise _Refused(answer.word)

    # Ending

    def _give_way(self, halted: str) -> ActionResult:
        """A halt wins: if anything here has switched the suspension off, it is switched on again at once."""
        run = self.run
        run.step("halt-came", StepStatus.OK, f"{halted}: this resume gives way")
        for place in range(ROUNDS):
            if place and not run.pause(self.tools.limits.pause):
                break
            if self._read("suspension") and self.suspending.suspension.read is True:
                return self._failed(f"{halted}; the halt goes before, and the account reads suspended")
            self.suspending.take(self.suspending.send().answer())
        self.why = f"{halted}, and the suspension could not be read yet"
        return self._open()

    def _done(self) -> ActionResult:
        fields = wanted(self.to, self.configuration or {}, self.before)
        if self.to is TradingState.RESTRICTED:
            what = f"tightened ({in_words(fields)})" if fields else "nothing to tighten on this account"
        elif self.before is None:
            what = "no configuration was saved before the halt, so only the suspension was lifted"
        else:
            what = f"the {len(fields)} settings from before the halt read back"
            gone = missing(self.to, self.configuration or {}, self.before)
            what += f", {', '.join(gone)} not shown by the broker any more" if gone else ""
        following = {
            TradingState.RESTRICTED: "Cautious is the stage after this; it takes a fresh clean reconciliation too.",
            TradingState.CAUTIOUS: "Normal is the stage after this; it takes a fresh clean reconciliation too.",
        }.get(self.to)
        return self._result(
            ActionStatus.DONE,
            f"Resumed to {self.to}: suspension off, {what}.",
            following,
        )

    def _failed(self, why: str) -> ActionResult:
        return self._result(
            ActionStatus.FAILED,
            f"Not resumed to {self.to}: {why}. Trading stays {self.was}.",
            "Ask again when the reason is gone; every stage is asked and approved anew.",
        )

    def _open(self) -> ActionResult:
        waited = self.run.now() - self.request.requested_at
        if waited > GOOD_FOR and self.known:
            return self._failed(f"it was approved over {GOOD_FOR.seconds // 60} minutes ago ({self.why})")
        ended = waited > LOOKED_AT_FOR
        dashboard = "Look at the account in the broker's dashboard"
        return self._result(
            ActionStatus.UNKNOWN if ended else ActionStatus.WATCHING,
            f"Not proved: it is not known whether the account is {self.to} at the broker "
            f"({self.why or 'no time was left'}). On record, trading stays {self.was}.",
            f"{dashboard}, and halt it to be safe." if ended else f"{dashboard}; asking goes on here.",
        )

    def _result(self, status: ActionStatus, headline: str, next_step: str | None) -> ActionResult:
        suspension = self.suspending.suspension
        limits, looks = self.tools.limits, looks_so_far(self.previous)
        again = next_look(looks, limits.first_look, limits.longest_look, self.run.last_told)
        return ActionResult(
            status=status,
            headline=headline,
            evidence={
                "from": self.was.value,
                "to": self.to.value,
                "suspension": {
                    "read": suspension.read,
                    "at": stamp(suspension.at),
                    "words": self.suspending.words,
                },
                "configuration": dict(self.configuration) if self.configuration is not None else None,
                "configuration_restored": dict(self.before) if self.before is not None else None,
                "sent": self.sent,
                "looks": looks + 1,
            },
            reading=BrokerReading(
                self.run.now(), suspension.read, None, account_number=self.suspending.account_number
            ),
            next_step=next_step,
            look_again_after=again if status is ActionStatus.WATCHING else None,
        )
