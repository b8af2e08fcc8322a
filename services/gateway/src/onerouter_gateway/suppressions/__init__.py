"""Addresses that are not written to: forwarded to the messaging service."""
