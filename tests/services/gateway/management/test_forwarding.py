"""`/api` reaches the registry as it was sent, and nothing but `/api` does."""

import asyncio
import gzip
import hashlib
import hmac
import socket
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, Response

from onerouter_gateway.management import registry as registry_module
from onerouter_gateway.management.headers import path_of

TOKEN = "t" * 32


@pytest.fixture
async def registry(world: Any) -> AsyncIterator[Any]:
    """The stand-in, clean, and without an answer of its own."""
    world.services.managed.clear()
    yield world.services
    world.services.manage = None
    world.services.away.clear()


@pytest.fixture(scope="module")
async def at_ease(world: Any) -> AsyncIterator[Any]:
    async with world.gateway(management_rate_burst=10_000, sign_in_rate_burst=10_000) as one:
        yield one


@pytest.fixture
def generous(at_ease: Any) -> Any:
    """A gateway whose address limits are out of the way; its client knows no cookies yet."""
    at_ease.http.cookies.clear()
    return at_ease


async def raw(url: str, *lines: str) -> bytes:
    """What a server answers to a request that no client library would send."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), family=socket.AF_INET)
    writer.write("\r\n".join([*lines, "Host: x", "Connection: close", "", ""]).encode("latin-1"))
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


class TestRequest:
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def test_arrives_as_it_was_sent(self, generous: Any, registry: Any, method: str) -> None:
        headers = {"Content-Type": "application/json", "X-OneRouter-Environment": "live", "X-CSRF-Token": "abc"}
        answer = await generous.http.request(
            method, "/api/services/pay%20ments/a%25b?x=1&x=2&y=%2F..", content=b'{"a": 1}', headers=headers
        )
        assert answer.status_code == 200
        (seen,) = registry.managed
        assert (seen.method, seen.path, seen.query) == (method, "/api/services/pay%20ments/a%25b", "x=1&x=2&y=%2F..")
        assert seen.body == b'{"a": 1}'
        assert {name: seen.header(name.lower()) for name in headers} == headers

    async def test_is_introduced_by_us_alone(self, generous: Any, registry: Any) -> None:
        spoofed = {
            "X-OneRouter-Internal": "guess",
            "X-OneRouter-Client-Address": "198.51.100.1",
            "X-Forwarded-For": "198.51.100.1",
            "Forwarded": "for=198.51.100.1",
            "X-Forwarded-Host": "evil.example",
            "X-Real-Ip": "198.51.100.1",
            "X-Request-Id": "mine",
            "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        }
        answer = await generous.http.get("/api/session", headers=spoofed)
        (seen,) = registry.managed
        assert seen.header("x-onerouter-internal") == TOKEN
        assert seen.header("x-onerouter-client-address") == "127.0.0.1"
        assert seen.header("x-request-id") == answer.headers["x-request-id"] == "mine"
        traceparent = seen.header("traceparent")
        assert traceparent is not None
        assert traceparent.startswith("00-0af7651916cd43dd8448eb211c80319c-")
        assert not traceparent.endswith("-b7ad6b7169203331-01"), "ours is a span of its own"
        for name in ("x-forwarded-for", "forwarded", "x-forwarded-host", "x-real-ip"):
            assert seen.header(name) is None

    async def test_names_its_client_by_a_proxy_of_ours(self, world: Any, registry: Any) -> None:
        async with world.gateway(trusted_proxies="127.0.0.0/8") as gateway:
            await gateway.http.get("/api/session", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"})
        assert registry.managed[0].header("x-onerouter-client-address") == "203.0.113.7"

    async def test_keeps_what_proves_who_calls(self, generous: Any, registry: Any) -> None:
        headers = [
            ("Cookie", "a=1"),
            ("Cookie", "b=2"),
            ("Authorization", "Bearer eyJ.token.of-an-issuer"),
            ("Origin", "https://dashboard.example"),
            ("Sec-Fetch-Site", "same-origin"),
            ("Sec-Fetch-Mode", "cors"),
            ("User-Agent", "browser"),
        ]
        await generous.http.get("/api/session", headers=headers)
        (seen,) = registry.managed
        assert seen.header("cookie") == "a=1; b=2"
        for name, value in headers[2:]:
            assert seen.header(name.lower()) == value

    async def test_is_inflated_and_bounded(self, generous: Any, registry: Any) -> None:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        answer = await generous.http.post("/api/x", content=gzip.compress(b'{"a": 1}'), headers=headers)
        assert (answer.status_code, registry.managed[0].body) == (200, b'{"a": 1}')
        assert registry.managed[0].header("content-encoding") is None
        bomb = gzip.compress(b" " * (2 << 20))
        for content, sent in ((bomb, headers), (b" " * ((1 << 20) + 1), {})):
            answer = await generous.http.post("/api/x", content=content, headers=sent)
            assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
        assert len(registry.managed) == 1


class TestAnswer:
    async def test_comes_back_with_its_headers_and_no_others(self, generous: Any, registry: Any) -> None:
        async def manage(_: Any) -> Response:
            response = Response(
                b"<b>as it is</b>",
                status_code=303,
                headers={
                    "Location": "https://issuer.example/authorize?state=x",
                    "Retry-After": "7",
                    "ETag": '"v1"',
                    "Cache-Control": "public, max-age=60",
                    "WWW-Authenticate": "Bearer",
                    "Allow": "GET, POST",
                    "Server": "secret/1.0",
                    "X-Inside": "no",
                },
                media_type="text/html",
            )
            response.set_cookie("one", "1", httponly=True, samesite="lax")
            response.set_cookie("two", "2")
            return response

        registry.manage = manage
        answer = await generous.http.get("/api/auth/oidc/x/start", follow_redirects=False)
        assert (answer.status_code, answer.content) == (303, b"<b>as it is</b>")
        assert answer.headers["location"] == "https://issuer.example/authorize?state=x"
        assert answer.headers.get_list("set-cookie") == [
            "one=1; HttpOnly; Path=/; SameSite=lax",
            "two=2; Path=/; SameSite=lax",
        ]
        assert answer.headers["retry-after"] == "7"
        assert answer.headers["etag"] == '"v1"'
        assert answer.headers.get_list("cache-control") == ["public, max-age=60"]
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["allow"] == "GET, POST"
        assert answer.headers.get_list("content-type") == ["text/html; charset=utf-8"]
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "x-inside" not in answer.headers
        assert "server" not in answer.headers

    async def test_is_not_kept_unless_the_registry_says_so(self, generous: Any, registry: Any) -> None:
        assert (await generous.http.get("/api/account")).headers.get_list("cache-control") == ["no-store"]

    async def test_names_no_address_of_ours(self, generous: Any, registry: Any, world: Any) -> None:
        async def manage(_: Any) -> Response:
            return Response(status_code=307, headers={"Location": f"{world.services_url}/api/services?x=1"})

        registry.manage = manage
        answer = await generous.http.get("/api/services/", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (307, "/api/services?x=1")

    async def test_not_modified_is_not_modified(self, generous: Any, registry: Any) -> None:
        async def manage(seen: Any) -> Response:
            return Response(status_code=304, headers={"ETag": seen.header("if-none-match")})

        registry.manage = manage
        answer = await generous.http.get("/api/catalogue", headers={"If-None-Match": '"v1"'})
        assert (answer.status_code, answer.headers["etag"], answer.content) == (304, '"v1"', b"")

    @pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 429, 500, 503])
    async def test_a_problem_keeps_its_shape_with_our_trace(self, generous: Any, registry: Any, status: int) -> None:
        async def manage(_: Any) -> Response:
            body = {"status": status, "code": "X", "detail": "So.", "instance": "/inside", "trace_id": "theirs"}
            return JSONResponse(body, status_code=status, media_type="application/problem+json")

        registry.manage = manage
        answer = await generous.http.get("/api/members/usr_1")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        problem = answer.json()
        assert problem["trace_id"] == answer.headers["x-trace-id"]
        assert (problem["instance"], problem["code"], problem["detail"]) == ("/api/members/usr_1", "X", "So.")

    @pytest.mark.parametrize(
        ("method", "effect"),
        [
            ("GET", "none"),
            ("OPTIONS", "none"),
            ("POST", "unknown"),
            ("PUT", "unknown"),
            ("PATCH", "unknown"),
            ("DELETE", "unknown"),
        ],
    )
    @pytest.mark.parametrize("status", [500, 502, 504])
    async def test_of_a_proxy_in_between_is_503_and_says_whether_a_change_may_have_been_made(
        self, generous: Any, registry: Any, method: str, effect: str, status: int
    ) -> None:
        async def manage(_: Any) -> Response:
            return Response(b"<html>Bad gateway at 10.1.2.3</html>", status_code=status, media_type="text/html")

        registry.manage = manage
        answer = await generous.http.request(method, "/api/members")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert answer.json()["effect"] == effect
        assert ("may or may not have been made" in answer.json()["detail"]) == (effect == "unknown")
        assert "10.1.2.3" not in answer.text

    @pytest.mark.parametrize("body", [b"{", b"[]", b""])
    async def test_that_is_no_problem_after_all_leaves_a_change_open(
        self, generous: Any, registry: Any, body: bytes
    ) -> None:
        async def manage(_: Any) -> Response:
            return Response(body, status_code=502, media_type="application/problem+json")

        registry.manage = manage
        answer = await generous.http.post("/api/members")
        assert (answer.status_code, answer.json()["effect"]) == (503, "unknown")


class TestRegistryAway:
    async def test_is_503_and_says_what_was_done(self, world: Any) -> None:
        async with world.gateway(registry_url="http://127.0.0.1:9") as gateway:
            for method in ("GET", "POST"):
                answer = await gateway.http.request(method, "/api/services")
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
                assert (answer.json()["code"], answer.json()["effect"]) == ("SERVICE_UNAVAILABLE", "none")

    async def test_a_change_without_an_answer_may_have_been_made(
        self, world: Any, registry: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The time for an answer is over once the registry has the request, and not before."""
        over, deadlines = asyncio.Event(), list[asyncio.Timeout]()

        def begun(seconds: float) -> asyncio.Timeout:
            assert seconds == 25.0
            deadlines.append(asyncio.timeout(seconds))
            return deadlines[-1]

        async def manage(_: Any) -> Response:
            deadlines[-1].reschedule(asyncio.get_running_loop().time())
            await over.wait()
            return Response()

        registry.manage = manage
        monkeypatch.setattr(registry_module, "asyncio", SimpleNamespace(timeout=begun))
        async with world.gateway(management_timeout_s=25.0) as gateway:
            answer = await gateway.http.post("/api/services")
            assert len(deadlines) == 1
            assert (answer.status_code, answer.json()["effect"]) == (503, "unknown")
            assert "may or may not have been made" in answer.json()["detail"]
            keyed = await gateway.http.post("/api/services", headers={"Idempotency-Key": "order-1042"})
            assert (keyed.status_code, keyed.json()["effect"]) == (503, "unknown")
            assert [answer.json()["retryable"], keyed.json()["retryable"]] == [False, True]
            assert "same Idempotency-Key" in keyed.json()["detail"]
            assert (await gateway.http.get("/api/services")).json()["effect"] == "none"
        over.set()


class TestWhatItHolds:
    async def test_a_card_number_goes_no_further(self, generous: Any, registry: Any) -> None:
        pan = "4111 1111 1111 1111"
        for body, field in (({"name": pan}, "name"), ({"rules": [{"when": {"note": pan}}]}, "rules.0.when.note")):
            answer = await generous.http.post("/api/api-keys", json=body)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
            assert pan not in answer.text
        assert registry.managed == []

    @pytest.mark.parametrize(
        "content", [b'{"credentials": {"key": "4111111111111111"}}', b"{", b"[" * 5_000, b'"4111111111111111"']
    )
    async def test_secrets_and_what_cannot_be_read_are_the_registrys(
        self, generous: Any, registry: Any, content: bytes
    ) -> None:
        await generous.http.post("/api/services", content=content)
        (seen,) = registry.managed
        assert seen.body == content

    @pytest.mark.parametrize("signed_with", ["own", "other"])
    async def test_a_signature_counts_here_too(
        self, generous: Any, registry: Any, tenant: Any, signed_with: str
    ) -> None:
        body, now = b'{"name": "k"}', str(int(time.time()))
        key = tenant.key if signed_with == "own" else "x"
        signed = f"POST\n/api/api-keys?a=%2F\n{now}\n".encode() + body
        signature = hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
        headers = {**tenant.auth, "X-Signature": signature, "X-Request-Timestamp": now}
        answer = await generous.http.post("/api/api-keys?a=%2F", content=body, headers=headers)
        assert answer.status_code == (200 if signed_with == "own" else 401)


class TestHealth:
    @pytest.mark.parametrize("path", ["/health", "/api/health"])
    async def test_is_ours(self, generous: Any, registry: Any, path: str) -> None:
        answer = await generous.http.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert registry.managed == []


class TestPath:
    """No spelling of a path leads out of /api."""

    TRICKS = (
        "/api/../internal/keys/introspect",
        "/api/%2e%2e/internal/keys/introspect",
        "/api/%2E%2e/internal/keys/introspect",
        "/api/.%2e/internal/keys/introspect",
        "/api/..%2finternal/keys/introspect",
        "/api/..%5cinternal/keys/introspect",
        "/api/..\\internal\\keys\\introspect",
        "/api/x/../../internal/keys/introspect",
        "/api//internal/keys/introspect",
        "/api/%2finternal/keys/introspect",
        "/api/./../internal/keys/introspect",
        "/api/x/%2e%2e/%2e%2e/internal/keys/introspect",
        "/api/%00/internal",
        "/api/x%0d%0aHost:%20evil/internal",
        "/api/..;/internal/keys/introspect/..",
        "/%61pi/../internal/keys/introspect",
        "//api/../internal/keys/introspect",
        "/api/\xff",
    )

    @pytest.mark.parametrize("path", TRICKS)
    async def test_that_another_reader_could_take_for_another_is_refused(
        self, generous: Any, registry: Any, path: str
    ) -> None:
        asked = len(registry.asked), registry.introspections
        answer = await raw(generous.url, f"GET {path} HTTP/1.1")
        assert int(answer.split(b" ")[1]) in {400, 404}, answer
        assert registry.managed == []
        assert (len(registry.asked), registry.introspections) == asked

    async def test_that_is_absolute_leads_nowhere_else(self, generous: Any, registry: Any) -> None:
        await raw(generous.url, "GET http://internal.example/internal/keys/introspect HTTP/1.1")
        await raw(generous.url, "GET http://internal.example/api/x HTTP/1.1")
        assert {seen.path for seen in registry.managed} <= {"/api/x"}

    @pytest.mark.parametrize(
        ("path", "asked"),
        [
            (b"/api/x", "/api/x"),
            (b"/api/x/", "/api/x/"),
            (b"/api/%252e%252e/internal", "/api/%252e%252e/internal"),  # decoded once it is a name with percent signs
            (b"/api/..x", "/api/..x"),
            (b"/api/a%20b", "/api/a%20b"),
            (b"/api", None),
            (b"/apix", None),
            (b"/api/a?b", None),
            (b"/api/a#b", None),
            (b"/api/a%3Fb", "/api/a%3Fb"),
        ],
    )
    def test_is_passed_on_as_it_was_sent_or_not_at_all(self, path: bytes, asked: str | None) -> None:
        assert path_of(path) == asked


@pytest.mark.usefixtures("long_windows")
class TestLimits:
    async def test_strangers_are_counted_by_address(self, world: Any, registry: Any, redis_url: str) -> None:
        async with world.gateway(trusted_proxies="127.0.0.1", management_rate_per_s=1, management_rate_burst=5) as one:

            async def get(address: str, **headers: str) -> httpx.Response:
                answer: httpx.Response = await one.http.get(
                    "/api/session", headers={"X-Forwarded-For": address, **headers}
                )
                return answer

            first = [await get("198.51.100.77") for _ in range(6)]
            assert [answer.status_code for answer in first] == [200] * 5 + [429]
            assert first[-1].json()["detail"] == "Your address may make 5 requests in any 600 seconds; try again later."
            assert first[0].headers["ratelimit-policy"] == '"address";q=5;w=600'
            assert 1 <= int(first[-1].headers["retry-after"]) <= 600
            assert (await get("198.51.100.78")).status_code == 200
            invented = await get("9.9.9.9, 198.51.100.77")
            assert invented.status_code == 429, "what the client writes left of its own address changes nothing"
            assert (await get("198.51.100.77", Authorization="Bearer eyJ.a.b")).status_code == 429
            v6 = [(await get(f"2001:db8:7:7::{n:x}")).status_code for n in range(6)]
            assert v6 == [200] * 5 + [429]
        assert len(registry.managed) == 11

    async def test_sign_in_is_counted_twice(self, world: Any, registry: Any) -> None:
        async with world.gateway(
            trusted_proxies="127.0.0.1",
            management_rate_per_s=1,
            management_rate_burst=50,
            sign_in_rate_per_s=1,
            sign_in_rate_burst=3,
        ) as one:
            from_there = {"X-Forwarded-For": "198.51.100.99"}
            statuses = [(await one.http.post("/api/auth/sign-in", headers=from_there)).status_code for _ in range(4)]
            assert statuses == [200] * 3 + [429]
            answer = await one.http.get("/api/session", headers=from_there)
            assert answer.status_code == 200
            assert answer.headers["x-ratelimit-remaining"] == "46", "a refused request counts nowhere"

    async def test_a_key_does_not_lift_the_limit_of_sign_in(self, world: Any, registry: Any) -> None:
        tenant = world.tenant()
        async with world.gateway(trusted_proxies="127.0.0.1", sign_in_rate_per_s=1, sign_in_rate_burst=3) as one:
            headers = {"X-Forwarded-For": "198.51.100.98", **tenant.auth}
            statuses = [(await one.http.post("/api/auth/sign-in", headers=headers)).status_code for _ in range(4)]
            assert statuses == [200] * 3 + [429]
            assert (await one.http.get("/api/services", headers=headers)).status_code == 200
        assert len(registry.managed) == 4

    async def test_a_key_is_counted_on_its_own(self, world: Any, registry: Any) -> None:
        tenant = world.tenant(rate_limit_per_s=1, rate_burst=8)
        async with world.gateway(trusted_proxies="127.0.0.1", management_rate_per_s=1, management_rate_burst=2) as one:
            from_there = {"X-Forwarded-For": "198.51.100.55", **tenant.auth}
            statuses = [(await one.http.get("/api/services", headers=from_there)).status_code for _ in range(9)]
            assert statuses == [200] * 8 + [429]
            assert registry.managed[0].header("authorization") == f"Bearer {tenant.key}"
            wrong = {"X-Forwarded-For": "198.51.100.55", "X-API-Key": tenant.key[:-1] + "!"}
            answers = [await one.http.get("/api/services", headers=wrong) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [401, 401, 429], "or keys could be tried without end"
        assert len(registry.managed) == 8

    async def test_a_suspended_tenants_key_goes_no_further(self, generous: Any, world: Any, registry: Any) -> None:
        tenant = world.tenant(tenant_status="suspended")
        answer = await generous.http.get("/api/services", headers=tenant.auth)
        assert (answer.status_code, answer.json()["code"]) == (403, "TENANT_SUSPENDED")
        assert registry.managed == []
