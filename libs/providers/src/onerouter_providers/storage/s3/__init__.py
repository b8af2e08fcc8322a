"""Amazon S3. Facts: `manifest.toml`. All else is S3's protocol: `storage/s3_protocol`."""

from onerouter_providers.storage.s3.client import create_client

__all__ = ["create_client"]
