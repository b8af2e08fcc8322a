"""All that works with configured issuers, wired together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.settings import Mode
from onerouter_registry.oidc.bearer import IssuerTokens
from onerouter_registry.oidc.fetching import Fetcher, open_pool
from onerouter_registry.oidc.flows import Flows
from onerouter_registry.oidc.provider import Provider
from onerouter_registry.oidc.service import IssuerSignIn
from onerouter_registry.person.people import People
from onerouter_registry.settings import Settings


@dataclass(frozen=True, slots=True)
class Issuers:
    sign_in: IssuerSignIn
    tokens: IssuerTokens


@asynccontextmanager
async def open_issuers(settings: Settings, engine: AsyncEngine, people: People, clock: Clock) -> AsyncIterator[Issuers]:
    """Nothing is fetched before someone signs in: an issuer that is away keeps nobody from starting."""
    async with open_pool() as pool:
        yield issuers(settings, engine, people, clock, pool)


def issuers(
    settings: Settings,
    engine: AsyncEngine,
    people: People,
    clock: Clock,
    pool: httpx.AsyncBaseTransport,
) -> Issuers:
    local = settings.mode is Mode.LOCAL
    fetcher = Fetcher(pool, plain_http=local)
    providers = [Provider(one, fetcher, clock) for one in settings.oidc_issuers]
    sign_in = IssuerSignIn(
        engine,
        providers,
        Flows(engine, clock, settings.secret, secure=not local),
        people,
        clock,
        public_url=str(settings.public_url),
    )
    return Issuers(sign_in, IssuerTokens(engine, providers, people, clock))
