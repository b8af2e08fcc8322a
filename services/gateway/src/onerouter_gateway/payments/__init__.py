"""Payments on `/v1`."""
