"""Every wrong request gets one precise problem, and leaves nothing behind."""

import asyncio
import gzip
import json
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx
import pytest
from tests.e2e.tenants import administration
from tests.e2e.world import World, check_problem, until

from onerouter_common.api_keys import make_key

PAN: Final = "4111 1111 1111 1111"
_GOOD: Final = {"amount": "1.00", "currency": "INR"}


@pytest.fixture(scope="module", autouse=True)
async def nothing_is_left_behind(world: World) -> AsyncIterator[None]:
    """After all of them exactly one operation more than before: that of a request which came last and was good."""
    await world.create()  # for those who ask for what is another's
    before = [await world.count("payments", table) for table in ("operation_ids", "operations", "payments")]
    yield
    await world.create()
    after = [await world.count("payments", table) for table in ("operation_ids", "operations", "payments")]
    assert after == [count + 1 for count in before]


@dataclass(frozen=True)
class Wrong:
    what: str
    status: int
    code: str
    body: Any = None
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    names: str | None = None
    """The field that the problem must name."""

    def __str__(self) -> str:
        return self.what.replace(" ", "-")


_JSON: Final = {"Content-Type": "application/json"}
_WRONG: Final = [
    Wrong("malformed JSON", 400, "MALFORMED_REQUEST", raw=b'{"amount": 1,', headers=_JSON),
    Wrong("not UTF-8", 400, "MALFORMED_REQUEST", raw=b'{"amount": "\xff"}', headers=_JSON),
    Wrong("a name twice", 400, "MALFORMED_REQUEST", raw=b'{"amount": 1, "amount": 2}', headers=_JSON),
    Wrong("NaN", 400, "MALFORMED_REQUEST", raw=b'{"amount": NaN, "currency": "INR"}', headers=_JSON),
    Wrong("nested too deep", 400, "MALFORMED_REQUEST", raw=b'{"notes":' * 500 + b"1" + b"}" * 500, headers=_JSON),
    Wrong("an array", 422, "VALIDATION_ERROR", body=[_GOOD]),
    Wrong("no amount", 422, "VALIDATION_ERROR", body={"currency": "INR"}, names="amount"),
    Wrong("an amount of another type", 422, "VALIDATION_ERROR", body={**_GOOD, "amount": [1]}, names="amount"),
    Wrong("an amount that is true", 422, "VALIDATION_ERROR", body={**_GOOD, "amount": True}, names="amount"),
    Wrong("an unknown currency", 422, "VALIDATION_ERROR", body={**_GOOD, "currency": "XXQ"}, names="currency"),
    Wrong("a currency of another type", 422, "VALIDATION_ERROR", body={**_GOOD, "currency": 356}, names="currency"),
    Wrong("too many decimals", 422, "VALIDATION_ERROR", body={**_GOOD, "amount": "1.005"}, names="amount"),
    Wrong("decimals of yen", 422, "VALIDATION_ERROR", body={"amount": "100.5", "currency": "JPY"}, names="amount"),
    Wrong("zero", 422, "VALIDATION_ERROR", body={**_GOOD, "amount": 0}, names="amount"),
    Wrong("negative", 422, "VALIDATION_ERROR", body={**_GOOD, "amount": "-5.00"}, names="amount"),
    Wrong("absurdly large", 422, "VALIDATION_ERROR", body={**_GOOD, "amount": "9" * 30}, names="amount"),
    Wrong(
        "an absurd exponent",
        422,
        "VALIDATION_ERROR",
        raw=b'{"amount": 1e999999, "currency": "INR"}',
        headers=_JSON,
        names="amount",
    ),
    Wrong("an unknown method", 422, "VALIDATION_ERROR", body={**_GOOD, "method": "cash"}, names="method"),
    Wrong("an unknown provider", 422, "INVALID_PROVIDER", body={**_GOOD, "provider": "nobody"}, names="provider"),
    Wrong("a wrong email", 422, "VALIDATION_ERROR", body={**_GOOD, "customer": {"email": "x"}}, names="customer.email"),
    Wrong("a card number", 422, "VALIDATION_ERROR", body={**_GOOD, "notes": {"card": PAN}}, names="notes.card"),
    Wrong("a card number as number", 422, "VALIDATION_ERROR", body={**_GOOD, "metadata": {"n": 4111111111111111}}),
    Wrong("plain text", 415, "UNSUPPORTED_MEDIA_TYPE", raw=b"amount=1", headers={"Content-Type": "text/plain"}),
    Wrong(
        "a form",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        raw=b"amount=1",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    Wrong("no content type", 415, "UNSUPPORTED_MEDIA_TYPE", raw=b'{"amount": 1}'),
    Wrong("another encoding", 415, "UNSUPPORTED_MEDIA_TYPE", raw=b"x", headers={**_JSON, "Content-Encoding": "br"}),
    Wrong("broken gzip", 400, "MALFORMED_REQUEST", raw=b"not gzip", headers={**_JSON, "Content-Encoding": "gzip"}),
    Wrong("a body of 10 MB", 413, "PAYLOAD_TOO_LARGE", raw=b'{"notes": "' + b"x" * 10_000_000 + b'"}', headers=_JSON),
    Wrong(
        "a gzip bomb",
        413,
        "PAYLOAD_TOO_LARGE",
        raw=gzip.compress(b'{"notes": "' + b"x" * 40_000_000 + b'"}', 1),
        headers={**_JSON, "Content-Encoding": "gzip"},
    ),
    Wrong("a key that is no key", 400, "VALIDATION_ERROR", body=_GOOD, headers={"Idempotency-Key": "k" * 256}),
    Wrong("live from a test key", 403, "FORBIDDEN", body=_GOOD, headers={"X-OneRouter-Environment": "live"}),
    Wrong("an unknown environment", 422, "VALIDATION_ERROR", body={**_GOOD, "environment": "staging"}),
    Wrong(
        "a wrong signature",
        401,
        "UNAUTHORIZED",
        body=_GOOD,
        headers={"X-Signature": "00", "X-Request-Timestamp": str(int(time.time()))},
    ),
]


@pytest.mark.parametrize("wrong", _WRONG, ids=str)
async def test_a_wrong_request_is_refused_precisely(world: World, wrong: Wrong) -> None:
    content = wrong.raw if wrong.raw is not None else json.dumps(wrong.body).encode()
    headers = {**(_JSON if wrong.raw is None else {}), **wrong.headers}
    answer = await world.api.post("/v1/payments", content=content, headers=headers)
    problem = check_problem(answer, wrong.status, wrong.code)
    assert problem["effect"] == "none"
    assert PAN not in answer.text
    assert answer.headers["x-request-id"]
    if wrong.names is not None:
        assert [error["field"] for error in problem["errors"]] == [wrong.names]


@pytest.mark.parametrize("key", [None, "garbage", "unf_test_" + "a" * 38], ids=["none", "garbage", "typo"])
async def test_without_a_good_key_nobody_gets_in(world: World, key: str | None) -> None:
    async with world.client(key) as client:
        answer = await client.post("/v1/payments", json=_GOOD)
    check_problem(answer, 401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_that_nobody_has_does_not_get_in(world: World) -> None:
    async with world.client(make_key("test").get_secret_value()) as client:
        check_problem(await client.post("/v1/payments", json=_GOOD), 401, "UNAUTHORIZED")


async def test_a_revoked_key_stops_working_everywhere_within_a_second(world: World) -> None:
    async with administration(world.stack) as admin:
        tenant = world.stack.secrets.demo_tenant
        took_s = []
        for number in range(5):
            created = await admin.api_keys.create(tenant, "test", name=f"to be revoked {number}")
            key = created.key.get_secret_value()
            world.secrets.append(key)
            for client in (world.api, world.api_2):
                assert (await _read(client, key)).status_code == 200
            await admin.api_keys.revoke(tenant, "test", created.api_key.id)
            revoked_at = time.monotonic()
            await until(partial(_is_refused_everywhere, world, key), "both gateways to refuse the key")
            took_s.append(time.monotonic() - revoked_at)
    assert statistics.median(took_s) < 1.0, "one may meet a moment in which the machine does nothing"
    check_problem(await _read(world.api, key), 401, "UNAUTHORIZED")


async def _is_refused_everywhere(world: World, key: str) -> bool:
    answers = [await _read(client, key) for client in (world.api, world.api_2)]
    return all(answer.status_code == 401 for answer in answers)


async def _read(client: httpx.AsyncClient, key: str) -> httpx.Response:
    return await client.get("/v1/payments", headers={"Authorization": f"Bearer {key}"})


async def test_a_live_key_finds_nothing_connected(world: World) -> None:
    async with administration(world.stack) as admin:
        created = await admin.api_keys.create(world.stack.secrets.demo_tenant, "live", name="live")
    world.secrets.append(created.key.get_secret_value())
    payment = await _any_payment(world)
    async with world.client(created.key.get_secret_value()) as client:
        check_problem(await client.post("/v1/payments", json=_GOOD), 422, "SERVICE_NOT_CONFIGURED")
        check_problem(await client.get(f"/v1/payments/{payment}"), 404, "PAYMENT_NOT_FOUND")


async def test_a_key_without_the_scope_may_not(world: World) -> None:
    async with administration(world.stack) as admin:
        created = await admin.api_keys.create(
            world.stack.secrets.demo_tenant, "test", name="reader", scopes=("payments:read",)
        )
    world.secrets.append(created.key.get_secret_value())
    async with world.client(created.key.get_secret_value()) as client:
        assert (await client.get("/v1/payments")).status_code == 200
        check_problem(await client.post("/v1/payments", json=_GOOD), 403, "FORBIDDEN")


async def test_over_the_limit_is_refused_until_it_is_time(world: World) -> None:
    async with administration(world.stack) as admin:
        created = await admin.api_keys.create(
            world.stack.secrets.demo_tenant, "test", name="slow", rate_limit_per_s=1, rate_burst=60
        )
    async with world.client(created.key.get_secret_value()) as client:
        answers = await asyncio.gather(*(client.get("/v1/payments") for _ in range(70)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    check_problem(refused[-1], 429, "RATE_LIMIT_EXCEEDED")
    assert int(refused[-1].headers["retry-after"]) >= 1
    assert refused[-1].headers["x-ratelimit-remaining"] == "0"


async def test_another_tenants_ids_do_not_exist(world: World) -> None:
    async with administration(world.stack) as admin:
        other = await admin.tenants.create("Other shop")
        created = await admin.api_keys.create(other.id, "test", name="other")
    world.secrets.append(created.key.get_secret_value())
    payment = await _any_payment(world)
    operation = (await world.fetch("payments", "SELECT id FROM operations LIMIT 1"))[0]["id"]
    async with world.client(created.key.get_secret_value()) as client:
        check_problem(await client.get(f"/v1/payments/{payment}"), 404, "PAYMENT_NOT_FOUND")
        check_problem(await client.post(f"/v1/payments/{payment}/capture"), 404, "PAYMENT_NOT_FOUND")
        check_problem(await client.post(f"/v1/payments/{payment}/cancel"), 404, "PAYMENT_NOT_FOUND")
        check_problem(await client.post("/v1/refunds", json={"payment_id": payment}), 404, "PAYMENT_NOT_FOUND")
        check_problem(await client.get(f"/v1/operations/{operation}"), 404, "NOT_FOUND")
        assert (await client.get("/v1/payments")).json()["data"] == []
        assert (await client.get("/v1/refunds")).json()["data"] == []
        assert (await client.get("/v1/webhook-endpoints")).json()["data"] == []
        check_problem(await client.post("/v1/payments", json=_GOOD), 422, "SERVICE_NOT_CONFIGURED")


async def _any_payment(world: World) -> str:
    """Of the demo tenant."""
    rows = await world.fetch("payments", "SELECT id FROM payments LIMIT 1")
    return str(rows[0]["id"])


async def test_an_unknown_route_is_a_problem_too(world: World) -> None:
    check_problem(await world.api.get("/v1/nothing"), 404, "NOT_FOUND")
    check_problem(await world.api.put("/v1/payments"), 405, "METHOD_NOT_ALLOWED")
