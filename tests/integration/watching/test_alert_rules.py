"""The alert rules for Haltdesk itself: Prometheus' own tool takes them, each fires when it must and is silent else."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.programs import require

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "docs" / "monitoring" / "alert-rules.yml"
STORY = Path(__file__).with_name("alert-rules.test.yml")

pytestmark = pytest.mark.real


def promtool(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [str(require("promtool")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def alert_names() -> list[str]:
    return re.findall(r"^ +- alert: (\w+)$", RULES.read_text(encoding="utf-8"), re.MULTILINE)


def test_prometheus_takes_the_rules() -> None:
    done = promtool("check", "rules", RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(alert_names())} rules found" in done.stdout


def test_each_alert_fires_when_it_must_and_none_does_on_a_desk_that_is_well(tmp_path: Path) -> None:
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in alert_names()]
    story = STORY.read_text(encoding="utf-8")
    assert "RULES" in story
    assert "NAMES" in story
    written = tmp_path / "story.yml"
    written.write_text(story.replace("NAMES", json.dumps(samples)).replace("RULES", json.dumps(str(RULES))))
    done = promtool("test", "rules", written)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_says_what_happened_and_what_to_do() -> None:
    rules = RULES.read_text(encoding="utf-8")
    number = len(alert_names())
    assert number > 15
    for words in ("summary: ", "description: ", "haltdesk: itself}"):
        assert rules.count(words) == number, words
