"""Sign-in at issuers on a real database: the endpoints, a browser, and a clock that a test turns."""

from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI, Security
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.services.registry.conftest import keyring

from onerouter_common.db.engine import tenant_engine
from onerouter_common.ids import TENANT, new_id
from onerouter_common.registry_client import Principal
from onerouter_common.secrets import KeyRing
from onerouter_common.settings import Mode
from onerouter_common.web import problems
from onerouter_local.testing import Database
from onerouter_registry.access.authentication import Authentication, signed_in, tenant_caller
from onerouter_registry.access.caller import Caller, TenantCaller
from onerouter_registry.access.cookies import Cookies
from onerouter_registry.access.origin import Origins
from onerouter_registry.actor import SYSTEM
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.mail.model import Mail
from onerouter_registry.mail.service import Post
from onerouter_registry.oidc import endpoints
from onerouter_registry.oidc.issuers import Issuers, issuers
from onerouter_registry.oidc.model import Issuer
from onerouter_registry.person import account_endpoints
from onerouter_registry.person.model import Person
from onerouter_registry.person.people import People, people
from onerouter_registry.person.sealing import SealedByKeyRing
from onerouter_registry.person.users import Users
from onerouter_registry.settings import Settings
from onerouter_registry.transactions import operator_transaction

PUBLIC_URL = "https://onerouter.test"
SECRET = SecretStr("s" * 40)


@dataclass
class TurnableClock:
    """The time of day, until a test moves it on."""

    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_by(self, **duration: float) -> None:
        self.ahead += timedelta(**duration)


@dataclass
class Kept:
    """A mailer that keeps what it is given."""

    mails: list[Mail] = field(default_factory=list)
    delivers = True

    async def send(self, mail: Mail) -> None:
        self.mails.append(mail)

    def subjects(self, to: str) -> list[str]:
        return [mail.subject for mail in self.mails if mail.to == to]


@dataclass(frozen=True)
class Stand:
    issuers: Issuers
    people: People
    engine: AsyncEngine
    clock: TurnableClock
    transport: httpx.ASGITransport
    cookies: Cookies
    mailer: Kept

    @property
    def users(self) -> Users:
        return self.people.users

    def browser(self) -> httpx.AsyncClient:
        """With cookies of its own."""
        return httpx.AsyncClient(transport=self.transport, base_url=PUBLIC_URL)

    async def add_person(
        self, email: str, *, password: bool = False, email_verified: bool = False, is_operator: bool = False
    ) -> Person:
        async with operator_transaction(self.engine) as tx:
            return await self.users.add(
                tx,
                email=email,
                name="Ada",
                password_hash="$argon2id$kept" if password else None,
                email_verified=email_verified,
                is_operator=is_operator,
            )

    async def person(self, email: str) -> Person:
        return await self.users.get_by_email(email)

    async def join_tenant(self, user_id: str, role: str = "owner") -> str:
        """A new tenant with this member."""
        tenant_id = new_id(TENANT)
        await self.execute("INSERT INTO tenants (id, name, created_at) VALUES (:id, 'Acme', now())", id=tenant_id)
        await self.execute(
            "INSERT INTO memberships (tenant_id, user_id, role, created_at) VALUES (:tenant, :id, :role, now())",
            tenant=tenant_id,
            id=user_id,
            role=role,
        )
        return tenant_id

    async def open_session(self, person: Person, browser: httpx.AsyncClient) -> dict[str, str]:
        """Sign this browser in as if by password; the headers of its writes."""
        async with operator_transaction(self.engine) as tx:
            opened = await self.people.sessions.open(
                tx, person.id, tenant_id=None, method="password", ip="192.0.2.1", user_agent="test"
            )
        browser.cookies.set(
            self.cookies.session_name, opened.token.get_secret_value(), domain="onerouter.test", path="/"
        )
        return {"X-CSRF-Token": self.cookies.csrf_token(opened.id)}

    async def execute(self, statement: str, **values: Any) -> None:
        async with operator_transaction(self.engine) as tx:
            await tx.execute(text(statement), values)

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        async with operator_transaction(self.engine) as tx:
            return [dict(row) for row in (await tx.execute(text(statement), values)).mappings()]


def a_config(issuer: str, **changes: Any) -> Issuer:
    values: dict[str, Any] = {
        "id": "acme",
        "name": "Acme SSO",
        "issuer": issuer,
        "client_id": "onerouter",
        "client_secret": "the-client-secret",
        "sign_up": True,
    }
    return Issuer.model_validate(values | changes)


@asynccontextmanager
async def standing(
    made: Database,
    pool: httpx.AsyncBaseTransport,
    *configs: Issuer,
    mode: Mode = Mode.LOCAL,
    sign_up: str = "invited",
) -> AsyncIterator[Stand]:
    settings = Settings(
        mode=mode,
        database_url=made.dsn,
        kafka_bootstrap_servers="127.0.0.1:1",
        internal_tokens=SecretStr("i" * 40),
        credential_keys_test=keyring("kek-1"),
        credential_keys_live=keyring("kek-2"),
        callback_keys_test=keyring("cbk-1"),
        callback_keys_live=keyring("cbk-2"),
        api_key_pepper=SecretStr("p" * 40),
        secret=SECRET,
        public_url=PUBLIC_URL,
        sign_up=sign_up,
        oidc_issuers=configs,
    )
    clock = TurnableClock()
    async with tenant_engine(made.dsn, size=4) as engine:
        sealed = SealedByKeyRing(KeyRing.parse(settings.credential_keys_live.get_secret_value()))
        mailer = Kept()
        audit = AuditLog(SECRET, clock)
        persons = people(settings, engine, audit, clock, secrets=sealed, post=Post(mailer), entry=engine)
        opened = issuers(settings, engine, persons, clock, pool)
        cookies = Cookies(SECRET, secure=mode is not Mode.LOCAL)
        authentication = Authentication(
            persons.sessions,
            cookies,
            Origins(settings.internal_tokens),
            _no_key,
            settings.api_key_pepper,
            clock,
            opened.tokens,
        )
        app = _app()

        async def with_state(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            admin = SimpleNamespace(people=persons)
            scope["state"] = {"issuers": opened.sign_in, "authentication": authentication, "admin": admin}
            await app(scope, receive, send)

        async with operator_transaction(engine) as tx:
            await tx.execute(text("DELETE FROM throttles"))  # every test comes from the same address
        # In local mode the first person of all becomes an operator, to whom other rules apply.
        async with operator_transaction(engine) as tx:
            taken = await tx.execute(text("SELECT true FROM users WHERE email = 'first@example.com'"))
            if taken.first() is None:
                await persons.users.add(
                    tx, email="first@example.com", name="First", password_hash=None, email_verified=True, by=SYSTEM
                )
        yield Stand(opened, persons, engine, clock, httpx.ASGITransport(app=with_state), cookies, mailer)


async def _no_key(_: str) -> Principal | None:
    return None


def _app() -> FastAPI:
    app = FastAPI()
    problems.install(app)
    app.include_router(endpoints.router)
    app.include_router(account_endpoints.router)

    @app.get("/api/whoami")
    async def whoami(caller: Annotated[Caller, Security(signed_in)]) -> dict[str, Any]:
        return {
            "user_id": caller.user_id,
            "email": caller.actor.name,
            "tenant_id": caller.tenant_id,
            "has_session": caller.session is not None,
        }

    @app.post("/api/change")
    async def change(
        caller: Annotated[TenantCaller, Security(tenant_caller, scopes=["services:write"])],
    ) -> dict[str, str]:
        return {"tenant_id": caller.tenant_id, "environment": caller.environment}

    return app


def path_of(url: str) -> str:
    """Of an address of ours: what the gateway would forward."""
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}" == PUBLIC_URL
    return f"{parts.path}?{parts.query}"
