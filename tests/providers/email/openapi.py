"""An email provider's own OpenAPI files as judges of what goes over the wire, in both directions."""

import json
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from openapi_schema_validator import OAS31Validator
from tests.providers.payments.paypal.openapi import Document, Exchange

from onerouter_providers.http import open_pool


def specs() -> Path:
    """The reference folder; it is not part of the repository."""
    repository = Path(__file__).resolve().parents[3]
    return Path(os.environ.get("ONEROUTER_SPECS_DIR", repository.parent / "shared" / "specs"))


@dataclass
class Recorder(httpx.AsyncBaseTransport):
    """The pool of a worker, with an ear on it. `prefix`: where the sandbox has the provider."""

    prefix: str
    pool: httpx.AsyncBaseTransport = field(default_factory=open_pool)
    heard: list[Exchange] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.pool.handle_async_request(request)
        try:
            received = b"".join([chunk async for chunk in response.aiter_raw()])
        finally:
            await response.aclose()
        if response.headers.get("content-type", "").startswith("application/json") or not received:
            self.heard.append(
                Exchange(
                    request.method,
                    request.url.path.removeprefix(self.prefix),
                    request.headers,
                    json.loads(request.content) if request.content.startswith(b"{") else None,
                    response.status_code,
                    json.loads(received) if received else None,
                )
            )
        return httpx.Response(response.status_code, headers=response.headers, content=received)

    def take(self) -> list[Exchange]:
        taken, self.heard = self.heard, []
        return taken

    async def aclose(self) -> None:
        await self.pool.aclose()


class Description(Document):
    """A file in OpenAPI 3.1, or in 3.0 as far as it is used."""

    @cached_property
    def content(self) -> dict[str, Any]:
        return dict(_relaxed(json.loads(self.path.read_text("utf-8"))))

    def problems(self, schema: Any, value: Any, *, sent: bool) -> list[str]:
        rooted = {**schema, "components": self.content["components"]}
        wrong = [f"{error.json_path}: {error.message[:200]}" for error in OAS31Validator(rooted).iter_errors(value)]
        return wrong + [f"{place}: not in the schema" for place in self._unknown(schema, value, "$")]


@dataclass(frozen=True)
class Judge:
    """`undescribed`: fields and paths that the provider has and its files do not."""

    descriptions: tuple[Description, ...]
    undescribed: Collection[str] = ()

    def complaints(self, exchange: Exchange) -> list[str]:
        place = f"{exchange.method} {exchange.path} → {exchange.status}"
        for description in self.descriptions:
            operation = description.operation(exchange.method, exchange.path)
            if operation is not None:
                wrong = [
                    *self._asked(description, operation, exchange),
                    *self._answered(description, operation, exchange),
                ]
                return [f"{place}: {one}" for one in wrong if not any(known in one for known in self.undescribed)]
        return [] if any(known in exchange.path for known in self.undescribed) else [f"{place}: no such operation"]

    def _asked(self, description: Description, operation: dict[str, Any], exchange: Exchange) -> list[str]:
        body = description.resolve(operation.get("requestBody"))
        if body is None:
            return [] if exchange.sent in (None, {}) else ["a body where none is taken"]
        if exchange.sent is None:
            return ["no body where one is needed"]
        return description.problems(body["content"]["application/json"]["schema"], exchange.sent, sent=True)

    def _answered(self, description: Description, operation: dict[str, Any], exchange: Exchange) -> list[str]:
        found = operation["responses"].get(str(exchange.status)) or operation["responses"].get("default")
        if found is None:
            return [] if exchange.status >= 400 else ["a status that is not described"]
        content = description.resolve(found).get("content", {}).get("application/json")
        if content is None:
            return [] if exchange.received is None else ["a body where none is described"]
        return description.problems(content["schema"], exchange.received, sent=False)


def _relaxed(thing: Any) -> Any:
    """What may be null by the words of 3.0 may be null."""
    if isinstance(thing, list):
        return [_relaxed(each) for each in thing]
    if not isinstance(thing, dict):
        return thing
    inner = {name: _relaxed(value) for name, value in thing.items() if name != "nullable"}
    if thing.get("nullable") is True and isinstance(inner.get("type"), str):
        inner["type"] = [inner["type"], "null"]
        if "enum" in inner:
            inner["enum"] = [*inner["enum"], None]
    return inner
