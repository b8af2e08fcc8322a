"""`/v1/storage/{bucket}/uploads`: addresses for putting an object without us. They are signed when they are answered."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts.storage import (
    MOST_PARTS,
    MULTIPART_FROM_BYTES,
    SINGLE_BYTES,
    AbortUpload,
    CompleteUpload,
    CreateUpload,
    UploadedPart,
    part_size_for,
)
from onerouter_common.errors import InvalidRequest, NotFound, Overloaded
from onerouter_common.ids import UPLOAD, is_id
from onerouter_common.object_keys import checked_etag, checked_key, checked_metadata
from onerouter_gateway.admission import Reading, Writing
from onerouter_gateway.commands.answers import json_response
from onerouter_gateway.commands.intent import Intent
from onerouter_gateway.edge.canonical import canonical_of
from onerouter_gateway.edge.documentation import command, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.pan import Screening
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import Gateway, gateway_of
from onerouter_gateway.storage import described
from onerouter_gateway.storage.forward import told
from onerouter_gateway.storage.putting import media_type, printable
from onerouter_gateway.storage.schemas import (
    Upload,
    UploadAbort,
    UploadComplete,
    UploadCreate,
    UploadPartList,
)
from onerouter_gateway.storage.target import CATEGORY, READ, WRITE, Target, place_or_earlier, target_of
from onerouter_gateway.upstream import Answer

_PARTS: Final = Screening(most_characters=1 << 20)
"""Ten thousand parts have as many ETags."""
_USED_UP: Final[Mapping[str, Any]] = {"method": "PUT", "url": None, "required_headers": {}, "parts": []}
"""What is only there while an upload is pending."""
_FINAL: Final = (409, 422)
"""Of signing: a repeat would be told the same."""


@endpoint(command("Ask for an upload", UploadCreate, Upload, created=True))
async def create_upload(request: Request) -> Response:
    """An address to PUT an object at, of up to 5 GB, or the addresses of its parts: without an API key, from a browser too.
    The bytes go straight to the bucket. `complete` it afterwards: only then it is known here, and told as an event.
    """
    asked = await gateway_of(request).admission.write(request, WRITE)
    bucket: str = request.path_params["bucket"]
    return await create_upload_of(request, asked, bucket, validate(UploadCreate, asked.body))


async def create_upload_of(request: Request, asked: Writing, bucket: str, wanted: UploadCreate) -> Response:
    """The same, whichever door it came in by."""
    gateway = gateway_of(request)
    target = target_of(request, bucket, provider=wanted.provider, connection_id=wanted.connection_id)
    fields = _fields(wanted)
    intent = Intent(
        operation="upload.create",
        category=CATEGORY,
        route=f"POST /v1/storage/{target.bucket}/uploads",
        canonical={**canonical_of(wanted), **target.canonical},
        payload={},
        resource_prefix=UPLOAD,
    )
    place = await place_or_earlier(request, asked, target, intent, writing=True)
    if isinstance(place, Response):
        return await _signed(request, asked, target.bucket, place)
    place.check(wanted.key)
    payload = CreateUpload(bucket=target.bucket, connection_id=place.connection_id, provider=place.provider, **fields)
    intent = replace(intent, payload=payload.model_dump(mode="json", exclude_none=True))
    made = await gateway.commands.carry_out(intent, asked.asked, request)
    return await _signed(request, asked, target.bucket, made)


@endpoint(query("Get an upload", Upload))
async def get_upload(request: Request) -> Response:
    """With addresses that work until `expires_at`, while it is `pending` and where the key may write."""
    reading = await gateway_of(request).admission.read(request, READ, WRITE)
    is_writer = reading.principal.may(WRITE)
    answer = await _found(request, reading, signed=is_writer)
    if is_writer:
        return told(answer, request)
    return json_response({**answer.json(), **_USED_UP})


@endpoint(
    described.stateful(
        query(
            "List an upload's parts",
            UploadPartList,
            **{"from": "The first part's number; 1 where it is absent.", "count": "How many, at most 100."},
        )
    )
)
async def list_upload_parts(request: Request) -> Response:
    """Each with its address, while the upload is `pending`."""
    gateway = gateway_of(request)
    writing = await gateway.admission.read(request, WRITE)
    await _found(request, writing)
    answer = await gateway.storage.request(
        "GET",
        f"/internal/uploads/{_id(request)}/parts",
        tenant_id=writing.principal.tenant_id,
        environment=writing.environment,
        query=_span(request),
        of_provider=True,
    )
    return told(answer, request)


@endpoint(described.conditional(command("Complete an upload", UploadComplete, Upload)))
async def complete_upload(request: Request) -> Response:
    """The parts become the object; of an upload in one piece it is looked whether the object is there."""
    asked = await gateway_of(request).admission.write(request, WRITE, screening=_PARTS)
    wanted = validate(UploadComplete, asked.body)
    parts = [
        UploadedPart(part_number=one.part_number, etag=checked_etag(f"parts.{index}.etag", one.etag))
        for index, one in enumerate(wanted.parts)
    ]
    for index, (before, after) in enumerate(pairwise(parts)):
        if after.part_number <= before.part_number:
            raise InvalidRequest.of(f"parts.{index + 1}.part_number", "must be higher than that of the part before")
    payload = CompleteUpload(upload_id=_id(request), parts=parts)
    canonical = {"parts": [one.model_dump(mode="json") for one in parts]} if parts else {}
    return await _change(request, asked, "complete", payload.model_dump(mode="json"), canonical)


@endpoint(command("Abort an upload", UploadAbort, Upload))
async def abort_upload(request: Request) -> Response:
    """What has been uploaded of its parts is thrown away. Of an upload in one piece it is looked whether the object is there:
    then it is `completed`. Otherwise its address works until it expires, but what is put there is not known here."""
    asked = await gateway_of(request).admission.write(request, WRITE)
    validate(UploadAbort, asked.body)
    payload = AbortUpload(upload_id=_id(request)).model_dump(mode="json")
    return await _change(request, asked, "abort", payload, {})


def _fields(wanted: UploadCreate) -> dict[str, Any]:
    """Raises InvalidRequest."""
    size = wanted.size
    is_large = size is not None and size > MULTIPART_FROM_BYTES
    is_multipart = is_large if wanted.multipart is None else wanted.multipart
    if not is_multipart and size is not None and size > SINGLE_BYTES:
        raise InvalidRequest.of("multipart", f"must not be false above {SINGLE_BYTES} bytes")
    if not is_multipart and wanted.part_size is not None:
        raise InvalidRequest.of("part_size", "needs multipart")
    part_size = (wanted.part_size or part_size_for(size)) if is_multipart else None
    if part_size is not None and size is not None and -(-size // part_size) > MOST_PARTS:
        raise InvalidRequest.of("part_size", f"makes more than {MOST_PARTS} parts of {size} bytes")
    return {
        "key": checked_key("key", wanted.key),
        "content_type": media_type("content_type", wanted.content_type),
        "size_bytes": size,
        "is_multipart": is_multipart,
        "part_size": part_size,
        "cache_control": _plain("cache_control", wanted.cache_control, 255),
        "content_disposition": _plain("content_disposition", wanted.content_disposition, 1024),
        "metadata": checked_metadata("metadata", wanted.metadata),
        "if_none_match": wanted.if_none_match is not None,
        "expires_in": wanted.expires_in,
    }


def _plain(field: str, value: str | None, most: int) -> str | None:
    return None if value is None else printable(field, value, most)


async def _change(
    request: Request, asked: Writing, verb: str, payload: Mapping[str, Any], canonical: Mapping[str, Any]
) -> Response:
    await _found(request, asked)
    upload_id = _id(request)
    intent = Intent(
        operation=f"upload.{verb}",
        category=CATEGORY,
        route=f"POST /v1/storage/{request.path_params['bucket']}/uploads/{upload_id}/{verb}",
        canonical=canonical,
        payload=payload,
        resource_id=upload_id,
    )
    answer = await gateway_of(request).commands.carry_out(intent, asked.asked, request)
    if answer.status_code != 200:
        return answer
    return _again(answer, {**orjson.loads(bytes(answer.body)), **_USED_UP})


async def _signed(request: Request, asked: Writing, bucket: str, answer: Response) -> Response:
    """The answer to `upload.create` with its addresses, which never cross the log; or why there will be none.

    Raises Overloaded.
    """
    if answer.status_code != 201:
        return answer
    upload_id = orjson.loads(bytes(answer.body))["id"]
    found = await _ask(gateway_of(request), asked, upload_id, signed=True)
    if found.status in _FINAL:
        return told(found, request)
    if not found.is_success:
        raise Overloaded(
            f"The upload is made, as {upload_id}, but its addresses cannot be signed right now. Repeat the request with the "
            f"same Idempotency-Key, or ask for GET /v1/storage/{bucket}/uploads/{upload_id}.",
            retry_after_s=2,
        )
    return _again(answer, found.json())


def _again(answer: Response, body: Any) -> Response:
    """The answer with another body."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("content-length", "content-type")}
    return json_response(body, status=answer.status_code, headers=headers)


async def _found(request: Request, who: Reading | Writing, *, signed: bool = False) -> Answer:
    """The upload, of this bucket. Raises NotFound, Overloaded."""
    target: Target = target_of(request)
    answer = await _ask(gateway_of(request), who, _id(request), signed=signed)
    if answer.status == 404 or (answer.is_success and answer.json()["bucket"] != target.bucket):
        raise _missing()
    if not answer.is_success:
        raise Overloaded("The upload cannot be looked up right now. Try again in a few seconds.", retry_after_s=2)
    return answer


async def _ask(gateway: Gateway, who: Reading | Writing, upload_id: str, *, signed: bool) -> Answer:
    return await gateway.storage.request(
        "GET",
        f"/internal/uploads/{upload_id}",
        tenant_id=who.principal.tenant_id,
        environment=who.environment,
        query="" if signed else "signed=false",
        of_provider=True,
    )


def _id(request: Request) -> str:
    """Raises NotFound."""
    upload_id: str = request.path_params["upload_id"]
    if not is_id(UPLOAD, upload_id):
        raise _missing()
    return upload_id


def _missing() -> NotFound:
    return NotFound("There is no such upload in this bucket.", code="UPLOAD_NOT_FOUND")


def _span(request: Request) -> str:
    asked = {name: request.query_params.get(name) for name in ("from", "count")}
    for name, value in asked.items():
        most = MOST_PARTS if name == "from" else 100
        if value is not None and not (
            value.isascii() and value.isdigit() and len(value) < 7 and 1 <= int(value) <= most
        ):
            raise InvalidRequest.of(name, f"must be a number from 1 to {most}")
    return "&".join(f"{name}={value}" for name, value in asked.items() if value is not None)
