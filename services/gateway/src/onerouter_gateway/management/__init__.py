"""`/api`: the management API, which is the registry's. Here it is limited and forwarded."""
