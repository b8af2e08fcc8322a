"""What can be done with plans, customers and subscriptions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Generic, TypeVar, cast

from pydantic import JsonValue
from typing_extensions import override

from onerouter_common.clock import isoformat
from onerouter_common.contracts.base import Contract
from onerouter_common.contracts.payment_resources import (
    CancelSubscription,
    ChangeSubscriptionPlan,
    CreateCustomer,
    CreatePlan,
    CreateSubscription,
    PauseSubscription,
    ResumeSubscription,
)
from onerouter_common.errors import Conflict
from onerouter_common.money import Money
from onerouter_common.routing.route import Facts
from onerouter_common.worker.handler import Begun, CommandDraft, Connection, Operation, RouteHint, operation
from onerouter_payments.resource.kinds.customer import CUSTOMER_KIND
from onerouter_payments.resource.kinds.plan import PLAN_KIND
from onerouter_payments.resource.kinds.subscription import LIVE, SUBSCRIPTION_KIND
from onerouter_payments.resource.operations import ChangeResource, CreateResource
from onerouter_payments.resource.state import Resource
from onerouter_providers.resources import (
    CustomerRequest,
    KeepsCustomers,
    OffersPlans,
    PlanRequest,
    ResourceSnapshot,
    RunsSubscriptions,
    SubscriptionChange,
    SubscriptionRequest,
)

BEFORE_THE_CHARGE: Final = timedelta(minutes=15)
"""What is due at a cycle's end is done so long before it: at that moment the provider charges for the next one."""
_MOVED: Final = timedelta(hours=1)
_CANCEL: Final = "subscription.cancel"
_PAUSE: Final = "subscription.pause"


def _plan_request(plan_id: str, command: CreatePlan) -> PlanRequest:
    return PlanRequest(
        plan_id=plan_id,
        name=command.name,
        amount=Money(command.amount_minor, command.currency),
        interval=command.interval,
        interval_count=command.interval_count,
        description=command.description,
        trial_days=command.trial_days,
        notes=command.notes,
    )


@operation("plan.create")
class PlanCreate(CreateResource[CreatePlan]):
    command = CreatePlan
    kind = PLAN_KIND

    @override
    def where(self, command: CreatePlan) -> RouteHint:
        amount = Money(command.amount_minor, command.currency)
        return RouteHint(
            provider=command.provider,
            facts=Facts(currency=command.currency, amount=amount.major, metadata=command.metadata),
        )

    @override
    def ask(self, resource: Resource, command: CreatePlan, connection: Connection) -> PlanRequest:
        return _plan_request(resource.id, command)

    @override
    async def make(self, client: OffersPlans, request: PlanRequest, key: str) -> ResourceSnapshot:
        return await client.create_plan(request, key=key)

    @override
    async def find(self, client: OffersPlans, request: PlanRequest) -> ResourceSnapshot | None:
        return await client.find_plan(request)


@operation("customer.create")
class CustomerCreate(CreateResource[CreateCustomer]):
    command = CreateCustomer
    kind = CUSTOMER_KIND

    @override
    def where(self, command: CreateCustomer) -> RouteHint:
        return RouteHint(provider=command.provider, facts=Facts(metadata=command.metadata))

    @override
    def ask(self, resource: Resource, command: CreateCustomer, connection: Connection) -> CustomerRequest:
        return CustomerRequest(resource.id, command.name, command.email, command.phone, command.notes)

    @override
    async def make(self, client: KeepsCustomers, request: CustomerRequest, key: str) -> ResourceSnapshot:
        return await client.create_customer(request, key=key)

    @override
    async def find(self, client: KeepsCustomers, request: CustomerRequest) -> ResourceSnapshot | None:
        return await client.find_customer(request)


@operation("subscription.create")
class SubscriptionCreate(CreateResource[CreateSubscription]):
    command = CreateSubscription
    kind = SUBSCRIPTION_KIND

    @override
    def where(self, command: CreateSubscription) -> RouteHint:
        if command.connection_id is not None:  # a plan is of one account
            return RouteHint(connection_id=command.connection_id)
        return RouteHint(provider=command.provider, facts=Facts(metadata=command.metadata))

    @override
    def data(self, command: CreateSubscription) -> Mapping[str, JsonValue]:
        return command.model_dump(mode="json", exclude_none=True, exclude={"connection_id", "plan"})

    @override
    def parent(self, command: CreateSubscription) -> str | None:
        return command.plan_id

    @override
    def customer(self, command: CreateSubscription) -> str | None:
        return command.customer_id

    @override
    def ask(self, resource: Resource, command: CreateSubscription, connection: Connection) -> SubscriptionRequest:
        given = {} if command.customer is None else command.customer.model_dump(exclude_none=True)
        plan = None
        if command.plan is not None and command.plan_id is not None:
            plan = _plan_request(command.plan_id, command.plan)
        return SubscriptionRequest(
            subscription_id=resource.id,
            provider_plan_id=command.provider_plan_id,
            plan=plan,
            provider_customer_id=command.provider_customer_id,
            customer=given,
            total_count=command.total_count,
            quantity=command.quantity,
            trial_days=command.trial_days or (plan.trial_days if plan is not None else 0),
            start_at=command.start_at,
            customer_notify=command.customer_notify,
            return_url=command.return_url,
            cancel_url=command.cancel_url,
            notes=command.notes,
        )

    @override
    async def make(self, client: RunsSubscriptions, request: SubscriptionRequest, key: str) -> ResourceSnapshot:
        return await client.create_subscription(request, key=key)

    @override
    async def find(self, client: RunsSubscriptions, request: SubscriptionRequest) -> ResourceSnapshot | None:
        return await client.find_subscription(request)


@dataclass(frozen=True, slots=True)
class _Asked:
    change: SubscriptionChange
    is_ours_to_do: bool = False
    """The provider cannot do it at the cycle's end: we will, when that has come. Now it is only asked when that is."""


Change = TypeVar("Change", bound=Contract)


class SubscriptionHandler(ChangeResource[Change], Generic[Change]):
    kind = SUBSCRIPTION_KIND

    @override
    async def read(self, client: RunsSubscriptions, request: _Asked) -> ResourceSnapshot:
        return await client.get_subscription(request.change.subscription)


AtCycleEnd = TypeVar("AtCycleEnd", CancelSubscription, PauseSubscription)


class EndOfCycle(SubscriptionHandler[AtCycleEnd], Generic[AtCycleEnd]):
    """What can be asked for now or for the cycle's end, which is done by us where the provider cannot."""

    native: ClassVar[str]
    """The capability of a provider that does it at the cycle's end by itself."""
    note: ClassVar[str]
    """Where in our own data it is noted that we will."""

    @override
    def ask(self, resource: Resource, command: AtCycleEnd, connection: Connection) -> _Asked:
        change = SubscriptionChange(resource.reference, at_cycle_end=command.at_cycle_end, reason=command.reason)
        return _Asked(change, is_ours_to_do=self._is_ours(resource, command, connection))

    @override
    def begin(
        self, op: Operation, command: AtCycleEnd, resource: Resource | None, connection: Connection
    ) -> Begun[Resource]:
        begun: Begun[Resource] = super().begin(op, cast(Any, command), resource, connection)
        if self._is_ours(begun.resource, command, connection) and end_of_cycle(begun.resource) is None:
            raise Conflict(
                f"{connection.provider} does not say when the cycle of subscription {begun.resource.id} ends; ask for now."
            )
        return begun

    def _is_ours(self, resource: Resource, command: AtCycleEnd, connection: Connection) -> bool:
        return _waits(resource, command) and connection.idempotency_of(self.native) is None

    @override
    def check(self, resource: Resource, command: AtCycleEnd) -> None:
        if command.scheduled_for is not None and resource.asked(self.note) != command.scheduled_for:
            raise Conflict(f"Subscription {resource.id} is not to be changed at {command.scheduled_for} any more.")
        self.check_state(resource, command)

    def check_state(self, resource: Resource, command: AtCycleEnd) -> None:  # noqa: ARG002 - for those that ask more
        """Raises Conflict."""
        check_live(resource)

    @override
    def amended(self, resource: Resource, command: AtCycleEnd, told: ResourceSnapshot) -> Mapping[str, JsonValue]:
        if _waits(resource, command) and self.is_left_to_us(told):
            ends = end_of_cycle(resource)
            return {self.note: None if ends is None else isoformat(ends)}
        return {self.note: None}

    @override
    def dropped(self, resource: Resource, command: AtCycleEnd) -> Mapping[str, JsonValue]:
        """What could not be done when it was due is not planned any more: whoever looks sees that it was not done."""
        is_planned = command.scheduled_for is not None and resource.asked(self.note) == command.scheduled_for
        return {self.note: None} if is_planned else {}

    @override
    def follows(self, op: Operation, resource: Resource, command: AtCycleEnd) -> tuple[CommandDraft, ...]:
        due = resource.asked(self.note)
        if not _waits(resource, command) or due is None:
            return ()
        payload = command.model_copy(update={"at_cycle_end": False, "scheduled_for": due})
        # Whoever asked makes the cause: a cycle that was asked about before may be asked about again. The note decides.
        cause = f"{op.id} at the end of the cycle {due}"
        ends = end_of_cycle(resource)
        return (
            CommandDraft(
                self.name, resource.id, payload, cause, not_before=None if ends is None else ends - BEFORE_THE_CHARGE
            ),
        )

    def is_left_to_us(self, told: ResourceSnapshot) -> bool:
        """Whether what the provider told shows that it will not do it itself."""
        raise NotImplementedError


@operation(_CANCEL)
class SubscriptionCancel(EndOfCycle[CancelSubscription]):
    command = CancelSubscription
    native = "subscription.cancel_at_cycle_end"
    note = "cancel_at"

    @override
    def check_state(self, resource: Resource, command: CancelSubscription) -> None:
        """One that nobody has agreed to yet can be canceled, at once."""
        if command.at_cycle_end or not resource.is_at_provider or resource.is_final:
            check_live(resource)

    @override
    def shows(self, resource: Resource, command: CancelSubscription) -> bool:
        return resource.is_final or (command.at_cycle_end and bool(resource.fact("cancel_at_cycle_end")))

    @override
    def is_left_to_us(self, told: ResourceSnapshot) -> bool:
        return told.status in LIVE and not told.facts.get("cancel_at_cycle_end")

    @override
    async def change(self, client: RunsSubscriptions, request: _Asked, key: str) -> ResourceSnapshot:
        if request.is_ours_to_do:
            return await self.read(client, request)
        return await client.cancel_subscription(request.change, key=key)

    @override
    def reached(self, request: _Asked, told: ResourceSnapshot) -> bool:
        wanted = request.is_ours_to_do or (request.change.at_cycle_end and told.facts.get("cancel_at_cycle_end"))
        return bool(wanted) or told.status in SUBSCRIPTION_KIND.final


@operation(_PAUSE)
class SubscriptionPause(EndOfCycle[PauseSubscription]):
    command = PauseSubscription
    native = "subscription.pause_at_cycle_end"
    note = "pause_at"

    @override
    def shows(self, resource: Resource, command: PauseSubscription) -> bool:
        return resource.status == "paused"

    @override
    def is_left_to_us(self, told: ResourceSnapshot) -> bool:
        return told.status in LIVE and told.status != "paused"

    @override
    async def change(self, client: RunsSubscriptions, request: _Asked, key: str) -> ResourceSnapshot:
        if request.is_ours_to_do:
            return await self.read(client, request)
        return await client.pause_subscription(request.change, key=key)

    @override
    def reached(self, request: _Asked, told: ResourceSnapshot) -> bool:
        return request.is_ours_to_do or told.status == "paused"


@operation("subscription.resume")
class SubscriptionResume(SubscriptionHandler[ResumeSubscription]):
    """Also takes back a pause that has not come yet; then the provider is only read."""

    command = ResumeSubscription

    @override
    def shows(self, resource: Resource, command: ResumeSubscription) -> bool:
        return resource.status in LIVE and resource.status != "paused" and resource.asked("pause_at") is None

    @override
    def check(self, resource: Resource, command: ResumeSubscription) -> None:
        check_live(resource)
        if resource.status != "paused" and resource.asked("pause_at") is None:
            raise Conflict(f"Subscription {resource.id} is {resource.status}: there is nothing to resume.")

    @override
    def ask(self, resource: Resource, command: ResumeSubscription, connection: Connection) -> _Asked:
        only_planned = resource.status != "paused" and resource.asked("pause_at") is not None
        return _Asked(SubscriptionChange(resource.reference, reason=command.reason), is_ours_to_do=only_planned)

    @override
    async def change(self, client: RunsSubscriptions, request: _Asked, key: str) -> ResourceSnapshot:
        if request.is_ours_to_do:
            told = await self.read(client, request)
            if told.status != "paused":  # somebody may have paused it at the provider meanwhile
                return told
        return await client.resume_subscription(request.change, key=key)

    @override
    def reached(self, request: _Asked, told: ResourceSnapshot) -> bool:
        return told.status in LIVE and told.status != "paused"

    @override
    def amended(
        self, resource: Resource, command: ResumeSubscription, told: ResourceSnapshot
    ) -> Mapping[str, JsonValue]:
        return {"pause_at": None}


@operation("subscription.change_plan")
class SubscriptionChangePlan(SubscriptionHandler[ChangeSubscriptionPlan]):
    command = ChangeSubscriptionPlan

    @override
    def shows(self, resource: Resource, command: ChangeSubscriptionPlan) -> bool:
        """Of the plan that holds another quantity may be asked for."""
        wanted, quantity = command.provider_plan_id, command.quantity
        holds = resource.fact("provider_plan_id") == wanted and quantity in (None, resource.fact("quantity"))
        return holds or resource.fact("pending_provider_plan_id") == wanted

    @override
    def check(self, resource: Resource, command: ChangeSubscriptionPlan) -> None:
        check_live(resource)

    @override
    def ask(self, resource: Resource, command: ChangeSubscriptionPlan, connection: Connection) -> _Asked:
        return _Asked(
            SubscriptionChange(
                resource.reference,
                provider_plan_id=command.provider_plan_id,
                prorate=command.prorate,
                quantity=command.quantity,
                return_url=command.return_url,
                cancel_url=command.cancel_url,
            )
        )

    @override
    async def change(self, client: RunsSubscriptions, request: _Asked, key: str) -> ResourceSnapshot:
        return await client.change_subscription_plan(request.change, key=key)

    @override
    def reached(self, request: _Asked, told: ResourceSnapshot) -> bool:
        wanted, quantity = request.change.provider_plan_id, request.change.quantity
        holds = told.facts.get("provider_plan_id") == wanted and quantity in (None, told.facts.get("quantity"))
        return holds or told.facts.get("pending_provider_plan_id") == wanted

    @override
    def amended(
        self, resource: Resource, command: ChangeSubscriptionPlan, told: ResourceSnapshot
    ) -> Mapping[str, JsonValue]:
        if told.facts.get("pending_provider_plan_id") == command.provider_plan_id:
            return {"pending_plan_id": command.plan_id, "pending_provider_plan_id": command.provider_plan_id}
        return {"plan_id": command.plan_id, "pending_plan_id": None, "pending_provider_plan_id": None}


def _waits(resource: Resource, command: CancelSubscription | PauseSubscription) -> bool:
    """Whether it is not to be done yet: it was asked for at the cycle's end, or that has moved since it was planned."""
    if command.at_cycle_end or command.scheduled_for is None:
        return command.at_cycle_end
    ends = end_of_cycle(resource)
    return ends is not None and ends > datetime.fromisoformat(command.scheduled_for) + _MOVED


def end_of_cycle(resource: Resource) -> datetime | None:
    """When what is paid for, or free, has been used; None: the provider has not said."""
    names = ("current_period_end", "next_charge_at", "trial_end")
    return next((moment for name in names if (moment := resource.moment(name)) is not None), None)


def check_live(resource: Resource) -> None:
    """Raises Conflict for a subscription that was not agreed to yet, or has ended."""
    if resource.status not in LIVE:
        raise Conflict(f"Subscription {resource.id} is {resource.status}.")
