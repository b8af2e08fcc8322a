"""From a verified token to someone: what of its claims is believed, and whose account that is."""

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.errors import InvalidRequest, NotPermitted
from onerouter_common.recipients import email_of
from onerouter_registry.actor import Actor
from onerouter_registry.oidc.model import Identity, Issuer
from onerouter_registry.oidc.provider import authenticated_at
from onerouter_registry.oidc.tokens import Verified
from onerouter_registry.person.introductions import Found, Introductions
from onerouter_registry.person.model import SignUpPolicy

_NAME_CHARS: Final = 100


def identity_of(verified: Verified, config: Issuer, *, now: datetime) -> Identity:
    """An address counts only with `email_verified: true`, the JSON literal."""
    return Identity(
        issuer=config.issuer,
        subject=verified.subject,
        email=_email(verified) if verified.claims.get("email_verified") is True else None,
        name=(verified.text("name") or "")[:_NAME_CHARS].strip() or None,
        has_mfa="mfa" in verified.texts("amr"),
        authenticated_at=authenticated_at(verified, now),
    )


def require_domain(identity: Identity, config: Issuer) -> None:
    """Raises NotPermitted where only some domains are let in and the verified address is in none of them."""
    if config.allowed_email_domains and (identity.email or "").rpartition("@")[2] not in config.allowed_email_domains:
        raise NotPermitted("People with your email address are not let in here.", code="EMAIL_NOT_ALLOWED")


class Admission:
    """Whose account an identity is: the one rule for browsers and bearer tokens."""

    def __init__(self, introductions: Introductions, policy: SignUpPolicy, issuers: tuple[Issuer, ...]) -> None:
        """`policy` is the installation's."""
        self._introductions = introductions
        self._policy = policy
        self._trusted = frozenset(one.issuer for one in issuers if one.trust_email)

    async def person(self, tx: AsyncConnection, identity: Identity, config: Issuer, *, by: Actor) -> Found:
        """In the caller's (operator) transaction. Raises NotPermitted.

        Without `sign_up` an issuer makes accounts for those who were invited, unless nobody may sign up at all.
        """
        policy: SignUpPolicy = "open" if config.sign_up else "closed" if self._policy == "closed" else "invited"
        return await self._introductions.find_or_create(
            tx,
            identity.issuer,
            identity.subject,
            identity.email,
            identity.name,
            trusted=self._trusted,
            policy=policy,
            by=by,
        )


def proves_second_factor(identity: Identity, config: Issuer) -> bool:
    return config.trust_mfa and identity.has_mfa


def _email(verified: Verified) -> str | None:
    try:
        return email_of("email", verified.text("email") or "")
    except InvalidRequest:
        return None
