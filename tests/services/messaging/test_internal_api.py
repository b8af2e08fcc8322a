"""What the gateway asks of templates, lists, files and batches, over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import SystemClock
from onerouter_common.db.engine import Pool
from onerouter_common.once.key import HEADER, REPLAYED, Key
from onerouter_common.web import problems
from onerouter_common.web.internal import InternalAuth
from onerouter_messaging.attachment import endpoints as attachment_endpoints
from onerouter_messaging.attachment.schemas import ATTACHMENT_BYTES
from onerouter_messaging.attachment.service import Attachments
from onerouter_messaging.batch import endpoints as batch_endpoints
from onerouter_messaging.batch.reads import BatchReads
from onerouter_messaging.suppression import endpoints as suppression_endpoints
from onerouter_messaging.suppression.service import Suppressions
from onerouter_messaging.template import endpoints as template_endpoints
from onerouter_messaging.template.renderer.process import Renderers
from onerouter_messaging.template.rendering import Rendering
from onerouter_messaging.template.service import Templates

AUTH = InternalAuth(SecretStr("a-token"))
HEADERS = AUTH.tenant_headers("ten_1", "test")


@pytest.fixture
async def api(engine: AsyncEngine, pool: Pool, renderers: Renderers) -> AsyncIterator[httpx.AsyncClient]:
    state = {
        "templates": Templates(engine, Rendering(renderers), SystemClock()),
        "suppressions": Suppressions(engine),
        "attachments": Attachments(engine, pool),
        "batches": BatchReads(engine),
    }

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, object]]:
        yield state

    app = FastAPI(lifespan=lifespan)
    problems.install(app)
    for module in (template_endpoints, suppression_endpoints, attachment_endpoints, batch_endpoints):
        app.include_router(module.router(AUTH))

    async def with_state(scope, receive, send):  # type: ignore[no-untyped-def]
        await app({**scope, "state": dict(state)}, receive, send)

    transport = httpx.ASGITransport(with_state, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://messaging", headers=HEADERS) as client:
        yield client


async def test_a_template_from_draft_to_send(api: httpx.AsyncClient) -> None:
    made = await api.post("/internal/templates/sms", json={"name": "code", "body": "Hi {{ name }}"})
    path = f"/internal/templates/sms/{made.json()['id']}"
    assert (made.status_code, made.json()["object"]) == (201, "template")
    assert (await api.get(f"{path}/published")).json()["code"] == "TEMPLATE_NOT_PUBLISHED"
    assert (await api.post(f"{path}/publish")).json()["current"]["version"] == 1
    assert (await api.get(f"{path}/published")).json()["variables"]["required"] == ["name"]
    shown = await api.post(f"{path}/preview", json={"variables": {"name": "Ann"}})
    assert shown.json() == {"body": "Hi Ann", "segments": 1, "encoding": "GSM-7", "version": 1}
    missing = await api.post(f"{path}/preview", json={})
    assert (missing.status_code, missing.json()["errors"][0]["field"]) == (422, "variables.name")
    assert (await api.patch(path, json={"body": "{{"})).json()["errors"][0]["field"] == "body"
    assert [one["version"] for one in (await api.get(f"{path}/versions")).json()["data"]] == [1]
    assert (await api.get("/internal/templates/sms?name=CODE")).json()["data"][0]["name"] == "code"
    assert (await api.delete(path)).json()["deleted"] is True
    assert (await api.get(path)).json()["code"] == "TEMPLATE_NOT_FOUND"


async def test_an_address_goes_on_a_list_and_off_it(api: httpx.AsyncClient) -> None:
    made = await api.post("/internal/suppressions/email", json={"address": "Eve@example.com", "by": "key_1"})
    assert (made.status_code, made.json()["address"], made.json()["source"]) == (201, "eve@example.com", "api")
    assert (await api.get("/internal/suppressions/email")).json()["data"] == [made.json()]
    path = "/internal/suppressions/email"
    assert (await api.get(f"{path}/check", params={"address": "eve@example.com"})).json()["suppressed"] is True
    assert (await api.delete(f"{path}/{made.json()['id']}?by=key_2")).json()["deleted"] is True
    assert (await api.get(path, params={"address": "eve@example.com"})).json()["data"] == []
    assert (await api.get(path, params={"address": "eve"})).status_code == 422


async def test_what_is_asked_for_under_a_key_is_done_once(api: httpx.AsyncClient, pool: Pool) -> None:
    async def ask(path: str, body: dict[str, str], number: int, fingerprint: str = "f") -> httpx.Response:
        key = Key(f"{number:064x}", fingerprint * 64)
        return await api.post(f"/internal/{path}", json=body, headers={HEADER: str(key)})

    template = {"name": "code", "body": "Hi {{ name }}"}
    made = (await ask("templates/sms", template, 1)).json()
    asked: list[tuple[str, dict[str, str]]] = [
        ("templates/sms", template),
        (f"templates/sms/{made['id']}/publish", {}),
        ("suppressions/email", {"address": "eve@example.com", "by": "key_1"}),
    ]
    for number, (path, body) in enumerate(asked, start=1):
        first = await ask(path, body, number)
        again = await ask(path, body, number)
        assert first.is_success, first.text
        assert (again.status_code, again.json()) == (first.status_code, first.json())
        assert again.headers[REPLAYED] == "true"
        other = await ask(path, body, number, "0")
        assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    # Done once, and without the key it would have been refused or done again.
    assert (await api.post("/internal/templates/sms", json=template)).json()["code"] == "TEMPLATE_EXISTS"
    assert (await api.post(f"/internal/templates/sms/{made['id']}/publish")).status_code == 409
    assert await pool.fetchval("SELECT count(*) FROM template_versions") == 1
    assert await pool.fetchval("SELECT count(*) FROM suppression_audit") == 1


async def test_a_file_is_handed_over(api: httpx.AsyncClient) -> None:
    answers = [
        await api.post("/internal/attachments", content=b"%PDF-1.7", headers={"content-type": "application/pdf"})
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["content_type"] == "application/pdf"
    none = await api.post("/internal/attachments", content=b"MZ", headers={"content-type": "pdf"})
    assert (none.status_code, none.json()["errors"][0]["field"]) == (422, "content_type")
    large = await api.post("/internal/attachments", content=b"x" * (ATTACHMENT_BYTES + 1))
    assert large.status_code == 413


@pytest.mark.parametrize(
    "path",
    ["/internal/templates/fax", "/internal/suppressions/fax", "/internal/batches/fax/bat_1",
     "/internal/templates/sms?cursor=x", "/internal/suppressions/sms?limit=101",
     "/internal/templates/sms/x/published?version=0"],
)  # fmt: skip
async def test_what_is_wrong_is_said(api: httpx.AsyncClient, path: str) -> None:
    assert (await api.get(path)).status_code == 422


async def test_nobody_without_the_token_is_let_in(api: httpx.AsyncClient) -> None:
    for path in ("/internal/templates/sms", "/internal/suppressions/sms", "/internal/batches/sms/bat_1"):
        assert (await api.get(path, headers={"authorization": "Bearer x"})).status_code == 401
    assert (await api.get("/internal/batches/sms/bat_1")).json()["code"] == "BATCH_NOT_FOUND"


@pytest.mark.parametrize(
    "path",
    [
        "/internal/templates/sms?name=a%00b",
        "/internal/templates/sms/tpl_%00",
        "/internal/batches/sms/bat_1/messages?status=a%00",
        "/internal/suppressions/email/check?address=a%00@example.com",
    ],
)
async def test_a_nul_is_refused_and_not_an_error_of_ours(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path)
    assert (answer.status_code, bool(answer.json()["errors"])) == (422, True)
