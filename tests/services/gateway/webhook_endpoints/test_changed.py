"""What changes a webhook endpoint reaches the webhooks service as it was asked, and for its tenant alone."""

from typing import Any

import pytest

from onerouter_common.ids import ENDPOINT, new_id

PATH = "/v1/webhook-endpoints"
CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("PATCH", "", {"event_types": ["*"], "timeout_s": 5, "filter": {"data": {"amount": {"$gte": 1}}}}),
    ("POST", "/pause", {}),
    ("POST", "/enable", {}),
    ("POST", "/secret/rotate", {"expire_old_after_s": 60}),
    ("POST", "/test", {"type": "payment.succeeded"}),
]


@pytest.mark.parametrize(("method", "rest", "body"), CHANGES)
async def test_it_is_forwarded_as_it_is(gateway: Any, world: Any, method: str, rest: str, body: dict[str, Any]) -> None:
    tenant, endpoint_id = world.tenant(), new_id(ENDPOINT)
    world.services.asked.clear()
    answer = await gateway.http.request(method, f"{PATH}/{endpoint_id}{rest}", json=body, headers=tenant.auth)
    assert answer.is_success, answer.text
    assert answer.json() == {"object": "webhook_endpoint", **body}
    assert world.services.asked == [(f"/internal/webhook-endpoints/{endpoint_id}{rest}", tenant.id, "test", "")]


@pytest.mark.parametrize(("method", "rest", "body"), CHANGES)
async def test_who_may_only_read_changes_nothing(
    gateway: Any, world: Any, method: str, rest: str, body: dict[str, Any]
) -> None:
    reader = world.tenant(scopes=["webhooks:read"])
    world.services.asked.clear()
    answer = await gateway.http.request(method, f"{PATH}/{new_id(ENDPOINT)}{rest}", json=body, headers=reader.auth)
    assert answer.status_code == 403
    assert world.services.asked == []


@pytest.mark.parametrize(("method", "rest", "body"), CHANGES)
async def test_what_is_no_id_is_not_there(
    gateway: Any, world: Any, method: str, rest: str, body: dict[str, Any]
) -> None:
    tenant = world.tenant()
    world.services.asked.clear()
    answer = await gateway.http.request(method, f"{PATH}/we_..%2Fevents{rest}", json=body, headers=tenant.auth)
    assert answer.status_code == 404
    assert world.services.asked == []
