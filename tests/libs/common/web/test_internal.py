import hmac
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from pydantic import SecretStr

from onerouter_common.web import internal, problems
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context

FIRST, SECOND = "a" * 32, "b" * 32


def app() -> FastAPI:
    application = FastAPI(dependencies=[Depends(InternalAuth(SecretStr(f"{FIRST}, {SECOND}")))])
    problems.install(application)

    @application.get("/internal/thing")
    async def thing(context: Annotated[TenantContext, Depends(tenant_context)]) -> dict[str, str]:
        return {"tenant": context.tenant_id, "environment": context.environment}

    return application


async def ask(headers: dict[str, str] | list[tuple[bytes, bytes]]) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://test") as http:
        return await http.get("/internal/thing", headers=headers)


@pytest.mark.parametrize("token", [FIRST, SECOND])
async def test_every_token_is_accepted(token: str) -> None:
    answer = await ask(InternalAuth(SecretStr(token)).tenant_headers("ten_1", "test"))
    assert (answer.status_code, answer.json()) == (200, {"tenant": "ten_1", "environment": "test"})


def test_the_first_token_is_sent() -> None:
    assert InternalAuth(SecretStr(f"{FIRST},{SECOND}")).headers()["Authorization"] == f"Bearer {FIRST}"


@pytest.mark.parametrize(
    "given", ["", "Bearer ", "Bearer x", f"Bearer {FIRST[:-1]}", f"Bearer {FIRST},{SECOND}", "Basic x"]
)
async def test_anything_else_is_401(given: str) -> None:
    answer = await ask({"Authorization": given, "X-OneRouter-Tenant": "ten_1", "X-OneRouter-Environment": "test"})
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")


async def test_no_header_and_odd_bytes_are_401() -> None:
    assert (await ask({})).status_code == 401
    assert (await ask([(b"authorization", b"Bearer \xff\xfe")])).status_code == 401


async def test_every_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[Any] = []

    def compare(one: Any, other: Any) -> bool:
        compared.append(other)
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(internal, "hmac", type("Hmac", (), {"compare_digest": staticmethod(compare)}))
    await ask(InternalAuth(SecretStr(FIRST)).tenant_headers("ten_1", "test"))
    assert compared == [FIRST.encode(), SECOND.encode()]


@pytest.mark.parametrize("tokens", ["", ",", f"{FIRST},", f",{FIRST}", " "])
def test_an_empty_token_is_never_accepted(tokens: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        InternalAuth(SecretStr(tokens))


@pytest.mark.parametrize(
    "context", [{}, {"X-OneRouter-Tenant": "ten_1"}, {"X-OneRouter-Tenant": "ten_1", "X-OneRouter-Environment": "prod"}]
)
async def test_a_call_that_does_not_say_for_whom_is_refused(context: dict[str, str]) -> None:
    answer = await ask({**InternalAuth(SecretStr(FIRST)).headers(), **context})
    assert answer.status_code == 422
