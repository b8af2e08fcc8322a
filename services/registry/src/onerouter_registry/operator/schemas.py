"""What operators send and see."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from onerouter_registry.member.model import Invited
from onerouter_registry.member.schemas import InvitedView
from onerouter_registry.operator.model import TenantOverview, TenantPage
from onerouter_registry.tenant.plans import MOST_REQUESTS_PER_MINUTE, REQUESTS_PER_MINUTE, UNLIMITED
from onerouter_registry.tenant.schemas import TenantName, TenantView, fields_of

Plan = Annotated[str, Field(max_length=40, description="One of `GET /api/admin/plans`.", examples=["growth"])]
RequestsPerMinute = Annotated[
    int | None,
    Field(strict=True, ge=1, le=MOST_REQUESTS_PER_MINUTE, description="In place of the plan's; null: the plan's."),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewTenant(_Body):
    name: TenantName
    plan: Plan = UNLIMITED
    owner_email: str | None = Field(
        None, max_length=320, description="Who is invited as its owner.", examples=["ada@example.com"]
    )


class ManagedTenantPatch(_Body):
    """Only what is sent is changed."""

    # Factories make a field optional and show no default that would never be used.
    name: TenantName = Field(default_factory=str)
    plan: Plan = Field(default_factory=str)
    requests_per_minute: RequestsPerMinute = None

    def changes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}


class Suspension(_Body):
    reason: str = Field(
        min_length=1, max_length=500, description="Shown to the tenant's people.", examples=["Invoice 1042 is unpaid."]
    )


class ManagedTenantView(TenantView):
    requests_per_minute_override: int | None = Field(description="What an operator set in place of the plan's.")
    api_keys: int = Field(description="Neither revoked nor expired.")
    connections: int
    members: int
    owners: list[str] = Field(description="Email addresses, the first ten.", examples=[["ada@example.com"]])

    @classmethod
    def shown(cls, overview: TenantOverview) -> Self:
        return cls.model_validate(
            {
                **fields_of(overview.tenant),
                "requests_per_minute_override": overview.tenant.requests_per_minute,
                "api_keys": overview.api_keys,
                "connections": overview.connections,
                "members": overview.members,
                "owners": list(overview.owners),
            }
        )


class CreatedTenantView(ManagedTenantView):
    invitation: InvitedView | None = Field(description="Its owner's, where an address was given.")

    @classmethod
    def made(cls, overview: TenantOverview, invited: Invited | None, now: datetime) -> Self:
        shown = ManagedTenantView.shown(overview).model_dump()
        return cls(**shown, invitation=None if invited is None else InvitedView.of_invited(invited, now))


class ManagedTenantPageView(BaseModel):
    """Newest first."""

    data: list[ManagedTenantView]
    has_more: bool
    next_cursor: str | None

    @classmethod
    def of(cls, page: TenantPage) -> Self:
        data = [ManagedTenantView.shown(one) for one in page.tenants]
        return cls(data=data, has_more=page.has_more, next_cursor=data[-1].id if page.has_more else None)


class PlanView(BaseModel):
    id: str = Field(examples=["growth"])
    requests_per_minute: int | None = Field(description="All keys of a tenant together; null: no limit.")


class PlansView(BaseModel):
    data: list[PlanView]

    @classmethod
    def all(cls) -> Self:
        return cls(data=[PlanView(id=plan, requests_per_minute=rate) for plan, rate in REQUESTS_PER_MINUTE.items()])
