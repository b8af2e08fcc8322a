"""Deliveries on `/v1`, kept by the webhooks service."""
