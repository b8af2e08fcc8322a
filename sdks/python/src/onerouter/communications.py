"""The client for messages of version 2, which is the client for everything now."""

from onerouter._client import OneRouter

OneRouterClient = OneRouter

__all__ = ["OneRouter", "OneRouterClient"]
