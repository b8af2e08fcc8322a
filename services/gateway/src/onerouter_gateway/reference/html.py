"""What the reference pages are made of: prose, tables, fields of a schema. No script, nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any, Final
from urllib.parse import unquote

import orjson

_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--accent:#3b5bdb}
body{font:15px/1.55 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:0}h2{margin-top:3rem;border-bottom:1px solid var(--line)}h3{margin:2.2rem 0 .3rem;font-size:1.05rem}
code,pre{font:13px/1.5 ui-monospace,monospace}pre{background:var(--soft);padding:.8rem;overflow:auto;border-radius:6px}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;
border-bottom:1px solid var(--line)}td:first-child{white-space:nowrap}.method{color:var(--accent);font-weight:700}
nav a{display:inline-block;margin-right:1rem}details{margin:.4rem 0}
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Content-Security-Policy of every page: its own style, and nothing else."""


def page(title: str, parts: Iterable[str]) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{''.join(parts)}</html>"
    )


def example(content: Mapping[str, Any]) -> str:
    if "example" not in content:
        return ""
    shown = orjson.dumps(content["example"], option=orjson.OPT_INDENT_2).decode()
    return f"<details><summary>Example</summary><pre>{escape(shown)}</pre></details>"


def field_rows(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        form = kind(document, field) + (", required" if name in required else "")
        yield name, form, field.get("description", "")


def kind(document: Mapping[str, Any], field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in field:
        kinds = [kind(document, one) for one in field["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in field:
        return " | ".join(str(value) for value in field["enum"])
    if field.get("type") == "array":
        return f"array of {kind(document, field.get('items', {}))}"
    return str(field.get("type", field.get("const", "")))


def resolve(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema a reference leads to. Of a choice the first, of which a reader learns most."""
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return resolve(document, schema[choice][0])
    return looked_up(document, schema)


def looked_up(document: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference into `components` leads to, or the thing itself."""
    if "$ref" not in told:
        return told
    _, _, kind, name = unquote(str(told["$ref"])).split("/")
    found: Mapping[str, Any] = document["components"][kind][name]
    return found


def table(title: str, rows: Iterator[tuple[str, str, str]]) -> str:
    lines = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{escape(kind)}<td>{inline(text)}" for name, kind, text in rows
    )
    return f"<details open><summary>{title}</summary><table>{lines}</table></details>" if lines else ""


def prose(text: str) -> str:
    return "".join(f"<p>{inline(paragraph)}</p>" for paragraph in text.strip().split("\n\n") if paragraph)


def inline(text: str) -> str:
    """Our descriptions use two marks: `code` and **strong**."""
    parts = escape(text).split("`")
    marked = "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
    pieces = marked.split("**")
    return "".join(f"<strong>{piece}</strong>" if number % 2 else piece for number, piece in enumerate(pieces))


def anchor(name: str) -> str:
    return name.lower().replace(" ", "-")
