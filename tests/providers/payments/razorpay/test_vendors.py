"""Linked accounts are made in steps: each can be taken again, and none is forgotten."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from onerouter_common.errors import (
    CapabilityUnsupported,
    InvalidRequest,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
)
from onerouter_common.ids import VENDOR, new_id
from onerouter_common.money import Money
from onerouter_providers.capability import PaymentReference
from onerouter_providers.payments.razorpay import onboarding
from onerouter_providers.resources import ResourceReference, TransferRequest, VendorRequest
from onerouter_providers.testing.payments_suite import new_key

if TYPE_CHECKING:
    from .conftest import RazorpayLab

DETAILS = {
    "account_number": "77780020203008",
    "ifsc": "HDFC0000317",
    "account_holder": "Asha Rao",
    "category": "ecommerce",
    "subcategory": "furniture",
    "street1": "507, 1st block of Koramangala",
    "city": "Bengaluru",
    "state": "KARNATAKA",
    "postal_code": "560034",
}


def vendor(**changes: Any) -> VendorRequest:
    ours = new_id(VENDOR)
    given = {
        "vendor_id": ours,
        "name": "Chairs and Sons",
        "email": f"{ours[-16:]}@vendor.example",
        "phone": "9876543210",
        "country": "IN",
        "business_type": "individual",
        "account_details": DETAILS,
    }
    return VendorRequest(**{**given, **changes})


class TestCreateVendor:
    @pytest.mark.parametrize("kind", ["timeout_after_effect", "error_5xx"])
    @pytest.mark.parametrize("step", ["accounts.create", "stakeholders.create", "products.create", "products.edit"])
    async def test_it_goes_on_from_wherever_it_was_cut(self, lab: "RazorpayLab", step: str, kind: str) -> None:
        wanted = vendor()
        await lab.ask("/faults", operation=step, key_id=lab.key_id, times=1, kind=kind)
        with pytest.raises(ProviderOutcomeUnknown):
            await lab.client(timeout_s=0.4).create_vendor(wanted, key=new_key())
        made = await lab.client().create_vendor(wanted, key=new_key())
        assert (made.status, made.facts["requirements"]) == ("pending", [])
        await lab.activate(made)
        shown = await lab.client().get_vendor(ResourceReference(wanted.vendor_id, made.provider_id, made.facts))
        assert (shown.status, shown.facts["payouts_enabled"]) == ("active", True)
        assert await lab.effects("vendor.create", wanted.vendor_id) == 1

    @pytest.mark.parametrize("step", ["stakeholders.list", "stakeholders.create", "products.create", "products.edit"])
    async def test_a_throttle_after_the_account_was_made_is_a_doubt(self, lab: "RazorpayLab", step: str) -> None:
        """Else it would be tried at another provider, and there would be two."""
        wanted = vendor()
        await lab.ask("/faults", operation=step, key_id=lab.key_id, times=1, kind="throttle_429", retry_after_s=3)
        with pytest.raises(ProviderOutcomeUnknown) as caught:
            await lab.client().create_vendor(wanted, key=new_key())
        assert caught.value.retry_after_s == 3
        assert (await lab.client().create_vendor(wanted, key=new_key())).status == "pending"
        assert await lab.effects("vendor.create", wanted.vendor_id) == 1

    async def test_anothers_address_is_not_taken_for_ours(self, lab: "RazorpayLab") -> None:
        first = vendor()
        await lab.client().create_vendor(first, key=new_key())
        with pytest.raises(InvalidRequest) as caught:
            await lab.client().create_vendor(vendor(email=first.email), key=new_key())
        assert caught.value.errors[0].field == "email"

    async def test_what_is_not_taken_of_the_rest_is_required_not_refused(
        self, lab: "RazorpayLab", monkeypatch: Any
    ) -> None:
        wanted = vendor()
        monkeypatch.setattr(onboarding, "settlement_body", lambda _: {"settlements": {"account_number": "12"}})
        made = await lab.client().create_vendor(wanted, key=new_key())
        assert made.status == "restricted"
        assert made.provider_id.startswith("acc_")
        assert made.facts["payouts_enabled"] is False
        assert made.facts["requirements"]
        assert made.error_message

    async def test_a_vendor_without_a_bank_account_is_told_what_it_lacks(self, lab: "RazorpayLab") -> None:
        details = {name: value for name, value in DETAILS.items() if name not in ("account_number", "ifsc")}
        wanted = vendor(account_details={**details, "account_holder": ""})
        made = await lab.client().create_vendor(wanted, key=new_key())
        assert made.status in ("pending", "restricted")
        assert made.facts["requirements"] == [
            "settlements.account_number",
            "settlements.beneficiary_name",
            "settlements.ifsc_code",
        ]

    async def test_a_suspended_account_is_restricted_whatever_its_configuration_says(self, lab: "RazorpayLab") -> None:
        wanted = vendor()
        made = await lab.client().create_vendor(wanted, key=new_key())
        await lab.activate(made)
        await lab.ask(f"/razorpay/linked_accounts/{made.provider_id}/decide", status="suspended")
        shown = await lab.client().get_vendor(ResourceReference(wanted.vendor_id, made.provider_id, made.facts))
        assert (shown.status, shown.facts["payouts_enabled"]) == ("restricted", False)

    async def test_it_cannot_be_asked_for(self, lab: "RazorpayLab") -> None:
        with pytest.raises(CapabilityUnsupported, match="repeat the creation"):
            await lab.client().find_vendor(vendor())


class TestAccountBody:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"email": None}, "email"),
            ({"phone": None}, "phone"),
            ({"business_type": None}, "business_type"),
            ({"business_type": "a band"}, "business_type"),
            ({"name": "Ab"}, "name"),
            ({"account_details": {**DETAILS, "ifsc": "HDFC1000317"}}, "account_details.ifsc"),
            ({"account_details": {**DETAILS, "ifsc": ""}}, "account_details.ifsc"),
            ({"account_details": {**DETAILS, "account_number": "1234"}}, "account_details.account_number"),
            ({"account_details": {**DETAILS, "postal_code": "5600"}}, "account_details.postal_code"),
            ({"account_details": {}}, "account_details.category"),
        ],
    )
    def test_what_is_missing_or_wrong_is_named(self, changes: dict[str, Any], field: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            onboarding.check(vendor(**changes))
        assert field in {error.field for error in caught.value.errors}
        assert not any(value in str(caught.value) for value in ("HDFC1000317", "1234"))

    def test_a_persons_tax_number_is_the_stakeholders_and_a_companys_the_accounts(self) -> None:
        person = vendor(account_details={**DETAILS, "pan": "AVOPB1111K"})
        company = vendor(account_details={**DETAILS, "pan": "AAACL1234C", "gst": "18AABCU9603R1ZM"})
        assert "legal_info" not in onboarding.account_body(person)
        assert onboarding.stakeholder_body(person)["kyc"] == {"pan": "AVOPB1111K"}
        assert onboarding.account_body(company)["legal_info"] == {"pan": "AAACL1234C", "gst": "18AABCU9603R1ZM"}
        assert "kyc" not in onboarding.stakeholder_body(company)

    def test_no_bank_data_leaves_the_configuration(self) -> None:
        wanted = vendor()
        for body in (onboarding.account_body(wanted), onboarding.stakeholder_body(wanted), onboarding.product_body()):
            assert DETAILS["account_number"] not in repr(body)
        assert DETAILS["account_number"] not in repr(wanted)


class TestCreateTransfer:
    async def test_it_is_not_on_hold_and_tells_its_fee(self, lab: "RazorpayLab") -> None:
        wanted = await self._wanted(lab)
        made = await lab.client().create_transfer(wanted, key=new_key())
        assert made.status == "pending"
        assert made.facts["fee_minor"]
        listed = await lab.client().find_transfer(wanted)
        assert listed is not None
        assert listed.provider_id == made.provider_id

    async def test_a_failed_transfer_says_why(self, lab: "RazorpayLab") -> None:
        wanted = await self._wanted(lab)
        made = await lab.client().create_transfer(wanted, key=new_key())
        await lab.ask(f"/razorpay/transfers/{made.provider_id}/settle", status="failed")
        shown = await lab.client().get_transfer(ResourceReference(wanted.transfer_id, made.provider_id))
        assert shown.status == "failed"
        assert shown.error_message

    async def test_a_refusal_after_it_was_made_is_that_transfer(self, lab: "RazorpayLab") -> None:
        """All of the payment is given away by the first try, so that the second is refused."""
        wanted = await self._wanted(lab)
        all_of_it = replace(wanted, amount=wanted.payment.amount)
        first = await lab.client().create_transfer(all_of_it, key=new_key())
        second = await lab.client().create_transfer(all_of_it, key=new_key())
        assert second.provider_id == first.provider_id
        with pytest.raises((ProviderDeclined, ProviderRefusedUs)):
            await lab.client().create_transfer(replace(wanted, transfer_id=new_id("tr")), key=new_key())

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"amount": Money(100, "USD")}, CapabilityUnsupported),
            ({"amount": Money(99, "INR")}, InvalidRequest),
            ({"vendor": ResourceReference("ven_x", "acct_stripe")}, InvalidRequest),
        ],
    )
    async def test_what_cannot_be_is_refused_before_it_is_sent(
        self, lab: "RazorpayLab", changes: dict[str, Any], error: type[Exception]
    ) -> None:
        payment = PaymentReference("pay_x", Money(10_000, "INR"), "order_x", "pay_x")
        wanted = TransferRequest(new_id("tr"), payment, ResourceReference("ven_x", "acc_x"), Money(5_000, "INR"))
        with pytest.raises(error):
            await lab.client().create_transfer(replace(wanted, **changes), key=new_key())

    async def _wanted(self, lab: "RazorpayLab") -> TransferRequest:
        seller = vendor()
        made = await lab.client().create_vendor(seller, key=new_key())
        await lab.activate(made)
        payment = await lab.paid_payment(Money(129_900, "INR"))
        reference = ResourceReference(seller.vendor_id, made.provider_id)
        return TransferRequest(new_id("tr"), payment, reference, Money(50_000, "INR"))
