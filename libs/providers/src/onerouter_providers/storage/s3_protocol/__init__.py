"""S3's protocol, as far as storage needs it: one client, and a profile for each provider that speaks it.

Facts: each provider's `manifest.toml`, `profile.py`. Wire: `wire.py` on `onerouter_providers.aws`. Words: `errors.py`.
"""
