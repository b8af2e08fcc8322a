"""The last touches of the API's description: examples everywhere, and what many routes answer alike written once. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from onerouter_gateway.edge.examples import Schema, example_of
from onerouter_gateway.edge.problem_examples import problem_example

_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"


def complete(document: dict[str, Any]) -> None:
    """In place. Every body and answer in JSON gets an example; error answers become references to `components`."""
    shared: dict[str, Any] = document["components"].setdefault("responses", {})
    schemas = document["components"]["schemas"]
    for path, operation in _operations(document):
        _add_example(operation.get("requestBody", {}), schemas, asked=True)
        for status, answer in operation["responses"].items():
            if int(status) < 400:
                _add_example(answer, schemas)
            elif "content" in answer:  # on HEAD there is none
                answer["content"][_PROBLEM]["example"] = problem_example(int(status), _named(path))
                operation["responses"][status] = _shared(shared, _name(path, operation, status), answer)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def _add_example(told: dict[str, Any], schemas: Mapping[str, Schema], *, asked: bool = False) -> None:
    content = told.get("content", {}).get(_JSON)
    if content is not None and "example" not in content and "examples" not in content:
        content["example"] = example_of(content.get("schema", {}), schemas, asked=asked)


def _name(path: str, operation: Mapping[str, Any], status: str) -> str:
    if operation.get("deprecated"):
        return f"OlderPathError{status}"
    return f"Error{status}" if path.startswith("/v1/") else f"ManagementError{status}"


def _shared(shared: dict[str, Any], name: str, answer: dict[str, Any]) -> dict[str, Any]:
    """A reference, or the answer itself where it says something of its own."""
    first = shared.setdefault(name, answer)
    if _but_for_the_example(first) != _but_for_the_example(answer):
        return answer
    return {"$ref": f"#/components/responses/{name}"}


def _but_for_the_example(answer: Mapping[str, Any]) -> Any:
    return answer["description"], answer.get("headers"), answer["content"][_PROBLEM]["schema"]


def _named(path: str) -> str:
    """An address of the route: what each error says it is about."""
    return "/".join("…" if part.startswith("{") else part for part in path.split("/"))
