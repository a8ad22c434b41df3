"""What a person reads before confirming, and what Slack sends back from it."""

from typing import Any

import pytest

from bot.domain.words import ActionKind
from bot.rendering.models import AccountFigures, DeclareView, LeavePhaseView, ResolveView
from bot.rendering.render import Renderer
from bot.rendering.slots import RenderingError
from tests.unit.rendering.desk_views import account, confirm, words

DESK = Renderer()


def inputs(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}


def two_accounts(**changes: Any) -> dict[str, Any]:
    live = account("PA9K…0002", name="live", paper=False)
    figures = (AccountFigures(account(), False, 1, 1), AccountFigures(live, False, 2, 2))
    return DESK.confirm(confirm(figures=figures, **changes))


def test_a_halt_can_be_confirmed_without_a_word_and_before_the_figures_are_there() -> None:
    view = DESK.confirm(confirm(figures=(AccountFigures(account(), True),)))

    assert view["callback_id"] == "halt.confirm"
    assert inputs(view)["reason"]["optional"] is True
    assert inputs(view)["reason"]["element"]["action_id"] == "value"
    assert "Confirming does not wait for them." in words(view["blocks"])
    assert "accounts" not in inputs(view)  # there is one: nothing to choose


def test_the_halt_modal_names_what_goes_what_stays_and_which_stops_are_lost() -> None:
    shown = words(DESK.confirm(confirm(text="MSFT sell stop 5 @ 380.00"))["blocks"])

    assert "120 open orders · 2 positions" in shown
    assert "unless Suspend only is chosen (1):* MSFT sell stop 5 @ 380.00" in shown
    assert "positions stay open" in shown
    assert "PAPER account" in shown


def test_figures_that_could_not_be_had_are_not_shown_as_none_of_them() -> None:
    figures = AccountFigures(account(), False, error="The broker did not answer within 3 s.")
    shown = words(DESK.confirm(confirm(figures=(figures,)))["blocks"])

    assert "open orders not known · positions not known" in shown
    assert "The broker did not answer within 3 s." in shown
    assert "No protective stop" not in shown


def test_suspend_only_is_offered_for_a_halt_and_nothing_else() -> None:
    offered = {kind: inputs(DESK.confirm(confirm(kind))) for kind in (*ActionKind,)[:4]}

    (option,) = offered[ActionKind.HALT]["options"]["element"]["options"]
    assert option["value"] == "suspend_only"
    assert [kind for kind in offered if "options" in offered[kind]] == [ActionKind.HALT]


def test_a_live_account_is_unmistakable() -> None:
    figures = (AccountFigures(account("PA9K…0002", paper=False), True),)
    view = DESK.confirm(confirm(figures=figures))

    assert view["title"]["text"] == "LIVE · Halt trading"
    assert view["blocks"][0]["text"]["text"] == "LIVE ACCOUNT: real orders, real money"
    assert "*LIVE PA9K…0002*" in words(view["blocks"])


def test_several_accounts_are_chosen_with_the_selected_ones_ticked() -> None:
    view = two_accounts(selected=("live",))
    element = inputs(view)["accounts"]["element"]

    assert [option["value"] for option in element["options"]] == ["main", "live"]
    assert element["initial_options"] == element["options"][1:]
    assert view["blocks"][0]["text"]["text"] == "LIVE AND PAPER ACCOUNTS"
    assert "initial_options" not in inputs(two_accounts(selected=()))["accounts"]["element"]


def test_more_accounts_than_checkboxes_become_a_menu() -> None:
    figures = tuple(AccountFigures(account(name=f"a{n}"), True) for n in range(11))
    element = inputs(DESK.confirm(confirm(figures=figures, selected=("a1",))))["accounts"]["element"]

    assert element["type"] == "multi_static_select"
    assert [option["value"] for option in element["initial_options"]] == ["a1"]


def test_without_an_incident_the_modal_says_that_one_will_be_declared() -> None:
    assert "confirming declares one" in words(DESK.confirm(confirm(incident_key=None))["blocks"])


def test_leaving_open_items_and_resolving_against_obstacles_ask_for_a_reason() -> None:
    leave = DESK.leave_phase(LeavePhaseView("INC-42", "Triage", "Diagnosis", ("Acknowledge",), "m", False))
    against = DESK.resolve(ResolveView("INC-42", ("2 alerts are firing",), 15, "m", False))
    clear = DESK.resolve(ResolveView("INC-42", (), 15, "m", False))

    assert leave["callback_id"] == "phase.leave"
    assert "optional" not in inputs(leave)["reason"]
    assert against["callback_id"] == "incident.resolve.confirm"
    assert inputs(against)["reason"]["optional"] is False
    assert inputs(clear)["reason"]["optional"] is True
    assert "2 alerts are firing" in words(against["blocks"])
    assert "no alert is firing" not in words(against["blocks"])


def test_declaring_by_hand_has_its_five_answers() -> None:
    view = DESK.declare(DeclareView('Prices look "wrong"', "m"))

    assert list(inputs(view)) == ["title", "severity", "description", "drill"]
    assert {block["element"]["action_id"] for block in inputs(view).values()} == {"value"}
    assert inputs(view)["title"]["element"]["initial_value"] == 'Prices look "wrong"'
    assert [o["value"] for o in inputs(view)["severity"]["element"]["options"]] == [
        *("SEV-1", "SEV-2", "SEV-3", "SEV-4"),
    ]


def test_a_drill_says_drill_in_every_modal() -> None:
    views = [DESK.confirm(confirm(kind, drill=True)) for kind in (*ActionKind,)[:4]]
    views.append(DESK.leave_phase(LeavePhaseView("INC-42", "Triage", "Diagnosis", ("x",), "m", True)))
    views += [DESK.resolve(ResolveView("INC-42", against, 15, "m", True)) for against in ((), ("x",))]

    for view in views:
        assert view["title"]["text"].startswith("DRILL")
        assert words(view["blocks"][:1]).startswith("DRILL")


def test_metadata_that_is_too_long_is_refused_rather_than_cut() -> None:
    with pytest.raises(RenderingError, match="Keep the data in a row"):
        DESK.confirm(confirm(private_metadata="x" * 3_001))


def test_a_refusal_says_why_and_has_nothing_to_submit() -> None:
    view = DESK.refusal_modal("Not an operator", "Ask <the desk> to add you.")

    assert "submit" not in view
    assert "Ask &lt;the desk&gt; to add you." in words(view["blocks"])
