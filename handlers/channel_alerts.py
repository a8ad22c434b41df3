"""Messages in the incident channel: those of bots are read for alerts; people and Haltdesk itself are not heard."""

from typing import Any

from bot.services import channel_intake
from bot.services.channel_message import message_of
from handlers.context import Services
from handlers.listening import Listening


def register(listening: Listening, services: Services) -> None:
    def heard(body: dict[str, Any], event: dict[str, Any]) -> None:
        message = message_of(body, event, services.app_id())
        if message is not None:
            channel_intake.receive(services.desk, message)

    listening.event("message", heard)
