"""A registry that people sign in to: in production's way, with mail that really arrives somewhere, and a clock to turn."""

import itertools
import json
import secrets
from collections.abc import AsyncIterator, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import asyncpg
import httpx
import pytest
from aiohttp import web
from argon2 import PasswordHasher
from pydantic import AnyHttpUrl, SecretStr
from tests.services.registry.conftest import opened

from onerouter_local.testing import Cluster
from onerouter_registry.admin import Admin
from onerouter_registry.app import create_app
from onerouter_registry.settings import Settings

PUBLIC_URL = "https://onerouter.test"
PASSWORD = "three words far apart"
_ADDRESSES = itertools.count(1)
_PEOPLE = itertools.count(1)


class TurnableClock:
    """Starts now, goes on only when it is told to."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        return self._now

    def pass_(self, **time: float) -> None:
        self._now += timedelta(**time)


@dataclass
class MailService:
    """What answers at `POST /v1/email`, as our own email service does."""

    url: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Status and headers of the next answers; then 202."""
    requests: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)

    async def _take(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.json()))
        status, headers = self.answers.pop(0) if self.answers else (202, {})
        return web.json_response({"id": "em_1"}, status=status, headers=headers)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        app = web.Application()
        app.router.add_post("/v1/email", self._take)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()


class Browser:
    """A browser at an address of its own: keeps cookies, says where it is, sends the CSRF token with every change."""

    def __init__(self, app: Any, *, ip: str | None = None, user_agent: str = "Browser/1.0") -> None:
        number = next(_ADDRESSES)
        self.ip = ip or f"198.51.{number // 250}.{number % 250 + 1}"
        self.email = ""
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, client=(self.ip, 1)),
            base_url=PUBLIC_URL,
            headers={"Origin": PUBLIC_URL, "Sec-Fetch-Site": "same-origin", "User-Agent": user_agent},
        )

    @property
    def token(self) -> str | None:
        return self.http.cookies.get("__Host-onerouter_session")

    @property
    def csrf(self) -> str | None:
        return self.http.cookies.get("__Host-onerouter_csrf")

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.csrf is not None:
            sent.setdefault("X-CSRF-Token", self.csrf)
        content = None
        if body is not None:
            content = json.dumps(body)  # escapes what is no Unicode, where httpx would refuse it
            sent.setdefault("Content-Type", "application/json")
        return await self.http.request(method, path, content=content, headers=sent)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.call("POST", path, {} if body is None else body, **headers)

    async def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        return await self.post("/api/auth/sign-in", {"email": email, "password": password})


@dataclass(frozen=True)
class Site:
    app: Any
    settings: Settings
    admin: Admin
    clock: TurnableClock
    mail: MailService
    admin_dsn: str

    def browser(self, *, ip: str | None = None) -> Browser:
        return Browser(self.app, ip=ip)

    async def signed_up(self, email: str | None = None) -> Browser:
        """Someone new, at their browser, owner of a tenant of their own."""
        browser = self.browser()
        browser.email = email or self.new_email()
        body = {"email": browser.email, "password": PASSWORD, "name": "Ada", "tenant_name": "Acme"}
        answer = await browser.post("/api/auth/sign-up", body)
        assert answer.status_code == 200, answer.text
        return browser

    @staticmethod
    def new_email() -> str:
        return f"person{next(_PEOPLE)}@example.com"

    async def mail_to(self, email: str, *, subject: str = "") -> dict[str, Any]:
        """The last mail to this address, when all that waits was sent."""
        await self.posted()
        return [m for _, m in self.mail.requests if m["to"] == email and m["subject"].startswith(subject)][-1]

    async def posted(self) -> None:
        await self.admin.people.post.settled()

    async def token_mailed_to(self, email: str, *, subject: str = "") -> str:
        text: str = (await self.mail_to(email, subject=subject))["text_body"]
        return text.partition("#token=")[2].split()[0]

    async def query(self, sql: str, *args: object) -> list[asyncpg.Record]:
        """As the superuser, who sees every row."""
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            return await connection.fetch(sql, *args)
        finally:
            await connection.close()

    async def audited(self, action: str, target_id: str | None = None) -> list[asyncpg.Record]:
        rows = await self.query("SELECT * FROM audit_entries WHERE action = $1 ORDER BY id", action)
        return [row for row in rows if target_id in (None, row["target_id"])]


@asynccontextmanager
async def open_site(postgres: Cluster, **settings: Any) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        made = await postgres.create("registry")
        stack.push_async_callback(postgres.drop, made)
        registry = await stack.enter_async_context(opened(made))
        mail = await stack.enter_async_context(MailService().running())
        chosen = {
            "public_url": AnyHttpUrl(PUBLIC_URL),
            "sign_up": "open",
            "mail_api_key": SecretStr(f"unf_test_{secrets.token_hex(16)}"),
            "mail_from": "hello@onerouter.test",
            "mail_gateway_url": AnyHttpUrl(mail.url),
        }
        site_settings = registry.settings.model_copy(update={**chosen, **settings})
        clock = TurnableClock()
        app = create_app(site_settings, clock=clock)
        lifespan: Any = app.router.lifespan_context(app)
        state: dict[str, Any] = dict(await stack.enter_async_context(lifespan))

        async def with_state(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            await app({**scope, "state": state}, receive, send)

        # What passwords really cost is tested in test_passwords.py; here nobody waits for it.
        state["admin"].people.passwords.use(PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1))
        yield Site(with_state, site_settings, state["admin"], clock, mail, made.admin_dsn)


@pytest.fixture(scope="module")
async def site(postgres: Cluster) -> AsyncIterator[Site]:
    """One for all tests of a file; each brings people of its own."""
    async with open_site(postgres) as one:
        yield one
