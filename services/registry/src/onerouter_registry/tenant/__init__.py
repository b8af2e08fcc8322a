"""Tenants: who our customers are."""
