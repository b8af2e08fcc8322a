"""Every route of the served description, with a request for each that is good when the ids in it are one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import httpx
from tests.e2e.furnishing import NOTHING_HEARD, a_split, vendor_body

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
    "POST /v1/webhook-endpoints": {"url": NOTHING_HEARD, "event_types": ["refund.failed"]},
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


NAMES: Final = (
    "payment_id}",
    "refund_id}",
    "plan_id}",
    "customer_id}",
    "subscription_id}",
    "payment_link_id}",
    "payment_method_id}",
    "vendor_id}",
    "operation_id}",
    "endpoint_id}",
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
}
"""Where a path's parameter is another of its kind than usual."""


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    scopes: tuple[str, ...]
    """Permissions the document names; empty on routes of people and operators, and under /v1."""
    query: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_for_keys(self) -> bool:
        """What programs use, with an API key: no session opens it."""
        return self.path.startswith(("/v1/", "/api/v1/"))

    @property
    def is_read(self) -> bool:
        return self.method == "GET" or self.path == "/api/routing/explain"

    @property
    def is_operators(self) -> bool:
        return self.path.startswith("/api/admin/")

    @property
    def names_something(self) -> bool:
        """Whether it names a thing of one tenant."""
        said = self.path + " ".join(self.query) + json.dumps(BODIES.get(self.name, {}))
        return any(f"{name}" in said for name in NAMES)


async def routes_of(api: httpx.AsyncClient) -> list[Route]:
    document = (await api.get("/openapi.json")).json()
    return [
        _route(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


async def call(
    client: httpx.AsyncClient, route: Route, ids: Mapping[str, str], headers: Mapping[str, str]
) -> httpx.Response:
    body = None
    if route.method != "GET":
        if route.method in {"POST", "PUT", "PATCH"}:
            body = filled(BODIES.get(route.name, {}), ids)
        headers = {**headers, "Idempotency-Key": str(uuid4()), "Prefer": "wait=5"}
    params = {"connection_id": ids["connection_id"]} if "connection_id" in route.query else {}
    path = route.path
    for usual, wanted in _OTHERWISE.items():
        path = path.replace(usual, wanted)
    for name in in_path(path):
        assert name in ids, f"{route.name}: say in this test what {{{name}}} is"
        path = path.replace(f"{{{name}}}", ids[name])
    return await client.request(route.method, path, json=body, params=params, headers=dict(headers))


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
    query = tuple(item["name"] for item in operation.get("parameters", []) if item.get("in") == "query")
    return Route(method.upper(), path, tuple(sorted(scopes)), query)


def statuses_of(answer: httpx.Response) -> set[int]:
    """Of the answer; of each part, where each has its own."""
    if answer.status_code == 200 and answer.json().__class__ is dict and answer.json().get("object") == "bulk_split":
        return {item["status_code"] for item in answer.json()["data"]}
    return {answer.status_code}
