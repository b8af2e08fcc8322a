"""What the catalogue shows: public facts of manifests, never where a provider's API is."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from onerouter_common.contracts.base import Category
from onerouter_common.worker.handler import Idempotency
from onerouter_providers.cost import CostFacts
from onerouter_providers.manifest import CallbackFacts, CapabilityFacts, CredentialField, Guarantee, Manifest


class CapabilityView(BaseModel):
    name: str = Field(examples=["payment.create"])
    idempotency: Idempotency = Field(description="What makes a repeat safe at the provider.")
    guarantee: Guarantee = Field(description="What that promises you.")
    retention: str | None = Field(description="`native`: how long the provider remembers a key.")
    lookup: str | None = Field(description="How an operation is found again.")


class ProviderView(BaseModel):
    id: str = Field(examples=["razorpay"])
    category: Category
    display_name: str
    description: str
    color: str = Field(description="Of the logo.", examples=["#0C2451"])
    docs_url: str
    api_version: str
    source: str = Field(description="What these facts were read from.")
    read_on: date
    available: bool = Field(description="Whether it can be connected and used now.")
    unavailable_reason: str | None
    credentials: list[CredentialField] = Field(description="What you enter to connect; a form is made of these.")
    capabilities: list[CapabilityView]
    unsupported: dict[str, str] = Field(description="Capability → what to do instead.")
    callback: CallbackFacts | None = Field(description="What you set up at the provider so that it calls back.")
    amount_unit: Literal["minor", "major", "none"]
    currencies: list[str] | None = Field(description="null: the provider decides.")
    countries: list[str] | None = Field(description="Where your account may be based; null: the provider decides.")
    limits: dict[str, int]
    cost: list[CostFacts] = Field(description="Its public prices; the first whose condition holds applies.")


class CategoryView(BaseModel):
    id: Category
    display_name: str
    description: str
    available: bool
    unavailable_reason: str | None
    providers: int = Field(description="How many there are.")


class CatalogueView(BaseModel):
    categories: list[CategoryView]
    data: list[ProviderView]
    has_more: Literal[False] = Field(False, description="All providers fit into one answer.")
    next_cursor: None = None


def view_of(manifest: Manifest, unavailable_reason: str | None) -> ProviderView:
    return ProviderView(
        id=manifest.id,
        category=manifest.category,
        display_name=manifest.display_name,
        description=manifest.description,
        color=manifest.color,
        docs_url=manifest.docs_url,
        api_version=manifest.api_version,
        source=manifest.source,
        read_on=manifest.read_on,
        available=unavailable_reason is None,
        unavailable_reason=unavailable_reason,
        credentials=list(manifest.credentials),
        capabilities=[_capability(one) for one in manifest.capabilities],
        unsupported=dict(manifest.unsupported),
        callback=manifest.callback,
        amount_unit=manifest.amount_unit,
        currencies=None if manifest.currencies is None else list(manifest.currencies),
        countries=None if manifest.countries is None else list(manifest.countries),
        limits=dict(manifest.limits),
        cost=list(manifest.cost),
    )


def _capability(facts: CapabilityFacts) -> CapabilityView:
    return CapabilityView(
        name=facts.name,
        idempotency=facts.idempotency,
        guarantee=facts.guarantee,
        retention=facts.retention,
        lookup=facts.lookup,
    )
