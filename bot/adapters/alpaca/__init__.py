"""Alpaca's Trading API v2 as the broker port: alpaca-py's `RESTClient`, raw answers, tolerant reading."""

from bot.adapters.alpaca.broker import AlpacaBroker
from bot.adapters.alpaca.connection import Timeouts

__all__ = ["AlpacaBroker", "Timeouts"]
