"""The full storms take minutes: they run only when they are asked for by their mark (`make storm`)."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "full" in config.option.markexpr:
        return
    left_out = [item for item in items if HERE in item.path.parents and "full" in item.keywords]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
