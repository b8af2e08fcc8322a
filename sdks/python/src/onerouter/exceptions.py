"""The exceptions under their address of version 2; `from onerouter import …` has all of them."""

from onerouter._errors import APIError, AuthenticationError, OneRouterError, RateLimitError, ValidationError

__all__ = ["APIError", "AuthenticationError", "OneRouterError", "RateLimitError", "ValidationError"]
