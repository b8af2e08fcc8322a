"""`/v1/sms/templates` and `/v1/email/templates`: checked here, kept and rendered by the messaging service."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from onerouter_gateway.admission import Reading, Writing
from onerouter_gateway.edge.documentation import change_at_once, listing, query
from onerouter_gateway.edge.endpoint import Endpoint, Handler
from onerouter_gateway.edge.once import keyed, once_of
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.messages.channel import Channel
from onerouter_gateway.messages.reads import forward, plain, read
from onerouter_gateway.templates.schemas import (
    Template,
    TemplateCreate,
    TemplateDeleted,
    TemplateList,
    TemplatePreview,
    TemplatePublish,
    TemplateRendered,
    TemplateUpdate,
    TemplateVersionList,
)

_ID: Final = "template_id"


@dataclass(frozen=True, slots=True)
class TemplateEndpoints:
    create: Endpoint
    list: Endpoint
    get: Endpoint
    update: Endpoint
    delete: Endpoint
    publish: Endpoint
    preview: Endpoint
    list_versions: Endpoint


async def create(request: Request, asked: Writing, channel: Channel, body: Mapping[str, Any]) -> Response:
    return await _send(request, asked, "POST", _path(channel), TemplateCreate, body, once=True)


async def update(request: Request, asked: Writing, channel: Channel, id_: str, body: Mapping[str, Any]) -> Response:
    return await _send(request, asked, "PATCH", _path(channel, id_), TemplateUpdate, body)


async def publish(request: Request, asked: Writing, channel: Channel, id_: str, body: Mapping[str, Any]) -> Response:
    return await _send(request, asked, "POST", _path(channel, id_, "publish"), TemplatePublish, body, once=True)


async def preview(request: Request, asked: Writing, channel: Channel, id_: str, body: Mapping[str, Any]) -> Response:
    return await _send(request, asked, "POST", _path(channel, id_, "preview"), TemplatePreview, body)


async def delete(request: Request, who: Reading | Writing, channel: Channel, id_: str) -> Response:
    return await forward(request, who, _path(channel, id_), method="DELETE")


async def get(request: Request, who: Reading | Writing, channel: Channel, id_: str) -> Response:
    return await forward(request, who, _path(channel, id_))


async def versions_of(
    request: Request, who: Reading | Writing, channel: Channel, id_: str, query_string: str
) -> Response:
    return await forward(request, who, _path(channel, id_, "versions"), query=query_string)


async def many(request: Request, who: Reading | Writing, channel: Channel, query_string: str) -> Response:
    return await forward(request, who, _path(channel), query=query_string)


def template_endpoints(channel: Channel) -> TemplateEndpoints:
    """Of a path's parameter `{template_id}`."""
    name, noun = channel.name, channel.noun

    def writing(
        act: Callable[[Request, Writing, Channel, str, Mapping[str, Any]], Awaitable[Response]], scope: str
    ) -> Handler:
        async def handle(request: Request) -> Response:
            asked = await gateway_of(request).admission.write(request, scope, screening=channel.screening)
            return await act(request, asked, channel, request.path_params[_ID], asked.body)

        return handle

    async def create_template(request: Request) -> Response:
        asked = await gateway_of(request).admission.write(request, channel.write, screening=channel.screening)
        return await create(request, asked, channel, asked.body)

    async def list_templates(request: Request) -> Response:
        return await read(request, channel.read, _path(channel))

    async def get_template(request: Request) -> Response:
        return await read(request, channel.read, _path(channel, request.path_params[_ID]))

    async def list_versions(request: Request) -> Response:
        return await read(request, channel.read, _path(channel, request.path_params[_ID], "versions"))

    async def delete_template(request: Request) -> Response:
        reading = await gateway_of(request).admission.read(request, channel.write)
        return await delete(request, reading, channel, request.path_params[_ID])

    return TemplateEndpoints(
        create=Endpoint(
            create_template,
            keyed(change_at_once(f"Create an {noun} template", TemplateCreate, Template, created=True)),
            f"create_{name}_template",
            "A draft in Liquid. Publish it to send it. Names are unique: another of the same name is 409.",
        ),
        list=Endpoint(
            list_templates,
            listing(f"List {noun} templates", TemplateList, by_time=False, name="Only that of this name."),
            f"list_{name}_templates",
            "Newest first. Follow `next_cursor` while `has_more`.",
        ),
        get=Endpoint(
            get_template,
            query(f"Get an {noun} template", Template),
            f"get_{name}_template",
            "With what is published, and the draft if there is one.",
        ),
        update=Endpoint(
            writing(update, channel.write),
            change_at_once(f"Change an {noun} template", TemplateUpdate, Template),
            f"update_{name}_template",
            "Its draft, or its name.",
        ),
        delete=Endpoint(
            delete_template,
            query(f"Delete an {noun} template", TemplateDeleted),
            f"delete_{name}_template",
            "Messages that were asked for with it are sent.",
        ),
        publish=Endpoint(
            writing(publish, channel.write),
            keyed(change_at_once(f"Publish an {noun} template", TemplatePublish, Template)),
            f"publish_{name}_template",
            "The draft becomes the next version; with `version` an earlier one is current again. Messages keep theirs. "
            "Where there is no draft it is 409.",
        ),
        preview=Endpoint(
            writing(preview, channel.read),
            change_at_once(f"Preview an {noun} template", TemplatePreview, TemplateRendered),
            f"preview_{name}_template",
            "What would be sent with these variables. Nothing is.",
        ),
        list_versions=Endpoint(
            list_versions,
            listing(f"List an {noun} template's versions", TemplateVersionList, by_time=False, of_one=True),
            f"list_{name}_template_versions",
            f"Newest first, of {name}.",
        ),
    )


async def _send(
    request: Request,
    asked: Writing,
    method: str,
    path: str,
    model: type[BaseModel],
    body: Mapping[str, Any],
    *,
    once: bool = False,
) -> Response:
    """Only what the model knows is passed on; `once`: as often as its idempotency key says. Raises InvalidRequest."""
    wanted = validate(model, body).model_dump(mode="json", exclude_unset=True)
    key = once_of(asked, gateway_of(request).commands.digest, path, wanted=wanted) if once else None
    return await forward(request, asked, path, method=method, body=wanted, once=key)


def _path(channel: Channel, id_: str | None = None, *rest: str) -> str:
    """Raises NotFound."""
    base = f"/internal/templates/{channel.name}"
    return base if id_ is None else "/".join([base, plain(id_, f"{channel.noun} template"), *rest])
