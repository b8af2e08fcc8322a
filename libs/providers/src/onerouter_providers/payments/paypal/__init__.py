"""PayPal: orders that the payer approves on PayPal's page and we then capture, authorizations, refunds; subscriptions,
invoices as payment links, the vault, vendors and payouts.

Facts: `manifest.toml`. Wire: `wire.py`, `token.py`. Calls: `client.py` is made of one module a kind. Words: `mapping.py`,
`requests.py`, `billing.py`, `invoices.py`, `errors.py`. Callbacks: `webhook.py`, `events.py`.
"""

from onerouter_providers.payments.paypal.client import create_client

__all__ = ["create_client"]
