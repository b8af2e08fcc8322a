"""Saved payment methods on `/v1`."""
