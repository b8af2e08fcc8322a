"""`POST /api/v1/services/{sms,email}`: the actions, and the words that clients use for their fields."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import FieldError, InvalidRequest
from onerouter_gateway.admission import Writing
from onerouter_gateway.edge.canonical import ENVELOPE
from onerouter_gateway.email import preparing as email
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.messages import reads
from onerouter_gateway.messages.channel import CHANNELS, Channel
from onerouter_gateway.messages.sending import Prepared, of_many
from onerouter_gateway.sms import preparing as sms
from onerouter_gateway.templates import endpoints as templates

Fields = Mapping[str, Any]
Action = Callable[[Request, Writing, Fields], Awaitable[Prepared]]

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MESSAGE_IDS: Final = ("message_id", "sms_id", "email_id", "id")
_TEMPLATE_IDS: Final = ("template_id", "id")
_FILTERS: Final = (
    "status",
    "provider",
    "to",
    "batch_id",
    "direction",
    "tag",
    "created_after",
    "created_before",
    "limit",
    "cursor",
)
_TEMPLATE_FILTERS: Final = ("name", "limit", "cursor")
_VERSION_FILTERS: Final = ("limit", "cursor")
_NESTED: Final = ("recipients", "attachments")
"""Lists of objects with fields of ours; what else is nested is the caller's."""


def snake_case(data: Fields) -> dict[str, Any]:
    """`fromNumber` as `from_number`; names of the caller's own (in metadata, variables, headers) stay as they are.

    Raises InvalidRequest when both are there and differ.
    """
    plain: dict[str, Any] = {}
    for name, value in data.items():
        known = _HUMP.sub("_", name).lower()
        if known in plain and plain[known] != value:
            raise InvalidRequest.of(f"data.{name}", f"differs from {known}")
        plain[known] = value
    for name in _NESTED:
        items = plain.get(name)
        if isinstance(items, list):
            plain[name] = [snake_case(one) if isinstance(one, dict) else one for one in items]
    return plain


def actions_of(channel: Channel) -> Mapping[str, tuple[tuple[str, ...], Action]]:
    """Action → the scopes of which the key needs one, and what is done."""
    prepare, prepare_bulk = (
        (sms.prepared, sms.prepared_bulk) if channel.name == "sms" else (email.prepared, email.prepared_bulk)
    )
    get = _with_fields(_get, channel)
    return {
        "send": ((channel.write,), _sending(prepare)),
        "bulk_send": ((channel.write,), _sending(prepare_bulk)),
        "send_bulk": ((channel.write,), _sending(prepare_bulk)),
        "get": ((channel.read,), get),
        "status": ((channel.read,), get),
        "status_check": ((channel.read,), get),
        "list": ((channel.read,), _with_fields(_list, channel)),
        "cancel": ((channel.write,), _with_fields(_cancel, channel)),
        "batch": ((channel.read,), _with_fields(_batch, channel)),
        "templates": ((channel.read, channel.write), _with_fields(_templates, channel)),
    }


def _sending(prepare: Action) -> Action:
    async def send(request: Request, asked: Writing, data: Fields) -> Prepared:
        return await prepare(request, asked, snake_case(data))

    return send


def _with_fields(
    act: Callable[[Request, Writing, Channel, dict[str, Any]], Awaitable[Response]], on: Channel
) -> Action:
    async def action(request: Request, asked: Writing, data: Fields) -> Response:
        return await act(request, asked, on, snake_case(data))

    return action


async def _get(request: Request, asked: Writing, channel: Channel, data: dict[str, Any]) -> Response:
    id_ = reads.plain(_id(data, _MESSAGE_IDS), channel.noun)
    return await reads.forward(request, asked, f"/internal/messages/{channel.name}/{id_}")


async def _list(request: Request, asked: Writing, channel: Channel, data: dict[str, Any]) -> Response:
    query = reads.list_query(asked, channel, _query(data, _FILTERS))
    return await reads.forward(request, asked, f"/internal/messages/{channel.name}", query=query)


async def _cancel(request: Request, asked: Writing, channel: Channel, data: dict[str, Any]) -> Response:
    return await reads.cancel(request, asked, channel, _id(data, _MESSAGE_IDS))


async def _batch(request: Request, asked: Writing, channel: Channel, data: dict[str, Any]) -> Response:
    id_ = reads.plain(_id(data, ("batch_id", "id")), "batch")
    return await reads.forward(request, asked, f"/internal/batches/{channel.name}/{id_}")


async def _templates(request: Request, asked: Writing, channel: Channel, data: dict[str, Any]) -> Response:
    """`operation` says what: `list` where it is absent."""
    operation = data.get("operation", "list")
    changes = _CHANGES.get(operation) if isinstance(operation, str) else None
    require = gateway_of(request).admission.require
    if changes is not None:
        require(asked, channel.write)
        return await changes(request, asked, channel, _id(data, _TEMPLATE_IDS), data)
    if operation == "create":
        require(asked, channel.write)
        return await templates.create(request, asked, channel, data)
    require(asked, channel.read)
    if operation == "list":
        return await templates.many(request, asked, channel, urlencode(_query(data, _TEMPLATE_FILTERS, "operation")))
    if operation == "versions":
        query = urlencode(_query(data, _VERSION_FILTERS, "operation", *_TEMPLATE_IDS))
        return await templates.versions_of(request, asked, channel, _id(data, _TEMPLATE_IDS), query)
    if operation == "get":
        return await templates.get(request, asked, channel, _id(data, _TEMPLATE_IDS))
    if operation == "preview":
        return await templates.preview(request, asked, channel, _id(data, _TEMPLATE_IDS), data)
    raise InvalidRequest.of(
        "data.operation",
        f"must be one of {', '.join(sorted(('create', 'get', 'list', 'preview', 'versions', *_CHANGES)))}",
    )


async def _delete(request: Request, asked: Writing, channel: Channel, id_: str, _: Fields) -> Response:
    return await templates.delete(request, asked, channel, id_)


_CHANGES: Final = {"update": templates.update, "publish": templates.publish, "delete": _delete}


def _query(data: Fields, filters: tuple[str, ...], *others: str) -> list[tuple[str, str]]:
    """What a list is asked; `others` are fields that say something else. Raises InvalidRequest for any other name: a filter
    that is passed over would show what was not asked for.
    """
    unknown = [name for name in data if name not in {*filters, *others, *ENVELOPE}]
    if unknown:
        raise of_many(
            [FieldError(f"data.{name}", f"is no filter here; known are {', '.join(filters)}") for name in unknown]
        )
    given = [(name, data[name]) for name in filters if data.get(name) is not None]
    for name, value in given:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise InvalidRequest.of(f"data.{name}", "must be a text or a number")
    return [(name, str(value)) for name, value in given]


def _id(data: Fields, names: tuple[str, ...]) -> str:
    """Raises InvalidRequest."""
    given = [data[name] for name in names if data.get(name) is not None]
    if not given or not isinstance(given[0], str) or any(one != given[0] for one in given):
        raise InvalidRequest.of(f"data.{names[0]}", "must name one")
    return given[0]


MESSAGE_ACTIONS: Final = {name: actions_of(channel) for name, channel in CHANNELS.items()}
