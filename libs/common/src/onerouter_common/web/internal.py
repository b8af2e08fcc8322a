"""Service-to-service calls: a shared token, compared in constant time, replaceable without downtime."""

import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Request
from pydantic import SecretStr

from onerouter_common import telemetry
from onerouter_common.errors import InvalidRequest, Unauthenticated

TENANT_HEADER = "X-OneRouter-Tenant"
ENVIRONMENT_HEADER = "X-OneRouter-Environment"


@dataclass(frozen=True, slots=True)
class TenantContext:
    """For whom another service asks."""

    tenant_id: str
    environment: str


class InternalAuth:
    """The first token is sent, all are accepted: put the new one second everywhere, then first, then drop the old one."""

    def __init__(self, tokens: SecretStr) -> None:
        self._tokens = [token.strip().encode() for token in tokens.get_secret_value().split(",")]
        if not all(self._tokens):
            raise ValueError("an internal token is empty: a call without one would be let in")

    @property
    def token(self) -> str:
        """The one that is sent."""
        return self._tokens[0].decode()

    def headers(self) -> dict[str, str]:
        """Headers of a call to another service: the token and the current trace."""
        headers = {"Authorization": f"Bearer {self.token}"}
        telemetry.inject(headers)
        return headers

    def tenant_headers(self, tenant_id: str, environment: str) -> dict[str, str]:
        return {**self.headers(), TENANT_HEADER: tenant_id, ENVIRONMENT_HEADER: environment}

    async def __call__(self, request: Request) -> None:
        """A FastAPI dependency. Raises Unauthenticated, and InvalidRequest for a path or query with a NUL."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
        # Every token is compared, so that the time taken says nothing about which one was close.
        matches = [hmac.compare_digest(given, token) for token in self._tokens]
        if not any(matches):
            raise Unauthenticated("This address is for OneRouter's own services.")
        for name, value in (*request.path_params.items(), *request.query_params.multi_items()):
            if "\x00" in f"{name}{value}":  # PostgreSQL has no text with NUL
                raise InvalidRequest.of(name.replace("\x00", "")[:40], "must not contain NUL")


async def tenant_context(
    tenant_id: Annotated[str, Header(alias=TENANT_HEADER, min_length=1)],
    environment: Annotated[str, Header(alias=ENVIRONMENT_HEADER, pattern="^(test|live)$")],
) -> TenantContext:
    """A FastAPI dependency for internal routes that speak of one tenant."""
    return TenantContext(tenant_id, environment)
