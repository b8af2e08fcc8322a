"""What can be done with vendors, and the transfers that follow from split payments."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog
from pydantic import JsonValue
from typing_extensions import override

from onerouter_common.clock import Clock
from onerouter_common.contracts.payment_resources import CreateTransfer, CreateVendor, UpdateVendorSplit
from onerouter_common.db.availability import DATABASE_AWAY
from onerouter_common.errors import CredentialsUnreadable, Overloaded, ProviderUnavailable
from onerouter_common.money import Money
from onerouter_common.routing.route import Facts
from onerouter_common.secrets import SecretUnopenable
from onerouter_common.worker.handler import Connection, RouteHint, operation
from onerouter_payments.marketplace.details import VendorDetails
from onerouter_payments.resource.kinds.transfer import TRANSFER_KIND
from onerouter_payments.resource.kinds.vendor import VENDOR_KIND
from onerouter_payments.resource.operations import ChangeResource, CreateResource
from onerouter_payments.resource.state import Resource
from onerouter_providers.capability import PaymentReference
from onerouter_providers.resources import (
    OnboardsVendors,
    ResourceReference,
    ResourceSnapshot,
    TransferRequest,
    TransfersToVendors,
    VendorRequest,
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A request whose bank data is still sealed."""

    vendor: VendorRequest
    tenant_id: str
    environment: str
    provider: str
    details_id: str | None


@operation("vendor.create")
class VendorCreate(CreateResource[CreateVendor]):
    command = CreateVendor
    kind = VENDOR_KIND

    def __init__(self, clock: Clock, details: VendorDetails) -> None:
        super().__init__(clock)
        self._details = details

    @override
    def where(self, command: CreateVendor) -> RouteHint:
        return RouteHint(provider=command.provider, facts=Facts(country=command.country, metadata=command.metadata))

    @override
    def ask(self, resource: Resource, command: CreateVendor, connection: Connection) -> _Sealed:
        vendor = VendorRequest(
            vendor_id=resource.id,
            name=command.name,
            email=command.email,
            phone=command.phone,
            country=command.country,
            business_type=command.business_type,
            return_url=command.return_url,
            refresh_url=command.refresh_url,
            notes=command.notes,
        )
        return _Sealed(vendor, resource.tenant_id, resource.environment, connection.provider, command.details_id)

    @override
    async def make(self, client: OnboardsVendors, request: _Sealed, key: str) -> ResourceSnapshot:
        return await client.create_vendor(await self._opened(request), key=key)

    @override
    async def find(self, client: OnboardsVendors, request: _Sealed) -> ResourceSnapshot | None:
        # As it was asked for: without its bank data a vendor could be taken for another one.
        return await client.find_vendor(await self._opened(request))

    async def _opened(self, request: _Sealed) -> VendorRequest:
        """Nothing was sent yet. Raises ProviderUnavailable when it may open later, CredentialsUnreadable when it never will,
        Conflict when it was erased.
        """
        if request.details_id is None:
            return request.vendor
        try:
            opened = await self._details.open(request.tenant_id, request.environment, request.details_id)
        except (Overloaded, *DATABASE_AWAY) as error:
            raise ProviderUnavailable(
                "The vendor's bank data cannot be opened right now; nothing was sent.",
                provider=request.provider,
                reason="provider_unavailable",
            ) from error
        except SecretUnopenable as error:
            log.warning("vendor_details.unopenable", details_id=request.details_id, error=str(error))
            raise CredentialsUnreadable("The vendor's bank data cannot be read any more; send it again.") from error
        return replace(request.vendor, account_details=opened)


@operation("vendor.update_split", capability="vendor.get")
class VendorUpdateSplit(ChangeResource[UpdateVendorSplit]):
    """Our own note of its usual part; the provider is only asked how the account stands."""

    command = UpdateVendorSplit
    kind = VENDOR_KIND

    @override
    async def change(self, client: OnboardsVendors, request: ResourceReference, key: str) -> ResourceSnapshot:
        return await client.get_vendor(request)

    @override
    async def read(self, client: OnboardsVendors, request: ResourceReference) -> ResourceSnapshot:
        return await client.get_vendor(request)

    @override
    def reached(self, request: ResourceReference, told: ResourceSnapshot) -> bool:
        return True

    @override
    def amended(
        self, resource: Resource, command: UpdateVendorSplit, told: ResourceSnapshot
    ) -> Mapping[str, JsonValue]:
        return {"split_config": command.split_config.model_dump(mode="json", exclude_none=True)}


@operation("transfer.create")
class TransferCreate(CreateResource[CreateTransfer]):
    command = CreateTransfer
    kind = TRANSFER_KIND

    @override
    def where(self, command: CreateTransfer) -> RouteHint:
        return RouteHint(connection_id=command.connection_id)

    @override
    def parent(self, command: CreateTransfer) -> str | None:
        return command.payment_id

    @override
    def ask(self, resource: Resource, command: CreateTransfer, connection: Connection) -> TransferRequest:
        payment = PaymentReference(
            payment_id=command.payment_id,
            amount=Money(command.payment_amount_minor, command.currency),
            provider_order_id=command.provider_order_id,
            provider_payment_id=command.provider_payment_id,
        )
        vendor = ResourceReference(command.vendor_id, command.provider_account_id)
        return TransferRequest(
            transfer_id=resource.id,
            payment=payment,
            vendor=vendor,
            amount=Money(command.amount_minor, command.currency),
            notes=command.notes,
        )

    @override
    async def make(self, client: TransfersToVendors, request: TransferRequest, key: str) -> ResourceSnapshot:
        return await client.create_transfer(request, key=key)

    @override
    async def find(self, client: TransfersToVendors, request: TransferRequest) -> ResourceSnapshot | None:
        return await client.find_transfer(request)
