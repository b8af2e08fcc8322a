"""What people see and change of their own account."""

from typing import Self

from pydantic import BaseModel, Field, SecretStr

from onerouter_common.contracts.base import Moment
from onerouter_registry.person.account import Account
from onerouter_registry.person.fields import FORBID, Email, Name, NewPassword, Password, TotpCode
from onerouter_registry.person.model import LinkedIdentity
from onerouter_registry.session.model import ListedSession, Method


class AccountView(BaseModel):
    id: str = Field(examples=["usr_01k9zq3v9yf7w8r2m4t6x8z0bc"])
    email: str = Field(examples=["ada@example.com"])
    email_verified: bool = Field(description="Whether a link mailed there was opened.")
    name: str = Field(examples=["Ada Lovelace"])
    is_operator: bool
    has_password: bool
    totp_enabled: bool
    recovery_codes_left: int = Field(ge=0, examples=[10])
    created_at: Moment

    @classmethod
    def of(cls, account: Account) -> Self:
        person = account.person
        return cls(
            id=person.id,
            email=person.email,
            email_verified=person.email_verified_at is not None,
            name=person.name,
            is_operator=person.is_operator,
            has_password=person.has_password,
            totp_enabled=person.has_totp,
            recovery_codes_left=account.recovery_codes_left,
            created_at=person.created_at,
        )


class AccountPatch(BaseModel):
    model_config = FORBID

    name: Name | None = Field(None, description="Absent or null: as it is.")
    email: Email | None = Field(
        None, description="A link is mailed there; your address changes when it is opened. Your own: confirms it."
    )
    password: Password | None = Field(None, description="To change the address more than 15 minutes after signing in.")


class AccountPatched(AccountView):
    confirmation_sent_to: str | None = Field(description="The address that a link went to, if one did.")


class PasswordChange(BaseModel):
    model_config = FORBID

    current: Password | None = Field(None, description="Needed unless you have none yet.")
    new: NewPassword


class Proof(BaseModel):
    model_config = FORBID

    password: Password | None = Field(None, description="Needed more than 15 minutes after signing in.")


class TotpBegun(BaseModel):
    secret: str = Field(description="Base 32, to type. Shown once.")
    uri: str = Field(description="`otpauth://…`, to show as a QR code.")

    @classmethod
    def of(cls, secret: SecretStr, uri: SecretStr) -> Self:
        return cls(secret=secret.get_secret_value(), uri=uri.get_secret_value())


class TotpConfirmation(BaseModel):
    model_config = FORBID

    code: TotpCode


class RecoveryCodes(BaseModel):
    recovery_codes: list[str] = Field(description="Each signs in once in place of a code. Shown once: keep them.")

    @classmethod
    def of(cls, codes: list[SecretStr]) -> Self:
        return cls(recovery_codes=[code.get_secret_value() for code in codes])


class IdentityOfMine(BaseModel):
    id: str = Field(examples=["idn_01k9zq3v9yf7w8r2m4t6x8z0bc"])
    issuer: str = Field(examples=["https://accounts.google.com"])
    issuer_name: str | None = Field(
        description="What its button says; null where this installation no longer knows it.", examples=["Google"]
    )
    linked_at: Moment

    @classmethod
    def of(cls, identity: LinkedIdentity, issuer_name: str | None) -> Self:
        return cls(id=identity.id, issuer=identity.issuer, issuer_name=issuer_name, linked_at=identity.created_at)


class IdentitiesOfMine(BaseModel):
    data: list[IdentityOfMine] = Field(description="Linked first first, at most 100.")


class SessionOfMine(BaseModel):
    id: str = Field(examples=["ses_01k9zq3v9yf7w8r2m4t6x8z0bc"])
    current: bool = Field(description="The one that asks.")
    method: Method
    ip: str = Field(examples=["203.0.113.7"])
    user_agent: str
    created_at: Moment
    last_seen_at: Moment
    expires_at: Moment

    @classmethod
    def of(cls, session: ListedSession, current_id: str | None) -> Self:
        return cls(
            id=session.id,
            current=session.id == current_id,
            method=session.method,
            ip=session.ip,
            user_agent=session.user_agent,
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            expires_at=session.expires_at,
        )


class SessionsOfMine(BaseModel):
    data: list[SessionOfMine] = Field(description="Used last first, at most 100.")
