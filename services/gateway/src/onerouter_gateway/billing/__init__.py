"""Plans, subscriptions and customers on `/v1`."""
