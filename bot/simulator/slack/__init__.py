"""A stand-in Slack workspace over HTTP, strict where Slack is strict. Used by the demo and by the tests."""

from bot.simulator.slack.acting import SlashInThread
from bot.simulator.slack.form import Refused
from bot.simulator.slack.records import Answer, Call, Desk
from bot.simulator.slack.simulator import SlackSimulator

__all__ = ["Answer", "Call", "Desk", "Refused", "SlackSimulator", "SlashInThread"]
