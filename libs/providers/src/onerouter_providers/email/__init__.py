"""Email: one folder a provider."""
