"""Routing policies: what a tenant decides about which connection an operation takes."""
