"""Every route of the served description, with a request for each that is good when the ids in it are one's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import httpx
from tests.e2e.furnishing import A_LETTER, A_TEXT, NOTHING_HEARD, a_split, vendor_body

BODIES: Final[Mapping[str, Any]] = {
    "POST /v1/payments": {"amount": "12.00", "currency": "INR"},
    "POST /v1/payments/{payment_id}/capture": {},
    "POST /v1/payments/{payment_id}/cancel": {},
    "POST /v1/refunds": {"payment_id": "{payment_id}", "amount": "1.00"},
    "POST /v1/payments/orders": {"amount": "12.00", "currency": "INR"},
    "POST /v1/payments/refund": {"payment_id": "{payment_id}", "amount": "1.00"},
    "POST /v1/plans": {"name": "Pro", "amount": "12.00", "currency": "INR", "interval": "month"},
    "POST /v1/customers": {"name": "Asha Rao", "email": "asha@example.com"},
    "POST /v1/subscriptions": {"plan_id": "{plan_id}", "total_count": 3},
    "POST /v1/subscriptions/create": {"plan_id": "{plan_id}", "customer_id": "{customer_id}", "total_count": 3},
    "POST /v1/subscriptions/{subscription_id}/change_plan": {"new_plan_id": "{plan_id}"},
    "POST /v1/payment-links": {"amount": "12.00", "currency": "INR"},
    "POST /v1/payment-methods": {"payment_method_id": "{token_id}", "customer_id": "{customer_id}"},
    "PATCH /v1/payment-methods/{payment_method_id}": {"nickname": "another"},
    "POST /v1/marketplace/vendors": vendor_body("Pottery", "112233445566"),
    "PATCH /v1/marketplace/vendors/{vendor_id}/split": {"percent": "80"},
    "POST /v1/marketplace/payments/split": a_split("{vendor_id}"),
    "POST /v1/marketplace/payments/bulk-split": {"payments": [a_split("{vendor_id}")]},
    "POST /api/v1/payments": {"amount": 1_200, "currency": "INR"},
    "POST /api/v1/payments/create": {"amount": 1_200, "currency": "INR"},
    "POST /api/v1/payments/{payment_id}/refund": {"amount": 100},
    "POST /api/v1/services/{category}": {"action": "refund", "data": {"payment_id": "{payment_id}", "amount": 100}},
    "POST /api/v1/customers": {"name": "Asha Rao", "email": "asha@example.com"},
    "POST /api/v1/api-keys": {"name": "another", "scopes": ["payments:read"]},
    "PATCH /api/v1/api-keys/{key_id}": {"name": "renamed"},
    "PUT /api/v1/api-keys/{key_id}": {"name": "renamed again"},
    "POST /sms": A_TEXT,
    "POST /v1/sms": A_TEXT,
    "POST /v1/sms/bulk": {"body": "Hello.", "recipients": [{"to": "+14155552671"}]},
    "POST /v1/sms/templates": {"name": "Another", "body": "Hello {{ name }}."},
    "PATCH /v1/sms/templates/{template_id}": {"body": "Hi {{ name }}."},
    "POST /v1/sms/templates/{template_id}/preview": {"variables": {"name": "Ada"}},
    "POST /email": A_LETTER,
    "POST /v1/email": A_LETTER,
    "POST /v1/email/bulk": {"subject": "Hello", "text_body": "Hello.", "recipients": [{"to": "ada@example.net"}]},
    "POST /v1/email/templates": {"name": "Another", "subject": "Hello", "text": "Hello {{ name }}."},
    "PATCH /v1/email/templates/{template_id}": {"subject": "Hi"},
    "POST /v1/email/templates/{template_id}/preview": {"variables": {"name": "Ada"}},
    "POST /v1/suppressions": {"channel": "email", "address": "left@example.net"},
    "POST /v1/storage/{bucket}/uploads": {"key": "another", "size": 5},
    "POST /v1/storage/{bucket}/downloads": {"key": "{key}"},
    "POST /v1/webhook-endpoints/{endpoint_id}/recover": {"since": "2026-01-01T00:00:00Z", "types": ["payment.none"]},
    "POST /v1/events/{event_id}/redeliver": {"endpoint_id": "{endpoint_id}"},
    "POST /v1/webhook-endpoints": {"url": NOTHING_HEARD, "event_types": ["refund.failed"]},
    "PATCH /v1/webhook-endpoints/{endpoint_id}": {"description": "another"},
    "PATCH /api/tenant": {"name": "Renamed Ltd"},
    "POST /api/tenants": {"name": "One more"},
    "POST /api/tenant/delete": {"confirm": "Renamed Ltd"},
    "POST /api/api-keys": {"name": "another", "scopes": ["payments:read"]},
    "PATCH /api/api-keys/{key_id}": {"name": "renamed"},
    "PATCH /api/members/{user_id}": {"role": "developer"},
    "POST /api/invitations": {"email": "someone@example.com", "role": "viewer"},
    "POST /api/services/{service}/{provider}/connect": {"credentials": {}, "label": "another", "verify": False},
    "PATCH /api/services/{service}/{provider}": {"max_in_flight": 8},
    "PUT /api/routing/{category}": {"rules": [], "default": {"split": [{"connection": "{connection_id}"}]}},
    "POST /api/routing/explain": {"category": "payments", "capability": "payment.create", "currency": "INR"},
    "POST /api/admin/tenants": {"name": "Made by an operator"},
    "PATCH /api/admin/tenants/{tenant_id}": {"plan": "starter"},
    "POST /api/admin/tenants/{tenant_id}/suspend": {"reason": "because"},
    "POST /api/admin/providers/{category}/{provider}/disable": {"reason": "because"},
    "POST /api/admin/categories/{category}/disable": {"reason": "because"},
    "POST /api/admin/operations/{operation_id}/resolve": {"outcome": "failed", "reason": "because"},
}
"""What a valid request says, where it must say something; `{names}` are the house's ids."""


BYTES: Final[Mapping[str, bytes]] = {"PUT /v1/storage/{bucket}/objects/{key}": b"hello again"}
"""What is no JSON."""


NAMES: Final = (
    "bucket}",
    "upload_id}",
    "payment_id}",
    "refund_id}",
    "plan_id}",
    "customer_id}",
    "subscription_id}",
    "payment_link_id}",
    "payment_method_id}",
    "vendor_id}",
    "operation_id}",
    "sms_id}",
    "email_id}",
    "batch_id}",
    "template_id}",
    "suppression_id}",
    "endpoint_id}",
    "event_id}",
    "delivery_id}",
    "recovery_id}",
    "key_id}",
    "connection_id",
    "user_id}",
    "invitation_id}",
    "tenant_id}",
    "session_id}",
    "identity_id}",
)


_OTHERWISE: Final = {
    "/split/{payment_id}": "/split/{split_payment_id}",
    "/{payment_id}/capture": "/{authorized_payment_id}/capture",
    "/sms/templates/{template_id}": "/sms/templates/{sms_template_id}",
    "/sms/batches/{batch_id}/cancel": "/sms/batches/{planned_sms_batch_id}/cancel",
    "/email/batches/{batch_id}/cancel": "/email/batches/{planned_batch_id}/cancel",
    "/sms/batches/{batch_id}": "/sms/batches/{sms_batch_id}",
    "/sms/{sms_id}/cancel": "/sms/{planned_sms_id}/cancel",
    "/email/{email_id}/cancel": "/email/{planned_email_id}/cancel",
    "/uploads/{upload_id}/parts": "/uploads/{parted_upload_id}/parts",
    "/uploads/{upload_id}/complete": "/uploads/{made_upload_id}/complete",
    "/uploads/{upload_id}/abort": "/uploads/{aborted_upload_id}/abort",
}
"""Where a path's parameter is another of its kind than usual."""


QUERIES: Final[Mapping[str, Mapping[str, str]]] = {
    "GET /v1/suppressions": {"channel": "email"},
    "GET /v1/suppressions/check": {"channel": "email", "address": "ada@example.net"},
}
"""What must be asked."""
_ASKED_BY_POST: Final = frozenset({"/api/routing/explain", "/v1/storage/{bucket}/downloads"})
OF_KEYS: Final = ("/v1/", "/api/v1/", "/sms", "/email")


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    scopes: tuple[str, ...]
    """Permissions the document names; empty on routes of people and operators, and under /v1."""
    query: tuple[str, ...]
    takes_key: bool
    """Under an idempotency key. Where the document names none, one may be refused."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_for_keys(self) -> bool:
        """What programs use, with an API key: no session opens it."""
        return self.path.startswith(OF_KEYS)

    @property
    def is_read(self) -> bool:
        return self.method in ("GET", "HEAD") or self.path in _ASKED_BY_POST

    @property
    def is_operators(self) -> bool:
        return self.path.startswith("/api/admin/")

    @property
    def names_something(self) -> bool:
        """Whether it names a thing of one tenant."""
        said = self.path + " ".join(self.query) + json.dumps(BODIES.get(self.name, {}))
        return any(f"{name}" in said for name in NAMES)


def is_endless(operation: Mapping[str, Any]) -> bool:
    """Whether its answer is a stream, which is read elsewhere."""
    return "text/event-stream" in operation["responses"].get("200", {}).get("content", {})


async def routes_of(api: httpx.AsyncClient) -> list[Route]:
    document = (await api.get("/openapi.json")).json()
    return [
        _route(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if not is_endless(operation)
    ]


_PATIENCE = 5
"""On a busy machine the limiter may be away for a moment, and each gateway then keeps to a part of the limit."""


async def call(
    client: httpx.AsyncClient, route: Route, ids: Mapping[str, str], headers: Mapping[str, str]
) -> httpx.Response:
    body, content = None, BYTES.get(route.name)
    if route.method not in ("GET", "HEAD"):
        if route.method in {"POST", "PUT", "PATCH"} and content is None:
            body = filled(BODIES.get(route.name, {}), ids)
        key = {"Idempotency-Key": str(uuid4())} if route.takes_key else {}
        headers = {**headers, **key, "Prefer": "wait=5"}
    params = dict(QUERIES.get(route.name, {}))
    # Of an object the bucket's name says it.
    if "connection_id" in route.query and route.path.startswith("/api/services/"):
        params["connection_id"] = ids["connection_id"]
    path = route.path
    for usual, wanted in _OTHERWISE.items():
        path = path.replace(usual, wanted)
    for name in in_path(path):
        assert name in ids, f"{route.name}: say in this test what {{{name}}} is"
        path = path.replace(f"{{{name}}}", ids[name])
    for _ in range(_PATIENCE):
        answer = await client.request(
            route.method, path, json=body, content=content, params=params, headers=dict(headers)
        )
        if answer.status_code != 429:
            break
        await asyncio.sleep(int(answer.headers["retry-after"]))
    return answer


def in_path(path: str) -> Iterator[str]:
    for part in path.split("{")[1:]:
        yield part.partition("}")[0]


def filled(body: Any, ids: Mapping[str, str]) -> Any:
    text = json.dumps(body)
    for name, value in ids.items():
        text = text.replace(f"{{{name}}}", value)
    return json.loads(text)


def _route(method: str, path: str, operation: Mapping[str, Any]) -> Route:
    scopes = {scope for option in operation.get("security", []) for scopes in option.values() for scope in scopes}
    parameters = operation.get("parameters", [])
    query = tuple(item["name"] for item in parameters if item.get("in") == "query")
    takes_key = any(item.get("name") == "Idempotency-Key" for item in parameters)
    return Route(method.upper(), path, tuple(sorted(scopes)), query, takes_key)


def statuses_of(answer: httpx.Response) -> set[int]:
    """Of the answer; of each part, where each has its own."""
    body = answer.json() if answer.status_code == 200 and b'"bulk_split"' in answer.content else None
    if isinstance(body, dict) and body.get("object") == "bulk_split":
        return {item["status_code"] for item in body["data"]}
    return {answer.status_code}
