"""What the management API takes and shows of API keys."""

from datetime import datetime
from typing import Annotated, Any, Final, Self, cast

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from onerouter_common.contracts.base import Category, Environment, Moment
from onerouter_common.registry_client import KeyStatus
from onerouter_registry.api_key.limits import LONGEST_OVERLAP_S, MOST_PER_MONTH, MOST_PER_S
from onerouter_registry.api_key.model import (
    ApiKey,
    CreatedKey,
    KeyChanges,
    KeyPage,
    RepeatedKey,
    RepeatedRotation,
    RotatedKey,
)
from onerouter_registry.api_key.networks import MOST_NETWORKS

_NOT_SHOWN: Final = (
    "This repeats a request that was carried out before. Its answer showed the key, which is not stored and cannot be shown "
    "again: rotate this one to get another, or revoke it."
)
Name = Annotated[str, Field(min_length=1, max_length=100, description="For people, to tell it from other keys.")]
Scopes = Annotated[
    list[Annotated[str, Field(max_length=60)]],
    Field(
        min_length=1,
        max_length=50,
        description="What it may do (`GET /api/api-keys/scopes` lists all), or `*` for everything.",
        examples=[["payments:read", "payments:write"]],
    ),
]
RatePerS = Annotated[
    int, Field(strict=True, ge=1, le=MOST_PER_S, description="Requests a second it may make in the long run.")
]
Burst = Annotated[
    int, Field(strict=True, ge=1, le=MOST_PER_S, description="Requests it may make at once after a quiet time.")
]
Quotas = Annotated[
    dict[Category, Annotated[int, Field(strict=True, ge=1, le=MOST_PER_MONTH)]],
    Field(
        description="Most operations in a calendar month (UTC) by category; absent: unlimited.",
        examples=[{"sms": 10_000}],
    ),
]
Networks = Annotated[
    list[Annotated[str, Field(max_length=60)]],
    Field(
        max_length=MOST_NETWORKS,
        description="Addresses and networks (CIDR) it may be used from; empty: from anywhere.",
        examples=[["203.0.113.0/24", "2001:db8::/32"]],
    ),
]
Expiry = Annotated[AwareDatetime | None, Field(description="When it ends; null: never. At most ten years away.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewKey(_Body):
    name: Name
    environment: Environment | None = Field(
        None, description="Absent: that of the request. A test key can never make a live one."
    )
    scopes: Scopes
    expires_at: Expiry = None
    ip_allow_list: Networks = []
    rate_limit_per_s: RatePerS = 100
    rate_burst: Burst = 200
    quotas: Quotas = {}

    def settings(self) -> KeyChanges:
        """Without `environment`, which is where it is made."""
        return cast("KeyChanges", self.model_dump(exclude={"environment"}))


class KeyPatch(_Body):
    """Only what is sent is changed; lists and quotas are replaced whole."""

    # Factories make a field optional and show no default that would never be used.
    name: Name = Field(default_factory=str)
    scopes: Scopes = Field(default_factory=list)
    expires_at: Expiry = None
    ip_allow_list: Networks = Field(default_factory=list)
    rate_limit_per_s: RatePerS = Field(default_factory=int)
    rate_burst: Burst = Field(default_factory=int)
    quotas: Quotas = Field(default_factory=dict)

    def changes(self) -> KeyChanges:
        return cast("KeyChanges", {name: getattr(self, name) for name in self.model_fields_set})


class Rotation(_Body):
    overlap_s: int = Field(
        86_400, strict=True, ge=0, le=LONGEST_OVERLAP_S, description="How long the old key goes on working."
    )


class Creator(BaseModel):
    kind: str = Field(examples=["user"])
    id: str = Field(examples=["usr_01k9zq3v9yf7w8r2m4t6x8z0bc"])


class KeyView(BaseModel):
    id: str = Field(examples=["key_01k9zq3v9yf7w8r2m4t6x8z0bc"])
    name: str
    environment: Environment
    display: str = Field(description="What the key begins with, to recognise it by.", examples=["unf_test_9aF3…"])
    status: KeyStatus
    scopes: list[str]
    rate_limit_per_s: int
    rate_burst: int
    quotas: dict[str, int]
    ip_allow_list: list[str]
    created_at: Moment
    created_by: Creator | None
    expires_at: Moment | None
    last_used_at: Moment | None = Field(description="To the minute or so.")
    revoked_at: Moment | None
    replaced_by: str | None = Field(description="The key it was rotated into.")

    @classmethod
    def of(cls, key: ApiKey, now: datetime) -> Self:
        return cls(**_fields_of(key, now))


class CreatedKeyView(KeyView):
    key: str | None = Field(
        description="The key itself, shown this once; null in a repeat of the request that made it."
    )
    note: str | None = Field(description="Why there is no key, where there is none.", examples=[None])

    @classmethod
    def made(cls, created: CreatedKey | RepeatedKey, now: datetime) -> Self:
        key = created.key.get_secret_value() if isinstance(created, CreatedKey) else None
        return cls(**_fields_of(created.api_key, now), key=key, note=_NOT_SHOWN if key is None else None)


class RotatedKeyView(CreatedKeyView):
    previous: KeyView = Field(description="The old key, with the time at which it ends.")

    @classmethod
    def rotated(cls, rotation: RotatedKey | RepeatedRotation, now: datetime) -> Self:
        shown = CreatedKeyView.made(rotation.created, now)
        return cls(**dict(shown), previous=KeyView.of(rotation.previous, now))


class KeyPageView(BaseModel):
    data: list[KeyView]
    has_more: bool
    next_cursor: str | None

    @classmethod
    def of(cls, page: KeyPage, now: datetime) -> Self:
        data = [KeyView.of(key, now) for key in page.keys]
        return cls(data=data, has_more=page.next_cursor is not None, next_cursor=page.next_cursor)


class ScopeView(BaseModel):
    name: str = Field(examples=["payments:write"])
    description: str
    implies: list[str] = Field(description="Scopes that need not be named beside it.")
    grantable: bool = Field(description="Whether you may give it to a key of this environment.")


class AreaView(BaseModel):
    id: str = Field(examples=["payments"])
    display_name: str
    description: str
    scopes: list[ScopeView]


class ScopeTree(BaseModel):
    everything: ScopeView
    data: list[AreaView]


def _fields_of(key: ApiKey, now: datetime) -> dict[str, Any]:
    kind, _, creator = (key.created_by or "").partition(":")
    return {
        "id": key.id,
        "name": key.name,
        "environment": key.environment,
        "display": f"{key.display_prefix}…",
        "status": key.status_at(now),
        "scopes": list(key.scopes),
        "rate_limit_per_s": key.rate_limit_per_s,
        "rate_burst": key.rate_burst,
        "quotas": dict(key.quotas),
        "ip_allow_list": list(key.ip_allow_list),
        "created_at": key.created_at,
        "created_by": Creator(kind=kind, id=creator) if kind else None,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
        "replaced_by": key.replaced_by,
    }
