"""Twilio: SMS through its Messages API.

Facts: `manifest.toml`. Wire: `client.py`, `wire.py`, `finding.py`. Words: `mapping.py`, `errors.py`. Callbacks: `webhook.py`.
"""

from onerouter_providers.sms.twilio.client import create_client

__all__ = ["create_client"]
