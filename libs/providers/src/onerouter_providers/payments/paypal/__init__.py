"""PayPal: orders that the payer approves on PayPal's page and we then capture, authorizations, refunds.

Facts: `manifest.toml`. Wire: `client.py`, `token.py`. Words: `mapping.py`, `errors.py`. Callbacks: `webhook.py`.
"""

from onerouter_providers.payments.paypal.client import create_client

__all__ = ["create_client"]
