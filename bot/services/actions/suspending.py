"""Switching an account's new orders off, and reading back whether they are off."""

from bot.domain.brokerage import AccountReading, Configuration
from bot.domain.halting import Suspension
from bot.domain.words import StepStatus
from bot.services.actions.run import Answer, Run, Sent


def flag(raw: object) -> bool | None:
    return raw if isinstance(raw, bool) else None


class Suspending:
    """The suspension of one account during one run. `failed`: why the newest attempt got no yes."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.suspension = Suspension()
        self.account_number: str | None = None
        self.failed: str | None = None
        self.not_read: str | None = None

    def send(self) -> Sent[Configuration]:
        broker = self._run.tools.broker
        return self._run.send(
            "suspend", lambda s: broker.change_configuration({"suspend_trade": True}, within=s)
        )

    def take(self, answer: Answer[Configuration]) -> None:
        """Record what the broker answered. Its yes is not yet the proof: that is what `read` is for."""
        took = f"{answer.seconds:.2f} s"
        if answer.value is None:
            self.failed = answer.word
            self._run.step("suspend", answer.status, f"not answered with yes: {answer.word}, {took}")
        elif answer.value.get("suspend_trade") is True:
            self.failed = None
            self._run.step("suspend", StepStatus.OK, f"accepted, {took}")
        else:
            self.failed = "the answer did not show it"
            self._run.step("suspend", StepStatus.UNKNOWN, f"answered, but without showing it, {took}")

    def read(self) -> Suspension:
        """Read both flags side by side; what could not be read is None, never false."""
        broker = self._run.tools.broker
        setting = self._run.send("read-back", lambda s: broker.read_configuration(within=s))
        account = self._run.send("read-back", lambda s: broker.read_account(within=s))
        return self.take_reading(setting.answer(), account.answer())

    def take_reading(self, setting: Answer[Configuration], account: Answer[AccountReading]) -> Suspension:
        configured = flag(setting.value.get("suspend_trade")) if setting.value is not None else None
        shown = account.value.suspended_by_user if account.value is not None else None
        if account.value is not None and account.value.number is not None:
            self.account_number = account.value.number
        words = [answer.word for answer in (setting, account) if answer.error is not None]
        unclear = configured is None or shown is None
        self.not_read = "; ".join(dict.fromkeys(words)) or ("the answer did not say" if unclear else None)
        self.suspension = Suspension(configured, shown, self._run.now())
        return self.suspension

    @property
    def words(self) -> str:
        """One line: what both flags say, and why one is not known."""
        names = {True: "on", False: "off", None: "not learned"}
        text = (
            f"suspend_trade {names[self.suspension.suspend_trade]}, "
            f"trade_suspended_by_user {names[self.suspension.trade_suspended_by_user]}"
        )
        return f"{text} ({self.not_read})" if self.not_read else text
