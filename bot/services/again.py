"""A press whose transaction another one stood in the way of is done again, not shown to the person as a failure."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from bot.store.database import DatabaseError, of_the_moment

log = logging.getLogger(__name__)

ATTEMPTS = 3

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def again_if_in_the_way(operation: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """For an operation whose whole effect is one transaction: when it was rolled back, nothing of it is there.

    PostgreSQL ends one of two transactions that wait for each other, and one that waits too long. After so many
    attempts its error is raised.
    """

    @wraps(operation)
    def attempt(*args: Given.args, **kwargs: Given.kwargs) -> Answer:
        for left in range(ATTEMPTS - 1, -1, -1):
            try:
                return operation(*args, **kwargs)
            except DatabaseError as failure:
                if not left or not of_the_moment(failure):
                    raise
                log.info("%s is done again: another transaction was in its way", operation.__name__)
        raise AssertionError("the last attempt returns or raises")

    return attempt
