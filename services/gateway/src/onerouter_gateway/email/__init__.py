"""Email on `/v1`."""
