"""`/docs`: the API reference as one page, made here from the description; no script, nothing from elsewhere."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--accent:#3b5bdb}
body{font:15px/1.55 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:0}h2{margin-top:3rem;border-bottom:1px solid var(--line)}h3{margin:2.2rem 0 .3rem;font-size:1.05rem}
code,pre{font:13px/1.5 ui-monospace,monospace}pre{background:var(--soft);padding:.8rem;overflow:auto;border-radius:6px}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;
border-bottom:1px solid var(--line)}td:first-child{white-space:nowrap}.method{color:var(--accent);font-weight:700}
nav a{display:inline-block;margin-right:1rem}details{margin:.4rem 0}
"""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def install(app: FastAPI) -> None:
    """Serve the page at /docs. Made once, when first asked for."""
    made: list[str] = []

    async def page(_: Request) -> HTMLResponse:
        if not made:
            made.append(render(app.openapi()))
        return HTMLResponse(made[0], headers={"Content-Security-Policy": _POLICY})

    app.router.routes.append(Route("/docs", page, methods=["GET"], include_in_schema=False))


def render(document: Mapping[str, Any]) -> str:
    """The whole page for an OpenAPI document."""
    info = document["info"]
    tags = document["tags"]
    links = "".join(f'<a href="#{_anchor(tag["name"])}">{escape(tag["name"])}</a>' for tag in tags)
    sections = "".join(_section(document, tag) for tag in tags)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])} API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(info['title'])} API</h1>{_prose(info['description'])}"
        f'<p>For programs: <a href="/openapi.json">openapi.json</a>.</p><nav>{links}</nav>{sections}</html>'
    )


def _section(document: Mapping[str, Any], tag: Mapping[str, Any]) -> str:
    operations = [
        _operation(document, method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if tag["name"] in operation.get("tags", ())
    ]
    name = tag["name"]
    return f'<h2 id="{_anchor(name)}">{escape(name)}</h2><p>{escape(tag["description"])}</p>{"".join(operations)}'


def _operation(document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return (
        f'<h3 id="{escape(operation["operationId"])}"><span class="method">{method.upper()}</span> '
        f"<code>{escape(path)}</code></h3><p><strong>{escape(operation['summary'])}.</strong> </p>"
        f"{_prose(operation.get('description', ''))}"
        f"{_table('Parameters', _parameter_rows(operation.get('parameters', [])))}"
        f"{_body(document, body) if body else ''}"
        f"{_table('Answers', _answer_rows(document, operation['responses']))}"
    )


def _body(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    resolved = _resolve(document, schema)
    examples = resolved.get("examples", [])
    shown = orjson.dumps(examples[0], option=orjson.OPT_INDENT_2).decode() if examples else ""
    table = _table("Body", _field_rows(document, resolved))
    return table + (f"<pre>{escape(shown)}</pre>" if shown else "")


def _parameter_rows(parameters: list[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for parameter in parameters:
        place = str(parameter["in"]) + (", required" if parameter.get("required") else "")
        yield parameter["name"], place, parameter.get("description", "")


def _field_rows(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        kind = _kind(document, field) + (", required" if name in required else "")
        yield name, kind, field.get("description", "")


def _answer_rows(document: Mapping[str, Any], responses: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for status, response in responses.items():
        schemas = [content.get("schema", {}) for content in response.get("content", {}).values()]
        yield status, ", ".join(_kind(document, schema) for schema in schemas), response["description"]


def _kind(document: Mapping[str, Any], field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in field:
        kinds = [_kind(document, one) for one in field["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in field:
        return " | ".join(str(value) for value in field["enum"])
    if field.get("type") == "array":
        return f"array of {_kind(document, field.get('items', {}))}"
    return str(field.get("type", field.get("const", "")))


def _resolve(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema a reference leads to. Of a choice the first, of which a reader learns most."""
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _resolve(document, schema[choice][0])
    if "$ref" not in schema:
        return schema
    name = str(schema["$ref"]).rsplit("/", 1)[1]
    resolved: Mapping[str, Any] = document["components"]["schemas"][name]
    return resolved


def _table(title: str, rows: Iterator[tuple[str, str, str]]) -> str:
    lines = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{escape(kind)}<td>{_inline(text)}" for name, kind, text in rows
    )
    return f"<details open><summary>{title}</summary><table>{lines}</table></details>" if lines else ""


def _prose(text: str) -> str:
    return "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in text.strip().split("\n\n") if paragraph)


def _inline(text: str) -> str:
    """Our descriptions use two marks: `code` and **strong**."""
    parts = escape(text).split("`")
    marked = "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
    pieces = marked.split("**")
    return "".join(f"<strong>{piece}</strong>" if number % 2 else piece for number, piece in enumerate(pieces))


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")
