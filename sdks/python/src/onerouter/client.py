"""The asynchronous client under its address of version 2; `from onerouter import OneRouter` is the usual one."""

from onerouter._client import OneRouter

__all__ = ["OneRouter"]
