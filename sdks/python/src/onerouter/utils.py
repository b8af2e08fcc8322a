"""The synchronous client under its address of version 2; `from onerouter import OneRouterSync` is the usual one."""

from onerouter._sync._client import OneRouterSync

__all__ = ["OneRouterSync"]
