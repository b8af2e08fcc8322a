"""Vendors and split payments on `/v1/marketplace`."""
