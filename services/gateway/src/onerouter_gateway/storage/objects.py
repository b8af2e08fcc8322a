"""`/v1/storage/{bucket}/objects/{key}`: put and deleted by command; read as it stands."""

import asyncio
from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts.storage import INLINE_BYTES, DeleteObject, PutObject
from onerouter_common.errors import InvalidRequest, Overloaded, PayloadTooLarge, RateLimited
from onerouter_common.ids import OBJECT
from onerouter_gateway.admission import Writing
from onerouter_gateway.commands.intent import Intent
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.gateway import Gateway, gateway_of
from onerouter_gateway.storage import described
from onerouter_gateway.storage.forward import headless
from onerouter_gateway.storage.putting import Kept, version_of
from onerouter_gateway.storage.target import (
    CATEGORY,
    READ,
    WRITE,
    Target,
    key_of,
    place_or_earlier,
    target_of,
)

_LARGE: Final = 64 * 1024
_FULL_S: Final = 60


@endpoint(described.PUT)
async def put_object(request: Request) -> Response:
    """The body's bytes, at most 5 MiB, kept as they come; for more ask for an upload. Answers once the bucket has them. What
    is there already is replaced, unless `If-None-Match: *` or `If-Match` says otherwise. `Content-Type` is the object's; so
    are up to 20 headers `X-OneRouter-Metadata-<name>`, in percent-encoded UTF-8 where they are more than ASCII.
    """
    gateway = gateway_of(request)
    try:
        async with gateway.admission.write_bytes(request, WRITE, most=INLINE_BYTES) as (asked, content):
            target, key = target_of(request), key_of(request)
            ready = await prepared_put(request, asked, target, key, Kept.of(request.headers), content)
    except PayloadTooLarge:
        raise PayloadTooLarge(
            f"An object that is put through us has at most {INLINE_BYTES} bytes. For a larger one ask for an address with "
            f"POST /v1/storage/{request.path_params['bucket'][:63]}/uploads, and put it there."
        ) from None
    del content
    return ready if isinstance(ready, Response) else await gateway.commands.carry_out(ready, asked.asked, request)


async def prepared_put(
    request: Request, asked: Writing, target: Target, key: str, kept: Kept, content: bytes
) -> Intent | Response:
    """The command, with its bytes where the worker finds them; or what an earlier request of the same key got.

    Raises InvalidRequest, NotFound, PayloadTooLarge, RateLimited, Overloaded; what `check_room` does.
    """
    gateway = gateway_of(request)
    kept.check(key)
    digest = await asyncio.to_thread(kept.digest_of, content) if len(content) > _LARGE else kept.digest_of(content)
    intent = Intent(
        operation="object.put",
        category=CATEGORY,
        route=f"PUT /v1/storage/{target.bucket}/objects/{key}",
        canonical={**target.canonical, **kept.canonical, "sha256": digest, "size": len(content)},
        payload={},
        resource_prefix=OBJECT,
        is_joined=False,
    )
    place = await place_or_earlier(request, asked, target, intent, writing=True)
    if isinstance(place, Response):
        return place
    intent = replace(intent, resource_id=place.object_id(key))
    earlier = await gateway.commands.repeated(intent, asked.asked, request)
    if earlier is not None:
        return earlier
    place.check(key)
    await gateway.commands.check_room(intent, asked.asked)
    payload = PutObject(
        bucket=target.bucket,
        key=key,
        connection_id=place.connection_id,
        content_id=await _hand_over(gateway, asked, kept.content_type, content),
        content_type=kept.content_type,
        size_bytes=len(content),
        sha256=digest,
        cache_control=kept.cache_control,
        content_disposition=kept.content_disposition,
        metadata=kept.metadata,
        if_none_match=kept.if_none_match,
        if_match=kept.if_match,
    )
    return replace(intent, payload=payload.model_dump(mode="json", exclude_none=True))


@endpoint(described.GET)
async def get_object(request: Request) -> Response:
    """Its bytes, at most 5 MiB, or a `Range` of them; for more ask for a download. Always as an attachment: in a browser it
    is saved, never shown as a page of ours. Its metadata is in `X-OneRouter-Metadata-<name>`.
    """
    return await _read(request)


@endpoint(described.HEAD)
@headless
async def head_object(request: Request) -> Response:
    """What GET would answer, without the bytes: also of objects that are larger. An error's `code` is in
    `X-OneRouter-Error-Code`.
    """
    return await _read(request)


@endpoint(described.DELETE)
async def delete_object(request: Request) -> Response:
    """There is none of this key afterwards, whether there was one before or not. With `If-Match` only this
    version is deleted (412 where there is another or none); a provider that cannot be told so refuses it (422).
    """
    asked = await gateway_of(request).admission.write(request, WRITE)
    if_match = version_of(request.headers)
    return await delete_object_of(request, asked, target_of(request), key_of(request), if_match)


async def delete_object_of(
    request: Request, asked: Writing, target: Target, key: str, if_match: str | None = None
) -> Response:
    """The same, whichever door it came in by."""
    intent = Intent(
        operation="object.delete",
        category=CATEGORY,
        route=f"DELETE /v1/storage/{target.bucket}/objects/{key}",
        canonical=target.canonical if if_match is None else {**target.canonical, "if_match": if_match},
        payload={},
        resource_prefix=OBJECT,
        is_joined=False,
    )
    place = await place_or_earlier(request, asked, target, intent)
    if isinstance(place, Response):
        return place
    payload = DeleteObject(bucket=target.bucket, key=key, connection_id=place.connection_id, if_match=if_match)
    told = payload.model_dump(mode="json", exclude_none=True)
    intent = replace(intent, payload=told, resource_id=place.object_id(key))
    return await gateway_of(request).commands.carry_out(intent, asked.asked, request)


async def _read(request: Request) -> Response:
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, READ)
    target, key = target_of(request), key_of(request)
    return await gateway.objects.answer(request, reading, f"{target.internal}/object", target.query(key=key), key=key)


async def _hand_over(gateway: Gateway, asked: Writing, content_type: str, content: bytes) -> str:
    """To where the worker finds them; the same bytes twice are kept once. Raises PayloadTooLarge, RateLimited, Overloaded."""
    answer = await gateway.storage.request(
        "POST",
        "/internal/contents",
        tenant_id=asked.principal.tenant_id,
        environment=asked.environment,
        body=content,
        content_type=content_type,
        repeatable=True,
    )
    if answer.status == 413:
        raise PayloadTooLarge("The object is larger than what is kept on its way.")
    if answer.status == 422:
        raise InvalidRequest("The object cannot be kept on its way to the bucket.")
    if answer.status == 429:
        raise RateLimited(
            "What waits on its way to your buckets is as much as is kept at a time; nothing was done. Try again when some of "
            "it has arrived.",
            retry_after_s=_FULL_S,
        )
    if not answer.is_success:
        raise Overloaded("The object could not be kept; nothing was done. Try again in a few seconds.", retry_after_s=2)
    return str(answer.json()["id"])
