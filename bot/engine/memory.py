"""Gives memory that a storm left behind back to the machine.

What Haltdesk has freed, glibc keeps for later, in pieces between what is still in use: after a storm of 10,000 alerts
a process of 90 MiB stood at 210, after the next at 270, with nothing in it that was not there before. `malloc_trim`
hands the free pages back, wherever they lie; source: malloc_trim(3), since glibc 2.8. Other C libraries have no such
call, and this piece then does nothing.
"""

import ctypes
import gc
import os
from collections.abc import Callable
from pathlib import Path

WORTH_IT = 16 * 1024 * 1024  # bytes that a process has grown by before it is worth a look
_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")


def resident() -> int | None:
    """Bytes of this process that are in the machine's memory; nothing where the system does not tell."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE
    except OSError:
        return None


def trimming() -> Callable[[], object] | None:
    """What hands free pages back, or nothing where the C library has no such call."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return None
    trim.argtypes = [ctypes.c_size_t]
    return lambda: trim(0)


class Memory:
    """To be asked now and then. `busy`: something is under way that nothing should hold up, not even for 80 ms."""

    def __init__(
        self,
        busy: Callable[[], object],
        *,
        resident: Callable[[], int | None] = resident,
        trim: Callable[[], object] | None = None,
    ) -> None:
        self._busy, self._resident = busy, resident
        self._trim = trim or trimming()
        self._least = resident()  # that the process ever had

    def give_back(self) -> bool:
        """Hand free pages back if the process has grown since it was smallest. Returns whether it was tried.

        Objects that hold on to each other go first: Python looks for them seldom here, and they keep pages in use.
        """
        now = self._resident()
        if self._trim is None or now is None or self._least is None or self._busy():
            return False
        self._least = min(now, self._least)
        if now - self._least < WORTH_IT:
            return False
        gc.collect()
        self._trim()
        return True
