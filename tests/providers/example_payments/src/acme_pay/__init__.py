"""Acme Pay: payments, refunds and payment links. Facts: `manifest.toml`. Wire: `wire.py`. Callbacks: `webhook.py`."""

from .client import create_client

__all__ = ["create_client"]
