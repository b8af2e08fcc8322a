"""Amazon SNS: SMS to phone numbers.

Facts: `manifest.toml`. Wire: `client.py` on `onerouter_providers.aws`. Words: `errors.py`. It tells nothing afterwards, so
there is no mapping of messages and no callback.
"""

from onerouter_providers.sms.sns.client import create_client

__all__ = ["create_client"]
