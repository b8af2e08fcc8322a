"""What tenants read: payments, refunds and operations, each tenant its own."""
