"""Bearer tokens of configured issuers on the management API."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Unauthenticated
from onerouter_registry.actor import Actor
from onerouter_registry.oidc import repository
from onerouter_registry.oidc.errors import TokenRefused
from onerouter_registry.oidc.identities import Admission, identity_of, proves_second_factor, require_domain
from onerouter_registry.oidc.model import Identity
from onerouter_registry.oidc.provider import Provider
from onerouter_registry.oidc.tokens import Verified, peek
from onerouter_registry.person import repository as persons
from onerouter_registry.person.people import People
from onerouter_registry.session.model import Session
from onerouter_registry.transactions import operator_transaction

_BEARER: Final = Actor("system", "bearer token")
_LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)


class IssuerTokens:
    """Fulfils `access.authentication.BearerTokens`."""

    def __init__(self, engine: AsyncEngine, providers: Sequence[Provider], people: People, clock: Clock) -> None:
        self._engine = engine
        self._people = people
        self._providers = {one.config.issuer: one for one in providers}
        self._admission = Admission(people.introductions, people.users.policy, tuple(one.config for one in providers))
        self._clock = clock

    async def find(self, token: SecretStr, *, chosen_tenant: str | None) -> Session | None:
        """The person behind the token, on the chosen tenant or on their only one.

        None: no token of a configured issuer. Raises Unauthenticated for one that is not valid, or that lacks the second
        factor its person has; NotPermitted for a person who is not let in; IssuerUnavailable.
        """
        seen = peek(token)
        provider = self._providers.get(seen.claimed_issuer or "") if seen else None
        if provider is None:
            return None
        try:
            verified = await provider.verify(token)
            provider.require_for_us(verified, *provider.config.audiences)
        except TokenRefused as error:
            raise Unauthenticated(f"The bearer token {error}.") from None
        identity = identity_of(verified, provider.config, now=self._clock.now())
        return await self._session(provider, verified, identity, chosen_tenant)

    async def _session(
        self, provider: Provider, verified: Verified, identity: Identity, chosen_tenant: str | None
    ) -> Session:
        async with operator_transaction(self._engine) as tx:
            known = await persons.find_by_identity(tx, identity.issuer, identity.subject)
            # An access token often carries no address; who is known by their subject was let in with one.
            if known is None or "email" in verified.claims:
                require_domain(identity, provider.config)
            found = await self._admission.person(tx, identity, provider.config, by=_BEARER)
            person = found.person
            if person.has_totp and not proves_second_factor(identity, provider.config):
                raise Unauthenticated(
                    "Your account has a second factor, and this token does not say that one was used.",
                    code="TOTP_REQUIRED",
                )
            membership = await repository.only_membership(tx, person.id, chosen=chosen_tenant)
        if found.joined:
            await self._people.identities.tell_linked(person, identity.issuer)
        return Session(
            id="",
            user_id=person.id,
            email=person.email,
            name=person.name,
            is_operator=person.is_operator,
            tenant_id=membership.tenant_id if membership else None,
            tenant_status=membership.tenant_status if membership else None,
            role=membership.role if membership else None,
            pending_totp=False,
            method="oidc",
            ip="",
            user_agent="",
            created_at=identity.authenticated_at,
            authenticated_at=identity.authenticated_at,
            last_seen_at=self._clock.now(),
            expires_at=_expiry(verified),
        )


def _expiry(verified: Verified) -> datetime:
    """`exp`, which was checked; an absurdly late one is as good as never."""
    seconds = min(float(verified.claims["exp"]), _LATEST.timestamp())
    return datetime.fromtimestamp(seconds, UTC)
