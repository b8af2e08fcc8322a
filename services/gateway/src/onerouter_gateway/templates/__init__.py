"""Templates of messages on `/v1`: forwarded to the messaging service."""
