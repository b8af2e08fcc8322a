"""Vendors: linked accounts, made in steps that can each be taken again.

    account        its e-mail address is unique: a repeat is refused with the id of the account that has it, which is ours
                   when its note says so
    stakeholder    asked for first, made when there is none
    configuration  requested (a second request answers with the first's), then told the bank account, unless it is being
                   reviewed with one already

Once there is an account nothing is a refusal any more: what Razorpay does not take of the rest is shown as what it requires.
"""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import (
    CapabilityUnsupported,
    InvalidRequest,
    ProviderDeclined,
    ProviderError,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.payments.razorpay import fields, onboarding
from onerouter_providers.payments.razorpay.part import Part
from onerouter_providers.payments.razorpay.wire import in_doubt, segment, strange
from onerouter_providers.resources import ResourceReference, ResourceSnapshot, VendorRequest

ACCOUNTS: Final = "/v2/accounts"
_CREATE: Final = "vendor.create"
NO_FIND: Final = (
    "Razorpay has no list of linked accounts that could be searched: repeat the creation, which finds the account by its "
    "e-mail address."
)


class Vendors(Part):
    async def create_vendor(self, request: VendorRequest, *, key: str) -> ResourceSnapshot:  # noqa: ARG002 - no header
        onboarding.check(request)
        deadline = self._wire.deadline()
        account_id = await self._account(request, deadline)
        try:
            return await self._configured(request, account_id, deadline)
        except (ProviderThrottled, ProviderUnavailable) as error:
            raise in_doubt(error, "Razorpay has made the vendor's account and cannot be told the rest now.") from error
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            return _incomplete(request, account_id, refused)

    async def find_vendor(self, request: VendorRequest) -> ResourceSnapshot | None:  # noqa: ARG002
        """Never asked for: a repeat of the creation is safe (the manifest says so)."""
        raise CapabilityUnsupported(NO_FIND)

    async def get_vendor(self, reference: ResourceReference) -> ResourceSnapshot:
        """As the configuration tells it, but for an account that Razorpay has suspended."""
        deadline = self._wire.deadline()
        path = f"{ACCOUNTS}/{segment(reference.provider_id, 'vendor')}"
        account = onboarding.account_snapshot(await self._wire.get("vendor.get", path, deadline))
        product_id = reference.facts.get("provider_product_id")
        if account.status == "restricted" or not isinstance(product_id, str):
            return account
        product = await self._wire.get("vendor.get", f"{path}/products/{segment(product_id)}", deadline)
        return onboarding.product_snapshot(reference.provider_id, product)

    async def _account(self, request: VendorRequest, deadline: float) -> str:
        """The id of the linked account, made now or by an earlier try."""
        try:
            made = await self._wire.post(_CREATE, ACCOUNTS, onboarding.account_body(request), deadline)
        except ProviderRefusedUs as refused:
            existing = onboarding.existing_account(refused.provider_message)
            if refused.reason != "duplicate" or existing is None:
                raise
            return await self._adopted(request, existing, deadline)
        account_id = fields.text(made, "id")
        if account_id is None:
            raise strange(_CREATE, "an account without an id", effect=True)
        return account_id

    async def _adopted(self, request: VendorRequest, account_id: str, deadline: float) -> str:
        """Raises InvalidRequest when the account with this e-mail address is not of this vendor."""
        try:
            account: Mapping[str, Any] = await self._wire.get(_CREATE, f"{ACCOUNTS}/{segment(account_id)}", deadline)
        except (ProviderThrottled, ProviderUnavailable) as error:
            raise in_doubt(error, "Razorpay has an account with this address and cannot be asked whose.") from error
        except ProviderRefusedUs as refused:
            if refused.reason != "not_found":
                raise
            account = {}
        if fields.note(account) != request.vendor_id:
            raise InvalidRequest.of("email", "is the address of another account at Razorpay, which takes each once")
        return account_id

    async def _configured(self, request: VendorRequest, account_id: str, deadline: float) -> ResourceSnapshot:
        path = f"{ACCOUNTS}/{segment(account_id)}"
        if not await self._wire.page(_CREATE, f"{path}/stakeholders", {}, deadline):
            await self._wire.post(_CREATE, f"{path}/stakeholders", onboarding.stakeholder_body(request), deadline)
        product = await self._wire.post(_CREATE, f"{path}/products", onboarding.product_body(), deadline)
        settlement = onboarding.settlement_body(request)
        if settlement is not None and onboarding.takes_settlement(product):
            product_path = f"{path}/products/{segment(product.get('id'), 'configuration')}"
            product = await self._wire.patch(_CREATE, product_path, settlement, deadline)
        return onboarding.product_snapshot(account_id, product)


def _incomplete(request: VendorRequest, account_id: str, refused: ProviderError) -> ResourceSnapshot:
    """The account is there, and Razorpay did not take the rest: its own sentence says what of it."""
    words = refused.provider_message or str(refused)
    if any(value and value in words for value in request.account_details.values()):
        words = str(refused)  # a bank account's number is shown to nobody
    return ResourceSnapshot(
        status="restricted",
        provider_id=account_id,
        facts={"payouts_enabled": False, "requirements": [words]},
        error_reason=refused.reason,
        error_message=str(refused),
    )
