"""The API reference, made from its OpenAPI document."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from onerouter_gateway.reference.html import anchor, example, field_rows, kind, looked_up, page, prose, resolve, table


def render(document: Mapping[str, Any]) -> str:
    """The whole page for an OpenAPI document."""
    info = document["info"]
    tags = document["tags"]
    links = "".join(f'<a href="#{anchor(tag["name"])}">{escape(tag["name"])}</a>' for tag in tags)
    sections = "".join(_section(document, tag) for tag in tags)
    return page(
        f"{info['title']} API",
        (
            prose(info["description"]),
            '<p>For programs: <a href="/openapi.json">openapi.json</a>. <a href="/asyncapi">The topics</a> behind it.</p>',
            f"<nav>{links}</nav>",
            sections,
        ),
    )


def _section(document: Mapping[str, Any], tag: Mapping[str, Any]) -> str:
    operations = [
        _operation(document, method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if tag["name"] in operation.get("tags", ())
    ]
    name = tag["name"]
    return f'<h2 id="{anchor(name)}">{escape(name)}</h2><p>{escape(tag["description"])}</p>{"".join(operations)}'


def _operation(document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    answers = operation["responses"]
    answer: Mapping[str, Any] = next((told for status, told in answers.items() if status in ("200", "201")), {})
    return (
        f'<h3 id="{escape(operation["operationId"])}"><span class="method">{method.upper()}</span> '
        f"<code>{escape(path)}</code></h3><p><strong>{escape(operation['summary'])}.</strong> </p>"
        f"{prose(operation.get('description', ''))}"
        f"{table('Parameters', _parameter_rows(operation.get('parameters', [])))}"
        f"{_body(document, body) if body else ''}"
        f"{table('Answers', _answer_rows(document, answers))}"
        f"{example(answer.get('content', {}).get('application/json', {}))}"
    )


def _body(document: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    resolved = resolve(document, body["schema"])
    return table("Body", field_rows(document, resolved)) + example(body)


def _parameter_rows(parameters: list[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for parameter in parameters:
        place = str(parameter["in"]) + (", required" if parameter.get("required") else "")
        yield parameter["name"], place, parameter.get("description", "")


def _answer_rows(document: Mapping[str, Any], responses: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for status, told in responses.items():
        response = looked_up(document, told)
        schemas = [content.get("schema", {}) for content in response.get("content", {}).values()]
        yield status, ", ".join(kind(document, schema) for schema in schemas), response["description"]
