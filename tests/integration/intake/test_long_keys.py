"""Alert groups with long labels: their keys are longer than an index holds, on either database one incident each.

The keys are of letters by chance: PostgreSQL compresses what repeats itself, and would take it.
"""

import random
import string
from typing import Any

import pytest
from sqlalchemy import select

from bot.store import tables
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import DeskInProcess
from tests.integration.channel_intake.channel import Channel, all_incidents

LONG = "".join(random.Random(4).choices(string.ascii_letters + string.digits, k=15_000))


def of_group(key: str, *told: dict[str, Any]) -> dict[str, Any]:
    return webhook(*told) | {"groupKey": key}


@pytest.mark.parametrize("length", [2_049, 2_700, 15_000])
def test_a_group_with_a_long_key_has_one_incident(desk: DeskInProcess, length: int) -> None:
    key = f'{{}}:{{text="{LONG[:length]}"}}'
    first, second = alert("GatewayDown", fingerprint="a1"), alert("GatewayDown", fingerprint="a2")
    assert desk.post(of_group(key, first)).status_code == 200
    assert desk.post(of_group(key, first, second)).status_code == 200
    (incident,) = all_incidents(desk)
    with desk.database.read() as unit:
        held = unit.connection.execute(select(tables.alerts.c.incident_id)).scalars().all()
    assert held == [incident.id, incident.id]
    assert incident.group_key is not None
    assert incident.group_key.startswith(key[:1_900])


@pytest.mark.parametrize("length", [3_000, 40_000])
def test_groups_whose_keys_differ_at_the_end_alone_are_two(desk: DeskInProcess, length: int) -> None:
    begins = (LONG * 3)[:length]
    for mark in ("a", "b"):
        told = alert(f"Gateway{mark}", fingerprint=mark * 16)
        assert desk.post(of_group(begins + mark, told)).status_code == 200
    assert len(all_incidents(desk)) == 2


def test_a_key_with_what_is_no_text_is_the_same_group(desk: DeskInProcess) -> None:
    """NUL takes the slow road through the reading; the key must come out the same."""
    key, one, two = LONG[:5_000], alert("GatewayDown", fingerprint="a1"), alert("Gone", fingerprint="a2")
    assert desk.post(of_group(key, one)).status_code == 200
    assert desk.post(of_group(key + "\x00", two)).status_code == 200
    assert len(all_incidents(desk)) == 1


def test_a_message_with_a_long_heading_is_taken_in(desk: DeskInProcess) -> None:
    letters = [chr(code) for code in range(0x1F300, 0x1F5FF)]  # four bytes each
    title = "".join(random.Random(7).choices(letters, k=1_000))
    heard = Channel(desk)
    content = {"attachments": [{"title": f"[FIRING:1] {title}", "text": "the gateway is down"}]}
    event = heard.event(content)
    assert len(heard.hear(event)) == 1
    assert len(all_incidents(desk)) == 1
    with desk.database.read() as unit:
        kept = unit.connection.execute(select(tables.channel_groups.c.text)).scalar_one()
    assert len(kept.encode()) <= 2_048
