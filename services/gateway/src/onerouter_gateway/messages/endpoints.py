"""`/v1/sms` and `/v1/email`: one request → one command, or one query of the messaging service. They differ in their words."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from onerouter_gateway.admission import Writing
from onerouter_gateway.edge.documentation import command, listing, query
from onerouter_gateway.edge.endpoint import Endpoint, endpoint
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.messages import reads
from onerouter_gateway.messages.channel import Channel
from onerouter_gateway.messages.schemas import BatchCanceled, MessageCancel
from onerouter_gateway.messages.sending import Prepared, admit_and_carry_out

Prepare: TypeAlias = Callable[[Request, Writing, Mapping[str, Any]], Awaitable[Prepared]]


@dataclass(frozen=True, slots=True)
class Words:
    """What is a channel's own: what it takes and shows, and how a request becomes a command."""

    send: type[BaseModel]
    send_bulk: type[BaseModel]
    shown: type[BaseModel]
    listed: type[BaseModel]
    batch: type[BaseModel]
    prepare: Prepare
    prepare_bulk: Prepare
    list_text: str
    filters: Mapping[str, str]
    """Of its list, beside those of both."""
    options: Mapping[str, str]
    """Of one message."""


@dataclass(frozen=True, slots=True)
class MessageEndpoints:
    send: Endpoint
    send_bulk: Endpoint
    list: Endpoint
    get: Endpoint
    cancel: Endpoint
    get_batch: Endpoint
    list_batch_messages: Endpoint
    cancel_batch: Endpoint


def message_endpoints(channel: Channel, words: Words) -> MessageEndpoints:
    """Of a path's parameters `{sms_id}` (`{email_id}`) and `{batch_id}`."""
    name, noun = channel.name, channel.noun
    internal = f"/internal/messages/{name}"

    @endpoint(command(f"Send an {noun}", words.send, words.shown, created=True), name=f"send_{name}")
    async def send(request: Request) -> Response:
        """Through the provider that the environment's route chooses; answers once the provider has taken it. With
        `send_at`: once it is stored, and it is sent then.
        """
        return await admit_and_carry_out(request, words.prepare, channel.write, screening=channel.screening)

    @endpoint(
        command(f"Send {noun} to many", words.send_bulk, words.batch, created=True),
        name=f"send_{name}_bulk",
    )
    async def send_bulk(request: Request) -> Response:
        """Up to 1,000 recipients, each a message of its own that shows no other. Answers once all are stored; those that
        could not be messages are in `rejected`, and stop no other. They give way to what is `transactional`.
        """
        return await admit_and_carry_out(request, words.prepare_bulk, channel.write, screening=channel.bulk_screening)

    async def list_messages(request: Request) -> Response:
        return await reads.read_list(request, channel)

    listed = listing(
        f"List {noun}",
        words.listed,
        status="Only with this status.",
        provider="Only through this provider.",
        batch_id="Only of this batch.",
        tag="Only with this one among its `tags`.",
        **words.filters,  # type: ignore[arg-type]  # names of filters, none of them an option of `listing`
    )

    @endpoint(query(f"Get an {noun}", words.shown, **words.options), name=f"get_{name}")
    async def get(request: Request) -> Response:
        """By our id or the provider's."""
        id_ = reads.plain(request.path_params[f"{name}_id"], noun)
        return await reads.read(request, channel.read, f"{internal}/{id_}")

    @endpoint(command(f"Cancel an {noun}", MessageCancel, words.shown), name=f"cancel_{name}")
    async def cancel(request: Request) -> Response:
        """While it waits for its time: it is not sent. Once the provider has it: where that can take it back, else 409."""
        asked = await gateway_of(request).admission.write(request, channel.write)
        return await reads.cancel(request, asked, channel, request.path_params[f"{name}_id"])

    @endpoint(query(f"Get a batch of {noun}", words.batch), name=f"get_{name}_batch")
    async def get_batch(request: Request) -> Response:
        """With how many of its messages have which status."""
        return await reads.read(request, channel.read, _batch(request, channel))

    @endpoint(
        listing(f"List a batch's {noun}", words.listed, by_time=False, of_one=True, status="Only with this status."),
        name=f"list_{name}_batch_messages",
    )
    async def list_batch_messages(request: Request) -> Response:
        """Each with its own status."""
        return await reads.read(request, channel.read, f"{_batch(request, channel)}/messages")

    @endpoint(command(f"Cancel a batch of {noun}", MessageCancel, BatchCanceled), name=f"cancel_{name}_batch")
    async def cancel_batch(request: Request) -> Response:
        """Those of its messages that have not left are not sent. Others go on."""
        asked = await gateway_of(request).admission.write(request, channel.write)
        return await reads.cancel_batch(request, asked, channel, request.path_params["batch_id"])

    return MessageEndpoints(
        send=send,
        send_bulk=send_bulk,
        list=Endpoint(list_messages, listed, f"list_{name}", words.list_text),
        get=get,
        cancel=cancel,
        get_batch=get_batch,
        list_batch_messages=list_batch_messages,
        cancel_batch=cancel_batch,
    )


def _batch(request: Request, channel: Channel) -> str:
    return f"/internal/batches/{channel.name}/{reads.plain(request.path_params['batch_id'], 'batch')}"
