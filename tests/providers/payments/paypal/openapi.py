"""PayPal's own OpenAPI files as judges of what goes over the wire, in both directions."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import httpx
from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator

from onerouter_providers.http import open_pool

FILES: Final = (
    "paypal-checkout_orders_v2.json",
    "paypal-payments_payment_v2.json",
    "paypal-catalogs_products_v1.json",
    "paypal-billing_subscriptions_v1.json",
    "paypal-invoicing_v2.json",
    "paypal-vault_payment_tokens_v3.json",
    "paypal-customer_partner_referrals_v2.json",
    "paypal-payments_payouts_batch_v1.json",
    "paypal-notifications_webhooks_v1.json",
)


@dataclass(frozen=True)
class Exchange:
    """One request of ours and its answer."""

    method: str
    path: str
    headers: Mapping[str, str]
    sent: Any
    status: int
    received: Any


@dataclass
class Recorder(httpx.AsyncBaseTransport):
    """The pool of a worker, with an ear on it."""

    pool: httpx.AsyncBaseTransport = field(default_factory=open_pool)
    heard: list[Exchange] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.pool.handle_async_request(request)
        received = b"".join([chunk async for chunk in response.aiter_raw()])
        await response.aclose()
        self.heard.append(
            Exchange(
                request.method,
                request.url.path.removeprefix("/paypal"),
                request.headers,
                json.loads(request.content) if request.content.startswith(b"{") else None,
                response.status_code,
                json.loads(received) if received else None,
            )
        )
        return httpx.Response(response.status_code, headers=response.headers, content=received)

    async def aclose(self) -> None:
        await self.pool.aclose()


@dataclass(frozen=True)
class Document:
    """One OpenAPI 3.0 file."""

    path: Path

    @cached_property
    def content(self) -> dict[str, Any]:
        return dict(json.loads(self.path.read_text("utf-8")))

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        for template, methods in self.content["paths"].items():
            if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) and method.lower() in methods:
                return dict(methods[method.lower()])
        return None

    def resolve(self, thing: Any) -> Any:
        while isinstance(thing, dict) and "$ref" in thing:
            found: Any = self.content
            for step in thing["$ref"].removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            thing = found
        return thing

    def problems(self, schema: Any, value: Any, *, sent: bool) -> list[str]:
        """What is wrong with a body, and every field of it that the schema does not name."""
        rooted = {**schema, "components": self.content["components"]}
        validator = (OAS30WriteValidator if sent else OAS30ReadValidator)(rooted)
        wrong = [
            f"{error.json_path}: {error.message[:200]}"
            for error in validator.iter_errors(value)
            # Some lengths in the files are less than those of the words listed beside them (GUEST_CHECKOUT).
            if not (error.validator == "maxLength" and error.instance in error.schema.get("enum", []))
        ]
        return wrong + [f"{place}: not in the schema" for place in self._unknown(schema, value, "$")]

    def _unknown(self, schema: Any, value: Any, place: str) -> Iterator[str]:
        if isinstance(value, dict):
            known = self._properties(schema)
            for name, inner in value.items():
                if known and name not in known:
                    yield f"{place}.{name}"
                for part in known.get(name, []):
                    yield from self._unknown(part, inner, f"{place}.{name}")
                    break
        elif isinstance(value, list):
            items = self.resolve(schema).get("items", {})
            for number, inner in enumerate(value):
                yield from self._unknown(items, inner, f"{place}[{number}]")

    def _properties(self, schema: Any) -> dict[str, list[Any]]:
        """Every property that any part of the schema names."""
        schema = self.resolve(schema)
        found: dict[str, list[Any]] = {name: [part] for name, part in schema.get("properties", {}).items()}
        for combined in ("allOf", "oneOf", "anyOf"):
            for part in schema.get(combined, []):
                for name, parts in self._properties(part).items():
                    found.setdefault(name, []).extend(parts)
        return found


def judge(documents: list[Document], exchange: Exchange) -> list[str]:
    """Everything that PayPal's files have against an exchange."""
    place = f"{exchange.method} {exchange.path} → {exchange.status}"
    for document in documents:
        operation = document.operation(exchange.method, exchange.path)
        if operation is not None:
            wrong = [*_request(document, operation, exchange), *_response(document, operation, exchange)]
            return [f"{place}: {one}" for one in wrong]
    return [f"{place}: PayPal has no such operation"]


def _request(document: Document, operation: dict[str, Any], exchange: Exchange) -> Iterator[str]:
    for parameter in map(document.resolve, operation.get("parameters", [])):
        value = exchange.headers.get(parameter["name"]) if parameter["in"] == "header" else None
        if value is not None:
            yield from document.problems(parameter["schema"], value, sent=True)
    body = document.resolve(operation.get("requestBody"))
    if body is None:
        if exchange.sent is not None:
            yield "a body where none is taken"
        return
    if exchange.sent is None:
        if body.get("required"):
            yield "no body where one is needed"
        return
    if exchange.headers.get("content-type") != "application/json":
        yield "not sent as JSON"
    yield from document.problems(body["content"]["application/json"]["schema"], exchange.sent, sent=True)


def _response(document: Document, operation: dict[str, Any], exchange: Exchange) -> Iterator[str]:
    responses = operation["responses"]
    status = str(exchange.status)
    if status == "200" and status not in responses:
        status = "201"  # a repeat under a request id: the same shape, another status
    response = document.resolve(responses.get(status) or responses["default"])
    content = response.get("content", {}).get("application/json")
    if content is None:
        if exchange.received is not None:
            yield "a body where none is documented"
        return
    yield from document.problems(content["schema"], exchange.received, sent=False)
