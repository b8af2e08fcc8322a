"""Razorpay: orders paid in Checkout, captures, refunds; plans, subscriptions, links, customers, saved methods, Route.

Facts: `manifest.toml`. The client: `client.py`, of a part for each kind, on `wire.py`. Words: `mapping.py` (payments),
`recurring.py`, `onboarding.py`, `checkout.py`, `errors.py`, read with `fields.py`. Callbacks: `webhook.py`, `events.py`.
"""

from onerouter_providers.payments.razorpay.client import create_client

__all__ = ["create_client"]
