"""What the management API takes and shows of routing."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from onerouter_common.contracts.base import Category, Environment, Moment
from onerouter_common.contracts.routing import RoutingPolicy
from onerouter_common.money import parse_currency, parse_major
from onerouter_common.routing.decision import RefusalReason
from onerouter_common.routing.route import Facts, RoutingRequest
from onerouter_registry.routing.model import CategoryRouting, Explanation

_MOST_RULES = 100
_MOST = 20


def _plain(value: str) -> str:
    """Text that can be stored and shown."""
    if not value.isprintable():
        raise ValueError("must have only printable characters")
    return value


ConnectionId = Annotated[str, Field(pattern=r"^con_[0-9a-z]{1,60}$", examples=["con_01k9zq3v9yf7w8r2m4t6x8z0bc"])]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["DE"])]
Word = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_plain)]
Major = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,15}(\.[0-9]{1,6})?$", description="Major units, as a decimal string.", examples=["99.50"]),
]
Pairs = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_plain)],
        Annotated[str, Field(max_length=512), AfterValidator(_plain)],
    ],
    Field(max_length=_MOST),
]
Provider = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$", examples=["razorpay"])]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AmountRangeBody(_Body):
    """Both ends included; an end that is absent is open."""

    min: Major | None = None
    max: Major | None = None


class ConditionsBody(_Body):
    """All that are given must match; of a list one value must. What an operation does not say matches nothing."""

    currency: list[CurrencyCode] = Field([], max_length=_MOST)
    country: list[CountryCode] = Field([], max_length=_MOST, description="Of the customer.")
    amount: AmountRangeBody | None = Field(
        None, description="In major units of whatever currency the operation is in: name that one too."
    )
    method: list[Word] = Field([], max_length=_MOST, examples=[["card"]])
    channel: list[Word] = Field([], max_length=_MOST, description="In your own words.", examples=[["web", "pos"]])
    metadata: Pairs = Field({}, description="Each of these with this very value.")


class SplitBody(_Body):
    connection: ConnectionId
    weight: int = Field(1, strict=True, ge=1, le=10_000, description="Its share is this of the sum of all weights.")


class TargetsBody(_Body):
    split: list[SplitBody] = Field(
        [], max_length=_MOST, description="One of these by weight; the others are tried when it surely did nothing."
    )
    failover: list[ConnectionId] = Field([], max_length=_MOST, description="Tried after the split, in this order.")


class RuleBody(TargetsBody):
    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_plain)] = Field(
        description="For people; shown with each operation it decides.", examples=["Europe by card"]
    )
    when: ConditionsBody = Field(default_factory=ConditionsBody, description="Nothing given: every operation.")


class OverrideBody(_Body):
    """What you let a provider take, whichever rule decides. Absent: whatever the provider itself takes."""

    enabled: bool = True
    currencies: list[CurrencyCode] | None = Field(None, max_length=_MOST)
    countries: list[CountryCode] | None = Field(None, max_length=_MOST, description="Of the customer.")
    methods: list[Word] | None = Field(None, max_length=_MOST)
    amount: AmountRangeBody | None = None
    connection: ConnectionId | None = Field(None, description="The one used when a request names the provider.")


class _Policy(_Body):
    rules: list[RuleBody] = Field([], max_length=_MOST_RULES, description="The first that matches decides.")
    default: TargetsBody | None = Field(
        None, description="Where no rule matches. Absent: your connections in their order of priority."
    )
    overrides: dict[Provider, OverrideBody] = Field({}, max_length=_MOST, description="By provider.")


class PolicyBody(_Policy):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": 3,
                    "rules": [
                        {
                            "name": "Large amounts in euro",
                            "when": {"currency": ["EUR"], "amount": {"min": "1000"}},
                            "split": [
                                {"connection": "con_01k9zq3v9yf7w8r2m4t6x8z0bc", "weight": 80},
                                {"connection": "con_01k9zq3v9yf7w8r2m4t6x8z0bd", "weight": 20},
                            ],
                        }
                    ],
                    "default": {"failover": ["con_01k9zq3v9yf7w8r2m4t6x8z0bc"]},
                }
            ]
        }
    )

    version: int | None = Field(
        None,
        strict=True,
        ge=0,
        le=2**31 - 1,
        description="The version you have read: 409 when it is not the present one. Absent: overwrite whatever is there.",
    )

    def policy(self) -> RoutingPolicy:
        return RoutingPolicy.model_validate(self.model_dump(exclude={"version"}))


class ProblemView(BaseModel):
    field: str = Field(examples=["rules.0.split.1.connection"])
    message: str


class ConnectionRef(BaseModel):
    id: str
    provider: str
    label: str
    enabled: bool


class RoutingView(_Policy):
    category: Category
    environment: Environment
    version: int = Field(description="0: there never was a policy.")
    connections: list[ConnectionRef] = Field(description="In order of priority.")
    warnings: list[ProblemView] = Field(
        description="What the policy names that is not there any more; it is passed over."
    )
    updated_at: Moment | None
    updated_by: str | None = Field(examples=["user:usr_01k9zq3v9yf7w8r2m4t6x8z0bc"])

    @classmethod
    def of(cls, routing: CategoryRouting) -> Self:
        stored = routing.stored
        return cls.model_validate(
            {
                **routing.policy.model_dump(mode="json"),
                "category": routing.category,
                "environment": routing.environment,
                "connections": [
                    {"id": one.id, "provider": one.provider, "label": one.label, "enabled": one.enabled}
                    for one in routing.connections
                ],
                "warnings": [{"field": one.field, "message": one.message} for one in routing.warnings],
                "updated_at": None if stored is None else stored.updated_at,
                "updated_by": None if stored is None else stored.updated_by,
            }
        )


class RoutingList(BaseModel):
    data: list[RoutingView]
    has_more: Literal[False] = False
    next_cursor: None = None

    @classmethod
    def of(cls, routings: Sequence[CategoryRouting]) -> Self:
        return cls(data=[RoutingView.of(one) for one in routings])


class ExplainBody(_Body):
    """A hypothetical operation. Nothing is sent."""

    category: Category = "payments"
    capability: str = Field("payment.create", max_length=60, pattern=r"^[a-z_]+\.[a-z_]+$")
    currency: CurrencyCode | None = None
    amount: Major | None = None
    country: CountryCode | None = Field(None, description="Of the customer.")
    method: Word | None = None
    channel: Word | None = None
    metadata: Pairs = Field(default_factory=dict)
    provider: Provider | None = Field(None, description="As if the request named this provider.")
    providers: tuple[Provider, ...] = Field(
        (), max_length=10, description="As if the request preferred these, the first most, and took no other."
    )
    ordering_key: Word | None = Field(
        None,
        description="The id of a payment, to see which side of a split it falls on. Absent: the heaviest side is shown.",
    )

    def request(self) -> RoutingRequest:
        """Raises InvalidRequest for an amount that its currency has not."""
        amount = None if self.amount is None else Decimal(self.amount)
        currency = None if self.currency is None else parse_currency(self.currency)
        if amount is not None and currency is not None:
            amount = parse_major(amount, currency).major
        facts = Facts(currency, amount, self.country, self.method, self.channel, self.metadata)
        return RoutingRequest(self.capability, facts, self.provider, self.ordering_key, self.providers)


class TakenView(BaseModel):
    connection_id: str
    provider: str
    label: str
    share: float = Field(description="Which part of such operations tries it first, 0 to 1.")


class RefusedView(BaseModel):
    connection_id: str
    provider: str | None
    label: str | None
    reason: RefusalReason
    detail: str


class RefusalView(BaseModel):
    code: str = Field(examples=["NO_ROUTE"])
    status: int = Field(examples=[422])
    detail: str


class ExplanationView(BaseModel):
    category: Category
    environment: Environment
    by: Literal["rule", "default", "priority", "override"]
    rule: str | None = Field(description="The name of the rule that decides.")
    reason: str = Field(examples=["The rule 'Europe by card' matches."])
    policy_version: int
    connection: TakenView | None = Field(description="The one that is taken; null: none can take it.")
    candidates: list[TakenView] = Field(description="In the order in which they are tried.")
    refused: list[RefusedView]
    error: RefusalView | None = Field(description="What the caller is told where no connection can take it.")

    @classmethod
    def of(cls, found: Explanation) -> Self:
        decision, labels = found.decision, found.labels
        taken = [
            TakenView(
                connection_id=one.connection_id,
                provider=one.provider,
                label=labels[one.connection_id],
                share=found.shares[one.connection_id],
            )
            for one in decision.candidates
        ]
        refused: list[dict[str, Any]] = [
            {
                "connection_id": one.connection_id,
                "provider": one.provider,
                "label": labels.get(one.connection_id),
                "reason": one.reason,
                "detail": one.detail,
            }
            for one in decision.refused
        ]
        error = found.error
        return cls(
            category=found.category,
            environment=found.environment,
            by=decision.by,
            rule=decision.rule,
            reason=decision.because,
            policy_version=decision.policy_version,
            connection=taken[0] if taken else None,
            candidates=taken,
            refused=[RefusedView.model_validate(one) for one in refused],
            error=None
            if error is None
            else RefusalView(code=error.error_code, status=error.http_status, detail=error.detail),
        )
