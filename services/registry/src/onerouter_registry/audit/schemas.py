"""What the management API shows of the audit log."""

from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from onerouter_common.contracts.base import Environment, Moment
from onerouter_registry.actor import ActorKind
from onerouter_registry.audit.chain import Entry
from onerouter_registry.audit.model import EntryPage, Filter

MOST = 100
_SOMETIME: dict[str, Any] = {"ge": "1970-01-01T00:00:00Z", "lt": "9999-01-01T00:00:00Z"}
# PostgreSQL has no text with NUL.
_PLAIN = r"^[^\x00-\x1f]*$"


class EntryQuery(BaseModel):
    """Filters, all of which an entry must meet, and the page."""

    model_config = ConfigDict(extra="forbid")

    actor: str | None = Field(
        None, max_length=320, pattern=_PLAIN, description="Who did it: an id (`usr_…`, `key_…`) or an email address."
    )
    action: str | None = Field(
        None,
        max_length=60,
        pattern=r"^[a-z_.]*$",
        description="How the action begins: `api_key.` finds `api_key.created` and `api_key.revoked`.",
    )
    target: str | None = Field(None, max_length=200, pattern=_PLAIN, description="The id of what was changed.")
    environment: Environment | None = Field(None, description="Only entries of exactly this environment.")
    since: AwareDatetime | None = Field(None, description="From this time on.", **_SOMETIME)
    until: AwareDatetime | None = Field(None, description="Before this time.", **_SOMETIME)
    limit: int = Field(50, ge=1, le=MOST)
    cursor: str | None = Field(None, max_length=40, description="`next_cursor` of the page before.")

    def filter(self) -> Filter:
        return Filter(self.actor, self.action, self.target, self.environment, self.since, self.until)


class PlatformEntryQuery(EntryQuery):
    tenant_id: str | None = Field(
        None,
        max_length=40,
        pattern=_PLAIN,
        description="Only this tenant's; `platform`: what operators changed for everyone. Absent: all there is.",
    )


class ActorView(BaseModel):
    kind: ActorKind
    id: str = Field(examples=["usr_01k9zq3v9yf7w8r2m4t6x8z0bc"])
    name: str | None = Field(examples=["ada@example.com"])
    ip: str | None
    user_agent: str | None


class TargetView(BaseModel):
    kind: str = Field(examples=["api_key"])
    id: str = Field(examples=["key_01k9zq3v9yf7w8r2m4t6x8z0bc"])


class EntryView(BaseModel):
    id: str = Field(examples=["aud_01k9zq3v9yf7w8r2m4t6x8z0bc"])
    sequence: int = Field(description="Counts the entries of the tenant without a gap.")
    at: Moment
    environment: Environment | None = Field(description="None: it concerns both.")
    actor: ActorView
    action: str = Field(examples=["api_key.created"])
    target: TargetView
    before: dict[str, Any] | None = Field(description="What was changed, as it was. Secrets are never in it.")
    after: dict[str, Any] | None
    request_id: str | None

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls.model_validate(_shown(entry))


class PlatformEntryView(EntryView):
    tenant_id: str = Field(description="`platform`: for everyone.", examples=["ten_01k9zq3v9yf7w8r2m4t6x8z0bc"])


class EntryPageView(BaseModel):
    """Newest first."""

    data: list[EntryView]
    has_more: bool
    next_cursor: str | None

    @classmethod
    def of(cls, page: EntryPage) -> Self:
        cursor = str(page.entries[-1].sequence) if page.has_more else None
        return cls(data=[EntryView.of(entry) for entry in page.entries], has_more=page.has_more, next_cursor=cursor)


class PlatformEntryPageView(BaseModel):
    """Newest first."""

    data: list[PlatformEntryView]
    has_more: bool
    next_cursor: str | None

    @classmethod
    def of(cls, page: EntryPage, *, one_chain: bool) -> Self:
        cursor = None
        if page.has_more:
            cursor = str(page.entries[-1].sequence) if one_chain else page.entries[-1].id
        data = [PlatformEntryView.of(entry) for entry in page.entries]
        return cls(data=data, has_more=page.has_more, next_cursor=cursor)


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "tenant_id": entry.tenant_id,
        "sequence": entry.sequence,
        "at": entry.at,
        "environment": entry.environment,
        "actor": {
            "kind": entry.actor_kind,
            "id": entry.actor_id,
            "name": entry.actor_name,
            "ip": entry.ip,
            "user_agent": entry.user_agent,
        },
        "action": entry.action,
        "target": {"kind": entry.target_kind, "id": entry.target_id},
        "before": entry.before,
        "after": entry.after,
        "request_id": entry.request_id,
    }
