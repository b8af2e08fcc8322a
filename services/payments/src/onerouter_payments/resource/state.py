"""A resource and the rule by which what is told of it is put together. Pure.

What a provider says reaches us late, twice and in any order. Each word carries the moment at which it was so (`as_of`) and a
status, whose weight its kind declares: statuses that are final weigh more than those that come and go. Of two words the one
with the greater weight holds, of two of one weight the later. Every fact is decided in the same way, each by itself. So the
end is the same whatever the order and however often (a join), except that the answer to a call of ours is never taken for
older than what we knew before the call.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

import orjson
from pydantic import JsonValue

from onerouter_payments.resource.kind import Kind
from onerouter_providers.resources import ResourceReference, ResourceSnapshot

UNCHANGED: Final = "unchanged"
"""In place of a status: only facts are told."""
FAILED: Final = "failed"
"""It was never made: the provider refused."""

_A_MOMENT: Final = timedelta(microseconds=1)

EffectGuarantee = Literal["exactly_once", "at_most_once"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing we were told, how much the word weighs and when it was so."""

    weight: int
    as_of: datetime
    value: JsonValue

    @property
    def strength(self) -> tuple[int, datetime, bytes]:
        return self.weight, self.as_of, orjson.dumps(self.value, option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """The heart's resource of these kinds: its key is its own id."""

    id: str
    kind: Kind
    tenant_id: str
    environment: str
    connection_id: str
    provider: str
    data: Mapping[str, JsonValue]
    """What the tenant asked for and may change (names, metadata), in the words of its command."""
    created_at: datetime
    updated_at: datetime
    status: str
    status_as_of: datetime
    provider_id: str | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    failure: Mapping[str, str] | None = None
    """{code, message} while the status is `failed`."""
    parent_id: str | None = None
    """What it belongs to: a subscription's plan, a transfer's payment."""
    customer_id: str | None = None
    effect_guarantee: EffectGuarantee = "exactly_once"
    version: int = 0
    """Counts what a tenant can see change; 0 until the provider has answered. Each version is one event."""
    revision: int = 1
    poll_at: datetime | None = None
    polls: int = 0
    stored_revision: int = field(default=0, compare=False)

    def fact(self, name: str) -> JsonValue:
        found = self.facts.get(name)
        return None if found is None else found.value

    def text(self, name: str) -> str | None:
        """A fact that is a string."""
        value = self.fact(name)
        return value if isinstance(value, str) else None

    def moment(self, name: str) -> datetime | None:
        """A fact that is a moment; None also for what is not one."""
        value = self.text(name)
        try:
            return None if value is None else datetime.fromisoformat(value)
        except ValueError:
            return None

    def asked(self, name: str) -> str | None:
        """What the tenant asked for, where that is a string."""
        value = self.data.get(name)
        return value if isinstance(value, str) else None

    @property
    def known_as_of(self) -> datetime:
        """The latest moment of which anything is known."""
        return max([self.status_as_of, *(fact.as_of for fact in self.facts.values())])

    @property
    def is_at_provider(self) -> bool:
        return self.provider_id is not None

    @property
    def is_final(self) -> bool:
        return self.status in self.kind.final

    @property
    def reference(self) -> ResourceReference:
        return ResourceReference(
            self.id, self.provider_id or "", {name: fact.value for name, fact in self.facts.items()}
        )

    @property
    def as_told(self) -> ResourceSnapshot:
        """What is known of it, as the provider would tell it."""
        facts = {name: fact.value for name, fact in self.facts.items()}
        return ResourceSnapshot(self.status, self.provider_id or "", as_of=self.known_as_of, facts=facts)

    @property
    def visible(self) -> tuple[object, ...]:
        return self.status, self.provider_id, self.failure, dict(self.data), _values(self.facts)


def merge(resource: Resource, told: ResourceSnapshot, at: datetime) -> Resource:
    """The resource that knows what it knew and what it is told now. Versions are not counted here.

    `at` is when it was told, for a word that does not say of when it is.
    """
    as_of = told.as_of or at
    weight = resource.kind.weight(told.status)
    facts = dict(resource.facts)
    for name, value in told.facts.items():
        fact = Fact(weight, as_of, value)
        held = facts.get(name)
        if value is not None and (held is None or fact.strength > held.strength):
            facts[name] = fact
    after = replace(resource, facts=facts, provider_id=_larger(resource.provider_id, told.provider_id or None))
    if told.status != UNCHANGED and resource.kind.knows(told.status):
        after = _moved(after, told.status, as_of, _failure_of(told))
    implied = None if resource.kind.implied is None else resource.kind.implied(after)
    return after if implied is None else _moved(after, *implied, None)


def fail(resource: Resource, code: str, message: str, at: datetime) -> Resource:
    """The resource that the provider never made."""
    return _moved(resource, FAILED, at, {"code": code, "message": message})


def answered(told: ResourceSnapshot, at: datetime, known_as_of: datetime) -> ResourceSnapshot:
    """An answer to a question of ours: it is of the moment `at`, and not older than what we knew when we asked, as the
    provider's clock may be ahead of ours. Of what did something that is when it was answered, of a read when it was asked:
    what is read may be from before an operation that is answered meanwhile.
    """
    return told if told.as_of is not None else replace(told, as_of=max(at, known_as_of + _A_MOMENT))


def _moved(resource: Resource, status: str, as_of: datetime, failure: Mapping[str, str] | None) -> Resource:
    kind = resource.kind
    told = kind.weight(status), as_of, kind.place(status)
    held = kind.weight(resource.status), resource.status_as_of, kind.place(resource.status)
    if told <= held:
        return resource
    return replace(resource, status=status, status_as_of=as_of, failure=failure if status == FAILED else None)


def _failure_of(told: ResourceSnapshot) -> Mapping[str, str]:
    code = told.error_reason or "unknown"
    return {"code": code, "message": told.error_message or f"The provider reported a failure ({code})."}


def _values(facts: Mapping[str, Fact]) -> dict[str, JsonValue]:
    return {name: fact.value for name, fact in facts.items()}


def _larger(held: str | None, told: str | None) -> str | None:
    return max((value for value in (held, told) if value is not None), default=None)
