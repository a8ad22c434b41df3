"""A trader that asks before it trades. Run it beside `make demo`, then press Halt in the demo's page.

    HALTDESK_URL=http://127.0.0.1:8080 API_TOKEN=... .venv/bin/python docs/examples/trader_loop.py

It sends no orders: it prints what it would do, whenever that changes. Stop it with Ctrl-C.
"""

import os
import sys
import threading
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a trader of yours copies bot/gate.py instead

from bot.gate import TradingGate

WANTED = Decimal(100)  # shares that the strategy wants at full size
HELD = Decimal(40)  # shares that it holds


def decide(gate: TradingGate) -> str:
    """What the strategy does this turn."""
    permission = gate.check()
    if not permission.allowed:
        return f"NO ORDERS: {permission.reason}"
    target = WANTED * permission.position_multiplier
    side, qty = ("buy", target - HELD) if target > HELD else ("sell", HELD - target)
    if qty == 0:
        return f"{permission.state}: at its target of {target}"
    if not gate.may_send(side, qty, HELD):
        return f"{permission.state}: {side} {qty} is not allowed, reduce only"
    return f"{permission.state}: {side} {qty} towards {target}"


def main() -> int:
    try:
        url, token = os.environ["HALTDESK_URL"], os.environ["API_TOKEN"]
    except KeyError as missing:
        print(f"Set {missing.args[0]}; the demo writes both to trader.env in its folder.", file=sys.stderr)
        return 2
    turns = int(os.environ.get("TURNS", "0"))  # 0: until it is stopped
    gate = TradingGate(url, token, account=os.environ.get("ACCOUNT"), trader="example trader")
    gate.start()
    pause, said, turn = threading.Event(), "", 0
    while turns == 0 or turn < turns:
        turn += 1
        word = decide(gate)
        if word != said:
            print(word, flush=True)
            said = word
        pause.wait(0.5)
    gate.stop()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(0)
