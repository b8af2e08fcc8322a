"""Amazon SES, API v2: sending, and the events that a configuration set publishes to an SNS topic.

Facts: `manifest.toml`. Wire: `client.py`, `message.py`. Words: `mapping.py`, `errors.py`. Callbacks: `webhook.py`.
"""

from onerouter_providers.email.ses.client import create_client

__all__ = ["create_client"]
