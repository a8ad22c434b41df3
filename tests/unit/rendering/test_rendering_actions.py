"""An action in the thread: what it claims, what it refuses to claim, and its evidence."""

import pytest

from bot.domain.words import ActionKind, ActionStatus, TradingState
from bot.rendering.render import Renderer
from tests.unit.rendering.desk_views import (
    account,
    halt,
    later,
    run,
    words,
)

DESK = Renderer()


@pytest.mark.parametrize("status", list(ActionStatus))
def test_no_message_of_a_halt_says_halted_while_the_account_is_not_proved(status: ActionStatus) -> None:
    message = DESK.action(halt(status=status))

    assert "halted" not in (words(message.blocks) + message.text).lower()


@pytest.mark.parametrize(
    "status", [ActionStatus.CONFIRMED, ActionStatus.RUNNING, ActionStatus.WATCHING, ActionStatus.UNKNOWN]
)
def test_an_action_that_has_not_ended_well_claims_nothing(status: ActionStatus) -> None:
    proved = account(state=TradingState.HALTED, proved=True)
    message = DESK.action(halt(status=status, account=proved))

    assert "done" not in message.text
    assert "HALTED" not in message.text  # an earlier halt is no proof of this one


def test_a_halt_under_way_names_the_orders_that_will_not_go_and_the_stops_that_went() -> None:
    shown = words(DESK.action(halt("MSFT sell stop 5 @ 380.00")).blocks)

    assert "not proved yet, looking again" in shown
    assert "*1 order not confirmed gone:*" in shown
    assert "*Protective stops taken away (1):* MSFT sell stop 5 @ 380.00" in shown
    assert "120 asked, 119 accepted, 118 seen gone" in shown
    assert "in 0.11 s" in shown


def test_a_proved_halt_shows_the_two_readings_that_prove_it() -> None:
    proof = {"first_empty_at": later(3).isoformat(), "second_empty_at": later(5.1).isoformat()}
    done = halt(
        status=ActionStatus.DONE,
        account=account(state=TradingState.HALTED, proved=True, suspended=True, open_orders=0),
        unconfirmed=(),
        evidence={"proof": proof},
    )
    message = DESK.action(done)

    assert message.text.startswith("Halt on PAPER PA3F…0001: HALTED, proved")
    assert "Two readings without a live order, 2.10 s apart" in words(message.blocks)


def test_a_hundred_unconfirmed_orders_are_counted_beyond_the_first_ten() -> None:
    shown = words(DESK.action(halt(unconfirmed=halt().unconfirmed * 110)).blocks)

    assert "*110 orders not confirmed gone:*" in shown
    assert "and 100 more unconfirmed orders, named in the record" in shown


@pytest.mark.parametrize(
    ("breaks", "what", "left_out"),
    [(3, "missing at the broker", ""), (500, "missing at broker", "and 470 more breaks, less grave")],
)
def test_breaks_stand_in_a_table_with_the_figures_of_both_sides(
    breaks: int, what: str, left_out: str
) -> None:
    message = DESK.action(
        halt(kind=ActionKind.RECONCILE, status=ActionStatus.FAILED, evidence={"run": run(breaks)})
    )

    (table,) = [block for block in message.blocks if block["type"] == "table"]
    assert [cell["text"] for cell in table["rows"][1]] == [
        *("AAPL", what, "10", "0", "$2,300.00"),
    ]
    assert len(table["rows"]) == 1 + min(breaks, 30)
    assert f"{breaks} breaks" in message.text
    assert left_out in words(message.blocks)
    assert ("more breaks" in words(message.blocks)) is (breaks > 30)


def test_a_clean_run_says_what_was_compared_and_a_failed_one_never_says_clean() -> None:
    clean = halt(kind=ActionKind.RECONCILE, status=ActionStatus.DONE, evidence={"run": run(0)})
    failed = halt(
        kind=ActionKind.RECONCILE, status=ActionStatus.FAILED, evidence={}, headline="ledger silent"
    )

    assert "*Clean: no break*" in words(DESK.action(clean).blocks)
    assert "12 positions in the ledger, 12 positions at the broker" in words(DESK.action(clean).blocks)
    assert "clean" not in (words(DESK.action(failed).blocks) + DESK.action(failed).text).lower()


def test_an_empty_run_that_is_not_marked_clean_is_not_called_clean() -> None:
    view = halt(kind=ActionKind.RECONCILE, status=ActionStatus.DONE, evidence={"run": {"breaks": []}})

    shown = words(DESK.action(view).blocks)
    assert "the run is not marked clean" in shown
    assert "positions not known in the ledger" in shown


@pytest.mark.parametrize(
    "evidence",
    [
        {"run": None, "components": "broker", "proof": [], "suspension": "yes", "lost_stops": 3},
        {"run": {"breaks": [None, "x", {}], "impact": object()}, "asked": "many", "components": [{}, 1]},
        {"proof": {"first_empty_at": "soon", "second_empty_at": 12}, "suspension": {"read": 1, "at": ""}},
    ],
)
def test_odd_evidence_still_gives_a_message(evidence: dict[str, object]) -> None:
    message = DESK.action(halt(evidence=evidence))

    assert "not proved yet" in message.text
    assert "Suspension read ON" not in words(message.blocks)


def test_health_shows_each_component_with_figure_threshold_and_what_to_do() -> None:
    parts = [
        {"name": "Broker", "status": "ok", "figure": "210 ms", "threshold": "1 s", "seconds": 0.21},
        {
            "name": "Data feed",
            "status": "fail",
            "figure": "94 s old",
            "threshold": "30 s",
            "advice": "Call them.",
        },
        {"name": "Mail", "status": "never heard of"},
    ]
    shown = words(DESK.action(halt(kind=ActionKind.HEALTH, evidence={"components": parts})).blocks)

    assert "✓ *Broker*: ok · 210 ms (threshold 1 s) · asked in 0.21 s" in shown
    assert "✗ *Data feed*: fail · 94 s old (threshold 30 s)\nCall them." in shown
    assert "? *Mail*: unknown" in shown


def test_the_same_view_gives_the_same_message() -> None:
    assert Renderer().action(halt()) == DESK.action(halt())


def test_breaks_within_tolerance_are_told_apart_from_breaks_that_matter() -> None:
    small = halt(
        kind=ActionKind.RECONCILE, status=ActionStatus.DONE, evidence={"run": {**run(2), "clean": True}}
    )
    large = halt(kind=ActionKind.RECONCILE, status=ActionStatus.DONE, evidence={"run": run(2)})

    assert DESK.action(small).text.startswith("Reconciliation on PAPER PA3F…0001: clean within tolerance")
    assert words(DESK.action(small).blocks).startswith("✓")
    assert DESK.action(large).text.startswith("Reconciliation on PAPER PA3F…0001: 2 breaks")
    assert words(DESK.action(large).blocks).startswith("⚠")


def test_a_comparison_that_did_not_happen_says_why_and_shows_no_figures() -> None:
    failed = {**run(0), "clean": True, "error": "the ledger did not answer in 5 s"}
    view = halt(
        kind=ActionKind.RECONCILE, status=ActionStatus.FAILED, evidence={"run": failed}, headline=None
    )
    message = DESK.action(view)

    assert message.text == "Reconciliation on PAPER PA3F…0001: failed"
    assert "*Nothing was compared*\nthe ledger did not answer in 5 s" in words(message.blocks)
    assert "clean" not in words(message.blocks).lower()


def test_suspend_only_says_that_resting_orders_can_still_fill() -> None:
    evidence = {"suspend_only": True, "suspension": {"read": True}, "asked": 0, "gone": 0}
    message = DESK.action(halt(status=ActionStatus.DONE, unconfirmed=(), evidence=evidence))

    assert "done, suspension proved" in message.text
    assert "can still fill" in words(message.blocks)
    assert "Cancels:" not in words(message.blocks)


def test_a_health_check_that_found_something_does_not_end_with_a_tick() -> None:
    parts = [
        {"name": "Broker", "status": "ok"},
        {"name": "Feed", "status": "fail"},
        {"name": "Mail", "status": "off"},
    ]
    view = halt(kind=ActionKind.HEALTH, status=ActionStatus.DONE, evidence={"components": parts})

    assert "Health check on PAPER PA3F…0001: 1 of 3 components not ok" in DESK.action(view).text
    assert words(DESK.action(view).blocks).startswith("⚠")
