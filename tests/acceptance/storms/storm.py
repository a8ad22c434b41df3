"""A storm of alerts as Alertmanager sends it: groups grow, repeat themselves, clear in part and fire again."""

import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from tests.acceptance.trading_desk import TOKEN, alert, webhook

BEGAN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
Identity = tuple[str, datetime]
AGAIN = (0.1, 0.2, 0.5, 1.0)  # seconds between tries; Alertmanager backs off too
TRIES = 200


@dataclass
class Group:
    """One alert group: its webhooks in order, and what must be on record when the last one was taken."""

    name: str
    webhooks: list[bytes] = field(default_factory=list)
    stands: dict[Identity, str] = field(default_factory=dict)

    @property
    def firing(self) -> int:
        return sum(status == "firing" for status in self.stands.values())


@dataclass
class Told:
    """What sending came to."""

    seconds: float
    webhooks: int
    tries: int
    answers: dict[int, int]


class Storm:
    """`alerts` identities over `groups` groups. The same seed gives the same storm; `number` tells storms apart."""

    def __init__(self, *, alerts: int, groups: int, seed: int, number: int = 0) -> None:
        self._random = random.Random(f"{seed}:{number}")
        self._started = BEGAN + timedelta(days=number)
        share, more = divmod(alerts, groups)
        self.groups = [self._group(f"Storm{at:03d}", share + (at < more)) for at in range(groups)]

    @property
    def stands(self) -> dict[Identity, str]:
        return {identity: status for group in self.groups for identity, status in group.stands.items()}

    def _group(self, name: str, size: int) -> Group:
        draw, group = self._random, Group(name)
        firing: dict[str, dict[str, Any]] = {}
        known, again = 0, list[str]()
        while len(group.stands) < size:
            gone = draw.sample(sorted(firing), min(len(firing), draw.choice((0, 0, 1, 5))))
            cleared = [firing.pop(one) | {"status": "resolved", "endsAt": _text(1)} for one in gone]
            for _ in range(min(size - len(group.stands), draw.choice((1, 2, 5, 20, 40)))):
                print_ = again.pop() if again else f"{name.lower()}{known:06d}"
                known += 1
                # The first alert sets the severity; a few later ones are worse, once for a group.
                worse = len(group.stands) > size / 2 and name.endswith(("3", "7"))
                started = self._started + timedelta(milliseconds=len(group.stands))
                one = alert(
                    name,
                    started=started,
                    labels={
                        "severity": "critical" if worse else "warning",
                        "instance": f"gateway-{known}.desk.example:9100",
                        "strategy": draw.choice(("meanrev", "carry", "basis")),
                    },
                    annotations={"summary": f"order rejects of {print_}: " + "x" * draw.choice((0, 40, 400))},
                    fingerprint=print_,
                )
                firing[print_] = one
                group.stands[print_, started] = "firing"
            for one in cleared:
                group.stands[one["fingerprint"], datetime.fromisoformat(one["startsAt"])] = "resolved"
            again = [print_ for print_ in gone if draw.random() < 0.3]
            group.webhooks.append(_body(name, [*firing.values(), *cleared]))
            if draw.random() < 0.2:  # Alertmanager repeats itself, or sends again what came through
                group.webhooks.append(group.webhooks[-1])
            if draw.random() < 0.1 and len(group.webhooks) > 1:  # overtaken on the way, and late
                group.webhooks.append(group.webhooks[-2])
        if draw.random() < 0.2:
            for print_, one in firing.items():
                group.stands[print_, datetime.fromisoformat(one["startsAt"])] = "resolved"
            group.webhooks.append(
                _body(name, [one | {"status": "resolved", "endsAt": _text(2)} for one in firing.values()])
            )
        return group


def _text(hours: int) -> str:
    return (BEGAN + timedelta(days=9, hours=hours)).isoformat()


def _body(name: str, alerts: Sequence[dict[str, Any]]) -> bytes:
    return json.dumps(webhook(*alerts, group=name)).encode()


def send(
    storm: Storm,
    urls: Callable[[], Sequence[str]],
    *,
    senders: int = 8,
    over: float = 0.0,
    seed: int = 0,
) -> Told:
    """Send every webhook of the storm, each group's in order, and each again until it was answered 200.

    `urls` gives where Haltdesk may listen just now; `over` spreads the storm over so many seconds. What is refused
    (4xx) is a defect and raises, as is a webhook that is not taken within `TRIES` tries.
    """
    queue, lock = [(group, 0) for group in storm.groups], threading.Lock()
    answers: dict[int, int] = {}
    failures: list[BaseException] = []
    began = time.monotonic()
    total = sum(len(group.webhooks) for group in storm.groups)
    sent = 0
    pause = threading.Event()

    def count(status: int) -> None:
        with lock:
            answers[status] = answers.get(status, 0) + 1

    def deliver(body: bytes, session: requests.Session, draw: random.Random) -> None:
        for turn in range(TRIES):
            url = draw.choice(list(urls()))
            try:
                answer = session.post(
                    f"{url}/alertmanager", data=body, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10
                )
            except requests.RequestException:
                count(0)
            else:
                count(answer.status_code)
                if answer.status_code == 200:
                    return
                assert answer.status_code >= 500, f"{answer.status_code}: {answer.text[:300]}"
            pause.wait(AGAIN[min(turn, len(AGAIN) - 1)])
        raise AssertionError(f"a webhook was not taken in {TRIES} tries")

    def work(number: int) -> None:
        nonlocal sent
        draw = random.Random(f"{seed}:{number}")
        with requests.Session() as session:
            while not failures:
                with lock:
                    if not queue:
                        return
                    # Taken out until it is through: a group's webhooks never overtake each other.
                    group, at = queue.pop(draw.randrange(len(queue)))
                    due = began + over * sent / total
                    sent += 1
                pause.wait(max(0.0, due - time.monotonic()))
                try:
                    deliver(group.webhooks[at], session, draw)
                except BaseException as failure:
                    failures.append(failure)
                    raise
                if at + 1 < len(group.webhooks):
                    with lock:
                        queue.append((group, at + 1))

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
        assert not thread.is_alive(), "a sender hangs"
    if failures:
        raise failures[0]
    assert not queue, "a sender ended early"
    return Told(time.monotonic() - began, total, sum(answers.values()), answers)
