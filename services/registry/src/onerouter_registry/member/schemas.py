"""What the management API takes and shows of members and invitations."""

from datetime import datetime
from typing import Final, Self

from pydantic import BaseModel, Field

from onerouter_common.contracts.base import Moment
from onerouter_registry.member.model import Invitation, InvitationStatus, Invited, Member
from onerouter_registry.person.fields import FORBID, Email, Name, NewPassword, Token
from onerouter_registry.session.model import Role

_TOLD_BEFORE: Final = (
    "This repeats a request that was carried out before: its link was mailed or shown then, and cannot be told again. Where "
    "it was lost, invite them anew, under another key."
)


class MemberView(BaseModel):
    user_id: str = Field(examples=["usr_01k9zq3v9yf7w8r2m4t6x8z0bc"])
    email: str = Field(examples=["ada@example.com"])
    name: str = Field(examples=["Ada Lovelace"])
    role: Role
    totp_enabled: bool = Field(description="Whether they sign in with a second factor.")
    disabled: bool = Field(description="Shut out by an operator.")
    created_at: Moment = Field(description="When they joined.")

    @classmethod
    def of(cls, member: Member) -> Self:
        return cls(
            user_id=member.user_id,
            email=member.email,
            name=member.name,
            role=member.role,
            totp_enabled=member.has_totp,
            disabled=member.is_disabled,
            created_at=member.created_at,
        )


class MemberPage(BaseModel):
    data: list[MemberView]
    has_more: bool
    next_cursor: str | None

    @classmethod
    def of(cls, members: list[Member], limit: int) -> Self:
        """From one more than are shown."""
        data = [MemberView.of(one) for one in members[:limit]]
        more = len(members) > limit
        return cls(data=data, has_more=more, next_cursor=data[-1].user_id if more else None)


class MemberPatch(BaseModel):
    model_config = FORBID

    role: Role


class InvitationRequest(BaseModel):
    model_config = FORBID

    email: Email
    role: Role = Field(description="Only an owner invites an owner.")


class InvitationView(BaseModel):
    id: str = Field(examples=["inv_01k9zq3v9yf7w8r2m4t6x8z0bc"])
    email: str = Field(examples=["grace@example.com"])
    role: Role
    status: InvitationStatus
    invited_by: str = Field(description="The id of the member who did.")
    mailed: bool = Field(description="Whether the link went out by mail.")
    created_at: Moment
    expires_at: Moment

    @classmethod
    def of(cls, invitation: Invitation, now: datetime) -> Self:
        return cls(**_fields(invitation, now))


class InvitedView(InvitationView):
    link: str | None = Field(description="Only where this installation sends no mail: pass it on yourself. Shown once.")
    note: str | None = Field(description="Of a repeat: what became of its link.", examples=[None])

    @classmethod
    def of_invited(cls, invited: Invited, now: datetime) -> Self:
        link = None if invited.link is None else invited.link.get_secret_value()
        note = _TOLD_BEFORE if invited.is_repeat else None
        return cls(**_fields(invited.invitation, now), link=link, note=note)


class InvitationPage(BaseModel):
    data: list[InvitationView]
    has_more: bool
    next_cursor: str | None

    @classmethod
    def of(cls, invitations: list[Invitation], limit: int, now: datetime) -> Self:
        """From one more than are shown."""
        data = [InvitationView.of(one, now) for one in invitations[:limit]]
        more = len(invitations) > limit
        return cls(data=data, has_more=more, next_cursor=data[-1].id if more else None)


class Acceptance(BaseModel):
    model_config = FORBID

    token: Token
    password: NewPassword | None = Field(None, description="For someone new: signs them up and in.")
    name: Name | None = Field(None, description="For someone new; absent: what stands before the @.")


class TenantOfYourOwn(BaseModel):
    model_config = FORBID

    name: Name = Field(examples=["Acme"])


def _fields(invitation: Invitation, now: datetime) -> dict[str, object]:
    return {
        "id": invitation.id,
        "email": invitation.email,
        "role": invitation.role,
        "status": invitation.status_at(now),
        "invited_by": invitation.invited_by,
        "mailed": invitation.mailed,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
    }
