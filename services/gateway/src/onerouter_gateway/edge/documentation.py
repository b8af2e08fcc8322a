"""What OpenAPI says about a route: its body, its answers, its headers. Routes are carried out without any of it."""

import re
from typing import Any, Final

from pydantic import BaseModel

PROBLEM: Final = "Problem"
SECURITY: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"apiKey": []}]

_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": "The same key and body always mean the same operation, for at least 30 days: a repeat gets its "
    "current answer with `Idempotency-Replayed: true`. Another body under the key is 422.",
    "example": "order-1042",
}
_PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "`wait=N` waits at most N seconds (up to 60, default 20) for the outcome; `respond-async` does not "
    "wait. When the wait ends first the answer is 202.",
    "example": "wait=10",
}
_ENVIRONMENT: Final = {
    "name": "X-OneRouter-Environment",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "enum": ["test", "live"]},
    "description": "A live key may act in `test`; a test key never in `live`.",
}
_BY_TIME: Final = (
    ("created_after", {"type": "string", "format": "date-time"}, "Only what was created after this moment."),
    ("created_before", {"type": "string", "format": "date-time"}, "Only what was created before this moment."),
)
_PAGING: Final = (
    ("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "Most entries of one page."),
    ("cursor", {"type": "string"}, "`next_cursor` of the page before."),
)
_OFFSET: Final = (
    ("limit", {"type": "integer", "minimum": 0, "maximum": 100, "default": 20}, "Most entries of one page; 0 is 20."),
    ("offset", {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 0}, "Entries to pass over."),
)
_MORE_HEADERS: Final = {
    409: ("X-OneRouter-Operation-Id",),
    429: (
        "Retry-After",
        "RateLimit",
        "RateLimit-Policy",
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
    ),
    503: ("Retry-After",),
}
_ERRORS: Final = {
    400: "The request could not be read: not JSON, or headers that contradict each other.",
    401: "No valid API key, or a wrong signature.",
    402: "The provider declined. Final: a repeat gets the same answer.",
    403: "The key may not do this, or not in this environment or from this address; or the account is suspended.",
    404: "There is no such resource in this environment.",
    408: "The body did not come in time; nothing was done.",
    409: "The resource is in another state, or the first request with this key is still being carried out.",
    412: "The object is not as `If-Match` or `If-None-Match` says; nothing was done.",
    413: "The body is larger than 1 MiB (that sends email: 10 MiB; an object: 5 MiB), has more than 100,000 values, or holds "
    "more than one message can. The sentence names the limit.",
    415: "The body is not JSON, or has an unknown content encoding.",
    416: "Nothing of the object lies in the `Range`.",
    422: "A field is wrong (`errors` names it), nothing is connected, or the idempotency key was used otherwise.",
    429: "Over a limit of the key or of the account's plan, or the key's monthly quota is used up (`QUOTA_EXCEEDED`); "
    "`Retry-After` says when to try again.",
    502: "The provider refused our request.",
    503: "The provider or a part of this service is away, or too busy. `effect` says whether anything may have been done.",
}
ANNOUNCED_HEADERS: Final = ("Deprecation", "Link")
"""On every answer of an older path."""
HEADERS: Final = {
    name: {"schema": {"type": "string"}, "description": text, "example": example}
    for name, text, example in (
        (
            "RateLimit",
            "What is left of each limit: requests (`r`) and seconds until all of it is free again (`t`).",
            '"default";r=199;t=1',
        ),
        (
            "RateLimit-Policy",
            "Each limit (`q`) and its window in seconds (`w`): `default` is the key's, `plan` the account's.",
            '"default";q=200;w=2',
        ),
        ("X-RateLimit-Limit", "Of the limit that is nearest: how many requests it has.", "200"),
        ("X-RateLimit-Remaining", "How many of them are left.", "199"),
        ("X-RateLimit-Reset", "Unix time at which all of them are free again.", "1769851801"),
        ("X-Request-Id", "Name it when you ask for help.", "req_01k9zq3v7m8e5t2r4w6y8a0c1d"),
        ("X-Trace-Id", "Yours where you sent one, else ours.", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("X-OneRouter-Overhead-Ms", "Time that was ours, not the provider's.", "3.21"),
        ("Idempotency-Replayed", "`true`: this was asked for before, and this is what became of it.", "true"),
        (
            "X-OneRouter-Operation-Id",
            "The operation that the answer is about, where it is about one: also of 409 `OPERATION_IN_FLIGHT`.",
            "op_01k9zq3v7m8e5t2r4w6y8a0c1d",
        ),
        ("Location", "The operation: `/v1/operations/{id}`.", "/v1/operations/op_01k9zq3v7m8e5t2r4w6y8a0c1d"),
        ("Retry-After", "Whole seconds after which to try again.", "2"),
        ("Deprecation", "Since when a newer path is the one to use (RFC 9745).", "@1767225600"),
        ("Link", "The newer path (RFC 8288).", '</v1/payments>; rel="successor-version"'),
    )
}
"""By name, as `components` of the description."""


def header_references(*names: str) -> dict[str, dict[str, str]]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


_LIMIT_HEADERS: Final = header_references(
    "RateLimit",
    "RateLimit-Policy",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
    "X-Trace-Id",
    "X-OneRouter-Overhead-Ms",
)
_CARRIED_OUT: Final = {**_LIMIT_HEADERS, **header_references("Idempotency-Replayed", "X-OneRouter-Operation-Id")}


def command(
    summary: str,
    body: type[BaseModel],
    answer: type[BaseModel],
    *,
    created: bool = False,
    accepted: str = "AcceptedOperation",
) -> dict[str, Any]:
    """A route that changes something. `accepted` names the schema of its 202."""
    status = 201 if created else 200
    return {
        "body": body,
        "summary": summary,
        "status_code": status,
        "responses": {
            status: {"model": answer, "description": "The outcome.", "headers": _CARRIED_OUT},
            202: {
                "description": "Stored, but the outcome is not known yet (`effect: unknown` if the provider has not told "
                "it). `Location` names the operation.",
                "headers": {**_CARRIED_OUT, **header_references("Location")},
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{accepted}"}}},
            },
            **problems(400, 401, 402, 403, 404, 408, 409, 413, 415, 422, 429, 502, 503),
        },
        "openapi_extra": {
            "requestBody": request_body(body),
            "parameters": [_IDEMPOTENCY_KEY, _PREFER, _ENVIRONMENT],
            "security": SECURITY,
        },
    }


def request_body(model: type[BaseModel]) -> dict[str, Any]:
    """A body may be left out where it needs no field."""
    return {
        "required": any(field.is_required() for field in model.model_fields.values()),
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}},
    }


def change_at_once(
    summary: str, body: type[BaseModel], answer: type[BaseModel], *, created: bool = False
) -> dict[str, Any]:
    """A route that changes something of ours, with no provider to wait for."""
    status = 201 if created else 200
    described = command(summary, body, answer, created=created)
    kept = {code: told for code, told in described["responses"].items() if code not in (202, 402, 502)}
    kept[status] = {"model": answer, "description": "As it is now.", "headers": _LIMIT_HEADERS}
    described["responses"] = kept
    described["openapi_extra"]["parameters"] = [_ENVIRONMENT]
    return described


def query(summary: str, answer: type[BaseModel], **options: str) -> dict[str, Any]:
    """A route that reads one thing; `options` are the names and descriptions of its own query parameters."""
    return {
        "summary": summary,
        "responses": {
            200: {"model": answer, "description": "As it stands.", "headers": _LIMIT_HEADERS},
            **problems(401, 403, 404, 422, 429, 503),
        },
        "openapi_extra": {
            "parameters": [
                *(_in_query(name, {"type": "string"}, text) for name, text in options.items()),
                _ENVIRONMENT,
            ],
            "security": SECURITY,
        },
    }


def listing(
    summary: str,
    answer: type[BaseModel],
    *,
    by_time: bool = True,
    paged: bool = True,
    by_offset: bool = False,
    of_one: bool = False,
    oldest_first: bool = False,
    by_key: bool = False,
    **filters: str,
) -> dict[str, Any]:
    """A route that reads a page; `filters` are the names and descriptions of its own query parameters. `of_one`: it is
    about one thing, which may not exist. `by_key`: a provider is asked for it.
    """
    paging = _OFFSET if by_offset else _PAGING
    parameters = [
        *(_in_query(name, {"type": "string"}, text) for name, text in filters.items()),
        *(_in_query(name, schema, text) for name, schema, text in (_BY_TIME if by_time else ())),
        *(_in_query(name, schema, text) for name, schema, text in (paging if paged else ())),
    ]
    return {
        "summary": summary,
        "responses": {
            200: {
                "model": answer,
                "description": f"One page, {'by key' if by_key else 'oldest first' if oldest_first else 'newest first'}.",
                "headers": _LIMIT_HEADERS,
            },
            **problems(401, 403, *((404,) if of_one else ()), 422, 429, *((502,) if by_key else ()), 503),
        },
        "openapi_extra": {"parameters": [*parameters, _ENVIRONMENT], "security": SECURITY},
    }


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Error answers, all of one shape."""
    return {
        status: {
            "description": _ERRORS[status],
            "headers": header_references("X-Request-Id", "X-Trace-Id", *_MORE_HEADERS.get(status, ())),
            "content": {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{PROBLEM}"}}},
        }
        for status in statuses
    }


def path_parameters(path: str) -> list[dict[str, Any]]:
    """The `{names}` in a path: raw routes declare none of their own."""
    return [
        {"name": name, "in": "path", "required": True, **_IN_PATH.get(name, _AN_ID)}
        for name in re.findall(r"{([a-z_]+)}", path)
    ]


_AN_ID: Final[dict[str, Any]] = {"schema": {"type": "string", "maxLength": 128}}
_IN_PATH: Final[dict[str, dict[str, Any]]] = {
    "bucket": {
        "schema": {"type": "string", "minLength": 3, "maxLength": 63},
        "description": "The name of a bucket that you have connected.",
        "example": "demo-files",
    },
    "key": {
        "schema": {"type": "string", "maxLength": 1024},
        "description": "The rest of the path, percent-encoded; slashes may stand as they are.",
        "example": "invoices/2026/1042.pdf",
    },
}


def _in_query(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": text}
