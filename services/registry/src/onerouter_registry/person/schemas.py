"""What signing in and up takes, and what a browser may know of its session."""

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from onerouter_common.contracts.base import Moment
from onerouter_registry.member.model import Membership
from onerouter_registry.person.fields import (
    FORBID,
    Email,
    Name,
    NewPassword,
    Password,
    RecoveryCode,
    Token,
    TotpCode,
)
from onerouter_registry.person.model import SignUpPolicy
from onerouter_registry.session.model import Method, Role


class SignUpRequest(BaseModel):
    model_config = FORBID

    email: Email
    password: NewPassword
    name: Name | None = Field(None, description="Absent: what stands before the @.")
    tenant_name: Name | None = Field(None, description="Absent: your name.", examples=["Acme"])


class SignInRequest(BaseModel):
    model_config = FORBID

    email: Email
    password: Password


class TotpRequest(BaseModel):
    """One of the two."""

    model_config = FORBID

    code: TotpCode | None = Field(None, description="What your authenticator shows.")
    recovery_code: RecoveryCode | None = Field(None, description="One of the ten you kept; each works once.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.code is None) == (self.recovery_code is None):
            raise ValueError("send either code or recovery_code")
        return self


class TenantChoice(BaseModel):
    model_config = FORBID

    tenant_id: str = Field(max_length=40, examples=["ten_01k9zq3v9yf7w8r2m4t6x8z0bc"])


class ForgotRequest(BaseModel):
    model_config = FORBID

    email: Email


class ResetRequest(BaseModel):
    model_config = FORBID

    token: Token
    password: NewPassword


class TokenRequest(BaseModel):
    model_config = FORBID

    token: Token


class Done(BaseModel):
    ok: Literal[True] = True


class TenantOfMine(BaseModel):
    id: str = Field(examples=["ten_01k9zq3v9yf7w8r2m4t6x8z0bc"])
    name: str = Field(examples=["Acme"])
    status: str = Field(examples=["active"])
    role: Role

    @classmethod
    def of(cls, membership: Membership) -> Self:
        return cls(
            id=membership.tenant_id,
            name=membership.tenant_name,
            status=membership.tenant_status,
            role=membership.role,
        )


class UserView(BaseModel):
    id: str = Field(examples=["usr_01k9zq3v9yf7w8r2m4t6x8z0bc"])
    email: str = Field(examples=["ada@example.com"])
    name: str = Field(examples=["Ada Lovelace"])
    is_operator: bool = Field(description="May use `/api/admin`.")


class SessionView(BaseModel):
    status: Literal["signed_in", "totp_required"] = Field(
        description="`totp_required`: only `POST /api/auth/totp` and signing out are left to do."
    )
    user: UserView
    tenant_id: str | None = Field(description="The tenant this session works on.")
    role: Role | None = Field(description="Yours there.")
    tenants: list[TenantOfMine] = Field(description="All of yours, at most 100.")
    method: Method | None = Field(description="How you signed in; null for a bearer token.")
    csrf_token: str | None = Field(description="To send as `X-CSRF-Token` with every change; null for a bearer token.")
    authenticated_at: Moment | None = Field(description="For 15 minutes from here sensitive changes need no password.")
    expires_at: Moment | None


class IssuerView(BaseModel):
    id: str = Field(examples=["google"])
    name: str = Field(examples=["Google"])
    start_path: str = Field(examples=["/api/auth/oidc/google/start"])


class MethodsView(BaseModel):
    password: bool
    password_reset: bool = Field(description="Whether a link can be mailed.")
    sign_up: SignUpPolicy = Field(description="`invited`: with an invitation only.")
    issuers: list[IssuerView]
