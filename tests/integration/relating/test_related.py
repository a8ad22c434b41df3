"""Incidents whose alerts name the same account or component are linked in both threads, once."""

from datetime import timedelta

from bot.services import incidents as service
from bot.services import relating
from bot.simulator.slack import SlackSimulator
from bot.store import accounts, relations
from tests.fixtures.desk_in_process import INCIDENTS
from tests.integration.relating.related import OPERATOR, Floor


def test_both_messages_name_the_other_with_a_link_to_its_thread(floor: Floor) -> None:
    floor.two_of_main()
    assert "INC-1 (same account main, 3 min earlier)" in floor.line(2, "Related:")
    assert "INC-2 (same account main, 3 min later)" in floor.line(1, "Related:")
    for here, there in ((1, 2), (2, 1)):
        place = floor.root(there)["ts"].replace(".", "")
        assert f"/archives/{INCIDENTS}/p{place}|INC-{there}>" in str(floor.root(here)["blocks"])
    assert floor.told(1, "IncidentRelated") == ["Related to INC-2: same account main, 3 min later"]
    assert floor.told(2, "IncidentRelated") == ["Related to INC-1: same account main, 3 min earlier"]


def test_more_alerts_of_the_same_say_it_once(floor: Floor) -> None:
    floor.two_of_main()
    for number in range(5):
        floor.time.move(20)
        floor.fires("OrderRejects", account="main", venue=str(number))
        floor.settle()
    assert len(floor.told(1, "IncidentRelated")) == len(floor.told(2, "IncidentRelated")) == 1


def test_a_later_alert_with_such_a_label_relates_them_too(floor: Floor) -> None:
    floor.fires("OrderRejects", component="gateway")
    floor.fires("FeedStale")
    floor.settle()
    assert floor.line(2, "Related:") == ""
    floor.time.move(60)
    floor.fires("FeedStale", service="gateway")
    floor.settle()
    assert "INC-1 (same component gateway, 1 min earlier)" in floor.line(2, "Related:")


def test_neither_name_nor_text_nor_eleven_minutes_relate(floor: Floor) -> None:
    floor.fires("OrderRejects", group="a", account="main", summary="gateway of main is down")
    floor.fires("OrderRejects", group="b", account="other", summary="gateway of main is down")
    floor.time.move(11 * 60)
    floor.fires("FeedStale", account="main")
    floor.settle()
    for number in (1, 2, 3):
        assert floor.line(number, "Related:") == ""
        assert floor.told(number, "IncidentRelated") == []


def test_alerts_that_come_together_after_an_outage_are_related_by_when_they_began(floor: Floor) -> None:
    began = floor.time.now() - timedelta(hours=2)
    floor.fires("OrderRejects", account="main", started=began)
    floor.fires("FeedStale", account="main", started=began + timedelta(minutes=50))
    floor.settle()
    assert floor.line(2, "Related:") == ""


def test_an_accounts_number_stands_for_its_name(floor: Floor) -> None:
    with floor.database.begin() as unit:
        accounts.read_at_broker(unit, "main", account_number="PA3F00000001")
    floor.fires("OrderRejects", account="main")
    floor.fires("FeedStale", account_id="PA3F00000001")
    floor.settle()
    assert "INC-1 (same account main, at the same time)" in floor.line(2, "Related:")


def test_a_drill_is_not_related_to_what_is_real(floor: Floor) -> None:
    exercise = service.declare(
        floor.desk, title="Exercise", severity=floor.desk.policy.severity_otherwise, by=OPERATOR, drill=True
    )
    assert exercise is not None
    with floor.database.begin() as unit:
        relating.note(unit, floor.desk, exercise, [({"account": "main"}, floor.time.now())], floor.time.now())
    floor.fires("OrderRejects", account="main")
    floor.settle()
    assert floor.told(1, "IncidentRelated") == floor.told(2, "IncidentRelated") == []


def test_in_a_storm_five_are_shown_and_the_rest_counted(floor: Floor) -> None:
    for number in range(9):
        floor.fires(f"Alert{number}", account="main")
    floor.settle()
    assert "and 3 more" in floor.line(9, "Related:")
    assert floor.line(9, "Related:").count("INC-") == 5
    assert len(floor.told(9, "IncidentRelated")) == 8


def test_a_hostile_label_is_shown_as_text_and_fits(floor: Floor) -> None:
    nasty = "<!channel> *x* " + "é" * 180
    for number in range(12):
        floor.fires(f"Alert{number}", component=nasty, account="<https://evil.example|main>" + "y" * 170)
    floor.settle()
    blocks = str(floor.root(12)["blocks"])
    assert "<!channel>" not in blocks
    assert "<https://evil" not in blocks
    assert "and 6 more" in floor.line(12, "Related:")
    assert len(blocks) < 13_200
    assert len(floor.root(12)["blocks"]) <= 50


def test_a_run_that_finds_nothing_new_writes_nothing(floor: Floor) -> None:
    floor.two_of_main()
    before = len(floor.slack.calls_of("chat.update"))
    assert relating.run_once(floor.desk) == 0
    floor.deliver()
    assert len(floor.slack.calls_of("chat.update")) == before


def test_a_storm_of_one_account_costs_each_incident_few_calls_and_ends_with_the_right_counts(
    sqlite_url: str,
) -> None:
    """Twenty groups in as many seconds, through a Slack that takes a message a second; the chores run as they do."""
    with SlackSimulator() as slack:
        floor = Floor(sqlite_url, slack)
        for number in range(20):
            floor.fires(f"Alert{number}", account="main")
            relating.run_once(floor.desk)
            floor.deliver(for_seconds=1)
            if number % 5 == 4:
                relating.link_once(floor.desk)
        floor.settle()
        for number in (1, 10, 20):
            with floor.database.read() as unit:
                most = relations.count(unit, number)
            root = floor.root(number)
            assert floor.line(number, "Related:").endswith(f"and {most - 5} more")
            assert str(root["blocks"]).count("|INC-") == 5  # each with a link
            calls = slack.calls_of("chat.update")
            assert len([call for call in calls if call.args.get("ts") == root["ts"]]) <= 12
        floor.close()


def test_an_incident_that_is_being_worked_on_is_related_by_the_next_run(floor: Floor) -> None:
    """On PostgreSQL, where several work at once: nobody waits for anybody."""
    if floor.database.sqlite:
        return
    floor.fires("OrderRejects", account="main")
    floor.fires("FeedStale", account="main")
    with floor.database.begin() as unit:
        service.find(unit, 1)
        assert relating.run_once(floor.desk) == 0
    assert relating.run_once(floor.desk) == 1
    assert len(floor.told(1, "IncidentRelated")) == 1
