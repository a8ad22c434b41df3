"""The health action: every component asked at the same time, and an answer when the time is over, whoever
is silent.
"""

import queue
import threading
import time as wall
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.health import Component, ComponentStatus, headline, overall, worst_first
from bot.domain.redacted import redacted
from bot.domain.words import ActionStatus, StepStatus
from bot.ports.health import HealthCheck
from bot.ports.record import ActionRecord, Timepiece

_STEP = "measure"
_Answer = tuple[int, Component]


def run_health(
    request: ActionRequest,
    checks: Sequence[HealthCheck],
    record: ActionRecord,
    time: Timepiece,
    limit: float = 5.0,
) -> ActionResult:
    """Ask every component, side by side, for `limit` seconds in all.

    DONE when each was measured or is off, whatever was found: the check was done, and the headline says
    what is wrong. UNKNOWN when one could not be measured. Nothing is changed anywhere, so a resumed request
    simply asks again. Evidence: `{"overall", "asked_at", "components": [{name, status, figure, threshold,
    advice, seconds}]}`, worst first.
    """
    asked_at = time.now()
    components = measure(checks, limit, lambda: _begin(request, checks, record))
    unknown = [one for one in components if one.status is ComponentStatus.UNKNOWN]
    sentence = headline(components)
    evidence = {
        "overall": overall(components).value,
        "asked_at": asked_at.isoformat(),
        "components": [component.as_evidence() for component in worst_first(components)],
    }
    measured = not unknown and bool(components)
    record.step(_STEP, StepStatus.OK if measured else StepStatus.UNKNOWN, sentence, evidence)
    return ActionResult(
        status=ActionStatus.DONE if measured else ActionStatus.UNKNOWN,
        headline=sentence,
        evidence=evidence,
        next_step=_next_step(components),
    )


def measure(
    checks: Sequence[HealthCheck], limit: float, once_started: Callable[[], None] | None = None
) -> tuple[Component, ...]:
    """One component for each check, in the order given, within `limit` seconds.

    A check that has not answered by then is UNKNOWN; its thread ends by the check's own limit and its late
    answer is not read. `once_started` is called while the checks run, so that what it does costs them no
    time.
    """
    # The limit is real seconds, whatever clock the desk's tests move: it bounds how long real threads are
    # waited for.
    deadline = wall.monotonic() + limit
    answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
    for place, check in enumerate(checks):
        # Daemon threads: one that hangs must not keep the process from ending.
        threading.Thread(
            target=_ask, args=(place, check, _share(limit), answers), name=f"health {check.name}", daemon=True
        ).start()
    if once_started is not None:
        once_started()
    components = [_silent(check.name, limit) for check in checks]
    for _ in checks:
        try:
            place, component = answers.get(timeout=max(0.0, deadline - wall.monotonic()))
        except queue.Empty:
            break
        components[place] = component
    return tuple(components)


def _ask(place: int, check: HealthCheck, limit: float, answers: "queue.SimpleQueue[_Answer]") -> None:
    start = wall.monotonic()
    try:
        component = check.run(limit)
    except Exception as error:  # whatever it is, it is the answer: this component could not be measured
        component = Component(
            check.name,
            ComponentStatus.UNKNOWN,
            f"the check broke off: {redacted(f'{type(error).__name__}: {error}', 160)}",
            advice=f"Look at {check.name} by hand; the check itself may be wrong.",
        )
    answers.put((place, replace(component, seconds=wall.monotonic() - start)))


def _share(limit: float) -> float:
    """What a check itself gets: a little less, so that it can still say what it waited for."""
    return limit * 0.9


def _silent(name: str, limit: float) -> Component:
    return Component(
        name,
        ComponentStatus.UNKNOWN,
        f"no answer in {limit:g} s",
        threshold=f"answers within {limit:g} s",
        advice=f"Look at {name} by hand, then ask again. Nothing is known about it until it answers.",
        seconds=limit,
    )


def _begin(request: ActionRequest, checks: Sequence[HealthCheck], record: ActionRecord) -> None:
    again = " again after a restart" if request.resumed else ""
    plural = "" if len(checks) == 1 else "s"
    record.step(_STEP, StepStatus.STARTED, f"Asking {len(checks)} component{plural}{again}.")


def _next_step(components: Sequence[Component]) -> str | None:
    """What to do about the worst, or None when nothing needs attention."""
    if not components:
        return "Set up what is to be checked: the broker's keys, PROMETHEUS_URL, ALERTMANAGER_URL."
    worst = worst_first(components)[0]
    if not worst.status.needs_attention:
        return None
    return worst.advice or f"Look at {worst.name}."
