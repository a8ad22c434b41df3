"""What the work of this thread is about: log records written meanwhile carry the incident, the action, the account."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

Fields = Mapping[str, str]

_ABOUT: ContextVar[Fields] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(**fields: object) -> Iterator[None]:
    """Within the block, records carry these fields beside those of the blocks around it. None is left out."""
    told = {name: str(value) for name, value in fields.items() if value is not None}
    before = _ABOUT.set({**_ABOUT.get(), **told})
    try:
        yield
    finally:
        _ABOUT.reset(before)


def now_about() -> Fields:
    return _ABOUT.get()
