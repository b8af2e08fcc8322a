"""`POST /api/v1/services/storage`: the actions, with the bucket among their fields."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts.storage import INLINE_BYTES
from onerouter_common.errors import FieldError, InvalidRequest, PayloadTooLarge
from onerouter_common.object_keys import checked_etag, checked_key, checked_metadata
from onerouter_gateway.admission import Writing
from onerouter_gateway.compatibility.messages import snake_case
from onerouter_gateway.edge.canonical import ENVELOPE
from onerouter_gateway.edge.pan import Screening, refuse_card_numbers
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.messages.sending import Prepared
from onerouter_gateway.storage.objects import delete_object_of, prepared_put
from onerouter_gateway.storage.putting import Kept, check_exclusive, media_type, printable
from onerouter_gateway.storage.reads import create_download_of, list_objects_of
from onerouter_gateway.storage.schemas import OCTETS, DownloadCreate, Key, StorageRequest, UploadCreate
from onerouter_gateway.storage.target import READ, WRITE, Target, checked_target
from onerouter_gateway.storage.uploads import create_upload_of

Fields = Mapping[str, Any]

SCREENING: Final = Screening(files=True, unread=frozenset({"content", "key"}))
"""`content` is bytes; a key may be that of an object which is there. New keys are looked at by themselves."""

_WHOSE: Final = ("provider", "connection_id")
_FILTERS: Final = ("prefix", "delimiter", "limit", "cursor")


class ObjectPut(StorageRequest):
    """`upload` with the bytes themselves."""

    key: Key
    content: str
    content_type: str = OCTETS
    cache_control: str | None = None
    content_disposition: str | None = None
    metadata: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=2048)]] = Field(
        default_factory=dict
    )
    if_none_match: Literal[True, False, "*"] | None = None
    if_match: Annotated[str, Field(max_length=130)] | None = None


async def _upload(request: Request, asked: Writing, fields: Fields) -> Prepared:
    data = snake_case(fields)
    if data.get("content") is None:
        if data.get("if_match") is not None:
            raise InvalidRequest.of("data.if_match", "needs `content`: no upload past us can be told of it")
        wanted = validate(UploadCreate, data)
        refuse_card_numbers({"key": wanted.key})
        return await create_upload_of(request, asked, _bucket(data), wanted)
    put = validate(ObjectPut, data)
    check_exclusive("data.if_match", "if_none_match", put.if_none_match, put.if_match)
    kept = Kept(
        content_type=media_type("content_type", put.content_type),
        cache_control=None if put.cache_control is None else printable("cache_control", put.cache_control, 255),
        content_disposition=(
            None if put.content_disposition is None else printable("content_disposition", put.content_disposition, 1024)
        ),
        metadata=checked_metadata("metadata", put.metadata),
        if_none_match=bool(put.if_none_match),
        if_match=None if put.if_match is None else checked_etag("if_match", put.if_match),
    )
    return await prepared_put(
        request, asked, _target(request, data), checked_key("key", put.key), kept, _decoded(put.content)
    )


async def _download(request: Request, asked: Writing, fields: Fields) -> Response:
    data = snake_case(fields)
    return await create_download_of(request, asked, _bucket(data), validate(DownloadCreate, data))


async def _delete(request: Request, asked: Writing, fields: Fields) -> Response:
    data = snake_case(fields)
    key = data.get("key")
    if not isinstance(key, str):
        raise InvalidRequest.of("data.key", "is required")
    return await delete_object_of(request, asked, _target(request, data), checked_key("key", key))


async def _list(request: Request, asked: Writing, fields: Fields) -> Response:
    data = snake_case(fields)
    unknown = [name for name in data if name not in {*_FILTERS, *ENVELOPE, "bucket", *_WHOSE}]
    if unknown:
        raise InvalidRequest.of(f"data.{unknown[0]}", f"is no filter here; known are {', '.join(_FILTERS)}")
    given = {name: data[name] for name in _FILTERS if data.get(name) is not None}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise InvalidRequest.of(f"data.{name}", "must be a text or a number")
    told = {name: str(value) for name, value in given.items()}
    return await list_objects_of(request, asked, _target(request, data), told)


def _bucket(data: Fields) -> str:
    bucket = data.get("bucket")
    if not isinstance(bucket, str) or not bucket:
        raise InvalidRequest.of("data.bucket", "is required")
    return bucket


def _target(request: Request, data: Fields) -> Target:
    for name in _WHOSE:
        if data.get(name) is not None and not isinstance(data[name], str):
            raise InvalidRequest.of(f"data.{name}", "must be a string")
    provider, connection_id = (data.get(name) for name in _WHOSE)
    return checked_target(gateway_of(request), _bucket(data), provider, connection_id)


def _decoded(content: str) -> bytes:
    """Raises InvalidRequest or PayloadTooLarge."""
    try:
        decoded = base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest.of("data.content", "must be base64 (RFC 4648, with its padding)") from None
    if len(decoded) > INLINE_BYTES:
        message = f"has more than {INLINE_BYTES} bytes; leave it out, and put the object at the address you get"
        raise PayloadTooLarge(f"data.content {message}.", errors=(FieldError("data.content", message),))
    return decoded


Action = Callable[[Request, Writing, Fields], Awaitable[Prepared]]

STORAGE_ACTIONS: Final[Mapping[str, tuple[tuple[str, ...], Action]]] = {
    "upload": ((WRITE,), _upload),
    "download": ((READ,), _download),
    "delete": ((WRITE,), _delete),
    "list": ((READ,), _list),
}
"""Action → the scopes of which the key needs one, and what is done."""
