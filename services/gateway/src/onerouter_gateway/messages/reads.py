"""Queries of the messaging service, and changes that it makes without the log."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import NotFound
from onerouter_common.once.key import Key
from onerouter_gateway.admission import Reading, Writing
from onerouter_gateway.commands.intent import Intent
from onerouter_gateway.edge import arriving
from onerouter_gateway.edge.forward import body_of, to_response
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.messages.addresses import asked_address
from onerouter_gateway.messages.channel import Channel
from onerouter_gateway.payments.endpoints import is_plain

_MESSAGE_ID: Final = re.compile(r"[0-9A-Za-z_.+=\-]{1,128}@[0-9A-Za-z.\-]{1,128}")
"""As of the header: what Mailgun calls a message. No part of a path can be taken for it."""


async def read(request: Request, scope: str, path: str) -> Response:
    """Admit a query and forward it, with its own query string."""
    reading = await gateway_of(request).admission.read(request, scope)
    return await forward(request, reading, path, query=request.url.query)


async def read_list(request: Request, channel: Channel) -> Response:
    """Admit a query for a list of messages and forward it. Raises InvalidRequest where `to` is no address."""
    reading = await gateway_of(request).admission.read(request, channel.read)
    query = list_query(reading, channel, request.query_params.multi_items())
    return await forward(request, reading, f"/internal/messages/{channel.name}", query=query)


def list_query(who: Reading | Writing, channel: Channel, asked: Sequence[tuple[str, str]]) -> str:
    """The query string, with `to` as messages have it. Raises InvalidRequest."""
    region = who.principal.default_region
    return urlencode(
        [(name, asked_address(channel, name, value, region=region) if name == "to" else value) for name, value in asked]
    )


async def forward(
    request: Request,
    who: Reading | Writing,
    path: str,
    *,
    method: str = "GET",
    query: str = "",
    body: Mapping[str, Any] | None = None,
    once: Key | None = None,
) -> Response:
    """The messaging service's answer to one of this tenant's requests. Raises Overloaded."""
    gateway = gateway_of(request)
    if method == "GET":
        return to_response(await arriving.read(gateway.messaging, gateway.accepted, who, path, query), request)
    answer = await gateway.messaging.request(
        method,
        path,
        tenant_id=who.principal.tenant_id,
        environment=who.environment,
        query=query,
        body=None if body is None else body_of(body),
        once=once,
    )
    return to_response(answer, request)


def plain(id_: str, noun: str) -> str:
    """The id, as it can stand in a path. Raises NotFound."""
    if not is_plain(id_) and _MESSAGE_ID.fullmatch(id_) is None:
        raise missing(noun)
    return id_


def missing(noun: str) -> NotFound:
    return NotFound(f"There is no such {noun} in this environment.")


async def cancel(request: Request, asked: Writing, channel: Channel, id_: str) -> Response:
    """What was asked to be sent is not sent, where it can still be helped. Raises NotFound or Overloaded."""
    found = await _our_id(request, asked, f"/internal/messages/{channel.name}", id_, channel.noun)
    return await _cancel(request, asked, f"{channel.name}.cancel", channel, found, f"{channel.path}/{found}")


async def cancel_batch(request: Request, asked: Writing, channel: Channel, id_: str) -> Response:
    """Those of a batch that wait are not sent. Raises the same."""
    found = await _our_id(request, asked, f"/internal/batches/{channel.name}", id_, "batch")
    return await _cancel(
        request, asked, f"{channel.name}_batch.cancel", channel, found, f"{channel.path}/batches/{found}"
    )


async def _our_id(request: Request, asked: Writing, path: str, id_: str, noun: str) -> str:
    gateway = gateway_of(request)
    answer = await arriving.read(gateway.messaging, gateway.accepted, asked, f"{path}/{plain(id_, noun)}")
    if not answer.is_success:
        raise missing(noun)
    return str(answer.json()["id"])


async def _cancel(request: Request, asked: Writing, operation: str, channel: Channel, id_: str, path: str) -> Response:
    intent = Intent(
        operation=operation,
        category=channel.name,
        route=f"POST {path}/cancel",
        canonical={},
        payload={"message_id": id_},
        resource_id=id_,
    )
    return await gateway_of(request).commands.carry_out(intent, asked.asked, request)
