"""Who changed what: an append-only log per tenant, each entry chained to the one before."""
