"""Saying yes to a provider that wants to call us, for the webhooks service, which has no API credentials."""
