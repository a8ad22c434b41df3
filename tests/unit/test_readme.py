"""The README names every command and every setting, and its Alertmanager receiver is one that Alertmanager takes."""

import argparse
import subprocess
from pathlib import Path

import pytest

from bot.cli.main import parser
from bot.config.settings import Settings
from tests.fixtures.programs import require

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    actions = [one for one in parser()._actions if isinstance(one, argparse._SubParsersAction)]
    return sorted(actions[0].choices)


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"`haltdesk {command}" in README


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"`{name.upper()}`" in README


@pytest.mark.real
def test_alertmanager_takes_the_receiver(tmp_path: Path) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text(README.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    done = subprocess.run(
        [str(require("amtool")), "check-config", str(config)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 receivers" in done.stdout
