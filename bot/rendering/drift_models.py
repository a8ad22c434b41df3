"""What the message about a drift shows."""

from dataclasses import dataclass
from datetime import datetime

from bot.rendering.models import AccountLine


@dataclass(frozen=True)
class DriftView:
    """`text` is what the record and the broker say; `button` is the word on the one button, which opens a halt."""

    incident_id: int
    incident_key: str
    account: AccountLine
    heading: str
    text: str
    next_step: str
    button: str
    began_at: datetime
    cleared_at: datetime | None
    drill: bool
