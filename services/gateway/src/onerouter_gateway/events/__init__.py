"""A tenant's events on `/v1`: polled, streamed, looked into, and sent again; kept by the webhooks service."""
