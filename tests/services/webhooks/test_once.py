"""What is asked for under an idempotency key is done once, and answered again: the same, its secret included."""

from typing import Any

import httpx
from standardwebhooks import Webhook

from onerouter_common.once.key import HEADER, REPLAYED, Key

from .conftest import Receiver, Running, StartService, eventually
from .delivery.test_delivering import status_of

ENDPOINTS = "/internal/webhook-endpoints"
BODY = {"url": "https://example.com/hook", "headers": {"X-Secret": "s3cr3t-header"}}


def key(number: int, fingerprint: str = "f") -> dict[str, str]:
    return {HEADER: str(Key(f"{number:064x}", fingerprint * 64))}


async def post(service: Running, path: str, body: dict[str, Any], how: dict[str, str]) -> httpx.Response:
    return await service.http.post(path, json=body, headers={**service.owner(), **how})


async def twice(service: Running, path: str, body: dict[str, Any], number: int) -> httpx.Response:
    """The answer to the first, when that to the second is the same and another request under the key is refused."""
    first = await post(service, path, body, key(number))
    assert first.is_success, first.text
    assert REPLAYED not in first.headers
    again = await post(service, path, body, key(number))
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers[REPLAYED] == "true"
    other = await post(service, path, body, key(number, "0"))
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    return first


class TestEndpoints:
    async def test_one_is_made_and_its_secret_shown_again(self, service: Running) -> None:
        made = (await twice(service, ENDPOINTS, BODY, 1)).json()
        assert await service.admin.fetchval("SELECT count(*) FROM webhook_endpoints") == 1
        assert made["secret"].startswith("whsec_")
        assert made["note"] is None
        kept = await service.admin.fetchval("SELECT answer FROM idempotency_keys")
        assert made["id"] in kept
        assert made["secret"] not in kept
        assert "s3cr3t" not in kept

    async def test_a_secret_that_signs_nothing_any_more_is_not_shown(self, service: Running) -> None:
        made = (await twice(service, ENDPOINTS, BODY, 1)).json()
        path = f"{ENDPOINTS}/{made['id']}"
        rotated = (await twice(service, f"{path}/secret/rotate", {"expire_old_after_s": 0}, 2)).json()
        assert rotated["live_secrets"] == 1
        again = (await post(service, ENDPOINTS, BODY, key(1))).json()
        assert again == {**made, "secret": None, "note": again["note"]}
        assert "expired" in again["note"]
        await service.http.delete(path, headers=service.owner())
        again = (await post(service, f"{path}/secret/rotate", {"expire_old_after_s": 0}, key(2))).json()
        assert again == {**rotated, "secret": None, "note": again["note"]}

    async def test_what_is_refused_can_be_asked_again(self, service: Running) -> None:
        refused = await post(service, ENDPOINTS, {"url": "https://10.0.0.1/x"}, key(1))
        assert refused.status_code == 422
        assert (await post(service, ENDPOINTS, BODY, key(1, "0"))).status_code == 201


async def test_an_event_is_sent_once_for_each_key(start_service: StartService, receiver: Receiver) -> None:
    async with start_service() as service:
        endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
        path = f"{ENDPOINTS}/{endpoint['id']}"
        test = (await twice(service, f"{path}/test", {"type": "payment.succeeded"}, 1)).json()
        await status_of(service, endpoint, "succeeded")
        retried = (await twice(service, f"/internal/deliveries/{test['delivery_id']}/retry", {}, 2)).json()
        await eventually(lambda: len(receiver.got) == 2)
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 0 FROM delivery_queue"))
        again = (await twice(service, f"/internal/events/{test['event_id']}/redeliver", {}, 3)).json()
        await eventually(lambda: len(receiver.got) == 3)
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 0 FROM delivery_queue"))
        recovery = {"since": "2020-01-01T00:00:00Z", "what": "all"}
        (await twice(service, f"{path}/recover", recovery, 4)).json()
        assert await service.admin.fetchval("SELECT count(*) FROM recoveries") == 1
        made = {test["delivery_id"], retried["id"], *(one["id"] for one in again["deliveries"])}
        assert len(made) == 3
        assert made <= {one["id"] for one in await service.deliveries(endpoint["id"])}
        assert {Webhook(endpoint["secret"]).verify(got.body, got.headers)["id"] for got in receiver.got} == {
            test["event_id"]
        }
