"""From an answer's bytes to a result or an error. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, TypeVar

from onerouter import types
from onerouter._errors import APIConnectionError, APIError, FieldError, OneRouterError, RateLimitError, class_of
from onerouter._object import Accepted, Object, Objects, OpenObject
from onerouter._response import Response
from onerouter._retry import IN_FLIGHT, by_status, retry_after_s
from onerouter._secret import redacted

T = TypeVar("T", bound=Object)

_SHOWN: Final = 200
"""Characters of an answer that is no JSON which its error repeats."""


class Answer:
    """What came back, whole."""

    __slots__ = ("content", "headers", "status_code")

    def __init__(self, status_code: int, headers: Mapping[str, str], content: bytes) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300


def under_way(failure: APIError) -> Answer | None:
    """The 202 that got lost, of the refusal that says its operation is being carried out; None: it says no such thing."""
    if failure.code != IN_FLIGHT or failure.operation_id is None:
        return None
    said = failure.body if isinstance(failure.body, dict) else {}
    operation = {
        "id": failure.operation_id,
        "object": "operation",
        "operation": _text(said.get("operation")),
        "status": "accepted",
        "effect": "unknown",
    }
    return Answer(202, failure.headers, json.dumps(operation).encode())


class NotJson(Exception):
    """A success that cannot be read: cut off on its way, or not from a OneRouter."""


def content_of(answer: Answer) -> Any:
    """Raises NotJson. An empty answer is an empty object."""
    if not answer.content:
        return {}
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        raise NotJson from None


def result_of(cls: type[T], content: Any, response: Response, *, waits: bool = True) -> T:
    """Raises APIConnectionError for what is no object. Who does not wait is given the operation, though it has ended."""
    if not isinstance(content, dict):
        raise unreadable(response, "no JSON object")
    result: Any
    if not waits:
        content = _operation_of(content, response) or content
    if (response.status_code == 202 or not waits) and content.get("object") == "operation" and "id" in content:
        content["operation_id"] = content["id"]
        result = build(Accepted, content)
        result._meant = cls
    else:
        result = build(cls, content)
    result._response = response
    return result  # type: ignore[no-any-return]


def _operation_of(content: Mapping[str, Any], response: Response) -> dict[str, Any] | None:
    """Of a result, what came to it; None: it is the operation itself, or there was none."""
    operation_id = response.headers.get("x-onerouter-operation-id")
    if operation_id is None or content.get("object") == "operation":
        return None
    return {
        "id": operation_id,
        "object": "operation",
        "operation": None,
        "status": "succeeded",
        "effect": "committed",
        "resource_id": _text(content.get("id")),
    }


def results_of(cls: type[T], content: Any, response: Response) -> Objects[T]:
    """Raises APIConnectionError for what is no array of objects."""
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise unreadable(response, "no JSON array of objects")
    results: Objects[T] = Objects(build(cls, each) for each in content)
    results.response = response
    return results


def build(cls: type[T], fields: dict[str, Any]) -> T:
    """`fields` in the class, and what is in them in theirs."""
    nested = cls._nested
    for name, value in fields.items():
        kind = type(value)
        if kind is dict:
            fields[name] = build(nested.get(name) or _by_object(value), value)
        elif kind is list and value:
            fields[name] = _built_list(nested.get(name, OpenObject), value)
    return cls(fields)


def _by_object(fields: Mapping[str, Any]) -> type[Object]:
    """The data of an event and the result of an operation may be anything; they say themselves what they are."""
    said = fields.get("object")
    name = types.BY_OBJECT.get(said) if isinstance(said, str) else None
    return OpenObject if name is None else _class(name)


@cache
def _class(name: str) -> type[Object]:
    found: type[Object] = getattr(types, name)
    return found


@cache
def page_of(cls: type[Object]) -> type[Object]:
    """What a page of them is built as: as many as there are kinds of results."""
    return type(f"{cls.__name__}Page", (Object,), {"_nested": {"data": cls}, "__slots__": ()})


@cache
def operation_of(cls: type[Object]) -> type[OpenObject]:
    """An operation whose result is one of them."""
    return type(f"{cls.__name__}Operation", (OpenObject,), {"_nested": {"result": cls}, "__slots__": ()})


def _built_list(cls: type[Object], values: list[Any]) -> list[Any]:
    return [
        build(cls, value) if type(value) is dict else _built_list(cls, value) if type(value) is list else value
        for value in values
    ]


def unreadable(response: Response, what: str) -> APIConnectionError:
    """An answer that says nothing: something may have happened, as when none had come."""
    kind = response.headers.get("content-type", "no content type")
    error = APIConnectionError(f"The answer ({response.status_code}, {kind}) is {what}.")
    error.status_code = response.status_code
    error.headers = response.headers
    error.request_id = response.request_id
    error.idempotency_key = response.idempotency_key
    error.attempts = response.attempts
    error.effect = "none" if response.idempotency_key is None else "unknown"
    return error


def error_of(answer: Answer, *, has_effect: bool) -> APIError:
    """The error an answer stands for, which need not be a problem of ours: proxies answer too."""
    try:
        body: Any = json.loads(answer.content)
    except (ValueError, RecursionError):
        body = answer.content.decode("utf-8", "replace")
    problem: Mapping[str, Any] = body if isinstance(body, dict) else {}
    if not answer.content and "x-onerouter-error-code" in answer.headers:  # of HEAD, which has no body
        problem = {"code": answer.headers["x-onerouter-error-code"]}
    error = of_problem(problem, status=answer.status_code, text=body if isinstance(body, str) else "")
    error.body = body
    error.headers = answer.headers
    error.request_id = answer.headers.get("x-request-id")
    error.trace_id = error.trace_id or answer.headers.get("x-trace-id")
    error.operation_id = error.operation_id or answer.headers.get("x-onerouter-operation-id")
    if isinstance(error, RateLimitError) or "retry-after" in answer.headers:
        error.retry_after = retry_after_s(answer.headers)
    if error.effect is None and has_effect and answer.status_code >= 500:
        error.effect = "unknown"  # whoever answered does not say; it may have been passed on before
    return error


def of_problem(problem: Mapping[str, Any], *, status: int, text: str = "") -> APIError:
    """Of what an answer, or an operation that failed, says. Each field is read with care: it may be anybody's JSON."""
    code = _text(problem.get("code"))
    message = _text(problem.get("detail")) or _text(problem.get("message")) or _text(problem.get("error"))
    error = class_of(status, code)(_sentence(message, status, text))
    error.status_code = status
    error.code = code
    error.errors = _field_errors(problem.get("errors"))
    error.trace_id = _text(problem.get("trace_id"))
    error.provider = _text(problem.get("provider"))
    error.provider_code = _text(problem.get("provider_code"))
    error.operation_id = _text(problem.get("operation_id"))
    error.doc_url = _text(problem.get("type"))
    effect = problem.get("effect")
    error.effect = effect if effect in {"none", "unknown", "committed"} else None
    said = problem.get("retryable")
    error.retryable = said if isinstance(said, bool) else by_status(status)
    error.body = problem
    return error


def _sentence(message: str | None, status: int, text: str) -> str:
    if message:
        return redacted(message)
    shown = " ".join(text.split())[:_SHOWN]
    return redacted(f"The server answered {status}: {shown}" if shown else f"The server answered {status}.")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _field_errors(value: Any) -> tuple[FieldError, ...]:
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple(
        FieldError(field=str(each.get("field", "")), message=str(each.get("message", "")))
        for each in value
        if isinstance(each, dict)
    )


def mark(error: OneRouterError, *, idempotency_key: str | None, attempts: int) -> OneRouterError:
    """What the client knows and the answer does not."""
    error.idempotency_key = idempotency_key
    error.attempts = attempts
    return error
