"""Tenants' endpoints through the internal API."""

import asyncio
import base64
from typing import Any

import asyncpg
import pytest

from onerouter_webhooks.event.matching import is_pattern, matches

from ..conftest import Running, StartService

URL = "https://example.com/hook"


async def test_made_shown_listed_and_deleted(service: Running) -> None:
    created = await service.create_endpoint(
        URL, event_types=["payment.*", "refund.succeeded"], description="orders", metadata={"team": "shop"}
    )
    assert created["id"].startswith("we_")
    assert len(base64.b64decode(created["secret"].removeprefix("whsec_"))) == 32
    assert created["status"] == "enabled"
    shown = await service.http.get(f"/internal/webhook-endpoints/{created['id']}", headers=service.owner())
    assert shown.json() == {key: value for key, value in created.items() if key not in {"secret", "note"}}
    second = await service.create_endpoint(URL)
    listed = await service.http.get("/internal/webhook-endpoints?limit=1", headers=service.owner())
    assert [one["id"] for one in listed.json()["data"]] == [second["id"]]
    assert listed.json()["has_more"] is True
    rest = await service.http.get(
        f"/internal/webhook-endpoints?cursor={listed.json()['next_cursor']}", headers=service.owner()
    )
    assert [one["id"] for one in rest.json()["data"]] == [created["id"]]
    assert "secret" not in rest.json()["data"][0]
    path = f"/internal/webhook-endpoints/{created['id']}"
    assert (await service.http.delete(path, headers=service.owner())).status_code == 200
    assert (await service.http.delete(path, headers=service.owner())).status_code == 404
    assert (await service.http.get(path, headers=service.owner())).status_code == 404


async def test_the_secret_is_nowhere_in_the_database(service: Running) -> None:
    created = await service.create_endpoint(URL)
    raw = created["secret"].removeprefix("whsec_")
    for table in ("endpoint_secrets", "webhook_endpoints", "data_keys"):
        for row in await service.admin.fetch(f"SELECT t::text AS text FROM {table} t"):
            assert raw not in row["text"]


async def test_another_tenant_and_another_environment_see_nothing(service: Running) -> None:
    created = await service.create_endpoint(URL)
    path = f"/internal/webhook-endpoints/{created['id']}"
    for stranger in (service.owner("ten_stranger"), service.owner(environment="live")):
        assert (await service.http.get(path, headers=stranger)).status_code == 404
        assert (await service.http.get(f"{path}/deliveries", headers=stranger)).status_code == 404
        assert (await service.http.delete(path, headers=stranger)).status_code == 404
        assert (await service.http.get("/internal/webhook-endpoints", headers=stranger)).json()["data"] == []
    assert (await service.http.get(path, headers=service.owner())).status_code == 200


async def test_only_services_may_ask(service: Running) -> None:
    headers = {**service.owner(), "Authorization": "Bearer wrong"}
    assert (await service.http.get("/internal/webhook-endpoints", headers=headers)).status_code == 401
    for what in ("replay", "redact"):
        assert (await service.http.post(f"/internal/callbacks/{what}", headers=headers)).status_code == 401


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "url"),
    ({"url": "http://example.com/"}, "url"),
    ({"url": "https://10.0.0.1/"}, "url"),
    ({"url": "https://user:pass@example.com/"}, "url"),
    ({"url": "https://example.com/" + "x" * 3000}, "url"),
    ({"url": URL, "event_types": []}, "event_types"),
    ({"url": URL, "event_types": ["*.payment"]}, "event_types"),
    ({"url": URL, "channels": ["a b"]}, "channels"),
    ({"url": URL, "channels": [str(number) for number in range(11)]}, "channels"),
    ({"url": URL, "filter": {}}, "filter"),
    ({"url": URL, "filter": {"data": {"$regex": "a+"}}}, "filter"),
    ({"url": URL, "filter": {"a\u0000": 1}}, "filter"),
    ({"url": URL, "headers": {"Host": "other.example"}}, "headers"),
    ({"url": URL, "headers": {"Webhook-Id": "mine"}}, "headers"),
    ({"url": URL, "headers": {"Content-Length": "3"}}, "headers"),
    ({"url": URL, "headers": {"Transfer-Encoding": "chunked"}}, "headers"),
    ({"url": URL, "headers": {"Cookie": "a=b"}}, "headers"),
    ({"url": URL, "headers": {"X-A": "one\r\nX-B: two"}}, "headers"),
    ({"url": URL, "headers": {"X-A": "1", "x-a": "2"}}, "headers"),
    ({"url": URL, "headers": {"X A": "1"}}, "headers"),
    ({"url": URL, "headers": {f"X-{number}": "1" for number in range(21)}}, "headers"),
    ({"url": URL, "timeout_s": 31}, "timeout_s"),
    ({"url": URL, "timeout_s": 0.5}, "timeout_s"),
    ({"url": URL, "max_in_flight": 0}, "max_in_flight"),
    ({"url": URL, "retry_schedule_s": [86_400] * 8}, "retry_schedule_s"),
    ({"url": URL, "retry_schedule_s": [1] * 21}, "retry_schedule_s"),
    ({"url": URL, "auth": {"type": "digest"}}, "auth"),
    ({"url": URL, "auth": {"type": "basic", "username": "a:b", "password": "c"}}, "auth.basic.username"),
    ({"url": URL, "auth": {"type": "bearer", "token": "two words"}}, "auth.bearer.token"),
    (
        {
            "url": URL,
            "auth": {
                "type": "oauth2_client_credentials",
                "token_url": "https://169.254.169.254/token",
                "client_id": "a",
                "client_secret": "b",
            },
        },
        "auth.token_url",
    ),
    ({"url": URL, "event_types": ["Payment"]}, "event_types"),
    ({"url": URL, "description": "a\u0000b"}, "description"),
    ({"url": URL, "metadata": {"a": "x" * 501}}, "metadata"),
    ({"url": URL, "metadata": {"a\u0000": "x"}}, "metadata"),
    ({"url": URL, "secret": "mine"}, "secret"),
]


async def test_what_is_wrong_is_named(start_service: StartService) -> None:
    async with start_service(mode="production", allow_private_targets=()) as service:
        for body, field in WRONG:
            answer = await service.http.post("/internal/webhook-endpoints", json=body, headers=service.owner())
            assert answer.status_code == 422, body
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["errors"][0]["field"].startswith(field)
        assert await service.admin.fetchval("SELECT count(*) FROM webhook_endpoints") == 0


async def test_twins_cannot_pass_the_bound(start_service: StartService) -> None:
    async with start_service(max_endpoints=3) as service:
        answers = await asyncio.gather(
            *(
                service.http.post("/internal/webhook-endpoints", json={"url": URL}, headers=service.owner())
                for _ in range(8)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
        assert await service.admin.fetchval("SELECT count(*) FROM data_keys") == 1


async def test_private_targets_are_refused_in_production(start_service: StartService) -> None:
    with pytest.raises(ValueError, match="allow_private_targets"):
        async with start_service(mode="production"):
            pass


async def test_every_table_of_a_tenant_is_behind_row_level_security(service: Running) -> None:
    await service.create_endpoint(URL)
    tables = await service.admin.fetch(
        "SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced, c.relispartition AS part "
        "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' "
        "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"
    )
    assert {row["name"] for row in tables if not row["part"]} == {
        "inbound_events",
        "callback_records",
        "callback_handshakes",
        "data_keys",
        "webhook_endpoints",
        "endpoint_secrets",
        "events",
        "delivery_queue",
        "deliveries",
        "delivery_attempts",
        "event_outbox",
        "idempotency_keys",
        "recoveries",
        "known_sequences",
    }
    assert all(row["forced"] for row in tables)
    login = await asyncpg.connect(str(service.settings.database_url))
    try:
        assert await login.fetchval("SELECT count(*) FROM webhook_endpoints") == 0
        await login.execute("SELECT set_config('app.tenant_id', 'ten_x', false)")
        await login.execute("SELECT set_config('app.environment', 'test', false)")
        assert await login.fetchval("SELECT count(*) FROM webhook_endpoints") == 0
        assert await login.execute("DELETE FROM webhook_endpoints") == "DELETE 0"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await login.fetch("SELECT * FROM endpoint_secrets")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await login.fetch("SELECT * FROM inbound_events")
    finally:
        await login.close()


@pytest.mark.parametrize(
    ("patterns", "event_type", "matching"),
    [
        (None, "payment.succeeded", True),
        (["payment.succeeded"], "payment.succeeded", True),
        (["payment.succeeded"], "payment.failed", False),
        (["payment.*"], "payment.failed", True),
        (["payment.*"], "payment_link.paid", False),
        (["payment.*"], "payment", False),
        (["*"], "payment.succeeded", True),
        (["refund.failed", "*"], "payment", True),
        (["refund.*", "payment.failed"], "payment.failed", True),
    ],
)
def test_matching(patterns: list[str] | None, event_type: str, matching: bool) -> None:
    assert matches(patterns, event_type) is matching


def test_patterns() -> None:
    assert is_pattern("payment.*")
    assert is_pattern("payment_link.partially_paid")
    assert is_pattern("*")
    assert not any(
        is_pattern(one)
        for one in (
            "**",
            ".*",
            "payment*",
            "payment.succeeded\n",
            "payment.",
            "payment.*.x",
            "Payment.x",
            "a b",
            "x" * 101,
            "",
        )
    )
