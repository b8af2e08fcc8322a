"""From a callback about a dispute to the dispute of a payment. Pure."""

from datetime import UTC, datetime
from typing import Final

from onerouter_common.contracts.callbacks import Callback
from onerouter_common.ids import DISPUTE, derive_id
from onerouter_common.money import is_currency
from onerouter_payments.dispute.kind import DISPUTE_KIND
from onerouter_payments.resource.state import Resource
from onerouter_providers.resources import ResourceSnapshot

# Not a secret: it only makes the same dispute at the provider the same one here.
_AT_PROVIDER: Final = b"onerouter.dispute-at-provider"
_NOT_TOLD: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Of when the status is while nobody has said one: any word is later."""


def unheard(callback: Callback, payment_id: str, provider_dispute_id: str) -> Resource:
    """The dispute that a callback speaks of, before it was heard of: under review, until somebody says more."""
    return Resource(
        id=derive_id(DISPUTE, _AT_PROVIDER, callback.connection_id, payment_id, provider_dispute_id),
        kind=DISPUTE_KIND,
        tenant_id=callback.tenant_id,
        environment=callback.environment,
        connection_id=callback.connection_id,
        provider=callback.provider,
        data={},
        created_at=callback.occurred_at,
        updated_at=callback.occurred_at,
        status="under_review",
        status_as_of=_NOT_TOLD,
        provider_id=provider_dispute_id,
        parent_id=payment_id,
    )


def snapshot_of(callback: Callback, currency: str) -> ResourceSnapshot:
    """What the callback says. `currency`: the payment's, where the dispute's amount does not say."""
    told = callback.object
    facts = dict(told.facts)
    in_currency = told.currency or currency
    if told.amount_minor is not None and is_currency(in_currency):
        facts["amount"] = {"amount_minor": told.amount_minor, "currency": in_currency}
    return ResourceSnapshot(told.status, told.provider_id or "", as_of=callback.occurred_at, facts=facts)
