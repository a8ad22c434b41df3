"""How bad is it, and why: the desk's table decides, whatever its alerts are called."""

from datetime import UTC, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config.policy import load_policy
from bot.domain.alert_name import NamePattern, words_of
from bot.domain.money_text import largest_amount
from bot.domain.response_time import acknowledge_by
from bot.domain.severity import Decision, Rules, SeverityRule
from bot.domain.words import Severity

POLICY = load_policy()
SEV1, SEV2, SEV3, SEV4 = Severity


def judged(name: str, labels: dict[str, str] | None = None, **annotations: str) -> Decision:
    return POLICY.decide({"alertname": name, **(labels or {})}, annotations)


@pytest.mark.parametrize("shape", ["{}", "TradingBot{}", "prod-{}"])
@pytest.mark.parametrize(
    ("name", "severity", "rule"),
    [
        ("CircuitBreakerOpen", SEV1, "circuit breaker open"),
        ("CircuitBreakerTripped", SEV1, "circuit breaker open"),
        ("DataCorruption", SEV1, "data corruption"),
        ("DataCorruptionDetected", SEV1, "data corruption"),
        ("LedgerCorrupted", SEV1, "data corruption"),
        ("HighRejectRate", SEV2, "high reject rate"),
        ("HighOrderRejectRate", SEV2, "high reject rate"),
        ("OrderRejectionRateHigh", SEV2, "high reject rate"),
        ("OrdersRejectedSpike", SEV2, "high reject rate"),
        ("StaleData", SEV2, "stale data"),
        ("StaleMarketData", SEV2, "stale data"),
        ("DataFeedStale", SEV2, "stale data"),
        ("MarketDataDelayed", SEV2, "stale data"),
        ("PriceFeedDisconnected", SEV2, "stale data"),
        ("VIXSpike", SEV2, "VIX spike or high volatility"),
        ("HighVolatilityVix", SEV2, "VIX spike or high volatility"),
        ("VixAbove30", SEV2, "VIX spike or high volatility"),
        ("HighLatency", SEV3, "high latency"),
        ("OrderLatencyHigh", SEV3, "high latency"),
        ("BrokerAPISlow", SEV3, "high latency"),
        ("DiskSpaceLow", SEV3, "disk space"),
        ("HostOutOfDiskSpace", SEV3, "disk space"),
        ("NodeFilesystemAlmostOutOfSpace", SEV3, "disk space"),
        ("NodeFilesystemSpaceFillingUp", SEV3, "disk space"),
        ("MissingJournalEntries", SEV3, "missing journal entries"),
        ("JournalEntriesMissing", SEV3, "missing journal entries"),
        ("TradeJournalGap", SEV3, "missing journal entries"),
        ("LowOrderVolume", SEV4, "low order volume"),
        ("OrderVolumeDropped", SEV4, "low order volume"),
        ("TradingVolumeLow", SEV4, "low order volume"),
        ("DataOutliersDetected", SEV4, "minor data outliers"),
        ("MinorDataOutlier", SEV4, "minor data outliers"),
    ],
)
def test_every_example_of_the_procedure_is_known_by_its_usual_names(
    shape: str, name: str, severity: Severity, rule: str
) -> None:
    decision = judged(shape.format(name), {"severity": "none"})
    assert (decision.severity, decision.rule) == (severity, rule)
    assert decision.reason == f'rule "{rule}"'


@pytest.mark.parametrize(
    "name", ["tradingbot_circuit_breaker_open", "CIRCUIT_BREAKER_OPEN", "circuitbreaker-open"]
)
def test_an_alert_named_like_a_metric_is_found_too(name: str) -> None:
    assert judged(name).severity is SEV1


@pytest.mark.parametrize(
    "name",
    [
        "LowLatencyRestored",
        "LowLatencyGatewayDown",
        "LatencyBackToNormal",
        "CircuitBreakerClosed",
        "CircuitBreakerRecovered",
        "DataCorruptionResolved",
        "OrderRejectRateLow",
        "LoginRejectRateHigh",
        "PrometheusOperatorReconcileErrors",
        "ArgoReconciliationFailed",
        "PrometheusTSDBWALCorruptions",
        "BackupDataStale",
        "KubePersistentVolumeErrors",
        "SystemdJournalMissing",
        "HardwareWatchdogTriggered",
        "VolatilityModelRetrained",
        "MajorDataOutlier",
    ],
)
def test_a_false_friend_matches_no_rule(name: str) -> None:
    decision = judged(name)
    assert decision == Decision(SEV3, "no rule matched")


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        ("LatencyAboveNormal", SEV3),
        ("DataCorruptionNotResolved", SEV1),
        ("UnresolvedReconciliationBreaks", SEV1),
        ("OrderRejectRateOverNormal", SEV2),
    ],
)
def test_a_name_that_denies_its_recovery_is_still_trouble(name: str, severity: Severity) -> None:
    assert judged(name).severity is severity
    assert judged(name).rule is not None


@pytest.mark.parametrize(
    ("labels", "annotations"),
    [
        ({}, {"value": "2300"}),
        ({}, {"value": "2.3e+03"}),
        ({"impact_usd": "-1000.01"}, {}),
        ({"breaks_usd": "$2,300"}, {}),
        ({}, {"summary": "3 breaks, $2,300 in all"}),
        ({}, {"summary": "breaks over $1K"}),
        ({}, {"description": "AAPL -$400, MSFT $1.2k; limit $1,000"}),
        ({}, {"description": "impact of 1,000.50 USD"}),
        ({}, {"value": "+Inf"}),
        ({"amount": "12"}, {"summary": "really $5,000"}),
    ],
)
def test_breaks_worth_over_a_thousand_dollars_are_sev1(
    labels: dict[str, str], annotations: dict[str, str]
) -> None:
    decision = judged("ReconciliationBreaks", labels, **annotations)
    assert (decision.severity, decision.rule) == (SEV1, "reconciliation over $1,000")


@pytest.mark.parametrize(
    "annotations",
    [
        {"value": "400"},
        {"impact": "1000"},
        {"summary": "2 breaks, $400"},
        {"summary": "$400 of a limit of $1,000"},
    ],
)
def test_breaks_worth_up_to_a_thousand_dollars_are_sev2(annotations: dict[str, str]) -> None:
    decision = judged("ReconciliationBreaks", None, **annotations)
    assert (decision.severity, decision.rule) == (SEV2, "reconciliation at or under $1,000")


@pytest.mark.parametrize(
    ("labels", "annotations"),
    [
        ({}, {}),
        ({"breaks": "3"}, {"value": "3"}),
        ({}, {"value": "NaN"}),
        ({}, {"summary": "3 positions differ"}),
        ({}, {"summary": "breaks passed the limit ($1,000)"}),
    ],
)
def test_breaks_of_an_unknown_amount_are_taken_for_the_worst_and_the_reason_says_so(
    labels: dict[str, str], annotations: dict[str, str]
) -> None:
    decision = judged("ReconciliationBreaks", labels, **annotations)
    assert decision.severity is SEV1
    assert "amount is not known" in decision.reason


def test_the_reason_shows_the_amount_and_where_it_stood() -> None:
    decision = judged("ReconciliationBreaks", summary="Reconciliation breaks: $2,300")
    assert decision.reason == 'rule "reconciliation over $1,000" ($2,300 in summary)'


@pytest.mark.parametrize("spelling", ["1", "SEV-1", "sev1", "Sev 1", "sev_1", "P1", " 1 "])
def test_an_explicit_sev_label_is_above_every_rule(spelling: str) -> None:
    decision = judged("LowOrderVolume", {"sev": spelling, "severity": "info"})
    assert decision == Decision(SEV1, f'label sev="{spelling.strip()}"')


@pytest.mark.parametrize("nonsense", ["5", "0", "urgent", "SEV-12", "11"])
def test_a_sev_label_that_is_none_is_told_and_does_not_decide(nonsense: str) -> None:
    decision = judged("LowOrderVolume", {"sev": nonsense})
    assert decision.severity is SEV4
    assert f'sev="{nonsense}" is not SEV-1 to SEV-4' in decision.reason


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("critical", SEV2),
        ("CRITICAL", SEV2),
        ("page", SEV2),
        ("warning", SEV3),
        ("info", SEV4),
        ("none", SEV4),
        ("SEV-1", SEV1),
        ("p2", SEV2),
    ],
)
def test_without_a_rule_the_severity_label_decides(word: str, severity: Severity) -> None:
    decision = judged("QueueLengthHigh", {"severity": word})
    assert decision.severity is severity
    assert f'severity="{word}"' in decision.reason


def test_without_anything_it_is_sev3_and_the_reason_says_that_nothing_matched() -> None:
    assert judged("QueueLengthHigh") == Decision(SEV3, "no rule matched")
    assert 'severity="odd" is not known' in judged("QueueLengthHigh", {"severity": "odd"}).reason
    assert POLICY.decide({}, {}) == Decision(SEV3, "no rule matched")


@pytest.mark.parametrize("name", ["Watchdog", "DeadMansSwitch", "InfoInhibitor"])
def test_an_alert_that_shows_that_alerting_lives_is_no_incident(name: str) -> None:
    decision = judged(name, {"severity": "none"})
    assert decision.ignore
    assert decision.reason == 'rule "alerting is alive"'


def test_the_first_rule_that_matches_decides_and_all_its_conditions_must_hold() -> None:
    equities = SeverityRule("late equities", SEV1, (NamePattern("latenc*"),), labels={"desk": "eq*|cash"})
    any_desk = SeverityRule("late", SEV4, (NamePattern("latenc*"),))

    def severity(desk: str) -> Severity:
        return Rules([equities, any_desk]).decide({"alertname": "HighLatency", "desk": desk}, {}).severity

    assert [severity("EQUITIES"), severity("cash"), severity("fx"), severity("")] == [SEV1, SEV1, SEV4, SEV4]


def test_a_rule_is_either_a_severity_or_no_incident() -> None:
    with pytest.raises(ValueError, match="not both"):
        SeverityRule("undecided", None)


def test_names_are_read_as_words() -> None:
    assert words_of("TradingBotHighVIX30_feed-2") == ("trading", "bot", "high", "vix", "30", "feed", "2")


@given(
    labels=st.dictionaries(st.text(), st.text()),
    annotations=st.dictionaries(st.text(), st.text()),
    name=st.text(),
)
def test_no_alert_is_too_strange_to_be_judged(
    labels: dict[str, str], annotations: dict[str, str], name: str
) -> None:
    hostile = {**labels, "alertname": name}
    assert POLICY.decide(hostile, annotations).severity in Severity
    assert POLICY.decide(
        {"alertname": "ReconciliationBreaks", **labels}, {"value": name, **annotations}
    ).reason


@given(cents=st.integers(min_value=0, max_value=10**12))
def test_an_amount_is_read_back_as_it_was_written(cents: int) -> None:
    value = Decimal(cents) / 100
    for written in (f"{value:.2f}", f"${value:,.2f}", f"USD {value:,.2f}", f"{value:,.2f} dollars"):
        amount = largest_amount({"value": written}, {})
        assert amount is not None
        assert amount.value == value


NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("severity", "opened", "due"),
    [
        (SEV1, datetime(2026, 11, 20, 15, 0, tzinfo=UTC), datetime(2026, 11, 20, 15, 0, tzinfo=UTC)),
        (SEV2, datetime(2026, 11, 20, 15, 0, tzinfo=UTC), datetime(2026, 11, 20, 15, 15, tzinfo=UTC)),
        (SEV3, datetime(2026, 11, 20, 15, 0, tzinfo=UTC), datetime(2026, 11, 20, 16, 0, tzinfo=UTC)),
        # A Friday: the next business day is Monday, until 17:00 in New York.
        (SEV4, datetime(2026, 11, 20, 15, 0, tzinfo=UTC), datetime(2026, 11, 23, 22, 0, tzinfo=UTC)),
        # Already Tuesday in London, still Monday evening in New York: Tuesday is next.
        (SEV4, datetime(2026, 11, 24, 2, 0, tzinfo=UTC), datetime(2026, 11, 24, 22, 0, tzinfo=UTC)),
    ],
)
def test_the_response_time_of_the_procedure(severity: Severity, opened: datetime, due: datetime) -> None:
    assert POLICY.acknowledge_by(severity, opened) == due
    assert acknowledge_by(POLICY.levels[severity], opened, NEW_YORK, time(17)) == due
