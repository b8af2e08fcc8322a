"""What OpenAPI says of routes whose body or answer is bytes."""

from typing import Any, Final

from starlette.responses import Response

from onerouter_gateway.edge.documentation import command, header_references, problems, query
from onerouter_gateway.storage.schemas import DeletedObject, ObjectDelete, StorageObject

_BYTES: Final = {
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "Hello."},
}
_PROVIDER: Final = {
    "name": "provider",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "maxLength": 64},
    "description": "Where several of your connections have a bucket of this name: which one. Absent: the one that your "
    "route prefers.",
}
_CONNECTION: Final = {
    "name": "connection_id",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "maxLength": 40},
    "description": "The same, by the connection's id: where several are of one provider.",
}
_LIMITS: Final = header_references(
    "RateLimit",
    "RateLimit-Policy",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
    "X-Trace-Id",
)


def _header(name: str, text: str, example: str | None = None) -> dict[str, Any]:
    told = {"name": name, "in": "header", "required": False, "schema": {"type": "string"}, "description": text}
    return told if example is None else {**told, "example": example}


_ETAG: Final = '"5d41402abc4b2a76b9719d911017c592"'
_VERSION: Final = _header("If-Match", "Only this version, else 412; 422 where the provider cannot be told so.", _ETAG)
_OF_OBJECT: Final = (
    _header("Cache-Control", "Kept with the object, for who reads it in its bucket.", "max-age=3600"),
    _header("Content-Disposition", "The same.", 'inline; filename="invoice.pdf"'),
    _header("If-None-Match", "`*`: only where there is no object of this key yet, else 412.", "*"),
    _header("If-Match", "Only over this version, else 412.", _ETAG),
    _header("X-Checksum-Sha256", "Hex. Where the bytes have another, nothing is done: 422 `CHECKSUM_MISMATCH`."),
)
_CONDITIONS: Final = (
    _header("If-None-Match", "304 where the object still is this version.", _ETAG),
    _header("If-Match", "412 where it is another.", _ETAG),
    _header("If-Modified-Since", "304 where it has not changed since.", "Sat, 31 Jan 2026 09:30:00 GMT"),
    _header("If-Unmodified-Since", "412 where it has.", "Sat, 31 Jan 2026 09:30:00 GMT"),
)
_RANGE: Final = (
    _header("Range", "One range of bytes.", "bytes=0-1023"),
    _header("If-Range", "The range of this version alone, else all of the object.", _ETAG),
)
_SHOWN: Final = {
    **_LIMITS,
    **{
        name: {"schema": {"type": "string"}, "description": text}
        for name, text in (
            ("Accept-Ranges", "`bytes`."),
            ("Content-Length", "Of what is answered; to HEAD, of the object."),
            ("Content-Encoding", "The object's own: its bytes come as they are kept."),
            ("ETag", "Of this version."),
            ("Last-Modified", "When it was put."),
            ("Content-Disposition", "`attachment`, with the last part of the key."),
            ("X-OneRouter-Object-Cache-Control", "The object's own `Cache-Control`; of this answer it is `no-store`."),
            ("X-OneRouter-Object-Content-Disposition", "The object's own."),
            ("X-OneRouter-Sha256", "Hex, of what was put through us."),
        )
    },
}

_PART: Final = {
    "Content-Range": {"schema": {"type": "string"}, "description": "Which bytes of how many; of 416 `bytes */1024`."},
}


def placed(described: dict[str, Any]) -> dict[str, Any]:
    """A route that may say whose bucket is meant."""
    extra = described["openapi_extra"]
    return {**described, "openapi_extra": {**extra, "parameters": [_PROVIDER, _CONNECTION, *extra["parameters"]]}}


def conditional(described: dict[str, Any]) -> dict[str, Any]:
    """A route whose object may be there already."""
    return {**described, "responses": {**described["responses"], **problems(412)}}


def stateful(described: dict[str, Any]) -> dict[str, Any]:
    """A route that only answers about things in one state."""
    return {**described, "responses": {**described["responses"], **problems(409)}}


def _put() -> dict[str, Any]:
    told = conditional(placed(command("Put an object", ObjectDelete, StorageObject, created=True)))
    extra = told["openapi_extra"]
    return {
        **{name: value for name, value in told.items() if name != "body"},
        "openapi_extra": {
            **extra,
            "requestBody": {"required": True, "content": _BYTES},
            "parameters": [*extra["parameters"], *_OF_OBJECT],
        },
    }


def _delete() -> dict[str, Any]:
    told = conditional(placed(command("Delete an object", ObjectDelete, DeletedObject)))
    extra = told["openapi_extra"]
    return {**told, "openapi_extra": {**extra, "parameters": [*extra["parameters"], _VERSION]}}


def _read(summary: str, *, has_body: bool) -> dict[str, Any]:
    extra = placed(query(summary, StorageObject))["openapi_extra"]
    bytes_ = {"content": _BYTES} if has_body else {}
    refused = problems(401, 403, 404, 412, 413, 416, 422, 429, 502, 503)
    if not has_body:
        refused = {status: _bodiless(one) for status, one in refused.items() if status not in (413, 416)}
    partly = {206: {"description": "The range of it.", "headers": {**_SHOWN, **_PART}, **bytes_}} if has_body else {}
    if has_body:
        refused[416] = {**refused[416], "headers": {**refused[416].get("headers", {}), **_PART}}
    return {
        "summary": summary,
        "response_class": Response,
        "responses": {
            200: {"description": "The object.", "headers": _SHOWN, **bytes_},
            **partly,
            304: {"description": "It is the version that the caller has.", "headers": _LIMITS},
            **refused,
        },
        "openapi_extra": {
            **extra,
            "parameters": [
                *extra["parameters"],
                *(_RANGE if has_body else ()),
                *_CONDITIONS,
            ],
        },
    }


def _bodiless(answer: dict[str, Any]) -> dict[str, Any]:
    code = {"schema": {"type": "string"}, "description": "The problem's `code`."}
    return {
        "description": answer["description"],
        "headers": {**answer["headers"], "X-OneRouter-Error-Code": code},
    }


PUT: Final = _put()
DELETE: Final = _delete()
GET: Final = _read("Get an object", has_body=True)
HEAD: Final = _read("Look at an object", has_body=False)
