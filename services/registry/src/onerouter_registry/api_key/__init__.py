"""API keys: made, shown once, revoked, looked up by their hash."""
