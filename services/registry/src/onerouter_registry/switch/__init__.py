"""Switches: an operator takes a provider, or a whole category, away from every tenant at once, and gives it back."""
