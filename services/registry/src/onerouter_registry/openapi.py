"""The management API's description. `python -m onerouter_registry.openapi` writes it for the gateway, which serves it.

FastAPI says what a route takes and gives; added here is what all of them have in common.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from onerouter_common.web import problem_schema

_TITLE: Final = "OneRouter management"
_VERSION: Final = "1.0.0"
_SCHEMES: Final = {"HTTPBearer": "bearer", "APIKeyHeader": "apiKey", "APIKeyCookie": "session"}
"""FastAPI's names for how a caller can prove who it is, and ours."""
_TAGS: Final[Mapping[str, str]] = {
    "Sign-in": "People prove who they are.",
    "Account": "The signed-in person's own.",
    "Tenant": "The account that everything else belongs to.",
    "Members": "Who may act for the tenant, and as what.",
    "API keys": "What programs call this API with.",
    "Catalogue": "Every provider that can be connected, and what it can do.",
    "Services": "The tenant's own accounts at providers.",
    "Routing": "Which of them an operation goes to, and why.",
    "Audit": "Every change: who, what, when, from where.",
    "Operators": "For who runs this installation.",
}
_FASTAPIS_OWN: Final = ("HTTPValidationError", "ValidationError")
_ERRORS: Final = {
    400: "The body is no JSON in UTF-8, or the `Idempotency-Key` is none, or none is taken here.",
    401: "Neither signed in nor a valid API key, or the session has ended.",
    403: "Not permitted to this caller, in this environment, or from this address.",
    404: "There is no such thing in this tenant and environment.",
    408: "The body did not come in time; nothing was done.",
    409: "Something is in a state that does not allow it, or has changed meanwhile.",
    413: "The body is larger than 1 MiB.",
    415: "The body has an unknown content encoding.",
    422: "A field is wrong; `errors` names it.",
    429: "Too many requests; `Retry-After` says when to try again.",
    503: "A part of the service is away; `effect` says whether anything may have been changed.",
}
_CHOICES: Final = [
    {
        "name": "X-OneRouter-Environment",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "enum": ["test", "live"]},
        "description": "The environment to act in: `test` for people unless they say otherwise, for API keys the key's.",
    },
    {
        "name": "X-OneRouter-Tenant",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "maxLength": 64},
        "description": "For people who are members of several tenants: which one. Absent: their session's.",
    },
]


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an app that has the management routes and no others."""
    document = get_openapi(title=_TITLE, version=_VERSION, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _FASTAPIS_OWN:
        schemas.pop(name, None)
    schemas[problem_schema.NAME] = problem_schema.PROBLEM
    components["securitySchemes"] = {
        _SCHEMES[name]: scheme for name, scheme in components.get("securitySchemes", {}).items()
    }
    document.setdefault("paths", {})
    for path, method, operation in _operations(document):
        _complete(path, method, operation)
    document["tags"] = [
        {"name": tag, "description": _TAGS.get(tag, f"{tag}.")}
        for tag in dict.fromkeys(tag for _, _, operation in _operations(document) for tag in operation.get("tags", []))
    ]
    return document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    is_private = bool(operation.get("security"))
    if is_private:
        operation["security"] = [
            {_SCHEMES[name]: scopes for name, scopes in one.items()} for one in operation["security"]
        ]
        _add_choices(operation)
    declared = {int(status) for status in operation["responses"] if int(status) >= 400}
    for status in sorted(declared.union(_errors_of(path, method, operation, is_private=is_private))):
        operation["responses"][str(status)] = _problem(operation["responses"].get(str(status)), status)
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _errors_of(path: str, method: str, operation: Mapping[str, Any], *, is_private: bool) -> list[int]:
    takes_something = "parameters" in operation or "requestBody" in operation
    return [
        *((401, 403) if is_private else ()),
        *((404,) if "{" in path else ()),
        *((409,) if is_private and method != "get" else ()),
        *((400,) if method == "post" else ()),
        *((400, 408, 413, 415) if "requestBody" in operation else ()),
        *((422,) if takes_something else ()),
        429,
        503,
    ]


def _problem(said: Mapping[str, Any] | None, status: int) -> dict[str, Any]:
    """What the route says of it itself stays, but for FastAPI's own shape of a validation error."""
    description = said["description"] if said and said["description"] != "Validation Error" else _ERRORS[status]
    schema = {"$ref": f"#/components/schemas/{problem_schema.NAME}"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


def _add_choices(operation: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    named = {parameter["name"].lower() for parameter in parameters if parameter["in"] == "header"}
    parameters.extend(choice for choice in _CHOICES if str(choice["name"]).lower() not in named)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def operation_id_of(route: APIRoute) -> str:
    """Method names of generated clients: the function's own name."""
    return route.name


def written() -> bytes:
    """The document as it is committed; needs no settings and no engines."""
    from onerouter_registry.app import build_management_routes

    app = FastAPI(generate_unique_id_function=operation_id_of)
    build_management_routes(app)
    return orjson.dumps(describe(app), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def main() -> None:
    """Write the document to standard output."""
    sys.stdout.buffer.write(written())


if __name__ == "__main__":
    main()
