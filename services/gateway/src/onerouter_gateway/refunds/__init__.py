"""Refunds on `/v1`."""
