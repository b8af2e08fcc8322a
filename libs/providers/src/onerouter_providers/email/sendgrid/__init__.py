"""SendGrid: send, schedule, cancel, read and find emails.

Facts: `manifest.toml`. Wire: `wire.py`, `client.py`, `logs.py`. Words: `mapping.py`, `states.py`, `errors.py`. Callbacks:
`webhook.py`, which come in batches.
"""

from onerouter_providers.email.sendgrid.client import create_client

__all__ = ["create_client"]
