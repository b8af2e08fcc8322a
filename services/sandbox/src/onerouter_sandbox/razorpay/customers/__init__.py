"""Customers, and the payment methods kept for them (tokens)."""
