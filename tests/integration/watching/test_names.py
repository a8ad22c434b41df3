"""Rules and dashboard speak of figures that a running Haltdesk has, in expressions that Prometheus takes."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.acceptance.trading_desk import TradingDesk
from tests.fixtures.programs import require

DOCS = Path(__file__).resolve().parents[3] / "docs" / "monitoring"
NAME = re.compile(r"\b(?:haltdesk|process)_[a-z_]+\b")
ROWS = ["Now", "Intake", "Slack", "Broker and actions", "Clock", "Process"]

pytestmark = pytest.mark.real


def dashboard_expressions() -> list[str]:
    dashboard = json.loads((DOCS / "dashboard.json").read_text(encoding="utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


def rule_expressions() -> str:
    """The rules without what people read, where a name may be a word."""
    lines = (DOCS / "alert-rules.yml").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not re.match(r"\s*(#|summary:|description:)", line))


def series_names(exposition: str) -> Iterator[str]:
    """Every name that a series may have, by the types that are declared: a family without a series counts too."""
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", exposition, re.MULTILINE):
        yield name
        if kind in ("histogram", "summary"):
            yield from (f"{name}_bucket", f"{name}_sum", f"{name}_count")


@pytest.fixture(scope="module")
def exposition(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("desk")
    with TradingDesk(folder, f"sqlite:///{folder / 'haltdesk.db'}") as desk:
        desk.start()
        return requests.get(f"{desk.url}/metrics", timeout=10).text


def test_every_figure_of_the_rules_and_the_dashboard_exists(exposition: str) -> None:
    known = set(series_names(exposition))
    in_rules = set(NAME.findall(rule_expressions()))
    in_dashboard = set(NAME.findall("\n".join(dashboard_expressions())))
    assert len(in_rules) > 15
    assert len(in_dashboard) > 30
    assert (in_rules | in_dashboard) - known == set()


def test_prometheus_finds_nothing_to_say_about_the_figures(exposition: str) -> None:
    done = subprocess.run(
        [str(require("promtool")), "check", "metrics"],
        input=exposition,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_expression_of_the_dashboard_can_be_asked(tmp_path: Path) -> None:
    asked = [
        expression.replace("$job", "haltdesk").replace("$instance", ".*").replace("$__rate_interval", "1m")
        for expression in dashboard_expressions()
    ]
    rules = [{"record": f"panel:{place}", "expr": expression} for place, expression in enumerate(asked)]
    assert not [expression for expression in asked if "$" in expression]
    written = tmp_path / "panels.yml"
    written.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(
        [str(require("promtool")), "check", "rules", str(written)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


def test_the_dashboard_asks_whichever_prometheus_is_chosen_and_its_panels_do_not_overlap() -> None:
    dashboard = json.loads((DOCS / "dashboard.json").read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    assert [panel["title"] for panel in panels if panel["type"] == "row"] == ROWS
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    sources = {panel["datasource"]["uid"] for panel in panels if panel["type"] != "row"}
    assert sources == {"${datasource}"}
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in panels):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
