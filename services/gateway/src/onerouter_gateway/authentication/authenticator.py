"""From a request's headers to the principal behind it."""

from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr
from starlette.datastructures import Headers

from onerouter_common.api_keys import hash_key, parse_key
from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Environment
from onerouter_common.errors import InvalidRequest, NotPermitted, Unauthenticated
from onerouter_common.registry_client import Principal
from onerouter_gateway.authentication.credentials import presented_key
from onerouter_gateway.authentication.holder import Holder
from onerouter_gateway.authentication.principals import PrincipalCache

_OUT_OF_SERVICE: Final = {
    "suspended": "This account is suspended; write to the operator of this service.",
    "deleting": "This account is being deleted; until that is done the operator of this service can restore it.",
    "deleted": "This account has been deleted.",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. The clear key is kept only to check the request's own signature."""

    holder: Holder
    key: SecretStr

    @property
    def principal(self) -> Principal:
        return self.holder.principal


class Authenticator:
    def __init__(self, principals: PrincipalCache, pepper: SecretStr, clock: Clock) -> None:
        self._principals = principals
        self._pepper = pepper
        self._clock = clock

    async def authenticate(self, headers: Headers, address: str) -> Caller:
        """The caller, who calls from this address.

        Raises Unauthenticated with a sentence that says why, NotPermitted (the tenant is suspended, the address is not
        allowed), Overloaded when the key cannot be looked up now, or RateLimited when not for this address.
        """
        key = presented_key(headers)
        if parse_key(key) is None:
            raise Unauthenticated("The API key is not complete or has a typing error: its checksum does not match.")
        holder = await self._principals.get(hash_key(key, self._pepper), address)
        if holder is None:
            raise Unauthenticated("There is no such API key.")
        status = holder.principal.status_at(self._clock.now())
        if status == "revoked":
            raise Unauthenticated("The API key has been revoked.")
        if status == "expired":
            raise Unauthenticated("The API key has expired.")
        if holder.principal.tenant_status != "active":
            raise NotPermitted(_OUT_OF_SERVICE[holder.principal.tenant_status], code="TENANT_SUSPENDED")
        if not holder.may_come_from(address):
            raise NotPermitted("This API key may not be used from your address.", code="ADDRESS_NOT_ALLOWED")
        return Caller(holder, SecretStr(key))


def require_scope(principal: Principal, *any_of: str) -> None:
    """Raises NotPermitted unless the key has one of the scopes."""
    if not any(principal.may(scope) for scope in any_of):
        raise NotPermitted(f"This needs an API key with the scope {' or '.join(any_of)}.")


def effective_environment(principal: Principal, *asked: object) -> Environment:
    """The environment to act in: the key's, or `test` where a live key asks for it.

    `asked` are the values of the header and the body field (None: not sent). Raises NotPermitted for test → live.
    """
    environment = principal.environment
    for value in asked:
        if value is None:
            continue
        if value == "live" and principal.environment == "test":
            raise NotPermitted("A test key cannot act in the live environment; use a live key.")
        if value not in ("test", "live"):  # not a set: a list or an object in the body has no hash
            raise InvalidRequest.of("environment", "must be one of 'test', 'live'")
        if value == "test":
            environment = "test"
    return environment
