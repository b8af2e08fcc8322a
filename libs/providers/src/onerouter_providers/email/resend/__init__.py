"""Resend: send, schedule, cancel, read and find emails.

Facts: `manifest.toml`. Wire: `wire.py`, `client.py`, `finding.py`. Words: `mapping.py`, `errors.py`. Callbacks: `webhook.py`.
"""

from onerouter_providers.email.resend.client import create_client

__all__ = ["create_client"]
