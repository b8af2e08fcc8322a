"""From a request to the caller behind it.

One of, in this order: `Authorization: Bearer` or `X-API-Key` with an API key; a bearer token of a configured issuer; the
session cookie. A person acts on the tenant of their session, or on another of theirs named in `X-OneRouter-Tenant`. The
environment is the key's, or what `X-OneRouter-Environment` says (for people `test` where it says nothing).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Annotated, Final, Protocol, cast

from fastapi import Request, Security
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer, SecurityScopes
from pydantic import SecretStr

from onerouter_common.api_keys import hash_key, parse_key
from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Environment
from onerouter_common.errors import InvalidRequest, NotPermitted, Unauthenticated
from onerouter_common.registry_client import Principal
from onerouter_registry.access.caller import Caller, TenantCaller
from onerouter_registry.access.cookies import CSRF_HEADER, Cookies
from onerouter_registry.access.origin import Origin, Origins
from onerouter_registry.access.permissions import permissions_of_key, permissions_of_role
from onerouter_registry.access.turns import Turns
from onerouter_registry.actor import Actor
from onerouter_registry.session.model import Session
from onerouter_registry.session.service import Sessions

TENANT_CHOICE: Final = "x-onerouter-tenant"
ENVIRONMENT_CHOICE: Final = "x-onerouter-environment"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_SCHEMES: Final = (
    HTTPBearer(auto_error=False, description="An API key, or a token of a configured OpenID Connect issuer."),
    APIKeyHeader(name="X-API-Key", auto_error=False),
    APIKeyCookie(
        name="__Host-onerouter_session",
        auto_error=False,
        description="Of a signed-in person. Writes need `X-CSRF-Token`, the value of the cookie `__Host-onerouter_csrf`.",
    ),
)


class BearerTokens(Protocol):
    """Knows the people behind tokens of configured issuers."""

    async def find(self, token: SecretStr, *, chosen_tenant: str | None) -> Session | None:
        """The person, as if in a session of theirs; None: not a token of ours to judge. Raises Unauthenticated."""
        ...


class Authentication:
    def __init__(
        self,
        sessions: Sessions,
        cookies: Cookies,
        origins: Origins,
        introspect: Callable[[str], Awaitable[Principal | None]],
        pepper: SecretStr,
        clock: Clock,
        bearer_tokens: BearerTokens | None = None,
        turns: Turns | None = None,
    ) -> None:
        self._sessions = sessions
        self.cookies: Final = cookies
        self.origins: Final = origins
        self._introspect = introspect
        self._pepper = pepper
        self.clock: Final = clock
        self._bearer_tokens = bearer_tokens
        self._turns = turns or Turns()

    async def caller(self, request: Request, *, pending_totp: bool = False) -> Caller:
        """Raises Unauthenticated, NotPermitted (CSRF, a suspended tenant's key, address not allowed) or InvalidRequest.

        `pending_totp` also lets in a session that still owes its second factor.
        """
        origin = self.origins.of(request)
        token = _presented(request)
        if token is not None:
            if token.startswith("unf_"):
                return await self._key(request, origin, token)
            return await self._bearer(request, origin, SecretStr(token))
        return await self._cookie(request, origin, pending_totp=pending_totp)

    @asynccontextmanager
    async def turn(self, request: Request, caller: Caller, tenant_id: str | None = None) -> AsyncIterator[None]:
        """A change's among all of this person and this tenant; reads need none. Raises RateLimited or Overloaded."""
        if request.method in _SAFE_METHODS:
            yield
            return
        async with self._turns.of(tenant_id=tenant_id, user_id=caller.user_id):
            yield

    async def _key(self, request: Request, origin: Origin, key: str) -> Caller:
        if parse_key(key) is None:
            raise Unauthenticated("The API key is not complete or has a typing error: its checksum does not match.")
        principal = await self._introspect(hash_key(key, self._pepper))
        if principal is None:
            raise Unauthenticated("There is no such API key.")
        status = principal.status_at(self.clock.now())
        if status != "active":
            raise Unauthenticated(f"The API key {'has been revoked' if status == 'revoked' else 'has expired'}.")
        _require_active(principal.tenant_status)
        if not is_allowed(origin.ip, principal.ip_allow_list):
            raise NotPermitted("This API key may not be used from your address.", code="ADDRESS_NOT_ALLOWED")
        asked = environment_choice(request)
        if asked == "live" and principal.environment == "test":
            raise NotPermitted("A test key cannot act in the live environment; use a live key.")
        return Caller(
            actor=_from(origin, Actor("api_key", principal.api_key_id)),
            environment=asked or principal.environment,
            permissions=permissions_of_key(principal.scopes),
            tenant_id=principal.tenant_id,
            scopes=principal.scopes,
            key=principal,
        )

    async def _bearer(self, request: Request, origin: Origin, token: SecretStr) -> Caller:
        session = None
        if self._bearer_tokens is not None:
            session = await self._bearer_tokens.find(token, chosen_tenant=request.headers.get(TENANT_CHOICE))
        if session is None:
            raise Unauthenticated("The bearer token is neither an API key nor a token of a configured issuer.")
        return replace(_person(request, origin, session), session=None)

    async def _cookie(self, request: Request, origin: Origin, *, pending_totp: bool) -> Caller:
        token = self.cookies.token(request.cookies)
        if token is None:
            raise Unauthenticated("Sign in, or send an API key as 'Authorization: Bearer unf_…' or in X-API-Key.")
        session = await self._sessions.find(token, chosen_tenant=request.headers.get(TENANT_CHOICE))
        if session is None:
            raise Unauthenticated("Your session has ended. Sign in again.", code="SESSION_ENDED")
        if session.pending_totp and not pending_totp:
            raise Unauthenticated("Enter the code of your authenticator first.", code="TOTP_REQUIRED")
        if request.method not in _SAFE_METHODS:
            self._check_csrf(request, session)
        return _person(request, origin, session)

    def _check_csrf(self, request: Request, session: Session) -> None:
        if request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
            raise NotPermitted("The request came from another site.", code="CSRF_REFUSED")
        if not self.cookies.is_csrf_token(session.id, request.headers.get(CSRF_HEADER, "")):
            raise NotPermitted(
                f"Send the value of the cookie {self.cookies.csrf_name} in the header X-CSRF-Token.",
                code="CSRF_REFUSED",
            )


def is_allowed(ip: str, allow_list: tuple[str, ...]) -> bool:
    """Whether the address is in one of the networks; an empty list admits every address."""
    if not allow_list:
        return True
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ip_network(network) for network in allow_list)


def environment_choice(request: Request) -> Environment | None:
    """Raises InvalidRequest."""
    value = request.headers.get(ENVIRONMENT_CHOICE)
    if value not in (None, "test", "live"):
        raise InvalidRequest.of("X-OneRouter-Environment", "must be test or live")
    return cast("Environment | None", value)


def _presented(request: Request) -> str | None:
    """The one token in the headers. Raises Unauthenticated for two different ones."""
    scheme, _, bearer = request.headers.get("authorization", "").strip().partition(" ")
    if scheme and (scheme.lower() != "bearer" or not bearer.strip()):
        raise Unauthenticated("Authorization must be 'Bearer' and an API key or token.")
    direct = request.headers.get("x-api-key", "").strip()
    if bearer and direct and bearer.strip() != direct:
        raise Unauthenticated("Authorization and X-API-Key hold different keys; send one of them, or the same in both.")
    return bearer.strip() or direct or None


def _person(request: Request, origin: Origin, session: Session) -> Caller:
    environment: Environment = environment_choice(request) or "test"
    if session.tenant_id is None and request.headers.get(TENANT_CHOICE):
        raise NotPermitted("You are not a member of the tenant named in X-OneRouter-Tenant.")
    return Caller(
        actor=_from(origin, Actor("user", session.user_id, session.email)),
        environment=environment,
        permissions=permissions_of_role(session.role, environment) if session.role else frozenset(),
        tenant_id=session.tenant_id,
        tenant_status=session.tenant_status,
        user_id=session.user_id,
        role=session.role,
        is_operator=session.is_operator,
        session=session,
    )


def _from(origin: Origin, actor: Actor) -> Actor:
    return replace(actor, ip=origin.ip, user_agent=origin.user_agent, request_id=origin.request_id)


def _require_active(tenant_status: str, *, reading: bool = False) -> None:
    """A suspended tenant's people may still look; nobody else may do anything."""
    if tenant_status == "active" or (reading and tenant_status in {"suspended", "deleting"}):
        return
    raise NotPermitted("This account is suspended; write to the operator of this service.", code="TENANT_SUSPENDED")


@asynccontextmanager
async def person_calling(request: Request) -> AsyncIterator[Caller]:
    """A person, with or without a tenant; what they change has its turn within. Raises NotPermitted for an API key."""
    authentication: Authentication = request.state.authentication
    caller = await authentication.caller(request)
    if caller.user_id is None:
        raise NotPermitted("This is for people: sign in. API keys cannot do it.")
    async with authentication.turn(request, caller):
        yield caller


async def signed_in(
    request: Request,
    _bearer: Annotated[object, Security(_SCHEMES[0])] = None,
    _cookie: Annotated[object, Security(_SCHEMES[2])] = None,
) -> AsyncIterator[Caller]:
    """A FastAPI dependency: `person_calling`."""
    async with person_calling(request) as caller:
        yield caller


async def operator(request: Request, caller: Annotated[Caller, Security(signed_in)]) -> Caller:
    """A FastAPI dependency: a person who operates this installation. For others the route does not exist."""
    del request
    if not caller.is_operator:
        raise NotPermitted("This is for operators of this installation.")
    return replace(caller, actor=replace(caller.actor, kind="operator"))


async def tenant_caller(
    request: Request,
    scopes: SecurityScopes,
    _bearer: Annotated[object, Security(_SCHEMES[0])] = None,
    _key: Annotated[object, Security(_SCHEMES[1])] = None,
    _cookie: Annotated[object, Security(_SCHEMES[2])] = None,
) -> AsyncIterator[TenantCaller]:
    """A FastAPI dependency, as `Annotated[TenantCaller, Security(tenant_caller, scopes=["services:write"])]`."""
    authentication: Authentication = request.state.authentication
    caller = await authentication.caller(request)
    if caller.tenant_id is None:
        raise NotPermitted(
            "No tenant is chosen: name one of yours in X-OneRouter-Tenant, ask for an invitation, or create one."
        )
    if caller.tenant_status is not None:
        _require_active(caller.tenant_status, reading=request.method in _SAFE_METHODS)
    for permission in scopes.scopes:
        caller.require(permission)
    async with authentication.turn(request, caller, caller.tenant_id):
        yield TenantCaller(caller, caller.tenant_id)
