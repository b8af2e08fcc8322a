"""PayPal's vendors: who is invited to the platform on PayPal's page, or just a PayPal account that can be paid.

A platform (its own merchant id is among the connection's credentials) invites: PayPal's partner referral, found again by
our id as its tracking id. Everybody else can pay any PayPal account, of which nothing is made: it is known by its email
address or account id.
Source: https://developer.paypal.com/docs/api/partner-referrals/v2/
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import CapabilityUnsupported, Conflict, InvalidRequest, ProviderRefusedUs
from onerouter_providers.payments.paypal.part import Part
from onerouter_providers.payments.paypal.reading import Thing, known, link_to, text_of
from onerouter_providers.payments.paypal.wire import segment, strange
from onerouter_providers.resources import ResourceReference, ResourceSnapshot, VendorRequest

URL_CHARS: Final = 127
ACCOUNT: Final = ("payer_id", "paypal_email")
"""What of a vendor's account details PayPal has use for."""
_ACCOUNT_ID: Final = re.compile(r"[2-9A-HJ-NP-Z]{13}")
_NO_BANK: Final = (
    "PayPal pays vendors into their PayPal accounts: as account details it takes paypal_email or payer_id, and no bank "
    "account."
)


class Vendors(Part):
    """`OnboardsVendors`."""

    async def create_vendor(self, request: VendorRequest, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        """An invitation whose link nobody got leads nowhere, so a repeat is safe."""
        receiver = receiver_of(request, is_platform=self._merchant_id is not None)
        if receiver is not None:
            return account_snapshot(receiver)
        body, deadline = referral_body(request), self._wire.deadline()
        answer = await self._wire.post("vendor.create", "/v2/customer/partner-referrals", body, deadline)
        url = link_to(answer, "action_url")
        if url is None:
            raise strange("vendor.create", "an invitation without a link")
        return ResourceSnapshot(status="pending", provider_id=request.vendor_id, facts={"onboarding_url": url})

    async def find_vendor(self, request: VendorRequest) -> ResourceSnapshot | None:
        """None while nobody has followed the invitation: it is made again then, which leads to the same vendor."""
        receiver = receiver_of(request, is_platform=self._merchant_id is not None)
        if receiver is not None:
            return account_snapshot(receiver)
        return await self._integration("vendor.create", request.vendor_id, self._wire.deadline())

    async def get_vendor(self, reference: ResourceReference) -> ResourceSnapshot:
        if is_receiver(reference.provider_id):
            return account_snapshot(reference.provider_id)
        shown = await self._integration("vendor.get", reference.provider_id, self._wire.deadline())
        if shown is not None:
            return shown
        if not reference.facts.get("onboarding_url"):
            raise Conflict("PayPal knows no vendor of this id.")
        return ResourceSnapshot(status="pending", provider_id=reference.provider_id)

    async def _integration(self, capability: str, tracking_id: str, deadline: float) -> ResourceSnapshot | None:
        """How far the vendor came. None: nobody has followed the invitation."""
        if self._merchant_id is None:
            raise Conflict("PayPal invites vendors for platforms only: the connection has no merchant id.")
        path = f"/v1/customer/partners/{segment(self._merchant_id)}/merchant-integrations"
        try:
            found = await self._wire.get(capability, path, deadline, {"tracking_id": tracking_id})
        except ProviderRefusedUs as refused:
            if refused.reason != "not_found":
                raise
            return None
        merchant_id = text_of(found, "merchant_id")
        if merchant_id is None:
            return None
        if "payments_receivable" not in found:
            found = await self._wire.get(capability, f"{path}/{segment(merchant_id)}", deadline)
        return integration_snapshot(found, tracking_id)


def receiver_of(request: VendorRequest, *, is_platform: bool) -> str | None:
    """The account to be paid where no invitation is needed. Raises a CallerError where it is none of PayPal's. Pure."""
    if strangers := sorted(request.account_details.keys() - {*ACCOUNT}):
        raise CapabilityUnsupported(f"{_NO_BANK} Not known: {', '.join(strangers)}.")
    given = next((request.account_details[name] for name in ACCOUNT if request.account_details.get(name)), None)
    if given is None:
        if is_platform:
            return None
        given = request.email
        if not given:
            raise InvalidRequest.of("email", "is required: PayPal pays a vendor by its email address")
    if not is_receiver(given):
        raise InvalidRequest.of("account_details", "must be the email address or the id of a PayPal account")
    return given


def is_receiver(text: str) -> bool:
    """Whether PayPal can pay to this: an email address or an account's id. Pure."""
    return "@" in text or _ACCOUNT_ID.fullmatch(text) is not None


def referral_body(request: VendorRequest) -> dict[str, Any]:
    """The body of `POST /v2/customer/partner-referrals`. Pure."""
    if request.return_url and len(request.return_url) > URL_CHARS:
        raise InvalidRequest.of("return_url", f"may have at most {URL_CHARS} characters at PayPal")
    integration = {
        "integration_method": "PAYPAL",
        "integration_type": "THIRD_PARTY",
        "third_party_details": {"features": ["PAYMENT", "REFUND"]},
    }
    return known(
        tracking_id=request.vendor_id,
        email=request.email or None,
        operations=[
            {
                "operation": "API_INTEGRATION",
                "api_integration_preference": {"rest_api_integration": integration},
            }
        ],
        products=["EXPRESS_CHECKOUT"],
        legal_consents=[{"type": "SHARE_DATA_CONSENT", "granted": True}],
        partner_config_override={"return_url": request.return_url} if request.return_url else None,
    )


def account_snapshot(receiver: str) -> ResourceSnapshot:
    """A PayPal account, which can be paid as it is. Pure."""
    return ResourceSnapshot(
        status="active", provider_id=receiver, facts={"payouts_enabled": True, "provider_merchant_id": receiver}
    )


def integration_snapshot(integration: Thing, tracking_id: str) -> ResourceSnapshot:
    """A vendor that has followed the invitation. Pure."""
    flags: Mapping[str, bool] = {
        "payments_receivable": integration.get("payments_receivable") is True,
        "primary_email_confirmed": integration.get("primary_email_confirmed") is True,
    }
    missing = [name for name, is_met in flags.items() if not is_met]
    return ResourceSnapshot(
        status="restricted" if missing else "active",
        provider_id=tracking_id,
        facts=known(
            charges_enabled=flags["payments_receivable"],
            payouts_enabled=not missing,
            requirements=missing or None,
            provider_merchant_id=text_of(integration, "merchant_id"),
        ),
    )
