"""Whether real answers are what the served description says: nothing undocumented in them, nothing missing."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]
from tests.e2e.surface import is_endless

_BYTES: Final = "application/octet-stream"
OF_KEYS: Final = ("/v1/", "/api/v1/")


class Description:
    """The document with its objects closed: a field that no schema names is a mistake."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = copy.deepcopy(dict(document))
        for schema in self._document["components"]["schemas"].values():
            _close(schema)
        self._templates = sorted(
            ((template, _pattern(template)) for template in self._document["paths"]),
            key=lambda pair: pair[0].count("{"),  # /payments/orders stands before /payments/{payment_id}
        )

    def operations(self) -> Iterator[str]:
        """Every `METHOD /path` that is for API keys."""
        for template, methods in self._document["paths"].items():
            if template.startswith(OF_KEYS):
                yield from (f"{method.upper()} {template}" for method, told in methods.items() if not is_endless(told))

    def check(self, answer: httpx.Response) -> tuple[str, str | None]:
        """Which operation it answers, and what is wrong with the answer."""
        method, path = answer.request.method, answer.request.url.path
        template = next((found for found, pattern in self._templates if pattern.fullmatch(path)), None)
        if template is None or method.lower() not in self._document["paths"][template]:
            return f"{method} {path}", "is not described"
        name, status = f"{method} {template}", str(answer.status_code)
        told = self._document["paths"][template][method.lower()]["responses"]
        described = {status: self._resolved(answer) for status, answer in told.items()}
        if method == "HEAD" or answer.status_code == 304:
            return (
                name,
                None if status in described and not answer.content else f"answers {status}: {answer.text[:300]}",
            )
        media_type = answer.headers["content-type"].partition(";")[0]
        if _BYTES in described.get(status, {}).get("content", {}):
            return name, None  # of whatever type the object is
        if status not in described or media_type not in described[status].get("content", {}):
            return name, f"answers {status} {media_type}, which is not described: {answer.text[:300]}"
        schema = {**described[status]["content"][media_type]["schema"], "components": self._document["components"]}
        error = best_match(Draft202012Validator(schema).iter_errors(answer.json()))
        return name, None if error is None else f"{status}: {error.json_path} {error.message}"[:600]

    def _resolved(self, told: Mapping[str, Any]) -> Mapping[str, Any]:
        """An answer that many operations give stands in `components`."""
        if "$ref" not in told:
            return told
        found: Mapping[str, Any] = self._document["components"]["responses"][told["$ref"].rpartition("/")[2]]
        return found


class Witness(httpx.AsyncClient):
    """A client that remembers every answer it got."""

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self.answers: list[httpx.Response] = []
        super().__init__(base_url=base_url, headers=headers, timeout=30.0, event_hooks={"response": [self._keep]})

    async def _keep(self, answer: httpx.Response) -> None:
        await answer.aread()
        self.answers.append(answer)


def closed(schema: Any) -> Any:
    """A copy in which no object may have a field that is not named."""
    copied = copy.deepcopy(schema)
    _close(copied)
    return copied


def _close(schema: Any) -> None:
    if isinstance(schema, list):
        for one in schema:
            _close(one)
    if not isinstance(schema, dict):
        return
    if "properties" in schema and "additionalProperties" not in schema:
        schema["additionalProperties"] = False
    for name, part in schema.items():
        if name not in ("examples", "example", "enum", "const", "required"):
            _close(list(part.values()) if name == "properties" else part)


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[a-z_]+\})", template)
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts))
