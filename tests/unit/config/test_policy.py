"""The desk's policy: the procedure as shipped, and a desk's own file laid over it."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.config.durations import duration_text, parse_duration
from bot.config.policy import load_policy
from bot.config.problems import ConfigurationError
from bot.domain.reconciliation import Thresholds
from bot.domain.words import Phase, Severity


@pytest.fixture
def desk_file(tmp_path: Path) -> Path:
    return tmp_path / "haltdesk.toml"


def problems(desk_file: Path, text: str) -> list[str]:
    desk_file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_policy(desk_file)
    # pydantic's own error, which may hold values, is not beneath ours.
    assert not isinstance(caught.value.__context__, ValidationError)
    return [str(problem) for problem in caught.value.problems]


def test_the_checklists_are_the_procedures_line_by_line() -> None:
    policy = load_policy()
    assert [(plan.title, plan.window, len(plan.items)) for plan in policy.phases] == [
        ("Detection", None, 0),
        ("Triage", "first 5 minutes", 5),
        ("Diagnosis", "5-30 minutes", 4),
        ("Mitigation", None, 4),
        ("Resolution", None, 4),
        ("Post-Incident", "within 48 hours", 4),
    ]
    assert [item.key for plan in policy.phases for item in plan.items] == [
        "triage.acknowledge",
        "triage.severity",
        "triage.trading_active",
        "triage.positions_at_risk",
        "triage.halt",
        "diagnosis.root_cause",
        "diagnosis.related_systems",
        "diagnosis.recent_changes",
        "diagnosis.evidence",
        "mitigation.fix",
        "mitigation.verify",
        "mitigation.reconcile",
        "mitigation.resume",
        "resolution.alerts_cleared",
        "resolution.reconciliation_clean",
        "resolution.monitoring",
        "resolution.notify",
        "post-incident.postmortem",
        "post-incident.action_items",
        "post-incident.runbooks",
        "post-incident.thresholds",
    ]
    assert policy.phase(Phase.DIAGNOSIS).items[0].text == "Identify the root cause using relevant runbook"


def test_only_a_sev1_is_asked_to_halt() -> None:
    policy = load_policy()
    asked = {
        severity: [item.key for item in policy.items_for(Phase.TRIAGE, severity)] for severity in Severity
    }
    assert "triage.halt" in asked[Severity.SEV1]
    for severity in (Severity.SEV2, Severity.SEV3, Severity.SEV4):
        assert asked[severity] == asked[Severity.SEV1][:-1]


def test_the_response_times_read_as_the_procedure_says() -> None:
    levels = load_policy().levels
    assert [levels[severity].response_text for severity in Severity] == [
        "immediately",
        "15 minutes",
        "1 hour",
        "next business day",
    ]
    assert levels[Severity.SEV1].definition == "Trading halted or significant financial impact"


def test_the_defaults_of_the_design_are_in_force() -> None:
    policy = load_policy()
    assert policy.resolution_delay == timedelta(minutes=15)
    assert policy.halt.readings_apart == timedelta(seconds=2)
    # The comparison's own defaults are the design's; the shipped file must not say anything else.
    assert policy.thresholds == Thresholds()
    assert (policy.thresholds.missing_limit, policy.thresholds.qty_percent) == (3, Decimal(10))
    assert policy.thresholds.impact_limit == Decimal(1000)
    assert policy.accounts == ()
    assert policy.postmortem_template == "docs/runbooks/postmortem-template.md"


def test_the_contacts_name_the_primary_operator_or_say_what_to_set() -> None:
    policy = load_policy()
    assert policy.contacts_for("the desk, +1 555 0100")[0].contact == "the desk, +1 555 0100"
    assert "PRIMARY_OPERATOR" in policy.contacts_for(None)[0].contact
    assert [contact.role for contact in policy.contacts] == [
        "Primary operator",
        "Broker support",
        "Data provider",
    ]


def test_a_desk_changes_what_it_names_and_keeps_the_rest(desk_file: Path) -> None:
    desk_file.write_text(
        """
        [notices]
        resolution_delay = "PT1H"
        [reconciliation]
        sev1_impact_over = 2500.50
        [phases.triage]
        items = [{ key = "call", text = "Call the risk officer" }]
        [severity.levels.SEV-2]
        respond = "immediately"
        """
    )
    policy = load_policy(desk_file)
    assert policy.resolution_delay == timedelta(hours=1)
    assert policy.thresholds.impact_limit == Decimal("2500.50")
    assert policy.thresholds.missing_limit == 3
    assert [item.key for item in policy.phase(Phase.TRIAGE).items] == ["triage.call"]
    assert policy.phase(Phase.TRIAGE).window == "first 5 minutes"
    assert policy.levels[Severity.SEV2].respond_within == timedelta(0)
    assert policy.levels[Severity.SEV2].definition == "Degraded trading or elevated risk"


RULE = '[[severity.rules]]\nname = "our latency"\nseverity = "SEV-1"\nalerts = ["latenc*"]\n'


def test_a_desks_rules_go_before_the_shipped_ones_which_stay(desk_file: Path) -> None:
    desk_file.write_text(RULE)
    policy = load_policy(desk_file)
    assert policy.decide({"alertname": "HighLatency"}, {}).rule == "our latency"
    assert policy.decide({"alertname": "Watchdog"}, {}).ignore


def test_a_desk_may_drop_the_shipped_rules(desk_file: Path) -> None:
    desk_file.write_text("[severity]\nkeep_default_rules = false\n" + RULE)
    policy = load_policy(desk_file)
    assert [rule.name for rule in policy.rules] == ["our latency"]


def test_every_mistake_is_told_at_once_with_its_place_and_the_nearest_key(desk_file: Path) -> None:
    found = problems(
        desk_file,
        """
        [halt]
        time_budgets = "30s"
        call_timeout = 8
        [severity]
        otherwise = "SEV-7"
        [[severity.rules]]
        name = "late"
        severty = "SEV-1"
        [severity.rules.amount]
        ovr = 5
        [phases.triage]
        items = [{ key = "halt!", text = "Halt" }]
        [colours]
        red = true
        """,
    )
    text = "\n".join(found)
    assert "haltdesk.toml: halt.time_budgets: there is no such key; write e.g. time_budget = ..." in found
    assert (
        "haltdesk.toml: severity.rules[1].severty: there is no such key; write e.g. severity = ..." in found
    )
    assert "haltdesk.toml: severity.rules[1].amount.ovr: there is no such key; write e.g. over = ..." in found
    assert "haltdesk.toml: colours: there is no such key; there are format, desk, severity" in text
    for place in (
        "halt.call_timeout",
        "severity.otherwise",
        "severity.rules[1].amount.over",
        "phases.triage.items[1].key",
    ):
        assert f"haltdesk.toml: {place}: " in text
    assert len(found) == 8


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[severity.rules]]\nname = "x"\nalerts = ["x"]', "must have a severity, or ignore = true"),
        ('[[severity.rules]]\nname = "x"\nseverity = "SEV-1"', "would decide for every alert"),
        ('[[severity.rules]]\nname = "x"\nseverity = "SEV-1"\nalerts = [" "]', "empty pattern"),
        ('[phases.triage]\nitems = [{key="a", text="A"}, {key="a", text="B"}]', 'the key "a" stands twice'),
        ('[halt]\ncall_timeout = "1m"', "may not be longer than halt.time_budget"),
        ('[halt]\nreadings_apart = "1s"', "halt.readings_apart"),
        ('[halt]\ntime_budget = "0s"', "halt.time_budget"),
        ("[reconciliation]\nsev1_impact_over = nan", "reconciliation.sev1_impact_over"),
        ("[reconciliation]\nsev1_impact_over = -1", "reconciliation.sev1_impact_over"),
        ('[desk]\ntimezone = "Mars/Olympus"', "is no time zone"),
        ("[halt", "is no TOML"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(desk_file: Path, text: str, told: str) -> None:
    assert told in "\n".join(problems(desk_file, text))


ACCOUNT = '[[accounts]]\nname = "eq"\napi_key_env = "EQ_KEY"\nsecret_key_env = "EQ_SECRET"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ACCOUNT + 'url = "https://api.alpaca.markets"', "say live = true"),
        (ACCOUNT + "live = true", "Alpaca's paper address"),
        (ACCOUNT + ACCOUNT, 'the name "eq" stands twice'),
    ],
)
def test_accounts_that_contradict_themselves_are_refused(desk_file: Path, text: str, told: str) -> None:
    assert told in "\n".join(problems(desk_file, text))


def test_a_key_put_where_a_variables_name_belongs_is_not_shown(desk_file: Path) -> None:
    pasted = ACCOUNT.replace("EQ_SECRET", "PKHUNTER2HUNTER2")
    assert "HUNTER2" not in "\n".join(problems(desk_file, pasted))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.toml: cannot be read"):
        load_policy(tmp_path / "gone.toml")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("15m", 900), ("15 min", 900), ("1h30m", 5400), ("2d", 172_800), ("PT15M", 900), ("0s", 0)],
)
def test_spans_of_time_are_read_as_people_write_them(written: str, seconds: int) -> None:
    assert parse_duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize("written", ["", "15", "soon", "-5m", "m", "1.5h", "PT", "9" * 400 + "d", "400d"])
def test_what_is_no_span_of_time_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="span of time"):
        parse_duration(written)


def test_spans_of_time_are_shown_in_words() -> None:
    shown = [duration_text(timedelta(seconds=seconds)) for seconds in (0, 1, 900, 5400, 86_400)]
    assert shown == ["immediately", "1 second", "15 minutes", "1 hour 30 minutes", "1 day"]
