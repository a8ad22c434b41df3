"""The Jinja environments, which escape by default: JSON for Slack, Markdown for documents, text for mail."""

import json
from collections.abc import Callable
from dataclasses import is_dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from bot.rendering import evidence, filters
from bot.rendering.slots import CutText, RenderingError, Token, resolve, token_slot, value_slot
from bot.rendering.text import clean, cut, markdown

_LONG = 2000


def shipped(*parts: str) -> Path:
    """A folder that stands beside the `bot` package, in a checkout and in an installation alike.

    The sibling is asked for, rather than a package called `templates`: another distribution may well have one
    of that name.
    """
    return Path(str(files("bot"))).parent.joinpath(*parts)


def as_text(value: object, *, seconds: bool = False) -> str | Token:
    """What a value says when a template writes it: never `None`, never a bare Python form."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return filters.when(value, seconds=seconds)
    return value if isinstance(value, (str, Token)) else str(value)


def _slack(value: object) -> Markup:
    if isinstance(value, Markup):  # the result of a macro or of `| json`: its values are in slots already
        return value
    shown = as_text(value)
    return Markup(token_slot(shown) if isinstance(shown, Token) else value_slot(shown))


def _lengthened(value: object) -> str:
    shown = as_text(value, seconds=True)
    if isinstance(shown, Token):
        return shown.plain
    return str(shown) if isinstance(shown, CutText) else cut(clean(shown), _LONG)


def _markdown(value: object) -> Markup:
    if isinstance(value, Markup):
        return value
    return Markup(markdown(_lengthened(value)))


def _mail(value: object) -> Markup:
    return value if isinstance(value, Markup) else Markup(_lengthened(value))


class _Sandbox(ImmutableSandboxedEnvironment):
    """Whether an attribute may be read depends on its name and the object's class: asked once for each of them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._safe: dict[tuple[type, str], bool] = {}
        self._fields: set[tuple[type, str]] = set()

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        known = self._safe.get((type(obj), attr))
        if known is None:
            known = self._safe[type(obj), attr] = super().is_safe_attribute(obj, attr, value)
            if known and is_dataclass(obj):
                self._fields.add((type(obj), attr))
        return known

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of a view, which is what templates read most, without the questions that other objects need."""
        if (type(obj), attribute) in self._fields:
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)


def _environment(folders: list[Path], finalize: Callable[[object], Markup]) -> ImmutableSandboxedEnvironment:
    environment = _Sandbox(
        loader=FileSystemLoader(folders),
        undefined=StrictUndefined,
        autoescape=True,  # macros then give Markup, which tells their result from a value
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        when=filters.when,
        who=filters.who,
        person=filters.person,
        link=filters.link,
        cut=filters.cut_to,
        json=filters.as_json,
        span=filters.span,
        seconds=filters.seconds_text,
        money=filters.money,
        counted=filters.count,
        names=filters.names,
    )
    environment.globals.update(
        button_value=filters.button_value, safe_url=filters.safe_url, evidence=evidence.read
    )
    return environment


class Templates:
    """The three environments over one set of folders; a desk's own versions in `folder` come first."""

    def __init__(self, folder: Path | None = None) -> None:
        own = [folder] if folder is not None else []
        templates = [*own, shipped("templates")]
        self._json = _environment(templates, _slack)
        self._mail = _environment(templates, _mail)
        self._markdown = _environment([*own, shipped("docs", "runbooks")], _markdown)

    def structure(self, name: str, **given: object) -> dict[str, Any]:
        """A JSON template rendered, parsed, every value resolved where it landed. Raises RenderingError."""
        written = _render(self._json, name, given)
        try:
            parsed = json.loads(written)
        except ValueError as error:
            raise RenderingError(
                f"{name} does not give JSON: {error}. "
                "Every value belongs inside a quoted string, or is made with | json."
            ) from error
        if not isinstance(parsed, dict):
            raise RenderingError(f"{name} gives {type(parsed).__name__}; it must give a JSON object.")
        resolved: dict[str, Any] = resolve(parsed)
        return resolved

    def mail(self, name: str, **given: object) -> str:
        return _render(self._mail, name, given)

    def markdown(self, name: str, **given: object) -> str:
        return _render(self._markdown, name, given)


def _render(environment: ImmutableSandboxedEnvironment, name: str, given: dict[str, object]) -> str:
    try:
        return environment.get_template(name).render(**given)
    except TemplateNotFound as error:
        raise RenderingError(
            f"The template {error.name} is missing. Reinstall Haltdesk or put it back."
        ) from error
    except TemplateSyntaxError as error:
        raise RenderingError(
            f"{error.name or name}, line {error.lineno}: {error.message}. Mend that line."
        ) from error
    except TemplateError as error:
        raise RenderingError(f"{name}: {error}. Mend the name in the template.") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise RenderingError(
            f"{name}: {type(error).__name__}: {error}. Mend the expression or the view."
        ) from error
