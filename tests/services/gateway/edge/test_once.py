"""What takes an idempotency key and is no operation: its service learns whether it is a repeat, and neither key nor body."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.libs.common.logs import captured
from tests.services.gateway.serving import served

from onerouter_common.ids import API_KEY, DELIVERY, ENDPOINT, EVENT, TEMPLATE, new_id
from onerouter_common.once.key import HEADER, REPLAYED, Key
from onerouter_gateway.doors import DOORS

ENDPOINT_PATH: Final = f"/v1/webhook-endpoints/{new_id(ENDPOINT)}"
TEMPLATE_ID: Final = new_id(TEMPLATE)
POSTS: Final[list[tuple[str, dict[str, Any], dict[str, Any]]]] = [
    ("/v1/webhook-endpoints", {"url": "https://example.com/a"}, {"url": "https://example.com/b"}),
    (f"{ENDPOINT_PATH}/secret/rotate", {}, {"expire_old_after_s": 1}),
    (f"{ENDPOINT_PATH}/test", {}, {"type": "payment.failed"}),
    (f"{ENDPOINT_PATH}/recover", {"since": "2026-01-01T00:00:00Z"}, {"since": "2026-01-02T00:00:00Z"}),
    (f"/v1/events/{new_id(EVENT)}/redeliver", {}, {"endpoint_id": new_id(ENDPOINT)}),
    (f"/v1/deliveries/{new_id(DELIVERY)}/retry", {}, {"why": "it was us"}),
    ("/v1/sms/templates", {"name": "a", "body": "Hi"}, {"name": "b", "body": "Hi"}),
    (f"/v1/email/templates/{TEMPLATE_ID}/publish", {}, {"version": 1}),
    (
        "/v1/suppressions",
        {"channel": "email", "address": "a@example.com"},
        {"channel": "email", "address": "b@example.com"},
    ),
    ("/api/api-keys", {"name": "a", "scopes": ["*"]}, {"name": "b", "scopes": ["*"]}),
    (f"/api/api-keys/{new_id(API_KEY)}/rotate", {}, {"overlap_s": 1}),
    ("/api/services/payments/razorpay/connect", {"credentials": {"a": "1"}}, {"credentials": {"a": "2"}}),
    ("/api/invitations", {"email": "a@example.com"}, {"email": "b@example.com"}),
    ("/api/v1/api-keys", {"name": "a"}, {"name": "b"}),
]
KEEPING_NOTHING: Final = [
    f"{ENDPOINT_PATH}/pause",
    f"{ENDPOINT_PATH}/enable",
    f"/v1/sms/templates/{TEMPLATE_ID}/preview",
]


@dataclass
class Service:
    """All that the gateway asks: it tells a repeat by the header, as they do, or fails."""

    heard: list[tuple[str | None, bytes]] = field(default_factory=list)
    status: int = 201
    made: dict[str, Any] = field(default_factory=lambda: {"id": "made"})

    async def answer(self, request: Request) -> Response:
        once = request.headers.get(HEADER)
        replayed = {REPLAYED: "true"} if once is not None and once in [known for known, _ in self.heard] else {}
        self.heard.append((once, await request.body()))
        body = orjson.dumps(self.made)
        return Response(body, status_code=self.status, media_type="application/json", headers=replayed)

    def keys(self) -> list[Key]:
        """Of what was heard, and forgets it."""
        told = [Key.parse(once) for once, _ in self.heard if once is not None]
        self.heard.clear()
        return told


@pytest.fixture(scope="module")
async def door(world: Any) -> AsyncIterator[tuple[Any, Service]]:
    service = Service()
    app = Starlette(
        routes=[
            Route("/internal/keys/introspect", world.services._introspect, methods=["POST"]),
            Route("/{rest:path}", service.answer, methods=["GET", "POST"]),
        ]
    )
    async with (
        served(app) as url,
        world.gateway(webhooks_url=url, messaging_url=url, registry_url=url, management_rate_burst=10_000) as gateway,
    ):
        yield gateway, service


def _named(path: str) -> str:
    """Without ids: a test's name must be the same in every process that collects it."""
    return "/".join(
        "id" if part.partition("_")[0] in {"we", "evt", "dlv", "tpl", "key"} else part for part in path.split("/")
    )


@pytest.mark.parametrize(("path", "body", "other"), POSTS, ids=[_named(path) for path, _, _ in POSTS])
async def test_a_repeat_is_told_from_another_request(
    door: tuple[Any, Service], world: Any, path: str, body: dict[str, Any], other: dict[str, Any]
) -> None:
    gateway, service = door
    service.status = 201
    tenant = world.tenant()

    async def ask(sent: dict[str, Any], **headers: str) -> Any:
        answer = await gateway.http.post(path, json=sent, headers={**tenant.auth, **headers})
        assert answer.is_success, answer.text
        return answer

    service.heard.clear()
    how = {"Idempotency-Key": "order-1042"}
    assert REPLAYED not in (await ask(body, **how)).headers
    assert (await ask(dict(reversed(body.items())), **how)).headers[REPLAYED] == "true"
    assert REPLAYED not in (await ask(other, **how)).headers
    await ask(body, **{"Idempotency-Key": "order-1043"})
    assert b"order-104" not in b"".join(sent for _, sent in service.heard)
    first, again, otherwise, next_ = service.keys()
    assert first == again
    assert (otherwise.digest, next_.fingerprint) == (first.digest, first.fingerprint)
    assert otherwise.fingerprint != first.fingerprint
    assert next_.digest != first.digest
    await ask(body, **{HEADER: str(first)})
    assert service.keys() == [], "only we say what is a repeat"


@pytest.mark.parametrize(("number", "is_secret"), [(0, True), (1, True), (2, False), (6, False)])
async def test_a_secret_is_answered_again_to_the_api_key_that_got_it(
    door: tuple[Any, Service], world: Any, monkeypatch: pytest.MonkeyPatch, number: int, is_secret: bool
) -> None:
    gateway, service = door
    service.status, (path, body, _) = 201, POSTS[number]
    service.heard.clear()
    monkeypatch.setattr(service, "made", {"id": "we_1", "secret": "whsec_1"})
    one = world.tenant()
    other = world.tenant(tenant_id=one.id)
    with captured() as logged:
        for holder in (one, one, other):
            how = {**holder.auth, "Idempotency-Key": "order-1042"}
            assert (await gateway.http.post(path, json=body, headers=how)).is_success
    shown = [line for line in logged if line["event"] == "webhook_endpoint.secret.shown_again"]
    assert [line["api_key_id"] for line in shown] == [one.principal["api_key_id"]] * is_secret
    assert "whsec_1" not in str(logged)
    first, again, others = service.keys()
    assert first == again
    assert others.digest == first.digest
    assert (others.fingerprint != first.fingerprint) is is_secret, "which the service refuses"


async def test_an_address_in_the_query_is_part_of_the_request(door: tuple[Any, Service], world: Any) -> None:
    gateway, service = door
    service.status = 201
    service.heard.clear()
    headers = {**world.tenant().auth, "Idempotency-Key": "order-1042"}
    for label in ("one", "two"):
        path = f"/api/services/payments/razorpay/callback-token/rotate?label={label}"
        assert (await gateway.http.post(path, json={}, headers=headers)).is_success
    one, two = service.keys()
    assert one.digest == two.digest
    assert one.fingerprint != two.fingerprint


async def test_rotating_in_older_words_takes_one_too(door: tuple[Any, Service], world: Any) -> None:
    gateway, service = door
    service.status = 201
    service.heard.clear()
    headers = {**world.tenant().auth, "Idempotency-Key": "order-1042"}
    path = f"/api/v1/api-keys/{new_id(API_KEY)}"
    answers = [await gateway.http.put(path, json={"action": "rotate"}, headers=headers) for _ in range(2)]
    assert [REPLAYED in answer.headers for answer in answers] == [False, True]


async def test_these_are_all_that_take_a_key_and_are_no_operation() -> None:
    def template(path: str) -> str:
        return next(door.path for door in DOORS if _fits(door.path, path))

    keyed = {
        door.path.replace("/email/", "/sms/")
        for door in DOORS
        for told in door.endpoint.described["openapi_extra"].get("parameters", ())
        if door.method == "POST" and "24 hours" in told.get("description", "")
    }
    assert keyed == {
        template(path).replace("/email/", "/sms/") for path, _, _ in POSTS if path.startswith(("/v1/", "/api/v1/"))
    }


@pytest.mark.parametrize("path", KEEPING_NOTHING, ids=_named)
async def test_what_is_the_same_sent_twice_says_nothing_of_its_key(
    door: tuple[Any, Service], world: Any, path: str
) -> None:
    gateway, service = door
    service.status = 200
    service.heard.clear()
    answer = await gateway.http.post(path, json={}, headers={**world.tenant().auth, "Idempotency-Key": "order-1042"})
    assert answer.is_success, answer.text
    assert [once for once, _ in service.heard] == [None]


async def test_what_is_no_key_is_refused(door: tuple[Any, Service], world: Any) -> None:
    gateway, service = door
    service.heard.clear()
    for path, body, _ in POSTS:
        answer = await gateway.http.post(path, json=body, headers={**world.tenant().auth, "Idempotency-Key": "k" * 256})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "idempotency_key"), path
    assert service.heard == []


async def test_a_change_that_failed_over_there_may_have_been_made(door: tuple[Any, Service], world: Any) -> None:
    gateway, service = door
    service.status = 500
    auth = world.tenant().auth
    path, body, _ = POSTS[0]
    keyed = await gateway.http.post(path, json=body, headers={**auth, "Idempotency-Key": "order-1042"})
    bare = await gateway.http.post(path, json=body, headers=auth)
    read = await gateway.http.get(path, headers=auth)
    told = [(one.status_code, one.json()["effect"]) for one in (keyed, bare, read)]
    assert told == [(503, "unknown"), (503, "unknown"), (503, "none")]
    assert [one.json()["retryable"] for one in (keyed, bare, read)] == [True, False, True]
    assert "same Idempotency-Key" in keyed.json()["detail"]
    assert "Idempotency-Key" not in bare.json()["detail"]


def _fits(template: str, path: str) -> bool:
    asked, parts = path.split("/"), template.split("/")
    return len(asked) == len(parts) and all(
        part.startswith("{") or part == one for part, one in zip(parts, asked, strict=True)
    )
