"""Mailgun: messages sent by multipart form, found again by their Message-Id in the events.

Facts: `manifest.toml`. Wire: `client.py`, `wire.py`, `form.py`. Words: `mapping.py`, `errors.py`. Callbacks: `webhook.py`.
"""

from onerouter_providers.email.mailgun.client import create_client

__all__ = ["create_client"]
