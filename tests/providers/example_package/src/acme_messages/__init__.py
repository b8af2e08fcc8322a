"""Acme: text messages. Facts: `manifest.toml`. Wire: `client.py`."""

from .client import create_client

__all__ = ["create_client"]
