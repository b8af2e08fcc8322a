"""Objects, uploads and downloads, as callers ask for them and read them."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from onerouter_common.contracts.base import Environment
from onerouter_common.contracts.storage import (
    EXPIRES_IN_S,
    LEAST_PART_BYTES,
    MOST_BYTES,
    MOST_EXPIRES_IN_S,
    MOST_PART_BYTES,
    MOST_PARTS,
)
from onerouter_gateway.billing.schemas import IdempotencyKey, ProviderName
from onerouter_gateway.payments.schemas import Listed, Pairs

OCTETS: Final = "application/octet-stream"

_KEY: Final = "invoices/2026/1042.pdf"
_SHA256: Final = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
_URL: Final = "https://demo-files.s3.eu-central-1.amazonaws.com/invoices/2026/1042.pdf?X-Amz-Signature=…"

Key = Annotated[str, Field(max_length=1024, description="What the object is called in its bucket.", examples=[_KEY])]
MediaType = Annotated[str, Field(max_length=255, examples=["application/pdf"])]
ExpiresIn = Annotated[
    int, Field(ge=1, le=MOST_EXPIRES_IN_S, description="Seconds for which the address works: a week at most.")
]
Provider = Annotated[
    ProviderName | None, Field(description="Where several of your connections have a bucket of this name: which one.")
]
ConnectionId = Annotated[
    str | None,
    Field(
        max_length=40,
        description="Where several of your connections have a bucket of this name: just that one.",
        examples=["con_01k9zq3v7m8e5t2r4w6y8a0c1d"],
    ),
]
ETag = Annotated[str, Field(examples=["5d41402abc4b2a76b9719d911017c592"])]
Bucket = Annotated[str, Field(examples=["demo-files"])]


class StorageRequest(BaseModel):
    """Base of request bodies about storage. Keys stay as they were written, blanks at their ends included."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class UploadCreate(StorageRequest):
    """What is said here is the object's: whoever has the address can change none of it. Of one piece, they may say what is
    not said here (`Cache-Control`, `Content-Disposition`, `Content-Encoding`, `Content-Language`, `Expires`).
    """

    key: Key
    content_type: MediaType = OCTETS
    size: int | None = Field(
        None,
        ge=0,
        le=MOST_BYTES,
        description="Bytes. Where it is said, nothing longer can be uploaded, and parts are of just their size.",
    )
    expires_in: ExpiresIn = EXPIRES_IN_S
    multipart: bool | None = Field(None, description="In parts. Absent: when `size` is above 100 MiB.")
    part_size: int | None = Field(
        None,
        ge=LEAST_PART_BYTES,
        le=MOST_PART_BYTES,
        description="Bytes of each part but the last. Absent: chosen so that there are at most 10,000.",
    )
    cache_control: Annotated[str, Field(max_length=255)] | None = None
    content_disposition: Annotated[str, Field(max_length=1024)] | None = None
    metadata: Pairs = Field(default_factory=dict, description="Yours; kept with the object. Names are lower-cased.")
    if_none_match: Literal["*"] | None = Field(None, description="`*`: only where there is no object of this key yet.")
    provider: Provider = None
    connection_id: ConnectionId = None
    idempotency_key: IdempotencyKey | None = Field(None, description="The same as the `Idempotency-Key` header.")


class CompletedPart(StorageRequest):
    part_number: int = Field(ge=1, le=MOST_PARTS)
    etag: Annotated[str, Field(max_length=130, description="As the bucket answered it.")]


class UploadComplete(StorageRequest):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"parts": [{"part_number": 1, "etag": '"5d41402abc4b2a76b9719d911017c592"'}]}]}
    )

    parts: list[CompletedPart] = Field(
        default_factory=list,
        max_length=MOST_PARTS,
        description="All of them, ascending. None of an upload in one piece, which is looked for instead.",
    )
    idempotency_key: IdempotencyKey | None = Field(None, description="The same as the `Idempotency-Key` header.")


class UploadAbort(StorageRequest):
    idempotency_key: IdempotencyKey | None = Field(None, description="The same as the `Idempotency-Key` header.")


class ObjectDelete(StorageRequest):
    idempotency_key: IdempotencyKey | None = Field(None, description="The same as the `Idempotency-Key` header.")


class DownloadCreate(StorageRequest):
    key: Key
    expires_in: ExpiresIn = EXPIRES_IN_S
    filename: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None, description="What browsers save it as. Absent: the last part of the key.", examples=["invoice.pdf"]
    )
    content_type: MediaType | None = Field(None, description="Answered in place of the object's own.")
    disposition: Literal["attachment", "inline"] = Field("attachment", description="`inline`: shown, not saved.")
    provider: Provider = None
    connection_id: ConnectionId = None


class StorageObject(BaseModel):
    """An object that was put, or taken away, through us."""

    id: str = Field(examples=["obj_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    object: Literal["object"]
    bucket: Bucket
    key: Key
    size: int | None = Field(description="Bytes; null once it is deleted.", examples=[4821])
    content_type: str | None = Field(examples=["application/pdf"])
    etag: ETag | None = Field(description="Of this version, without quotes; no hash of the content.")
    sha256: str | None = Field(description="Hex, of what was put through us; else null.", examples=[_SHA256])
    cache_control: str | None
    content_disposition: str | None
    metadata: dict[str, str]
    last_modified: str | None = Field(examples=["2026-01-31T09:30:00.125Z"])
    url: str | None = Field(
        description="Where the connection says what is public (`public_base_url`).", examples=[None]
    )
    status: str = Field(examples=["stored"])
    provider: str | None = Field(examples=["s3"])
    connection_id: str | None
    operation_id: str | None = Field(description="What made it so.")
    upload_id: str | None = Field(description="The upload it came by.", examples=[None])
    environment: Environment
    version: int
    created_at: str
    created: int
    updated_at: str
    effect_guarantee: str | None = Field(examples=["exactly_once"])


class DeletedObject(StorageObject):
    """An object that is not there any more."""

    deleted: Literal[True] = Field(description="There is none of this key now, whether there was one before or not.")


class ListedObject(BaseModel):
    """As the provider lists it."""

    id: str = Field(examples=["obj_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    object: Literal["object"]
    bucket: Bucket
    key: Key
    size: int = Field(examples=[4821])
    etag: ETag | None
    last_modified: str | None = Field(examples=["2026-01-31T09:30:00.000Z"])
    url: str | None = Field(examples=[None])
    storage_class: str | None = Field(examples=["STANDARD"])
    provider: str = Field(examples=["s3"])
    connection_id: str


class ObjectList(Listed):
    data: list[ListedObject]
    prefixes: list[str] = Field(
        description="With a `delimiter`: what keys of further objects begin with, up to and with it.",
        examples=[["invoices/2025/"]],
    )


class UploadPart(BaseModel):
    part_number: int = Field(examples=[1])
    url: str = Field(
        description="PUT the part's bytes here, with exactly `required_headers`; keep the ETag of the answer.",
        examples=[_URL],
    )
    required_headers: dict[str, str] = Field(
        description="The length of this part, where the `size` of all was said.",
        examples=[{"content-length": "5242880"}],
    )


class Upload(BaseModel):
    """Permission to put an object, for whoever has the addresses, as long as they work."""

    id: str = Field(examples=["upl_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    object: Literal["upload"]
    bucket: Bucket
    key: Key
    status: Literal["pending", "completed", "aborted", "failed"]
    method: Literal["PUT"]
    multipart: bool
    url: str | None = Field(
        description="PUT the bytes here, with exactly `required_headers`. Null in parts, and once it cannot be used.",
        examples=[_URL],
    )
    required_headers: dict[str, str] = Field(examples=[{"content-type": "application/pdf", "content-length": "4821"}])
    expires_at: str
    part_size: int | None = Field(description="Bytes of each part but the last.", examples=[None])
    part_count: int | None = Field(description="Null where the size is not known.", examples=[None])
    parts: list[UploadPart] = Field(description="The first hundred; ask for the others.", examples=[[]])
    size: int | None = Field(examples=[4821])
    content_type: str = Field(examples=["application/pdf"])
    cache_control: str | None
    content_disposition: str | None
    metadata: dict[str, str]
    if_none_match: bool
    etag: ETag | None = Field(description="Of the object, once it is completed.")
    object_url: str | None = Field(description="Where it is public (`public_base_url`).", examples=[None])
    object_id: str | None = Field(examples=["obj_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    provider: str | None = Field(examples=["s3"])
    connection_id: str | None
    operation_id: str | None
    environment: Environment
    version: int
    created_at: str
    created: int
    updated_at: str
    completed_at: str | None = Field(examples=[None])
    aborted_at: str | None = Field(examples=[None])
    failure: dict[str, Any] | str | None = Field(examples=[None])


class UploadPartList(BaseModel):
    object: Literal["list"]
    data: list[UploadPart]
    has_more: bool


class Download(BaseModel):
    """Permission to read an object, for whoever has the address, as long as it works."""

    object: Literal["download"]
    bucket: Bucket
    key: Key
    method: Literal["GET"]
    url: str = Field(examples=[_URL])
    expires_at: str
    provider: str = Field(examples=["s3"])
    connection_id: str
