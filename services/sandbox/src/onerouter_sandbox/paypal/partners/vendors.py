"""Vendors: referred by the platform, signed up by themselves, judged by PayPal."""

from typing import Any, Final, Literal

from onerouter_sandbox.paypal import ids
from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.callbacks import Event, Webhooks
from onerouter_sandbox.paypal.errors import NotPossible, no_such_resource, unprocessable
from onerouter_sandbox.paypal.fields import Fields
from onerouter_sandbox.paypal.partners import shapes
from onerouter_sandbox.paypal.partners.state import Vendor
from onerouter_sandbox.paypal.state import NAME, State
from onerouter_sandbox.paypal.store import Store
from onerouter_sandbox.world import World

CREATE: Final = "partner-referrals.create"
_OPERATIONS: Final = (
    "API_INTEGRATION",
    "BANK_ADDITION",
    "BILLING_AGREEMENT",
    "CONTEXTUAL_MARKETING_CONSENT",
    "SALESFORCE_REFERRAL",
)
Standing = Literal["active", "restricted", "revoked"]


class Vendors:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks
        self.store = Store(world.journal, "vendor", Vendor)

    def refer(self, account: Account, body: dict[str, Any], base: str) -> Vendor:
        """Each call makes a referral; two with one tracking id are two."""
        fields = Fields(body, CREATE)
        for operation in fields.each("operations", 1, 5):
            operation.word("operation", _OPERATIONS)
        for consent in fields.each("legal_consents", 1, 5):
            consent.word("type", ("SHARE_DATA_CONSENT",))
            consent.need("granted")
        fields.text("tracking_id", 127)
        fields.text("email", 254, least=3)
        override = fields.inner("partner_config_override")
        if override is not None:
            override.text("return_url", 127)
        vendor = Vendor(
            id=ids.object_id(),
            account=account.client_id,
            base=base,
            given=body,
            created_at=self._world.clocks.of(account.client_id).now(),
            email=body.get("email") or "vendor@example.com",
        )
        self.store.put(vendor)
        self._record("vendor.created", vendor, vendor.id)
        return vendor

    def get(self, account: Account, referral_id: str) -> Vendor:
        vendor = self.store.owned(account, referral_id)
        if vendor is None:
            raise no_such_resource("partner_referral_id", "partner-referrals.get")
        return vendor

    def merchant(self, account: Account, merchant_id: str) -> Vendor:
        """One that has signed up, and not taken its consent back."""
        for vendor in self.store.of(account):
            if vendor.onboarded and vendor.merchant_id == merchant_id:
                return vendor
        raise no_such_resource("merchant_id", "merchant-integrations.get")

    def tracked(self, account: Account, tracking_id: str) -> Vendor:
        """The newest that has signed up under this tracking id."""
        for vendor in reversed(list(self.store.of(account))):
            if vendor.onboarded and vendor.tracking_id == tracking_id:
                return vendor
        raise no_such_resource("tracking_id", "merchant-integrations.get")

    def require_payee(self, account: Account, merchant_id: str) -> None:
        """Raises unless money of this app's orders may go there."""
        if merchant_id == account.merchant_id:
            return
        known = [one for one in self.store.of(account) if one.onboarded and one.merchant_id == merchant_id]
        where = "/purchase_units/@reference_id=='default'/payee/merchant_id"
        if not known:
            raise unprocessable("PAYEE_ACCOUNT_INVALID", where)
        if not known[0].receivable:
            raise unprocessable("PAYEE_ACCOUNT_RESTRICTED", where)

    def complete(self, vendor: Vendor, *, receivable: bool = True, email_confirmed: bool = True) -> None:
        """The vendor signs up and lets the platform act for it."""
        if vendor.merchant_id is not None:
            raise NotPossible("The vendor has signed up.")
        vendor.merchant_id = ids.merchant_id()
        vendor.receivable, vendor.email_confirmed = receivable, email_confirmed
        self.store.changed(vendor)
        self._tell("MERCHANT.ONBOARDING.COMPLETED", vendor)

    def judge(self, vendor: Vendor, standing: Standing) -> None:
        """Let a vendor receive money, stop it, or have it take its consent back."""
        if not vendor.onboarded:
            raise NotPossible("The vendor has not signed up.")
        vendor.revoked = standing == "revoked"
        vendor.receivable = standing == "active"
        vendor.email_confirmed = vendor.email_confirmed or standing == "active"
        self.store.changed(vendor)
        event = "MERCHANT.PARTNER-CONSENT.REVOKED" if vendor.revoked else _CAPABILITY
        self._tell(event, vendor)

    def _tell(self, event: str, vendor: Vendor) -> None:
        account = self._state.accounts.get(vendor.account)
        if account is not None:
            kind = "partner-consent" if event.endswith("REVOKED") else "merchant-onboarding"
            resource = shapes.event(vendor, account)
            self._webhooks.emit(Event(event, vendor.account, vendor.base, vendor.id, kind, resource))

    def _record(self, kind: str, vendor: Vendor, object_id: str) -> None:
        self._world.ledger.record(
            provider=NAME,
            account=vendor.account,
            kind=kind,
            reference=vendor.reference,
            object_id=object_id,
            amount=0,
            currency="",
            at=self._world.clocks.of(vendor.account).now(),
        )


_CAPABILITY: Final = "CUSTOMER.MERCHANT-INTEGRATION.CAPABILITY-UPDATED"
