"""SMS on `/v1`."""
