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
    _PAGING[0],
    ("offset", {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 0}, "Entries to pass over."),
)
_ERRORS: Final = {
    400: "The request could not be read: not JSON, or headers that contradict each other.",
    401: "No valid API key, or a wrong signature.",
    402: "The provider declined. Final: a repeat gets the same answer.",
    403: "The key may not do this, or not in this environment or from this address; or the account is suspended.",
    404: "There is no such resource in this environment.",
    409: "The resource is in another state, or the first request with this key is still being carried out.",
    413: "The body is larger than 1 MiB.",
    415: "The body is not JSON, or has an unknown content encoding.",
    422: "A field is wrong (`errors` names it), nothing is connected, or the idempotency key was used otherwise.",
    429: "Over a limit of the key or of the account's plan, or the key's monthly quota is used up (`QUOTA_EXCEEDED`); "
    "`Retry-After` says when to try again.",
    502: "The provider refused our request.",
    503: "The provider or a part of this service is away, or too busy. `effect` says whether anything may have been done.",
}
_LIMIT_HEADERS: Final = {
    name: {"schema": {"type": "string"}, "description": text}
    for name, text in (
        ("RateLimit", "What is left of each limit: requests (`r`) and seconds until all of it is free again (`t`)."),
        (
            "RateLimit-Policy",
            "Each limit (`q`) and its window in seconds (`w`): `default` is the key's, `plan` the account's.",
        ),
        ("X-Request-Id", "Name it when you ask for help."),
        ("X-OneRouter-Overhead-Ms", "Time that was ours, not the provider's."),
    )
}


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
        "summary": summary,
        "status_code": status,
        "responses": {
            status: {"model": answer, "description": "The outcome.", "headers": _LIMIT_HEADERS},
            202: {
                "description": "Stored, but the outcome is not known yet (`effect: unknown` if the provider has not told "
                "it). `Location` names the operation.",
                "headers": {"Location": {"schema": {"type": "string"}, "description": "`/v1/operations/{id}`"}},
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{accepted}"}}},
            },
            **problems(400, 401, 402, 403, 404, 409, 413, 415, 422, 429, 502, 503),
        },
        "openapi_extra": {
            "requestBody": {
                "required": any(field.is_required() for field in body.model_fields.values()),
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}},
            },
            "parameters": [_IDEMPOTENCY_KEY, _PREFER, _ENVIRONMENT],
            "security": SECURITY,
        },
    }


def query(summary: str, answer: type[BaseModel]) -> dict[str, Any]:
    """A route that reads one thing."""
    return {
        "summary": summary,
        "responses": {
            200: {"model": answer, "description": "As it stands.", "headers": _LIMIT_HEADERS},
            **problems(401, 403, 404, 422, 429, 503),
        },
        "openapi_extra": {"parameters": [_ENVIRONMENT], "security": SECURITY},
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
    **filters: str,
) -> dict[str, Any]:
    """A route that reads a page; `filters` are the names and descriptions of its own query parameters. `of_one`: it is
    about one thing, which may not exist."""
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
                "description": f"One page, {'oldest' if oldest_first else 'newest'} first.",
                "headers": _LIMIT_HEADERS,
            },
            **problems(401, 403, *((404,) if of_one else ()), 422, 429, 503),
        },
        "openapi_extra": {"parameters": [*parameters, _ENVIRONMENT], "security": SECURITY},
    }


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Error answers, all of one shape."""
    return {
        status: {
            "description": _ERRORS[status],
            "content": {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{PROBLEM}"}}},
        }
        for status in statuses
    }


def path_parameters(path: str) -> list[dict[str, Any]]:
    """The `{names}` in a path: raw routes declare none of their own."""
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 128}}
        for name in re.findall(r"{([a-z_]+)}", path)
    ]


def _in_query(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": text}
