"""A stand-in broker that speaks Alpaca's Trading API v2 over HTTP. For the demo, drills and tests."""

from bot.simulator.broker.account import Account
from bot.simulator.broker.faults import Fault
from bot.simulator.broker.holdings import Holding
from bot.simulator.broker.orders import Order
from bot.simulator.broker.requests_seen import Request
from bot.simulator.broker.simulator import BrokerSimulator

__all__ = ["Account", "BrokerSimulator", "Fault", "Holding", "Order", "Request"]
