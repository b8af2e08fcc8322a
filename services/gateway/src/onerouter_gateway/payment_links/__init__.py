"""Payment links on `/v1`."""
