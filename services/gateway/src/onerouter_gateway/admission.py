"""What every /v1 request passes before its endpoint: authentication, limit, environment, body, signature."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request

from onerouter_common import metric_names as metrics
from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Environment
from onerouter_common.errors import InvalidRequest, Unauthenticated, UnsupportedMediaType
from onerouter_common.registry_client import Principal
from onerouter_gateway.authentication.address import Network, client_address_of, site_of
from onerouter_gateway.authentication.authenticator import (
    Authenticator,
    Caller,
    effective_environment,
    require_scope,
)
from onerouter_gateway.authentication.credentials import check_signature
from onerouter_gateway.authentication.refusals import Refusals
from onerouter_gateway.commands.request import Patience, idempotency_key, patience
from onerouter_gateway.commands.wait import Asked
from onerouter_gateway.edge.canonical import ENVELOPE
from onerouter_gateway.edge.json_body import read_body, read_object
from onerouter_gateway.edge.large_bodies import LargeBodies
from onerouter_gateway.edge.pan import ORDINARY, Screening, screened
from onerouter_gateway.rate_limit.limiter import Limiter
from onerouter_gateway.rate_limit.policy import Policy

_CAMEL = {"idempotencyKey": "idempotency_key"}
ENVIRONMENT_HEADER = "x-onerouter-environment"
ANY_KEY: Final = "any key"
"""In place of scopes: whoever holds a key may, or the body says which scope to `require` next."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An admitted query."""

    principal: Principal
    environment: Environment


@dataclass(frozen=True, slots=True)
class Writing:
    """An admitted request with a body."""

    principal: Principal
    environment: Environment
    body: Mapping[str, Any]
    key: str | None
    patience: Patience
    policies: Sequence[Policy] = ()
    """What it was counted against."""

    @property
    def asked(self) -> Asked:
        return Asked(self.principal, self.environment, self.key, self.patience)


class Admission:
    def __init__(
        self,
        authenticator: Authenticator,
        limiter: Limiter,
        refusals: Refusals,
        clock: Clock,
        *,
        max_body_bytes: int,
        large: LargeBodies,
        default_wait_s: float,
        max_wait_s: float,
        trusted_proxies: Sequence[Network] = (),
    ) -> None:
        self._authenticator = authenticator
        self._limiter = limiter
        self._refusals = refusals
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._large = large
        self._default_wait_s = default_wait_s
        self._max_wait_s = max_wait_s
        self._trusted_proxies = trusted_proxies

    def address_of(self, request: Request) -> str:
        """The client's, as far as proxies of ours can be believed."""
        return client_address_of(request, self._trusted_proxies)

    async def enter(self, request: Request) -> Caller:
        """Authenticate, and count against the limits of the key and its tenant; what is refused, against its address's.

        Raises Unauthenticated, NotPermitted, RateLimited or Overloaded.
        """
        try:
            caller = await self.authenticate(request)
        except Unauthenticated:
            await self.count(request, [self.refusal_of(request)])
            raise
        await self.count(request, caller.holder.policies)
        return caller

    async def authenticate(self, request: Request) -> Caller:
        """The same without counting."""
        return await self._authenticator.authenticate(request.headers, self.address_of(request))

    def refusal_of(self, request: Request) -> Policy:
        """What the request counts against when nobody can be told by its API key."""
        return self._refusals.policy_of(site_of(self.address_of(request)))

    async def count(self, request: Request, policies: Sequence[Policy]) -> None:
        """Count one request, or one more of several in one; the answer will say what is left. Raises RateLimited."""
        verdict = await self._limiter.hit(policies)
        told = verdict.headers()
        names = {name for name, _ in told}
        headers = request.state.response_headers
        headers[:] = [*(one for one in headers if one[0] not in names), *told]
        if not verdict.allowed:
            metrics.RATE_LIMITED.inc()
            raise verdict.refusal()

    async def read(self, request: Request, *any_of_scopes: str) -> Reading:
        """Admit a request that has no body. Raises Unauthenticated, RateLimited, NotPermitted or Overloaded."""
        caller = await self._enter(request, any_of_scopes)
        self.check_signature(request, caller, b"")
        return Reading(caller.principal, _environment(request, caller, {}))

    async def write(
        self, request: Request, *any_of_scopes: str, screening: Screening = ORDINARY, nested: Sequence[str] = ()
    ) -> Writing:
        """Admit a request with a JSON object as its body (none is an empty one). Raises what is wrong with it, too.

        What says how a request travels (its idempotency key, its environment) counts in the first of the fields `nested`
        that is there, too.
        """
        caller = await self._enter(request, any_of_scopes)
        most = self._max_body_bytes
        sent = await read_body(request, max_bytes=most)
        return await self._written(request, caller, sent, nested, screening=screening, max_bytes=most)

    @asynccontextmanager
    async def write_large(
        self, request: Request, *any_of_scopes: str, screening: Screening, nested: Sequence[str] = ()
    ) -> AsyncIterator[Writing]:
        """The same for a body that may hold files. Inside, it has one of few places: be done with the files there.

        Raises RateLimited or Overloaded when its tenant's places, or all, are taken for too long.
        """
        caller = await self._enter(request, any_of_scopes)
        async with self._large.read(request, caller.principal.tenant_id) as sent:
            most = self._large.max_bytes
            yield await self._written(request, caller, sent, nested, screening=screening, max_bytes=most)

    @asynccontextmanager
    async def write_bytes(
        self, request: Request, *any_of_scopes: str, most: int
    ) -> AsyncIterator[tuple[Writing, bytes]]:
        """Admit a request whose body is bytes of any kind, which nobody looks into. Inside, it has its place in memory.

        Raises UnsupportedMediaType for a body that is encoded: it would have to be kept as something it is not.
        """
        caller = await self._enter(request, any_of_scopes)
        if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            raise UnsupportedMediaType("The bytes are kept as they come: send them without a Content-Encoding.")
        async with self._large.read(request, caller.principal.tenant_id, most=most) as sent:
            self.check_signature(request, caller, sent)
            yield self._asked(request, caller, {}, {}), sent

    def require(self, asked: Reading | Writing, *any_of_scopes: str) -> None:
        """Raises NotPermitted."""
        require_scope(asked.principal, *any_of_scopes)

    async def _written(
        self,
        request: Request,
        caller: Caller,
        sent: bytes,
        nested: Sequence[str],
        *,
        screening: Screening,
        max_bytes: int,
    ) -> Writing:
        self.check_signature(request, caller, sent)
        body = await read_object(
            sent, request.headers, max_bytes=max_bytes, check=lambda body: screened(body, screening, nested)
        )
        return self._asked(request, caller, body, _unwrapped(body, nested))

    def _asked(self, request: Request, caller: Caller, body: Mapping[str, Any], envelope: Mapping[str, Any]) -> Writing:
        return Writing(
            caller.principal,
            _environment(request, caller, envelope),
            body,
            idempotency_key(request.headers, envelope),
            patience(request.headers.get("prefer", ""), default_s=self._default_wait_s, most_s=self._max_wait_s),
            caller.holder.policies,
        )

    async def _enter(self, request: Request, any_of_scopes: tuple[str, ...]) -> Caller:
        caller = await self.enter(request)
        if any_of_scopes != (ANY_KEY,):
            require_scope(caller.principal, *any_of_scopes)
        return caller

    def check_signature(self, request: Request, caller: Caller, body: bytes) -> None:
        """Where the request has one; `body` as it was sent. Raises Unauthenticated."""
        query = request.url.query
        check_signature(
            request.headers,
            method=request.method,
            target=request.scope.get("raw_path", request.url.path.encode()).decode("ascii", "replace")
            + (f"?{query}" if query else ""),
            body=body,
            key=caller.key.get_secret_value(),
            now=self._clock.now(),
        )


def _unwrapped(body: Mapping[str, Any], nested: Sequence[str]) -> Mapping[str, Any]:
    """Raises InvalidRequest where the two disagree."""
    found = next((name for name in nested if name in body), None)
    inner = None if found is None else body[found]
    if not isinstance(inner, dict):
        return body
    inner = {_CAMEL.get(name, name): inner[name] for name in inner}
    for name in ENVELOPE:
        if name in body and name in inner and body[name] != inner[name]:
            raise InvalidRequest.of(f"{found}.{name}", f"differs from {name}")
    return {**{name: inner[name] for name in ENVELOPE if name in inner}, **body}


def _environment(request: Request, caller: Caller, body: Mapping[str, Any]) -> Environment:
    in_header, in_body = request.headers.get(ENVIRONMENT_HEADER), body.get("environment")
    if in_header is not None and in_body is not None and in_header != in_body:
        raise InvalidRequest.of("environment", "differs from the X-OneRouter-Environment header")
    return effective_environment(caller.principal, in_header, in_body)
