"""Asking providers whether a callback is theirs, for the webhooks service, which has no API credentials."""
