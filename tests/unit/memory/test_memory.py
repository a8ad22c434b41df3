"""When free memory is handed back to the machine, and that it is: in a process that is left as a storm leaves it."""

import subprocess
import sys

import pytest

from bot.engine.memory import WORTH_IT, Memory, trimming

MIB = 1024 * 1024
IN_PIECES = """
from bot.engine.memory import Memory, resident
memory = Memory(lambda: False)
blocks = [bytes(4_000) for _ in range(30_000)]
full = resident()
between = blocks[::50]  # of which there is one on every fiftieth page: no end of the heap is ever free
del blocks
kept = resident()
tried = memory.give_back()
print(full, kept, resident(), tried, len(between), memory.give_back())
"""


class Process:
    """One that grows as a test says, and what was asked of it."""

    def __init__(self, mib: float | None = 90) -> None:
        self.mib, self.after, self.trimmed, self.busy = mib, 90.0, 0, False
        self.memory = Memory(lambda: self.busy, resident=self._resident, trim=self._trim)

    def at(self, mib: float) -> bool:
        self.mib = mib
        return self.memory.give_back()

    def _resident(self) -> int | None:
        return None if self.mib is None else int(self.mib * MIB)

    def _trim(self) -> None:
        self.trimmed += 1
        self.mib = self.after


def test_what_has_not_grown_is_left_alone() -> None:
    process = Process(mib=90)
    grown = WORTH_IT / MIB
    assert [process.at(mib) for mib in (90, 90 + grown - 1, 95, 88)] == [False] * 4
    assert process.at(88 + grown)
    assert process.trimmed == 1


def test_what_grew_before_the_first_look_is_seen() -> None:
    assert Process(mib=90).at(210)


def test_it_is_tried_again_while_more_is_held_than_at_the_start() -> None:
    process = Process(mib=90)
    process.after = 180.0  # in the middle of a storm most of it is still in use
    assert process.at(210)
    process.after = 95.0
    assert process.at(180)
    assert not process.memory.give_back()


def test_nothing_is_handed_back_while_an_action_is_under_way() -> None:
    process = Process(mib=90)
    process.busy = True
    assert not process.at(300)
    assert process.trimmed == 0
    process.busy = False
    assert process.at(300)


def test_a_system_that_does_not_tell_is_left_alone() -> None:
    assert not Process(mib=None).memory.give_back()


@pytest.mark.skipif(trimming() is None, reason="the C library cannot hand back pages between others")
def test_free_pages_between_others_go_back_to_the_machine() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", IN_PIECES], capture_output=True, text=True, timeout=60, check=True
    )
    full, kept, left, tried, between, again = ran.stdout.split()
    assert (tried, again) == ("True", "False")
    assert int(between) == 600
    assert int(kept) > int(full) - 20 * MIB, "nothing to hand back: the test shows nothing"
    assert int(left) < int(kept) - 80 * MIB
