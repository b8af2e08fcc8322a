"""Vendors: Express accounts of Stripe Connect, which enter their data on Stripe's own pages."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import structlog
from pydantic import JsonValue

from onerouter_common.errors import (
    InvalidRequest,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.payments.stripe.errors import PROVIDER
from onerouter_providers.payments.stripe.form import Value
from onerouter_providers.payments.stripe.metadata import META_ID, metadata
from onerouter_providers.payments.stripe.part import Part
from onerouter_providers.payments.stripe.things import flag, part, text, without_nothing
from onerouter_providers.payments.stripe.wire import segment
from onerouter_providers.resources import ResourceReference, ResourceSnapshot, VendorRequest, VendorStatus

log = structlog.get_logger()

ACCOUNTS: Final = "/v1/accounts"
ACCOUNT_LINKS: Final = "/v1/account_links"
BUSINESS_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("individual", "proprietorship", "sole_proprietorship"), "individual"),
    **dict.fromkeys(
        ("company", "partnership", "private_limited", "public_limited", "llp", "llc", "corporation"), "company"
    ),
    **dict.fromkeys(("non_profit", "ngo", "trust", "society"), "non_profit"),
    "government_entity": "government_entity",
}
"""Ours and Razorpay's words → Stripe's."""
_CURRENCIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "AT",
            "BE",
            "CY",
            "DE",
            "EE",
            "ES",
            "FI",
            "FR",
            "GR",
            "HR",
            "IE",
            "IT",
            "LT",
            "LU",
            "LV",
            "MT",
            "NL",
            "PT",
            "SI",
            "SK",
        ),
        "eur",
    ),
    **{"US": "usd", "GB": "gbp", "CA": "cad", "AU": "aud", "NZ": "nzd", "SG": "sgd", "HK": "hkd", "JP": "jpy"},
    **{"IN": "inr", "CH": "chf", "SE": "sek", "NO": "nok", "DK": "dkk", "PL": "pln", "CZ": "czk", "MX": "mxn"},
    **{"BR": "brl", "AE": "aed", "TH": "thb", "MY": "myr", "RO": "ron", "HU": "huf", "BG": "bgn"},
}
"""What bank accounts of a country are held in, unless the vendor says otherwise."""
_ROUTING: Final = ("routing_number", "ifsc", "sort_code", "bsb")
"""Names of what tells the bank; Stripe has one for all."""
Thing = Mapping[str, Any]


class Vendors(Part):
    """`OnboardsVendors`."""

    async def create_vendor(self, request: VendorRequest, *, key: str) -> ResourceSnapshot:
        params, deadline = vendor_params(request), self._wire.deadline()

        async def look() -> Thing | None:
            return await self._find_account(request, deadline)

        made = await self._make("vendor.create", ACCOUNTS, params, deadline, key=key, look=look)
        return await self._invited(made, request, deadline)

    async def find_vendor(self, request: VendorRequest) -> ResourceSnapshot | None:
        deadline = self._wire.deadline()
        found = await self._find_account(request, deadline)
        return None if found is None else await self._invited(found, request, deadline)

    async def get_vendor(self, reference: ResourceReference) -> ResourceSnapshot:
        """Without a link for the vendor to go on: such a link is good once, for minutes."""
        path = f"{ACCOUNTS}/{segment(reference.provider_id)}"
        return vendor_snapshot(await self._wire.get("vendor.get", path, self._wire.deadline()))

    async def _invited(self, account: Thing, request: VendorRequest, deadline: float) -> ResourceSnapshot:
        """With the page where the vendor goes on. The account is there already, so no fault of this may deny it."""
        shown = vendor_snapshot(account)
        if shown.status == "active" or not request.return_url:
            return shown
        params: dict[str, Value] = {
            "account": shown.provider_id,
            "type": "account_onboarding",
            "return_url": request.return_url,
            "refresh_url": request.refresh_url or request.return_url,
        }
        try:
            # A key of its own each time: a link that was answered before may be used up.
            link = await self._wire.post("vendor.create", ACCOUNT_LINKS, params, deadline, key=str(uuid4()))
        except (ProviderThrottled, ProviderUnavailable) as error:
            raise ProviderOutcomeUnknown(
                "Stripe has made the vendor's account, and could not be asked for its page yet.",
                provider=PROVIDER,
                reason="indeterminate",
                retry_after_s=error.retry_after_s,
            ) from error
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            log.warning("stripe.no_onboarding_page", reason=refused.reason)
            return shown
        facts = without_nothing({"onboarding_url": text(link, "url")})
        return ResourceSnapshot(shown.status, shown.provider_id, facts={**shown.facts, **facts})

    async def _find_account(self, request: VendorRequest, deadline: float) -> Thing | None:
        return await self._finder.walked("vendor.find", ACCOUNTS, request.vendor_id, deadline, {})


def vendor_params(request: VendorRequest) -> dict[str, Value]:
    """The body of `POST /v1/accounts`. What is not known the vendor is asked on Stripe's page."""
    profile: dict[str, Value] = {"name": request.name}
    if request.phone:
        profile["support_phone"] = request.phone
    params: dict[str, Value] = {
        "type": "express",
        "business_profile": profile,
        "capabilities": {"transfers": {"requested": True}},
        "metadata": metadata({META_ID: request.vendor_id}, request.notes),
    }
    if request.country:
        params["country"] = request.country.upper()
    if request.email:
        params["email"] = request.email
    if request.business_type:
        kind = BUSINESS_TYPES.get(request.business_type.lower())
        if kind is None:
            raise InvalidRequest.of("business_type", f"must be one of {', '.join(sorted(BUSINESS_TYPES))} at Stripe")
        params["business_type"] = kind
    if request.account_details:
        params["bank_account"] = _bank_account(request)
    return params


def vendor_snapshot(account: Thing) -> ResourceSnapshot:
    due = part(account, "requirements").get("currently_due")
    wanted: list[JsonValue] = [one for one in due if isinstance(one, str)] if isinstance(due, list) else []
    return ResourceSnapshot(
        status=vendor_status(account),
        provider_id=text(account, "id") or "",
        facts=without_nothing(
            {
                "charges_enabled": flag(account, "charges_enabled"),
                "payouts_enabled": flag(account, "payouts_enabled"),
                "requirements": wanted,
            }
        ),
    )


def vendor_status(account: Thing) -> VendorStatus:
    """Active: money can be sent there, and from there to a bank."""
    reason = text(part(account, "requirements"), "disabled_reason") or ""
    if reason.startswith("rejected."):
        return "rejected"
    transfers = text(part(account, "capabilities"), "transfers")
    if flag(account, "payouts_enabled") and transfers in (None, "active"):
        return "active"
    return "restricted" if flag(account, "details_submitted") and reason else "pending"


def _bank_account(request: VendorRequest) -> dict[str, Value]:
    """Raises InvalidRequest that names the field, never a value."""
    given = request.account_details
    country = (given.get("country") or request.country or "").upper()
    number = given.get("account_number") or given.get("iban")
    currency = (given.get("currency") or _CURRENCIES.get(country, "")).lower()
    for name, value in (("country", country), ("account_number", number), ("currency", currency)):
        if not value:
            raise InvalidRequest.of(f"account_details.{name}", "is required for a bank account at Stripe")
    account: dict[str, Value] = {
        "object": "bank_account",
        "country": country,
        "currency": currency,
        "account_number": "".join((number or "").split()),
    }
    if routing := next((given[name] for name in _ROUTING if given.get(name)), None):
        account["routing_number"] = routing
    if holder := given.get("account_holder") or given.get("account_holder_name"):
        account["account_holder_name"] = holder
    return account
