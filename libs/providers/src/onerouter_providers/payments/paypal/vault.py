"""PayPal's vault: methods that payers have entrusted to PayPal for this merchant."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import Conflict, ProviderRefusedUs
from onerouter_providers.payments.paypal.part import Part
from onerouter_providers.payments.paypal.reading import Thing, known, text_of
from onerouter_providers.payments.paypal.wire import segment, strange
from onerouter_providers.resources import PaymentMethodRequest, ResourceReference, ResourceSnapshot

_TOKENS: Final = "/v3/vault/payment-tokens"
_SETUPS: Final = "/v3/vault/setup-tokens"
_WALLETS: Final = ("paypal", "venmo")


class PaymentMethods(Part):
    """`KeepsPaymentMethods`: a payment token as it is, or one made of a setup token that the payer approved."""

    async def attach_payment_method(self, request: PaymentMethodRequest, *, key: str) -> ResourceSnapshot:
        """A setup token becomes a payment token, whose id is another. PayPal knows the key for three hours."""
        capability, deadline = "payment_method.create", self._wire.deadline()
        theirs = segment(request.provider_method_id, "method")
        try:
            return token_snapshot(await self._wire.get(capability, f"{_TOKENS}/{theirs}", deadline))
        except ProviderRefusedUs as refused:
            if refused.reason != "not_found":
                raise
        setup = await self._wire.get(capability, f"{_SETUPS}/{theirs}", deadline)
        if setup.get("status") not in ("APPROVED", "VAULTED"):
            raise Conflict("The payer has not approved this method at PayPal yet.")
        body = {"payment_source": {"token": {"id": request.provider_method_id, "type": "SETUP_TOKEN"}}}
        token = await self._wire.post(capability, _TOKENS, body, deadline, key=key)
        if not token.get("id"):
            raise strange(capability, "a payment token without an id")
        return token_snapshot(token)

    async def get_payment_method(self, reference: ResourceReference) -> ResourceSnapshot:
        path = f"{_TOKENS}/{segment(reference.provider_id, 'method')}"
        try:
            return token_snapshot(await self._wire.get("payment_method.get", path, self._wire.deadline()))
        except ProviderRefusedUs as refused:
            # PayPal forgets what was removed. Of what was never kept we know nothing.
            if refused.reason != "not_found" or not reference.facts:
                raise
            return ResourceSnapshot(status="removed", provider_id=reference.provider_id)

    async def detach_payment_method(self, reference: ResourceReference, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        path = f"{_TOKENS}/{segment(reference.provider_id, 'method')}"
        try:
            await self._wire.delete("payment_method.delete", path, self._wire.deadline())
        except ProviderRefusedUs as refused:
            if refused.reason != "not_found":
                raise
        return ResourceSnapshot(status="removed", provider_id=reference.provider_id)


def token_snapshot(token: Thing) -> ResourceSnapshot:
    """A payment token, with what tells the instrument; no number, no address. Pure."""
    sources = token.get("payment_source")
    source: Mapping[str, Any] = sources if isinstance(sources, dict) else {}
    kind = next((name for name, one in source.items() if isinstance(one, dict)), None)
    year, _, month = (text_of(source, "card", "expiry") or "").partition("-")
    is_card = kind == "card"
    return ResourceSnapshot(
        status="active",
        provider_id=text_of(token, "id") or "",
        facts=known(
            type="wallet" if kind in _WALLETS else kind,
            wallet=kind if kind in _WALLETS else None,
            brand=text_of(source, "card", "brand"),
            last4=text_of(source, "card", "last_digits"),
            exp_month=int(month) if is_card and month.isdigit() else None,
            exp_year=int(year) if is_card and year.isdigit() else None,
            email=text_of(source, kind, "email_address") if kind in _WALLETS else None,
            provider_customer_id=text_of(token, "customer", "id"),
            is_reusable=True,
        ),
    )
