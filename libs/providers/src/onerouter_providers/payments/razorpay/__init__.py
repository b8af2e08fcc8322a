"""Razorpay: orders that are paid in Checkout, captures, refunds.

Facts: `manifest.toml`. Wire: `client.py`. Words: `mapping.py`, `errors.py`. Callbacks: `webhook.py`.
"""

from onerouter_providers.payments.razorpay.client import create_client

__all__ = ["create_client"]
