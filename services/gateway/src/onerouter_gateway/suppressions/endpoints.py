"""`/v1/suppressions`: the addresses that are not written to. Kept by the messaging service."""

from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import InvalidRequest
from onerouter_common.recipients import email_of, phone_number_of
from onerouter_gateway.edge.documentation import change_at_once, listing, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.forward import to_response
from onerouter_gateway.edge.once import keyed, once_of
from onerouter_gateway.edge.pan import Screening
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.messages.addresses import asked_address
from onerouter_gateway.messages.channel import CHANNELS, Channel
from onerouter_gateway.messages.reads import forward, missing, plain
from onerouter_gateway.suppressions.schemas import (
    DeletedSuppression,
    Suppression,
    SuppressionCheck,
    SuppressionCreate,
    SuppressionList,
)

_READ: Final = tuple(channel.read for channel in CHANNELS.values())
_WRITE: Final = tuple(channel.write for channel in CHANNELS.values())
_SCREENING: Final = Screening(numbers=frozenset({"address"}))
_CHANNEL: Final = "`sms` or `email`; required."


@endpoint(keyed(change_at_once("Suppress an address", SuppressionCreate, Suppression, created=True)))
async def create_suppression(request: Request) -> Response:
    """Answers what is there already when the address is on the list. Needs the channel's `write` scope."""
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, *_WRITE, screening=_SCREENING)
    wanted = validate(SuppressionCreate, asked.body)
    channel = CHANNELS[wanted.channel]
    gateway.admission.require(asked, channel.write)
    region = asked.principal.default_region
    if wanted.channel == "sms":
        address = phone_number_of("address", wanted.address, region=region).e164
    else:
        address = email_of("address", wanted.address)
    path = f"/internal/suppressions/{channel.name}"
    body = {"address": address, "reason": wanted.reason, "note": wanted.note}
    once = once_of(asked, gateway.commands.digest, path, wanted=body)  # whichever key of the tenant's repeats it
    body["by"] = asked.principal.api_key_id
    return await forward(request, asked, path, method="POST", body=body, once=once)


@endpoint(
    listing(
        "List suppressions",
        SuppressionList,
        channel=_CHANNEL,
        address="Only of this address.",
        reason="Only for this reason: `bounce`, `complaint`, `unsubscribe`, `stop` or `manual`.",
    )
)
async def list_suppressions(request: Request) -> Response:
    """Newest first. Follow `next_cursor` while `has_more`. Needs the channel's `read` scope."""
    return await _read(request, "")


@endpoint(query("Check an address", SuppressionCheck, channel=_CHANNEL, address="The one to look for."))
async def check_suppression(request: Request) -> Response:
    """Whether messages to it are held back, and why."""
    return await _read(request, "/check")


@endpoint(query("Remove a suppression", DeletedSuppression))
async def delete_suppression(request: Request) -> Response:
    """The address is written to again. Who asked not to be written to should be asked first."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, *_WRITE)
    id_ = plain(request.path_params["suppression_id"], "suppression")
    by = urlencode({"by": reading.principal.api_key_id})
    for channel in CHANNELS.values():
        if not reading.principal.may(channel.write):
            continue
        answer = await gateway.messaging.request(
            "DELETE",
            f"/internal/suppressions/{channel.name}/{id_}",
            tenant_id=reading.principal.tenant_id,
            environment=reading.environment,
            query=by,
        )
        if answer.status != 404:
            return to_response(answer, request)
    raise missing("suppression")


async def _read(request: Request, rest: str) -> Response:
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, *_READ)
    channel = _channel(request)
    gateway.admission.require(reading, channel.read)
    region = reading.principal.default_region
    query_string = urlencode(
        [
            (name, asked_address(channel, name, value, region=region) if name == "address" else value)
            for name, value in request.query_params.multi_items()
            if name != "channel"
        ]
    )
    return await forward(request, reading, f"/internal/suppressions/{channel.name}{rest}", query=query_string)


def _channel(request: Request) -> Channel:
    """Raises InvalidRequest."""
    channel = CHANNELS.get(request.query_params.get("channel", ""))
    if channel is None:
        raise InvalidRequest.of("channel", f"must be one of {', '.join(CHANNELS)}")
    return channel
