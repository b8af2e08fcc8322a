"""What ends an upload. Operations that do it take their turn with all that is done where the object is to be: an upload ends
once, and what it made is told of before what replaces it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onerouter_common.errors import NotFound
from onerouter_common.worker.handler import Operation, Settled
from onerouter_providers.objects import MultipartReference, ObjectSnapshot, Part, StoresObjects
from onerouter_storage.object import views as object_views
from onerouter_storage.object.place import place_of
from onerouter_storage.upload.making import request_of
from onerouter_storage.upload.state import Upload
from onerouter_storage.upload.views import ABORTED, COMPLETED, draft, upload_view

NOT_FOUND: Final = "UPLOAD_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Ending:
    """What is asked of the provider."""

    upload: Upload
    parts: tuple[Part, ...] = ()
    is_repeat: bool = False
    """A call of this very operation got no answer."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    etag: str
    url: str | None
    object: ObjectSnapshot | None
    """As it is there; None: it was made, and somebody has replaced it since."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The upload has ended without an object."""


@dataclass(frozen=True, slots=True)
class AsItIs:
    """It had ended before; nobody was asked."""


async def found_object(client: StoresObjects, upload: Upload) -> Uploaded | None:
    """The object, where this very upload made it."""
    found = await client.find_upload(request_of(upload))
    return None if found is None else Uploaded(found.etag, client.public_url(upload.key), found)


async def is_open(client: StoresObjects, reference: MultipartReference) -> bool:
    """Whether an upload in parts can still be completed."""
    try:
        await client.list_parts(reference, limit=1)
    except NotFound:
        return False
    return True


def owned(op: Operation, upload: Upload | None) -> Upload:
    """Raises NotFound."""
    if upload is None:
        raise NotFound(f"There is no upload {op.resource_id[:64]} in the {op.environment} environment.", code=NOT_FOUND)
    return upload


def completed(op: Operation, upload: Upload, made: Uploaded, at: datetime) -> Settled[Upload]:
    """And what its object is, with the same commit: as the bucket says it, where it is still there."""
    size = made.object.size_bytes if made.object is not None else upload.size_bytes
    said = made.object if made.object is not None else upload
    place = (upload.place or place_of(op, upload, upload.provider)).written(
        operation_id=op.id,
        at=at,
        content_type=said.content_type or upload.content_type,
        cache_control=said.cache_control,
        content_disposition=said.content_disposition,
        metadata=dict(said.metadata),
        url=made.url,
        size_bytes=size,
        etag=made.etag,
        last_modified=(made.object.last_modified if made.object is not None else None) or at,
        upload_id=upload.id,
        effect_guarantee="exactly_once",
    )
    after = replace(upload.completed(at, etag=made.etag, size_bytes=size, url=made.url), place=place)
    events = (draft(COMPLETED, after), object_views.draft(object_views.CREATED, place))
    return Settled(after, view=upload_view(after), events=events)


def aborted(upload: Upload, at: datetime) -> Settled[Upload]:
    after = upload.aborted(at)
    return Settled(after, view=upload_view(after), events=(draft(ABORTED, after),))
