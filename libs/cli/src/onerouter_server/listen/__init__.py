"""`onerouter listen`: a tenant's events on the machine it is programmed on, as they come."""
