"""Stripe: PaymentIntents, hosted Checkout Sessions, captures, cancellations, refunds.

Facts: `manifest.toml`. Wire: `client.py`, `form.py`. Words: `mapping.py`, `amounts.py`, `errors.py`. Callbacks: `webhook.py`.
"""

from onerouter_providers.payments.stripe.client import create_client

__all__ = ["create_client"]
