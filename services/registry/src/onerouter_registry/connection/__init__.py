"""Connections: a tenant's sealed credentials at a provider, and the route that orders them."""
