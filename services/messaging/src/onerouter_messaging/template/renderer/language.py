"""The template language: Liquid without files, strict about what is missing, with one clock for a whole message.

Runs in a renderer process only.
"""

import functools
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from liquid import BoundTemplate, Environment, FalsyStrictUndefined, RenderContext
from liquid.builtin.filters.misc import date
from liquid.exceptions import LiquidError, OutputStreamLimitError, UndefinedError
from liquid.filter import with_context, with_environment

from onerouter_messaging.template.characters import WHY, is_sendable

_NO_FILES: Final = ("include", "render")
_CLOCK: Final = ("now", "today")
_PARSED: Final = 32
_MESSAGE_CHARS: Final = 200

TOO_DEEP: Final = "it is nested too deeply"


class Unusable(Exception):
    """The template's author, or who gave the variables, can mend it. `part` is which source, `missing` a variable."""

    def __init__(self, message: str, *, part: str, missing: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.part = part
        self.missing = missing


class Language(Environment):
    loop_iteration_limit: ClassVar[int | None] = 20_000
    local_namespace_limit: ClassVar[int | None] = 4 * 1024 * 1024
    output_stream_limit: ClassVar[int | None] = 512 * 1024
    """Bytes of UTF-8."""

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        for tag in _NO_FILES:
            self.tags.pop(tag, None)
        self.add_filter("date", _date)


@with_context
@with_environment
def _date(value: Any, fmt: Any, *, context: RenderContext, environment: Environment) -> str:
    """`'now' | date` says the same whenever the message is rendered again: a look-up compares what was sent."""
    if isinstance(value, str) and value in _CLOCK:
        value = context.resolve(value)
    return str(date(value, fmt, environment=environment))


@functools.cache
def _language(*, is_html: bool) -> Language:
    return Language(undefined=FalsyStrictUndefined, autoescape=is_html)


@functools.lru_cache(maxsize=_PARSED)
def _parsed(source: str, *, is_html: bool) -> BoundTemplate:
    return _language(is_html=is_html).from_string(source)


def parse(part: str, source: str) -> BoundTemplate:
    """Raises Unusable."""
    try:
        return _parsed(source, is_html=part == "html")
    except LiquidError as error:
        raise Unusable(_sentence(error), part=part) from error
    except RecursionError as error:
        raise Unusable(TOO_DEEP, part=part) from error


def render(part: str, source: str, variables: Mapping[str, Any], at: datetime) -> str:
    """Raises Unusable. What the language does not expect of values (`ValueError`, …) is the template's fault as well."""
    template = parse(part, source)
    try:
        made = template.render({"now": at, "today": at.date(), **variables})
    except UndefinedError as error:
        raise Unusable(_sentence(error), part=part, missing=_name(error)) from error
    except OutputStreamLimitError as error:
        raise Unusable(f"what comes out has more than {Language.output_stream_limit} bytes", part=part) from error
    except LiquidError as error:
        raise Unusable(_sentence(error), part=part) from error
    except MemoryError:
        raise
    except Exception as error:
        raise Unusable(f"it cannot be rendered ({type(error).__name__})", part=part) from error
    if not is_sendable(made):
        raise Unusable(f"what comes out {WHY}", part=part)
    return made


def _sentence(error: LiquidError) -> str:
    """What is wrong and in which line, without quoting the source."""
    message = str(error.message or type(error).__name__)[:_MESSAGE_CHARS]
    place = error.context()
    return message if place is None else f"{message} (line {place[0]})"


def _name(error: UndefinedError) -> str | None:
    """Of `'user' is undefined` and `user.name is undefined`: the library says it in words only."""
    name, found, _ = str(error.message or "").partition(" is undefined")
    return name.strip("'")[:_MESSAGE_CHARS] if found else None
