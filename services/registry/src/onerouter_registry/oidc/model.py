"""An issuer as the operator describes it, and a person as an issuer's token describes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from onerouter_registry.session.model import Role


class Issuer(BaseModel):
    """One entry of `ONEROUTER_REGISTRY_OIDC_ISSUERS`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="In our addresses: /api/auth/oidc/{id}/callback.")
    name: str = Field(min_length=1, max_length=60, description="On the button.")
    issuer: str = Field(
        max_length=512, description="As the issuer spells itself in its discovery document, to the slash."
    )
    client_id: str = Field(min_length=1, max_length=512)
    client_secret: SecretStr | None = Field(
        None, description="Absent: a public client, which proves itself by PKCE alone."
    )
    client_auth: Literal["client_secret_basic", "client_secret_post"] | None = Field(
        None, description="How the secret is shown; absent: the first of these that the issuer says it understands."
    )
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    audiences: tuple[str, ...] = Field((), description="Of bearer tokens for our API, besides the client id.")
    sign_up: bool = Field(False, description="Whether people we do not know yet get an account.")
    allowed_email_domains: tuple[str, ...] = Field(
        (), description="Only people with a verified address there; empty: all."
    )
    trust_email: bool = Field(
        False,
        description="Whether its word on who owns an address opens an account that exists: also one with a password, which "
        "whoever the issuer vouches for then enters without it. Not an operator's, and not one that an issuer without this "
        "trust opens. Only for an issuer that owns those addresses or checks them well.",
    )
    trust_mfa: bool = Field(False, description="Whether `mfa` in a token's `amr` stands for our own second factor.")

    @field_validator("issuer")
    @classmethod
    def _is_an_issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.query
            or parts.fragment
            or parts.username
        ):
            raise ValueError("must be an http(s) URL without query, fragment or credentials")
        return value

    @field_validator("scopes")
    @classmethod
    def _ask_for_an_id_token(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("must contain openid")
        return value

    @field_validator("allowed_email_domains")
    @classmethod
    def _in_lower_case(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(domain.lower().removeprefix("@") for domain in value)

    @model_validator(mode="after")
    def _domains_are_believable(self) -> Self:
        if any("." not in domain for domain in self.allowed_email_domains):
            raise ValueError("allowed_email_domains must be domains such as example.com")
        return self


def require_distinct(issuers: Sequence[Issuer]) -> None:
    """Raises ValueError: an id is in addresses, and an issuer's name is how its bearer tokens find it."""
    for what, values in (("id", [one.id for one in issuers]), ("issuer", [one.issuer for one in issuers])):
        if len(set(values)) != len(values):
            raise ValueError(f"two OpenID Connect issuers have the same {what}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who someone is by the word of an issuer, after its token was verified."""

    issuer: str
    subject: str
    email: str | None
    """Normalized; None where the issuer did not say it is verified."""
    name: str | None
    has_mfa: bool
    """Whether the token's `amr` says `mfa` (RFC 8176)."""
    authenticated_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """Where a person acts who came with a bearer token."""

    tenant_id: str
    tenant_status: str
    role: Role


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in between its two redirects."""

    issuer_id: str
    nonce_hash: str
    code_verifier: str
    """Sealed with a key only the browser's cookie has."""
    return_to: str
    user_id: str | None
    """The person who links this identity to their account; None: someone signs in."""
