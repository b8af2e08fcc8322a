"""Objects are answered as they are kept, and never as a page of ours."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.services.gateway.depot import DOWNLOADS, OBJECTS, Depot
from tests.services.gateway.vault import BUCKET, CONNECTION, Vault

HEADERS = {
    "Content-Type": "text/html",
    "ETag": '"d41d8"',
    "Last-Modified": "Sat, 31 Jan 2026 09:30:00 GMT",
    "Cache-Control": "public, max-age=600",
    "Content-Disposition": "inline",
    "X-OneRouter-Metadata-Order": "10%20%C3%A9",
    "X-OneRouter-Sha256": "ab",
    "Set-Cookie": "session=1",
    "X-Internal": "secret",
}


async def _ask(depot: Depot, method: str, path: str, **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await depot.shop.gateway.http.request(method, path, headers={**depot.shop.tenant.auth, **sent})


class TestGet:
    async def test_bytes_and_what_is_said_of_them(self, depot: Depot, vault: Vault) -> None:
        page = b"<script>alert(1)</script>" * 10_000
        vault.objects["a/b ü.html"] = (200, HEADERS, page)
        answer = await _ask(depot, "GET", f"{OBJECTS}/a/b%20%C3%BC.html?provider=s3")
        assert (answer.status_code, answer.content) == (200, page)
        for name in ("Content-Type", "ETag", "Last-Modified", "X-OneRouter-Metadata-Order", "X-OneRouter-Sha256"):
            assert answer.headers[name] == HEADERS[name]
        assert answer.headers["content-length"] == str(len(page))
        assert answer.headers["content-disposition"] == (
            "attachment; filename=\"b _.html\"; filename*=UTF-8''b%20%C3%BC.html"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-onerouter-object-cache-control"] == "public, max-age=600"
        assert answer.headers["x-onerouter-object-content-disposition"] == "inline"
        assert not {"set-cookie", "x-internal"} & set(answer.headers)
        (told,) = vault.of(depot.shop.tenant.id, "/object")
        assert told.query == {"key": "a/b ü.html", "provider": "s3"}

    async def test_what_is_asked_of_it_is_passed_on(self, depot: Depot, vault: Vault) -> None:
        vault.objects["a"] = (206, {**HEADERS, "Content-Range": "bytes 0-3/9"}, b"hell")
        answer = await _ask(depot, "GET", f"{OBJECTS}/a", Range="bytes=0-3", If_Match='"d41d8"')
        assert (answer.status_code, answer.content) == (206, b"hell")
        assert answer.headers["content-range"] == "bytes 0-3/9"
        told = vault.of(depot.shop.tenant.id, "/object")[-1].headers
        assert (told["range"], told["if-match"]) == ("bytes=0-3", '"d41d8"')
        assert "authorization" in told
        assert depot.shop.tenant.key not in str(told)

    async def test_304_has_no_body(self, depot: Depot, vault: Vault) -> None:
        vault.objects["a"] = (304, {"ETag": '"d41d8"'}, b"")
        answer = await _ask(depot, "GET", f"{OBJECTS}/a", If_None_Match='"d41d8"')
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"d41d8"')

    async def test_what_went_wrong_is_a_problem_of_ours(self, world: Any, depot: Depot) -> None:
        answer = await _ask(depot, "GET", f"{OBJECTS}/none")
        assert (answer.status_code, answer.json()["code"]) == (404, "OBJECT_NOT_FOUND")
        assert answer.json()["instance"] == f"{OBJECTS}/none"
        assert "secret-place" not in answer.text
        depot.shop.tenant = world.tenant(scopes=["storage:write"])
        assert (await _ask(depot, "GET", f"{OBJECTS}/none")).status_code == 403

    @pytest.mark.parametrize(("status", "told"), [(401, 503), (500, 503), (503, 503), (416, 416), (412, 412)])
    async def test_only_what_is_the_callers_is_passed_on(
        self, depot: Depot, vault: Vault, status: int, told: int
    ) -> None:
        problem = b'{"status": 1, "code": "X", "detail": "Not so."}'
        vault.objects["a"] = (status, {"Content-Type": "application/problem+json"}, problem)
        assert (await _ask(depot, "GET", f"{OBJECTS}/a")).status_code == told

    async def test_a_providers_word_is_passed_on(self, depot: Depot, vault: Vault) -> None:
        problem = b'{"status": 502, "code": "PROVIDER_ERROR", "detail": "Not so.", "provider": "s3"}'
        vault.objects["a"] = (502, {"Content-Type": "application/problem+json", "Retry-After": "3"}, problem)
        answer = await _ask(depot, "GET", f"{OBJECTS}/a")
        assert (answer.status_code, answer.json()["provider"], answer.headers["retry-after"]) == (502, "s3", "3")

    async def test_a_problem_may_come_in_pieces(self, depot: Depot, vault: Vault) -> None:
        problem = b'{"status": 413, "code": "PAYLOAD_TOO_LARGE", "detail": "' + b"x" * 500 + b'"}'
        vault.objects["a"] = (413, {"Content-Type": "application/problem+json"}, problem)
        vault.in_pieces = True
        answer = await _ask(depot, "GET", f"{OBJECTS}/a")
        assert (answer.status_code, answer.json()["detail"]) == (413, "x" * 500)

    async def test_a_problem_that_breaks_off_is_ours(self, depot: Depot, vault: Vault) -> None:
        vault.objects["a"] = (404, {"Content-Type": "application/problem+json", "Content-Length": "900"}, b'{"st')
        answer = await _ask(depot, "GET", f"{OBJECTS}/a")
        assert (answer.status_code, answer.json()["effect"]) == (503, "none")

    @pytest.mark.parametrize(("said", "told"), [("bytes */700", "bytes */700"), ("items */9, x", None)])
    async def test_416_says_how_large_the_object_is(
        self, depot: Depot, vault: Vault, said: str, told: str | None
    ) -> None:
        problem = b'{"status": 416, "code": "RANGE_NOT_SATISFIABLE", "detail": "Not so."}'
        vault.objects["a"] = (416, {"Content-Type": "application/problem+json", "Content-Range": said}, problem)
        answer = await _ask(depot, "GET", f"{OBJECTS}/a", Range="bytes=900-")
        assert (answer.status_code, answer.headers.get("content-range")) == (416, told)


class TestHead:
    async def test_is_get_without_the_bytes(self, depot: Depot, vault: Vault) -> None:
        vault.objects["a"] = (200, HEADERS, b"x" * 700_000)
        answer = await _ask(depot, "HEAD", f"{OBJECTS}/a")
        assert (answer.status_code, answer.content) == (200, b"")
        assert (answer.headers["content-length"], answer.headers["etag"]) == ("700000", '"d41d8"')
        assert vault.of(depot.shop.tenant.id, "/object")[-1].method == "HEAD"

    async def test_no_error_has_a_body(self, world: Any, depot: Depot) -> None:
        for path, auth, status, code in (
            (f"{OBJECTS}/none", depot.shop.tenant.auth, 404, "OBJECT_NOT_FOUND"),
            (f"{OBJECTS}/a%5Cb", depot.shop.tenant.auth, 422, "VALIDATION_ERROR"),
            ("/v1/storage/Not_A_Bucket/objects/a", depot.shop.tenant.auth, 404, "BUCKET_NOT_CONNECTED"),
            (f"{OBJECTS}/a", {"X-API-Key": "unf_test_wrong"}, 401, "UNAUTHORIZED"),
            (f"{OBJECTS}/a", world.tenant(scopes=["storage:write"]).auth, 403, "FORBIDDEN"),
        ):
            answer = await depot.shop.gateway.http.head(path, headers=auth)
            assert (answer.status_code, answer.headers["x-onerouter-error-code"]) == (status, code)
            assert answer.headers["content-length"] == "0"
            assert answer.content == b""


class TestReaders:
    async def test_only_so_many_of_a_tenant_read_at_once(self, world: Any, vault: Vault) -> None:
        """Who takes nothing keeps its place, and nobody else's."""
        vault.objects["a"] = (200, HEADERS, b"x" * 5_000_000)
        slow, other = world.tenant(), world.tenant()
        path = f"{OBJECTS}/a"
        async with world.gateway(max_downloads_per_tenant=1) as gateway, asyncio.timeout(60):
            async with gateway.http.stream("GET", path, headers=slow.auth) as reading:
                assert reading.status_code == 200
                refused = await gateway.http.get(path, headers=slow.auth)
                assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
                assert len((await gateway.http.get(path, headers=other.auth)).content) == 5_000_000
            while gateway.app.state.gateway.objects.open:
                await asyncio.sleep(0.01)
            assert (await gateway.http.get(path, headers=slow.auth)).status_code == 200


class TestList:
    async def test_is_asked_in_the_callers_words(self, depot: Depot, vault: Vault) -> None:
        path = f"/v1/storage/{BUCKET}?prefix=a%2Fb&delimiter=%2F&limit=5&cursor=c&other=1&provider=s3"
        answer = await _ask(depot, "GET", path)
        assert (answer.status_code, answer.json()["prefixes"]) == (200, [])
        assert vault.of(depot.shop.tenant.id, "/objects")[-1].query == {
            "prefix": "a/b",
            "delimiter": "/",
            "limit": "5",
            "cursor": "c",
            "provider": "s3",
        }

    @pytest.mark.parametrize("query", ["prefix=%2Fa", "prefix=a%5C", "delimiter=", "prefix=" + "x" * 1025])
    async def test_what_no_key_begins_with_is_refused(self, depot: Depot, query: str) -> None:
        answer = await _ask(depot, "GET", f"/v1/storage/{BUCKET}?{query}")
        assert await depot.refused(answer) == query.partition("=")[0]

    async def test_a_provider_that_refuses_us_is_told(self, depot: Depot, vault: Vault) -> None:
        vault.refuses["objects"] = (502, "PROVIDER_ERROR")
        answer = await _ask(depot, "GET", f"/v1/storage/{BUCKET}")
        assert (answer.status_code, answer.json()["code"]) == (502, "PROVIDER_ERROR")
        assert answer.json()["instance"] == f"/v1/storage/{BUCKET}"


class TestDownload:
    async def test_says_what_is_signed(self, depot: Depot, vault: Vault) -> None:
        asked = {"key": "4111111111111111.pdf", "expires_in": 60, "filename": "a.pdf", "disposition": "inline"}
        asked["connection_id"] = CONNECTION
        answer = await depot.shop.ask("POST", DOWNLOADS, asked)
        assert answer.status_code == 200, answer.text
        assert vault.of(depot.shop.tenant.id, "/downloads")[-1].json() == asked
        assert depot.shop.commands() == []

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ({}, "key"),
            ({"key": "/a"}, "key"),
            ({"key": "a", "expires_in": 604_801}, "expires_in"),
            ({"key": "a", "expires_in": 0}, "expires_in"),
            ({"key": "a", "filename": "a/b"}, "filename"),
            ({"key": "a", "filename": "a\nb"}, "filename"),
            ({"key": "a", "content_type": "x"}, "content_type"),
            ({"key": "a", "disposition": "form-data"}, "disposition"),
            ({"key": "a", "provider": "ftp"}, "provider"),
            ({"key": "a", "connection_id": "con_1"}, "connection_id"),
        ],
    )
    async def test_what_is_wrong_is_named(self, depot: Depot, asked: dict[str, Any], field: str) -> None:
        assert await depot.shop.names("POST", DOWNLOADS, asked) == field
