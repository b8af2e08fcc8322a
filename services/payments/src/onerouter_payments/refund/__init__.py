"""Refunds: rows of their own, kept with the payment they return."""
