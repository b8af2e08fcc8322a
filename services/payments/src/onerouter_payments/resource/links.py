"""What can be done with payment links and saved payment methods."""

from collections.abc import Mapping

from pydantic import JsonValue
from typing_extensions import override

from onerouter_common.contracts.payment_resources import (
    CancelPaymentLink,
    CreatePaymentLink,
    CreatePaymentMethod,
    DeletePaymentMethod,
    UpdatePaymentMethod,
)
from onerouter_common.errors import Conflict
from onerouter_common.money import Money
from onerouter_common.routing.route import Facts
from onerouter_common.worker.handler import Connection, RouteHint, operation
from onerouter_payments.resource.kinds.payment_link import PAYMENT_LINK_KIND
from onerouter_payments.resource.kinds.payment_method import PAYMENT_METHOD_KIND
from onerouter_payments.resource.operations import ChangeResource, CreateResource, Question
from onerouter_payments.resource.state import Resource
from onerouter_providers.resources import (
    KeepsPaymentMethods,
    OffersPaymentLinks,
    PaymentLinkRequest,
    PaymentMethodRequest,
    ResourceReference,
    ResourceSnapshot,
)


@operation("payment_link.create")
class PaymentLinkCreate(CreateResource[CreatePaymentLink]):
    command = CreatePaymentLink
    kind = PAYMENT_LINK_KIND

    @override
    def where(self, command: CreatePaymentLink) -> RouteHint:
        amount = Money(command.amount_minor, command.currency)
        facts = Facts(currency=command.currency, amount=amount.major, metadata=command.metadata)
        return RouteHint(provider=command.provider, facts=facts)

    @override
    def ask(self, resource: Resource, command: CreatePaymentLink, connection: Connection) -> PaymentLinkRequest:
        return PaymentLinkRequest(
            link_id=resource.id,
            amount=Money(command.amount_minor, command.currency),
            description=command.description,
            customer={} if command.customer is None else command.customer.model_dump(exclude_none=True),
            callback_url=command.callback_url,
            expires_at=command.expires_at,
            notify=command.notify,
            notes=command.notes,
        )

    @override
    async def make(self, client: OffersPaymentLinks, request: PaymentLinkRequest, key: str) -> ResourceSnapshot:
        return await client.create_payment_link(request, key=key)

    @override
    async def find(self, client: OffersPaymentLinks, request: PaymentLinkRequest) -> ResourceSnapshot | None:
        return await client.find_payment_link(request)


@operation("payment_link.cancel")
class PaymentLinkCancel(ChangeResource[CancelPaymentLink]):
    command = CancelPaymentLink
    kind = PAYMENT_LINK_KIND

    @override
    def shows(self, resource: Resource, command: CancelPaymentLink) -> bool:
        return resource.status == "canceled"

    @override
    def check(self, resource: Resource, command: CancelPaymentLink) -> None:
        if resource.status != "created":
            raise Conflict(f"Payment link {resource.id} is {resource.status}: only an unpaid one can be canceled.")

    @override
    async def change(self, client: OffersPaymentLinks, request: ResourceReference, key: str) -> ResourceSnapshot:
        return await client.cancel_payment_link(request, key=key)

    @override
    async def read(self, client: OffersPaymentLinks, request: ResourceReference) -> ResourceSnapshot:
        return await client.get_payment_link(request)

    @override
    def reached(self, request: ResourceReference, told: ResourceSnapshot) -> bool:
        return told.status == "canceled"


@operation("payment_method.create")
class PaymentMethodCreate(CreateResource[CreatePaymentMethod]):
    command = CreatePaymentMethod
    kind = PAYMENT_METHOD_KIND

    @override
    def where(self, command: CreatePaymentMethod) -> RouteHint:
        if command.connection_id is not None:  # where its customer is
            return RouteHint(connection_id=command.connection_id)
        return RouteHint(provider=command.provider, facts=Facts(metadata=command.metadata))

    @override
    def customer(self, command: CreatePaymentMethod) -> str | None:
        return command.customer_id

    @override
    def data(self, command: CreatePaymentMethod) -> Mapping[str, JsonValue]:
        return command.model_dump(mode="json", exclude_none=True, exclude={"connection_id"})

    @override
    def ask(self, resource: Resource, command: CreatePaymentMethod, connection: Connection) -> PaymentMethodRequest:
        return PaymentMethodRequest(resource.id, command.provider_method_id, command.provider_customer_id)

    @override
    async def make(self, client: KeepsPaymentMethods, request: PaymentMethodRequest, key: str) -> ResourceSnapshot:
        return await client.attach_payment_method(request, key=key)

    @override
    async def find(self, client: KeepsPaymentMethods, request: PaymentMethodRequest) -> ResourceSnapshot | None:
        """It was there before us: whether it is attached is read from it."""
        facts = {} if request.provider_customer_id is None else {"provider_customer_id": request.provider_customer_id}
        told = await client.get_payment_method(
            ResourceReference(request.method_id, request.provider_method_id, dict(facts))
        )
        holder = told.facts.get("provider_customer_id")
        wanted = request.provider_customer_id
        return told if told.status == "active" and (wanted is None or holder == wanted) else None

    @override
    async def under(self, client: KeepsPaymentMethods, request: Question, named: Resource) -> ResourceSnapshot | None:
        """`find` has read the very thing: what it does not show as kept is not."""
        return None


@operation("payment_method.update", capability="payment_method.get")
class PaymentMethodUpdate(ChangeResource[UpdatePaymentMethod]):
    """Our own words for it; the provider is only asked whether it still has it."""

    command = UpdatePaymentMethod
    kind = PAYMENT_METHOD_KIND

    @override
    async def change(self, client: KeepsPaymentMethods, request: ResourceReference, key: str) -> ResourceSnapshot:
        return await client.get_payment_method(request)

    @override
    async def read(self, client: KeepsPaymentMethods, request: ResourceReference) -> ResourceSnapshot:
        return await client.get_payment_method(request)

    @override
    def reached(self, request: ResourceReference, told: ResourceSnapshot) -> bool:
        return True

    @override
    def amended(
        self, resource: Resource, command: UpdatePaymentMethod, told: ResourceSnapshot
    ) -> Mapping[str, JsonValue]:
        return command.model_dump(mode="json", exclude_none=True, exclude={"payment_method_id"})


@operation("payment_method.delete")
class PaymentMethodDelete(ChangeResource[DeletePaymentMethod]):
    command = DeletePaymentMethod
    kind = PAYMENT_METHOD_KIND

    @override
    def shows(self, resource: Resource, command: DeletePaymentMethod) -> bool:
        return resource.status == "removed"

    @override
    async def change(self, client: KeepsPaymentMethods, request: ResourceReference, key: str) -> ResourceSnapshot:
        return await client.detach_payment_method(request, key=key)

    @override
    async def read(self, client: KeepsPaymentMethods, request: ResourceReference) -> ResourceSnapshot:
        return await client.get_payment_method(request)

    @override
    def reached(self, request: ResourceReference, told: ResourceSnapshot) -> bool:
        return told.status == "removed"
