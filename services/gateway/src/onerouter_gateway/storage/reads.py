"""`GET /v1/storage/{bucket}` and its downloads: what the storage service asks the provider for, or signs, at once."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import InvalidRequest
from onerouter_common.object_keys import checked_key, checked_prefix
from onerouter_common.recipients import printable
from onerouter_gateway.admission import Reading, Writing
from onerouter_gateway.edge.documentation import change_at_once, listing
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.pan import Screening
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.storage import described
from onerouter_gateway.storage.forward import told
from onerouter_gateway.storage.putting import media_type
from onerouter_gateway.storage.schemas import Download, DownloadCreate, ObjectList
from onerouter_gateway.storage.target import READ, Target, target_of

_ASKED: Final = ("prefix", "delimiter", "limit", "cursor")
_AS_IT_IS: Final = Screening(unread=frozenset({"key"}))
"""The key is that of an object that is there: whoever named it, it can be read."""


@endpoint(
    described.placed(
        listing(
            "List objects",
            ObjectList,
            by_time=False,
            of_one=True,
            by_key=True,
            prefix="Only keys that begin so.",
            delimiter="Keys are shown up to this, as `prefixes`: with `/`, as folders.",
        )
    )
)
async def list_objects(request: Request) -> Response:
    """By key, as the provider has them now, whoever put them there. Follow `next_cursor` while `has_more`, with the same
    `prefix` and `delimiter`: a page may hold fewer than `limit`. Entries and `prefixes` count together.
    """
    reading = await gateway_of(request).admission.read(request, READ)
    asked = {name: request.query_params[name] for name in _ASKED if name in request.query_params}
    return await list_objects_of(request, reading, target_of(request), asked)


async def list_objects_of(
    request: Request, who: Reading | Writing, target: Target, asked: Mapping[str, str]
) -> Response:
    """The same, whichever door it came in by."""
    checked_prefix("prefix", asked.get("prefix", ""))
    if "delimiter" in asked and not asked["delimiter"]:
        raise InvalidRequest.of("delimiter", "must not be empty")
    checked_prefix("delimiter", asked.get("delimiter", "/").removeprefix("/"))
    answer = await gateway_of(request).storage.request(
        "GET",
        f"{target.internal}/objects",
        tenant_id=who.principal.tenant_id,
        environment=who.environment,
        query=target.query(**asked),
        of_provider=True,
    )
    return told(answer, request)


@endpoint(change_at_once("Ask for a download", DownloadCreate, Download))
async def create_download(request: Request) -> Response:
    """An address to GET an object of any size from, without an API key, straight from the bucket. Nobody looks whether the
    object is there.
    """
    asked = await gateway_of(request).admission.write(request, READ, screening=_AS_IT_IS)
    return await create_download_of(request, asked, request.path_params["bucket"], validate(DownloadCreate, asked.body))


async def create_download_of(request: Request, asked: Writing, bucket: str, wanted: DownloadCreate) -> Response:
    """The same, whichever door it came in by."""
    gateway = gateway_of(request)
    target = target_of(request, bucket, provider=wanted.provider, connection_id=wanted.connection_id)
    body: dict[str, Any] = {
        "key": checked_key("key", wanted.key),
        "expires_in": wanted.expires_in,
        "disposition": wanted.disposition,
        **target.canonical,
        "filename": None if wanted.filename is None else _filename(wanted.filename),
        "content_type": None if wanted.content_type is None else media_type("content_type", wanted.content_type),
    }
    answer = await gateway.storage.request(
        "POST",
        f"{target.internal}/downloads",
        tenant_id=asked.principal.tenant_id,
        environment=asked.environment,
        body=orjson.dumps({name: value for name, value in body.items() if value is not None}),
        repeatable=True,
        of_provider=True,
    )
    return told(answer, request)


def _filename(value: str) -> str:
    """Raises InvalidRequest."""
    name = printable("filename", value).strip()
    if not name or "/" in name or "\\" in name:
        raise InvalidRequest.of("filename", "must be a file's name, without a path")
    return name
