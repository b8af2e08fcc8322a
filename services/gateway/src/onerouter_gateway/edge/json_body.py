"""A request's body: bounded, inflated, decoded; numbers never become floats."""

import asyncio
import json
import re
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

from starlette.requests import ClientDisconnect, Request

from onerouter_common.errors import (
    FieldError,
    InvalidRequest,
    MalformedRequest,
    PayloadTooLarge,
    RequestTimedOut,
    UnsupportedMediaType,
)
from onerouter_gateway.edge.json_size import refuse_many_values

_MAX_DEPTH: Final = 32
_MAX_NUMBER_CHARS: Final = 64  # a longer number is an attack on the arithmetic, not an amount
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LARGE: Final = 32 * 1024
"""Beyond, parsing and what looks at every value take milliseconds: not on the loop."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_BODY_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Beyond:
    """What a body that is larger than others has to keep to."""

    ordinary_bytes: int
    enter: Callable[[], Awaitable[None]]
    """Awaited once, before more than that is held. It may refuse."""
    grace_s: float = 5.0
    least_bytes_per_s: float = 128 * 1024
    """On the average since then, after the grace."""


async def read_body(
    request: Request, *, max_bytes: int, timeout_s: float = _BODY_S, beyond: Beyond | None = None
) -> bytes:
    """The body as it was sent. Raises PayloadTooLarge as soon as the bound is passed, without reading the rest.

    Raises RequestTimedOut for one that drips (else a single caller could hold every place there is), MalformedRequest for
    one that breaks off; what `beyond.enter` raises, too.
    """
    declared = request.headers.get("content-length", "")
    length = int(declared) if declared.isdigit() else 0
    if length > max_bytes:
        raise _too_large(max_bytes)
    deadline = asyncio.timeout(timeout_s)
    try:
        async with deadline:
            return await _read(request, max_bytes, length, beyond, deadline)
    except TimeoutError:
        if not deadline.expired():
            raise
        raise RequestTimedOut("The body came too slowly, or not at all; nothing was done.") from None
    except ClientDisconnect:
        raise MalformedRequest("The request ended before its body did.") from None


async def _read(
    request: Request, max_bytes: int, declared: int, beyond: Beyond | None, deadline: asyncio.Timeout
) -> bytes:
    chunks: list[bytes] = []
    size = 0
    since: float | None = None

    async def check_pace() -> None:
        nonlocal since
        if beyond is None or max(size, declared) <= beyond.ordinary_bytes:
            return
        if since is None:
            deadline.reschedule(None)  # the wait for others is not the caller's
            await beyond.enter()
            since = asyncio.get_running_loop().time()
        deadline.reschedule(since + beyond.grace_s + size / beyond.least_bytes_per_s)

    await check_pace()
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
        await check_pace()
    return b"".join(chunks)


async def read_object(
    sent: bytes,
    headers: Mapping[str, str],
    *,
    max_bytes: int,
    check: Callable[[dict[str, Any]], dict[str, Any]] = lambda body: body,
) -> dict[str, Any]:
    """The JSON object that was sent, as `check` lets it pass. A large one is read and checked beside the loop.

    Raises what `inflate`, `parse_object` and `check` do.
    """

    def read() -> dict[str, Any]:
        raw = inflate(sent, headers.get("content-encoding", ""), max_bytes=max_bytes)
        return check(parse_object(raw, headers.get("content-type", "")))

    return await asyncio.to_thread(read) if len(sent) > _LARGE or headers.get("content-encoding") else read()


def inflate(body: bytes, content_encoding: str, *, max_bytes: int) -> bytes:
    """The body without its content encoding. A bomb is stopped at `max_bytes`, before it is inflated further."""
    encoding = content_encoding.strip().lower()
    if encoding in {"", "identity"} or not body:
        return body
    if encoding not in {"gzip", "x-gzip"}:
        raise UnsupportedMediaType(
            f"The content encoding '{encoding[:32]}' is not supported; send gzip or none at all."
        )
    decoder = zlib.decompressobj(_GZIP)
    try:
        inflated = decoder.decompress(body, max_bytes + 1)
    except zlib.error:
        raise MalformedRequest("The body says Content-Encoding: gzip but is not valid gzip.") from None
    if len(inflated) > max_bytes:
        raise _too_large(max_bytes)
    if not decoder.eof or decoder.unused_data:
        raise MalformedRequest("The gzip body is incomplete or has something after its end.")
    return inflated


def parse_object(body: bytes, content_type: str) -> dict[str, Any]:
    """The JSON object in the body; no body is an empty object. Numbers are int or Decimal.

    Raises UnsupportedMediaType, MalformedRequest (not JSON, or a name twice), PayloadTooLarge (more values than a request
    can use) or InvalidRequest (not an object, or text that no database can hold).
    """
    if not body.strip():
        return {}
    _expect_json(content_type)
    refuse_many_values(body)
    try:
        value = json.loads(
            body.decode("utf-8-sig"),
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_no_constant,
            object_pairs_hook=_unique,
        )
    except UnicodeDecodeError as error:
        raise MalformedRequest(f"The body is not valid UTF-8 (at byte {error.start}).") from None
    except json.JSONDecodeError as error:
        raise MalformedRequest(
            f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(value, dict):
        raise InvalidRequest('The body must be a JSON object, such as {"amount": 499}.')
    _bound_depth(value, _MAX_DEPTH)
    if b"\\u" in body:  # only escapes can write what UTF-8 and JSON themselves refuse
        _refuse_unstorable(value)
    return value


def _expect_json(content_type: str) -> None:
    media_type, _, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    is_json = media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
    if not is_json:
        said = f"'{media_type[:64]}'" if media_type else "a body without a Content-Type"
        raise UnsupportedMediaType(f"The body must be application/json, not {said}.")
    charset = parameters.lower().partition("charset=")[2].partition(";")[0].strip(' "')
    if charset not in {"", "utf-8", "utf8", "us-ascii"}:
        raise UnsupportedMediaType("JSON is read as UTF-8; send no charset or charset=utf-8.")


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The body is larger than {max_bytes} bytes, the most that is accepted here, before and after gzip. Split it into "
        "several requests."
    )


def _too_deep() -> MalformedRequest:
    return MalformedRequest(f"The body is nested deeper than {_MAX_DEPTH} levels.")


def _decimal(text: str) -> Decimal:
    _bound_number(text)
    try:
        return Decimal(text)
    except InvalidOperation:
        raise MalformedRequest("A number in the body has an exponent that no amount has.") from None


def _integer(text: str) -> int:
    _bound_number(text)
    return int(text)


def _bound_number(text: str) -> None:
    if len(text) > _MAX_NUMBER_CHARS:
        raise MalformedRequest(f"A number in the body has more than {_MAX_NUMBER_CHARS} characters.")


def _no_constant(name: str) -> NoReturn:
    raise MalformedRequest(f"The body is not valid JSON: {name} is not a JSON number.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        # Which of two amounts is meant? Parsers disagree, so nobody should have to guess.
        raise MalformedRequest("The body names the same member twice in one object.")
    return result


def _bound_depth(value: Any, left: int) -> None:
    if left < 0:
        raise _too_deep()
    if isinstance(value, dict):
        for item in value.values():
            _bound_depth(item, left - 1)
    elif isinstance(value, list):
        for item in value:
            _bound_depth(item, left - 1)


def _refuse_unstorable(body: dict[str, Any]) -> None:
    """NUL and half a surrogate pair: PostgreSQL stores neither, so the request would be accepted and never carried out."""
    fields = tuple(dict.fromkeys(_unstorable(body, "")))
    if fields:
        raise InvalidRequest(
            f"{', '.join(fields[:5])}: text must not hold NUL characters or half a surrogate pair.",
            errors=tuple(FieldError(field, "must not hold NUL or half a surrogate pair") for field in fields[:5]),
        )


def _unstorable(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if not _is_storable(value):
            yield path
    elif isinstance(value, dict):
        for name, item in value.items():
            below = f"{path}.{name}" if path else name
            if _is_storable(name):
                yield from _unstorable(item, below)
            else:
                yield f"{path}.*" if path else "*"
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _unstorable(item, f"{path}.{position}")


def _is_storable(text: str) -> bool:
    return "\0" not in text and (text.isascii() or _SURROGATE.search(text) is None)
